"""Printed pages of a definition: blank forms to fill in with a pen, a quick guide for a role, the protocol for a wall.

What was written on a form is typed in later; so a paper says which version of which form it is, and each question its
code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any

from babel.lists import format_list
from markupsafe import Markup

from school_protocol.engine.actors import TYPED_IN
from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Act, Deadline, Move, Protocol, Stage, State
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.texts import Named, Text
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.rendering import BASE, render, template

# The condition under which a question is asked, in words: “Only if “Kind” is: Money.”


def in_words(condition: Condition, protocol: Protocol, form: Form, w: Wording) -> str:
    """The condition as a sentence, over the questions of `form` and the answers that they offer."""
    return w._("Only if %(condition)s", condition=_Speaker(protocol, form, w).say(condition.tree))


class _Speaker:
    def __init__(self, protocol: Protocol, form: Form, w: Wording) -> None:
        self.protocol = protocol
        self.form = form
        self.w = w

    def say(self, node: ast.AST) -> str:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return self.w.listed(self.say(part) for part in parts)
            case ast.BoolOp(values=parts):
                return self._or(self.say(part) for part in parts)
            case ast.UnaryOp(operand=ast.Name(id=name)):
                return self._is(name, self.w._("No"))
            case ast.UnaryOp(operand=inner):
                return self.w._("it is not so that %(condition)s", condition=self.say(inner))
            case ast.Name(id=name):
                return self._is(name, self.w._("Yes"))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right)
        return self.w._("your other answers ask for it")

    def _compared(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> str:
        if isinstance(left, ast.Constant) and isinstance(right, ast.Name):
            words = _INCLUDES if isinstance(op, ast.In) else _LACKS
            return words(self.w, self._question(right.id), self._answer(right.id, left.value))
        if not isinstance(left, ast.Name):
            return self.w._("your other answers ask for it")
        values = [entry.value for entry in ast.walk(right) if isinstance(entry, ast.Constant)]
        answers = self._or(self._answer(left.id, value) for value in values)
        speak = _COMPARISONS.get(type(op))
        if speak is None:
            return self.w._("your other answers ask for it")
        return speak(self.w, self._question(left.id), answers)

    def _is(self, name: str, answer: str) -> str:
        return _COMPARISONS[ast.Eq](self.w, self._question(name), answer)

    def _or(self, parts: Iterable[str]) -> str:
        return format_list(list(parts), style="or", locale=self.w.locale)

    def _question(self, name: str) -> str:
        found = self.form.by_key.get(name)
        return self.w.text(found.label) if found else name

    def _answer(self, name: str, value: Any) -> str:
        found: FormField | None = self.form.by_key.get(name)
        if found is None:
            return str(value)
        said = self.w.answer(self.protocol, found, value if not _is_many(found, value) else [value], {})
        return said or str(value)


def _is_many(item: FormField, value: Any) -> bool:
    return isinstance(value, str) and item.type.value in ("choices", "dangers", "covers", "accounts", "persons")


_Sentence = Callable[[Wording, str, str], str]
_INCLUDES: _Sentence = lambda w, q, a: w._("“%(question)s” includes: %(answer)s", question=q, answer=a)  # noqa: E731
_LACKS: _Sentence = lambda w, q, a: w._("“%(question)s” does not include: %(answer)s", question=q, answer=a)  # noqa: E731
_COMPARISONS: dict[type[ast.cmpop], _Sentence] = {
    ast.Eq: lambda w, q, a: w._("“%(question)s” is: %(answer)s", question=q, answer=a),
    ast.NotEq: lambda w, q, a: w._("“%(question)s” is not: %(answer)s", question=q, answer=a),
    ast.In: lambda w, q, a: w._("“%(question)s” is: %(answer)s", question=q, answer=a),
    ast.NotIn: lambda w, q, a: w._("“%(question)s” is not: %(answer)s", question=q, answer=a),
    ast.Lt: lambda w, q, a: w._("“%(question)s” is less than %(answer)s", question=q, answer=a),
    ast.LtE: lambda w, q, a: w._("“%(question)s” is at most %(answer)s", question=q, answer=a),
    ast.Gt: lambda w, q, a: w._("“%(question)s” is more than %(answer)s", question=q, answer=a),
    ast.GtE: lambda w, q, a: w._("“%(question)s” is at least %(answer)s", question=q, answer=a),
}


SHORT, LONG, LONGEST = 1, 4, 7
"""Lines to write on: for a few words, for a text, for one that may be very long."""
ROWS_MOST = 6
PEOPLE = 3
TICKS_IN_CELL = 4
SCALE = (0, 10)


@dataclass(frozen=True, slots=True)
class Tick:
    """One answer with a box beside it."""

    title: str
    hint: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Blank:
    """One question as it stands on paper: what kind of room it gets decides which macro of the template sets it."""

    code: str
    label: str
    hint: str
    room: str
    """ticks, check, lines, date, moment, digits, scale, people, colleagues, answers, grid, rows, entry, letters or
    signature."""
    required: bool = False
    asked_if: str = ""
    ticks: tuple[Tick, ...] = ()
    many: bool = False
    lines: int = 0
    numbered: bool = False
    """Of a column: its answers stand above the rows, and a cell takes the number of one."""
    marks: tuple[int, ...] = ()
    """Of a scale, the figures; of letters, how many go together."""
    columns: tuple[Blank, ...] = ()
    items: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """Of a grid: code, question, what each mark means."""


@dataclass(frozen=True, slots=True)
class BlankForm:
    """One form: what it is for, who writes it, its questions, how many sign."""

    code: str
    title: str
    acts: tuple[Act, ...]
    intro: str
    questions: tuple[Blank, ...]
    signatures: int
    typed_in: bool
    """Whether what is written here can be typed in by somebody else, later."""
    notice: str = ""
    """What a grid says about itself."""


def code_of(form: Form, field: FormField) -> str:
    """A question's code on paper: its form's, and its place in it, which no version changes once it is published."""
    return f"{form.short}-{1 + form.fields.index(field)}"


def blank_forms(protocol: Protocol, forms: Sequence[Form], wording: Wording, moment: datetime) -> bytes:
    """The PDF/A-3a of these forms, each on pages of its own. Raises AddressRefused, DocumentsUnavailable."""
    papers = [_Paper(protocol, form, wording).form() for form in forms]

    def line(value: object) -> object:
        return bidi.isolated(str(value), wording.direction)

    html = template("blank_forms.html").render(
        protocol=protocol, forms=papers, w=wording, _=wording.gettext, line=line,
        text=lambda text: line(wording.text(text)), code=bidi.code,
    )  # fmt: skip
    named = wording.text(forms[0].title) if len(forms) == 1 else wording.gettext("Forms on paper")
    return render(
        html,
        title=f"{named} – {wording.text(protocol.title)}",
        language=wording.html_language,
        identifier=f"forms|{protocol.protocol}|{protocol.version}|{protocol.digest}|{[form.key for form in forms]}"
        f"|{wording.language}",
        moment=moment,
        accessible=True,
    )


class _Paper:
    """Turns one form into what stands on paper."""

    def __init__(self, protocol: Protocol, form: Form, wording: Wording) -> None:
        self.protocol, self.original, self.w = protocol, form, wording
        self.coded = form.with_fields(self._with_code(field) for field in form.fields)

    def _with_code(self, field: FormField) -> FormField:
        """The same question, its code before its label: so a condition names it by both."""
        code = code_of(self.original, field)
        label = Text({language: f"{code} {words}" for language, words in field.label.root.items()})
        return field.model_copy(update={"label": label})

    def form(self) -> BlankForm:
        form, w = self.original, self.w
        acts = tuple(act for act in self.protocol.acts.values() if act.form == form.key)
        signs = any(field.type is FieldType.signature for field in form.fields)
        grids = [self._grid(field) for field in form.fields if field.type is FieldType.grid]
        return BlankForm(
            code=form.short,
            title=w.text(form.title),
            acts=acts,
            intro=w.text(form.intro),
            questions=tuple(self._question(field) for field in form.fields if field.type is not FieldType.signature),
            signatures=max([int(signs), *(act.signatures for act in acts)]),
            typed_in=any(act.kind in TYPED_IN for act in acts),
            notice=" ".join(w.text(self.protocol.grids[key].notice) for key in grids),
        )

    def _question(self, field: FormField) -> Blank:
        condition = field.when
        return self._blank(
            field,
            code_of(self.original, field),
            "" if condition is None else in_words(condition, self.protocol, self.coded, self.w),
        )

    def _blank(self, field: FormField, code: str, asked_if: str = "") -> Blank:
        lay = _ROOM.get(field.type, _Paper._entry)
        said = {
            "code": code, "label": self.w.text(field.label), "hint": self.w.text(field.hint),
            "required": field.required, "asked_if": asked_if,
        }  # fmt: skip
        return Blank(**{**said, **lay(self, field)})

    # ---- rooms ---------------------------------------------------------------------------------------------------

    def _options(self, field: FormField) -> dict[str, Any]:
        ticks = tuple(Tick(self.w.text(option.title), self.w.text(option.hint)) for option in field.options)
        return {"room": "ticks", "ticks": ticks, "many": field.type is FieldType.choices}

    def _yes_no(self, field: FormField) -> dict[str, Any]:
        answers = ("yes", "no", "unknown") if field.type is FieldType.tri else ("yes", "no")
        return {"room": "ticks", "ticks": tuple(Tick(self.w.yes_no(answer == "yes" or answer)) for answer in answers)}

    def _dangers(self, field: FormField) -> dict[str, Any]:
        keys = [key for key in self.protocol.dangers if not field.only or key in field.only]
        ticks = self._named(self.protocol.dangers, keys)
        if field.type is FieldType.covers:
            ticks = (*ticks, Tick(self.w.gettext("A need without a danger")))
        return {"room": "ticks", "ticks": ticks, "many": field.type is not FieldType.danger}

    def _danger_answers(self, field: FormField) -> dict[str, Any]:
        asked = [key for key, danger in self.protocol.dangers.items() if danger.ask_at_closing]
        return {"room": "answers", "ticks": self._named(self.protocol.dangers, asked)}

    def _part(self, field: FormField) -> dict[str, Any]:
        """One of the seats, targets, places, sides or duties of the definition."""
        part: Mapping[str, Named] = getattr(self.protocol, _PARTS[field.type])
        keys = [key for key in part if not (field.only or field.slots) or key in (*field.only, *field.slots)]
        return {"room": "ticks", "ticks": tuple(Tick(self.w.text(part[key].title)) for key in keys or part)}

    def _named(self, part: Mapping[str, Named], keys: Iterable[str]) -> tuple[Tick, ...]:
        """Dangers or places, with the codes by which people know them."""
        return tuple(Tick(self.w.text(part[key].title), code=part[key].code) for key in keys)

    def _lines(self, field: FormField) -> dict[str, Any]:
        if field.type is FieldType.text:
            return {"room": "lines", "lines": SHORT if (field.most or 0) <= 200 else SHORT + 1}
        return {"room": "lines", "lines": LONG if field.most and field.most <= 2000 else LONGEST}

    def _digits(self, field: FormField) -> dict[str, Any]:
        return {"room": "digits", "marks": (len(str(field.most)) if field.most else 4,)}

    def _scale(self, field: FormField) -> dict[str, Any]:
        least = field.least if field.least is not None else SCALE[0]
        most = field.most if field.most is not None else SCALE[1]
        return {"room": "scale", "marks": tuple(range(least, most + 1))}

    def _people(self, field: FormField) -> dict[str, Any]:
        part = self.protocol.slots
        keys = [key for key in field.slots if key in part] or list(part)
        several = field.type is FieldType.persons
        return {
            "room": "people", "ticks": self._named(part, keys), "many": several,
            "lines": min(field.most or PEOPLE, ROWS_MOST) if several else 1,
        }  # fmt: skip

    def _colleagues(self, field: FormField) -> dict[str, Any]:
        several = field.type is FieldType.accounts
        return {"room": "colleagues", "lines": min(max(field.most or PEOPLE, field.least or 1), 4) if several else 1}

    def _grid(self, field: FormField) -> str:
        return field.grid or next(iter(self.protocol.grids))

    def _grid_room(self, field: FormField) -> dict[str, Any]:
        items = self.protocol.grids[self._grid(field)].items
        return {
            "room": "grid",
            "items": tuple(
                (item.code or str(place), self.w.text(item.title), tuple(self.w.text(one) for one in item.anchors))
                for place, item in enumerate(items.values(), 1)
            ),
        }

    def _rows(self, field: FormField) -> dict[str, Any]:
        columns = [
            self._blank(column, f"{code_of(self.original, field)}.{place}")
            for place, column in enumerate(field.fields, 1)
        ]
        columns = [replace(column, numbered=len(column.ticks) > TICKS_IN_CELL) for column in columns]
        return {"room": "rows", "columns": tuple(columns), "lines": min(field.most or PEOPLE + 1, ROWS_MOST)}

    def _entry(self, field: FormField) -> dict[str, Any]:
        """Something of the case that has a number there."""
        return {"room": "entry"}


_PARTS = {
    FieldType.target: "targets", FieldType.seat: "seats", FieldType.slot: "slots", FieldType.side: "sides",
    FieldType.duty: "duties",
}  # fmt: skip

_ROOM: Mapping[FieldType, Callable[[_Paper, FormField], dict[str, Any]]] = {
    FieldType.text: _Paper._lines,
    FieldType.long: _Paper._lines,
    FieldType.choice: _Paper._options,
    FieldType.choices: _Paper._options,
    FieldType.yes_no: _Paper._yes_no,
    FieldType.tri: _Paper._yes_no,
    FieldType.check: lambda paper, field: {"room": "check"},
    FieldType.date: lambda paper, field: {"room": "date"},
    FieldType.moment: lambda paper, field: {"room": "moment"},
    FieldType.integer: _Paper._digits,
    FieldType.scale: _Paper._scale,
    FieldType.person: _Paper._people,
    FieldType.persons: _Paper._people,
    FieldType.account: _Paper._colleagues,
    FieldType.accounts: _Paper._colleagues,
    FieldType.grid: _Paper._grid_room,
    FieldType.rows: _Paper._rows,
    FieldType.danger: _Paper._dangers,
    FieldType.dangers: _Paper._dangers,
    FieldType.covers: _Paper._dangers,
    FieldType.danger_answers: _Paper._danger_answers,
    FieldType.target: _Paper._part,
    FieldType.seat: _Paper._part,
    FieldType.slot: _Paper._part,
    FieldType.side: _Paper._part,
    FieldType.duty: _Paper._part,
    FieldType.school: lambda paper, field: {"room": "letters", "marks": (6,)},
    FieldType.massar: lambda paper, field: {"room": "letters", "marks": (10,)},
}


# ---- a quick guide for one role: two pages of pictures and sentences -----------------------------------------------


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One thing that the role does: a picture of the page on which it does it, as a PNG, and what it is."""

    title: Text
    text: Text
    picture: bytes


@dataclass(frozen=True, slots=True)
class QuickGuide:
    """Everything that one guide prints."""

    role: Text
    protocol: Text
    lead: Text
    steps: tuple[GuideStep, ...]
    """Two beside each other, two rows: one a page."""
    calls: tuple[tuple[Mapping[str, str], str], ...]
    """Whom to call: names by language, and number."""
    due: tuple[tuple[Text, str], ...]
    """What the role sees to, and within which time, said already."""
    wrong: tuple[Text, ...]
    """What to do if something is wrong."""
    made_at: datetime
    notice: Text | None = None


def quick_guide(guide: QuickGuide, wording: Wording) -> bytes:
    """The PDF/A-3a, right to left in Arabic. Raises AddressRefused, DocumentsUnavailable."""
    pictures = {f"{BASE}step-{place}.png": ("image/png", step.picture) for place, step in enumerate(guide.steps, 1)}
    return render(
        _quick_guide_html(guide, wording),
        title=f"{wording.gettext('Quick guide')} – {wording.text(guide.role)}",
        language=wording.html_language,
        identifier=f"{wording.text(guide.role)}|{wording.language}|{guide.made_at}",
        moment=guide.made_at,
        pictures=pictures,
    )


def _quick_guide_html(guide: QuickGuide, wording: Wording) -> str:
    def line(value: object) -> object:
        return bidi.isolated(str(value), wording.direction)

    return template("quick_guide.html").render(
        guide=guide, w=wording, _=wording.gettext, line=line, text=lambda text: line(wording.text(text)),
        code=bidi.code, scheme=BASE,
    )  # fmt: skip


# ---- the protocol on four pages, for a school's wall: its drawing, its stages, its dangers -------------------------

SMALLEST, LARGEST = 0.45, 1.3
"""How far the letters of one page may be made smaller or larger, so that it is one page, and full."""
_TRIES = 6


@dataclass(frozen=True, slots=True)
class WallTask:
    """Something to be done in a stage: what, by whom, and within which times."""

    title: Text
    who: tuple[str, ...]
    due: tuple[Deadline, ...]
    opens: tuple[int, ...]
    """Numbers of the moves out of the stage that need it."""


@dataclass(frozen=True, slots=True)
class WallStep:
    """A move out of a state of the stage, with the number that it has in the drawing."""

    number: int
    move: Move
    kind: str
    target: State | None
    """None: back to where the case stood before."""
    due: tuple[Deadline, ...] = ()


@dataclass(frozen=True, slots=True)
class WallStage:
    stage: Stage
    states: tuple[State, ...]
    tasks: tuple[WallTask, ...]
    also: tuple[WallTask, ...]
    """What an earlier stage has told of already."""
    steps: tuple[WallStep, ...]

    @property
    def weight(self) -> int:
        return 3 + max(len(self.tasks) + len(self.also) // 3, len(self.steps))


@dataclass(frozen=True, slots=True)
class Wall:
    """Everything that the four pages print. `picture` is the drawing, as HTML; `key` says what its lines mean."""

    protocol: Protocol
    picture: str
    key: str
    steps: tuple[WallStep, ...]
    stages: tuple[WallStage, ...]
    made_at: datetime

    def halves(self) -> tuple[tuple[WallStage, ...], tuple[WallStage, ...]]:
        """The stages in their order, on two pages of about the same weight."""
        total = sum(stage.weight for stage in self.stages)

        def uneven(place: int) -> int:
            return abs(total - 2 * sum(stage.weight for stage in self.stages[:place]))

        cut = min(range(1, len(self.stages) + 1), key=uneven)
        return self.stages[:cut], self.stages[cut:]


def wall(given: Wall, wording: Wording) -> bytes:
    """The PDF/A-3a: each part on one page, as large as it fits. Raises AddressRefused, DocumentsUnavailable."""
    parts = 1 + sum(bool(half) for half in given.halves()) + bool(given.protocol.dangers)
    fits, too_large = [SMALLEST] * parts, [LARGEST] * parts
    for _try in range(_TRIES):
        tried = [(low + high) / 2 for low, high in zip(fits, too_large, strict=True)]
        for part, pages in enumerate(_pages(_written(given, wording, tried))):
            (fits if pages == 1 else too_large)[part] = tried[part]
    return _written(given, wording, fits)


def _written(given: Wall, wording: Wording, sizes: Sequence[float]) -> bytes:
    protocol = given.protocol
    return render(
        _wall_html(given, wording, sizes),
        title=f"{wording.gettext('The protocol on four pages')} – {wording.text(protocol.title)}",
        language=wording.html_language,
        identifier=f"wall|{protocol.protocol}|{protocol.version}|{protocol.digest}|{wording.language}",
        moment=given.made_at,
        accessible=True,
    )


def _wall_html(given: Wall, wording: Wording, sizes: Sequence[float]) -> str:
    def line(value: object) -> Markup:
        return bidi.isolated(str(value), wording.direction)

    return template("wall.html").render(
        wall=given, protocol=given.protocol, sizes=sizes, w=wording, _=wording.gettext, line=line,
        text=lambda text: line(wording.text(text)), code=bidi.code,
        picture=Markup(given.picture),  # noqa: S704 (drawn by ourselves, every word of it escaped)
    )  # fmt: skip


def _pages(written: bytes) -> list[int]:
    """How many pages each part takes, by where its heading stands."""
    import pikepdf

    with pikepdf.open(BytesIO(written)) as pdf, pdf.open_outline() as outline:
        places = {page.objgen: number for number, page in enumerate(pdf.pages)}
        parts = [item for first in outline.root for item in (first, *first.children)]
        starts = [places[item.destination[0].objgen] for item in parts]  # type: ignore[index]
        ends = [*starts[1:], len(pdf.pages)]
    return [max(1, end - start) for start, end in zip(starts, ends, strict=True)]
