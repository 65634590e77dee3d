"""The directory of contacts, for whoever keeps it: seen by place, added, put right, found right today, retired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.errors import BadInput, SentBefore, Unseen
from school_protocol.domain.phrases import N_
from school_protocol.domain.policy import Permission
from school_protocol.services.referrals import contacts
from school_protocol.services.referrals.contacts import ContactView, Kept
from school_protocol.services.staff import said
from school_protocol.services.teams.changing import Obstacle, TeamRefused
from school_protocol.web import kept, sessions
from school_protocol.web.cases.answering import as_sent, new_token, renewed
from school_protocol.web.forms import answers_of, show_problems
from school_protocol.web.referrals.forms import contact_form
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages
from school_protocol.web.team.forms import TeamForm

blueprint = Pages("contacts", __name__, asks=Permission.keep_contacts, url_prefix="/contacts")
blueprint.entry(N_("Contacts"), 45, unless="referrals.index")
blueprint.panel("referrals/stale.html", contacts.stale_contacts, "desk.notes", order=10, endpoint="contacts.index")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Every contact of one's places, and of the places above; with what was changed lately."""
    view = contacts.see_contacts(sessions.house(), sessions.actor(), request.args.get("city", "").strip()[:60])
    return render_template("referrals/contacts.html", view=view, new_token=new_token)


@blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    house, actor, w = sessions.house(), sessions.actor(), wording()
    targets, offered = contacts.targets_of(house), contacts.places_for(house, actor)

    def form(posted: Any) -> TeamForm:
        return contact_form(w, posted, targets=targets, units=offered.units, may_be_country=offered.may_be_country)

    return _changing(
        "referrals/contact_new.html",
        None,
        form,
        lambda form, answers: contacts.add(house, actor, **answers, token=form.sent_token()),
        w._("The contact is there: teams of that place see it from now on."),
    )


@blueprint.route("/<contact>", methods=["GET", "POST"])
def contact(contact: str) -> ResponseReturnValue:
    """Put a contact right; its press of “found right today” and of “retire” stand beside."""
    house, actor = sessions.house(), sessions.actor()
    try:
        return _correcting(contact)
    except Unseen:
        if request.method != "POST" or not contacts.was_retired(house, actor, contact):
            raise
        kept.keep()
        return render_template("referrals/retired.html", form=contact_form(wording(), as_sent())), 409


def _correcting(contact: str) -> ResponseReturnValue:
    house, actor, w = sessions.house(), sessions.actor(), wording()
    view = contacts.see_contact(house, actor, contact)
    if not view.may_change:
        raise Unseen(contact)
    return _changing(
        "referrals/contact.html",
        view,
        lambda posted: contact_form(w, posted, view=view),
        lambda form, answers: contacts.correct(
            house, actor, contact, **answers, expected=form.expected_seq(), token=form.sent_token()
        ),
        w._("The contact is put right. Cases keep what was called and written before."),
    )


@blueprint.post("/<contact>/verify")
def verify(contact: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(contacts.verify, contact, w._("Noted: found right today."))


@blueprint.post("/<contact>/retire")
def retire(contact: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(contacts.retire, contact, w._("The contact is retired: nobody is shown it any more."))


# ---- how a form goes -----------------------------------------------------------------------------------------------


def _pressed(change: Callable[..., Kept], contact: str, words: str) -> ResponseReturnValue:
    """One press on a contact as it was shown; where it was changed since, a sentence says so, and nothing is done."""
    sent = as_sent()
    expected = sent["expected"] if sent["expected"].isascii() and sent["expected"].isdigit() else "0"
    token = (sent.get("token") or new_token())[:200]
    try:
        done = change(sessions.house(), sessions.actor(), contact, expected=int(expected[:9]), token=token)
        _say(words, done)
    except (TeamRefused, SentBefore):
        flash(_changed(), "message")
    return redirect(url_for("contacts.index"), 303)


def _changed() -> str:
    return wording()._("Somebody changed this contact meanwhile: look at it again. Nothing was done.")


def _say(words: str, done: Kept) -> None:
    again = wording()._("This was recorded already; nothing was done twice.")
    flash(again if done.repeated else words, "message" if done.repeated else "ok")


def _changing(
    template: str,
    view: ContactView | None,
    make: Callable[[Any], TeamForm],
    record: Callable[[TeamForm, Mapping[str, Any]], Kept],
    words: str,
) -> ResponseReturnValue:
    """Show a form, or record it; refused, it is shown again as it was typed, with every reason."""
    if request.method != "POST":
        waiting = kept.typed_before(sessions.actor().id)
        return _page(template, view, make(waiting), was_kept=waiting is not None)
    form = make(as_sent())
    try:
        done = record(form, _answers(form))
    except BadInput as error:
        kept.keep()
        show_problems(form, error.problems)
        return _page(template, view, form), 422
    except TeamRefused as error:
        kept.keep()
        form.expected.data = str(view.revision if view else 0)
        return _page(template, view, form, obstacles=error.obstacles), 409
    except SentBefore:
        kept.keep()
        renewed(form)
        return _page(template, view, form, is_other=True), 409
    kept.forget(sessions.actor().id)
    _say(words, done)
    return redirect(url_for("contacts.index"), 303)


def _answers(form: TeamForm) -> dict[str, Any]:
    answers = answers_of(form)
    return {question.spec.key: answers.get(question.spec.key) for question in form.questions}


def _page(
    template: str,
    view: ContactView | None,
    form: TeamForm,
    *,
    obstacles: tuple[Obstacle, ...] = (),
    was_kept: bool = False,
    is_other: bool = False,
) -> str:
    found = [_changed() if one.code == "changed_meanwhile" else said.obstacle(wording(), one) for one in obstacles]
    return render_template(
        template, view=view, form=form, obstacles=found, was_kept=was_kept, is_other=is_other, new_token=new_token
    )
