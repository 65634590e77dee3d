"""What every template knows: the reader's language, how values are shown, and who is reading."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from flask import Flask, g, request, url_for
from jinja2 import StrictUndefined
from markupsafe import Markup, escape
from werkzeug.local import LocalProxy

from school_protocol.domain import naming
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.storage.numbers import format_number
from school_protocol.web import sessions
from school_protocol.web.paths import way_back
from school_protocol.wording import LANGUAGE_NAMES, ZONE, Wording

LANGUAGE_COOKIE = "language"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


def init_app(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
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
        day=_day,
        moment=_moment,
        clock=_clock,
        instant=lambda moment: moment.isoformat(timespec="seconds"),
        full_day=_full_day,
        due=_due,
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
    if "wording" not in g:
        g.wording = _voice(_language())
    voice: Wording = g.wording
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
    offered = sessions.house().settings.languages
    for wanted in (_of_account(), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in offered:
            return wanted
    return request.accept_languages.best_match(offered) or sessions.house().settings.default_language


def _of_account() -> str | None:
    actor = _reader()
    return actor.language if actor else None


def _reader() -> Actor | None:
    """Whoever is signed in; nobody where the house can't say, for the page that tells so needs a language too."""
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
        (language, LANGUAGE_NAMES.get(language, language), _voice(language).html_language)
        for language in sessions.house().settings.languages
    )


def _gettext(message: str) -> str:
    return wording().gettext(message)


def _ngettext(one: str, many: str, number: int) -> str:
    return wording().plural(one, many, number)


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
    pieces = naming.shown(str(value), labels)
    return Markup("").join(Markup("<bdi>%s</bdi>") % piece if is_sign else escape(piece) for piece, is_sign in pieces)


def role(protocol: Protocol, key: str) -> str:
    """Title of a role or a seat of `protocol`."""
    return wording().role(protocol, key)


def _day(value: date | str) -> str:
    return wording().day(value)


def _full_day(value: datetime) -> str:
    return wording().dated(value.astimezone(ZONE).date(), "full")


def _moment(value: datetime | str) -> str:
    return wording().moment(value)


def _clock(value: datetime) -> str:
    return wording().clock(value)


def _due(value: datetime) -> str:
    return wording().due(value, _now())


def _now() -> datetime:
    if "now" not in g:
        g.now = sessions.house().now()
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
    return url_for("static", filename=name, v=_digest(Path(__file__).parent / "static" / name))


def _fold_sheet(protocol: Protocol) -> str:
    """Address of the rules that fold a definition's conditional questions, good for ever as its bytes are."""
    return url_for("desk.folds", protocol=protocol.protocol, version=protocol.version, v=protocol.digest[:12])


@lru_cache(maxsize=4)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
