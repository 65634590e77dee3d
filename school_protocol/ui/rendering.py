"""Rendering of templates: what each of them knows, hints, questions folded away by CSS, the page of last resort."""

from __future__ import annotations

import ast
import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask.templating import Environment as FlaskEnvironment
from jinja2 import Environment as BaseEnvironment
from jinja2 import StrictUndefined, Template, nodes
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape
from werkzeug.local import LocalProxy

from school_protocol.engine import name_detection
from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, Form
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor
from school_protocol.language import ZONE, Wording, language_name
from school_protocol.storage.case_numbers import format_number
from school_protocol.ui import sessions
from school_protocol.ui.middleware import way_back

HINTS = "hints"
"""Where an application keeps what is asked, if it has tables at all."""


def are_shown() -> bool:
    """Whether whoever asks now is told."""
    asked = current_app.extensions.get(HINTS)
    return asked is None or bool(asked())


def hint_said(w: Wording, protocol: Protocol, reasons: Iterable[Reason]) -> str:
    """Why something was refused, in one line; without hints, only that it was."""
    if not are_shown():
        return w._("That isn’t possible now.")
    return " ".join(w.reason(protocol, reason) for reason in reasons)


# ---- the page of last resort ---------------------------------------------------------------------------------------
# Said calmly, in the reader's language; never a trace.

LAST_RESORT = """<!doctype html>
<html lang="fr" dir="ltr"><head><meta charset="utf-8"><title>Un instant</title></head><body>
<h1>Un instant, s’il vous plaît</h1>
<p>Quelque chose ne fonctionne pas ici. Rien n’a été enregistré. Veuillez réessayer dans quelques minutes.</p>
<p lang="ar-MA" dir="rtl">هناك عطل ما. لم يُسجَّل أي شيء. المرجو إعادة المحاولة بعد دقائق.</p>
<p lang="en">Something is out of order here. Nothing was recorded. Please try again in a few minutes.</p>
</body></html>
"""


# ---- what every template knows: the reader's language, how values are shown, who is reading ------------------------

LANGUAGE_COOKIE = "language"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


class Environment(FlaskEnvironment):
    """Flask's, with one beneath it for each language: texts of a template are said there as it is compiled."""

    voice: Wording | None = None

    def get_or_select_template(self, *named: Any, **more: Any) -> Template:
        if self.voice is not None:
            return super().get_or_select_template(*named, **more)
        return _in_language(self, wording().language).get_or_select_template(*named, **more)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Templates have none of their own: what all know is looked up in one place."""
        return super().make_globals(d) if d else self.globals

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return _Said(self.voice).visit(tree) if self.voice is not None and str(name).endswith(".html") else tree


@lru_cache(maxsize=16)
def _in_language(environment: Environment, language: str) -> Environment:
    found = environment.overlay()
    found.voice = _voice(language)
    if environment.bytecode_cache is not None:
        found.bytecode_cache = _OfLanguage(environment.bytecode_cache, language)
    return found


class _OfLanguage(BytecodeCache):
    """What is kept of compiled templates, those of each language apart."""

    def __init__(self, kept: BytecodeCache, language: str) -> None:
        self.kept = kept
        self.language = language

    def get_bucket(self, environment: BaseEnvironment, name: str, filename: str | None, source: str) -> Bucket:
        return self.kept.get_bucket(environment, f"{name} {self.language}", filename, source)

    def set_bucket(self, bucket: Bucket) -> None:
        self.kept.set_bucket(bucket)


class _Said(NodeTransformer):
    """Puts translations where a template asks for one of a text that stands in it."""

    def __init__(self, voice: Wording) -> None:
        self.voice = voice

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        self.generic_visit(node)
        is_plain = isinstance(node.node, nodes.Name) and node.node.name in ("_", "gettext") and len(node.args) == 1
        if not is_plain or not isinstance(node.args[0], nodes.Const) or node.dyn_args or node.dyn_kwargs:
            return node
        said = nodes.Const(Markup(self.voice.gettext(node.args[0].value)))  # noqa: S704 (a catalogue of ours)
        values = nodes.Dict([nodes.Pair(nodes.Const(one.key), one.value) for one in node.kwargs])
        return nodes.Mod(said, values, lineno=node.lineno)


def init_app(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: wording().gettext(message),
        lambda one, many, number: wording().plural(one, many, number),
        newstyle=True,
    )
    app.jinja_env.globals.update(
        w=LocalProxy(wording),
        now=LocalProxy(_now),
        text=lambda value: wording().text(value),
        role=role,
        languages=LocalProxy(languages),
        style_sheet=_style_sheet,
        script=_script,
        passkey_script=lambda: _static("passkeys.js"),
        wall_script=lambda: _static("wall.js"),
        fold_sheet=_fold_sheet,
        csrf_token=sessions.form_token,
        shown_to=_shown_to,
        here=way_back,
    )
    app.jinja_env.filters.update(
        bdi=bdi,
        day=lambda value: wording().day(value),
        short_day=lambda value: wording().dated(value.astimezone(ZONE).date(), "d MMM"),
        moment=lambda value: wording().moment(value),
        clock=lambda value: wording().clock(value),
        instant=lambda moment: moment.isoformat(timespec="seconds"),
        full_day=lambda value: wording().dated(value.astimezone(ZONE).date(), "full"),
        due=lambda value: wording().due(value, _now()),
        role=role,
        number=number,
        labelled=labelled,
        grouped=format_number,
    )
    app.context_processor(
        lambda: {"actor": _reader(), "w": wording(), "now": _now(), "csrf_token": sessions.form_token}
    )


# ---- the reader's language ---------------------------------------------------------------------------------------


def wording() -> Wording:
    """The voice of this request: the account's language, else the browser's choice here, else what it asks for."""
    voice: Wording | None = g.get("wording")
    if voice is None:
        voice = g.wording = _voice(_language())
    return voice


def reword(language: str = "") -> None:
    """Choose the language again: who is in front of us has just changed, or asks for this one."""
    g.pop("wording", None)
    if language:
        g.wording = _voice(language)


@lru_cache(maxsize=8)
def _voice(language: str) -> Wording:
    return Wording(language)


def _language() -> str:
    offered = sessions.ctx().settings.languages
    for wanted in (_of_account(), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in offered:
            return wanted
    return request.accept_languages.best_match(offered) or sessions.ctx().settings.default_language


def _of_account() -> str | None:
    actor = _reader()
    return actor.language if actor else None


def _reader() -> Actor | None:
    """Whoever is signed in; nobody where the stores can't say, for the page that tells so needs a language too."""
    try:
        return sessions.find_actor()
    except SchoolProtocolError:
        return None


def _shown_to() -> str:
    reader = _reader()
    return sessions.owner_mark(reader.id) if reader else ""


def languages() -> tuple[tuple[str, str, str], ...]:
    """The languages offered here: key, own name, and what HTML calls it."""
    return tuple(
        (language, language_name(language), _voice(language).html_language)
        for language in sessions.ctx().settings.languages
    )


# ---- values ------------------------------------------------------------------------------------------------------


def bdi(value: object) -> Markup:
    """`value` kept apart from the text around it: numbers, codes and addresses stay left to right in Arabic."""
    said = escape(value)
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in str(said)):
        return Markup("<bdi>%s</bdi>") % said
    return Markup('<bdi dir="ltr">%s</bdi>') % said


def number(value: str) -> Markup:
    """A case's number as it is printed and said, in groups; broken over two lines they are misread."""
    return Markup('<bdi dir="ltr" class="nowrap">{}</bdi>').format(format_number(str(value)))


def labelled(value: str, protocol: Protocol, names: Mapping[str, str]) -> Markup:
    """A text in which each sign of the case ([EV1]) stands as `names` label its person, apart from what is around."""
    labels = {}
    for person, label in names.items():
        slot, _, number = person.rpartition("-")
        if slot in protocol.slots:
            labels[f"{protocol.slots[slot].short}{number}"] = label
    pieces = name_detection.shown(str(value), labels)
    return Markup("").join(Markup("<bdi>%s</bdi>") % piece if is_sign else escape(piece) for piece, is_sign in pieces)


def role(protocol: Protocol, key: str) -> str:
    """Title of a role or a seat of `protocol`."""
    return wording().role(protocol, key)


def _now() -> datetime:
    if "now" not in g:
        g.now = sessions.ctx().now()
    moment: datetime = g.now
    return moment


# ---- the style sheet ---------------------------------------------------------------------------------------------


def _style_sheet() -> str:
    """Address of the style sheet, good for ever: it changes with the file."""
    return _static("school.css")


def _script() -> str:
    """Address of the one script, which no page needs."""
    return _static("desk.js")


def _static(name: str) -> str:
    return url_for("static", filename=name, v=_digest(Path(__file__).parents[1] / "web" / "static" / name))


def _fold_sheet(protocol: Protocol) -> str:
    """Address of the rules that fold a definition's conditional questions, good for ever as its bytes are."""
    return url_for("desk.folds", protocol=protocol.protocol, version=protocol.version, v=protocol.digest[:12])


@lru_cache(maxsize=4)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


# ---- folded questions: conditions of a definition as a style sheet -------------------------------------------------
# No script: `:has()` reads what is chosen. A browser that doesn't know it shows everything. What holds an answer, or
# a problem, is never folded away.

PREFIXES = ("a-", "c-")
_CHOSEN = frozenset(
    {FieldType.choice, FieldType.choices, FieldType.yes_no, FieldType.tri, FieldType.check, FieldType.dangers}
)
_FILLED = (
    ".bad,[type=radio]:checked:not([value='']),[type=checkbox]:checked,"
    "input:not([type]):not(:placeholder-shown),textarea:not(:placeholder-shown),"
    "select:not([name*='-new-']) option:checked:not([value=''])"
)


def fold_name(form: Form, condition: Condition, prefix: str = "a-") -> str:
    """The class of what is asked under that condition of that form."""
    return f"if-{prefix}{hashlib.sha256(f'{form.key}|{condition.source}'.encode()).hexdigest()[:8]}"


def style_of(protocol: Protocol) -> str:
    """The style sheet of a definition: one rule a condition that answers of the same form decide."""
    rules = "".join(rule for form in protocol.forms.values() for rule in _rules(form))
    return f"@supports selector(:has(a)){{{rules}}}" if rules else ""


def _rules(form: Form) -> Iterator[str]:
    for condition in dict.fromkeys(item.when for item in form.fields if item.when is not None):
        for prefix in PREFIXES:
            met = _Selector(form, prefix).met(condition.tree)
            if met is not None:
                yield f"form:not({met}) .{fold_name(form, condition, prefix)}:not(:has({_FILLED})){{display:none}}"


class _Selector:
    """Selectors that a form matches when a condition is surely true, or surely false; None where answers can't say."""

    def __init__(self, form: Form, prefix: str) -> None:
        self.form = form
        self.prefix = prefix

    def met(self, node: ast.AST, wanted: bool = True) -> str | None:
        """That `node` is surely `wanted`."""
        match node:
            case ast.BoolOp(op=op, values=parts):
                joined = _all if isinstance(op, ast.And) is wanted else _any
                return joined(self.met(part, wanted) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self.met(inner, not wanted)
            case ast.Name(id=name):
                several = self._several(name)
                if several is None:
                    return self._answered(name, ["yes"], not_these=not wanted)
                return several if wanted else f":not({several})"
            case ast.Compare(left=left, ops=[op], comparators=[right]) if wanted:
                return self._compared(left, op, right)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPPOSITE:
                return self._compared(left, _OPPOSITE[type(op)](), right)
        return None

    def _several(self, name: str) -> str | None:
        """That a question with several answers has one."""
        item = self.form.by_key.get(name)
        if item is None or item.type not in (FieldType.choices, FieldType.dangers):
            return None
        return f":has([name='{self.prefix}{name}']:checked)"

    def _compared(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> str | None:
        if isinstance(left, ast.Constant) and isinstance(right, ast.Name):  # one of several answers
            return self._answered(right.id, [left.value], lacking=isinstance(op, ast.NotIn))
        if not isinstance(left, ast.Name) or not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            return None
        values = [part.value for part in ast.walk(right) if isinstance(part, ast.Constant)]
        return self._answered(left.id, values, not_these=isinstance(op, ast.NotEq | ast.NotIn))

    def _answered(
        self, name: str, values: Sequence[object], *, not_these: bool = False, lacking: bool = False
    ) -> str | None:
        item = self.form.by_key.get(name)
        if item is None or item.type not in _CHOSEN or not all(isinstance(one, str | bool) for one in values):
            return None
        said = [{True: "yes", False: "no"}.get(one, one) if isinstance(one, bool) else one for one in values]
        named, which = f"[name='{self.prefix}{name}']", ",".join(f"[value='{one}']" for one in said)
        if (item.type is FieldType.check and not_these) or lacking:
            return f":not(:has({named}:checked:is({which})))"
        if not_these:
            return f":has(:is({named},{named} option):checked:not({which},[value='']))"
        return f":has(:is({named},{named} option):checked:is({which}))"


def _all(parts: Iterable[str | None]) -> str | None:
    """Every part that can be told: with one of them false, the whole is not true."""
    return "".join(part for part in parts if part is not None) or None


def _any(parts: Iterable[str | None]) -> str | None:
    found = list(parts)
    return None if None in found else f":is({','.join(part for part in found if part is not None)})"


_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
