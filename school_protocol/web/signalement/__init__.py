"""Telling the school, without an account: the form, the receipt, coming back with its code, what happens afterwards.

These pages know nobody (`sessions.STRANGERS`): no cookie, no session, no script, and a title that says nothing. The
code with which somebody comes back stands in bodies alone, never in an address.
"""

from __future__ import annotations

from flask import Flask, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import BadInput
from school_protocol.domain.policy import Permission
from school_protocol.domain.signalement_material import Material
from school_protocol.services.figures.seeing import has_public
from school_protocol.services.house import House
from school_protocol.services.signalement import coming_back, material, receiving
from school_protocol.services.signalement.coming_back import BackView
from school_protocol.services.signalement.known import PUBLIC
from school_protocol.services.signalement.limits import Gate
from school_protocol.services.signalement.receiving import FormView
from school_protocol.services.views import ActView, Choices
from school_protocol.web import sessions
from school_protocol.web.forms import AnswerForm, answers_of, form_for, show_problems
from school_protocol.web.questions import Posted
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.web.signalement.addresses import base_address
from school_protocol.web.signalement.plain import furnish, show
from school_protocol.web.signalement.said import answers_said, childs, standing_said

blueprint = Pages("signalement", __name__, asks=Permission.anyone, url_prefix="/s")
furnish(blueprint)

GATE = "gate"
CODE_MOST = 60
TOKEN_MOST = 500
WORDS_MOST = 20_000


def init_app(app: Flask) -> None:
    """Beside each application one gate: what it counts lies in its memory alone, its share by how many there are."""
    app.extensions[GATE] = Gate(sessions.house_of(app).settings.web_processes)


def _house() -> House:
    return sessions.house()


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
    view = receiving.see_form(_house(), _gate(), code, address=_address())
    if view.door.is_ended:
        return _ended(view)
    return _form_page(view, _asked(view), is_fresh=True)


@blueprint.route("/<code>/sent", methods=["GET", "POST"])
def sent(code: str) -> ResponseReturnValue:
    """The receipt, shown as the form is sent; asked for by itself, the form."""
    if request.method != "POST":
        return redirect(_to("form", code), 303)
    view = receiving.see_form(_house(), _gate(), code, address=_address())
    if view.door.is_ended:
        return _ended(view)
    filled = _asked(view, Posted(request.form))
    try:
        receipt = receiving.receive(
            _house(),
            _gate(),
            code,
            answers_of(filled),
            token=_sent("token", TOKEN_MOST),
            address=_address(),
            language=wording().language,
            solved=_sent("challenge", CODE_MOST),
        )
    except BadInput as error:
        apart = (receiving.CHALLENGE, receiving.PAGE)
        found = {path: codes for path, codes in error.problems.items() if path not in apart}
        if view.door.kind == PUBLIC:
            found = {path: tuple(map(childs, codes)) for path, codes in found.items()}
        show_problems(filled, found)
        response = _form_page(
            view,
            filled,
            is_old=receiving.PAGE in error.problems,
            is_wrong=receiving.CHALLENGE in error.problems and bool(_sent("challenge", CODE_MOST)),
        )
        return response, 422
    return show(
        "signalement/sent.html",
        receipt=receipt, code=view.door.code, address=_whole_address(view.door.code),
        has_after=_material(view) is not None,
    )  # fmt: skip


def _asked(view: FormView, posted: Posted | None = None) -> AnswerForm:
    rules = view.protocol.signalement
    assert rules is not None
    act = ActView(view.protocol, view.protocol.acts[rules.act], view.form, None, Choices())
    return form_for(act, wording(), posted, now=_house().now())


def _form_page(
    view: FormView, form: AnswerForm, *, is_fresh: bool = False, is_old: bool = False, is_wrong: bool = False
) -> Response:
    rest = [(said, name, [one for one in group if said or not one.required]) for said, name, group in form.groups]
    free = [question for _said, _name, group in rest for question in group]
    return show(
        "signalement/form.html",
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
    return show("signalement/closed.html", said=said, more=more, contacts=view.numbers, back=back), 410


def _whole_address(code: str) -> str:
    """What is typed to come back."""
    return f"{base_address()}{code}".partition("://")[2]


def _to(page: str, code: str) -> str:
    return url_for(f"signalement.{page}", code=code, lang=wording().language)


# ---- coming back ---------------------------------------------------------------------------------------------------


@blueprint.get("/<code>/back")
def back(code: str) -> ResponseReturnValue:
    """Where the code of the receipt is typed."""
    return _asking(code)


def _asking(code: str, *, why: str = "") -> Response:
    view = coming_back.see_asking(_house(), _gate(), code)
    numbers = receiving.see_form(_house(), _gate(), code, address=_address()).numbers
    return show("signalement/back.html", view=view, code=view.door.code, why=why, contacts=numbers)


@blueprint.route("/<code>/thread", methods=["GET", "POST"])
def thread(code: str) -> ResponseReturnValue:
    """What became of it, for whoever has the code."""
    if request.method != "POST":
        return redirect(_to("back", code), 303)
    try:
        view = coming_back.come_back(
            _house(),
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
        view = coming_back.add(_house(), _gate(), code, receipt, words, address=_address())
    except BadInput as error:
        if coming_back.SAID not in error.problems:
            return _asking(code, why=_first(error)), 422
        view = coming_back.come_back(_house(), _gate(), code, receipt, address=_address())
        return _thread(view, words=words, problem=_first(error)), 422
    return _thread(view, notice=wording()._("Your words have arrived."))


@blueprint.post("/<code>/withdraw")
def withdraw(code: str) -> ResponseReturnValue:
    """How to be reached is taken back."""
    try:
        view = coming_back.withdraw_contact(_house(), _gate(), code, _sent("receipt", CODE_MOST), address=_address())
    except BadInput as error:
        return _asking(code, why=_first(error)), 422
    return _thread(view, notice=wording()._("How to reach you is erased."))


def _thread(view: BackView, *, notice: str = "", words: str = "", problem: str = "") -> Response:
    return show(
        "signalement/thread.html",
        view=view, code=view.door.code, standing=standing_said(view), answers=answers_said(view), notice=notice,
        words=words,
        problem=childs(problem) if problem else "",
    )  # fmt: skip


def _first(error: BadInput) -> str:
    """Where something was wrong: the first field, by name, or the code of the problem of what was added."""
    if coming_back.SAID in error.problems:
        return error.problems[coming_back.SAID][0]
    return next(iter(error.problems))


# ---- to read -------------------------------------------------------------------------------------------------------


@blueprint.get("/<code>/after")
def after(code: str) -> ResponseReturnValue:
    """What happens after somebody has told: the protocol's own steps and times."""
    view = receiving.see_form(_house(), _gate(), code, address=_address())
    told = _material(view)
    if told is None:
        return redirect(_to("form", code), 303)
    return show(
        "signalement/after.html",
        view=view, code=view.door.code, material=told, after=material.after(view.protocol, told),
        has_figures=has_public(_house()),
    )  # fmt: skip


@blueprint.get("/out")
def out() -> ResponseReturnValue:
    """The quick way out: a page that says the day, and a browser that forgets what it kept of these."""
    response = current_app.make_response(render_template("leave.html"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
