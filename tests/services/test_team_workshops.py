"""How tables agreed in workshops that a team attended: what is known, told of nobody, and of too few not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from training.live_table import sat_down
from training.room_browsing import hall_in
from training.rooms_of import NOON, person
from training.test_same_debrief import SC3

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.story_player import SCHOOL_WEEK
from school_protocol.context import AppContext
from school_protocol.engine.clock import Calendar
from school_protocol.engine.errors import Unseen
from school_protocol.language import Wording
from school_protocol.people import repository as people_repository
from school_protocol.supervision import visit_pack
from school_protocol.supervision.regional_teams import sight_of
from school_protocol.supervision.team_statistics import TeamWorkshops, see_workshops
from school_protocol.supervision.visit_pack import visit_pack_html
from school_protocol.training import attestation_service, workshop_end
from school_protocol.training import repository as training_repository
from school_protocol.training.findings import Agreement, agreements
from services.attested_people import account, entered, furnished, typed, workshop


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[AppContext]:
    found = furnished(tmp_path)
    with found.directory.writing() as session:
        region = auth_repository.unit_coded(session, "R")
        assert region is not None
        people_repository.set_calendar(session, region.id, Calendar(opening=SCHOOL_WEEK))
    yield found
    found.close()


def grid_of(ctx: AppContext) -> str:
    (protocol,) = ctx.library.current()
    return next(iter(protocol.grids))


def ended(ctx: AppContext, code: str, tables: int, agree: int, *people: tuple[str, str, str]) -> str:
    """A workshop with what is kept of its grids, attested to these people."""
    of = workshop(ctx, code=code)
    with ctx.directory.writing() as session:
        counts = {"tables": tables, "agree": agree, "levels": 2, "apart": 3}
        training_repository.end_workshop(session, of, {"tables": {}, "grids": {grid_of(ctx): counts}}, at=NOON)
    entered(ctx, of, typed(*people), token=code)
    return of


def seen(ctx: AppContext, who: str = "patron") -> TeamWorkshops:
    found = see_workshops(ctx, sight_of(ctx, person(ctx, who), "01234A"))
    assert found is not None
    return found


def told(found: TeamWorkshops) -> Sequence[tuple[int, tuple[int, int] | None]]:
    return [(one.tables.low, one.share) for one in found.grids]


def test_workshops_are_counted_once_however_many_of_the_team_came(ctx: AppContext) -> None:
    assert (seen(ctx).count, seen(ctx).grids) == (0, ())
    ended(ctx, "AAAAAA", 12, 9, ("Nadia", "nadia", "passed"), ("Salma", "salma", "attended"))
    found = seen(ctx)
    assert found.count == 1
    assert told(found) == [(10, None)], "under twenty no share"


@pytest.mark.exhaustive
def test_over_several_workshops_the_share_is_told_in_steps(ctx: AppContext) -> None:
    for code in ("AAAAAA", "BBBBBB"):
        ended(ctx, code, 12, 9, ("Nadia", "nadia", "attended"))
    found = seen(ctx)
    assert found.count == 2
    assert told(found) == [(20, (75, 100))], "18 of 24, in steps that stand for five tables each"
    assert "18" not in str(found)


@pytest.mark.exhaustive
def test_only_those_whom_an_attestation_ties_to_the_team_on_that_day(ctx: AppContext) -> None:
    absent = ("Nadia", "nadia", "absent")
    unlinked = ("Nadia Team", "", "passed")
    ended(ctx, "AAAAAA", 30, 30, absent, unlinked, ("Omar", "omar", "passed"))
    assert seen(ctx).count == 0, "absent, without an account, or of no team role"
    with ctx.directory.writing() as session:
        unit = auth_repository.unit_coded(session, "01234A")
        assert unit is not None
        omar = account(ctx, "omar").id
        auth_repository.appoint(session, omar, role="team_member", unit=unit.id, starts=NOON.date() + timedelta(days=1))
    assert seen(ctx).count == 0, "of the team only since the day after"
    kept = ended(ctx, "BBBBBB", 30, 30, ("Nadia", "nadia", "attended"))
    assert seen(ctx).count == 1, "the control"
    (line,) = attestation_service.see_attest(ctx, person(ctx), kept).lines
    attestation_service.withdraw(
        ctx, person(ctx), kept, line.attestation.id, reason="not_passed", sentence="", token="w"
    )
    assert seen(ctx).count == 0, "withdrawn"


def test_a_workshop_of_one_table_agrees_with_nobody(ctx: AppContext) -> None:
    for code in ("AAAAAA", "BBBBBB"):
        ended(ctx, code, 1, 1, ("Nadia", "nadia", "attended"))
    assert (seen(ctx).count, seen(ctx).grids) == (2, ())


def test_who_sees_it_is_who_looks_at_the_team(ctx: AppContext) -> None:
    ended(ctx, "AAAAAA", 12, 9, ("Nadia", "nadia", "passed"))
    assert seen(ctx, "patron") == seen(ctx, "academie") == seen(ctx, "nadia")
    for who in ("salma", "academie2", "karim"):
        with pytest.raises(Unseen):
            sight_of(ctx, person(ctx, who), "01234A")


@pytest.mark.exhaustive
@pytest.mark.files
def test_what_a_room_keeps_of_its_grids_is_counts_alone(tmp_path: Path) -> None:
    hall = hall_in(tmp_path, 3)
    for number in (1, 2):
        sat_down(hall.room, number).play(SC3.path.steps)
    workshop_end.end_workshop(hall.host, hall.room)
    live = workshop_end.debriefs_of(hall.room)
    kept = hall.workshop.kept
    assert kept is not None
    ((key, counts),) = kept["grids"].items()
    assert counts == {"tables": 2, "agree": 2, "levels": 1, "apart": 0}
    assert agreements(tuple(live.values())) == {key: Agreement(2, 2, 1, 0)}
    assert agreements(()) == {}
    hall.close()


def test_the_year_that_runs_is_the_one_that_is_told(ctx: AppContext) -> None:
    ended(ctx, "AAAAAA", 12, 9, ("Nadia", "nadia", "passed"))
    span = seen(ctx).span
    assert span.starts.date() < date(2026, 11, 26) < span.ends.date()
    assert span.term == 0


def test_a_school_without_a_calendar_is_told_nothing_and_its_page_is_there(tmp_path: Path) -> None:
    ctx = furnished(tmp_path)
    assert see_workshops(ctx, sight_of(ctx, person(ctx, "patron"), "01234A")) is None
    ctx.close()


def test_a_pack_for_a_visit_tells_of_workshops_what_the_page_tells(ctx: AppContext) -> None:
    """On paper as on the page: how many, about how many tables, and no share of fewer than twenty of them."""
    above = sight_of(ctx, person(ctx, "academie"), "01234A")

    def paper(language: str) -> str:
        view, _cases = visit_pack._gathered(ctx, above)
        page = see_workshops(ctx, above)
        assert page is not None
        assert (view.played.count, [(one.tables, one.share) for one in view.played.grids]) == (
            page.count, [(one.tables, one.share) for one in page.grids],
        )  # fmt: skip
        html = visit_pack_html(view, Wording(language))
        section = html[html.index(f">{Wording(language)._('In workshops')}<") :]
        return re.sub(r"<[^>]+>|[\u2066-\u2069]", "", section[: section.index("</section>")])

    assert "20 à 29" not in paper("fr")
    ended(ctx, "AAAAAA", 12, 9, ("Nadia", "nadia", "passed"))
    few = paper("fr")
    assert "10 à 19" in few
    assert "trop peu pour le dire" in few
    assert "%" not in few
    ended(ctx, "BBBBBB", 12, 9, ("Nadia", "nadia", "attended"))
    many = {language: paper(language) for language in ("fr", "ar", "en")}
    assert "20 à 29" in many["fr"]
    for language, said in many.items():
        assert "%" in said or "٪" in said, language
        assert "18" not in said, "never the count itself"
