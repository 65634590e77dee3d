"""Words that are ready: in which languages a page shows them, the page of them all, and forms begun from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue

from school_protocol.domain.policy import Permission
from school_protocol.domain.protocol import Protocol, Words
from school_protocol.domain.texts import Text
from school_protocol.services import words as ready
from school_protocol.services.views import ActView
from school_protocol.web import sessions
from school_protocol.web.forms import PREFIX
from school_protocol.web.questions import Posted
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.wording import LANGUAGE_NAMES, Wording

blueprint = Pages("words", __name__, asks=Permission.signed_in)

FROM = "words"
"""What an address calls the words that a form begins from: `?words=<key>`."""


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(_GLOBALS)


@blueprint.get("/words")
def index() -> ResponseReturnValue:
    """Folded to be found on a phone; `?whole=1` unfolds everything: what is folded would be missing on paper."""
    protocols = ready.see_words(sessions.house(), sessions.actor())
    return render_template("words.html", protocols=protocols, whole="whole" in request.args)


# ---- in which languages ------------------------------------------------------------------------------------------


class Voice(NamedTuple):
    """One entry in one language, with what HTML calls that language. `is_near`: the reader's own, or a spoken one."""

    name: str
    html: str
    direction: str
    is_near: bool
    say: tuple[str, ...]
    never: tuple[str, ...]
    text: str
    fills: tuple[str, ...]


def voices(protocol: Protocol, words: Words) -> list[Voice]:
    """What is said, in the reader's language first, then as it is spoken, then in the other languages of the house."""
    own = wording().language
    offered = sessions.house().settings.languages
    others = [language for language in protocol.languages if language in offered and language != own]
    asked = [own, *protocol.spoken, *others]
    found = (_voice(protocol, words, language, language not in others) for language in asked)
    return [one for one in found if one.say or one.never or one.text or one.fills]


def _voice(protocol: Protocol, words: Words, language: str, is_near: bool) -> Voice:
    spoken, w = protocol.spoken.get(language), _wording(protocol, language)

    def said(text: Text | None) -> Iterator[str]:
        # What is spoken may be missing; the rest is in every language, or in the first one.
        if text is not None and (spoken is None or language in text.root):
            yield w.text(text) if spoken is None else text.root[language]

    return Voice(
        name=wording().text(spoken.title) if spoken else LANGUAGE_NAMES.get(language, language),
        html=language if spoken else w.html_language,
        direction=spoken.direction if spoken else w.direction,
        is_near=is_near,
        say=tuple(line for one in words.say for line in said(one)),
        never=tuple(line for one in words.never for line in said(one)),
        text="".join(said(words.text)),
        fills=tuple(line for one in words.fills.values() for line in said(one)),
    )


def _wording(protocol: Protocol, language: str) -> Wording:
    return _voiced(protocol.languages[0] if language in protocol.spoken else language)


@lru_cache(maxsize=8)
def _voiced(language: str) -> Wording:
    return Wording(language)


# ---- forms begun from them ---------------------------------------------------------------------------------------


def starters(protocol: Protocol, act: str) -> list[Words]:
    """The words from which the form of this act may begin."""
    return [words for words in protocol.words_for(act) if words.fills]


def begun(view: ActView) -> ActView:
    """A form that opens: with the words that the address names in its empty fields."""
    return replace(view, prefill={**_chosen(view), **view.prefill})


def topped(view: ActView, typed: Posted | None) -> Posted | None:
    """A form that holds what was typed: with those words where nothing stands, and nowhere else."""
    chosen = _chosen(view)
    if typed is None or not chosen:
        return typed
    filled = Posted(typed)
    for field, text in chosen.items():
        if not typed.get(f"{PREFIX}{field}", "").strip():
            filled[f"{PREFIX}{field}"] = text
    return filled


def _chosen(view: ActView) -> dict[str, str]:
    """Never where the form is sent to be recorded: nobody records words that they have not seen."""
    if request.method == "POST" and "more" not in request.form:
        return {}
    key = request.args.get(FROM)
    return {
        field: wording().text(text)
        for words in starters(view.protocol, view.act.key)
        if words.key == key
        for field, text in words.fills.items()
    }


_GLOBALS: Mapping[str, Callable[..., Any]] = {"voices": voices, "starters": starters}
