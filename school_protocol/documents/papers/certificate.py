"""The certificate of somebody who passed a workshop: one page, A4 across, and nothing of the case that was played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.rendering import render, template
from school_protocol.wording import Wording

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
