"""Routes of public reports, without an account: the form, the receipt, coming back with its code, what happens next.

These pages know nobody (`sessions.STRANGERS`): no cookie, no session, no script, and a title that says nothing. The
code with which somebody comes back stands in bodies alone, never in an address.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from school_protocol.cases.view_models import ActView, Choices
from school_protocol.context import AppContext
from school_protocol.engine.definition_parts import Material
from school_protocol.engine.errors import BadInput, NotOpenYet, Unseen
from school_protocol.engine.visibility import Permission
from school_protocol.people import contacts
from school_protocol.people.contacts import ContactLine
from school_protocol.reports import material, service
from school_protocol.reports.presenters import answers_said, childs, status_label
from school_protocol.reports.public_door import PUBLIC, Gate, TooMany
from school_protocol.reports.service import BackView, FormView
from school_protocol.reports.triage_routes import base_address
from school_protocol.statistics.releases import has_public
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.ui import sessions
from school_protocol.ui.fields import Posted
from school_protocol.ui.forms import AnswerForm, answers_of, form_for, show_problems
from school_protocol.ui.middleware import again_in
from school_protocol.ui.rendering import LAST_RESORT, reword, wording
from school_protocol.ui.routing import Pages

# ---- what pages for strangers stand on: a language from the address, errors that note nothing ----------------------

log = logging.getLogger(__name__)
_NUMBERS = "numbers_for_strangers"


def speak() -> None:
    """In the language that the address says, else in that of the browser."""
    offered = sessions.ctx().settings.languages
    asked = request.args.get("lang", "")
    reword(
        asked
        if asked in offered
        else request.accept_languages.best_match(offered) or sessions.ctx().settings.default_language
    )


def here_in(language: str) -> str:
    """This page in another language; of one that was sent, the page from which it was."""
    code = (request.view_args or {}).get("code")
    if code is None or request.endpoint is None:
        return f"?lang={language}"
    shown = request.endpoint if request.method == "GET" else "signalement.form"
    if request.method == "POST" and request.endpoint != "signalement.sent":
        shown = "signalement.back"
    return url_for(shown, code=code, lang=language)


def show(template: str, **known: Any) -> Response:
    return make_response(render_template(template, here_in=here_in, **known))


def furnish(blueprint: Blueprint) -> None:
    blueprint.before_request(speak)
    for kind in (Unseen, NotOpenYet, TooMany, StorageBusy, CSRFError, HTTPException, Exception):
        blueprint.register_error_handler(kind, refused)


def refused(error: Exception) -> Response:
    """A page that says what to do, and a line without any address: nothing ties it to whoever asked."""
    try:
        speak()
        status, said, more = _said(error)
        if status >= 500:
            log.error("not served to a stranger: %s", type(error).__name__, exc_info=error)
        response = show("reports/closed.html", said=said, more=more, contacts=numbers())
    except Exception:
        log.exception("a page for strangers could not be shown")
        status, response = 500, make_response(LAST_RESORT)
    if isinstance(error, TooMany):
        response.headers.update(again_in(error.seconds))
    response.status_code = status
    return response


def _said(error: Exception) -> tuple[int, str, str]:
    w = wording()
    if isinstance(error, Unseen):
        return 404, w._("This address opens nothing"), w._("Look at it again, or ask at school for the one in use.")
    if isinstance(error, NotOpenYet):
        return (
            403,
            w._("This address does not work yet"),
            w._("Nothing was sent. Tell an adult you trust, at school or at home. If you are in danger, call now."),
        )
    if isinstance(error, TooMany):
        return 429, w._("Too many at once"), w._("Please wait a little, and try again.")
    if isinstance(error, StorageBusy):
        return 503, w._("A moment, please"), w._("Nothing was recorded. Please try again in a minute.")
    if isinstance(error, BadInput):
        return 400, w._("This could not be read"), w._("Nothing was recorded. Go back, and send it once more.")
    if isinstance(error, HTTPException) and error.code and error.code < 500:
        return error.code, w._("This could not be read"), w._("Nothing was recorded. Go back, and send it once more.")
    return 500, w._("Something is out of order"), w._("Nothing was recorded. Please try again in a few minutes.")


def numbers() -> tuple[ContactLine, ...]:
    """Who answers everywhere; those last read, where they cannot be read now."""
    known = current_app.extensions
    try:
        known[_NUMBERS] = contacts.numbers_of_the_country(sessions.ctx())
    except Exception:
        log.warning("the numbers of the country could not be read", exc_info=True)
    found: tuple[ContactLine, ...] = known.get(_NUMBERS, ())
    return tuple(sorted(found, key=lambda line: line.open_now is not True))


blueprint = Pages("signalement", __name__, asks=Permission.anyone, url_prefix="/s")
furnish(blueprint)

GATE = "gate"
CODE_MOST = 60
TOKEN_MOST = 500
WORDS_MOST = 20_000


def init_app(app: Flask) -> None:
    """Beside each application one gate: what it counts lies in its memory alone, its share by how many there are."""
    app.extensions[GATE] = Gate(sessions.context_of(app).settings.web_processes)


def _ctx() -> AppContext:
    return sessions.ctx()


def _gate() -> Gate:
    gate: Gate = current_app.extensions[GATE]
    return gate


def _address() -> str:
    return request.remote_addr or ""


def _sent(name: str, most: int) -> str:
    return request.form.get(name, "")[:most]


# ---- telling -------------------------------------------------------------------------------------------------------


@blueprint.get("/<code>")
def form(code: str) -> ResponseReturnValue:
    """Whom to call, then three questions and whatever else somebody wants to say."""
    view = service.see_form(_ctx(), _gate(), code, address=_address())
    if view.door.is_ended:
        return _ended(view)
    return _form_page(view, _asked(view), is_fresh=True)


@blueprint.route("/<code>/sent", methods=["GET", "POST"])
def sent(code: str) -> ResponseReturnValue:
    """The receipt, shown as the form is sent; asked for by itself, the form."""
    if request.method != "POST":
        return redirect(_to("form", code), 303)
    view = service.see_form(_ctx(), _gate(), code, address=_address())
    if view.door.is_ended:
        return _ended(view)
    filled = _asked(view, Posted(request.form))
    try:
        receipt = service.receive(
            _ctx(),
            _gate(),
            code,
            answers_of(filled),
            token=_sent("token", TOKEN_MOST),
            address=_address(),
            language=wording().language,
            solved=_sent("challenge", CODE_MOST),
        )
    except BadInput as error:
        apart = (service.CHALLENGE, service.PAGE)
        found = {path: codes for path, codes in error.problems.items() if path not in apart}
        if view.door.kind == PUBLIC:
            found = {path: tuple(map(childs, codes)) for path, codes in found.items()}
        show_problems(filled, found)
        response = _form_page(
            view,
            filled,
            is_old=service.PAGE in error.problems,
            is_wrong=service.CHALLENGE in error.problems and bool(_sent("challenge", CODE_MOST)),
        )
        return response, 422
    return show(
        "reports/sent.html",
        receipt=receipt, code=view.door.code, address=f"{base_address()}{view.door.code}".partition("://")[2],
        has_after=_material(view) is not None,
    )  # fmt: skip


def _asked(view: FormView, posted: Posted | None = None) -> AnswerForm:
    rules = view.protocol.signalement
    assert rules is not None
    act = ActView(view.protocol, view.protocol.acts[rules.act], view.form, None, Choices())
    return form_for(act, wording(), posted, now=_ctx().now())


def _form_page(
    view: FormView, form: AnswerForm, *, is_fresh: bool = False, is_old: bool = False, is_wrong: bool = False
) -> Response:
    rest = [(said, name, [one for one in group if said or not one.required]) for said, name, group in form.groups]
    free = [question for _said, _name, group in rest for question in group]
    return show(
        "reports/form.html",
        view=view, form=form, code=view.door.code, is_fresh=is_fresh, is_old=is_old, is_wrong=is_wrong, rest=rest,
        is_opened=any(one.problems or any(one.typed) for one in free), has_after=_material(view) is not None,
    )  # fmt: skip


def _material(view: FormView) -> Material | None:
    """What is said to pupils of afterwards: none of it speaks to a colleague."""
    rules = view.protocol.signalement
    return rules.material if rules is not None and view.door.kind == PUBLIC else None


def _ended(view: FormView) -> ResponseReturnValue:
    w = wording()
    more = w._("This school’s address has changed. Ask at school for the new one, or look at the poster.")
    back = _to("back", view.door.code)
    said = w._("This address is no longer in use")
    return show("reports/closed.html", said=said, more=more, contacts=view.numbers, back=back), 410


def _to(page: str, code: str) -> str:
    return url_for(f"signalement.{page}", code=code, lang=wording().language)


# ---- coming back ---------------------------------------------------------------------------------------------------


@blueprint.get("/<code>/back")
def back(code: str) -> ResponseReturnValue:
    """Where the code of the receipt is typed."""
    return _asking(code)


def _asking(code: str, *, why: str = "") -> Response:
    view = service.see_asking(_ctx(), _gate(), code)
    numbers = service.see_form(_ctx(), _gate(), code, address=_address()).numbers
    return show("reports/back.html", view=view, code=view.door.code, why=why, contacts=numbers)


@blueprint.route("/<code>/thread", methods=["GET", "POST"])
def thread(code: str) -> ResponseReturnValue:
    """What became of it, for whoever has the code."""
    if request.method != "POST":
        return redirect(_to("back", code), 303)
    try:
        view = service.come_back(
            _ctx(),
            _gate(),
            code,
            _sent("receipt", CODE_MOST),
            address=_address(),
            token=_sent("token", TOKEN_MOST),
            solved=_sent("challenge", CODE_MOST),
        )
    except BadInput as error:
        return _asking(code, why=_first(error)), 422
    return _thread(view)


@blueprint.post("/<code>/add")
def add(code: str) -> ResponseReturnValue:
    """Something more."""
    words = _sent("words", WORDS_MOST)
    receipt = _sent("receipt", CODE_MOST)
    try:
        view = service.add_answer(_ctx(), _gate(), code, receipt, words, address=_address())
    except BadInput as error:
        if service.SAID not in error.problems:
            return _asking(code, why=_first(error)), 422
        view = service.come_back(_ctx(), _gate(), code, receipt, address=_address())
        return _thread(view, words=words, problem=_first(error)), 422
    return _thread(view, notice=wording()._("Your words have arrived."))


@blueprint.post("/<code>/withdraw")
def withdraw(code: str) -> ResponseReturnValue:
    """How to be reached is taken back."""
    try:
        view = service.withdraw_contact(_ctx(), _gate(), code, _sent("receipt", CODE_MOST), address=_address())
    except BadInput as error:
        return _asking(code, why=_first(error)), 422
    return _thread(view, notice=wording()._("How to reach you is erased."))


def _thread(view: BackView, *, notice: str = "", words: str = "", problem: str = "") -> Response:
    return show(
        "reports/thread.html",
        view=view, code=view.door.code, standing=status_label(view), answers=answers_said(view), notice=notice,
        words=words,
        problem=childs(problem) if problem else "",
    )  # fmt: skip


def _first(error: BadInput) -> str:
    """Where something was wrong: the first field, by name, or the code of the problem of what was added."""
    if service.SAID in error.problems:
        return error.problems[service.SAID][0]
    return next(iter(error.problems))


# ---- to read -------------------------------------------------------------------------------------------------------


@blueprint.get("/<code>/after")
def after(code: str) -> ResponseReturnValue:
    """What happens after somebody has told: the protocol's own steps and times."""
    view = service.see_form(_ctx(), _gate(), code, address=_address())
    told = _material(view)
    if told is None:
        return redirect(_to("form", code), 303)
    return show(
        "reports/after.html",
        view=view, code=view.door.code, material=told, after=material.after(view.protocol, told),
        has_figures=has_public(_ctx()),
    )  # fmt: skip


@blueprint.get("/out")
def out() -> ResponseReturnValue:
    """The quick way out: a page that says the day, and a browser that forgets what it kept of these."""
    response = current_app.make_response(render_template("ui/leave.html"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
