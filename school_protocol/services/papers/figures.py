"""Reports of issued figures: one copy of one unit of one release, numbered, signed and written down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from school_protocol.documents.papers.figure_lines import figures_list
from school_protocol.documents.papers.figure_report import FigureReport, figure_report
from school_protocol.documents.papers.figure_sheets import figures_xlsx
from school_protocol.documents.papers.figure_years import years_csv, years_xlsx
from school_protocol.documents.papers.figure_years_report import YearsReport, years_report
from school_protocol.documents.sealing.assembling import assembled
from school_protocol.documents.sealing.copies import Copy
from school_protocol.documents.sealing.overlays import overlay
from school_protocol.domain.errors import SentBefore, Unseen
from school_protocol.domain.figure_releases import Told
from school_protocol.domain.policy import Actor, Unit, UnitKind
from school_protocol.services.figures import seeing
from school_protocol.services.house import House
from school_protocol.services.loading import account_names
from school_protocol.services.papers.signing import academy_of, signed
from school_protocol.storage import directory
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.figures import releases
from school_protocol.storage.figures.releases import Paper
from school_protocol.wording import Wording

ATTEMPTS = 5
CSV, XLSX = "csv", "xlsx"
SHEETS = {CSV: "text/csv", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
"""Sheets that are handed out, with what they are."""


@dataclass(frozen=True, slots=True)
class FigureFile:
    name: str
    data: bytes
    kind: str = "application/pdf"
    copy: int = 0


def sheet_of(house: House, actor: Actor, protocol: str, code: str, release: str, kind: str) -> FigureFile:
    """A release as a sheet, in this person's language: it names nobody, and no copy is counted. Raises Unseen."""
    told = _told(house, actor, protocol, code, release)
    if kind not in SHEETS:
        raise Unseen(kind)
    wording = Wording(actor.language)
    data = figures_list([told], wording) if kind == CSV else figures_xlsx(told, wording)
    return FigureFile(_name(told, f"{wording.language}.{kind}"), data, SHEETS[kind])


def years_sheet(house: House, actor: Actor, protocol: str, code: str, kind: str) -> FigureFile:
    """School years side by side as a file, in this person's language: one of SHEETS, or a PDF; no copy is counted.

    Raises Unseen, also where none was issued, and DocumentsUnavailable.
    """
    view = seeing.see_years(house, actor, protocol, code)
    if not view.told:
        raise Unseen(kind)
    unit, wording = view.place.unit, Wording(actor.language)
    name = f"{unit.code}-{view.told[0].line.year}-{view.told[-1].line.year + 1}.{wording.language}.{kind}"
    match kind:
        case "csv":
            return FigureFile(name, years_csv(view.told, wording), SHEETS[CSV])
        case "xlsx":
            return FigureFile(name, years_xlsx(view.told, wording), SHEETS[XLSX])
        case "pdf":
            latest = view.told[-1].line
            version = house.library.protocol(protocol, latest.version)
            return FigureFile(name, years_report(YearsReport(view.told, version, _above(house, unit)), wording))
    raise Unseen(kind)


def issue_report(
    house: House, actor: Actor, protocol: str, code: str, release: str, language: str, *, token: str
) -> FigureFile:
    """One copy of the report on a unit.

    Raises Unseen, SentBefore where that press led to a copy already, SealingError where it can't be signed.
    """
    told = _told(house, actor, protocol, code, release)
    if language not in house.settings.languages:
        raise Unseen(language)
    press = house.vault.chain("figure-paper-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()
    wording, now = Wording(language), house.now()
    view = FigureReport(
        told, house.library.protocol(protocol, told.line.version), _above(house, told.unit.unit),
        account_names(house, [told.line.by], language).get(told.line.by, "—"),
    )  # fmt: skip
    pages = figure_report(view, wording)
    reader = account_names(house, [actor.id], language).get(actor.id, "—")
    for _attempt in range(ATTEMPTS):
        with house.directory.reading() as session:
            _not_again(releases.pressed(session, press))
            copy = releases.copies(session, release, told.unit.unit.id) + 1
        line = Copy(copy, reader, now, "", 0)
        about = wording._("What belongs to this copy alone")
        whole = assembled(pages, overlay(line, wording, ""), line, about, has_record=False)
        data = _signed(house, told.unit.unit, whole, wording)
        paper = Paper(
            release=release, unit=told.unit.unit.id, copy=copy, language=language, actor=actor.id, at=now,
            digest=hashlib.sha256(data).hexdigest(), press=press,
        )  # fmt: skip
        with house.directory.writing() as session:
            _not_again(releases.pressed(session, press))
            if releases.write_paper(session, paper):
                return FigureFile(_name(told, f"{copy}-{language}.pdf"), data, copy=copy)
    raise StorageBusy(f"{code}: handed out each time while a copy was being made")


def _told(house: House, actor: Actor, protocol: str, code: str, release: str) -> Told:
    place = seeing.place_of(house, actor, protocol, code)
    told = seeing.see_told(house, place.unit, release)
    if told.line.protocol != protocol:
        raise Unseen(release)
    return told


def _signed(house: House, unit: Unit, data: bytes, wording: Wording) -> bytes:
    """In the name of its academy; what is of no academy goes unsigned, unless the installation has a key for it."""
    folder = house.settings.signing_folder
    signer = academy_of(house, unit)
    if folder is not None and signer.kind is not UnitKind.region and not (folder / f"{signer.code}.pem").is_file():
        return data
    return signed(house, unit, data, house.now(), wording)


def _not_again(before: Paper | None) -> None:
    if before is not None:
        raise SentBefore({"copy": before.copy})


def _above(house: House, unit: Unit) -> tuple[Unit, ...]:
    with house.directory.reading() as session:
        return tuple(directory.units(session, unit.parents).values())


def _name(told: Told, end: str) -> str:
    return f"{told.unit.code}-{told.line.year}-{told.line.number}-{end}"
