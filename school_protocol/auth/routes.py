"""Routes of a person's own page (password, second step, passkeys, sessions), and of helping others who lost theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import segno
from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from school_protocol.auth import access_codes, own_account, passkeys, presenters, second_factor, sign_in_service
from school_protocol.auth.access_codes import Slip
from school_protocol.auth.own_account import Renewed
from school_protocol.auth.passkeys import ANSWER_MOST, Site, site_of
from school_protocol.auth.passwords import MOST
from school_protocol.auth.service import IdentityRefused, may_help_anybody
from school_protocol.auth.sign_in_service import Pending, Visitor
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Permission
from school_protocol.language import Wording
from school_protocol.ui import sessions
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

# ---- who is at the door: from where, of which site, whether a second step is awaited -------------------------------


def find_pending() -> Pending | None:
    """Whoever has come half way: a second factor is still awaited."""
    token = sessions.token_of_request()
    return sign_in_service.pending(sessions.ctx(), token) if token and sessions.find_actor() is None else None


def visitor() -> Visitor:
    """From where this request comes."""
    return Visitor(request.user_agent.string or "", request.remote_addr or "", sessions.browser_mark())


def site() -> Site:
    """What passkeys are bound to: the address that the settings say, else the one that was asked for."""
    return site_of(sessions.ctx().settings.address or request.host_url)


blueprint = Pages("account", __name__, asks=Permission.signed_in, url_prefix="/account")


@blueprint.app_template_global("slip_said")
def _slip_said(slip: Slip) -> list[presenters.SlipLabel]:
    return [presenters.slip(Wording(language), slip) for language in slip.languages]


@blueprint.get("")
def show() -> ResponseReturnValue:
    ctx, actor = sessions.ctx(), sessions.actor()
    view = own_account.see_account(ctx, actor, sessions.token_of_request())
    return render_template(
        "auth/show.html",
        view=view,
        device=lambda agent: presenters.device(wording(), agent),
        handle_of=passkeys.handle_of,
        may_help=may_help_anybody(ctx, actor),
    )


# ---- password and second factors -------------------------------------------------------------------------------------


@blueprint.route("/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    def change() -> Renewed:
        old = secret("password")
        return own_account.change_password(sessions.ctx(), sessions.actor(), old, new_password(), visitor())

    return _changing("auth/password.html", change, wording()._("Your password is changed."))


@blueprint.route("/phone", methods=["GET", "POST"])
def phone() -> ResponseReturnValue:
    """Set up the codes of a phone, in the place of the one before."""
    actor = sessions.actor()
    seed = sessions.seed_of_form(actor.id) if request.method == "POST" else second_factor.draw_seed()
    if seed is None:
        return _phone(second_factor.draw_seed(), wrong("code", "too_old")), 422
    if request.method != "POST":
        return _phone(seed)
    try:
        renewed = own_account.set_up_codes(sessions.ctx(), actor, secret("password"), seed, typed("code"), visitor())
    except BadInput as error:
        return _phone(seed, profile_said(error)), 422
    return _done(renewed, wording()._("The codes of your phone are set up."))


def _phone(seed: str, problems: dict[str, str] | None = None) -> str:
    actor = sessions.actor()
    view = own_account.see_account(sessions.ctx(), actor, sessions.token_of_request())
    return render_template(
        "auth/phone.html",
        view=view,
        problems=problems or {},
        picture=qr_code(seed, view.username),
        by_hand=grouped(seed),
        sealed=sessions.seal_seed(seed, actor.id),
    )


@blueprint.route("/phone/remove", methods=["GET", "POST"])
def drop_phone() -> ResponseReturnValue:
    def change() -> Renewed:
        return own_account.drop_codes(sessions.ctx(), sessions.actor(), secret("password"), visitor())

    w = wording()
    return _changing(
        "auth/prove.html",
        change,
        w._("The codes of your phone are taken away."),
        title=w._("Without the phone’s codes"),
    )


@blueprint.route("/recovery-codes", methods=["GET", "POST"])
def recovery() -> ResponseReturnValue:
    def change() -> Renewed:
        return own_account.new_recovery(sessions.ctx(), sessions.actor(), secret("password"), visitor())

    w = wording()
    return _changing(
        "auth/prove.html", change, w._("You have new recovery codes."), title=w._("New recovery codes"),
        lead=w._("The codes before are worth nothing from then on."),
    )  # fmt: skip


@blueprint.route("/passkeys/new", methods=["GET", "POST"])
def new_passkey() -> ResponseReturnValue:
    """The password first; then the page on which the device is asked."""
    w = wording()
    title = w._("Add a passkey")
    if request.method != "POST":
        return _proving(
            {}, title=title, lead=w._("Your password first, then the device asks for a finger, a face or its PIN.")
        )
    try:
        options = own_account.ask_to_add_passkey(sessions.ctx(), sessions.actor(), secret("password"), site())
    except BadInput as error:
        return _proving(profile_said(error), title=title), 422
    except IdentityRefused as refused:
        return _proving({"password": presenters.refusal(w, refused.code)}, title=title), 409
    return render_template("auth/passkey.html", options=options, problems={})


@blueprint.post("/passkeys")
def add_passkey() -> ResponseReturnValue:
    try:
        renewed = own_account.add_passkey(
            sessions.ctx(), sessions.actor(), site(), answer_of(), typed("name"), visitor()
        )
    except BadInput as error:
        return _proving({"password": profile_said(error)["passkey"]}, title=wording()._("Add a passkey")), 422
    return _done(renewed, wording()._("The passkey is kept."))


@blueprint.route("/passkeys/<handle>/remove", methods=["GET", "POST"])
def drop_passkey(handle: str) -> ResponseReturnValue:
    held = second_factor.see_factors(sessions.ctx(), sessions.actor()).passkeys
    found = next((one for one in held if passkeys.handle_of(one.id) == handle), None)
    if found is None:
        raise Unseen(handle)

    def change() -> Renewed:
        return own_account.drop_passkey(sessions.ctx(), sessions.actor(), secret("password"), found.id, visitor())

    w = wording()
    return _changing(
        "auth/prove.html",
        change,
        w._("The passkey is taken away."),
        title=w._("Without this passkey"),
        lead=found.name,
    )


# ---- sessions --------------------------------------------------------------------------------------------------------


@blueprint.post("/sessions/end")
def end_session() -> ResponseReturnValue:
    own_account.end_session(sessions.ctx(), sessions.actor(), typed("handle"))
    flash(wording()._("That browser is signed out."), "ok")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/sessions/end-all")
def end_everywhere() -> ResponseReturnValue:
    own_account.end_everywhere(sessions.ctx(), sessions.actor())
    response = sessions.end(make_response(redirect(url_for("sign_in.show"), 303)))
    flash(wording()._("You are signed out everywhere."), "ok")
    return response


# ---- helping others --------------------------------------------------------------------------------------------------


@blueprint.get("/others")
def others() -> ResponseReturnValue:
    """Whom this person can help: the own unit's people, somebody by user name, and who waits for a second person."""
    ctx, actor = sessions.ctx(), sessions.actor()
    if not may_help_anybody(ctx, actor):
        raise Unseen("others")
    name, problem = request.args.get("username", "")[:100].strip(), ""
    if name:
        try:
            return redirect(url_for("account.other", account=access_codes.find_helped(ctx, actor, name)))
        except Unseen:
            problem = wording()._("Nobody of that user name is yours to help.")
    people, asked = access_codes.people_helped(ctx, actor), access_codes.asked_for(ctx, actor)
    return render_template("auth/others.html", people=people, asked=asked, name=name, problem=problem)


@blueprint.route("/others/<account>", methods=["GET", "POST"])
def other(account: str) -> ResponseReturnValue:
    """One person, and what can be done for them: each press prints a slip, or asks, agrees, withdraws."""
    if request.method != "POST":
        return _other(account)
    doing = _DOINGS.get(typed("do"))
    if doing is None:
        raise Unseen(account)
    try:
        slip = doing(account)
    except IdentityRefused as refused:
        return _other(account, presenters.refusal(wording(), refused.code, refused.ends)), 409
    sessions.ring()
    if slip is not None:
        return render_template("auth/slip.html", slip=slip)
    return redirect(url_for("account.other", account=account), 303)


def _other(account: str, problem: str = "") -> str:
    view = access_codes.see_helped(sessions.ctx(), sessions.actor(), account)
    return render_template("auth/other.html", view=view, problem=problem)


def _invite(account: str) -> Slip:
    return access_codes.invite_by_slip(sessions.ctx(), sessions.actor(), account, sessions.ctx().now())


def _new_password(account: str) -> Slip:
    return access_codes.new_password_slip(sessions.ctx(), sessions.actor(), account, sessions.ctx().now())


def _ask(account: str) -> None:
    access_codes.ask_restoring(sessions.ctx(), sessions.actor(), account)
    flash(wording()._("It is asked for. Somebody else who looks after this account must agree."), "ok")


def _agree(account: str) -> Slip:
    return access_codes.agree(sessions.ctx(), sessions.actor(), account)


def _withdraw(account: str) -> None:
    access_codes.withdraw(sessions.ctx(), sessions.actor(), account)
    flash(wording()._("It isn’t asked for any more."), "ok")


_DOINGS: dict[str, Callable[[str], Slip | None]] = {
    "invite": _invite,
    "new-password": _new_password,
    "ask": _ask,
    "agree": _agree,
    "withdraw": _withdraw,
}


# ---- how a form goes -------------------------------------------------------------------------------------------------


def _changing(template: str, change: Callable[[], Renewed], done: str, **more: str) -> ResponseReturnValue:
    """Show a form, or do what it says; refused, it is shown again with the reason, without what was typed."""
    if request.method != "POST":
        return render_template(template, problems={}, **_words(more))
    try:
        renewed = change()
    except BadInput as error:
        return render_template(template, problems=profile_said(error), **_words(more)), 422
    except IdentityRefused as refused:
        problems = {"password": presenters.refusal(wording(), refused.code)}
        return render_template(template, problems=problems, **_words(more)), 409
    return _done(renewed, done)


def _proving(problems: dict[str, str], **more: str) -> str:
    return render_template("auth/prove.html", problems=problems, **_words(more))


def _words(more: dict[str, str]) -> dict[str, str]:
    return {"title": "", "lead": "", **more}


def _done(renewed: Renewed, message: str) -> Response:
    """The session that has just begun; recovery codes, if there are any, are shown now and never again."""
    if not renewed.recovery:
        response = make_response(redirect(url_for("account.show"), 303))
        sessions.begin(response, renewed.token)
        flash(message, "ok")
        return response
    response = make_response()
    sessions.begin(response, renewed.token)
    response.set_data(render_template("auth/recovery.html", codes=renewed.recovery, way_on=url_for("account.show")))
    return response


# ---- short forms of passwords and codes ----------------------------------------------------------------------------
# What was typed is cut to what can be right, and never shown again.

CODE_MOST = 100
NAME_MOST = 100
Problems = Mapping[str, str]


def typed(name: str, most: int = CODE_MOST) -> str:
    """One line of the form of this request."""
    return request.form.get(name, "")[:most]


def secret(name: str) -> str:
    """A password as it was typed; one byte more than can be kept is enough to know that it is too long."""
    return request.form.get(name, "")[: MOST + 1]


def new_password() -> str:
    """The new password, typed twice. Raises BadInput."""
    first, second = secret("new_password"), secret("again")
    if not first:
        raise BadInput({"new_password": ("required",)})
    if first != second:
        raise BadInput({"again": ("not_the_same",)})
    return first


def profile_said(error: BadInput) -> dict[str, str]:
    """Field → why it was not taken."""
    w = wording()
    return {field: presenters.problem(w, codes[0]) for field, codes in error.problems.items()}


def wrong(field: str, code: str) -> dict[str, str]:
    return {field: presenters.problem(wording(), code)}


def answer_of() -> dict[str, Any]:
    """What a device answered; empty where it is no answer at all."""
    try:
        found = json.loads(request.form.get("answer", "")[:ANSWER_MOST])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("response"), dict) else {}


def qr_code(seed: str, username: str) -> Markup:
    """The picture that a phone scans: an SVG of paths alone, on white in the dark too."""
    drawn = segno.make(second_factor.address_of(seed, username), error="m")
    title = wording()._("The picture to scan")
    return Markup(  # noqa: S704 - segno draws paths and escapes the title
        drawn.svg_inline(scale=5, border=4, dark="#000", light="#fff", title=title, svgclass="qr", lineclass=None)
    )


def grouped(seed: str) -> str:
    """A seed as it is typed by hand: in groups of four."""
    return " ".join(seed[start : start + 4] for start in range(0, len(seed), 4))


def tried(make: Callable[[], None]) -> dict[str, str]:
    """Do it; what was not taken, by field."""
    try:
        make()
    except BadInput as error:
        return profile_said(error)
    return {}
