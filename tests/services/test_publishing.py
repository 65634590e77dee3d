"""Publishing: a file is uploaded, proven, proposed, agreed to by a second person; nothing is half published."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from engine.telling import MOROCCAN, SMALL

from school_protocol.cases import story_player
from school_protocol.engine.errors import Unseen
from school_protocol.proof.state_space import Proof, Verdict
from school_protocol.protocol.reader import read
from school_protocol.publishing import draft_process
from school_protocol.publishing import service as publishing_service
from school_protocol.publishing.service import PublishRefused
from school_protocol.storage import administration_log
from services.administering import HOLDS, Desk, desk_of, failing

FIRST = SMALL.read_bytes().replace(b"  principal: {", b"  principal: {publishes: true, ", 1)
"""The definition that is not Moroccan, with a role that publishes."""


def next_version(content: bytes = FIRST, *changes: tuple[str, str], version: int = 2) -> bytes:
    text = content.decode()
    for old, new in (("version: 1\n", f"version: {version}\n"), *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.encode()


SECOND = next_version()
OTHER = next_version(FIRST, ("working: true", "working: false"))


@pytest.fixture
def desk() -> Iterator[Desk]:
    with desk_of(FIRST) as made:
        yield made


def refused(call: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(PublishRefused) as caught:
        call()
    return caught.value.obstacles


def not_proposed(desk: Desk, draft: str, who: str = "first") -> tuple[str, ...]:
    """Why this administrator can't propose it."""
    return refused(lambda: publishing_service.propose(desk.ctx, desk.administrator(who), draft))


# ---- the way of a version ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_version_is_published_by_two_people_and_holds_from_then_on(desk: Desk) -> None:
    draft = desk.proposed(SECOND)
    assert desk.published() == [(1, True)]
    assert desk.agree(draft, SECOND) == ("lost-things", 2)
    assert desk.published() == [(1, False), (2, True)]
    assert desk.ctx.library.current()[0].version == 2


def test_what_comes_out_is_what_went_in_byte_for_byte(desk: Desk) -> None:
    content = b"\xef\xbb\xbf# a comment\r\n" + SECOND.replace(b"\n", b"\r\n")
    draft = desk.proposed(content)
    desk.agree(draft, content)
    first = desk.administrator()
    assert publishing_service.export(desk.ctx, first, "lost-things", 2).data == content
    assert publishing_service.export_draft(desk.ctx, first, draft).data == content
    assert publishing_service.export(desk.ctx, first, "lost-things", 1).data == FIRST


@pytest.mark.exhaustive
def test_everything_done_to_a_draft_is_written_down(desk: Desk) -> None:
    draft = desk.proposed(SECOND)
    desk.agree(draft, SECOND)
    with desk.ctx.directory.reading() as session:
        done = administration_log.of_draft(session, draft)
    assert [line.kind.value for line in done] == ["draft_uploaded", "draft_proposed", "version_published"]
    assert done[0].actor == done[1].actor == desk.administrator("first").id
    assert done[2].actor == desk.administrator("second").id


@pytest.mark.exhaustive
def test_the_same_file_twice_is_one_draft(desk: Desk) -> None:
    assert desk.upload(SECOND) == desk.upload(SECOND, name="copy.yaml")
    assert desk.upload(SECOND, "second") != desk.upload(SECOND)


# ---- who may -------------------------------------------------------------------------------------------------------


def test_only_a_role_that_publishes_may_be_here(desk: Desk) -> None:
    stranger = desk.person("warden", "warden")
    draft = desk.ready(SECOND)
    calls = (
        lambda: publishing_service.see_protocols(desk.ctx, stranger),
        lambda: publishing_service.upload(desk.ctx, stranger, SECOND, "x.yaml"),
        lambda: publishing_service.see_draft(desk.ctx, stranger, draft),
        lambda: publishing_service.propose(desk.ctx, stranger, draft),
        lambda: publishing_service.agree(desk.ctx, stranger, draft, ""),
        lambda: publishing_service.withdraw(desk.ctx, stranger, draft),
        lambda: publishing_service.look_again(desk.ctx, stranger, draft),
        lambda: publishing_service.export(desk.ctx, stranger, "lost-things", 1),
        lambda: publishing_service.export_draft(desk.ctx, stranger, draft),
    )
    for call in calls:
        with pytest.raises(Unseen):
            call()
    publishing_service.see_draft(desk.ctx, desk.administrator(), draft)


def test_nobody_agrees_to_what_they_brought_themselves(desk: Desk) -> None:
    draft = desk.proposed(SECOND)
    assert refused(lambda: desk.agree(draft, SECOND, "first")) == ("own",)
    assert not_proposed(desk, desk.ready(OTHER), "second") == ("not_yours",)
    assert desk.published() == [(1, True)]


@pytest.mark.exhaustive
def test_agreeing_is_to_the_bytes_that_were_shown(desk: Desk) -> None:
    draft = desk.proposed(SECOND)
    second = desk.administrator("second")
    for digest in ("", "0" * 64, read(FIRST, "x").digest):
        found = refused(lambda said=digest: publishing_service.agree(desk.ctx, second, draft, said))
        assert found == ("other_bytes",)
    assert desk.published() == [(1, True)]


# ---- what stands against it ----------------------------------------------------------------------------------------


def test_a_draft_with_faults_is_kept_with_all_of_them_and_goes_no_further(desk: Desk) -> None:
    draft = desk.upload(next_version(FIRST, ("working: true", "working: perhaps"), ("code: OBJ-1", "cod: OBJ-1")))
    view = publishing_service.see_draft(desk.ctx, desk.administrator(), draft)
    assert [fault.message for fault, _text in view.looked.faults] == [
        'unknown key "cod"; did you mean "code"?', 'working: "perhaps" is neither true nor false',
    ]  # fmt: skip
    assert [text for _fault, text in view.looked.faults] == ["cod: OBJ-1", "working: perhaps"]
    assert desk.work_out() == 0
    assert not_proposed(desk, draft) == ("faults",)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("content", "obstacle"), [
    (FIRST, "same"),
    (FIRST.replace(b"working: true", b"working: false"), "version_taken"),
    (next_version(FIRST, ("publishes: true, ", "")), "nobody_left"),
    (next_version(FIRST, ("max: 48, lock: law", "max: 96, lock: law")), "loosened"),
])  # fmt: skip
def test_what_stands_against_a_file_is_said(desk: Desk, content: bytes, obstacle: str) -> None:
    draft = desk.ready(content)
    assert not_proposed(desk, draft) == (obstacle,)
    looked = publishing_service.see_draft(desk.ctx, desk.administrator(), draft).looked
    places = ["deadlines.letter_due.max"] if obstacle == "loosened" else []
    assert [change.place for change in looked.loosened] == places


@pytest.mark.exhaustive
@pytest.mark.parametrize("verdict", [Verdict.failed, Verdict.not_proven, None])
def test_what_is_not_proven_is_neither_proposed_nor_published(desk: Desk, verdict: Verdict | None) -> None:
    draft = desk.upload(SECOND)
    assert not_proposed(desk, draft) == ("worked_out",)
    if verdict is None:
        publishing_service.work_out(desk.ctx, lambda _content, _before: dict(draft_process.UNFINISHED))
    else:
        desk.proof = failing(read(SECOND, "x"), verdict)
        desk.work_out()
    assert not_proposed(desk, draft) == ("unproven" if verdict else "unfinished",)
    assert refused(lambda: desk.agree(draft, SECOND)) == ("not_proposed",)


def test_a_proof_is_worked_out_once_and_kept(desk: Desk) -> None:
    draft = desk.upload(SECOND)
    assert desk.work_out() == 1
    assert desk.work_out() == 0
    assert desk.examined == [SECOND]
    looked = publishing_service.see_draft(desk.ctx, desk.administrator(), draft).looked
    assert looked.proof == HOLDS
    publishing_service.look_again(desk.ctx, desk.administrator(), draft)
    assert desk.work_out() == 1


def test_two_workers_work_a_draft_out_once(desk: Desk) -> None:
    desk.upload(SECOND)

    def both(content: bytes, before: bytes | None) -> draft_process.Report:
        assert publishing_service.work_out(desk.ctx, desk.examine) == 0, "another worker is at it"
        return desk.examine(content, before)

    assert publishing_service.work_out(desk.ctx, both) == 1
    assert len(desk.examined) == 1


def test_a_worker_that_died_is_made_up_for(desk: Desk) -> None:
    desk.upload(SECOND)

    def dies(_content: bytes, _before: bytes | None) -> draft_process.Report:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publishing_service.work_out(desk.ctx, dies)
    assert desk.work_out() == 0, "not before its lease is over"
    desk.player.clock.advance(publishing_service.LEASE + timedelta(seconds=1))
    assert desk.work_out() == 1


# ---- two at once ---------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_of_two_that_publish_at_once_one_is_told(desk: Desk) -> None:
    outcomes = desk.agreed_at_once(SECOND, OTHER)
    assert outcomes == ["published", "version_taken,moved_on"] or outcomes == ["moved_on", "published"]
    assert [is_current for _version, is_current in desk.published()] == [False, True]


@pytest.mark.exhaustive
def test_a_draft_looked_at_before_another_was_published_is_looked_at_again(desk: Desk) -> None:
    later = next_version(FIRST, ("working: true", "working: false"), version=3)
    slow = desk.proposed(later)
    draft = desk.proposed(SECOND)
    desk.agree(draft, SECOND)
    assert refused(lambda: desk.agree(draft, SECOND, "third")) == ("settled",), "of two who agree one is told"
    assert refused(lambda: desk.agree(slow, later)) == ("moved_on",)
    publishing_service.look_again(desk.ctx, desk.administrator("second"), slow)
    desk.work_out()
    publishing_service.propose(desk.ctx, desk.administrator(), slow)
    assert desk.agree(slow, later) == ("lost-things", 3)


@pytest.mark.exhaustive
def test_nothing_half_published(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks between the two rows, neither is there."""
    draft = desk.proposed(SECOND)

    def breaks(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(administration_log, "write_entry", breaks)
    with pytest.raises(RuntimeError):
        desk.agree(draft, SECOND)
    monkeypatch.undo()
    assert desk.published() == [(1, True)]
    assert publishing_service.see_draft(desk.ctx, desk.administrator(), draft).draft.state.value == "proposed"
    desk.agree(draft, SECOND)


def test_what_is_withdrawn_stays_so(desk: Desk) -> None:
    draft = desk.proposed(SECOND)
    publishing_service.withdraw(desk.ctx, desk.administrator("second"), draft)
    for again in (
        lambda: desk.agree(draft, SECOND),
        lambda: publishing_service.propose(desk.ctx, desk.administrator(), draft),
        lambda: publishing_service.withdraw(desk.ctx, desk.administrator(), draft),
        lambda: publishing_service.look_again(desk.ctx, desk.administrator(), draft),
    ):
        assert refused(again) == ("settled",)


# ---- the stored cases ----------------------------------------------------------------------------------------------


def held(_protocol: object) -> Proof:
    return HOLDS


def told(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Only these of the stored cases are played."""
    every = story_player.stories_of
    monkeypatch.setattr(draft_process, "stories_of", lambda key: (one for one in every(key) if one[0] in names))


def changed(*changes: tuple[str, str]) -> bytes:
    return next_version(MOROCCAN.read_bytes(), *changes)


QUALIFIED = "needs: [checked, nothing_raised], meets: qualification"
MORE = "needs: [checked, visa_head, nothing_raised], meets: qualification"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("changes", "step", "expected"),
    [
        ((), 0, {}),
        (((QUALIFIED, MORE),), 3, {"how": "refused", "needs": ["visa_head"]}),
        ((("code: D04, value: 1", "code: D04, value: 2"),), 1, {"how": "due", "due": "qualification"}),
        ((("{code: membre_er,", "{code: membre_autre,"),), 1, {"how": "broken", "why": "nobody is called 'membre_er'"}),
    ],
)  # fmt: skip
def test_a_stored_case_says_where_it_goes_otherwise(
    changes: tuple[tuple[str, str], ...], step: int, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, "joining")
    [line] = draft_process.examined(changed(*changes), MOROCCAN.read_bytes(), held)["stories"]
    assert line.get("step", 0) == step
    assert {key: line[key] for key in expected} == expected


@pytest.mark.exhaustive
def test_without_a_version_before_the_story_itself_says_how_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, "joining")
    for content, how in ((MOROCCAN.read_bytes(), None), (changed((QUALIFIED, MORE)), "refused")):
        [line] = draft_process.examined(content, None, held)["stories"]
        assert line.get("how") == how


# ---- apart -----------------------------------------------------------------------------------------------------------


def test_a_proof_is_kept_as_plain_values() -> None:
    for proof in (HOLDS, failing(read(FIRST, "x")), failing(read(FIRST, "x"), Verdict.not_proven)):
        assert draft_process.proof_in(json.loads(json.dumps(draft_process.proof_out(proof)))) == proof


def test_an_examination_apart_comes_back_with_the_proof_itself() -> None:
    report = draft_process.examined_apart(SECOND, FIRST)
    assert report["stories"] == [], "nothing is stored beside this protocol"
    found = draft_process.proof_in(report["proof"])
    assert {"end_reachable", "no_end_in_danger"} <= {result.property for result in found.results}


@pytest.mark.exhaustive
def test_however_long_an_examination_takes_it_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for it says from time to time that it goes on; no hour makes a verdict."""
    monkeypatch.setattr(draft_process, "ALIVE_SECONDS", 0.02)
    said: list[None] = []
    report = draft_process.examined_apart(SECOND, FIRST, alive=lambda: said.append(None))
    assert len(said) > 3
    expected = draft_process.examined(SECOND, FIRST)
    for one in (report, expected):
        del one["proof"]["seconds"]
    assert report == expected


def test_a_draft_stays_taken_as_long_as_it_is_worked_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.upload(SECOND)

    def slow(_content: bytes, _before: bytes | None, *, alive: Callable[[], None]) -> draft_process.Report:
        for _minute in range(20):
            desk.player.clock.advance(timedelta(minutes=1))
            alive()
            assert desk.work_out() == 0, "another worker waits, however long it takes"
        return desk.examine(SECOND, FIRST)

    monkeypatch.setattr(draft_process, "examined_apart", slow)
    assert publishing_service.work_out(desk.ctx) == 1


def test_an_examination_that_is_stopped_from_outside_is_begun_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    draft = desk.upload(SECOND)

    def stopped(process: subprocess.Popen[bytes], _told: object, _alive: object) -> bytes:
        process.kill()
        process.wait()
        return b""

    with monkeypatch.context() as patched:
        patched.setattr(draft_process, "_heard", stopped)
        assert publishing_service.work_out(desk.ctx) == 0
    assert not publishing_service.see_draft(desk.ctx, desk.administrator(), draft).looked.is_worked_out
    desk.player.clock.advance(publishing_service.LEASE + timedelta(seconds=1))
    assert desk.work_out() == 1


@pytest.mark.exhaustive
def test_an_examination_that_takes_too_much_memory_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_process, "MEMORY_MOST", 24 * 2**20)
    assert draft_process.examined_apart(MOROCCAN.read_bytes(), None) == draft_process.UNFINISHED


@pytest.mark.exhaustive
def test_an_examination_that_breaks_down_proves_nothing() -> None:
    assert draft_process.examined_apart(b"no definition", None) == draft_process.UNFINISHED
