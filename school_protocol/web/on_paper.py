"""Written on paper first? The fold of an act's form that says when and by whom; left empty, it says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.paper import AT, BY
from school_protocol.services.on_paper import OnPaper
from school_protocol.services.views import AccountLine, ActView
from school_protocol.web.questions import Moment, Offered, OneOf, Posted, Question, local_moment
from school_protocol.wording import ZONE, Wording

PATHS = (AT, BY)
AT_NAME, BY_NAME, OPENED_NAME = "paper-at", "paper-by", "paper-opened"


class Writer(OneOf):
    """Who wrote it: a list, however few."""

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
        self.by: Question = Writer(
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
