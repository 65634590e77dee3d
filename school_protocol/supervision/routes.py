"""Routes of supervision: the register of referrals, the directory of contacts, the review queue and its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypedDict

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.case_files.presenters import outcome_label
from school_protocol.cases import showing
from school_protocol.cases.service import Done
from school_protocol.cases.view_models import CaseView, ConflictView, RecordView
from school_protocol.engine.errors import BadInput, Conflict, Refused, SentBefore, Unseen
from school_protocol.engine.events import Remark, RemarkKind
from school_protocol.engine.texts import N_
from school_protocol.engine.visibility import Permission
from school_protocol.language import Wording
from school_protocol.people import presenters as people_presenters
from school_protocol.people.forms import TeamForm
from school_protocol.people.routes import record_form, say_done
from school_protocol.people.teams import Obstacle, TeamRefused
from school_protocol.supervision import presenters, referral_contacts, referral_register, review, review_queue
from school_protocol.supervision.forms import contact_form
from school_protocol.supervision.referral_contacts import ContactView, Kept
from school_protocol.supervision.referral_register import Wanted
from school_protocol.supervision.referral_repository import REFERRAL_CURSOR_MOST
from school_protocol.supervision.repository import TEAM, Chosen
from school_protocol.supervision.review import ReviewRefused
from school_protocol.supervision.review_queue import RefusalView
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import rendering, sessions
from school_protocol.ui.fields import day_typed
from school_protocol.ui.forms import Problem, as_sent, new_token
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

referral_blueprint = Pages("referrals", __name__, asks=Permission.see_referrals, url_prefix="/referrals")
referral_blueprint.entry(N_("Referrals"), 40, within=("referrals", "contacts"))


@referral_blueprint.get("", endpoint="index")
def referral_index() -> ResponseReturnValue:
    """One page of the register; what can't be understood of its address is said, and left aside."""
    since, typed = _since()
    wanted = Wanted(
        show=show if (show := request.args.get("show", "")) in referral_register.SHOWN else referral_register.WAITING,
        target=request.args.get("target", "")[:80],
        whom=request.args.get("whom", "").strip()[:120],
        place=request.args.get("place", "").strip().upper()[:40],
        since=since,
    )
    after = request.args.get("after", "")[: REFERRAL_CURSOR_MOST + 1]
    view = referral_register.see_register(sessions.ctx(), sessions.actor(), wanted, after)
    problems = [*_of_day(since, typed), *_of_place(wanted, view.is_place_known)]
    return render_template(
        "supervision/referrals_index.html",
        view=view,
        typed=typed,
        place_typed=wanted.place,
        problems=problems,
        kept=_kept(view.wanted),
    )


def _since() -> tuple[date | None, str]:
    typed = request.args.get("since", "").strip()[:20]
    return day_typed(typed), typed


def _of_day(since: date | None, typed: str) -> list[Problem]:
    return [Problem("since", wording()._("Sent since"), "not_a_date")] if typed and since is None else []


def _of_place(wanted: Wanted, is_known: bool) -> list[Problem]:
    if not wanted.place or is_known:
        return []
    w = wording()
    said = w._("No school or province of yours has the code %(code)s. All are shown below.", code=wanted.place)
    return [Problem("place", w._("School or province"), f"refused:{said}")]


def _kept(wanted: Wanted) -> dict[str, Any]:
    """What a link to the same register says, its page aside."""
    return {
        "target": wanted.target or None,
        "whom": wanted.whom or None,
        "place": wanted.place or None,
        "since": wanted.since.isoformat() if wanted.since else None,
    }


# ---- the directory of contacts: seen by place, added, put right, found right today, retired ------------------------

contact_blueprint = Pages("contacts", __name__, asks=Permission.keep_contacts, url_prefix="/contacts")
contact_blueprint.entry(N_("Contacts"), 45, unless="referrals.index")
contact_blueprint.panel(
    "supervision/referrals_stale.html",
    referral_contacts.stale_contacts,
    "desk.notes",
    order=10,
    endpoint="contacts.index",
)


@contact_blueprint.get("", endpoint="index")
def contact_index() -> ResponseReturnValue:
    """Every contact of one's places, and of the places above; with what was changed lately."""
    view = referral_contacts.see_contacts(sessions.ctx(), sessions.actor(), request.args.get("city", "").strip()[:60])
    return render_template("supervision/referrals_contacts.html", view=view, new_token=new_token)


@contact_blueprint.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    targets, offered = referral_contacts.targets_of(ctx), referral_contacts.places_for(ctx, actor)

    def form(posted: Any) -> TeamForm:
        return contact_form(w, posted, targets=targets, units=offered.units, may_be_country=offered.may_be_country)

    return _changing(
        "supervision/referrals_contact_new.html",
        None,
        form,
        lambda form, answers: referral_contacts.add_contact(ctx, actor, **answers, token=form.sent_token()),
        w._("The contact is there: teams of that place see it from now on."),
    )


@contact_blueprint.route("/<contact>", methods=["GET", "POST"])
def contact(contact: str) -> ResponseReturnValue:
    """Put a contact right; its press of “found right today” and of “retire” stand beside."""
    ctx, actor = sessions.ctx(), sessions.actor()
    try:
        return _correcting(contact)
    except Unseen:
        if request.method != "POST" or not referral_contacts.was_retired(ctx, actor, contact):
            raise
        ui_forms.keep()
        return render_template("supervision/referrals_retired.html", form=contact_form(wording(), as_sent())), 409


def _correcting(contact: str) -> ResponseReturnValue:
    ctx, actor, w = sessions.ctx(), sessions.actor(), wording()
    view = referral_contacts.see_contact(ctx, actor, contact)
    if not view.may_change:
        raise Unseen(contact)
    return _changing(
        "supervision/referrals_contact.html",
        view,
        lambda posted: contact_form(w, posted, view=view),
        lambda form, answers: referral_contacts.correct(
            ctx, actor, contact, **answers, expected=form.expected_seq(), token=form.sent_token()
        ),
        w._("The contact is put right. Cases keep what was called and written before."),
    )


@contact_blueprint.post("/<contact>/verify")
def verify(contact: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(referral_contacts.verify, contact, w._("Noted: found right today."))


@contact_blueprint.post("/<contact>/retire")
def retire(contact: str) -> ResponseReturnValue:
    w = wording()
    return _pressed(referral_contacts.retire, contact, w._("The contact is retired: nobody is shown it any more."))


# ---- how a form goes -----------------------------------------------------------------------------------------------


def _pressed(change: Callable[..., Kept], contact: str, words: str) -> ResponseReturnValue:
    """One press on a contact as it was shown; where it was changed since, a sentence says so, and nothing is done."""
    sent = as_sent()
    expected = sent["expected"] if sent["expected"].isascii() and sent["expected"].isdigit() else "0"
    token = (sent.get("token") or new_token())[:200]
    try:
        done = change(sessions.ctx(), sessions.actor(), contact, expected=int(expected[:9]), token=token)
        say_done(words, repeated=done.repeated)
    except (TeamRefused, SentBefore):
        flash(_changed(), "message")
    return redirect(url_for("contacts.index"), 303)


def _changed() -> str:
    return wording()._("Somebody changed this contact meanwhile: look at it again. Nothing was done.")


def _changing(
    template: str,
    view: ContactView | None,
    make: Callable[[Any], TeamForm],
    record: Callable[[TeamForm, Mapping[str, Any]], Kept],
    words: str,
) -> ResponseReturnValue:

    def page(form: TeamForm, **more: Any) -> str:
        if more["obstacles"]:
            form.expected.data = str(view.revision if view else 0)
        return render_template(template, view=view, form=form, new_token=new_token, **more)

    def done(kept: Kept) -> ResponseReturnValue:
        say_done(words, repeated=kept.repeated)
        return redirect(url_for("contacts.index"), 303)

    return record_form(make, record, page, done, explain=_obstacle)


def _obstacle(w: Wording, one: Obstacle) -> str:
    return _changed() if one.code == "changed_meanwhile" else people_presenters.staff_obstacle(w, one)


# ---- reviews: the queue; what is observed, refused or ended; how a case kept to its protocol -----------------------

review_blueprint = Pages("review", __name__, asks=Permission.see_case)
review_blueprint.entry(N_("To review"), 30, within=())
review_blueprint.add_app_template_global(presenters.state_said, "review_said")
review_blueprint.add_app_template_global(presenters.kind_label, "wait_label")
review_blueprint.add_app_template_global(presenters.event_title, "event_title")
review_blueprint.add_app_template_global(presenters.observes, "observes")
review_blueprint.add_app_template_global(outcome_label, "outcome_label")

CURSOR_MOST = 200
MOST = 10**9
NARROWING = ("kind", "place", "level")


# ---- the queue -------------------------------------------------------------------------------------------------------


@review_blueprint.get("/review", endpoint="index", asks=Permission.review)
def review_index() -> ResponseReturnValue:
    """What waits for me; narrowed as the address says, else as it was the last time."""
    after = request.args.get("after") or None
    if after is not None and len(after) > CURSOR_MOST:
        raise Unseen(after)
    asked = _chosen() if any(name in request.args for name in NARROWING) else None
    page = review_queue.see_queue(sessions.ctx(), sessions.actor(), asked, after=after)
    return render_template(
        "supervision/index.html", queue=page, kinds=presenters.kinds(), team=TEAM, is_start=after is None
    )


def _chosen() -> Chosen:
    level = request.args.get("level", "")
    number = int(level) if level.isascii() and level.isdigit() and len(level) < 4 else None
    return Chosen(request.args.get("kind", ""), request.args.get("place", ""), number)


# ---- one case --------------------------------------------------------------------------------------------------------


@review_blueprint.get("/cases/<number>/conformance")
def conformance(number: str) -> ResponseReturnValue:
    """What the protocol asked of a case, what was done, when; departures with their reasons."""
    view = review.see_conformance(sessions.ctx(), sessions.actor(), number)
    return render_template("supervision/conformance.html", view=view, head=view.head, names=view.head.labels)


@dataclass(slots=True)
class Sent:
    """A form of reviews as it was typed, with what is wrong with it."""

    values: dict[str, str]
    token: str
    expected: int
    problems: dict[str, str] = field(default_factory=dict)
    refused: str = ""
    news: ConflictView | None = None
    is_sent_before: bool = False
    was_kept: bool = False


def _sent(*names: str, seq: int) -> Sent:
    """What was sent; else what was left before an interruption; else an empty form of the case as it is now."""
    waiting = None if request.method == "POST" else ui_forms.typed_before(sessions.actor().id)
    source: Mapping[str, str] = request.form if request.method == "POST" else waiting or {}
    values = {name: str(source.get(name, "")) for name in names}
    expected = request.form.get("expected", "0" if request.method == "POST" else str(seq))
    number = int(expected) if expected.isascii() and expected.isdigit() and len(expected) < 10 else 0
    token = request.form.get("token", "")[:200] or new_token()
    return Sent(values, token, number, was_kept=waiting is not None)


def _take(sent: Sent, number: str, press: Callable[[], Done]) -> Done | None:
    """Press; None where it was not taken: `sent` says why, and nothing that was typed is lost."""
    w = wording()
    try:
        done = press()
    except BadInput as error:
        sent.problems = {path: " ".join(w.problem(code) for code in codes) for path, codes in error.problems.items()}
    except Conflict as error:
        sent.news = showing.what_is_new(sessions.ctx(), sessions.actor(), number, error.expected)
        sent.expected = sent.news.head.seq
    except SentBefore:
        sent.is_sent_before, sent.token = True, new_token()
    except ReviewRefused as error:
        sent.refused = presenters.refused_message(w, error.code)
    except Refused as error:
        protocol = showing.see_case(sessions.ctx(), sessions.actor(), number).head.protocol
        sent.refused = rendering.hint_said(w, protocol, error.reasons)
    else:
        ui_forms.forget(sessions.actor().id)
        return done
    ui_forms.keep()
    return None


def _status(sent: Sent) -> int:
    if request.method != "POST":
        return 200
    return 422 if sent.problems else 409


def _taken(done: Done, number: str, words: str) -> ResponseReturnValue:
    w = wording()
    flash(w._("It was noted before; nothing was done twice.") if done.repeated else words, "ok")
    return redirect(url_for("cases.show", number=done.number or number, _anchor="review"), 303)


def _case(number: str) -> CaseView:
    """The case whose review it is. Raises Unseen where its protocol knows of none, or it isn't for this person."""
    case = showing.see_case(sessions.ctx(), sessions.actor(), number)
    if case.review is None:
        raise Unseen(number)
    return case


def _review_page(template: str, case: CaseView, sent: Sent, **more: Any) -> ResponseReturnValue:
    page = render_template(
        template, case=case, head=case.head, names=case.head.labels, line=case.review, sent=sent, **more
    )
    return page, _status(sent)


def _stands(case: CaseView, title: str, why: str) -> ResponseReturnValue:
    """How the review stands, to whoever pressed what is over by now."""
    stale = {"case": case, "head": case.head, "names": case.head.labels, "review": case.review}
    return render_template("supervision/stands.html", **stale, title=title, why=why), 409


@review_blueprint.route("/cases/<number>/review/observe", methods=["GET", "POST"], is_long=True)
def observe(number: str) -> ResponseReturnValue:
    """An observation on a place in the case as it stands on screen; its team answers it there."""
    case = _case(number)
    if case.review is None or not case.review.may_observe:
        raise Unseen(number)
    sent = _sent("about", "kind", "text", "awaits", seq=case.head.seq)
    if request.method != "POST":
        sent.values["about"] = sent.values["about"] or request.args.get("about", request.args.get("entry", ""))[:80]
        sent.values["awaits"] = sent.values["awaits"] if sent.was_kept else "1"
    else:
        remark = _remark(sent.values)
        ctx, actor = sessions.ctx(), sessions.actor()
        done = _take(
            sent,
            number,
            lambda: review.observe(ctx, actor, number, remark, expected=sent.expected, token=sent.token),
        )
        if done is not None:
            words = wording()._("Your observation is attached to the case. Its team is told.")
            return _taken(done, number, words)
    record = _record_meant(case, sent.values["about"])
    return _review_page(
        "supervision/observe.html", case, sent, kinds=[kind.value for kind in RemarkKind], record=record
    )


def _record_meant(case: CaseView, about: str) -> RecordView | None:
    """The entry whose questions may be pointed at."""
    entry = _place(about)["entry"]
    shown = {event.seq: event.record for event in case.chronology.events}
    if not 0 < entry < MOST or entry in shown:
        return shown.get(entry)
    try:
        return showing.see_record(sessions.ctx(), sessions.actor(), case.head.number, entry)[1]
    except Unseen:
        return None


class _Place(TypedDict):
    entry: int
    field: str
    act: str


def _place(about: str) -> _Place:
    """What is pointed at: `12` an entry, `12.account` a question of it, `act.listening` a form that is missing."""
    head, _, rest = about.strip().partition(".")
    if head == "act":
        return {"entry": 0, "field": "", "act": rest or "-"}
    entry = int(head) if head.isascii() and head.isdigit() and len(head) < 10 else MOST if about.strip() else 0
    return {"entry": entry, "field": rest, "act": ""}


def _remark(values: dict[str, str]) -> Remark:
    kind = values["kind"]
    known = kind in set(RemarkKind)
    return Remark(
        kind=RemarkKind(kind) if known else RemarkKind.question,
        text=values["text"],
        awaits=bool(values["awaits"]),
        **_place(values["about"][:80]),
    )


@review_blueprint.route("/cases/<number>/review/send", methods=["GET", "POST"], is_long=True)
def send(number: str) -> ResponseReturnValue:
    """The team sends the case to those who review it."""
    case = _case(number)
    sent = _sent("sentence", seq=case.head.seq)
    if request.method == "POST":
        ctx, actor, words = sessions.ctx(), sessions.actor(), sent.values["sentence"]
        done = _take(sent, number, lambda: review.ask_review(ctx, actor, number, words, token=sent.token))
        if done is not None:
            return _taken(done, number, wording()._("Sent for review. Whoever reviews is told."))
    elif case.review is None or not case.review.sends:
        raise Unseen(number)
    elif not case.review.may_ask:
        return _stands(case, wording()._("Send this case for review"), presenters.not_sent(case))
    return _review_page("supervision/send.html", case, sent)


@review_blueprint.route("/cases/<number>/review/examined", methods=["GET", "POST"], is_long=True)
def end(number: str) -> ResponseReturnValue:
    """Whoever reviews has examined the case, and asks for nothing more."""
    case = _case(number)
    sent = _sent("sentence", seq=case.head.seq)
    if request.method == "POST":
        ctx, actor, words = sessions.ctx(), sessions.actor(), sent.values["sentence"]
        done = _take(
            sent,
            number,
            lambda: review.end_review(ctx, actor, number, words, expected=sent.expected, token=sent.token),
        )
        if done is not None:
            return _taken(done, number, wording()._("Noted: examined, nothing more is asked."))
    elif case.review is None or not case.review.may_observe:
        raise Unseen(number)
    elif not case.review.may_end:
        return _stands(case, wording()._("Examined: nothing more is asked"), presenters.not_ended(case))
    return _review_page("supervision/end.html", case, sent)


@review_blueprint.route("/cases/<number>/review/refuse", methods=["GET", "POST"], is_long=True)
def refuse(number: str) -> ResponseReturnValue:
    """The visa refused, for reasons that the team reads at once; the case goes back."""
    ctx, actor, case = sessions.ctx(), sessions.actor(), _case(number)
    sent = _sent("reason", seq=case.head.seq)
    if request.method == "POST":
        words = sent.values["reason"]
        done = _take(
            sent, number, lambda: review.refuse(ctx, actor, number, words, expected=sent.expected, token=sent.token)
        )
        if done is not None:
            return _taken(done, number, wording()._("The visa is refused. The team reads your reasons, and is told."))
    return _review_page("supervision/refuse.html", case, sent, view=None if sent.refused else _refusal(sent, number))


def _refusal(sent: Sent, number: str) -> RefusalView | None:
    """What the refusal would do; None where the visa isn't open any more to whoever has just typed reasons."""
    try:
        return review.see_refusal(sessions.ctx(), sessions.actor(), number)
    except Unseen:
        if request.method != "POST":
            raise
        sent.refused = wording()._(
            "The visa can’t be refused any more: the case has gone on. Your reasons stand below."
        )
        return None
