"""Signing in and out: password or passkey, then the second step if any; invitations and forgotten passwords."""

from __future__ import annotations

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length

from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services import accounts
from school_protocol.services.identity import factors, invitations, passkeys, restoring, signing_in
from school_protocol.services.identity.signing_in import Pending
from school_protocol.services.identity.throttling import TooManyTries
from school_protocol.storage.sign_in import Stage
from school_protocol.web import sessions
from school_protocol.web.account import visiting
from school_protocol.web.account.forms import (
    answer,
    grouped,
    new_password,
    qr_code,
    said,
    typed,
    wrong,
)
from school_protocol.web.headers import again_in
from school_protocol.web.paths import own_path
from school_protocol.web.rendering import reword, wording
from school_protocol.web.routing import Pages

blueprint = Pages("sign_in", __name__, asks=Permission.anyone)

AGENT_MOST = 200


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Name and password."""

    class Meta:
        csrf = False  # the guard has checked it

    username = StringField(filters=[lambda value: (value or "").strip()], validators=[DataRequired(), Length(max=100)])
    password = PasswordField(validators=[InputRequired(), Length(max=1024)])


# ---- the first step --------------------------------------------------------------------------------------------------


@blueprint.get("/sign-in")
def show() -> ResponseReturnValue:
    if sessions.find_actor() is not None:
        return redirect(own_path(request.args.get("next")))
    waiting = visiting.find_pending()
    if waiting is not None:
        return _next_step(waiting)
    return _page(SignInForm(formdata=None))


def _next_step(waiting: Pending) -> ResponseReturnValue:
    step = "sign_in.factor" if waiting.stage is Stage.factor else "sign_in.enrol"
    return redirect(url_for(step, next=_way_on()))


@blueprint.post("/sign-in")
def enter() -> ResponseReturnValue:
    form = SignInForm()
    if not form.validate():
        return _page(form, problem="missing")
    visitor = visiting.visitor()
    try:
        token = accounts.sign_in(
            sessions.house(),
            form.username.data,
            form.password.data,
            _agent(),
            address=visitor.address,
            mark=visitor.mark,
        )
    except TooManyTries as error:
        return _page(form, problem="wait", seconds=error.seconds)
    if token is None:
        return _page(form, problem="refused")
    return _on(token)


@blueprint.post("/sign-in/passkey")
def passkey() -> ResponseReturnValue:
    """Come in by a passkey alone."""
    token = signing_in.sign_in_by_passkey(sessions.house(), visiting.site(), answer(), visiting.visitor())
    return _on(token) if token else _page(SignInForm(formdata=None), problem="passkey")


@blueprint.post("/sign-out")
def leave() -> ResponseReturnValue:
    sign_out()
    return sessions.end(make_response(redirect(url_for("sign_in.show"))))


def sign_out() -> None:
    """End the session that this request came with, if it came with one."""
    token = sessions.token_of_request()
    if token:
        accounts.sign_out(sessions.house(), token)


# ---- the second step -------------------------------------------------------------------------------------------------


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
def factor() -> ResponseReturnValue:
    """The code that the phone shows, or a recovery code."""
    waiting = _waiting(Stage.factor)
    if request.method != "POST":
        return _step("sign_in/factor.html", waiting)
    try:
        token = signing_in.prove_factor(
            sessions.house(), sessions.token_of_request(), typed("code"), visiting.visitor()
        )
    except TooManyTries as error:
        return _step("sign_in/factor.html", waiting, seconds=error.seconds), 429, again_in(error.seconds)
    if token is None:
        return _step("sign_in/factor.html", waiting, problems=wrong("code", "wrong_code")), 422
    return _on(token)


@blueprint.route("/sign-in/lost", methods=["GET", "POST"])
def lost() -> ResponseReturnValue:
    """The code that two people gave to somebody whose phone is lost: the old factors end, new ones are set up."""
    waiting = _waiting(Stage.factor)
    if request.method != "POST":
        return _step("sign_in/lost.html", waiting)
    try:
        token = restoring.restore(sessions.house(), sessions.token_of_request(), typed("code"), visiting.visitor())
    except TooManyTries as error:
        return _step("sign_in/lost.html", waiting, seconds=error.seconds), 429, again_in(error.seconds)
    if token is None:
        return _step("sign_in/lost.html", waiting, problems=wrong("code", "wrong_slip")), 422
    return _on(token)


@blueprint.route("/sign-in/second-step", methods=["GET", "POST"])
def enrol() -> ResponseReturnValue:
    """Set up the second factor that a role asks for, before anything else."""
    waiting = _waiting(Stage.enrol)
    if request.method != "POST":
        return _enrolling(waiting, factors.draw_seed())
    seed = sessions.seed_of_form(waiting.account)
    if seed is None:
        return _enrolling(waiting, factors.draw_seed(), wrong("code", "too_old")), 422
    token = sessions.token_of_request()
    done = signing_in.enrol(sessions.house(), token, seed, typed("code"), visiting.visitor())
    if done is None:
        return _enrolling(waiting, seed, wrong("code", "wrong_code")), 422
    return recovery_page(*done, way_on=_way_on())


@blueprint.post("/sign-in/second-step/passkey")
def enrol_passkey() -> ResponseReturnValue:
    """The same with a passkey."""
    waiting = _waiting(Stage.enrol)
    done = signing_in.enrol_passkey(
        sessions.house(), sessions.token_of_request(), visiting.site(), answer(), typed("name"), visiting.visitor()
    )
    if done is None:
        return _enrolling(waiting, factors.draw_seed(), wrong("passkey", "wrong_passkey")), 422
    return recovery_page(*done, way_on=_way_on())


def recovery_page(token: str, codes: tuple[str, ...], *, way_on: str) -> Response:
    """The recovery codes, shown once, under the session that has just begun."""
    reword()
    response = make_response()
    sessions.begin(response, token)
    response.set_data(render_template("account/recovery.html", codes=codes, way_on=way_on))
    return response


def _waiting(stage: Stage) -> Pending:
    """Whoever stands at this step. A page that was left open leads to the beginning; else raises Unseen."""
    waiting = visiting.find_pending()
    if waiting is not None and waiting.stage is stage:
        return waiting
    if request.method == "GET" and sessions.find_actor() is None:
        abort(redirect(url_for("sign_in.show")))
    raise Unseen(stage.value)


def _enrolling(waiting: Pending, seed: str, problems: dict[str, str] | None = None) -> str:
    options = passkeys.ask_to_add(sessions.house(), waiting.account, visiting.site())
    return _step(
        "sign_in/enrol.html",
        waiting,
        problems=problems,
        picture=qr_code(seed, waiting.username),
        by_hand=grouped(seed),
        sealed=sessions.seal_seed(seed, waiting.account),
        options=options,
    )


def _step(
    template: str, waiting: Pending, *, problems: dict[str, str] | None = None, seconds: int = 0, **more: object
) -> str:
    more.setdefault("options", passkeys.ask_to_enter(sessions.house(), visiting.site()))
    return render_template(
        template, waiting=waiting, problems=problems or {}, seconds=seconds, way_on=_way_on(), **more
    )


# ---- the first password, or a new one --------------------------------------------------------------------------------


@blueprint.route("/invited/<token>", methods=["GET", "POST"])
def invited(token: str) -> ResponseReturnValue:
    """Choose the first password, by the link that somebody was given."""
    found = invitations.see_invitation(sessions.house(), token)
    if found is None:
        return render_template("sign_in/invited.html", invited=None, problems={}), 404
    if request.method != "POST":
        return render_template("sign_in/invited.html", invited=found, problems={})
    try:
        done = invitations.accept_invitation(sessions.house(), token, new_password())
    except BadInput as error:
        return render_template("sign_in/invited.html", invited=found, problems=said(error)), 422
    if not done:
        return render_template("sign_in/invited.html", invited=None, problems={}), 404
    return _chosen()


@blueprint.route("/sign-in/new-password", methods=["GET", "POST"])
def by_code() -> ResponseReturnValue:
    """Choose a password with the code that was printed: the first one, or another."""
    name = typed("username")
    if request.method != "POST":
        return render_template("sign_in/by_code.html", problems={}, username="", seconds=0)
    problems: dict[str, str] = {}
    seconds, done = 0, False
    try:
        if not name.strip() or not typed("code").strip():
            raise BadInput({field: ("required",) for field in ("username", "code") if not typed(field).strip()})
        address = visiting.visitor().address
        done = invitations.set_password_by_code(sessions.house(), name, typed("code"), new_password(), address=address)
        problems = {} if done else wrong("code", "wrong_slip")
    except BadInput as error:
        problems = said(error)
    except TooManyTries as error:
        seconds = error.seconds
    if done:
        return _chosen()
    page = render_template("sign_in/by_code.html", problems=problems, username=name, seconds=seconds)
    return (page, 429, again_in(seconds)) if seconds else (page, 422)


def _chosen() -> ResponseReturnValue:
    sessions.ring()
    response = sessions.end(make_response(redirect(url_for("sign_in.show"), 303)))
    flash(wording()._("Your password is set. Sign in with it now."), "ok")
    return response


# ---- how it goes on --------------------------------------------------------------------------------------------------


def _on(token: str) -> Response:
    """On to where somebody wanted to go; the guard asks for what is still awaited."""
    return sessions.begin(make_response(redirect(_way_on())), token)


def _way_on() -> str:
    return own_path(request.values.get("next"))


def _page(form: SignInForm, problem: str = "", seconds: int = 0) -> Response:
    options = passkeys.ask_to_enter(sessions.house(), visiting.site())
    body = render_template(
        "sign_in/show.html",
        form=form,
        problem=problem,
        seconds=seconds,
        way_on=_way_on(),
        options=options,
    )
    return make_response(body, {"wait": 429, "": 200}.get(problem, 422), again_in(seconds))


def _agent() -> str:
    return (request.user_agent.string or "")[:AGENT_MOST]
