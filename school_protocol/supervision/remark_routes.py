"""Pages of remarks: on which copy, what is remarked, the blank sheet, and saying that one was dealt with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from flask import flash, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.case_files import pages as case_files_pages
from school_protocol.cases import showing
from school_protocol.cases.on_paper import OnPaper
from school_protocol.cases.view_models import CaseHead, RemarkLine
from school_protocol.engine.actors import role_for
from school_protocol.engine.definition import Protocol
from school_protocol.engine.document_rules import REMARKS_MOST, RemarksRefused
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.events import Remark, RemarkKind
from school_protocol.engine.visibility import Permission
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.supervision import remarks as service
from school_protocol.supervision.remarks import CopyLine, RemarksPage
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import sessions
from school_protocol.ui.fields import Posted
from school_protocol.ui.forms import new_token
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

blueprint = Pages("cases", __name__, part="remarks", asks=Permission.see_case, url_prefix="/cases")

FIRST_ROWS = 2
LARGEST = 11 * 1024 * 1024
MOST = 10**9
ON_ENTRY = "entry"
blueprint.record(
    lambda state: state.app.jinja_env.globals.update(
        remarks_said=lambda detail: case_files_pages.attached_said(wording(), detail),
        settled_label=lambda detail: case_files_pages.settled_label(wording(), detail),
    )
)


@blueprint.app_template_global("remark_kind")
def _kind(kind: str) -> str:
    return case_files_pages.kind_label(wording(), kind)


@blueprint.app_template_global()
def remark_about(protocol: Protocol, document: str, one: RemarkLine | Mapping[str, Any]) -> str:
    """What a remark is on, of a line of a page or of what the chronology tells of it."""
    found = one if isinstance(one, Mapping) else case_files_pages.as_told(one)
    return case_files_pages.about_said(wording(), protocol, document, found)


@blueprint.app_template_global()
def answer_place() -> str:
    """The page that is shown, as the box of an answer on it says where to come back to."""
    seq, before = (request.view_args or {}).get("seq"), request.args.get("before", type=int)
    shown = {"cases.show": "case", "cases.entry": f"entry-{seq}", "cases.chronology": f"chronology-{before or ''}"}
    return shown.get(request.endpoint or "", request.form.get("at", "")[:40])


@blueprint.app_template_global()
def tried(one: RemarkLine) -> tuple[str, str] | None:
    """The sentence that was not taken as the answer to this remark, and why."""
    found: tuple[int, int, str, str] | None = g.get("settling")
    return found[2:] if found is not None and found[:2] == (one.seq, one.place) else None


@blueprint.app_template_global()
def settles_remarks(head: CaseHead) -> bool:
    """Whether this person says that a remark was dealt with."""
    return _is_among(head, "to")


@blueprint.app_template_global()
def takes_remarks(head: CaseHead) -> bool:
    """Whether remarks are this person's to make or to deal with."""
    return _is_among(head, "to") or _is_among(head, "for_")


def _is_among(head: CaseHead, which: str) -> bool:
    rules = (document.remarks for document in head.protocol.documents.values() if document.remarks is not None)
    return not head.metadata_only and any(
        role_for(head.protocol, getattr(one, which), head.roles) is not None for one in rules
    )


# ---- which copy ------------------------------------------------------------------------------------------------------


@blueprint.route("/<number>/remarks", methods=["GET", "POST"], is_long=True)
def remarks(number: str) -> ResponseReturnValue:
    """What stands remarked; and, for whoever remarks, which copy they have in hand: its file, figures or number."""
    page = service.see_remarks(sessions.ctx(), sessions.actor(), number)
    if request.method != "POST":
        return _overview(page)
    try:
        copy = _copy_sent(number)
    except RemarksRefused as error:
        return _overview(page, refused=error), 422
    if copy is None:
        return _overview(page, problem=wording().problem("required")), 422
    return redirect(url_for("cases.remark", number=number, copy=copy), 303)


def _copy_sent(number: str) -> int | None:
    ctx, actor, sent = sessions.ctx(), sessions.actor(), request.files.get("file")
    if sent is not None and sent.filename:
        return service.find_copy(ctx, actor, number, file=sent.stream.read(LARGEST))
    figures, copy = request.form.get("figures", "")[:200], request.form.get("copy", "")
    if figures.strip():
        return service.find_copy(ctx, actor, number, figures=figures)
    if copy.isdecimal() and len(copy) < 10:
        return service.find_copy(ctx, actor, number, copy=int(copy))
    return None


def _overview(
    page: RemarksPage,
    *,
    refused: RemarksRefused | None = None,
    problem: str = "",
    untaken: tuple[str, str] | None = None,
) -> str:
    """`untaken`: why an answer was not recorded, and the words that were typed."""
    return render_template(
        "supervision/remarks.html",
        page=page,
        head=page.head,
        refused=refused_message(wording(), page, refused) if refused else "",
        problem=problem,
        untaken=untaken,
        figures=request.form.get("figures", ""),
        missing=rendering.missing(),
    )


# ---- remarking -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Row:
    """One remark as it was typed."""

    place: int
    about: str = ""
    entry: str = ""
    kind: str = ""
    text: str = ""
    awaits: bool = False
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        return not (self.text.strip() or self.entry.strip() or self.awaits or self.about)

    def remark(self) -> Remark:
        """What it says; a kind or a number that nobody could choose is refused by the rules."""
        on_entry = self.entry.strip()
        number = int(on_entry) if on_entry.isdecimal() and len(on_entry) < 10 else MOST if on_entry else 0
        if self.about == ON_ENTRY and not number:
            number = MOST
        section = "" if self.about == ON_ENTRY else self.about
        return Remark(kind=RemarkKind(self.kind), text=self.text, awaits=self.awaits, section=section, entry=number)


@dataclass(slots=True)
class Sheet:
    """The form as it stands: its rows, and what is said of the paper that it stood on."""

    rows: list[Row]
    on_paper: bool = False
    figures: str = ""
    by: str = ""
    at: str = ""
    problems: dict[str, str] = field(default_factory=dict)

    def paper(self) -> OnPaper | None:
        return OnPaper(self.at, self.by) if self.on_paper else None


def _typed(posted: Mapping[str, str] | None, more: bool) -> Sheet:
    posted = posted or {}
    heads = {key.partition(".")[0] for key in posted}
    places = {int(head) for head in heads if head.isdecimal() and len(head) < 10}
    places = {place for place in places if place < REMARKS_MOST}
    wanted = max(FIRST_ROWS, len(places) + (1 if more else 0))
    rows = [_row(posted, place) for place in range(min(wanted, REMARKS_MOST))]
    figures = posted.get("figures", "")[:200]
    return Sheet(rows, bool(posted.get("paper")), figures, posted.get("by", "")[:60], posted.get("at", "")[:40])


def _row(posted: Mapping[str, str], place: int) -> Row:
    kind = posted.get(f"{place}.kind", "")
    return Row(
        place,
        about=posted.get(f"{place}.about", "")[:60],
        entry=posted.get(f"{place}.entry", "")[:12],
        kind=kind if kind in set(RemarkKind) else RemarkKind.question.value,
        text=posted.get(f"{place}.text", ""),
        awaits=bool(posted.get(f"{place}.awaits")),
    )


@blueprint.route("/<number>/remarks/<int:copy>", methods=["GET", "POST"], is_long=True)
def remark(number: str, copy: int) -> ResponseReturnValue:
    """The form for one copy; sent, the remarks are attached to the case and its team is told."""
    page = service.see_remarks(sessions.ctx(), sessions.actor(), number)
    if not page.may_attach or copy > MOST:
        raise Unseen(number)
    line = page.copy(copy)
    if request.method != "POST":
        waiting = ui_forms.typed_before(sessions.actor().id)
        sheet = _typed(waiting or _scanned(), more=False)
        return _form(page, line, sheet, was_kept=waiting is not None)
    sheet = _typed(Posted(request.form), more="more" in request.form)
    if "more" in request.form:
        return _form(page, line, sheet, token=request.form.get("token", ""))
    return _sent(page, line, sheet)


def _scanned() -> Mapping[str, str] | None:
    """What a sheet's code brings along, read by a telephone."""
    figures = request.args.get("figures", "")[:200]
    return {"figures": figures, "paper": "1"} if figures else None


def _sent(page: RemarksPage, line: CopyLine, sheet: Sheet) -> ResponseReturnValue:
    number, used = page.head.number, [row for row in sheet.rows if not row.is_blank]
    token = request.form.get("token", "")[:200] or new_token()
    try:
        done = service.attach_remarks(
            sessions.ctx(),
            sessions.actor(),
            number,
            line.copy,
            [row.remark() for row in used],
            figures=sheet.figures,
            paper=sheet.paper(),
            token=token,
        )
    except BadInput as error:
        ui_forms.keep()
        _show_problems(sheet, used, error)
        return _form(page, line, sheet, token=token), 422
    except RemarksRefused as error:
        ui_forms.keep()
        return _form(page, line, sheet, refused=error), 409
    except SentBefore:
        ui_forms.keep()
        return _form(page, line, sheet, is_sent_before=True), 409
    ui_forms.forget(sessions.actor().id)
    w = wording()
    if done.repeated:
        flash(w._("These remarks were attached already; nothing was attached twice."), "message")
    else:
        flash(w._("Attached to the case. Its team is told that something awaits them."), "ok")
    return redirect(url_for("cases.remarks", number=number), 303)


def _show_problems(sheet: Sheet, used: list[Row], error: BadInput) -> None:
    w = wording()
    for path, codes in error.problems.items():
        said = " ".join(w.problem(code) for code in codes)
        place, _, name = path.partition(".")
        if not name:
            sheet.problems[path.removeprefix("paper_")] = said
        elif int(place) < len(used):
            used[int(place)].problems[name] = said
        else:
            sheet.rows[-1 if used else 0].problems[name] = said


def _form(
    page: RemarksPage,
    line: CopyLine,
    sheet: Sheet,
    *,
    token: str = "",
    refused: RemarksRefused | None = None,
    is_sent_before: bool = False,
    was_kept: bool = False,
) -> str:
    return render_template(
        "supervision/remark.html",
        page=page,
        head=page.head,
        names=page.head.labels,
        copy=line,
        sheet=sheet,
        problems=tuple(_problems(sheet)),
        kinds=[kind.value for kind in RemarkKind],
        on_entry=ON_ENTRY,
        can_grow=len(sheet.rows) < REMARKS_MOST,
        token=token or new_token(),
        refused=refused_message(wording(), page, refused) if refused else "",
        is_sent_before=is_sent_before,
        was_kept=was_kept,
    )


def _problems(sheet: Sheet) -> Iterator[tuple[str, str]]:
    """Where each problem stands, and what it is."""
    for row in sheet.rows:
        yield from ((f"r{row.place}-{name}", said) for name, said in row.problems.items())
    yield from ((f"paper-{name}", said) for name, said in sheet.problems.items())


@blueprint.get("/<number>/remarks/<int:copy>/sheet")
def review_sheet(number: str, copy: int) -> ResponseReturnValue:
    if copy > MOST:
        raise Unseen(number)
    language = request.args.get("language", "")
    try:
        made = service.see_review_sheet(sessions.ctx(), sessions.actor(), number, copy, language)
    except RemarksRefused as error:
        page = service.see_remarks(sessions.ctx(), sessions.actor(), number)
        return _overview(page, refused=error), 409
    return send_file(BytesIO(made.data), "application/pdf", as_attachment=True, download_name=made.name)


# ---- dealing with one ------------------------------------------------------------------------------------------------


@blueprint.post("/<number>/remarks/<int:seq>/<int:place>/settled")
def settle_remark(number: str, seq: int, place: int) -> ResponseReturnValue:
    """An answer, given at the place that the observation is on or in the list of all; what is not taken stays typed."""
    if max(seq, place) > MOST:
        raise Unseen(number)
    ctx, actor, sentence = sessions.ctx(), sessions.actor(), request.form.get("sentence", "")
    token = request.form.get("token", "")[:200] or new_token()
    w = wording()
    try:
        done = service.settle_remark(ctx, actor, number, seq, place, sentence, token=token)
    except BadInput as error:
        problem = " ".join(w.problem(code) for codes in error.problems.values() for code in codes)
        return _untaken(number, (seq, place, sentence, problem)), 422
    except Refused:
        said = w._("Somebody said already that this remark was dealt with.")
        if sentence.strip():
            return _overview(service.see_remarks(ctx, actor, number), untaken=(said, sentence)), 409
        flash(said, "message")
        return redirect(_answered_at(number, seq, place), 303)
    except SentBefore:
        said = w._("This form was sent before, with other words: nothing was recorded again.")
        return _untaken(number, (seq, place, sentence, said)), 409
    said = w._("It was noted before.") if done.repeated else w._("Noted: this remark was dealt with.")
    flash(said, "message" if done.repeated else "ok")
    return redirect(_answered_at(number, seq, place), 303)


def _place() -> tuple[str, int]:
    """The page on which the answer was typed, and which entry of it."""
    name, _, entry = request.form.get("at", "")[:40].partition("-")
    return name, int(entry) if entry.isascii() and entry.isdigit() and len(entry) < 10 else 0


def _answered_at(number: str, seq: int, place: int) -> str:
    """Back to where it was answered."""
    (name, entry), anchor = _place(), f"remark-{seq}-{place}"
    match name:
        case "case":
            return url_for("cases.show", number=number, _anchor=anchor)
        case "entry" if entry:
            return url_for("cases.entry", number=number, seq=entry, _anchor=anchor)
        case "chronology":
            return url_for("cases.chronology", number=number, before=entry or None, _anchor=anchor)
    return url_for("cases.remarks", number=number)


def _untaken(number: str, settling: tuple[int, int, str, str]) -> str:
    """The same page once more, with what was typed and why it was not taken."""
    (name, entry), ctx, actor = _place(), sessions.ctx(), sessions.actor()
    g.settling = settling
    if name == "case":
        case = showing.see_tasks(ctx, actor, number)
        return render_template("cases/show.html", case=case, head=case.head, names=case.head.labels)
    if name == "entry" and entry:
        head, record = showing.see_record(ctx, actor, number, entry)
        return render_template("cases/entry.html", head=head, record=record, names=head.labels)
    if name == "chronology":
        before = entry or None
        head, page = showing.see_chronology(ctx, actor, number, before)
        return render_template("cases/chronology.html", head=head, page=page, before=before, names=head.labels)
    return _overview(service.see_remarks(ctx, actor, number))


# ---- why not ---------------------------------------------------------------------------------------------------------


def refused_message(w: Wording, page: RemarksPage, error: RemarksRefused) -> str:
    """Why remarks are not taken, as one sentence; what came since is shown beside it."""
    copy = error.copy
    match error.code:
        case "other_copy":
            return w._("These figures are those of copy %(copy)s: attach the remarks to that copy.", copy=copy)
        case "other_document":
            found = page.head.protocol.documents.get(error.document)
            named = w.text(found.title) if found is not None else error.document
            return w._("These are the figures of another document: %(title)s, copy %(copy)s.", title=named, copy=copy)
        case "mistyped":
            almost = w._("A figure or two are wrong: copy %(copy)s has almost the same. Read them again.", copy=copy)
            return almost if copy else w._("A figure is wrong, or two have changed places: read them again.")
        case "unreadable":
            return w._("Type the 18 figures of the sheet: digits, and letters from a to f.")
        case "unknown":
            return w._(
                "No copy of this case has these figures. The sheet may belong to another case: its number stands at "
                "the top of the sheet."
            )
        case "unknown_file":
            return w._(
                "This file is no copy that was issued of this case, or it was changed since. Verify it, or ask for a "
                "new copy."
            )
        case "revoked":
            return w._("Copy %(copy)s was taken back: remarks on it are not taken. Ask for a new copy.", copy=copy)
        case "moved_on":
            return w._(
                "The case has moved on since copy %(copy)s: remarks go with a copy of what stands now.", copy=copy
            )
        case "not_for_you":
            return w._("Copy %(copy)s was made for other readers: your remarks go with a copy made for you.", copy=copy)
    return w._("There is no such copy of the case file.")
