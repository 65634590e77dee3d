"""Routes of people: accounts and appointments, certificates, imported lists, invitations by school. No case is here."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.auth.access_codes import Slip
from school_protocol.auth.presenters import refusal
from school_protocol.auth.service import IdentityRefused
from school_protocol.cases import handing_over
from school_protocol.context import today_for
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Permission
from school_protocol.language import Wording
from school_protocol.people import imports, invitations, presenters, service, spreadsheets, staff_list
from school_protocol.people.forms import (
    TeamForm,
    account_form,
    address_form,
    appoint_form,
    certificate_form,
    close_form,
    end_form,
    invitation_form,
)
from school_protocol.people.import_repository import Verdict
from school_protocol.people.service import Done
from school_protocol.people.spreadsheets import Unreadable
from school_protocol.people.staff_list import PersonView, Standing, admin_of
from school_protocol.people.teams import Obstacle, TeamRefused
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import sessions
from school_protocol.ui.fields import Posted
from school_protocol.ui.forms import PREFIX, Problem, answers_of, as_sent, new_token, renewed, show_problems
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

Result = TypeVar("Result")


# ---- how a form goes -----------------------------------------------------------------------------------------------


def record_form(
    make: Callable[[Posted | None], TeamForm],
    record: Callable[[TeamForm, Mapping[str, Any]], Result],
    page: Callable[..., str],
    done: Callable[[Result], ResponseReturnValue],
    *,
    explain: Callable[[Wording, Obstacle], str] = presenters.staff_obstacle,
) -> ResponseReturnValue:
    """Show a form, or record it; refused, it is shown again as it was typed, with every reason.

    `page` is given the form, the sentences of `obstacles`, and whether it was begun before (`was_kept`) or was sent
    already with other words (`is_other`).
    """

    def shown(form: TeamForm, obstacles: Sequence[str] = (), *, was_kept: bool = False, is_other: bool = False) -> str:
        return page(form, obstacles=obstacles, was_kept=was_kept, is_other=is_other)

    if request.method != "POST":
        waiting = ui_forms.typed_before(sessions.actor().id)
        return shown(make(waiting), was_kept=waiting is not None)
    form = make(as_sent())
    answers = answers_of(form)
    try:
        result = record(form, {question.spec.key: answers.get(question.spec.key) for question in form.questions})
    except BadInput as error:
        ui_forms.keep()
        show_problems(form, error.problems)
        return shown(form), 422
    except TeamRefused as error:
        ui_forms.keep()
        return shown(form, [explain(wording(), one) for one in error.obstacles]), 409
    except SentBefore:
        ui_forms.keep()
        renewed(form)
        return shown(form, is_other=True), 409
    ui_forms.forget(sessions.actor().id)
    return done(result)


def say_done(words: str, *, repeated: bool) -> None:
    """What was done; or that an earlier press had done it."""
    again = wording()._("This was recorded already; nothing was done twice.")
    flash(again if repeated else words, "message" if repeated else "ok")


# ---- invitations into the teams of schools -------------------------------------------------------------------------

invitation_blueprint = Pages("invitations", __name__, asks=Permission.invite, url_prefix="/invitations")


@invitation_blueprint.get("", endpoint="index")
def invitation_index() -> ResponseReturnValue:
    """What is open, of one school or of all; of a school that is none of theirs, all and a sentence."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    code = request.args.get("school", "")[:40].strip().upper()
    try:
        view = invitations.see_invitations(ctx, actor, code)
    except Unseen:
        view = invitations.see_invitations(ctx, actor)
        words = w._(
            "No school where you invite has the code %(code)s. All invitations are shown below.", code=code
        )  # fmt: skip
        problems = [Problem("school", w._("Code of the school (GRESA)"), f"refused:{words}")]
        return _index(view, code, problems), 404
    return _index(view, code, [])


def _index(view: invitations.InvitationsView, code: str, problems: list[Problem]) -> str:
    return render_template(
        "people/invitations_index.html", view=view, code=code, problems=problems, new_token=new_token
    )  # fmt: skip


@invitation_blueprint.route("/new", endpoint="new", methods=["GET", "POST"], is_long=True)
def new_invitation() -> ResponseReturnValue:
    """Whom, where, in which roles; refused, it is shown again as it was typed, with every reason."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    roles, schools = invitations.roles_for(ctx, actor), invitations.schools_for(ctx, actor)
    school = request.args.get("school", "")[:40].strip().upper()

    def make(posted: Posted | None) -> TeamForm:
        if posted is not None and school and request.method != "POST":
            posted.setdefault(f"{PREFIX}unit", school)
        return invitation_form(w, posted, roles, schools, ctx.settings.languages, school)

    def page(form: TeamForm, **more: Any) -> str:
        return render_template("people/invitations_new.html", form=form, **more)

    def done(found: Done) -> ResponseReturnValue:
        sessions.ring()
        say_done(w._("The invitation of %(name)s leaves by mail.", name=found.name), repeated=found.repeated)
        return redirect(url_for("invitations.index", school=request.form.get(f"{PREFIX}unit")), 303)

    try:
        return record_form(
            make,
            lambda form, answers: invitations.invite(ctx, actor, **answers, token=form.sent_token()),
            page,
            done,
        )
    except IdentityRefused as error:
        ui_forms.keep()
        return page(make(as_sent()), obstacles=[_refusal(error)], was_kept=False, is_other=False), 409


def _refusal(error: IdentityRefused) -> str:
    """Why this invitation can't be sent: nothing is printed here."""
    w = wording()
    if error.code == "level_above":
        return w._(
            "This invitation isn’t yours to send now. Ask whoever oversees the school, or whoever administers accounts."
        )
    return refusal(w, error.code, error.ends)


@invitation_blueprint.post("/<account>/resend")
def resend(account: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(
        invitations.resend, account,
        lambda name: w._("Another link leaves for %(name)s; earlier ones are worth nothing.", name=name),
    )  # fmt: skip


@invitation_blueprint.post("/<account>/withdraw", endpoint="withdraw")
def withdraw_invitation(account: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(
        invitations.withdraw, account,
        lambda name: w._("The invitation of %(name)s is withdrawn: nobody comes in by it.", name=name),
    )  # fmt: skip


def _pressed(change: Callable[..., Done], account: str, words: Callable[[str], str]) -> ResponseReturnValue:
    token = (request.form.get("token") or secrets.token_urlsafe(24))[:200]
    try:
        done = change(sessions.ctx(), sessions.actor(), account, token=token)
    except TeamRefused as error:
        flash(" ".join(presenters.staff_obstacle(wording(), one) for one in error.obstacles), "message")
    except IdentityRefused as error:
        flash(_refusal(error), "message")
    except SentBefore:
        flash(wording()._("This form was recorded already."), "message")
    else:
        sessions.ring()
        say_done(words(done.name), repeated=done.repeated)
    school = request.form.get("school", "")[:40]
    return redirect(url_for("invitations.index", school=school or None), 303)


# ---- people: who works where, for whoever administers accounts -----------------------------------------------------

account_blueprint = Pages("staff", __name__, asks=Permission.administer, url_prefix="/people")
account_blueprint.entry(N_("People"), 80, within=("staff", "systems"))

CURSOR_MOST = 200


# ---- seeing --------------------------------------------------------------------------------------------------------


@account_blueprint.get("", endpoint="index")
def account_index() -> ResponseReturnValue:
    """Everybody of one's reach, or of one place; of a place that is none of it, everybody and a sentence."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    code, after = request.args.get("unit", "")[:40].strip().upper(), _cursor()
    try:
        view = staff_list.see_people(ctx, actor, unit=code, after=after)
    except Unseen:
        view = staff_list.see_people(ctx, actor)
        said = w._("No place that you administer has the code %(code)s. Everybody is shown below.", code=code)
        problems = [Problem("unit", w._("Code of the school, province or region"), f"refused:{said}")]
        return render_template("people/index.html", view=view, code=code, problems=problems), 404
    return render_template("people/index.html", view=view, code=code, problems=[])


@account_blueprint.get("/certificates")
def certificates() -> ResponseReturnValue:
    """Those to renew, soonest first."""
    view = staff_list.see_ending(sessions.ctx(), sessions.actor(), after=_cursor())
    return render_template("people/certificates.html", view=view)


def _cursor() -> str:
    after = request.args.get("after", "")
    if len(after) > CURSOR_MOST:
        raise Unseen("people")
    return after


@account_blueprint.get("/<account>")
def person(account: str) -> ResponseReturnValue:
    view = staff_list.see_person(sessions.ctx(), sessions.actor(), account)
    w = wording()
    return render_template(
        "people/person.html", view=view, today=today_for(sessions.ctx()),
        change_label=lambda kind: presenters.change_label(w, kind), reason_said=lambda code: presenters.reason(w, code),
    )  # fmt: skip


# ---- changing ------------------------------------------------------------------------------------------------------


@account_blueprint.route("/new", endpoint="new", methods=["GET", "POST"])
def new_account() -> ResponseReturnValue:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    roles, units = staff_list.roles_for(ctx, actor), staff_list.units_for(ctx, actor, "")
    return _changing(
        "people/new.html",
        lambda: None,
        lambda posted: account_form(w, posted, roles, units, ctx.settings.languages, today_for(ctx)),
        lambda answers, token: service.create(ctx, actor, **answers, token=token),
        lambda done: w._(
            "The account of %(name)s is there. Print an invitation, so that they can sign in.", name=done.name
        ),
    )


@account_blueprint.route("/<account>/appointments/new", methods=["GET", "POST"])
def appoint(account: str) -> ResponseReturnValue:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    roles, units = staff_list.roles_for(ctx, actor), staff_list.units_for(ctx, actor, "")
    return _changing(
        "people/appoint.html",
        lambda: _seen(account),
        lambda posted: appoint_form(w, posted, roles, units, today_for(ctx)),
        lambda answers, token: service.appoint(ctx, actor, account, **answers, token=token),
        lambda done: w._("%(name)s is appointed.", name=done.name),
    )


@account_blueprint.route("/<account>/appointments/<post>/end", methods=["GET", "POST"])
def end(account: str, post: str) -> ResponseReturnValue:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()

    def see() -> PersonView:
        view = _seen(account)
        if not any(one.id == post and one.may_end for one in view.posts):
            raise Unseen(post)
        return view

    return _changing(
        "people/end.html",
        see,
        lambda posted: end_form(w, posted, today_for(ctx)),
        lambda answers, token: service.end_membership(ctx, actor, account, post, **answers, token=token),
        lambda done: w._("The last day of %(name)s is noted.", name=done.name),
        post=post,
        held_in=lambda unit: handing_over.count_held(ctx, account, unit),
    )


@account_blueprint.route("/<account>/address", methods=["GET", "POST"])
def address(account: str) -> ResponseReturnValue:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    view = _whole(account)
    return _changing(
        "people/address.html",
        lambda: view,
        lambda posted: address_form(w, posted, view, ctx.settings.languages),
        lambda answers, token: service.change_account(ctx, actor, account, **answers, token=token),
        lambda done: w._("What is known of %(name)s was changed.", name=done.name),
    )


@account_blueprint.route("/<account>/certificate", methods=["GET", "POST"])
def certificate(account: str) -> ResponseReturnValue:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    return _changing(
        "people/certificate.html",
        lambda: _whole(account),
        lambda posted: certificate_form(w, posted),
        lambda answers, token: service.certify(ctx, actor, account, **answers, token=token),
        lambda done: w._("The certificate of %(name)s is noted.", name=done.name),
    )


@account_blueprint.route("/<account>/closing", methods=["GET", "POST"])
def close(account: str) -> ResponseReturnValue:
    """Close an account, or open a closed one again."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    is_active = _whole(account).line.is_active
    change = service.close_membership if is_active else service.open_again
    return _changing(
        "people/close.html",
        lambda: _whole(account),
        lambda posted: close_form(w, posted, is_active=is_active),
        lambda answers, token: change(ctx, actor, account, **answers, token=token),
        lambda done: (
            w._("The account of %(name)s is closed: nobody signs in by it any more.", name=done.name)
            if is_active
            else w._("The account of %(name)s is open again.", name=done.name)
        ),
    )


def _seen(account: str) -> PersonView:
    """Somebody whom this reader changes; oneself is none of them."""
    view = staff_list.see_person(sessions.ctx(), sessions.actor(), account)
    if view.standing is Standing.own:
        raise Unseen(account)
    return view


def _whole(account: str) -> PersonView:
    view = _seen(account)
    if not view.may_change:
        raise Unseen(account)
    return view


def _changing(
    template: str,
    see: Callable[[], PersonView | None],
    make: Callable[[Posted | None], TeamForm],
    record: Callable[[Mapping[str, Any], str], Done],
    words: Callable[[Done], str],
    **shown: Any,
) -> ResponseReturnValue:
    view = see()

    def done(found: Done) -> ResponseReturnValue:
        sessions.ring()
        say_done(words(found), repeated=found.repeated)
        return redirect(url_for("staff.person", account=found.account), 303)

    return record_form(
        make,
        lambda form, answers: record(answers, form.sent_token()),
        lambda form, **more: render_template(template, view=view, form=form, **more, **shown),
        done,
    )


# ---- imported lists: the file, its preview line by line, the confirmation, slips for invitations -------------------

import_blueprint = Pages("staff", __name__, part="importing", asks=Permission.administer, url_prefix="/people")

CSV = "text/csv; charset=utf-8"


@import_blueprint.route("/lists", endpoint="lists", methods=["GET", "POST"], is_long=True)
def bring() -> ResponseReturnValue:
    admin_of(sessions.ctx(), sessions.actor())
    if request.method != "POST":
        return _bring_page()
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _bring_page(wording()._("Choose a file first.")), 422
    try:
        batch = imports.bring(
            sessions.ctx(), sessions.actor(), sent.stream.read(spreadsheets.LARGEST + 1), sent.filename
        )
    except Unreadable as error:
        return _bring_page(presenters.unreadable(wording(), error)), 422
    sessions.ring()
    return redirect(url_for("staff.preview", batch=batch.id), 303)


def _bring_page(problem: str = "") -> str:
    lately = imports.see_imports(sessions.ctx(), sessions.actor())
    return render_template(
        "people/lists.html", problem=problem, lately=lately, headings=spreadsheets.HEADINGS, fields=spreadsheets.FIELDS,
        most=spreadsheets.LINES_MOST, mebibytes=spreadsheets.LARGEST // 1024 // 1024,
    )  # fmt: skip


@import_blueprint.get("/lists/<batch>")
def preview(batch: str) -> ResponseReturnValue:
    return _preview_page(batch)


def _preview_page(batch: str, obstacles: tuple[Obstacle, ...] = ()) -> str:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    after = request.args.get("after", "0")
    view = imports.see_import(
        ctx, actor, batch, verdict=request.args.get("verdict", "")[:12],
        after=int(after) if re.fullmatch(r"[0-9]{1,7}", after) else 0,
    )  # fmt: skip
    roles = admin_of(ctx, actor).roles
    return render_template(
        "people/preview.html", view=view, verdicts=[(one.value, presenters.verdict(w, one)) for one in Verdict],
        verdict_said=lambda one: presenters.verdict(w, one), line_said=lambda one: presenters.line(w, roles, one),
        line_named=lambda one: presenters.named(w, one), line_cells=presenters.cells,
        obstacles=[presenters.staff_obstacle(w, one) for one in obstacles], fault=presenters.fault(w, view.batch.fault),
    )  # fmt: skip


@import_blueprint.post("/lists/<batch>/confirm")
def confirm(batch: str) -> ResponseReturnValue:
    """Apply what the page showed, by its digest."""
    try:
        found = imports.confirm(sessions.ctx(), sessions.actor(), batch, request.form.get("digest", "")[:64])
    except TeamRefused as error:
        return _preview_page(batch, error.obstacles), 409
    if found.state.value == "applied":
        flash(wording()._("The list was applied, exactly as it was shown."), "ok")
    sessions.ring()
    return redirect(url_for("staff.preview", batch=batch), 303)


@import_blueprint.post("/lists/<batch>/withdraw", endpoint="withdraw")
def withdraw_import(batch: str) -> ResponseReturnValue:
    try:
        imports.withdraw(sessions.ctx(), sessions.actor(), batch)
    except TeamRefused as error:
        return _preview_page(batch, error.obstacles), 409
    flash(wording()._("The list was put away. Nothing was changed."), "ok")
    return redirect(url_for("staff.lists"), 303)


@import_blueprint.get("/lists/<batch>/lines")
def lines(batch: str) -> ResponseReturnValue:
    """Every line, or those of one verdict, with what becomes of each, for a spreadsheet."""
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    roles = admin_of(ctx, actor).roles
    head = [w._("Line"), w._("What becomes of it")]
    verdict = request.args.get("verdict", "")[:12]
    found = imports.results(ctx, actor, batch, lambda one: presenters.as_text(w, roles, one), head, verdict=verdict)
    name = {"Content-Disposition": 'attachment; filename="list.csv"'}
    return Response(found, content_type=CSV, headers=name)


# ---- slips ---------------------------------------------------------------------------------------------------------


@import_blueprint.post("/lists/<batch>/slips", endpoint="slips")
def slips_of_list(batch: str) -> ResponseReturnValue:
    """A sheet of invitations for those whom a list made and who have no way in yet: each sheet replaces the last."""
    found = invitations.of_list(sessions.ctx(), sessions.actor(), batch)
    if not found:
        flash(wording()._("Everybody on this list has signed in already, or can’t be invited by you."), "message")
        return redirect(url_for("staff.preview", batch=batch), 303)
    return _sheet(found, url_for("staff.preview", batch=batch))


@import_blueprint.post("/slips", endpoint="unit_slips")
def slips_of_unit() -> ResponseReturnValue:
    """The same for everybody of a unit."""
    unit = request.form.get("unit", "")[:40]
    found = invitations.of_unit(sessions.ctx(), sessions.actor(), unit)
    back = url_for("staff.index", unit=unit)
    if not found:
        flash(wording()._("Everybody here has signed in already, or can’t be invited by you."), "message")
        return redirect(back, 303)
    return _sheet(found, back)


def _sheet(found: tuple[Slip, ...], back: str) -> str:
    return render_template("people/slips.html", slips=found, back=back)
