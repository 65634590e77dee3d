"""The pack for a visit: one school as one PDF; its team, open cases as numbers, what waits, figures, the last visit."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from markupsafe import Markup

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import ATTEMPTS, Issued, signed
from school_protocol.cases.loading import account_names, scope_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import SentBefore, Unseen
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import ZONE, Wording
from school_protocol.pdf import bidi, rendering
from school_protocol.pdf.rendering import render, template
from school_protocol.pdf.verdicts import Copy
from school_protocol.people.roster import write_down
from school_protocol.statistics.presenters import Letterhead, band_said
from school_protocol.statistics.release_files import numbered
from school_protocol.statistics.rules import BAND, Band, banded, broken_down
from school_protocol.storage import access_log, administration_log, idempotency
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.supervision import regional_teams, repository, visit_service
from school_protocol.supervision.regional_teams import MemberLine, Sight
from school_protocol.supervision.repository import OpenCase
from school_protocol.supervision.team_rules import Span, TeamFigures, WaitLine
from school_protocol.supervision.team_statistics import TeamWorkshops, figures_of
from school_protocol.supervision.visit_service import VisitView

NOTES = 24
"""Lines to write on."""


@dataclass(frozen=True, slots=True)
class Counted:
    """About how many cases of something; without a title: not assessed yet."""

    title: Text | None
    number: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPack:
    """Everything that a pack prints. `wanted`: how many trained people a team has; 0: nothing says it.

    Cases are counted by tens, None for none: of fewer nothing is broken down by stage, level or what is late.
    """

    protocol: Protocol
    unit: Unit
    places: tuple[Unit, ...]
    as_of: datetime
    members: tuple[MemberLine, ...]
    trained: int
    wanted: int
    open_cases: Band | None
    stages: tuple[Counted, ...]
    levels: tuple[Counted, ...]
    late: tuple[Counted, ...] | None
    observations: Band | None
    silent: Band | None
    span: Span
    figures: TeamFigures
    played: TeamWorkshops
    visit: VisitView | None


def visit_pack(view: VisitPack, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    lines = Lines(view, wording)
    return render(
        visit_pack_html(view, wording),
        title=lines.title,
        language=wording.html_language,
        identifier="|".join(("visit-pack", view.unit.code, view.as_of.isoformat(), wording.language)),
        moment=view.as_of,
        accessible=True,
    )


def visit_pack_html(view: VisitPack, wording: Wording) -> str:
    """The pages that the PDF is made of."""
    lines = Lines(view, wording)
    return template("visit_pack.html").render(
        view=view, lines=lines, w=wording, _=wording.gettext, ngettext=wording.ngettext, line=lines.line,
        text=lines.text, day=lines.day, code=bidi.code, notes=NOTES,
        paragraphs=lambda text: bidi.paragraphs(text, wording.direction, wording.language),
    )  # fmt: skip


class Lines(Letterhead):
    """What the template asks: the pack's parts in the words of one language."""

    def __init__(self, view: VisitPack, wording: Wording) -> None:
        super().__init__(view.protocol, view.places, wording)
        self.view = view

    @property
    def title(self) -> str:
        return f"{self.w._('Visit pack')} {self.view.unit.code}"

    def day(self, value: date | datetime) -> Markup:
        found = value.astimezone(ZONE).date() if isinstance(value, datetime) else value
        return Markup('<span class="nowrap">{}</span>').format(self.line(self.w.day(found)))

    def member(self, one: MemberLine) -> Markup:
        if one.is_awaited:
            return self.line(self.w._("Not signed in yet"))
        if one.trained_until is None:
            return self.line(self.w._("Not certified"))
        message = self.w._("Certified until %(day)s") if one.is_trained else self.w._("Certificate ended on %(day)s")
        return self.line(message % {"day": self.w.day(one.trained_until)})

    def counted(self, one: Counted) -> Markup:
        return self.text(one.title) if one.title is not None else self.line(self.w._("Not assessed yet"))

    def period(self) -> str:
        return period_said(self.w, self.view.span)

    def band(self, band: Band | None) -> Markup:
        return self.line(band_said(self.w, band) if band else self.w._("none"))

    def wait(self, one: WaitLine) -> Markup:
        return self.line(wait_label(self.w, one))

    def share(self, found: tuple[int, int] | None) -> Markup:
        return self.line(share_label(self.w, found))


# ---- figures of a team in words, for pages too ---------------------------------------------------------------------


def period_said(w: Wording, span: Span) -> str:
    """A school year, or one of its terms."""
    year = f"{span.year}–{span.year + 1}"
    return f"{w.text(span.title)} · {year}" if span.title else year


def share_label(w: Wording, found: tuple[int, int] | None) -> str:
    """Between which percentages something lies."""
    if found is None:
        return w._("too few to tell")
    return w._("%(low)s to %(high)s", low=w.percent(found[0]), high=w.percent(found[1]))


def wait_label(w: Wording, one: WaitLine) -> str:
    """Within what time half of the cases came so far."""
    if not one.is_told:
        return w._("too few to tell")
    if one.most is None:
        return w._("%(time)s: not reached", time=w.within(one.low or 0, one.unit))
    return w.within(one.most, one.unit) if one.most else w._("on the same day")


# ---- what the pack holds -------------------------------------------------------------------------------------------
# It leaves the site: no case number stands on it, and a case of which somebody of the school must not know is not
# counted. Whoever issues it has read of each case that is; so it is noted.

READ = "visit_pack"
"""What is noted as read of each case that the pack counts."""


@dataclass(frozen=True, slots=True)
class PackOptions:
    """What a pack can be asked for."""

    sight: Sight
    languages: tuple[str, ...]
    missing: str | None
    """What typesetting lacks on this machine."""


def see_pack(ctx: AppContext, actor: Actor, school: str) -> PackOptions:
    """Whether a pack of that school is for this person; raises Unseen for whoever does not see its cases from above."""
    sight = regional_teams.see_school(ctx, actor, school).sight
    if not sight.sees_cases or sight.visiting is None:
        raise Unseen(school)
    protocol = _protocol(ctx)
    languages = tuple(one for one in ctx.settings.languages if one in protocol.languages)
    return PackOptions(sight, languages, rendering.missing())


def issue_pack(ctx: AppContext, actor: Actor, school: str, language: str, *, token: str = "") -> Issued:
    """One copy, numbered, signed and written down.

    Raises Unseen, SentBefore where that press led to a copy already, SealingError where it can't be signed.
    """
    options = see_pack(ctx, actor, school)
    if language not in options.languages:
        raise Unseen(language)
    sight, post = options.sight, options.sight.visiting
    assert post is not None
    press = idempotency.press(ctx.vault, actor.id, token or secrets.token_hex(16), "visit-pack", school, language)
    with ctx.realm.reading() as session:
        _not_again(idempotency.spent(session, press))
    for _attempt in range(ATTEMPTS):
        with ctx.directory.reading() as people:
            copy = administration_log.count_entries(people, sight.unit.id, Kind.visit_pack_issued) + 1
        view, counted = _gathered(ctx, replace(sight, actor=replace(actor, language=language)))
        data = _made(ctx, actor.id, view, copy, language)
        with ctx.realm.writing() as session:
            _not_again(idempotency.spent(session, press))
            with ctx.directory.writing() as people:
                auth_repository.hold_unit(people, sight.unit.id)
                if administration_log.count_entries(people, sight.unit.id, Kind.visit_pack_issued) + 1 != copy:
                    continue  # its number was given meanwhile
                copy_said = f"{copy} {language}"
                write_down(ctx, people, actor, post, Kind.visit_pack_issued, sight.unit.id, copy_said)
            for one in counted:
                access_log.note(session, case_id=one.case_id, account=actor.id, at=ctx.now(), what=READ)
            idempotency.use(session, press, {"copy": copy}, at=ctx.now())
        return Issued(f"{sight.unit.code}-{today_for(ctx)}-{copy}-{language}.pdf", data, copy=copy)
    raise StorageBusy(f"{school}: handed out each time while a copy was being made")


def _not_again(before: Mapping[str, object] | None) -> None:
    if before is not None:
        raise SentBefore(before)


def _protocol(ctx: AppContext) -> Protocol:
    """The definition whose figures a pack tells; raises Unseen where none tells any."""
    found = next((one for one in ctx.library.current() if one.figures is not None), None)
    if found is None:
        raise Unseen("pack")
    return found


# ---- what stands on it ---------------------------------------------------------------------------------------------


def _gathered(ctx: AppContext, sight: Sight) -> tuple[VisitPack, tuple[OpenCase, ...]]:
    school = regional_teams.see_school(ctx, sight.actor, sight.unit.code)
    with ctx.directory.reading() as session:
        above = tuple(auth_repository.find_units(session, sight.unit.parents).values())
    now, today = ctx.now(), today_for(ctx)
    with ctx.realm.reading() as session:
        found = repository.open_cases(session, scope_of(ctx, sight.actor), sight.unit.id, today=today)
        ids = [one.case_id for one in found]
        late = repository.overdue(session, ids, now)
        observations, silent = repository.observations(session, ids), repository.silent(session, ids, now)
    last, _after = visit_service.visits_of(ctx, sight, limit=1)
    figures = figures_of(ctx, sight)
    pack = VisitPack(
        protocol=figures.protocol,
        unit=sight.unit,
        places=above,
        as_of=now,
        members=school.line.members,
        trained=school.line.trained,
        wanted=school.rules.size if school.rules else 0,
        open_cases=_about(len(found)),
        stages=_by_stage(ctx, found),
        levels=_by_level(ctx, found),
        late=_late(ctx, late) if len(found) >= BAND else None,
        observations=_about(observations),
        silent=_about(silent),
        span=figures.span,
        figures=figures.figures,
        played=figures.workshops,
        visit=last[0] if last else None,
    )  # fmt: skip
    return pack, found


def _by_stage(ctx: AppContext, found: tuple[OpenCase, ...]) -> tuple[Counted, ...]:
    titles: dict[str, Text] = {}
    counts: Counter[str] = Counter()
    for one in found:
        stages = ctx.library.protocol(one.protocol, one.version).stages
        titles.setdefault(one.stage, stages[one.stage].title)
        counts[one.stage] += 1
    order = dict.fromkeys(key for protocol in ctx.library.every() for key in protocol.stages)
    return _broken_down(len(found), [(titles[key], counts[key]) for key in order if key in counts])


def _by_level(ctx: AppContext, found: tuple[OpenCase, ...]) -> tuple[Counted, ...]:
    titles: dict[int, Text] = {}
    for one in found:
        for grid in ctx.library.protocol(one.protocol, one.version).grids.values():
            if one.level is not None and one.level in grid.levels:
                titles.setdefault(one.level, grid.levels[one.level].title)
    counts = Counter(one.level for one in found)
    rows: list[tuple[Text | None, int]] = [(titles[level], counts[level]) for level in sorted(titles)]
    return _broken_down(len(found), [*rows, (None, counts[None])] if counts[None] else rows)


def _late(ctx: AppContext, late: Mapping[str, int]) -> tuple[Counted, ...]:
    titles = {key: one.title for protocol in ctx.library.every() for key, one in protocol.deadlines.items()}
    return tuple(Counted(titles[key], banded(number)) for key, number in late.items() if key in titles)


def _about(count: int) -> Band | None:
    return banded(count) if count else None


def _broken_down(total: int, rows: Sequence[tuple[Text | None, int]]) -> tuple[Counted, ...]:
    """The rows by tens; none where the cases are too few, or the rows would give them away."""
    told = broken_down(banded(total), [number for _title, number in rows])
    return tuple(Counted(title, band) for (title, _number), band in zip(rows, told or (), strict=bool(told)))


def _made(ctx: AppContext, reader: str, view: VisitPack, copy: int, language: str) -> bytes:
    wording = Wording(language)
    name = account_names(ctx, [reader], language).get(reader, "—")
    whole = numbered(visit_pack(view, wording), Copy(copy, name, view.as_of, "", 0), wording, realm=ctx.name)
    return signed(ctx, view.unit, whole, view.as_of, wording)
