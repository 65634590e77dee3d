"""What is done about the journal by itself, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from storage.conftest import NOW

from school_protocol.auth.repository import Account
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.mail import Letter, Post, Unreachable
from school_protocol.ops import journal_checks
from school_protocol.ops.journal_checks import check_on, keep_on, keep_verdict, verify
from school_protocol.storage import anchors, chain_checks, journal
from school_protocol.storage.anchors import AnchorUnwritable
from school_protocol.storage.journal import Flaw
from school_protocol.storage.models import JournalCheckRow
from services.journaling import Kept, again, client, copied, entry, opened, told


@dataclass
class Mailbox:
    """Takes letters, unless it is down."""

    letters: list[tuple[str, Letter]] = field(default_factory=list)
    is_down: bool = False

    def carry(self, to: str, letter: Letter) -> None:
        if self.is_down:
            raise Unreachable("down")
        self.letters.append((to, letter))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    found = told(tmp_path / "data")
    yield found
    found.close()


@pytest.fixture
def mailbox(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    """With one who administers the installation."""
    with kept.ctx.directory.reading() as session:
        from school_protocol.auth import repository as auth_repository

        person = auth_repository.account(session, kept.person)
    assert person is not None
    monkeypatch.setattr(journal_checks, "_administrators", lambda _ctx: (person,))
    return Mailbox()


def latest(kept: Kept) -> JournalCheckRow | None:
    with kept.ctx.realm.reading() as session:
        return chain_checks.latest_check(session)


def broken(kept: Kept) -> None:
    """Somebody changes an event behind the program's back."""
    with client(kept.ctx.settings.data / "realm.sqlite", guarded=False) as connection:
        connection.execute("UPDATE event SET actor = 'other' WHERE case_id = ? AND seq = 2", (kept.case("a"),))


# ---- when it is time -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_accesses_are_closed_each_hour_and_an_anchor_taken_each_day(tmp_path: Path) -> None:
    kept = opened(tmp_path / "data")
    first = keep_on(kept.ctx, Post())
    assert (first.closed, first.anchor.number if first.anchor else None) == (0, 1)
    from services.journaling import new_case

    new_case(kept, "a")
    kept.read("a")
    done = []
    for _ring in range(6 * 24):
        kept.clock.advance(timedelta(minutes=10))
        kept.read("a")
        did = keep_on(kept.ctx, Post())
        done.append((did.closed, did.anchor))
    closings = [closed for closed, _anchor in done if closed]
    assert 23 <= len(closings) <= 25
    assert sum(closings) >= 6 * 23
    assert [anchor.number for _closed, anchor in done if anchor] == [2]
    assert verify(kept.ctx).holds
    kept.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("jump", [timedelta(days=900), timedelta(days=-900)])
def test_a_clock_that_jumps_stops_neither(kept: Kept, jump: timedelta) -> None:
    kept.clock.advance(jump)
    kept.read("a")
    did = keep_on(kept.ctx, Post())
    assert did.closed == 1
    assert did.anchor is not None
    kept.clock.advance(-jump)
    kept.read("a")
    did = keep_on(kept.ctx, Post())
    assert (did.closed, did.anchor is not None) == (1, True)
    assert verify(kept.ctx).holds


@pytest.mark.exhaustive
def test_the_check_is_made_once_a_night_and_made_up_for_by_day(kept: Kept) -> None:
    assert check_on(kept.ctx, Post()) is not None, "never checked yet"
    made = []
    for _ring in range(2 * 6 * 24):
        kept.clock.advance(timedelta(minutes=10))
        if check_on(kept.ctx, Post()) is not None:
            made.append(kept.clock.now())
    assert [moment.hour for moment in made] == [1, 1], "two in the morning in Morocco, by UTC"
    kept.clock.advance(timedelta(days=3, hours=9))
    assert check_on(kept.ctx, Post()) is not None
    assert check_on(kept.ctx, Post()) is None


# ---- who is told -----------------------------------------------------------------------------------------------------


@pytest.mark.files
def test_who_administers_is_told_once_and_of_nothing(kept: Kept, mailbox: Mailbox) -> None:
    broken(kept)
    kept.day_passes()
    assert check_on(kept.ctx, Post(mail=mailbox)) is not None
    ((to, letter),) = mailbox.letters
    assert to == "s@x.example"
    for secret in (kept.case("a"), "1234", "case", "événement", "other"):
        assert secret not in letter.text + letter.subject
    check_on(kept.ctx, Post(mail=mailbox))
    assert len(mailbox.letters) == 1
    found = latest(kept)
    assert found is not None
    assert (found.passed, found.told_at is not None) == (False, True)
    assert found.first_fault == f"case {kept.case('a')} 2 altered"


@pytest.mark.files
def test_whoever_could_not_be_told_is_told_later(kept: Kept, mailbox: Mailbox) -> None:
    broken(kept)
    mailbox.is_down = True
    check_on(kept.ctx, Post(mail=mailbox))
    assert mailbox.letters == []
    mailbox.is_down = False
    check_on(kept.ctx, Post(mail=mailbox))
    assert len(mailbox.letters) == 1


@pytest.mark.exhaustive
def test_nobody_is_told_of_a_check_that_passed(kept: Kept, mailbox: Mailbox) -> None:
    check_on(kept.ctx, Post(mail=mailbox))
    assert mailbox.letters == []


@pytest.mark.exhaustive
def test_the_head_of_each_anchor_is_mailed_and_nothing_else(kept: Kept) -> None:
    mailbox = Mailbox()
    settings = replace(kept.ctx.settings, anchor_mail="academy@x.example")
    anchor = journal_checks.take_anchor(replace(kept.ctx, settings=settings), Post(mail=mailbox))
    ((to, letter),) = mailbox.letters
    assert to == "academy@x.example"
    assert anchor.digest in letter.text
    assert str(anchor.number) in letter.subject
    mailbox.is_down = True
    assert (
        journal_checks.take_anchor(replace(kept.ctx, settings=settings), Post(mail=mailbox)).number == anchor.number + 1
    )


def test_administrators_are_found_by_what_their_role_does(school: object, moroccan: object) -> None:
    ctx = school.ctx  # type: ignore[attr-defined]
    person = school.person("technical_admin")  # type: ignore[attr-defined]
    found: tuple[Account, ...] = journal_checks._administrators(ctx)
    assert [one.id for one in found] == [person.id]


# ---- what is asked ---------------------------------------------------------------------------------------------------


def number_of(kept: Kept, name: str) -> str:
    from school_protocol.cases import repository as cases_repository

    with kept.ctx.realm.reading() as session:
        return cases_repository.opened(session, kept.case(name)).number


def head_of(kept: Kept, name: str) -> str:
    with kept.ctx.realm.reading() as session:
        found = journal.head(session, kept.case(name))
    assert found is not None
    return found.hash


def test_a_printed_head_is_found_again(kept: Kept) -> None:
    number, head = number_of(kept, "a"), head_of(kept, "a")
    kept.append("a", entry("CaseSeen"), entry())
    found = journal_checks.look_up_head(kept.ctx, number, head[:16])
    assert (found.seq, found.holds, found.later, found.is_content, found.at) == (6, True, 2, True, NOW)
    spaced = " ".join(head[place : place + 4] for place in range(0, 64, 4)).upper()
    assert journal_checks.look_up_head(kept.ctx, f"{number[:4]} {number[4:]}", spaced).seq == 6
    assert journal_checks.look_up_head(kept.ctx, number_of(kept, "gone"), head_of(kept, "gone")).holds, (
        "erased, not altered"
    )


def test_a_head_that_was_never_one_of_this_case_is_said_so(kept: Kept) -> None:
    other = journal_checks.look_up_head(kept.ctx, number_of(kept, "a"), head_of(kept, "b"))
    assert (other.seq, other.holds) == (None, False)


@pytest.mark.files
def test_a_head_over_what_was_changed_does_not_hold(kept: Kept) -> None:
    number, head = number_of(kept, "a"), head_of(kept, "a")
    broken(kept)
    found = journal_checks.look_up_head(kept.ctx, number, head)
    assert (found.seq, found.holds) == (6, False)


@pytest.mark.exhaustive(
    but=(
        "",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    )
)
@pytest.mark.parametrize("head", ["", "abc", "xyz" * 10, "a" * 65, "' OR 1=1 --", "٣" * 16])
def test_what_is_no_head_is_refused(kept: Kept, head: str) -> None:
    with pytest.raises(BadInput):
        journal_checks.look_up_head(kept.ctx, number_of(kept, "a"), head)
    with pytest.raises(Unseen):
        journal_checks.look_up_head(kept.ctx, "0000 0000 0000 0", "ab" * 16)


@pytest.mark.exhaustive
@pytest.mark.files
def test_an_operator_sees_how_the_journal_stands(kept: Kept, tmp_path: Path) -> None:
    standing = journal_checks.see_standing(kept.ctx)
    assert (standing.latest, standing.open_accesses, standing.is_beside) == (None, 0, True)
    assert standing.anchor is not None
    assert standing.anchor[0] == 3
    keep_verdict(kept.ctx, verify(kept.ctx))
    broken(kept)
    kept.day_passes()
    kept.read("a")
    keep_verdict(kept.ctx, verify(kept.ctx))
    standing = journal_checks.see_standing(kept.ctx)
    assert standing.latest is not None
    assert standing.passed is not None
    assert (standing.latest.faults, standing.passed.faults, standing.open_accesses) == (1, 0, 1)


# ---- a second place of anchors ---------------------------------------------------------------------------------------


def test_data_and_anchors_set_back_together_are_told_by_the_second_place_of_anchors(kept: Kept, tmp_path: Path) -> None:
    second = tmp_path / "second"
    ctx = replace(kept.ctx, settings=replace(kept.ctx.settings, anchors_copy=second))
    first = journal_checks.take_anchor(ctx, Post()).number
    assert sorted(anchors.numbers(second)) == list(range(1, first + 1)), "those of before come along"
    assert verify(ctx).breaks == []
    copied(kept, tmp_path / "older")
    kept.day_passes()
    kept.append("a", entry())
    last = journal_checks.take_anchor(ctx, Post()).number
    back = again(kept, tmp_path / "older")
    assert verify(back).breaks == [], "the control: by itself it holds"
    told_by = replace(back, settings=replace(back.settings, anchors_copy=second))
    assert [(one.seq, one.flaw) for one in verify(told_by).breaks] == [(last, Flaw.missing)]
    journal_checks.take_anchor(back, Post())
    assert [(one.seq, one.flaw) for one in verify(told_by).breaks] == [(last, Flaw.rewritten)]
    back.close()


def test_a_second_place_that_cannot_be_written_is_told(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "second").write_text("no folder")
    ctx = replace(kept.ctx, settings=replace(kept.ctx.settings, anchors_copy=tmp_path / "second"))
    with pytest.raises(AnchorUnwritable, match="second"):
        journal_checks.take_anchor(ctx, Post())
    assert journal_checks.see_standing(ctx).lacking == len(list(anchors.numbers(ctx.settings.anchors_folder)))
