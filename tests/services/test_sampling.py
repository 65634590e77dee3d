"""Made-up cases are cases: sealed, chained, indexed, counted; they open, move on and have their files issued."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select, text

from school_protocol.auth.sign_in_service import actor_named, sign_in
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import index_check_repository, index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.lists import find_by_pupil
from school_protocol.cases.models import CaseIndexRow
from school_protocol.cases.service import make_move, record_act
from school_protocol.cases.showing import see_case, see_choices
from school_protocol.cases.story_player import TurnableClock, stories_of
from school_protocol.cli.group import main
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.ops import demo, fixture_copy, sample_cases
from school_protocol.ops import repository as ops_repository
from school_protocol.ops.fixture_copy import Sampled, sample
from school_protocol.ops.journal_checks import rebuild_index
from school_protocol.statistics.counts import rebuild
from school_protocol.storage import journal
from school_protocol.storage.models import CaseRecordRow, EventRow, RealmBase

pytestmark = pytest.mark.exhaustive

NOW = datetime(2026, 11, 25, 13, 40, tzinfo=UTC)
COUNT, SEED, PASSWORD = 70, 7, "essai-essai-essai-12"


@dataclass
class Filled:
    ctx: AppContext
    done: Sampled
    said: list[tuple[str, int, int]]

    @property
    def protocol(self) -> Protocol:
        return self.ctx.library.current()[0]

    def rows(self, *, ended: bool) -> list[CaseIndexRow]:
        with self.ctx.realm.reading() as session:
            query = select(CaseIndexRow).where(CaseIndexRow.ended == ended).order_by(CaseIndexRow.number)
            return list(session.scalars(query))

    def seen_by(self, part: str) -> Iterator[tuple[CaseIndexRow, Actor]]:
        """Cases under way, and who plays that part at their school, as far as they see them."""
        for row in self.rows(ended=False):
            with suppress(Unseen):
                actor = self.actor(row.unit, part)
                see_choices(self.ctx, actor, row.number)
                yield row, actor

    def actor(self, unit: str, part: str) -> Actor:
        with self.ctx.directory.reading() as session:
            code = session.scalar(text("SELECT code FROM unit WHERE id = :unit"), {"unit": unit})
        found = actor_named(self.ctx, f"{str(code).lower()}-{part}")
        assert found is not None
        return found


@contextmanager
def quick(plays: int = 6) -> Iterator[None]:
    """Out of two of the stories."""
    told = [(name, story) for name, story in stories_of("ma-cyberharassment") if name in ("reopening", "sc4")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fixture_copy, "PLAYS", (plays, plays))
        patched.setattr(sample_cases, "stories_of", lambda _protocol: told)
        patched.setattr(fixture_copy, "AT_ONCE", 32)
        yield


def filled(folder: Path, count: int = COUNT) -> Filled:
    with quick():
        settings, clock = Settings(data=folder), TurnableClock(NOW)
        demo.prepare(settings, reset=False, password=PASSWORD, say=lambda _line: None, clock=clock, told=False)
        ctx = open_context(settings, clock)
        said: list[tuple[str, int, int]] = []
        done = sample(ctx, count, seed=SEED, password=PASSWORD, progress=lambda *step: said.append(step))
    return Filled(ctx, done, said)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    found = filled(tmp_path_factory.mktemp("sample"))
    yield found
    found.ctx.close()


def test_there_are_as_many_as_were_asked_for(made: Filled) -> None:
    with made.ctx.realm.reading() as session:
        assert journal.count_cases(session) == made.done.cases == COUNT
        assert session.scalar(select(func.count()).select_from(EventRow)) == made.done.events
    assert (made.said[-1], made.said[0][0]) == (("cases", COUNT, COUNT), "histories")
    open_ones = made.rows(ended=False)
    assert 0 < len(open_ones) < COUNT / 2
    assert len({row.unit for row in open_ones + made.rows(ended=True)}) > 3


def test_every_chain_holds_and_a_bit_that_was_turned_is_found(made: Filled) -> None:
    ctx = made.ctx
    with ctx.realm.reading() as session:
        assert journal.verify_all(session, ctx.vault) == []
    with ctx.realm.writing() as session:
        row = session.scalars(select(EventRow).order_by(EventRow.case_id, EventRow.seq).limit(1)).one()
        session.expunge(row)
        row.sealed = bytes([*row.sealed[:-1], row.sealed[-1] ^ 1])
        assert not journal._body_holds(ctx.vault, journal.case_keys.case_key(session, ctx.vault, row.case_id), row)


def test_the_index_and_the_figures_are_what_they_would_be_made_anew(made: Filled) -> None:
    before = _index(made.ctx)
    assert rebuild_index(made.ctx) == COUNT
    assert _index(made.ctx) == before
    found = rebuild(made.ctx)
    assert (found.cases, found.shares_changed, found.counters_changed) == (COUNT, 0, 0)


def test_the_comparison_of_the_index_sees_a_row_that_is_otherwise(made: Filled) -> None:
    before = _index(made.ctx)
    with made.ctx.realm.writing() as session:
        number = made.rows(ended=False)[0].number
        session.execute(text("UPDATE case_index SET raised = raised + 1 WHERE number = :number"), {"number": number})
    try:
        assert _index(made.ctx) != before
    finally:
        rebuild_index(made.ctx)


def _index(ctx: AppContext) -> dict[str, list[Any]]:
    with ctx.realm.reading() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table)).all()))
            for table in index_check_repository.tables()
        }


def test_nothing_of_the_house_in_which_they_were_played_is_left(made: Filled) -> None:
    """Each account and unit that a case names, open or sealed, is one of this directory."""
    ctx, long = made.ctx, re.compile(r"\b[a-z2-7]{26}\b")
    with ctx.directory.reading() as session:
        known = {str(one) for table in ("account", "unit") for one in session.scalars(text(f"SELECT id FROM {table}"))}
    with ctx.realm.reading() as session:
        known |= {
            str(one) for table in ("case_record", "report") for one in session.scalars(text(f"SELECT id FROM {table}"))
        }
        told = " ".join(
            f"{entry.actor} {entry.body} {entry.words}"
            for case_id in journal.case_ids(session, after="", limit=COUNT)
            for entry in ops_repository.read_sample(session, ctx.vault, case_id).entries
        )
    named = set(long.findall(told)) | set(long.findall(str(_index(ctx))))
    assert len(named) > COUNT
    assert named <= known
    assert not {"a" * 26} <= known


def test_a_person_signs_in_finds_the_case_by_the_pupil_and_writes_to_it(made: Filled) -> None:
    ctx = made.ctx
    row, coordinator = next(made.seen_by("team-coordinator"))
    assert sign_in(ctx, coordinator_name(ctx, coordinator), PASSWORD) is not None
    see_case(ctx, coordinator, row.number)
    with ctx.realm.reading() as session:
        people = [one for one in cases_repository.load_identities(session, ctx.vault, row.case_id) if one.values]
    for person in people:
        assert row.number in {
            line.number for line in find_by_pupil(ctx, coordinator, str((person.values or {})["name"]))
        }
    assert find_by_pupil(ctx, coordinator, "Personne Du-Tout-0") == ()
    before = row.last_seq
    note = made.protocol.resolve("acts", "add_note")
    record_act(ctx, coordinator, row.number, note, {"text": "Rien de nouveau."}, expected=None, token="n1")
    with ctx.realm.reading() as session:
        assert journal.verify_case(session, ctx.vault, row.case_id) == []
    assert _last(ctx, row.case_id) > before


def test_one_that_has_ended_is_opened_again_once_a_new_fact_is_known(made: Filled) -> None:
    ctx = made.ctx
    row = max((one for one in made.rows(ended=True) if one.state == "closed"), key=lambda one: one.opened_at)
    coordinator = made.actor(row.unit, "team-coordinator")

    def may_be_opened() -> bool:
        [move] = [one for one in see_choices(ctx, coordinator, row.number) if one.key == "reopen"]
        return move.is_open

    assert not may_be_opened()
    fact = {"fact": "Un compte.", "fact_on": NOW.date().isoformat(), "by_whom": "pupil", "link": "unsure"}
    record_act(ctx, coordinator, row.number, "reopening", fact, expected=None, token="f2")
    assert may_be_opened()
    noted = _last(ctx, row.case_id)
    make_move(ctx, coordinator, row.number, "reopen", reason="", expected=None, token="m1")
    assert _last(ctx, row.case_id) > noted
    with ctx.realm.reading() as session:
        assert journal.verify_case(session, ctx.vault, row.case_id) == []
    assert row.number in {one.number for one in made.rows(ended=False)}


def _last(ctx: AppContext, case_id: str) -> int:
    with ctx.realm.reading() as session:
        found = journal.head(session, case_id)
    assert found is not None
    return found.seq


def coordinator_name(ctx: AppContext, actor: Actor) -> str:
    with ctx.directory.reading() as session:
        return str(session.scalar(text("SELECT username FROM account WHERE id = :id"), {"id": actor.id}))


def test_its_file_is_issued_under_the_key_of_its_academy(made: Filled) -> None:
    row = next(one for one in made.rows(ended=True) if not one.restricted)
    issued = issue_case_file(made.ctx, made.actor(row.unit, "head"), row.number, "school", "fr", token="f1")
    assert issued.data.startswith(b"%PDF")


def test_any_case_out_of_any_story_opens_and_is_written_to_and_gives_its_file(tmp_path: Path) -> None:
    """By somebody of its school, or of its directorate where it is kept from the school."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fixture_copy, "PLAYS", (8, 8))  # each story once
        settings, clock = Settings(data=tmp_path), TurnableClock(NOW)
        demo.prepare(settings, reset=False, password=PASSWORD, say=lambda _line: None, clock=clock, told=False)
        ctx = open_context(settings, clock)
        done = sample(ctx, 30, seed=SEED, password=PASSWORD, progress=lambda *_step: None, under_way=0.6)
    try:
        found = Filled(ctx, done, [])
        rows = [*found.rows(ended=False), *found.rows(ended=True)]
        assert len(rows) == 30
        assert len({row.state for row in rows}) >= 3
        written = {row.number: _written_to(found, row) for row in rows}
        assert [number for number, actor in written.items() if actor is None] == []
        for number in {row.state: row.number for row in rows}.values():  # one of each state: a file takes long
            issued = issue_case_file(ctx, written[number], number, "school", "fr", token=f"f{number}")
            assert issued.data.startswith(b"%PDF")
        with ctx.realm.reading() as session:
            assert journal.verify_all(session, ctx.vault) == []
    finally:
        ctx.close()


def _written_to(found: Filled, row: CaseIndexRow) -> Actor | None:
    """Whoever could open it and add a note."""
    note = found.protocol.resolve("acts", "add_note")
    for unit, part in [(row.unit, "team-coordinator"), (row.unit, "head"), (row.province, "directorate")]:
        with suppress(Unseen, Refused):
            actor = found.actor(unit, part)
            see_case(found.ctx, actor, row.number)
            record_act(found.ctx, actor, row.number, note, {"text": "Relu."}, expected=None, token=f"n{row.number}")
            return actor
    return None


def test_the_same_seed_makes_the_same_cases_under_other_keys(made: Filled, tmp_path: Path) -> None:
    again = filled(tmp_path, 12)
    try:
        with again.ctx.realm.reading() as session:
            numbers = set(session.scalars(select(CaseRecordRow.number)))
            sealed = set(session.scalars(select(EventRow.sealed)))
        with made.ctx.realm.reading() as session:
            assert numbers <= set(session.scalars(select(CaseRecordRow.number)))
            assert not sealed & set(session.scalars(select(EventRow.sealed)))
    finally:
        again.ctx.close()


def test_an_installation_takes_none(tmp_path: Path) -> None:
    ctx = open_context(Settings(data=tmp_path), TurnableClock(NOW))
    try:
        with pytest.raises(fixture_copy.NoSample):
            sample(ctx, 1, seed=1, password=PASSWORD, progress=lambda *_step: None)
        with ctx.realm.reading() as session:
            assert index_repository.all_case_ids(session) == []
    finally:
        ctx.close()


LEFT = {
    "access", "access_export", "anchored_head", "bulk_case", "case_look", "case_retention", "document_copy",
    "erasure_bar", "file_alarm", "handed_paper", "kept_blob", "kept_file", "notice", "outgoing_letter", "paper_look",
    "prepared_paper", "public_report", "tombstone",
}  # fmt: skip
"""Of which a history takes nothing: what is read, handed out, kept as a file, told in public, looked at later."""


def test_a_table_about_cases_is_written_or_named_here_as_left() -> None:
    written = {table.name for table in index_check_repository.tables()} | {
        "case_key", "event", "event_words", "figure_share", "identity", "identity_mark", "object_key", "report",
        "case_record",
    }  # fmt: skip
    about = {table.name for table in RealmBase.metadata.sorted_tables if "case_id" in table.c}
    assert about - written - LEFT == set()


def typed(folder: Path, *more: str) -> Result:
    with quick(1):
        command = ["sample", "--cases", "2", "--json", *more]
        return CliRunner().invoke(main, command, env={"SCHOOL_PROTOCOL_DATA": str(folder)})


def test_the_command_fills_a_demo(made: Filled) -> None:
    """The last of these tests: afterwards there are more."""
    for more, schools in (([], 6), (["--schools", "8"], 8)):
        done = typed(made.ctx.settings.data, *more)
        assert done.exit_code == 0, done.output
        assert (json.loads(done.stdout)["cases"], json.loads(done.stdout)["schools"]) == (2, schools)
    with made.ctx.realm.reading() as session:
        assert journal.count_cases(session) == COUNT + 4


@pytest.mark.files
def test_the_command_refuses_an_installation(tmp_path: Path) -> None:
    open_context(Settings(data=tmp_path), TurnableClock(NOW)).close()
    assert typed(tmp_path).exit_code == 1
