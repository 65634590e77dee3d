"""Something that must not be kept: shut, told, asked about, destroyed; and requests for removal."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.loading import load
from school_protocol.config import ROWS
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Conflict, Unseen
from school_protocol.engine.evidence_pieces import FileLost, FileRefused, Refusal
from school_protocol.mail import Letter, Post
from school_protocol.notifications.service import sweep
from school_protocol.privacy import evidence_files
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.evidence import PieceLine, note_request, open_file, see_register, sweep_files
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.storage.case_keys import case_key, object_key
from services import evidence_made as made
from services.conftest import School
from services.evidence_made import SCREENSHOT, everywhere, files_in, filing, on_disk, there


@pytest.fixture
def school(request: pytest.FixtureRequest, tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    with filing(tmp_path, moroccan, **files_in(request)) as found:
        yield found


@pytest.fixture
def piece(school: School) -> int:
    entry = school.act("team_member", "evidence", SCREENSHOT).seq
    attach_file(school.ctx, school.person("team_member"), school.number, entry, made.png(Comment=made.MAKER),
                is_attested=True, token=school.token())  # fmt: skip
    return entry


class Mailbox:
    """Takes every message."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def carry(self, to: str, letter: Letter) -> None:
        self.letters.append(letter)


def step(school: School, who: str, entry: int, name: str, *more: str, token: str = "") -> Any:
    do = {"shut": evidence_files.shut_file, "asked": evidence_files.note_asked, "destroy": evidence_files.destroy_file}[
        name
    ]
    return do(school.ctx, school.person(who), school.number, entry, *more, token=token or school.token())


def line(school: School, entry: int, who: str = "team_member") -> PieceLine:
    return see_register(school.ctx, school.person(who), school.number).piece(entry)


def opened(school: School, who: str, entry: int, original: bool = False) -> Any:
    return open_file(school.ctx, school.person(who), school.number, entry, original=original, purpose="other",
                     reason="x", token=school.token())  # fmt: skip


# ---- shut ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["team_member", "team_coordinator", "head"])
def test_one_press_shuts_it_for_everybody(school: School, piece: int, who: str) -> None:
    step(school, who, piece, "shut", token="one")
    assert step(school, who, piece, "shut", token="one").repeated
    for other, original in (("team_member", False), ("team_coordinator", True), ("head", True)):
        with pytest.raises(FileRefused) as found:
            opened(school, other, piece, original)
        assert found.value.code is Refusal.shut
    shown = line(school, piece)
    assert shown.file is not None
    assert shown.file.incident is not None
    since = shown.file.incident.since
    assert shown.file.incident.tell_by - since == timedelta(hours=1)
    assert shown.file.incident.ask_by - since == timedelta(hours=24)


@pytest.mark.parametrize("who", ["directorate", "academy", "reporter", "data_officer", "technical_admin"])
def test_nobody_else_does_anything_with_it(school: School, piece: int, who: str) -> None:
    for name, more in (("shut", ()), ("asked", ("police",)), ("destroy", ())):
        with pytest.raises(Unseen):
            step(school, who, piece, name, *more)


@pytest.mark.exhaustive
def test_nothing_of_what_it_shows_stands_in_the_incident(school: School, piece: int) -> None:
    step(school, "team_member", piece, "shut")
    with school.ctx.realm.reading() as session:
        event = load(school.ctx, session, school.person("head"), school.number).events[-1]
    assert (event.sha256, event.size, event.format) == ("", 0, "")


@pytest.mark.exhaustive
def test_the_head_is_told_at_once_and_once_more_where_nobody_looks(school: School, piece: int) -> None:
    box = Mailbox()
    head = school.account("head")
    with school.ctx.directory.writing() as session:
        auth_repository.set_address(session, head, email="head@exemple.ma", phone=None)
    post = Post(mail=box)
    sweep(school.ctx, post)
    box.letters.clear()
    step(school, "team_member", piece, "shut")
    sweep(school.ctx, post)
    assert len(box.letters) == 1
    assert made.MAKER not in str(box.letters)
    school.wait(hours=1, minutes=1)
    sweep(school.ctx, post)
    assert len(box.letters) == 2, "nobody has looked within the hour"


@pytest.mark.exhaustive
def test_whoever_has_looked_is_not_told_once_more(school: School, piece: int) -> None:
    box = Mailbox()
    head = school.account("head")
    with school.ctx.directory.writing() as session:
        auth_repository.set_address(session, head, email="head@exemple.ma", phone=None)
    post = Post(mail=box)
    step(school, "team_member", piece, "shut")
    sweep(school.ctx, post)
    told = len(box.letters)
    line(school, piece, "head")
    school.wait(hours=2)
    sweep(school.ctx, post)
    assert len(box.letters) == told
    school.wait(hours=19)
    sweep(school.ctx, post)
    assert len(box.letters) > told, "nobody has asked an authority yet"


# ---- destroyed -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@everywhere
def test_it_is_destroyed_once_an_authority_was_asked_and_nothing_is_left(school: School, piece: int) -> None:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
        (life,) = loaded.case.files.values()
    lying = there(school)
    sealed = [lying.get(name) or b"" for name in lying.names()]
    assert len(sealed) == 2
    step(school, "team_member", piece, "shut")
    with pytest.raises(FileRefused) as found:
        step(school, "head", piece, "destroy")
    assert found.value.code is Refusal.not_asked
    step(school, "head", piece, "asked", "police")
    step(school, "head", piece, "destroy", token="gone")
    assert step(school, "head", piece, "destroy", token="gone").repeated
    assert lying.names() == []
    with school.ctx.realm.reading() as session:
        key = case_key(session, school.ctx.vault, loaded.case_id)
        with pytest.raises(Exception, match="destroyed"):
            object_key(session, school.ctx.vault, key, loaded.case_id, privacy_repository.object_of(life.id))
    everything = b"".join(path.read_bytes() for path in school.ctx.settings.data.rglob("*") if path.is_file())
    assert not [data for data in sealed if data[:64] in everything]
    shown = line(school, piece)
    assert shown.file is None
    assert [one.is_there for one in shown.former] == [False]
    assert (sweep_files(school.ctx).lost, sweep_files(school.ctx).strays) == (0, 0)
    with pytest.raises(Unseen):
        opened(school, "head", piece, True)


def test_an_installation_may_destroy_at_once(tmp_path: Path, moroccan: Protocol) -> None:
    with filing(tmp_path, moroccan, prohibited="destroy") as school:
        entry = school.act("team_member", "evidence", SCREENSHOT).seq
        attach_file(school.ctx, school.person("team_member"), school.number, entry, made.png(), is_attested=True,
                    token=school.token())  # fmt: skip
        step(school, "team_member", entry, "shut")
        assert on_disk(school) == []
        assert line(school, entry).file is None


@pytest.mark.exhaustive(but=("folder",))
@everywhere
def test_a_crash_between_the_word_and_the_removal_leaves_nothing_that_opens(
    school: School, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    step(school, "head", piece, "shut")
    step(school, "head", piece, "asked", "police")
    kind = type(school.ctx.blobs)
    monkeypatch.setattr(kind, "delete", lambda self, places: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        step(school, "head", piece, "destroy")
    monkeypatch.undo()
    left = 0 if school.ctx.settings.files_in == ROWS else 2
    assert len(there(school).names()) == left, "rows go with the rows that named them"
    with pytest.raises((Unseen, FileLost)):
        opened(school, "head", piece, True)
    school.wait(hours=24 * 400)
    assert sweep_files(school.ctx).strays == left
    assert there(school).names() == []


# ---- removal ---------------------------------------------------------------------------------------------------------


def note(school: School, entry: int, who: str = "team_member", **said: Any) -> Any:
    wanted = {"channel": "platform", "asked_on": "2026-11-24", "token": school.token(), **said}
    return note_request(school.ctx, school.person(who), school.number, entry, **wanted)


@pytest.mark.exhaustive
def test_a_request_stands_in_the_piece_itself_and_in_its_history(school: School, piece: int) -> None:
    note(school, piece, reference="R-1", token="one")
    assert note(school, piece, reference="R-1", token="one").repeated
    shown = line(school, piece)
    assert [(one.asked.channel, one.asked.reference) for one in shown.requests] == [("platform", "R-1")]
    assert shown.record.answers["takedowns"][0]["reference"] == "R-1"
    assert shown.record.corrections
    note(school, piece, result="refused", reference="R-1", place=0)
    assert [one.key for one in line(school, piece).next] == ["emc_helpline", "evigilance"]
    note(school, piece, "head", channel="evigilance")
    assert [one.asked.channel for one in line(school, piece).requests] == ["platform", "evigilance"]


def test_nothing_else_of_the_piece_changes(school: School, piece: int) -> None:
    before = dict(line(school, piece).record.answers)
    note(school, piece)
    after = dict(line(school, piece).record.answers)
    assert {**after, "takedowns": None} == {**before, "takedowns": None}


@pytest.mark.exhaustive
def test_two_who_note_at_once_lose_neither(school: School, piece: int) -> None:
    people = [school.person(who) for who in ("team_member", "team_coordinator", "head")]
    with ThreadPoolExecutor(6) as pool:
        channels = ("platform", "emc_helpline", "evigilance", "iwf", "e_blagh", "other")
        jobs = [
            pool.submit(
                note_request, school.ctx, people[place % 3], school.number, piece, channel=channel,
                asked_on="2026-11-24", token=f"at once {place}",
            )
            for place, channel in enumerate(channels)
        ]  # fmt: skip
    failed = [job.exception() for job in jobs if job.exception() is not None]
    assert all(isinstance(one, Conflict) for one in failed), "whoever lost the race is told"
    noted = {one.asked.channel for one in line(school, piece).requests}
    assert len(noted) == len(channels) - len(failed)
    assert noted


@pytest.mark.exhaustive(
    but=(
        "said0-channel",
        "said2-asked_on",
    )
)
@pytest.mark.parametrize(
    ("said", "field"),
    [({"channel": "nobody"}, "channel"), ({"asked_on": "2031-01-01"}, "asked_on"), ({"asked_on": ""}, "asked_on"),
     ({"reference": "x" * 101}, "reference"), ({"result": "maybe"}, "result")],
)  # fmt: skip
def test_a_wrong_answer_is_said_at_its_place(school: School, piece: int, said: dict[str, str], field: str) -> None:
    with pytest.raises(BadInput) as found:
        note(school, piece, **said)
    assert set(found.value.problems) == {field}
    assert line(school, piece).requests == ()


@pytest.mark.exhaustive
def test_who_reads_pseudonyms_notes_nothing(school: School, piece: int) -> None:
    with pytest.raises(Unseen):
        note(school, piece, "directorate")
    with pytest.raises(Unseen):
        note(school, piece, place=4)
