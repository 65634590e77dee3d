"""What the installation of the matrix holds of cases over several schools, of teams that are visited, and of tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from engine.telling import NOW, SAFE
from sqlalchemy.orm import Session

from school_protocol.api import repository as api_repository
from school_protocol.api import tokens
from school_protocol.auth import repository as auth_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.models import CaseExclusionRow, CaseRequestRow
from school_protocol.engine.events import Recorded
from school_protocol.engine.sharing_state import OPENED
from school_protocol.people import repository as people_repository
from school_protocol.people import roster
from school_protocol.supervision import visit_service
from school_protocol.ui.routing import Right

if TYPE_CHECKING:
    from authorization.world import World

LEADING, CONTRIBUTING = "Hajar Bennani-Rami", "Salma Idrissi-Alami"
"""A pupil of the school that leads, and one of the school that contributes."""
NEAR_VISIT, FAR_VISIT = "zqnearvisitx", "zqfarvisitx"
"""A word of what was written of a visit to the own school, and to one of another region."""
ASKED = "Qui administre le groupe où circulent ces messages ?"


# ---- cases over several schools --------------------------------------------------------------------------------------


def lead(world: World) -> None:
    """The own school leads: it asked three schools to contribute, and one of them to take the case over.

    The school beside contributes; in the next province an adult is concerned, and its case is for those above alone;
    the directorate of the other region has yet to agree. The transfer to the school beside waits for its head, and for
    somebody there who was named to answer.
    """

    def asks(school: str, adult: str) -> int:
        return world.act("lead", "directorate", "ask_contribution", school=school, adult_concerned=adult, asked=ASKED)

    told, concerned, asked = asks("00000B", "no"), asks("00000C", "yes"), asks("00000D", "no")
    agreed = {"request": str(concerned), "answer": "accepted"}
    world.act("lead", "directorate@other_province", "answer_contribution", **agreed)
    records = [one for one in world.events("lead") if isinstance(one, Recorded)]
    opened = [str(one.derived[OPENED]) for one in records if OPENED in one.derived]
    for kind, number in zip(("contributing", "concerned"), opened, strict=True):
        world.cases[kind] = number
        with world.ctx.realm.reading() as session:
            world.ids[kind] = cases_repository.find_by_number(session, number) or ""
    theirs = "team_member@same_province"
    world.act("contributing", theirs, "safety_check", **SAFE)
    world.act("contributing", theirs, "add_person", persons=[{"slot": "pupil_concerned", "name": CONTRIBUTING}])
    world.act("concerned", "directorate@other_province", "safety_check", **SAFE)
    words = {"summary": "Des messages depuis octobre.", "measures": "Un adulte référent."}
    transfer = world.act("lead", "head", "transfer", receiving_school="00000B", **words)
    world.act("lead", "directorate", "name_seat", seat="receiver", account=world.account("newcomer@same_province"))
    world.said |= {"told": str(told), "concerned": str(concerned), "asked": str(asked), "transfer": str(transfer)}


def by_hand(world: World, session: Session) -> None:
    """Put into the index what no act writes: one of those asked takes no part, as one of the team in the other's case.

    And somebody is written down as named to answer the transfer who holds no seat.
    """
    for kind, who in (
        ("lead", "directorate@apart"), ("contributing", "team_coordinator/2"),
        ("same_province", "newcomer@same_province"),
    ):  # fmt: skip
        session.merge(CaseExclusionRow(case_id=world.ids[kind], account=world.account(who)))
    session.merge(
        CaseRequestRow(
            case_id=world.ids["lead"], seq=int(world.said["transfer"]), role="receiver", kind="ask_transfer",
            place=world.account("team_member@other_province"), unit=world.schools["same_province"], asked_at=NOW,
            shown_from=NOW,
        )
    )  # fmt: skip


# ---- teams that are visited, and nights on duty ----------------------------------------------------------------------


def visited(world: World) -> dict[str, str]:
    """A visit to the own team and one to a team of another region; a turn of duty in the next province. Their ids."""
    said = {"held_on": NOW.date().isoformat(), "actions": []}
    written = {
        key: visit_service.record(
            world.ctx, world.actor(who), code, token=world.token(), came=word, remarks=word, **said
        ).id
        for key, who, code, word in (
            ("visit", "academy", "00000A", NEAR_VISIT), ("far_visit", "academy@other_region", "00000D", FAR_VISIT),
        )
    }  # fmt: skip
    keeper, ctx = world.actor("directorate@other_province"), world.ctx
    starts, ends = NOW + timedelta(hours=1), NOW + timedelta(hours=9)
    roster.enter(
        ctx, keeper, "", account=keeper.id, starts=starts.isoformat(), ends=ends.isoformat(), token=world.token()
    )
    with ctx.directory.reading() as session:
        units = {auth_repository.unit(session, world.schools[kind]).parents[0] for kind in ("own", "other_province")}
        (turn,) = people_repository.running(session, units, starts=starts, ends=ends)
        province = auth_repository.unit(session, auth_repository.unit(session, world.schools["own"]).parents[0]).code
    return {**written, "far_turn": turn.id, "province": province}


# ---- other systems ---------------------------------------------------------------------------------------------------


def systems(world: World) -> None:
    """Tokens of the province, its region and the one beside; for a part; and such as are good no more.

    Each by who asked and who agreed: `above` was asked by whoever administers the region, and who agreed has gone;
    `unanswered` by two who have gone; `moved` by two who hold posts there, neither the one by which they did.
    """
    both, language = (Right.cases, Right.figures), "fr"
    asker, agreed, above = "technical_admin", "directorate/2", "technical_admin@region"
    for name, school, storey, given, days, asked_by, agreed_by in (
        ("province", "own", 0, both, 9, asker, agreed), ("region", "own", 1, both, 9, asker, "academy/2"),
        ("cases", "own", 0, both[:1], 9, asker, agreed), ("figures", "own", 0, both[1:], 9, asker, agreed),
        ("other_province", "other_province", 0, both, 9, asker, "directorate@other_province"),
        ("other_region", "other_region", 1, both, 9, asker, "academy@other_region"),
        ("over", "own", 0, both, -1, asker, agreed), ("ended", "own", 0, both, 9, asker, agreed),
        ("above", "own", 0, both, 9, above, "former directorate"),
        ("unanswered", "own", 0, both, 9, "former technical_admin", "former directorate"),
        ("moved", "own", 0, both, 9, "academy/2", above),
    ):  # fmt: skip
        world.secrets[name] = f"sp_{name}"
        with world.ctx.directory.writing() as session:
            unit = auth_repository.unit(session, world.schools[school]).parents[storey]
            ends, by = NOW.date() + timedelta(days=days), world.account(asked_by)
            one = api_repository.ask(session, unit=unit, name=name, rights=given, ends=ends, by=by, at=NOW)
            api_repository.agree(session, one.id, world.account(agreed_by), at=NOW)
            hashed = tokens.hashed(world.ctx, world.secrets[name])
            api_repository.draw(session, one.id, hashed, language=language, at=NOW)
            if name == "ended":
                api_repository.end(session, one.id, world.account(agreed_by), at=NOW)
