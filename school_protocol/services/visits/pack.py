"""The pack for a visit: one school, one PDF; its team, open cases as numbers, what waits, figures, the last visit.

It leaves the house on paper, for a school: no case number stands on it, and a case of which somebody of the school must
not know is not counted. Whoever issues it has read of each case that is; so it is noted.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from school_protocol.documents import rendering
from school_protocol.documents.papers.visit_pack import (
    Agreed,
    Counted,
    GridPlayed,
    LastVisit,
    Member,
    Played,
    VisitPack,
    visit_pack,
)
from school_protocol.documents.sealing.assembling import assembled
from school_protocol.documents.sealing.copies import Copy
from school_protocol.documents.sealing.overlays import overlay
from school_protocol.domain.errors import SentBefore, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.texts import Text
from school_protocol.domain.withholding import BAND, Band, banded, broken_down
from school_protocol.services.accounts import REALM
from school_protocol.services.house import House
from school_protocol.services.loading import account_names, scope_of, today_for
from school_protocol.services.papers.copies import ATTEMPTS
from school_protocol.services.papers.signing import signed
from school_protocol.services.visits import teams, visiting
from school_protocol.services.visits.figures import figures_of
from school_protocol.services.visits.reach import Sight
from school_protocol.services.visits.visiting import VisitView, write_down
from school_protocol.storage import access, administration, directory, once
from school_protocol.storage.administration import Kind
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.visits import open_cases
from school_protocol.storage.visits.open_cases import OpenCase
from school_protocol.wording import Wording

READ = "visit_pack"
"""What is noted as read of each case that the pack counts."""


@dataclass(frozen=True, slots=True)
class PackOptions:
    """What a pack can be asked for."""

    sight: Sight
    languages: tuple[str, ...]
    missing: str | None
    """What typesetting lacks on this machine."""


@dataclass(frozen=True, slots=True)
class PackIssued:
    name: str
    data: bytes
    copy: int


def see_pack(house: House, actor: Actor, school: str) -> PackOptions:
    """Whether a pack of that school is for this person; raises Unseen for whoever does not see its cases from above."""
    sight = teams.see_school(house, actor, school).sight
    if not sight.sees_cases or sight.visiting is None:
        raise Unseen(school)
    protocol = _protocol(house)
    languages = tuple(one for one in house.settings.languages if one in protocol.languages)
    return PackOptions(sight, languages, rendering.missing())


def issue_pack(house: House, actor: Actor, school: str, language: str, *, token: str = "") -> PackIssued:
    """One copy, numbered, signed and written down.

    Raises Unseen, SentBefore where that press led to a copy already, SealingError where it can't be signed.
    """
    options = see_pack(house, actor, school)
    if language not in options.languages:
        raise Unseen(language)
    sight, post = options.sight, options.sight.visiting
    assert post is not None
    press = once.press(house.vault, actor.id, token or secrets.token_hex(16), "visit-pack", school, language)
    with house.realm.reading() as session:
        _not_again(once.spent(session, press))
    for _attempt in range(ATTEMPTS):
        with house.directory.reading() as people:
            copy = administration.count(people, sight.unit.id, Kind.visit_pack_issued) + 1
        view, counted = _gathered(house, replace(sight, actor=replace(actor, language=language)))
        data = _made(house, actor.id, view, copy, language)
        with house.realm.writing() as session:
            _not_again(once.spent(session, press))
            with house.directory.writing() as people:
                directory.hold_unit(people, sight.unit.id)
                if administration.count(people, sight.unit.id, Kind.visit_pack_issued) + 1 != copy:
                    continue  # its number was given meanwhile
                copy_said = f"{copy} {language}"
                write_down(house, people, actor, post, Kind.visit_pack_issued, sight.unit.id, copy_said)
            for one in counted:
                access.note(session, case_id=one.case_id, account=actor.id, at=house.now(), what=READ)
            once.use(session, press, {"copy": copy}, at=house.now())
        return PackIssued(f"{sight.unit.code}-{today_for(house)}-{copy}-{language}.pdf", data, copy)
    raise StorageBusy(f"{school}: handed out each time while a copy was being made")


def _not_again(before: Mapping[str, object] | None) -> None:
    if before is not None:
        raise SentBefore(before)


def _protocol(house: House) -> Protocol:
    """The definition whose figures a pack tells; raises Unseen where none tells any."""
    found = next((one for one in house.library.current() if one.figures is not None), None)
    if found is None:
        raise Unseen("pack")
    return found


# ---- what stands on it ---------------------------------------------------------------------------------------------


def _gathered(house: House, sight: Sight) -> tuple[VisitPack, tuple[OpenCase, ...]]:
    school = teams.see_school(house, sight.actor, sight.unit.code)
    with house.directory.reading() as session:
        above = tuple(directory.units(session, sight.unit.parents).values())
    now, today = house.now(), today_for(house)
    with house.realm.reading() as session:
        found = open_cases.open_cases(session, scope_of(house, sight.actor), sight.unit.id, today=today)
        ids = [one.case_id for one in found]
        late = open_cases.overdue(session, ids, now)
        observations, silent = open_cases.observations(session, ids), open_cases.silent(session, ids, now)
    last, _after = visiting.visits_of(house, sight, limit=1)
    figures = figures_of(house, sight)
    pack = VisitPack(
        protocol=figures.protocol,
        unit=sight.unit,
        places=above,
        as_of=now,
        members=tuple(
            Member(one.name, one.protocol, one.role, one.trained_until, one.is_trained, one.is_awaited)
            for one in school.line.members
        ),
        trained=school.line.trained,
        wanted=school.rules.size if school.rules else 0,
        open_cases=_about(len(found)),
        stages=_by_stage(house, found),
        levels=_by_level(house, found),
        late=_late(house, late) if len(found) >= BAND else None,
        observations=_about(observations),
        silent=_about(silent),
        span=figures.span,
        figures=figures.figures,
        played=Played(
            figures.workshops.count,
            tuple(GridPlayed(one.title, one.tables, one.share) for one in figures.workshops.grids),
        ),
        visit=_visit(last[0]) if last else None,
    )  # fmt: skip
    return pack, found


def _visit(one: VisitView) -> LastVisit:
    agreed = tuple(Agreed(each.what, each.who, each.by, each.done_on) for each in one.actions)
    return LastVisit(one.held_on, one.came, one.remarks, agreed)


def _by_stage(house: House, found: tuple[OpenCase, ...]) -> tuple[Counted, ...]:
    titles: dict[str, Text] = {}
    counts: Counter[str] = Counter()
    for one in found:
        stages = house.library.protocol(one.protocol, one.version).stages
        titles.setdefault(one.stage, stages[one.stage].title)
        counts[one.stage] += 1
    order = dict.fromkeys(key for protocol in house.library.every() for key in protocol.stages)
    return _broken_down(len(found), [(titles[key], counts[key]) for key in order if key in counts])


def _by_level(house: House, found: tuple[OpenCase, ...]) -> tuple[Counted, ...]:
    titles: dict[int, Text] = {}
    for one in found:
        for grid in house.library.protocol(one.protocol, one.version).grids.values():
            if one.level is not None and one.level in grid.levels:
                titles.setdefault(one.level, grid.levels[one.level].title)
    counts = Counter(one.level for one in found)
    rows: list[tuple[Text | None, int]] = [(titles[level], counts[level]) for level in sorted(titles)]
    return _broken_down(len(found), [*rows, (None, counts[None])] if counts[None] else rows)


def _late(house: House, late: Mapping[str, int]) -> tuple[Counted, ...]:
    titles = {key: one.title for protocol in house.library.every() for key, one in protocol.deadlines.items()}
    return tuple(Counted(titles[key], banded(number)) for key, number in late.items() if key in titles)


def _about(count: int) -> Band | None:
    return banded(count) if count else None


def _broken_down(total: int, rows: Sequence[tuple[Text | None, int]]) -> tuple[Counted, ...]:
    """The rows by tens; none where the cases are too few, or the rows would give them away."""
    told = broken_down(banded(total), [number for _title, number in rows])
    return tuple(Counted(title, band) for (title, _number), band in zip(rows, told or (), strict=bool(told)))


def _made(house: House, reader: str, view: VisitPack, copy: int, language: str) -> bytes:
    wording = Wording(language)
    now = view.as_of
    line = Copy(copy, account_names(house, [reader], language).get(reader, "—"), now, "", 0)
    watermark = "" if house.name == REALM else wording._("TRAINING")
    about = wording._("What belongs to this copy alone")
    whole = assembled(visit_pack(view, wording), overlay(line, wording, watermark), line, about, has_record=False)
    return signed(house, view.unit, whole, now, wording)
