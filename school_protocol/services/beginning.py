"""An installation's first day: its country, the usual school year, the protocol, and who lets all others in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from school_protocol.definitions import read
from school_protocol.domain.errors import BadInput, SchoolProtocolError
from school_protocol.domain.policy import UnitKind
from school_protocol.domain.protocol import Protocol
from school_protocol.services import school_time
from school_protocol.services.house import House
from school_protocol.services.identity.administering import BY_COMMAND
from school_protocol.services.staff.changing import Problems, check_names, check_username
from school_protocol.services.staff.planning import CODE
from school_protocol.storage import administration, directory
from school_protocol.storage.administration import Change, Kind
from school_protocol.storage.engines import Session

SHIPPED = "ma-cyberharassment"


class BegunAlready(SchoolProtocolError):
    """Something is there: an installation begins once."""


@dataclass(frozen=True, slots=True)
class First:
    """Who administers first, and where: names in French and in Arabic, one of which may be empty."""

    username: str
    names: tuple[str, str]
    code: str
    country: tuple[str, str]


def found(house: House, first: First, content: bytes | None = None) -> Protocol:
    """The country, its calendar, a published protocol, the first administrator; all of it or nothing.

    `content`: another definition than the one shipped. Raises BegunAlready, DefinitionError, BadInput.
    """
    content = content if content is not None else shipped()
    protocol = read(content, "definition")
    role = next((role.key for role in protocol.roles.values() if role.administers), None)
    if role is None:
        raise BegunAlready(f"no role of {protocol.protocol} administers accounts: nobody could let others in")
    problems: Problems = {}
    username, names = check_username(first.username, problems), check_names(*first.names, problems)
    country_names, code = check_names(*first.country, problems), first.code
    if not CODE.fullmatch(code):
        problems["code"] = ("not_a_code",)
    if problems:
        raise BadInput(problems)
    now = house.now()
    with house.directory.writing() as session:
        if directory.has_units(session):
            raise BegunAlready("this installation has begun: places and accounts come by `users import`")
        country = directory.add_unit(session, kind=UnitKind.country, code=code, names=country_names)
        directory.set_calendar(session, country, school_time.usual())
        directory.publish(
            session, protocol=protocol.protocol, version=protocol.version, digest=protocol.digest, content=content,
            published_at=now,
        )  # fmt: skip
        account = directory.add_account(
            session, username=username, names=names, language=house.settings.default_language,
            created_at=now,
        )  # fmt: skip
        post = directory.appoint(session, account, role=role, unit=country, starts=now.date())
        _write_down(session, now, account, country, role, post)
    return protocol


def _write_down(session: Session, now: datetime, account: str, country: str, role: str, post: str) -> None:
    for kind in (Kind.unit_created, Kind.account_created, Kind.appointed):
        administration.write(
            session,
            Change(
                at=now, actor=account, kind=kind, unit=country, account=account, role=role, appointment=post,
                reason=BY_COMMAND, starts=now.date() if kind is Kind.appointed else None,
            ),
        )  # fmt: skip


def shipped() -> bytes:
    """The Moroccan definition that comes with the program."""
    return (files("school_protocol.protocol_definitions") / SHIPPED / "1.yaml").read_bytes()
