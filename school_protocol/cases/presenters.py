"""Presenters of the pages of a case: answers found by their question's type, acts on paper, contacts to refer to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from flask import Flask, url_for

from school_protocol.cases import story_lines
from school_protocol.cases.on_paper import OnPaper
from school_protocol.cases.story_lines import StoryWords
from school_protocol.cases.view_models import AccountLine, ActView, CallLine, CaseHead, RecordView
from school_protocol.engine.actors import AT, BY
from school_protocol.engine.definition import Act, ActKind, Danger, DangerGroup, Grid, Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.story import StoryLine
from school_protocol.engine.texts import N_
from school_protocol.language import ZONE, Wording
from school_protocol.people.contacts import ContactLine
from school_protocol.ui.fields import Moment, Offered, OneOf, Posted, Question, local_moment
from school_protocol.ui.rendering import wording

Names = Mapping[str, str]
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def init_app(app: Flask) -> None:
    """Make these known to every template."""
    app.jinja_env.globals.update(_GLOBALS)


def answered(record: RecordView, *types: str) -> Any:
    """The raw answer of the first question of one of these types; None where it was not answered."""
    return next((record.answers[item.key] for item in _asked(record, types)), None)


def reading_told(record: RecordView, protocol: Protocol, names: Names, *types: str) -> list[tuple[str, str]]:
    """Questions of these types that were answered, each with its answer in words."""
    w = wording()
    return [
        (w.text(item.label), w.answer(protocol, item, record.answers[item.key], names))
        for item in _asked(record, types)
    ]


def in_words(record: RecordView, protocol: Protocol, names: Names, *types: str) -> str:
    """The first of those answers, in words; empty where there is none."""
    return next((said for _label, said in reading_told(record, protocol, names, *types)), "")


def act_of_kind(protocol: Protocol, kind: str) -> Act | None:
    """The definition's first act of a kind."""
    return next(protocol.acts_of(ActKind(kind)), None)


def in_lines(protocol: Protocol, story: Iterable[StoryLine]) -> list[StoryWords]:
    """What happened, each line as a sentence."""
    return story_lines.told(wording(), protocol, story)


def case_pages(head: CaseHead) -> list[tuple[str, str, str, int | None]]:
    """The pages of a case that this reader has, in the order of their row: key, title, address, how much is on each."""
    _ = wording()._

    def page(key: str, title: str, endpoint: str, part: str | None = None) -> tuple[str, str, str, int | None]:
        return key, title, url_for(f"cases.{endpoint}", number=head.number, part=part), head.counts.get(key)

    every = (
        page("people", _("People"), "part", "people"),
        page("chronology", _("Story"), "chronology"),
        page("pieces", _("Pieces"), "evidence"),
        page("outcomes", _("Outcomes"), "part", "outcomes"),
    )
    return [page("show", _("To do"), "show"), *(one for one in every if one[0] in head.counts)]


def grid_of(form: Form, protocol: Protocol) -> Grid | None:
    """The grid that a form asks for."""
    item = form.find(FieldType.grid)
    return protocol.grids[item.grid or next(iter(protocol.grids))] if item else None


def sign_label(view: ActView) -> str:
    """What the definition calls the signature that this form asks for."""
    item = view.form.find(FieldType.signature)
    return wording().text(item.label) if item else ""


def subject_of(protocol: Protocol, subject: str) -> str:
    """What a count is about, for display: a danger's title, a day; else the person's label or the number that it is."""
    w, danger = wording(), protocol.dangers.get(subject)
    if danger is not None:
        return w.text(danger.title)
    return w.day(subject) if _DAY.fullmatch(subject) else subject


def is_named(item: FormField) -> bool:
    """Whether the answer is a name or a number, to be kept apart from the text around it."""
    return item.type in _NAMED


def _asked(record: RecordView, types: tuple[str, ...]) -> Iterator[FormField]:
    for item in record.form.fields:
        if item.type.value in types and record.answers.get(item.key) not in (None, "", [], {}):
            yield item


_NAMED = frozenset(
    {
        FieldType.person, FieldType.persons, FieldType.account, FieldType.accounts, FieldType.case, FieldType.school,
        FieldType.massar, FieldType.integer, FieldType.scale,
    }
)  # fmt: skip
# ---- which danger ----------------------------------------------------------------------------------------------------

_GROUPS: Mapping[DangerGroup, str] = {
    DangerGroup.life: N_("Life and body"),
    DangerGroup.online: N_("Images and messages"),
    DangerGroup.adult: N_("An adult"),
    DangerGroup.home: N_("Home"),
    DangerGroup.pressure: N_("Pressure and hatred"),
}


def in_groups(dangers: Iterable[Danger]) -> list[tuple[str, list[Danger]]]:
    """The dangers under their headings; those of no group last, under none."""
    every, w = list(dangers), wording()
    headed = [(w._(title), [one for one in every if one.group is group]) for group, title in _GROUPS.items()]
    return [(title, lines) for title, lines in (*headed, ("", [one for one in every if one.group is None])) if lines]


# ---- whom to call first -------------------------------------------------------------------------------------------

AT_ONCE = 4
"""So many numbers stand on a telephone's first screen, with the first two acts below them."""

Lines = Sequence[CallLine | ContactLine]


def called_first(
    voices: Sequence[CallLine], leaders: Sequence[CallLine], contacts: Sequence[ContactLine]
) -> tuple[Lines, Lines, tuple[Lines, Lines]]:
    """The school's own people with a number, the first numbers of the danger; then all others, of both kinds."""
    own = [*[one for one in voices if one.phone][:1], *leaders]
    phones = {one.phone for one in own}
    dialled = [one for one in contacts if one.phone and one.phone not in phones]
    at_once = dialled[: AT_ONCE - len(own)]
    others = [one for one in voices if one not in own and (not one.phone or one.phone not in phones)]
    return own, at_once, (others, [one for one in contacts if one not in at_once])


_GLOBALS: Mapping[str, Callable[..., Any]] = {
    "answered": answered,
    "called_first": called_first,
    "told": reading_told,
    "in_words": in_words,
    "act_of_kind": act_of_kind,
    "case_pages": case_pages,
    "in_lines": in_lines,
    "grid_of": grid_of,
    "in_groups": in_groups,
    "sign_label": sign_label,
    "subject_of": subject_of,
    "is_words": attrgetter("is_words"),
    "is_named": is_named,
}


# ---- written on paper first: when and by whom ----------------------------------------------------------------------
# The fold of an act's form; left empty, it says nothing.

PATHS = (AT, BY)
AT_NAME, BY_NAME, OPENED_NAME = "paper-at", "paper-by", "paper-opened"


class ListOf(OneOf):
    """A list, however few."""

    is_list = True


class PaperFold:
    """Two questions, and when the form opened: what stood there as “now” or “today” then becomes the paper's."""

    def __init__(self, form: Any, view: ActView, w: Wording, posted: Posted, now: datetime) -> None:
        self.view = view
        self.w = w
        when = w._("If so, say when and by whom: times count from then. Else leave this empty.")
        signs = w._("Whoever signs does so here: nobody’s signature is typed in.") if view.may_sign else ""
        self.at: Question = Moment(
            w._("Date and time on the paper"), spec=_spec("at", FieldType.moment), w=w, hint=when
        ).bind(form=form, name=AT_NAME)
        self.by: Question = ListOf(
            w._("Who wrote it"), spec=_spec("by", FieldType.account), w=w, hint=signs, options=self._writers(),
            none=w._("I did"),
        ).bind(form=form, name=BY_NAME)  # fmt: skip
        self.opened = posted.get(OPENED_NAME) or now.replace(second=0, microsecond=0).isoformat()
        for question in (self.at, self.by):
            question.process(posted)

    def _writers(self) -> Iterator[Offered]:
        for line in self.view.writers or ():
            yield Offered(line.id, self._known_as(line), name=line.name)

    def _known_as(self, line: AccountLine) -> str:
        roles = self.w.listed(self.w.role(self.view.protocol, role) for role in line.roles)
        return self.w.comma.join(part for part in (roles, line.elsewhere) if part)

    @property
    def is_open(self) -> bool:
        """Whether something stands in it, or something is wrong with it."""
        return any(question.value.strip() or question.problems for question in (self.at, self.by))

    def said(self) -> OnPaper | None:
        """What was said of the paper; None: it was not written on paper."""
        if not (self.at.value.strip() or self.by.value.strip()):
            return None
        return OnPaper(str(self.at.answer() or ""), self.by.value.strip())

    def take(self, path: str, codes: Iterable[str]) -> tuple[str, str]:
        """Put problems beside the question that they are about; returns its id and its label."""
        return (self.at if path == AT else self.by).take([], list(codes))

    def moves(self, item: FormField, answer: Any) -> str | None:
        """What becomes of an answer that still says when the form opened, as a box shows it; None: it stays."""
        written, opened = _moment(self.at.answer()), _moment(self.opened)
        if written is None or opened is None or item.key in self.view.prefill or answer is None:
            return None
        if item.type is FieldType.moment and item.default == "now" and _moment(answer) == opened:
            return local_moment(written.isoformat())
        if item.type is FieldType.date and item.default == "today" and answer == _day(opened):
            return _day(written)
        return None


def fold_for(form: Any, view: ActView, w: Wording, posted: Posted, now: datetime) -> PaperFold | None:
    """The fold of this act's form; None where nothing is typed in from paper by it."""
    return PaperFold(form, view, w, posted, now) if view.writers is not None else None


def _spec(key: str, kind: FieldType) -> FormField:
    return FormField.model_validate({"key": key, "type": kind.value, "label": {"en": key}})


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _day(moment: datetime) -> str:
    return moment.astimezone(ZONE).date().isoformat()


# ---- to which service exactly: the contacts that serve a school ----------------------------------------------------

NAME = "whom"


def whom_question(form: Any, view: ActView, w: Wording, posted: Posted) -> Question | None:
    """The question of a referral's form; None where the directory knows nobody, or another act is recorded."""
    stands = any(line.stands for line in view.choices.holds)
    lines = [one for one in view.choices.contacts if one.target and one.id and not (stands and one.target.to_guardians)]
    if view.act.kind is not ActKind.refer or view.head is None or not lines:
        return None
    hint = w._("As the academy’s directory names it, those of your town first. Leave it empty if it isn’t there.")
    none = w._("Not said")
    if view.whom:
        none = w._("As it stands: %(service)s", service=w.text(view.whom))
    found: Question = ListOf(
        w._("Which service exactly?"), options=list(_offered(view, w, lines)), none=none,
        spec=_spec(NAME, FieldType.choice), w=w, hint=hint,
    ).bind(form=form, name=NAME)  # fmt: skip
    found.process(posted)
    return found


def _offered(view: ActView, w: Wording, lines: list[ContactLine]) -> Iterator[Offered]:
    for target in view.protocol.targets.values():
        for one in lines:
            if one.target is not None and one.target.key == target.key:
                yield Offered(one.id, w.text(target.title), name=called(w, one))


def called(w: Wording, one: ContactLine) -> str:
    """A contact's name, with its town where the name doesn't say it."""
    name, city = w.text(one.name), w.text(one.city) if one.city else ""
    return name if not city or city.casefold() in name.casefold() else f"{name} ({city})"
