"""Questions: what one field of a definition becomes on a page, and what is read back from it.

Each keeps the raw text (`typed`), so that a page can always be shown again as it was; `answer()` is the plain value
that services take. Nothing is judged here: a text that is no date goes to the engine, which says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar, NamedTuple

from werkzeug.datastructures import MultiDict
from wtforms import Field

from school_protocol.engine.answers import ROWS_MOST
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.texts import latin
from school_protocol.language import ZONE, Wording

Posted = MultiDict[str, str]

NEW = "new"
PERSON_PARTS = ("slot", "name", "grade", "massar", "phone")
LINES_SHOWN = 60
"""However many lines are posted, no more are shown again: the engine refuses long before."""
RADIOS_MOST, NAMED_MOST, COMPACT_MOST = 9, 6, 3
"""How many answers stand as radios before they become a list: phrases, names, in a table's line."""
FOLDED_FROM = 4
_CODES = frozenset({FieldType.integer, FieldType.scale, FieldType.case, FieldType.school, FieldType.massar})
_MOMENTS = ("%d/%m/%Y %H:%M", "%d/%m/%Y, %H:%M", "%d/%m/%YT%H:%M", "%d/%m/%Y %Hh%M")


class Offered(NamedTuple):
    """One answer to choose: its value, the words beside it, a hint, and a name or number to be kept apart from them."""

    value: str
    label: str
    hint: str = ""
    name: str = ""


class Question(Field):  # type: ignore[misc]
    """One question: what is asked (`spec`), what was typed, what was wrong with it. `kind` names its macro."""

    kind: ClassVar[str] = "line"

    def __init__(self, label: str = "", *, spec: FormField, w: Wording, hint: str | None = None, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.spec = spec
        self.w = w
        self.hint = w.text(spec.hint) if hint is None else hint
        self.required = spec.required
        self.is_compact = False
        """Inside a table's line, where room is short."""
        self.is_fixed = False
        """Answered already by the way that led here: shown, not asked."""
        self.typed: list[str] = []
        self.problems: list[str] = []
        self.source = ""
        """From where in the case it was filled in, as long as it stands so."""
        self.mention: Any = None
        """Whom its words name, where a sign is offered in place of the name."""

    @property
    def value(self) -> str:
        """What stands in the box."""
        return self.typed[0] if self.typed else ""

    @property
    def described_by(self) -> str:
        """Ids of the hint, the source and the problems, for aria-describedby."""
        ids = [f"{self.id}-hint"] if self.hint else []
        ids += [f"{self.id}-source"] if self.source else []
        ids += [f"{self.id}-named"] if self.mention else []
        return " ".join([*ids, f"{self.id}-problem"] if self.problems else ids)

    def process_data(self, value: Any) -> None:
        self.data = value

    def process_formdata(self, valuelist: list[str]) -> None:
        self.typed = list(valuelist)
        self.data = self.answer()

    def answer(self) -> Any:
        """The plain answer; None where nothing was answered."""
        return self.value if self.value.strip() else None

    def take(self, rest: list[str], codes: Iterable[str]) -> tuple[str, str]:
        """Put problems beside the part that they are about; returns its id and its label."""
        self.problems.extend(codes)
        return self.focus_id, self.label.text

    @property
    def focus_id(self) -> str:
        return str(self.id)

    def make_compact(self) -> None:
        self.is_compact = True

    def _part(self, kind: type[Question], name: str, label: str, **kwargs: Any) -> Question:
        """A question inside this one."""
        unbound = kind(label, w=self.w, **kwargs)
        part: Question = unbound.bind(form=None, name=f"{self.name}-{name}", _meta=self.meta)
        return part


class Line(Question):
    """A line of text. `suggestions` are offered, never imposed."""

    def __init__(self, label: str = "", *, suggestions: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.suggestions = tuple(suggestions)

    html_type = "text"

    @property
    def input_mode(self) -> str:
        return "numeric" if self.spec.type in (FieldType.integer, FieldType.scale, FieldType.case) else "text"

    @property
    def is_code(self) -> bool:
        """Numbers and codes run left to right in every language."""
        return self.spec.type in _CODES

    def answer(self) -> Any:
        if self.spec.type in (FieldType.integer, FieldType.scale):
            return whole_number(self.value)
        return super().answer()


def day_typed(text: str) -> date | None:
    """The day that was typed, as in a form: 2026-11-25 or 25/11/2026; None where it is none."""
    found = _day(text.strip())
    return date.fromisoformat(found) if _is_iso_day(found) else None


def moment_typed(text: str) -> datetime | None:
    """The moment of Casablanca that was typed: 2026-11-25T10:00, or with a blank; None where it is none."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "T"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=ZONE)


class Words(Question):
    """A longer text, in somebody's own words."""

    kind = "words"


class Day(Question):
    """A date: the browser's own calendar, or typed as day/month/year."""

    kind = "day"

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata([_day(text) for text in valuelist])

    @property
    def html_type(self) -> str:
        """A calendar shows only what it understands: anything else stays visible as text."""
        return "date" if not self.value or _is_iso_day(self.value) else "text"


class Moment(Question):
    """A date and a time, in the school's time; answers are UTC."""

    kind = "day"

    @property
    def html_type(self) -> str:
        return "datetime-local" if not self.value or _moment(self.value) is not None else "text"

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata([local_moment(text) for text in valuelist])

    def answer(self) -> Any:
        return utc_moment(self.value) if self.value.strip() else None


class OneOf(Question):
    """One answer among several: radios, or a list where there are many."""

    kind = "one_of"

    def __init__(
        self,
        label: str = "",
        *,
        options: Iterable[Offered],
        none: str = "",
        convert: Callable[[str], Any] = str,
        **kwargs: Any,
    ) -> None:
        super().__init__(label, **kwargs)
        self.options = tuple(options)
        self.none = none
        """Words of the answer that answers nothing; without it one can't be un-chosen."""
        self.convert = convert

    @property
    def is_list(self) -> bool:
        named = any(option.name for option in self.options)
        return len(self.options) > (COMPACT_MOST if self.is_compact else NAMED_MOST if named else RADIOS_MOST)

    @property
    def is_short(self) -> bool:
        """Whether the answers fit beside one another."""
        return len(self.options) < 4 and all(len(one.label) < 16 and not one.hint for one in self.options)

    @property
    def is_even(self) -> bool:
        """Whether the answers fit in two columns."""
        return _fit_two_columns(self.options)

    @property
    def focus_id(self) -> str:
        return str(self.id) if self.is_list else f"{self.id}-0"

    def is_chosen(self, value: str) -> bool:
        return value == self.value

    def answer(self) -> Any:
        return self.convert(self.value) if self.value.strip() else None


class Scale(OneOf):
    """A number on a short scale, as radios in a row."""

    kind = "scale"
    is_list = False


class Several(Question):
    """Any number of answers among several."""

    kind = "several"

    def __init__(self, label: str = "", *, options: Iterable[Offered], **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.options = tuple(options)

    @property
    def focus_id(self) -> str:
        return f"{self.id}-0"

    @property
    def is_even(self) -> bool:
        return _fit_two_columns(self.options)

    @property
    def is_long(self) -> bool:
        """Whether the list is folded until somebody wants it: names of colleagues, sooner where none is asked for."""
        most = RADIOS_MOST if self.required else FOLDED_FROM
        return len(self.options) > most and any(option.name for option in self.options)

    def is_chosen(self, value: str) -> bool:
        return value in self.typed

    def answer(self) -> Any:
        return [value for value in self.typed if value.strip()] or None


class Tick(Question):
    """A box to tick. Not ticked is not answered."""

    kind = "tick"

    def answer(self) -> Any:
        return True if self.value.strip() else None


class Matrix(Question):
    """The same choice for each of several items: a grid's marks, dangers asked again."""

    kind = "matrix"

    def __init__(
        self, label: str = "", *, items: Iterable[tuple[str, str, Iterable[Offered]]], none: str, **kwargs: Any
    ) -> None:
        super().__init__(label, **kwargs)
        convert = whole_number if self.spec.type is FieldType.grid else str
        self.parts: dict[str, Question] = {
            key: self._part(OneOf, key, title, options=options, none=none, convert=convert, hint="", spec=self.spec)
            for key, title, options in items
        }
        for part in self.parts.values():
            part.required = False

    @property
    def focus_id(self) -> str:
        return next((part.focus_id for part in self.parts.values()), str(self.id))

    def process(self, formdata: Posted | None, data: Any = None, extra_filters: Any = None) -> None:
        for part in self.parts.values():
            part.process(formdata)

    def answer(self) -> Any:
        said = {key: part.answer() for key, part in self.parts.items()}
        return {key: value for key, value in said.items() if value is not None} or None

    def take(self, rest: list[str], codes: Iterable[str]) -> tuple[str, str]:
        if rest and rest[0] in self.parts:
            return self.parts[rest[0]].take([], codes)
        return super().take(rest, codes)


Column = tuple[str, Callable[[Question, str], Question]]


class Rows(Question):
    """A table to fill in, line by line; blank lines count for nothing."""

    kind = "rows"

    def __init__(self, label: str = "", *, columns: Iterable[Column], more: int = 0, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.columns = tuple(columns)
        self.more = more
        self.lines: list[dict[str, Question]] = []

    @property
    def can_grow(self) -> bool:
        return len(self.lines) < (self.spec.most or ROWS_MOST)

    @property
    def focus_id(self) -> str:
        return next((part.focus_id for line in self.lines for part in line.values()), str(self.id))

    def process(self, formdata: Posted | None, data: Any = None, extra_filters: Any = None) -> None:
        posted = formdata if formdata is not None else Posted()
        wanted = _lines_in(posted, self.name)
        most = max(self.spec.most or ROWS_MOST, wanted)
        count = min(max(wanted + self.more, self.spec.least or 1), most, LINES_SHOWN)
        self.lines = [self._line(number, posted) for number in range(count)]

    def _line(self, number: int, posted: Posted) -> dict[str, Question]:
        line = {key: make(self, f"{number}-{key}") for key, make in self.columns}
        for part in line.values():
            part.make_compact()
            part.process(posted)
        return line

    def answer(self) -> Any:
        rows = [{key: part.answer() for key, part in line.items()} for line in self.lines]
        kept = [{key: value for key, value in row.items() if value is not None} for row in rows]
        return [row for row in kept if row] or None

    def take(self, rest: list[str], codes: Iterable[str]) -> tuple[str, str]:
        filled = [line for line in self.lines if any(part.answer() is not None for part in line.values())]
        number, column = [*rest, "", ""][:2]
        if _is_index(number) and int(number) < len(filled) and column in filled[int(number)]:
            place, label = filled[int(number)][column].take([], codes)
            return place, f"{self.label.text} ({int(number) + 1}): {label}"
        return super().take(rest, codes)


class People(Question):
    """People of the case to choose from, and room for those named for the first time."""

    kind = "people"

    def __init__(
        self,
        label: str = "",
        *,
        options: Iterable[Offered],
        slots: Iterable[Offered],
        several: bool,
        more: int = 0,
        takes_new: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(label, **kwargs)
        self.several = several
        self.takes_new = takes_new
        self.slots = tuple(slots)
        self.more = more
        known: dict[str, Any] = {"options": tuple(options), "spec": self.spec, "hint": "", "w": self.w}
        unbound = Several(label, **known) if several else OneOf(label, none=self.w._("Not known yet"), **known)
        self.chosen: Question = unbound.bind(form=None, name=self.name, _meta=self.meta)
        self.blocks: list[dict[str, str]] = []

    def make_compact(self) -> None:
        self.is_compact = self.chosen.is_compact = True

    @property
    def can_grow(self) -> bool:
        return self.several and self.takes_new and len(self.blocks) < ROWS_MOST

    @property
    def focus_id(self) -> str:
        return self.chosen.focus_id if self.chosen.options or not self.takes_new else f"{self.id}-{NEW}-0-name"

    def process(self, formdata: Posted | None, data: Any = None, extra_filters: Any = None) -> None:
        posted = formdata if formdata is not None else Posted()
        self.chosen.process(posted)
        if not self.takes_new:
            return
        name = f"{self.name}-{NEW}"
        count = max(_lines_in(posted, name) + self.more, 1)
        self.blocks = [
            {part: posted.get(f"{name}-{number}-{part}", "") for part in PERSON_PARTS}
            for number in range(min(count, LINES_SHOWN))
        ]

    @property
    def has_named(self) -> bool:
        return any(self.is_named(block) for block in self.blocks)

    def is_named(self, block: Mapping[str, str]) -> bool:
        """Whether something identifies this person: a place in the case alone names nobody."""
        return any(block[part].strip() for part in PERSON_PARTS if part != "slot")

    def answer(self) -> Any:
        said = self.chosen.answer()
        known = said if isinstance(said, list) else [said] if said else []
        named = [block for block in self.blocks if self.is_named(block)]
        new = [{part: text for part, text in block.items() if text.strip()} for block in named]
        if new and self.spec.default == "only":
            known = []  # the only one there was had been ticked beforehand
        if self.several or (known and new):
            return [*known, *new] or None
        return next(iter([*known, *new]), None)


# ---- typed text and values ---------------------------------------------------------------------------------------


def _fit_two_columns(options: tuple[Offered, ...]) -> bool:
    return len(options) > 3 and all(len(one.label) < 46 and not one.hint for one in options)


def _lines_in(posted: Posted, name: str) -> int:
    """How many lines of `name` were sent: one more than the highest line number."""
    pattern = re.compile(re.escape(name) + r"-([0-9]{1,3})-")
    found = (pattern.match(key) for key in posted)
    return max((int(match[1]) + 1 for match in found if match), default=0)


def _is_index(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,3}", text) is not None


def whole_number(text: str) -> Any:
    """The whole number that was typed, else the text as it is."""
    plain = latin(text).strip()
    return int(plain) if re.fullmatch(r"-?[0-9]{1,9}", plain) else text if plain else None


def _is_iso_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _day(text: str) -> str:
    """An ISO date where day/month/year was typed; else the text as it is."""
    plain = latin(text).strip()
    if _is_iso_day(plain):
        return plain
    try:
        return datetime.strptime(plain, "%d/%m/%Y").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        return text


def _moment(text: str) -> datetime | None:
    """The moment that was typed, in the school's time where it names no zone of its own."""
    plain = latin(text).strip()
    found = None
    try:
        found = datetime.fromisoformat(plain) if len(plain) > 10 else None
    except ValueError:
        for pattern in _MOMENTS:
            try:
                found = datetime.strptime(plain, pattern)  # noqa: DTZ007 - the zone follows
                break
            except ValueError:
                continue
    if found is None or not 1900 < found.year < 2200:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(UTC)


def local_moment(text: str) -> str:
    """A moment as a date-and-time box shows it; a text that is no moment as it is."""
    found = _moment(text)
    if found is None:
        return text
    local = found.astimezone(ZONE).replace(tzinfo=None)
    return local.isoformat(timespec="minutes" if not local.second and not local.microsecond else "auto")


def utc_moment(text: str) -> str:
    found = _moment(text)
    return found.isoformat() if found else text
