"""Setting up an installation's first day, and what a demo holds: figures, public reports, visits, another system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.resources import files

from school_protocol.api import tokens
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.service import BY_COMMAND
from school_protocol.context import AppContext
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, SchoolProtocolError
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.language import ZONE
from school_protocol.people import repository as people_repository
from school_protocol.people import roster, school_time
from school_protocol.people.import_plan import CODE
from school_protocol.people.service import Problems, check_names, check_username
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read
from school_protocol.reports import public_door, triage
from school_protocol.reports import service as reports_service
from school_protocol.reports.public_door import PUBLIC, STAFF, Gate
from school_protocol.statistics import releases
from school_protocol.statistics.counts import counted
from school_protocol.statistics.releases import Place
from school_protocol.statistics.rules import TOTALS, Period, ReleasePeriod
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session
from school_protocol.supervision import visit_service


def seed_tokens(ctx: AppContext, asking: Actor, agreeing: Actor, *, region: str, province: str, now: datetime) -> None:
    """Nobody has the first one's token: it was drawn, and shown to nobody."""
    ends = (now.astimezone(ZONE).date() + timedelta(days=180)).isoformat()
    reading = tokens.ask_token(
        ctx, asking, name="Observatoire régional", unit=region, rights=["figures:read"], ends=ends,
        purpose="Rapport annuel de l’académie", token="demo-figures",  # noqa: S106 (of a press, no secret)
    )  # fmt: skip
    tokens.agree(ctx, agreeing, reading.token)
    tokens.draw_token(ctx, asking, reading.token)
    tokens.ask_token(
        ctx, asking, name="Tableau de bord provincial", unit=province, rights=["cases:read", "figures:read"],
        ends=ends, purpose="Suivre les délais, sans aucun nom", token="demo-cases",  # noqa: S106 (of a press, no secret)
    )  # fmt: skip


# ---- the first day: the country, the usual school year, the protocol, who lets all others in -----------------------

SHIPPED = "ma-cyberharassment"


class BegunAlready(SchoolProtocolError):
    """Something is there: an installation begins once."""


def found(
    ctx: AppContext, username: str, names: tuple[str, str], code: str, country: tuple[str, str],
    content: bytes | None = None,
) -> Protocol:  # fmt: skip
    """The country, its calendar, a published protocol, the first administrator; all of it or nothing.

    Names are French and Arabic, one of which may be empty. `content`: another definition than the one shipped.
    Raises BegunAlready, DefinitionError, BadInput.
    """
    content = content if content is not None else shipped_definitions()
    protocol = read(content, "definition")
    role = next((role.key for role in protocol.roles.values() if role.administers), None)
    if role is None:
        raise BegunAlready(f"no role of {protocol.protocol} administers accounts: nobody could let others in")
    problems: Problems = {}
    username, own_names = check_username(username, problems), check_names(*names, problems)
    country_names = check_names(*country, problems)
    if not CODE.fullmatch(code):
        problems["code"] = ("not_a_code",)
    if problems:
        raise BadInput(problems)
    now = ctx.now()
    with ctx.directory.writing() as session:
        if auth_repository.has_units(session):
            raise BegunAlready("this installation has begun: places and accounts come by `users import`")
        unit = auth_repository.add_unit(session, kind=UnitKind.country, code=code, names=country_names)
        people_repository.set_calendar(session, unit, school_time.usual())
        protocol_repository.publish(
            session, protocol=protocol.protocol, version=protocol.version, digest=protocol.digest, content=content,
            published_at=now,
        )  # fmt: skip
        account = auth_repository.add_account(
            session, username=username, names=own_names, language=ctx.settings.default_language,
            created_at=now,
        )  # fmt: skip
        post = auth_repository.appoint(session, account, role=role, unit=unit, starts=now.date())
        _write_down(session, now, account, unit, role, post)
    return protocol


def _write_down(session: Session, now: datetime, account: str, country: str, role: str, post: str) -> None:
    for kind in (Kind.unit_created, Kind.account_created, Kind.appointed):
        administration_log.write_entry(
            session,
            Change(
                at=now, actor=account, kind=kind, unit=country, account=account, role=role, appointment=post,
                reason=BY_COMMAND, starts=now.date() if kind is Kind.appointed else None,
            ),
        )  # fmt: skip


def shipped_definitions() -> bytes:
    """The Moroccan definition that comes with the program."""
    return (files("school_protocol.protocol_definitions") / SHIPPED / "1.yaml").read_bytes()


# ---- figures of a demo: issued of each school year with enough cases that is over, of the last one by quarter, too --
# The last year's are on the page for everybody.

ENOUGH = 40
"""So many cases at least are there of a school year that is asked for."""


def seed_releases(ctx: AppContext, issuer: Actor) -> None:
    """Issue what this person may, of each school year of which there is enough; the latest is for everybody."""
    for place in releases.places(ctx, issuer):
        offered = sorted(releases.see_options(ctx, issuer, place.protocol.protocol, place.unit.code).periods)
        years = [one for one in offered if not one.quarter and _has_enough(ctx, place, one)]
        quarters = [one for one in offered if one.quarter and years and one.year == years[-1].year]
        issued = [_issue(ctx, issuer, place, one) for one in (*years[:-1], *quarters, *years[-1:])]
        if issued:
            releases.set_public(ctx, issuer, issued[-1], is_public=True)


def _has_enough(ctx: AppContext, place: Place, year: ReleasePeriod) -> bool:
    counts = counted(ctx, place.protocol.protocol, place.unit.id, Period(year.months(place.rules.begins)))
    return counts.at((TOTALS, CASES), place.unit.id) >= ENOUGH


def _issue(ctx: AppContext, issuer: Actor, place: Place, period: ReleasePeriod) -> str:
    key, code = place.protocol.protocol, place.unit.code
    job = releases.ask_release(ctx, issuer, key, code, period, f"demo {code} {period.key}")
    while releases.go_on(ctx):
        pass
    return job


# ---- public reports of a demo: a school's two addresses, a few messages, one of them answered ----------------------

Told = tuple[str, str, Mapping[str, str]]
"""Behind which address, in which language, what was answered."""
_ANSWER = "Merci de nous avoir parlé. Nous vous appelons ce soir après 18 h."


def seed_public_reports(ctx: AppContext, head: Actor, school: str, told: Sequence[Told]) -> None:
    """Addresses of that school, made by its head, and what came in there."""
    made = {kind: public_door.renew(ctx, head, school, kind) for kind in (PUBLIC, STAFF)}
    gate = Gate()
    for number, (kind, language, answers) in enumerate(told):
        code, address = made[kind].code, f"192.0.2.{number}"
        token = reports_service.see_form(ctx, gate, code, address=address).token
        reports_service.receive(ctx, gate, code, answers, token=token, address=address, language=language)
    for line in triage.see_list(ctx, head).waiting:
        seen = triage.see_report(ctx, head, line.id) if not line.urgent and not line.to_verify else None
        if seen is not None and seen.language == "fr":
            triage.answer(ctx, head, line.id, _ANSWER, settles=False, token="demo-answer")  # noqa: S106 (of a press)


# ---- visits and duty of a demo -------------------------------------------------------------------------------------


def seed_visits(ctx: AppContext, visitor: Actor, school: str, now: datetime) -> None:
    """A visit to that school by `visitor`, who is on duty in the night to come."""
    day = now.astimezone(ZONE).date()
    visit_service.record(
        ctx,
        visitor,
        school,
        token="demo-visit",  # noqa: S106 (of a press, no secret)
        held_on=(day - timedelta(days=20)).isoformat(),
        came=visitor.name,
        remarks="L’équipe se réunit chaque lundi. Elle a un local qui ferme à clé.",
        actions=[
            {
                "what": "Former une quatrième personne",
                "who": "Chef d’établissement",
                "by": (day + timedelta(days=60)).isoformat(),
            },
            {
                "what": "Afficher les numéros d’urgence",
                "who": "Référente de l’équipe",
                "by": (day - timedelta(days=5)).isoformat(),
            },
        ],
    )
    evening = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(hours=18, minutes=30)
    roster.enter(
        ctx,
        visitor,
        "",
        account=visitor.id,
        starts=evening.isoformat(),
        ends=(evening + timedelta(hours=14)).isoformat(),
        token="demo-duty",  # noqa: S106 (of a press, no secret)
    )
