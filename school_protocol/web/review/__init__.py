"""Pages of those who review cases: their queue; what they observe, refuse or end; how a case kept to its protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.documents.papers.conforming import outcome_said
from school_protocol.domain.errors import BadInput, Conflict, Refused, SentBefore, Unseen
from school_protocol.domain.events import Remark, RemarkKind
from school_protocol.domain.phrases import N_
from school_protocol.domain.policy import Permission
from school_protocol.services import showing
from school_protocol.services.recording import Done
from school_protocol.services.review import asking, conforming, queueing, refusing
from school_protocol.services.review.asking import ReviewRefused
from school_protocol.services.review.views import RefusalView
from school_protocol.services.views import CaseView, ConflictView, RecordView
from school_protocol.storage.review.queue import TEAM, Chosen
from school_protocol.web import hints, kept, sessions
from school_protocol.web.cases.answering import new_token
from school_protocol.web.rendering import wording
from school_protocol.web.review import said
from school_protocol.web.routing import Pages

blueprint = Pages("review", __name__, asks=Permission.see_case)
blueprint.entry(N_("To review"), 30, within=())
blueprint.add_app_template_global(said.state_said, "review_said")
blueprint.add_app_template_global(said.kind_said, "wait_said")
blueprint.add_app_template_global(said.event_title, "event_title")
blueprint.add_app_template_global(said.observes, "observes")
blueprint.add_app_template_global(outcome_said, "outcome_said")

CURSOR_MOST = 200
MOST = 10**9
NARROWING = ("kind", "place", "level")


# ---- the queue -------------------------------------------------------------------------------------------------------


@blueprint.get("/review", asks=Permission.review)
def index() -> ResponseReturnValue:
    """What waits for me; narrowed as the address says, else as it was the last time."""
    after = request.args.get("after") or None
    if after is not None and len(after) > CURSOR_MOST:
        raise Unseen(after)
    asked = _chosen() if any(name in request.args for name in NARROWING) else None
    page = queueing.see_queue(sessions.house(), sessions.actor(), asked, after=after)
    return render_template("review/index.html", queue=page, kinds=said.kinds(), team=TEAM, is_start=after is None)


def _chosen() -> Chosen:
    level = request.args.get("level", "")
    number = int(level) if level.isascii() and level.isdigit() and len(level) < 4 else None
    return Chosen(request.args.get("kind", ""), request.args.get("place", ""), number)


# ---- one case --------------------------------------------------------------------------------------------------------


@blueprint.get("/cases/<number>/conformance")
def conformance(number: str) -> ResponseReturnValue:
    """What the protocol asked of a case, what was done, when; departures with their reasons."""
    view = conforming.see_conformance(sessions.house(), sessions.actor(), number)
    return render_template("review/conformance.html", view=view, head=view.head, names=view.head.labels)


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
    waiting = None if request.method == "POST" else kept.typed_before(sessions.actor().id)
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
        sent.news = showing.what_is_new(sessions.house(), sessions.actor(), number, error.expected)
        sent.expected = sent.news.head.seq
    except SentBefore:
        sent.is_sent_before, sent.token = True, new_token()
    except ReviewRefused as error:
        sent.refused = said.refused_said(w, error.code)
    except Refused as error:
        protocol = showing.see_case(sessions.house(), sessions.actor(), number).head.protocol
        sent.refused = hints.said(w, protocol, error.reasons)
    else:
        kept.forget(sessions.actor().id)
        return done
    kept.keep()
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
    case = showing.see_case(sessions.house(), sessions.actor(), number)
    if case.review is None:
        raise Unseen(number)
    return case


def _page(template: str, case: CaseView, sent: Sent, **more: Any) -> ResponseReturnValue:
    page = render_template(
        template, case=case, head=case.head, names=case.head.labels, line=case.review, sent=sent, **more
    )
    return page, _status(sent)


def _stands(case: CaseView, title: str, why: str) -> ResponseReturnValue:
    """How the review stands, to whoever pressed what is over by now."""
    stale = {"case": case, "head": case.head, "names": case.head.labels, "review": case.review}
    return render_template("review/stands.html", **stale, title=title, why=why), 409


@blueprint.route("/cases/<number>/review/observe", methods=["GET", "POST"], is_long=True)
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
        house, actor = sessions.house(), sessions.actor()
        done = _take(
            sent,
            number,
            lambda: asking.observe(house, actor, number, remark, expected=sent.expected, token=sent.token),
        )
        if done is not None:
            words = wording()._("Your observation is attached to the case. Its team is told.")
            return _taken(done, number, words)
    record = _record_meant(case, sent.values["about"])
    return _page("review/observe.html", case, sent, kinds=[kind.value for kind in RemarkKind], record=record)


def _record_meant(case: CaseView, about: str) -> RecordView | None:
    """The entry whose questions may be pointed at."""
    entry = _place(about)["entry"]
    shown = {event.seq: event.record for event in case.chronology.events}
    if not 0 < entry < MOST or entry in shown:
        return shown.get(entry)
    try:
        return showing.see_record(sessions.house(), sessions.actor(), case.head.number, entry)[1]
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


@blueprint.route("/cases/<number>/review/send", methods=["GET", "POST"], is_long=True)
def send(number: str) -> ResponseReturnValue:
    """The team sends the case to those who review it."""
    case = _case(number)
    sent = _sent("sentence", seq=case.head.seq)
    if request.method == "POST":
        house, actor, words = sessions.house(), sessions.actor(), sent.values["sentence"]
        done = _take(sent, number, lambda: asking.ask(house, actor, number, words, token=sent.token))
        if done is not None:
            return _taken(done, number, wording()._("Sent for review. Whoever reviews is told."))
    elif case.review is None or not case.review.sends:
        raise Unseen(number)
    elif not case.review.may_ask:
        return _stands(case, wording()._("Send this case for review"), said.not_sent(case))
    return _page("review/send.html", case, sent)


@blueprint.route("/cases/<number>/review/examined", methods=["GET", "POST"], is_long=True)
def end(number: str) -> ResponseReturnValue:
    """Whoever reviews has examined the case, and asks for nothing more."""
    case = _case(number)
    sent = _sent("sentence", seq=case.head.seq)
    if request.method == "POST":
        house, actor, words = sessions.house(), sessions.actor(), sent.values["sentence"]
        done = _take(
            sent, number, lambda: asking.end(house, actor, number, words, expected=sent.expected, token=sent.token)
        )
        if done is not None:
            return _taken(done, number, wording()._("Noted: examined, nothing more is asked."))
    elif case.review is None or not case.review.may_observe:
        raise Unseen(number)
    elif not case.review.may_end:
        return _stands(case, wording()._("Examined: nothing more is asked"), said.not_ended(case))
    return _page("review/end.html", case, sent)


@blueprint.route("/cases/<number>/review/refuse", methods=["GET", "POST"], is_long=True)
def refuse(number: str) -> ResponseReturnValue:
    """The visa refused, for reasons that the team reads at once; the case goes back."""
    house, actor, case = sessions.house(), sessions.actor(), _case(number)
    sent = _sent("reason", seq=case.head.seq)
    if request.method == "POST":
        words = sent.values["reason"]
        done = _take(
            sent, number, lambda: refusing.refuse(house, actor, number, words, expected=sent.expected, token=sent.token)
        )
        if done is not None:
            return _taken(done, number, wording()._("The visa is refused. The team reads your reasons, and is told."))
    return _page("review/refuse.html", case, sent, view=None if sent.refused else _refusal(sent, number))


def _refusal(sent: Sent, number: str) -> RefusalView | None:
    """What the refusal would do; None where the visa isn't open any more to whoever has just typed reasons."""
    try:
        return refusing.see_refusal(sessions.house(), sessions.actor(), number)
    except Unseen:
        if request.method != "POST":
            raise
        sent.refused = wording()._(
            "The visa can’t be refused any more: the case has gone on. Your reasons stand below."
        )
        return None
