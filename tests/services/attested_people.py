"""Two academies with trainers, teachers who are to be trained, and workshops that have ended, as tests need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from training.rooms_of import NOON, host_in, person

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account
from school_protocol.context import AppContext
from school_protocol.engine.visibility import UnitKind
from school_protocol.storage.models import new_id
from school_protocol.training import attestation_service, scenario_library
from school_protocol.training import repository as training_repository
from school_protocol.training.attestation_service import AttestLine, Preview, Typed
from school_protocol.training.models import WorkshopRow

SINCE = date(2026, 9, 1)
DAY, LONG = "2026-11-26", "180"


def furnished(folder: Path) -> AppContext:
    """The host, with a school below its academy, and another academy with a trainer and a teacher of its own."""
    ctx = host_in(folder)
    with ctx.directory.writing() as session:
        region = auth_repository.unit_coded(session, "R")
        assert region is not None
        province = auth_repository.add_unit(
            session, kind=UnitKind.province, code="P", names={"fr": "Direction"}, parent=region.id
        )
        school = auth_repository.add_unit(
            session, kind=UnitKind.school, code="01234A", names={"fr": "Collège"}, parent=province
        )
        for name, role, unit in (
            ("salma", "reporter", school), ("omar", "reporter", school), ("nadia", "team_coordinator", school),
            ("patron", "head", school), ("admin.r", "technical_admin", region.id),
            ("admin.p", "technical_admin", province),
        ):  # fmt: skip
            trained = date(2026, 12, 31) if name == "nadia" else None
            _account(session, name, role, unit, trained)
        other = auth_repository.add_unit(session, kind=UnitKind.region, code="R2", names={"fr": "Autre académie"})
        for name, role in (("ailleurs", "trainer"), ("academie2", "academy"), ("karim", "reporter")):
            _account(session, name, role, other, None)
    return ctx


def _account(session: object, name: str, role: str, unit: str, trained: date | None) -> None:
    account = auth_repository.add_account(
        session, username=name, names={"fr": name.title()}, language="fr", created_at=NOON,  # type: ignore[arg-type]
        certified=trained is not None, trained_until=trained, email=f"{name}@example.ma",
    )  # fmt: skip
    auth_repository.appoint(session, account, role=role, unit=unit, starts=SINCE)  # type: ignore[arg-type]


def workshop(ctx: AppContext, trainer: str = "formateur", *, code: str = "ABCDEF", ended: bool = True) -> str:
    """A workshop on the list, whose room is not there; returns its id."""
    told = scenario_library.find_scenario("blackmail")
    assert told is not None
    line = WorkshopRow(
        id=new_id(), code=code, trainer=person(ctx, trainer).id, scenario="blackmail", version=told.version,
        digest=told.digest, protocol=told.protocol, protocol_version=1, tables=2, language="fr",
        created_at=NOON - timedelta(days=2), purge_at=NOON + timedelta(days=28),
    )  # fmt: skip
    with ctx.directory.writing() as session:
        training_repository.add_workshop(session, line)
        if ended:
            training_repository.end_workshop(session, line.id, {}, at=NOON)
    return line.id


def typed(*people: tuple[str, str, str]) -> tuple[Typed, ...]:
    """Lines of a form: name, user name, result."""
    return attestation_service.typed_lines(
        {"name": name, "username": username, "result": result} for name, username, result in people
    )


def shown(ctx: AppContext, of: str, lines: Sequence[Typed], trainer: str = "formateur", day: str = DAY) -> Preview:
    return attestation_service.preview(ctx, person(ctx, trainer), of, lines, day, LONG)


def entered(
    ctx: AppContext, of: str, lines: Sequence[Typed], trainer: str = "formateur", *, token: str = "one", day: str = DAY
) -> tuple[AttestLine, ...]:
    """Looked at, and entered as it was shown; who stands there then."""
    preview = shown(ctx, of, lines, trainer, day)
    actor = person(ctx, trainer)
    attestation_service.attest(ctx, actor, of, lines, day, LONG, preview.digest, token=token)
    return attestation_service.see_attest(ctx, actor, of).lines


def account(ctx: AppContext, name: str) -> Account:
    with ctx.directory.reading() as session:
        found = auth_repository.account_named(session, name)
    assert found is not None
    return found


def trained(ctx: AppContext, name: str) -> date | None:
    found = account(ctx, name)
    return found.trained_until if found.certified else None


def as_csv(text: str) -> tuple[Typed, ...]:
    return attestation_service.from_csv(text.encode())


def renamed(lines: Sequence[Typed], name: str) -> tuple[Typed, ...]:
    """The first line with another name, as if the hidden lines of a preview had been changed."""
    return (replace(lines[0], name=name), *lines[1:])
