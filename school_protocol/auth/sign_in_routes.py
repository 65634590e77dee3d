"""Routes of signing in and out: password, passkey, second step, OpenID; invitations and forgotten passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, abort, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length

from school_protocol.auth import access_codes, openid, passkeys, routes, second_factor, service, sign_in_service
from school_protocol.auth.openid import OpenIdRefused, Started
from school_protocol.auth.routes import answer_of, grouped, new_password, profile_said, qr_code, typed, wrong
from school_protocol.auth.service import TooManyTries
from school_protocol.auth.sign_in_repository import Stage
from school_protocol.auth.sign_in_service import Pending
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Permission
from school_protocol.ui import sessions
from school_protocol.ui.middleware import again_in, own_path
from school_protocol.ui.rendering import reword, wording
from school_protocol.ui.routing import Pages

sign_in_blueprint = Pages("sign_in", __name__, asks=Permission.anyone)


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Name and password."""

    class Meta:
        csrf = False  # the guard has checked it

    username = StringField(filters=[lambda value: (value or "").strip()], validators=[DataRequired(), Length(max=100)])
    password = PasswordField(validators=[InputRequired(), Length(max=1024)])


# ---- the first step --------------------------------------------------------------------------------------------------


@sign_in_blueprint.get("/sign-in")
def show() -> ResponseReturnValue:
    if sessions.find_actor() is not None:
        return redirect(own_path(request.args.get("next")))
    waiting = routes.find_pending()
    if waiting is not None:
        step = "sign_in.factor" if waiting.stage is Stage.factor else "sign_in.enrol"
        return redirect(url_for(step, next=_way_on()))
    return _page(SignInForm(formdata=None))


@sign_in_blueprint.post("/sign-in")
def enter() -> ResponseReturnValue:
    form = SignInForm()
    if not form.validate():
        return _page(form, problem="missing")
    try:
        token = sign_in_service.sign_in(sessions.ctx(), form.username.data, form.password.data, routes.visitor())
    except TooManyTries as error:
        return _page(form, problem="wait", seconds=error.seconds)
    if token is None:
        return _page(form, problem="refused")
    return _on(token)


@sign_in_blueprint.post("/sign-in/passkey")
def passkey() -> ResponseReturnValue:
    """Come in by a passkey alone."""
    token = sign_in_service.sign_in_by_passkey(sessions.ctx(), routes.site(), answer_of(), routes.visitor())
    return _on(token) if token else _page(SignInForm(formdata=None), problem="passkey")


@sign_in_blueprint.post("/sign-out")
def leave() -> ResponseReturnValue:
    sign_out()
    return sessions.end(make_response(redirect(url_for("sign_in.show"))))


def sign_out() -> None:
    """End the session that this request came with, if it came with one."""
    token = sessions.token_of_request()
    if token:
        sign_in_service.sign_out(sessions.ctx(), token)


# ---- the second step -------------------------------------------------------------------------------------------------


@sign_in_blueprint.route("/sign-in/code", methods=["GET", "POST"])
def factor() -> ResponseReturnValue:
    """The code that the phone shows, or a recovery code."""
    waiting = _waiting(Stage.factor)
    if request.method != "POST":
        return _step("auth/sign_in_factor.html", waiting)
    try:
        token = sign_in_service.prove_factor(
            sessions.ctx(), sessions.token_of_request(), typed("code"), routes.visitor()
        )
    except TooManyTries as error:
        return _step("auth/sign_in_factor.html", waiting, seconds=error.seconds), 429, again_in(error.seconds)
    if token is None:
        return _step("auth/sign_in_factor.html", waiting, problems=wrong("code", "wrong_code")), 422
    return _on(token)


@sign_in_blueprint.route("/sign-in/lost", methods=["GET", "POST"])
def lost() -> ResponseReturnValue:
    """The code that two people gave to somebody whose phone is lost: the old factors end, new ones are set up."""
    waiting = _waiting(Stage.factor)
    if request.method != "POST":
        return _step("auth/sign_in_lost.html", waiting)
    try:
        token = access_codes.restore(sessions.ctx(), sessions.token_of_request(), typed("code"), routes.visitor())
    except TooManyTries as error:
        return _step("auth/sign_in_lost.html", waiting, seconds=error.seconds), 429, again_in(error.seconds)
    if token is None:
        return _step("auth/sign_in_lost.html", waiting, problems=wrong("code", "wrong_slip")), 422
    return _on(token)


@sign_in_blueprint.route("/sign-in/second-step", methods=["GET", "POST"])
def enrol() -> ResponseReturnValue:
    """Set up the second factor that a role asks for, before anything else."""
    waiting = _waiting(Stage.enrol)
    if request.method != "POST":
        return _enrolling(waiting, second_factor.draw_seed())
    seed = sessions.seed_of_form(waiting.account)
    if seed is None:
        return _enrolling(waiting, second_factor.draw_seed(), wrong("code", "too_old")), 422
    token = sessions.token_of_request()
    done = sign_in_service.enrol(sessions.ctx(), token, seed, typed("code"), routes.visitor())
    if done is None:
        return _enrolling(waiting, seed, wrong("code", "wrong_code")), 422
    return recovery_page(*done, way_on=_way_on())


@sign_in_blueprint.post("/sign-in/second-step/passkey")
def enrol_passkey() -> ResponseReturnValue:
    """The same with a passkey."""
    waiting = _waiting(Stage.enrol)
    done = sign_in_service.enrol_passkey(
        sessions.ctx(), sessions.token_of_request(), routes.site(), answer_of(), typed("name"), routes.visitor()
    )
    if done is None:
        return _enrolling(waiting, second_factor.draw_seed(), wrong("passkey", "wrong_passkey")), 422
    return recovery_page(*done, way_on=_way_on())


def recovery_page(token: str, codes: tuple[str, ...], *, way_on: str) -> Response:
    """The recovery codes, shown once, under the session that has just begun."""
    reword()
    response = make_response()
    sessions.begin(response, token)
    response.set_data(render_template("auth/recovery.html", codes=codes, way_on=way_on))
    return response


def _waiting(stage: Stage) -> Pending:
    """Whoever stands at this step. A page that was left open leads to the beginning; else raises Unseen."""
    waiting = routes.find_pending()
    if waiting is not None and waiting.stage is stage:
        return waiting
    if request.method == "GET" and sessions.find_actor() is None:
        abort(redirect(url_for("sign_in.show")))
    raise Unseen(stage.value)


def _enrolling(waiting: Pending, seed: str, problems: dict[str, str] | None = None) -> str:
    options = passkeys.ask_to_add(sessions.ctx(), waiting.account, routes.site())
    return _step(
        "auth/sign_in_enrol.html",
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
    more.setdefault("options", passkeys.ask_to_enter(sessions.ctx(), routes.site()))
    return render_template(
        template, waiting=waiting, problems=problems or {}, seconds=seconds, way_on=_way_on(), **more
    )


# ---- the first password, or a new one --------------------------------------------------------------------------------


@sign_in_blueprint.route("/invited/<token>", methods=["GET", "POST"])
def invited(token: str) -> ResponseReturnValue:
    """Choose the first password, by the link that somebody was given."""
    found = access_codes.see_invitation(sessions.ctx(), token)
    if found is None:
        return render_template("auth/sign_in_invited.html", invited=None, problems={}), 404
    if request.method != "POST":
        return render_template("auth/sign_in_invited.html", invited=found, problems={})
    try:
        done = access_codes.accept_invitation(sessions.ctx(), token, new_password())
    except BadInput as error:
        return render_template("auth/sign_in_invited.html", invited=found, problems=profile_said(error)), 422
    if not done:
        return render_template("auth/sign_in_invited.html", invited=None, problems={}), 404
    return _chosen()


@sign_in_blueprint.route("/sign-in/new-password", methods=["GET", "POST"])
def by_code() -> ResponseReturnValue:
    """Choose a password with the code that was printed: the first one, or another."""
    name = typed("username")
    if request.method != "POST":
        return render_template("auth/sign_in_by_code.html", problems={}, username="", seconds=0)
    problems: dict[str, str] = {}
    seconds, done = 0, False
    try:
        if not name.strip() or not typed("code").strip():
            raise BadInput({field: ("required",) for field in ("username", "code") if not typed(field).strip()})
        address = routes.visitor().address
        done = access_codes.set_password_by_code(sessions.ctx(), name, typed("code"), new_password(), address=address)
        problems = {} if done else wrong("code", "wrong_slip")
    except BadInput as error:
        problems = profile_said(error)
    except TooManyTries as error:
        seconds = error.seconds
    if done:
        return _chosen()
    page = render_template("auth/sign_in_by_code.html", problems=problems, username=name, seconds=seconds)
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
    options = passkeys.ask_to_enter(sessions.ctx(), routes.site())
    body = render_template(
        "auth/sign_in_show.html",
        form=form,
        problem=problem,
        seconds=seconds,
        way_on=_way_on(),
        options=options,
    )
    return make_response(body, {"wait": 429, "": 200}.get(problem, 422), again_in(seconds))


# ---- OpenID: to a ministry's sign-in page and back -----------------------------------------------------------------
# What one attempt carries lies in the visit's own signed cookie.

openid_blueprint = Pages("sign_in", __name__, part="openid", asks=Permission.anyone)

CARRIED = "openid"


@openid_blueprint.app_template_global("openid_button")
def button() -> str:
    """What the button says; empty where there is no such way in."""
    found = sessions.ctx().settings.openid
    if found is None:
        return ""
    return found.name(wording().language) or wording()._("Sign in with the ministry’s account")


@openid_blueprint.get("/sign-in/ministry", endpoint="openid")
def there() -> ResponseReturnValue:
    """To the provider; a plain link, as a form must not lead to another site."""
    if sessions.ctx().settings.openid is None:
        raise Unseen("openid")
    try:
        address, started = openid.start(sessions.ctx(), _own_address())
    except OpenIdRefused as error:
        return _refused(error.code)
    session[CARRIED] = {
        "state": started.state, "nonce": started.nonce, "verifier": started.verifier,
        "at": started.at.isoformat(), "next": own_path(request.args.get("next")),
    }  # fmt: skip
    return redirect(address, 302)


@openid_blueprint.get("/sign-in/ministry/back", endpoint="openid_back")
def back() -> ResponseReturnValue:
    """From the provider; each attempt comes back once."""
    if sessions.ctx().settings.openid is None:
        raise Unseen("openid")
    carried = session.pop(CARRIED, None)
    answer = {key: request.args.get(key, "")[:4000] for key in ("state", "code", "error", "iss")}
    try:
        token = openid.finish(
            sessions.ctx(), _own_address(), _started(carried), answer, routes.visitor(),
            token_here=sessions.token_of_request(),
        )  # fmt: skip
    except OpenIdRefused as error:
        service.wrong(None, f"{openid.PROVIDER} ({error.code})", request.remote_addr or "")
        return _refused(error.code)
    way_on = own_path(carried.get("next")) if isinstance(carried, dict) else "/"
    return sessions.begin(make_response(redirect(way_on, 303)), token)


def _started(carried: Any) -> Started | None:
    try:
        return Started(
            str(carried["state"]), str(carried["nonce"]), str(carried["verifier"]),
            datetime.fromisoformat(carried["at"]),
        )  # fmt: skip
    except (TypeError, KeyError, ValueError):
        return None


def _own_address() -> str:
    """Where the provider sends people back: under the name by which they know the site."""
    address = sessions.ctx().settings.address.rstrip("/")
    return f"{address}{url_for('sign_in.openid_back')}" if address else url_for("sign_in.openid_back", _external=True)


def _refused(code: str) -> ResponseReturnValue:
    w = wording()
    words = {
        "down": w._("The ministry’s sign-in page can’t be reached now. Nothing is wrong with your account here."),
        "denied": w._("The ministry’s sign-in page didn’t let you through, or you came back twice. Try once more."),
        "too_old": w._("This took too long, or another page was opened meanwhile. Try once more."),
        "unreadable": w._("The answer of the ministry’s sign-in page doesn’t hold. Tell whoever administers accounts."),
        "unknown": w._(
            "No account here belongs to that sign-in. Whoever administers accounts in your unit can make one."
        ),
        "prove_first": w._(
            "Your account has a second step. Sign in once here with password and code: the ministry’s page follows, "
            "and from then on it is enough."
        ),
        "other": w._("This account is linked to another sign-in already. Tell whoever administers accounts."),
        "closed": w._("This account is closed. Whoever administers accounts in your unit can open it again."),
    }
    way_on = url_for("sign_in.openid") if code == "prove_first" else None
    page = render_template("auth/sign_in_openid.html", words=words[code], way_on=way_on)
    return page, 502 if code == "down" else 403
