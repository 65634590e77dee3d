"""A host with a trainer, and workshops on it, as tests need them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.auth.sign_in_service import actor_named
from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read
from school_protocol.training import room_repository, scenario_library, seats
from school_protocol.training import service as training_service
from school_protocol.training.models import WorkshopRow
from school_protocol.training.room_store import Room, training_of
from school_protocol.training.service import Wanted

NOON = datetime(2026, 11, 26, 11, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2] / "protocol_definitions"
CONTENT = (ROOT / "ma-cyberharassment" / "1.yaml").read_bytes()
PASSWORD = "un mot de passe pour un essai"


def host_in(folder: Path) -> AppContext:
    """An installation with an academy and a trainer (`formateur`), its definition published; nobody else."""
    ctx = open_context(Settings(data=folder), TurnableClock(NOON))
    protocol = read(CONTENT, "1.yaml")
    with ctx.directory.writing() as session:
        region = auth_repository.add_unit(session, kind=UnitKind.region, code="R", names={"fr": "Académie"})
        protocol_repository.publish(
            session, protocol=protocol.protocol, version=1, digest=protocol.digest, content=CONTENT, published_at=NOON
        )
        for name in ("formateur", "formatrice", "academie"):
            account = auth_repository.add_account(
                session, username=name, names={"fr": name}, language="fr", created_at=NOON,
                password_hash=hash_password(PASSWORD),
            )  # fmt: skip
            role = "academy" if name == "academie" else "trainer"
            auth_repository.appoint(session, account, role=role, unit=region, starts=NOON.date())
    return ctx


def person(ctx: AppContext, name: str = "formateur") -> Actor:
    found = actor_named(ctx, name)
    assert found is not None
    return found


def sat(room: Room, *tables: int) -> None:
    """Somebody sits at each of these tables."""
    for table in tables:
        seats.join(room, table, "Bleu", ["team_member"], language="fr")


def rooms_at(host: AppContext) -> set[str]:
    """The workshops whose rooms are there; of what is left over its own name."""
    with training_of(host) as training, training.stores.room.reading() as session:
        return {workshop or room for room, workshop, _at in room_repository.every(session)}


def made(ctx: AppContext, scenario: str = "blackmail", tables: int = 3, hints: bool = True) -> WorkshopRow:
    """A workshop of the trainer's."""
    told = scenario_library.find_scenario(scenario)
    assert told is not None
    protocol, content = next(iter(scenario_library.protocols_of(told)))
    wanted = Wanted(tables, hints, "fr")
    return training_service.found(ctx, person(ctx), scenario_library.content_of(scenario), protocol, content, wanted)
