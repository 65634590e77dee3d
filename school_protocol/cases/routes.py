"""Routes of one case for its team: see it, write something down, move it on, raise a danger, undo."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.cases import form_pages, service, showing, word_choice
from school_protocol.cases.form_pages import (
    Correction,
    asks_about_school,
    call_taps,
    correction_for,
    danger_answer,
    pointed_record,
    quick_acts,
    shown_form,
    token_for,
)
from school_protocol.cases.service import Done
from school_protocol.cases.view_models import ActView, ConflictView, DangerPage, MoveView
from school_protocol.engine.definition import ActKind, Move
from school_protocol.engine.errors import BadInput, Conflict, Refused, SentBefore, Unseen
from school_protocol.engine.evidence_pieces import is_intimate
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Permission
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import routing, sessions
from school_protocol.ui.forms import (
    AnswerForm,
    MoveForm,
    OwnForm,
    Problem,
    answers_of,
    as_sent,
    is_sent,
    move_form,
    one_for_each,
    renewed,
    show_problems,
)
from school_protocol.ui.middleware import own_page
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

case_blueprint = Pages("cases", __name__, asks=Permission.see_case, url_prefix="/cases")

FIRST_MINUTES, CASE_FILE = "first-minutes", "case-file"


# ---- seeing ------------------------------------------------------------------------------------------------------


@case_blueprint.get("/<number>")
def show(number: str) -> ResponseReturnValue:
    case = showing.see_tasks(sessions.ctx(), sessions.actor(), number)
    return render_template("cases/show.html", case=case, head=case.head, names=case.head.labels)


@case_blueprint.get("/<number>/people", defaults={"part": "people"})
@case_blueprint.get("/<number>/outcomes", defaults={"part": "outcomes"})
@case_blueprint.get("/<number>/write", defaults={"part": "write"})
def part(number: str, part: str) -> ResponseReturnValue:
    """What is beside the tasks of a case: its people, what came of it, what else may be written down."""
    case = showing.see_case(sessions.ctx(), sessions.actor(), number, routing.asked("cases.show"))
    if part != "write" and part not in case.head.counts:
        raise Unseen(number)
    return render_template(_PARTS[part], case=case, head=case.head, names=case.head.labels)


_PARTS = {
    "people": "cases/case_people.html",
    "outcomes": "cases/case_outcomes.html",
    "write": "cases/case_write.html",
}


@case_blueprint.get("/<number>/chronology")
def chronology(number: str) -> ResponseReturnValue:
    before = request.args.get("before", type=int)
    head, page = showing.see_chronology(sessions.ctx(), sessions.actor(), number, before)
    return render_template("cases/chronology.html", head=head, page=page, before=before, names=head.labels)


@case_blueprint.get("/<number>/entries/<int:seq>")
def entry(number: str, seq: int) -> ResponseReturnValue:
    if seq > 10**9:
        raise Unseen(number)
    head, record = showing.see_record(sessions.ctx(), sessions.actor(), number, seq)
    return render_template("cases/entry.html", head=head, record=record, names=head.labels)


# ---- its word ------------------------------------------------------------------------------------------------------


@case_blueprint.route("/<number>/word", methods=["GET", "POST"])
def word(number: str) -> ResponseReturnValue:
    """Another word for the case, of a few that are proposed: nothing is typed."""
    is_refused = False
    if is_sent():
        try:
            done = word_choice.choose_word(
                sessions.ctx(), sessions.actor(), number, request.form.get("word", "")[:80], token=_token_sent()
            )
            w = wording()
            before = w._("It was noted before; nothing was done twice.")
            flash(before if done.repeated else w._("Lists call it so now."), "ok")
            return redirect(url_for("cases.show", number=number), 303)
        except (BadInput, SentBefore):
            is_refused = True
    view = word_choice.see_words(sessions.ctx(), sessions.actor(), number)
    page = render_template("cases/word.html", view=view, head=view.head, is_refused=is_refused)
    return page, 422 if is_refused else 200


# ---- recording an act --------------------------------------------------------------------------------------------


@case_blueprint.route("/<number>/acts/<act>", methods=["GET", "POST"], is_long=True)
def act(number: str, act: str) -> ResponseReturnValue:
    view = showing.see_act(sessions.ctx(), sessions.actor(), number, act, is_shown=not is_sent())
    form, was_kept = shown_form(view)
    correction = correction_for(view, form)
    if not is_sent():
        if view.act.kind is ActKind.sign and view.choices.records and "record" not in request.args:
            return _before_signing(number, view)
        return _act_page(view, form, correction, was_kept=was_kept)
    ctx, actor, password = sessions.ctx(), sessions.actor(), form.password.data or None
    expected = None if _in_first_minutes(view) else form.expected_seq()
    changed = ((correction.form, correction.before),) if correction else ()

    def changes() -> dict[str, Any] | None:
        return correction.changes() if correction else None

    paper = form.paper.said() if form.paper else None
    contact = (correction.form if correction else form).chosen_contact()
    onward = request.form.get("onward", "")

    def rehearse() -> None:
        service.rehearse_act(
            ctx,
            actor,
            number,
            view.act.key,
            answers_of(form),
            expected=expected,
            password=password,
            changes=changes(),
            paper=paper,
            contact=contact,
            onward=onward,
        )

    try:
        named = form_pages.asked_of_act(view, form, *changed, rehearse=rehearse)
        if named is not None:
            ui_forms.keep()
            return _act_page(view, form, correction, named=named), 422
        if form_pages.lost_signature(view, form) or asks_about_school(view, form, rehearse=rehearse):
            ui_forms.keep()
            return _act_page(view, form, correction), 422
        done = service.record_act(
            ctx,
            actor,
            number,
            view.act.key,
            answers_of(form),
            expected=expected,
            token=token_for(view, form),
            said=ui_forms.as_typed(),
            password=password,
            changes=changes(),
            paper=paper,
            contact=contact,
            onward=onward,
        )
    except BadInput as error:
        ui_forms.keep()
        _show_problems(form, correction, error)
        return _act_page(view, form, correction), 422
    except Refused as error:
        ui_forms.keep()
        return _act_page(view, form, correction, reasons=error.reasons), 409
    except Conflict as error:
        ui_forms.keep()
        return _act_conflict(number, view, form, correction, error.expected), 409
    except SentBefore as error:
        ui_forms.keep()
        return _act_conflict(number, view, form, correction, _before(form, error), before=error.outcome["seq"]), 409
    ui_forms.forget(sessions.actor().id)
    if done.raised:
        sessions.ring()
    return _recorded(number, view, done, is_urgent=_is_urgent(view, answers_of(form)))


def _is_urgent(view: ActView, answers: Mapping[str, Any]) -> bool:
    """Whether what was just written registers a piece that may be sexual or intimate."""
    pieces = view.protocol.pieces
    return pieces is not None and view.act == view.protocol.acts[pieces.act] and is_intimate(view.form, answers)


def _before_signing(number: str, view: ActView) -> ResponseReturnValue:
    """What is to be signed is read first: the one entry that waits, or a choice among several."""
    waiting = view.choices.records
    if len(waiting) == 1:
        return redirect(url_for("cases.act", number=number, act=view.act.key, record=waiting[0].seq))
    names = view.head.labels if view.head else {}
    return render_template("cases/to_sign.html", view=view, head=view.head, names=names)


def _in_first_minutes(view: ActView) -> bool:
    """Beside the child nothing is held back by what somebody else wrote meanwhile."""
    return view.act.first_minutes and request.form.get("then") == FIRST_MINUTES


def _show_problems(form: AnswerForm, correction: Correction | None, error: BadInput) -> None:
    """Problems of a correction itself, and those of what the corrected entry should say, each in its form."""
    prefix = "changes."
    changed = {path.removeprefix(prefix): codes for path, codes in error.problems.items() if path.startswith(prefix)}
    show_problems(form, {path: codes for path, codes in error.problems.items() if not path.startswith(prefix)})
    if correction is not None:
        show_problems(correction.form, changed)


def _act_page(
    view: ActView,
    form: AnswerForm,
    correction: Correction | None = None,
    *,
    reasons: Sequence[Reason] = (),
    was_kept: bool = False,
    named: form_pages.Asked | None = None,
) -> str:
    if is_sent() and view.head is not None:
        showing.note_shown_again(sessions.ctx(), sessions.actor(), view.head.number, view.act.key)
    return render_template(
        "cases/act.html",
        named=named,
        lost_signature=is_sent() and form_pages.lost_signature(view, form),
        view=view,
        head=view.head,
        form=form,
        correction=correction,
        problems=(*form.problems, *(correction.form.problems if correction else ())),
        reasons=reasons,
        was_kept=was_kept,
        signs=None if correction else pointed_record(view, form),
        then=request.values.get("then", ""),
        names=view.head.labels if view.head else {},
    )


def _act_conflict(
    number: str,
    view: ActView,
    form: AnswerForm,
    correction: Correction | None,
    expected: int,
    before: int | None = None,
) -> str:
    showing.note_shown_again(sessions.ctx(), sessions.actor(), number, view.act.key)
    news = showing.what_is_new(sessions.ctx(), sessions.actor(), number, expected, act=view.act.key)
    form.expected.data = str(news.head.seq)
    if before is not None:
        renewed(form)
    return render_template(
        "cases/conflict.html",
        news=news,
        head=news.head,
        form=form,
        correction=correction,
        view=view,
        names=news.head.labels,
        move=None,
        before=before,
    )


def _before(form: OwnForm, error: SentBefore) -> int:
    """From where to show what was written: what this form recorded is always part of it."""
    return min(form.expected_seq(), int(error.outcome["seq"]) - 1)


def _recorded(number: str, view: ActView, done: Done, *, is_urgent: bool) -> ResponseReturnValue:
    w = wording()
    title = w.text(view.act.title)
    if done.repeated:
        flash(w._("“%(title)s” was recorded already; nothing was recorded twice.", title=title), "message")
    else:
        flash(w._("Recorded: %(title)s.", title=title), "ok")
        if (move := _gone_on(view)) is not None and not done.raised:
            flash(w._("The case now stands at: %(state)s.", state=w.text(view.protocol.states[move.to].title)), "ok")
    back = done.number or number
    if done.raised or request.form.get("then") == FIRST_MINUTES:
        place = None if done.raised else "calls" if view.act.kind is ActKind.refer else "quick"
        return redirect(url_for("cases.first_minutes", number=back, _anchor=place), 303)
    if is_urgent:
        return redirect(url_for("cases.evidence", number=back, _anchor=f"piece-{done.seq}"), 303)
    if (register := own_page(request.form.get("then"), url_for("referrals.index"))) is not None:
        return redirect(register, 303)
    if request.form.get("then") == CASE_FILE:
        return redirect(url_for("cases.case_file", number=back), 303)
    return redirect(url_for("cases.show", number=back), 303)


def _gone_on(view: ActView) -> Move | None:
    """The step that was made with the act."""
    return view.protocol.moves.get(request.form.get("onward", ""))


# ---- moving on ---------------------------------------------------------------------------------------------------


@case_blueprint.route("/<number>/moves/<move>", methods=["GET", "POST"], is_long=True)
def move(number: str, move: str) -> ResponseReturnValue:
    view = _move_view(number, move)
    posted = as_sent() if request.method == "POST" else ui_forms.typed_before(sessions.actor().id)
    form = move_form(view, posted)
    if request.method != "POST":
        return _move_page(view, form, was_kept=posted is not None)
    ctx, actor, expected = sessions.ctx(), sessions.actor(), form.expected_seq()

    def rehearse() -> None:
        reason, departures = form.reason.data or "", form.departures()
        service.rehearse_move(
            ctx, actor, number, view.move.key, reason=reason, departures=departures, expected=expected
        )

    try:
        named = form_pages.asked_of_move(view, form, rehearse=rehearse)
        if named is not None:
            ui_forms.keep()
            return _move_page(view, form, named=named), 422
        done = service.make_move(
            ctx,
            actor,
            number,
            view.move.key,
            reason=form.reason.data or "",
            departures=form.departures(),
            expected=expected,
            token=form.sent_token(),
            said=ui_forms.as_typed(),
        )
    except BadInput as error:
        ui_forms.keep()
        form.problems = tuple(_move_problems(form, error))
        return _move_page(view, form), 422
    except Refused as error:
        ui_forms.keep()
        return _move_page(view, form, reasons=error.reasons), 409
    except Conflict as error:
        ui_forms.keep()
        return _move_conflict(number, view, form, error.expected), 409
    except SentBefore as error:
        ui_forms.keep()
        return _move_conflict(number, view, form, _before(form, error), before=error.outcome["seq"]), 409
    ui_forms.forget(sessions.actor().id)
    w = wording()
    title = w.text(view.move.title)
    said = w._("“%(title)s” was made already; nothing was done twice.", title=title) if done.repeated else ""
    flash(said or w._("Done: %(title)s.", title=title), "message" if done.repeated else "ok")
    return redirect(url_for("cases.show", number=done.number or number), 303)


def _move_view(number: str, move: str) -> MoveView:
    """The move as it stands; what follows from an act by itself has no page."""
    view = showing.see_move(sessions.ctx(), sessions.actor(), number, move)
    if view.move.automatic:
        raise Unseen(number)
    return view


def _move_problems(form: MoveForm, error: BadInput) -> Iterator[Problem]:
    """What is wrong with a reason, at its box."""
    w = wording()
    for path, codes in error.problems.items():
        _, _, need = path.partition(".")
        label = w._("Why do you go on without it?") if need else w._("Your reason")
        field = form.departing[need][1] if need in form.departing else form.reason
        yield from (Problem(field.id, label, code) for code in codes)


def _move_page(
    view: MoveView,
    form: MoveForm,
    *,
    reasons: Sequence[Reason] = (),
    was_kept: bool = False,
    named: form_pages.Asked | None = None,
) -> str:
    return render_template(
        "cases/move.html",
        named=named,
        view=view,
        head=view.head,
        form=form,
        reasons=reasons,
        problems=form.problems,
        was_kept=was_kept,
    )


def _move_conflict(number: str, view: MoveView, form: MoveForm, expected: int, before: int | None = None) -> str:
    news = showing.what_is_new(sessions.ctx(), sessions.actor(), number, expected, move=view.move.key)
    form.expected.data = str(news.head.seq)
    if before is not None:
        renewed(form)
    return render_template(
        "cases/conflict.html",
        news=news,
        head=news.head,
        form=form,
        view=None,
        names=news.head.labels,
        move=view,
        before=before,
    )


# ---- dangers -----------------------------------------------------------------------------------------------------


@case_blueprint.route("/<number>/danger", methods=["GET", "POST"], is_long=True)
def danger(number: str) -> ResponseReturnValue:
    """Choose a danger; one tap raises it. Never held back by what somebody else wrote meanwhile."""
    page = showing.see_danger(sessions.ctx(), sessions.actor(), number)
    declared = next(page.head.protocol.acts_of(ActKind.raise_danger), None)
    if declared is None:
        raise Unseen(number)
    if request.method != "POST":
        return _danger_page(page)
    chosen = request.form.get("danger", "")
    try:
        done = service.record_act(
            sessions.ctx(),
            sessions.actor(),
            number,
            declared.key,
            danger_answer(page.head.protocol.form_of(declared), chosen),
            expected=None,
            token=one_for_each(chosen),
        )
    except BadInput:
        return _danger_page(page, is_unclear=True), 422
    except Refused as error:
        return _danger_page(page, reasons=error.reasons), 409
    return _after_raising(done.number or number)


def _after_raising(number: str) -> ResponseReturnValue:
    """The first minutes; or, where raising it has closed the case to this person, the desk, which says so calmly."""
    sessions.ring()
    try:
        showing.see_danger(sessions.ctx(), sessions.actor(), number)
    except Unseen:
        w = wording()
        flash(w._("It is noted, and those who must know are told. From now on they alone read this case."), "ok")
        return redirect(url_for("desk.index"), 303)
    return redirect(url_for("cases.first_minutes", number=number), 303)


def _danger_page(page: DangerPage, *, reasons: Sequence[Reason] = (), is_unclear: bool = False) -> str:
    return render_template(
        "cases/danger.html",
        page=page,
        head=page.head,
        reasons=reasons,
        is_unclear=is_unclear,
        token=secrets.token_urlsafe(24),
    )


@case_blueprint.get("/<number>/first-minutes")
def first_minutes(number: str) -> ResponseReturnValue:
    page = showing.see_danger(sessions.ctx(), sessions.actor(), number, routing.asked("cases.first_minutes"))
    return render_template(
        "cases/first_minutes.html",
        page=page,
        head=page.head,
        quick=quick_acts(page.head.protocol, page.quick_acts, page.noted),
        calls=call_taps(
            page.head.protocol, page.call_act, page.contacts, [line.danger for line in page.dangers], page.called
        ),
    )


# ---- undo: one tap takes back what one has just recorded by mistake ------------------------------------------------

undoing_blueprint = Pages("cases", __name__, part="undoing", asks=Permission.see_case, url_prefix="/cases")

MOST = 10**9


@undoing_blueprint.app_template_global("one_time_token")
def _one_time_token() -> str:
    return secrets.token_urlsafe(24)


@undoing_blueprint.route("/<number>/entries/<int:seq>/undo", methods=["GET", "POST"])
def undo(number: str, seq: int) -> ResponseReturnValue:
    if seq > MOST:
        raise Unseen(number)
    if request.method != "POST":
        return _page(number, seq)
    try:
        done = service.take_back(
            sessions.ctx(), sessions.actor(), number, seq, expected=_expected(), token=_token_sent()
        )
    except Refused as error:
        return _page(number, seq, reasons=error.reasons, status=409)
    except Conflict as error:
        news = showing.what_is_new(sessions.ctx(), sessions.actor(), number, error.expected)
        return _page(number, seq, news=news, status=409)
    except SentBefore:
        return _page(number, seq, status=409)
    w = wording()
    if done.repeated:
        flash(w._("This entry was taken back already."), "message")
    else:
        flash(w._("Taken back. The entry stays in the chronology, and nothing rests on it any more."), "ok")
    return redirect(url_for("cases.show", number=number), 303)


def _expected() -> int:
    """The latest event that the page knew of; 0 where it doesn't say, which asks again."""
    sent = request.form.get("expected", "")
    return int(sent) if sent.isdecimal() and len(sent) < 10 else 0


def _token_sent() -> str:
    return request.form.get("token", "")[:200] or _one_time_token()


def _page(
    number: str, seq: int, *, reasons: Sequence[Reason] = (), news: ConflictView | None = None, status: int = 200
) -> ResponseReturnValue:
    """The entry with its button; or why it can't be taken back, and what to do instead."""
    head, record = showing.see_record(sessions.ctx(), sessions.actor(), number, seq)
    if record.undo_until is None and not reasons:
        return redirect(url_for("cases.entry", number=number, seq=seq), 303)
    page = render_template("cases/undo.html", head=head, record=record, reasons=reasons, news=news, names=head.labels)
    return page, status
