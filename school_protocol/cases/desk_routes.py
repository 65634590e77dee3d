"""Routes of the desk (what is due, search, language, the quick way out), of help, and of words that are ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.auth import sign_in_service
from school_protocol.auth.sign_in_routes import sign_out
from school_protocol.cases import help, lists
from school_protocol.cases.view_models import ActView, CaseLine
from school_protocol.config import version
from school_protocol.engine.definition import Act, Move, Protocol, Words
from school_protocol.engine.errors import Unseen
from school_protocol.engine.texts import N_, Named, Text
from school_protocol.engine.visibility import Permission
from school_protocol.language import ZONE, Wording, language_name
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import rendering, sessions
from school_protocol.ui.fields import Posted
from school_protocol.ui.forms import PREFIX
from school_protocol.ui.middleware import is_of_this_site, own_path
from school_protocol.ui.rendering import LANGUAGE_COOKIE, style_of, wording
from school_protocol.ui.routing import Pages

desk_blueprint = Pages("desk", __name__, asks=Permission.signed_in)
desk_blueprint.entry(N_("Cases"), 0, within=("desk", "cases", "review"))

FILTERS = lists.FILTERS
OF_DUES = ("mine", "late", "today")
"""Lists that say what is next or due: none of them is there for a workshop's table without hints, nor is the week."""
QUERY_MOST = 200
CURSOR_MOST = 200
YEAR = 365 * 24 * 3600


@desk_blueprint.app_template_filter("local_day")
def local_day(value: datetime) -> date:
    """The day that a moment is on, there."""
    return value.astimezone(ZONE).date()


@desk_blueprint.app_template_filter("week_day")
def week_day(value: date) -> str:
    """A day as one says it within a week: its name first."""
    return wording().dated(value, "EEEE d MMMM")


@desk_blueprint.get("/", endpoint="index")
def desk_index() -> ResponseReturnValue:
    """What is due: as a list of cases, or (`view=week`) day by day."""
    wanted = request.args.get("filter", "")
    chosen = wanted if wanted in FILTERS else FILTERS[0]
    after = request.args.get("after") or None
    if after is not None and len(after) > CURSOR_MOST:
        raise Unseen(after)
    is_week = request.args.get("view") == "week"
    if (is_week or chosen in OF_DUES) and not rendering.are_shown():
        return redirect(url_for("desk.index"))
    if is_week:
        week = lists.see_week(sessions.ctx(), sessions.actor(), after=after)
        if week.receipts_only:
            return redirect(url_for("desk.index"))
        return render_template("cases/desk_week.html", week=week, filters=FILTERS, of_dues=OF_DUES)
    desk = lists.see_desk(sessions.ctx(), sessions.actor(), filter=chosen, after=after)
    return render_template("cases/desk_index.html", desk=desk, filters=FILTERS, of_dues=OF_DUES)


@desk_blueprint.route("/search", methods=["GET", "POST"], asks=Permission.see_cases)
def search() -> ResponseReturnValue:
    """By number, word, or pupil of one’s own school: a pupil only as the form posts: no address holds a name."""
    is_posted = request.method == "POST"
    asked = request.form if is_posted else request.args
    query = " ".join(asked.get("q", "").replace("\0", " ").split())[:QUERY_MOST]
    number = _by_number(query)
    if number is not None:
        return redirect(url_for("cases.show", number=number))
    if not is_posted:
        return render_template("cases/desk_search.html", query="", lines=(), most=lists.PAGE)
    lines = lists.find_by_word(sessions.ctx(), sessions.actor(), query) or _by_pupil(query)
    return render_template("cases/desk_search.html", query=query, lines=lines, most=lists.PAGE)


@desk_blueprint.get("/style/<protocol>/<int:version>")
def folds(protocol: str, version: int) -> ResponseReturnValue:
    """The rules that fold a definition's conditional questions away: nothing of a case, the same for everybody."""
    known = next(
        (one for one in sessions.ctx().library.every() if (one.protocol, one.version) == (protocol, version)), None
    )
    if known is None:
        raise Unseen(protocol)
    return Response(style_of(known), mimetype="text/css")


@desk_blueprint.get("/leave", asks=Permission.anyone)
def leave() -> ResponseReturnValue:
    """The quick way out. Pressed on a page of ours it also signs out, so that going back shows nothing."""
    response = make_response(render_template("ui/leave.html"))
    if not _is_from_here():
        return response
    sign_out()
    return sessions.end(response)


def _is_from_here() -> bool:
    """Whether a page of ours led here. A browser that doesn't say so itself, as over plain HTTP, names the page."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return bool(request.referrer) and is_of_this_site(str(request.referrer))


@desk_blueprint.post("/drafts/forget")
def forget_draft() -> ResponseReturnValue:
    """Empty a form that was kept: its draft goes, and the page is opened afresh."""
    at = own_path(request.form.get("at"))
    ui_forms.forget(sessions.actor().id, urlsplit(at).path.removeprefix(request.script_root))
    return redirect(at, 303)


@desk_blueprint.post("/language", asks=Permission.anyone)
def language() -> ResponseReturnValue:
    response = make_response(redirect(own_path(request.form.get("next"))))
    chosen = request.form.get("language", "")
    if chosen not in sessions.ctx().settings.languages:
        return response
    actor = sessions.find_actor()
    if actor is not None:
        sign_in_service.choose_language(sessions.ctx(), actor, chosen)
    response.set_cookie(
        LANGUAGE_COOKIE,
        chosen,
        max_age=YEAR,
        secure=sessions.ctx().settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return response


def _by_number(query: str) -> str | None:
    try:
        return lists.find_by_number(sessions.ctx(), sessions.actor(), query) if query else None
    except Unseen:
        return None


def _by_pupil(query: str) -> tuple[CaseLine, ...]:
    return lists.find_by_pupil(sessions.ctx(), sessions.actor(), query) if query else ()


# ---- help: what the definitions in use say of each role, act and step ----------------------------------------------
# Nothing of any case is here; the “?” beside an act leads to its place on these pages.

help_blueprint = Pages("help", __name__, asks=Permission.signed_in, url_prefix="/help")


def init_help(app: Flask) -> None:
    app.jinja_env.globals.update(help_on=help_on, place_of=place_of, titles_of=titles_of)


def place_of(one: Act | Move) -> str:
    """The anchor of an act or a move on its page of help: it stays as long as the definition does."""
    return f"{'act' if isinstance(one, Act) else 'move'}-{one.key}"


def help_on(protocol: Protocol, one: Act | Move) -> str:
    """Where help on an act or a move stands, in the version under which a case was opened."""
    topic = one.group if isinstance(one, Act) else help.STEPS
    return url_for(
        "help.topic", protocol=protocol.protocol, version=protocol.version, topic=topic, _anchor=place_of(one)
    )


def titles_of(parts: Iterable[Named]) -> list[str]:
    """Parts of a definition, as the reader calls them."""
    return [wording().text(part.title) for part in parts]


@help_blueprint.get("", endpoint="index", asks=Permission.anyone)
def help_index() -> ResponseReturnValue:
    guides = help.see_guides(sessions.ctx(), sessions.find_actor())
    return render_template("cases/help_index.html", guides=guides, version=version())


@help_blueprint.get("/<protocol>/<int:version>/roles/<role>")
def role(protocol: str, version: int, role: str) -> ResponseReturnValue:
    found = help.see_role(sessions.ctx(), sessions.actor(), protocol, version, role)
    return render_template("cases/help_role.html", guide=found, protocol=found.protocol)


@help_blueprint.get("/<protocol>/<int:version>/<topic>")
def topic(protocol: str, version: int, topic: str) -> ResponseReturnValue:
    found = help.see_topic(sessions.ctx(), sessions.actor(), protocol, version, topic)
    return render_template("cases/help_topic.html", topic=found, protocol=found.protocol, steps=help.STEPS)


# ---- the first minutes, for whoever isn't signed in ----------------------------------------------------------------
# It knows nobody, needs no cookie, and says nothing of any school.

minutes_blueprint = Pages("minutes", __name__, asks=Permission.anyone, url_prefix="/danger")


@minutes_blueprint.get("", endpoint="index")
def minutes_index() -> ResponseReturnValue:
    """In the language that the browser asks for."""
    settings = sessions.ctx().settings
    language = request.accept_languages.best_match(settings.languages) or settings.default_language
    return redirect(url_for("minutes.show", language=language))


@minutes_blueprint.get("/<language>", endpoint="show")
def minutes_show(language: str) -> str:
    """Whom to call and what to do first, of each danger."""
    ctx = sessions.ctx()
    if language not in ctx.settings.languages:
        raise Unseen(language)
    rendering.reword(language)
    return render_template("cases/open_minutes.html", every=help.see_open_minutes(ctx))


# ---- words that are ready: in which languages a page shows them, and forms begun from them -------------------------

words_blueprint = Pages("words", __name__, asks=Permission.signed_in)

FROM = "words"
"""What an address calls the words that a form begins from: `?words=<key>`."""


def init_words(app: Flask) -> None:
    app.jinja_env.globals.update(_GLOBALS)


@words_blueprint.get("/words", endpoint="index")
def words_index() -> ResponseReturnValue:
    """Folded to be found on a phone; `?whole=1` unfolds everything: what is folded would be missing on paper."""
    protocols = help.see_words(sessions.ctx(), sessions.actor())
    return render_template("cases/words.html", protocols=protocols, whole="whole" in request.args)


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
    """What is said, in the reader's language first, then as it is spoken, then in the other languages offered."""
    own = wording().language
    offered = sessions.ctx().settings.languages
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
        name=wording().text(spoken.title) if spoken else language_name(language),
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
