"""Certificates of workshops: the PDF page, copies numbered and signed, and the academy's register of who passed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from markupsafe import Markup

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import signed
from school_protocol.cases.loading import account_names
from school_protocol.context import AppContext, today_for
from school_protocol.engine.errors import SentBefore, Unseen
from school_protocol.engine.visibility import Actor, Permission, Unit
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.assemble import assembled, overlay
from school_protocol.pdf.rendering import render, template
from school_protocol.pdf.verdicts import Copy
from school_protocol.people import attestation_repository
from school_protocol.people.attestation_repository import Attestation, Handed
from school_protocol.people.spreadsheets import written
from school_protocol.storage.case_numbers import format_number
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.supervision.regional_teams import rules_of
from school_protocol.training import attestation_service
from school_protocol.training.attestation_service import PROTOCOL_TITLE, SCENARIO_TITLE

_LONG = 34
"""A name of more letters than these is set smaller, so that the page stays one."""
_VERY_LONG = 60
_CROWDED = 260
"""More letters than these, all in all, and everything is set smaller."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is printed. `number`: as it is said; names of places, scenario and protocol: by language."""

    number: str
    name: str = field(repr=False)
    scenario: Mapping[str, str]
    protocol: Mapping[str, str]
    version: int
    held_on: date
    minutes: int
    valid_until: date
    academy: Mapping[str, str]
    trainer: str
    attested_at: datetime
    address: str = ""
    """Where it can be checked; empty: the installation has no address."""


def certificate(view: Certificate, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    told = (
        view.number, view.name, view.held_on, view.minutes, view.valid_until, view.trainer, wording.language,
        view.address, sorted(view.scenario.items()), sorted(view.protocol.items()), view.version,
        sorted(view.academy.items()),
    )  # fmt: skip
    return render(
        certificate_html(view, wording),
        title=f"{wording._('Training certificate')} {view.number}",
        language=wording.html_language,
        identifier="|".join(str(part) for part in ("certificate", *told)),
        moment=view.attested_at,
        accessible=True,
    )


def certificate_html(view: Certificate, wording: Wording) -> str:
    """The page that the PDF is made of."""

    def line(value: object) -> Markup:
        return bidi.isolated(str(value), wording.direction)

    def named(names: Mapping[str, str]) -> str:
        return names.get(wording.language) or next(iter(names.values()))

    letters = len(view.name)
    said = (named(view.scenario), named(view.protocol), named(view.academy), view.trainer, view.name)
    return template("certificate.html").render(
        view=view, w=wording, _=wording.gettext, ngettext=wording.ngettext, line=line, code=bidi.code, named=named,
        lasted=_lasted(wording, view.minutes),
        is_crowded=sum(map(len, said)) > _CROWDED,
        size="smallest" if letters > _VERY_LONG else "smaller" if letters > _LONG else "",
    )  # fmt: skip


def _lasted(w: Wording, minutes: int) -> str:
    """How long, in hours and minutes."""
    hours, rest = divmod(minutes, 60)
    said = []
    if hours:
        said.append(w.ngettext("%(num)d hour", "%(num)d hours", hours))
    if rest or not hours:
        said.append(w.ngettext("%(num)d minute", "%(num)d minutes", rest))
    return w.listed(said)


# ---- one copy after the other, each numbered, signed and written down ----------------------------------------------

ATTEMPTS = 5
VERIFY = "/verify"


def issue(
    ctx: AppContext, actor: Actor, workshop: str, attestation: str, language: str, *, token: str
) -> tuple[str, bytes]:
    """One copy of a certificate that stands, to the trainer who attested it: its file's name, and the PDF.

    Raises Unseen, also of one that was withdrawn or of somebody who did not pass; SentBefore where that press led to a
    copy already; SealingError where it can't be signed: then nothing was handed out.
    """
    one = attestation_service.own(ctx, actor, workshop, attestation)
    if not one.passed or one.withdrawn is not None or not one.name or language not in ctx.settings.languages:
        raise Unseen(attestation)
    pressed = ctx.vault.chain("certificate-press-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()
    for _attempt in range(ATTEMPTS):
        with ctx.directory.reading() as session:
            copy = attestation_repository.copies(session, one.id) + 1
            before = attestation_repository.pressed(session, pressed)
        if before is not None:
            raise SentBefore({"copy": before})
        data = _made(ctx, one, copy, Wording(language))
        digest = hashlib.sha256(data).hexdigest()
        with ctx.directory.writing() as session:
            now = attestation_repository.find(session, ctx.vault, one.id)
            if now is None or now.withdrawn is not None:
                raise Unseen(attestation)
            if attestation_repository.write(
                session, Handed(one.id, copy, language, actor.id, ctx.now(), digest, pressed)
            ):
                return f"{one.number}-{copy}-{language}.pdf", data
    raise StorageBusy(f"{one.number}: handed out each time while a copy was being made")


def _made(ctx: AppContext, one: Attestation, copy: int, wording: Wording) -> bytes:
    with ctx.directory.reading() as session:
        academy = auth_repository.unit(session, one.academy)
    assert one.valid_until is not None
    base = ctx.settings.address.rstrip("/")
    view = Certificate(
        number=format_number(one.number), name=one.name, scenario=one.titles[SCENARIO_TITLE],
        protocol=one.titles[PROTOCOL_TITLE], version=one.protocol_version, held_on=one.held_on, minutes=one.minutes,
        valid_until=one.valid_until, academy=academy.names,
        trainer=account_names(ctx, [one.attested_by], wording.language).get(one.attested_by, "—"),
        attested_at=one.attested_at, address=f"{base}{VERIFY}" if base else "",
    )  # fmt: skip
    pages = certificate(view, wording)
    line = Copy(copy, one.name, ctx.now(), "", 0)
    about = wording._("What belongs to this copy alone")
    whole = assembled(pages, overlay(line, wording, landscape=True), line, about, has_record=False)
    return signed(ctx, academy, whole, ctx.now(), wording)


# ---- the register: who was attested by the academy's trainers, until when, whose certificate ends ------------------

PAGE = 50
CHUNK = 200
DAYS = 90
"""A certificate that ends within so many days ends soon, where no definition in force says otherwise."""


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """One attestation, with its trainer's name; `ends_soon`: within the days of the register, with no later one."""

    attestation: Attestation
    trainer: str
    ends_soon: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class RegisterView:
    """A page of the register; `after`: where the next one begins, empty where there is none."""

    academies: tuple[Unit, ...]
    lines: tuple[RegisterLine, ...]
    days: int
    ending: bool
    after: str


def _academies(ctx: AppContext, actor: Actor) -> tuple[str, ...]:
    held = permissions.posts_with(ctx, actor, Permission.see_certificates)
    return tuple(dict.fromkeys(one.unit for one in held))


def see_register(ctx: AppContext, actor: Actor, *, ending: bool = False, after: str = "") -> RegisterView:
    """The attestations of one's academies, the latest workshop first, all or those that end soon. Raises Unseen."""
    academies = _academies(ctx, actor)
    if not academies:
        raise Unseen("register")
    days, place = _days(ctx), _cursor(after)
    found = _page(ctx, actor, academies, ending, days, place, PAGE + 1)
    with ctx.directory.reading() as session:
        units = tuple(auth_repository.find_units(session, academies).values())
    last = found[PAGE - 1].attestation if len(found) > PAGE else None
    further = f"{last.held_on.isoformat()}~{last.id}" if last else ""
    return RegisterView(units, tuple(found[:PAGE]), days, ending, further)


def _days(ctx: AppContext) -> int:
    rules = rules_of(ctx)
    return rules.ending_days if rules is not None else DAYS


def _cursor(after: str) -> tuple[date, str] | None:
    if not after:
        return None
    day, _, attestation = after.partition("~")
    try:
        return date.fromisoformat(day), attestation
    except ValueError:
        raise Unseen(after) from None


def _page(
    ctx: AppContext, actor: Actor, academies: Sequence[str], ending: bool, days: int, after: tuple[date, str] | None,
    limit: int,
) -> list[RegisterLine]:  # fmt: skip
    today = today_for(ctx)
    soon = (today, today + timedelta(days=days))
    with ctx.directory.reading() as session:
        found = attestation_repository.of_academies(
            session, ctx.vault, academies, ending=soon if ending else None, after=after, limit=limit
        )
        renewed = attestation_repository.renewed(session, [one.id for one in found])
        names = auth_repository.accounts(session, {one.attested_by for one in found})
    return [
        RegisterLine(
            one,
            names[one.attested_by].name(actor.language) if one.attested_by in names else "—",
            _stands(one) and one.id not in renewed and soon[0] <= (one.valid_until or soon[0]) <= soon[1],
            _stands(one) and one.valid_until is not None and one.valid_until < today,
        )
        for one in found
    ]


def _stands(one: Attestation) -> bool:
    return one.passed and one.withdrawn is None


def register_list(
    ctx: AppContext, actor: Actor, head: Iterable[str], say: Callable[[RegisterLine], Sequence[str]], *, ending: bool
) -> Iterator[bytes]:
    """The whole register as a list for a spreadsheet; `head` and `say` are the reader's words. Raises Unseen."""
    academies = _academies(ctx, actor)
    if not academies:
        raise Unseen("register")
    days = _days(ctx)

    def every() -> Iterator[Sequence[str]]:
        after: tuple[date, str] | None = None
        while True:
            found = _page(ctx, actor, academies, ending, days, after, CHUNK)
            yield from map(say, found)
            if len(found) < CHUNK:
                return
            after = (found[-1].attestation.held_on, found[-1].attestation.id)

    return written(head, every())
