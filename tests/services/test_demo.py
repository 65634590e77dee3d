"""The demo is made once, with cases in every state, and found again."""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.second_factor import code_at, step_at
from school_protocol.auth.sign_in_service import actor_named, sign_in
from school_protocol.cases import index_repository
from school_protocol.cases.lists import see_desk
from school_protocol.cases.loading import folded, index_row, surroundings
from school_protocol.cases.showing import see_act
from school_protocol.cases.story_player import TurnableClock
from school_protocol.cases.view_models import CaseLine
from school_protocol.cli.group import main
from school_protocol.config import Settings
from school_protocol.context import AppContext, SystemClock, open_context
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.deadlines import read
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Actor
from school_protocol.language import Wording
from school_protocol.mail import Post
from school_protocol.notifications.digests import shows_mails
from school_protocol.ops import demo, fixture_copy
from school_protocol.ops.journal_checks import take_anchor
from school_protocol.statistics.counts import has_counted
from school_protocol.statistics.models import FigureKeyRow, State
from school_protocol.statistics.presenters import STEPS, Lines
from school_protocol.statistics.releases import (
    FiguresView,
    places,
    releases_covering,
    see_figures,
    see_options,
    see_public,
    see_public_told,
)
from school_protocol.statistics.rules import QUARTERS, TOTALS, ReleasePeriod
from school_protocol.storage import anchors, backups, journal

pytestmark = pytest.mark.exhaustive

NOW = datetime(2026, 11, 25, 13, 40, tzinfo=UTC)
OVERSEERS = ("province", "province3", "academie", "academie2")
HEADS = ("directeur", "directeur2", "directeur3", "directeur4")


@dataclass
class Demo:
    settings: Settings
    ctx: AppContext
    accounts: demo.DemoAccounts
    said: list[str]

    def actor(self, username: str) -> Actor:
        found = actor_named(self.ctx, username)
        assert found is not None
        return found

    def lines(self, username: str) -> list[CaseLine]:
        actor = self.actor(username)
        return [line for part in ("open", "ended") for line in see_desk(self.ctx, actor, filter=part).lines]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    settings = Settings(data=tmp_path_factory.mktemp("demo"))
    said: list[str] = []
    accounts = demo.prepare(settings, reset=False, password=None, say=said.append, clock=TurnableClock(NOW))
    ctx = open_context(settings, TurnableClock(NOW))
    yield Demo(settings, ctx, accounts, said)
    ctx.close()


def all_lines(made: Demo) -> dict[str, CaseLine]:
    return {line.number: line for username in (*OVERSEERS, *HEADS) for line in made.lines(username)}


def test_there_is_a_case_in_every_state(made: Demo, moroccan: Protocol) -> None:
    assert {line.state.key for line in all_lines(made).values()} == set(moroccan.states)


def test_the_stories_went_as_they_say(made: Demo) -> None:
    assert [line for line in made.said if line.startswith("Not as")] == []
    assert any("%" in line for line in made.said)


def test_cases_are_spread_and_one_of_each_kind_is_there(made: Demo) -> None:
    lines = all_lines(made).values()
    assert {line.unit.code for line in lines if line.tone != "ended"} == {school.code for school in demo.SCHOOLS}
    assert any(line.restricted for line in lines)
    assert any(line.tone == "late" and not line.raised for line in lines)
    assert any(line.tone == "today" for line in made.lines("membre"))
    urgent = [line for line in lines if line.raised]
    assert [line.state.code for line in urgent] == ["U1"]
    assert (NOW - urgent[0].opened_at).total_seconds() < 3600


def test_everybody_signs_in_with_the_password_and_holds_their_role(made: Demo) -> None:
    assert sign_in(made.ctx, "membre", made.accounts.password)
    assert sign_in(made.ctx, "membre", "something else") is None
    held = {
        one.username: [role.role for role in made.actor(one.username).appointments] for one in made.accounts.accounts
    }
    assert held == {person.username: [person.role] for person in demo.PEOPLE}
    assert made.actor("membre").trained
    assert not made.actor("declarant").trained


def test_every_role_of_the_definition_but_the_workshops_guest_is_there(made: Demo, moroccan: Protocol) -> None:
    assert {person.role for person in demo.PEOPLE} == set(moroccan.roles) - {"workshop_participant"}


def test_a_certificate_is_good_for_a_while(made: Demo) -> None:
    with made.ctx.directory.reading() as session:
        account = auth_repository.account_named(session, "referent")
    assert account is not None
    assert account.trained_until is not None
    assert account.trained_until.year > NOW.year


def test_every_contact_is_for_a_target_of_the_definition(made: Demo, moroccan: Protocol) -> None:
    assert {number.target for number in demo.NUMBERS} <= set(moroccan.targets)
    assert {"19", "177", "15", "141", "2511", "+212 6 24 40 58 89"} <= {number.phone for number in demo.NUMBERS}


def test_hours_and_ages_of_a_service_are_said_in_both_languages() -> None:
    def figures(text: str) -> set[str]:
        return set(re.findall(r"\d+", text))

    assert [one for one in demo.NUMBERS if figures(one.fr) != figures(one.ar)] == []


@pytest.mark.parametrize(("username", "own", "others"), [("referent", "Salé", 2), ("referent3", "Marrakech", 1)])
def test_a_referral_is_offered_the_cell_of_the_schools_own_town_first(
    made: Demo, username: str, own: str, others: int
) -> None:
    """Of those that the academy keeps, among whom it is not the first."""
    actor = made.actor(username)
    case = next(line.number for line in see_desk(made.ctx, actor, filter="open").lines)
    found = see_act(made.ctx, actor, case, "referral").choices.contacts
    towns = [one.city["fr"] for one in found if one.target and one.target.key == "prosecutor" and one.city]
    kept = [one.city["fr"] for one in demo.NUMBERS if one.target == "prosecutor" and one.city.get("fr") in towns]
    assert towns[0] == own != kept[0]
    assert len(towns) == others + 1


def test_the_journals_hold(made: Demo) -> None:
    with made.ctx.realm.reading() as session:
        assert journal.verify_all(session, made.ctx.vault) == []


def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One scene, and one story of the figures'."""
    monkeypatch.setattr(demo, "SCENES", demo.SCENES[1:2])
    monkeypatch.setattr(fixture_copy, "TOLD", fixture_copy.TOLD[1:2])


def figures(made: Demo, username: str, period: ReleasePeriod) -> FiguresView:
    """What is told of this person's place."""
    actor = made.actor(username)
    (place,) = places(made.ctx, actor)
    (line,) = [line for line in releases_covering(made.ctx, place.unit) if line.period == period]
    return see_figures(made.ctx, actor, place.protocol.protocol, place.unit.code, line.id)


@pytest.mark.parametrize("username", ["academie", "province"])
def test_a_school_year_is_told_with_bars_places_and_waits(made: Demo, username: str) -> None:
    view = figures(made, username, ReleasePeriod(2025))
    assert view.told is not None
    lines = Lines(view.told, Wording("fr"))
    assert {"levels", "kinds", "channels", "platforms", "dangers"} <= {table.key for table in lines.tables()}
    lengths = {row.bar for table in lines.tables() for row in table.rows}
    assert lengths & set(range(2, STEPS)), "bars, and not all of one length"
    assert len(lines.children()) == (3 if username == "academie" else 0), "its provinces"
    assert len(lines.shares()) > 2
    assert len(lines.medians()) > 2


@pytest.mark.parametrize("quarter", range(1, QUARTERS + 1))
def test_each_of_its_quarters_is_told_with_its_months(made: Demo, quarter: int) -> None:
    view = figures(made, "academie", ReleasePeriod(2025, quarter))
    assert view.told is not None
    assert len(Lines(view.told, Wording("fr")).months()) == 3
    below = figures(made, "province", ReleasePeriod(2025, quarter)).told
    assert below is not None
    assert Lines(below, Wording("fr")).tables() == ()


def test_none_was_refused_and_the_key_of_the_year_is_gone(made: Demo) -> None:
    actor = made.actor("academie")
    (place,) = places(made.ctx, actor)
    options = see_options(made.ctx, actor, place.protocol.protocol, place.unit.code)
    assert options.job is not None
    assert options.job.state == State.issued
    with made.ctx.directory.reading() as session:
        assert session.scalars(select(FigureKeyRow)).all() == []


def test_one_release_is_on_the_page_for_everybody(made: Demo) -> None:
    (line,) = see_public(made.ctx)
    told = see_public_told(made.ctx, line.id)
    assert (line.period, line.unit.code) == (ReleasePeriod(2025), "MA-04")
    assert told.unit.at((TOTALS, CASES))


def test_made_up_schools_have_ended_cases_alone(made: Demo) -> None:
    """Nobody's desk is longer for them, nor what waits for whoever oversees."""
    codes = {school.code for school in fixture_copy.SCHOOLS}
    with made.ctx.directory.reading() as session:
        units = {one.id for code in codes if (one := auth_repository.unit_coded(session, code))}
    with made.ctx.realm.reading() as session:
        found = [index_repository.row_of(session, case_id) for case_id in index_repository.all_case_ids(session)]
    rows = [row for row in found if row is not None and row.unit in units]
    assert len(units) == len(codes)
    assert len(rows) > 150
    assert all(row.ended and not row.waiting_for and not row.dues for row in rows)


def test_a_case_that_was_moved_in_time_is_kept_as_if_it_had_happened_then(made: Demo) -> None:
    """Its index and what it adds to figures are what they would be made anew, and its months follow the seasons."""
    with made.ctx.directory.reading() as session:
        units = {one.id for school in fixture_copy.SCHOOLS if (one := auth_repository.unit_coded(session, school.code))}
    months: Counter[int] = Counter()
    with made.ctx.realm.writing() as session:
        for case_id in index_repository.all_case_ids(session):
            row = index_repository.row_of(session, case_id)
            if row is None or row.unit not in units:
                continue
            protocol, case = folded(made.ctx, session, case_id)
            facts = read(protocol, case, made.ctx.now(), surroundings(made.ctx, case.unit))
            anew = index_row(case_id, protocol, case, facts, facts.around)
            assert replace(anew, seats=_sorted(anew)) == replace(row, seats=_sorted(row))
            assert has_counted(made.ctx, session, case_id, facts)
            months[row.opened_at.month] += 1
    assert not months.keys() & {7, 8}
    assert months[11] > months[9]
    assert len(months) == len(fixture_copy.SEASON)


def _sorted(row: index_repository.IndexRow) -> tuple[index_repository.IndexSeat, ...]:
    return tuple(sorted(row.seats, key=lambda held: (held.seat, held.account)))


def test_it_shows_the_mails_that_it_would_send(made: Demo) -> None:
    assert shows_mails(made.ctx)


def test_the_code_that_is_printed_is_one_that_passes_and_nobody_else_has_one(made: Demo) -> None:
    def printed(username: str) -> Result:
        environ = {"SCHOOL_PROTOCOL_DATA": str(made.settings.data)}
        return CliRunner().invoke(main, ["demo", "code", username], env=environ)

    username, seed = next(iter(made.accounts.seeds.items()))
    before = step_at(SystemClock().now())
    done = printed(username)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() in {code_at(seed, before + more) for more in (0, 1, 2)}
    assert "membre has no codes" in printed("membre").output


def test_a_second_start_keeps_everything(made: Demo) -> None:
    before = set(all_lines(made))
    again = demo.prepare(made.settings, reset=False, password=None, say=made.said.append)
    assert again == made.accounts
    assert set(all_lines(made)) == before
    note = made.settings.data / demo.NOTE
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert made.accounts.password in note.read_text("utf-8")


def test_another_password_may_be_given_later(made: Demo) -> None:
    changed = demo.prepare(made.settings, reset=False, password="chosen by somebody", say=made.said.append)
    assert changed.password == "chosen by somebody"
    assert sign_in(made.ctx, "referent", "chosen by somebody")
    again = demo.prepare(made.settings, reset=False, password=None, say=made.said.append)
    assert again.password == "chosen by somebody"
    demo.prepare(made.settings, reset=False, password=made.accounts.password, say=made.said.append)


@pytest.mark.files
def test_one_that_is_served_is_not_cleared(tmp_path: Path) -> None:
    settings, store = Settings(data=tmp_path), tmp_path / "realm.sqlite"
    store.touch()
    (tmp_path / demo.NOTE).write_text("password: of-the-demo\n", "utf-8")
    with demo.served(settings), pytest.raises(demo.DemoError, match="is being served"):
        demo.prepare(settings, reset=True, password=None, say=print)
    assert store.exists()
    demo._clear(settings, "of-the-demo", print)
    assert not store.exists(), "the control"


@pytest.mark.files
def test_an_installation_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    ctx = open_context(settings, TurnableClock(NOW))
    ctx.close()
    for reset in (False, True):
        with pytest.raises(demo.DemoError):
            demo.prepare(settings, reset=reset, password=None, say=lambda line: None)
    assert (tmp_path / "realm.sqlite").exists()
    ctx = open_context(settings, TurnableClock(NOW))
    assert not shows_mails(ctx), "its mails are nobody's to read"
    ctx.close()


@pytest.mark.files
def test_a_start_that_was_cut_off_is_made_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=tmp_path)
    short(monkeypatch)

    def cut_off(*anything: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as torn:
        torn.setattr(demo.Theatre, "play", cut_off)
        with pytest.raises(KeyboardInterrupt):
            demo.prepare(settings, reset=False, password=None, say=lambda line: None)
    accounts = demo.prepare(settings, reset=False, password=None, say=lambda line: None)
    assert accounts.password not in ("", demo.UNFINISHED)
    assert demo.prepare(settings, reset=False, password=None, say=lambda line: None) == accounts


def _not_opened(*_: object) -> None:
    raise LookupError


@pytest.mark.files
def test_anchors_elsewhere_go_with_the_demo_and_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch)
    settings = Settings(data=tmp_path / "demo", anchors=tmp_path / "anchors")
    demo.prepare(settings, reset=False, password=None, say=lambda line: None)
    other = Settings(data=tmp_path / "real", anchors=tmp_path / "anchors")
    for one in (settings, other):
        ctx = open_context(one, TurnableClock(NOW))
        take_anchor(ctx, Post())
        ctx.close()
    demo.prepare(settings, reset=True, password=None, say=lambda line: None)
    assert list(anchors.numbers(tmp_path / "anchors")) == [2]


@pytest.mark.files
def test_reset_starts_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=tmp_path)
    short(monkeypatch)
    first = demo.prepare(settings, reset=False, password=None, say=lambda line: None)
    ctx = open_context(settings, TurnableClock(NOW))
    take_anchor(ctx, Post())
    backups.note(tmp_path, ctx.vault, "a" * 32, NOW)
    ctx.close()
    for name in ("files/ab", "before-restore-20260101T000000Z", ".restoring"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "somebody's.txt").touch()
    stayed = demo.kept_in(settings)
    assert {one.name for one in tmp_path.iterdir()} == {*(one.name for one in stayed), "somebody's.txt"}
    with monkeypatch.context() as cleared:
        cleared.setattr(demo, "open_context", _not_opened)
        with pytest.raises(LookupError):
            demo.prepare(settings, reset=True, password=None, say=lambda line: None)
    assert {one.name for one in tmp_path.iterdir()} == {"somebody's.txt", demo.NOTE}
    assert demo.prepare(settings, reset=True, password=None, say=lambda line: None).password != first.password
