"""Service of remarks on copies of a case file, on screen or typed in from a review sheet; and the sheet's pages."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import segno
from markupsafe import Markup

from school_protocol.case_files.copy_scope import document_of
from school_protocol.case_files.pages import kind_label
from school_protocol.case_files.service import Issued
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, account_names, accounts_in, keep, load, names_in, naming_of
from school_protocol.cases.on_paper import OnPaper, paper_of
from school_protocol.cases.pseudonyms import Pseudonymiser, refuse_names_in
from school_protocol.cases.service import Done, repeated
from school_protocol.cases.view_models import AccountLine, CaseHead, EventView, RemarkLine
from school_protocol.context import AppContext
from school_protocol.engine import document_rules
from school_protocol.engine.actors import role_for, roles_of
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Document, Profile, Remarks, Section
from school_protocol.engine.document_rules import RemarksRefused
from school_protocol.engine.errors import BadInput, Refused, Unseen
from school_protocol.engine.events import DocumentIssued, Event, Handwritten, Remark, RemarkKind, RemarkSettled
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import ZONE, Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.rendering import BASE, render, template
from school_protocol.storage import access_log, idempotency, work_queue
from school_protocol.storage.engines import Session

ON_ENTRIES = 4
"""Remarks on entries of the chronology that there is room for."""
LINES = 2
_PICTURE = f"{BASE}figures.svg"


@dataclass(frozen=True, slots=True)
class ReviewSheet:
    """What a sheet prints of the copy that it goes with; of the case, its number and where it is."""

    protocol: Protocol
    document: Document
    number: str
    unit: Unit
    copy: int
    profile: str
    reader: str
    issued_at: datetime
    content_seq: int
    content_head: str
    figures: str
    """The first figures of the copy's digest, in groups, with their check."""
    sections: tuple[tuple[str, Section], ...]
    """What can be remarked on, by the letter and number under which it is typed in."""
    address: str = ""
    """Where they are typed in, of this very copy; empty: the installation has no address."""


def review_sheet(view: ReviewSheet, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    told = (view.number, view.copy, view.figures, wording.language, view.address)
    return render(
        review_sheet_html(view, wording),
        title=f"{wording._('Review sheet')} {view.number}",
        language=wording.html_language,
        identifier="|".join(str(part) for part in ("review", *told)),
        moment=view.issued_at,
        pictures={_PICTURE: ("image/svg+xml", _picture(view))},
        accessible=True,
    )


def review_sheet_html(view: ReviewSheet, wording: Wording) -> str:
    """The page that the PDF is made of."""

    def line(value: object) -> Markup:
        return bidi.isolated(str(value), wording.direction)

    def day(moment: datetime) -> Markup:
        return Markup('<span class="nowrap">{}</span>').format(line(wording.day(moment.astimezone(ZONE))))

    return template("review_sheet.html").render(
        view=view, w=wording, _=wording.gettext, line=line, day=day, code=bidi.code, picture=_PICTURE,
        text=lambda text: line(wording.text(text)), kinds=[kind_label(wording, kind.value) for kind in RemarkKind],
        lines=LINES, on_entries=ON_ENTRIES,
    )  # fmt: skip


def _picture(view: ReviewSheet) -> bytes:
    """The code for a telephone: where to type it in, or, without an address, what to type."""
    out = BytesIO()
    told = view.address or f"{view.number} {view.copy} {view.figures}"
    segno.make(told, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False, svgns=True, nl=False)
    return out.getvalue()


# ---- remarks that come back: on which copy, by whom; and dealing with them -----------------------------------------


@dataclass(frozen=True, slots=True)
class CopyLine:
    """A copy that was handed out: whose eyes it was made for, of which content, and what came since."""

    copy: int
    profile: Profile
    sections: Mapping[str, Section]
    """What of the file it contains, numbered on the sheet in this order from 1."""
    language: str
    at: datetime
    reader: str
    figures: str
    content_seq: int
    is_revoked: bool
    since: tuple[EventView, ...]

    @property
    def is_current(self) -> bool:
        return not self.is_revoked and not self.since


@dataclass(frozen=True, slots=True)
class RemarksPage:
    """What stands remarked in a case, and the copies that this person may remark on."""

    head: CaseHead
    rules: Remarks
    document: Document
    copies: tuple[CopyLine, ...]
    remarks: tuple[RemarkLine, ...]
    may_attach: bool
    may_settle: bool
    writers: tuple[AccountLine, ...] = ()
    """Others who may have written on paper what is typed in."""

    def copy(self, number: int) -> CopyLine:
        """That copy; raises Unseen."""
        found = next((one for one in self.copies if one.copy == number), None)
        if found is None:
            raise Unseen(f"copy {number}")
        return found


def see_remarks(ctx: AppContext, actor: Actor, number: str) -> RemarksPage:
    """The remarks of a case, and what this person may do about them. Raises Unseen for whoever may do neither."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        page = _page(ctx, loaded)
        access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what="remarks")
        return page


def _page(ctx: AppContext, loaded: Loaded) -> RemarksPage:
    document, declared = _declared(loaded)
    may_attach, may_settle = _may(loaded, declared.for_), _may(loaded, declared.to)
    if not (may_attach or may_settle):
        raise Unseen(loaded.case.number)
    seeing = Seeing(loaded, account_names(ctx, accounts_in(loaded), loaded.actor.language))
    copies = (_copy_line(loaded, seeing, document, one) for one in readable(loaded, document))
    return RemarksPage(
        head=seeing.head(),
        rules=declared,
        document=document,
        copies=tuple(copies),
        remarks=seeing.remarks,
        may_attach=may_attach,
        may_settle=may_settle,
        writers=tuple(_writers(loaded, declared)) if may_attach else (),
    )


def _declared(loaded: Loaded) -> tuple[Document, Remarks]:
    """The case file, and who remarks on it. Raises Unseen where the protocol takes no remarks."""
    document = document_of(loaded)
    if document.remarks is None or loaded.metadata_only:
        raise Unseen(loaded.case.number)
    return document, document.remarks


def _may(loaded: Loaded, allowed: Iterable[str]) -> bool:
    return role_for(loaded.protocol, allowed, loaded.roles) is not None


def readable(loaded: Loaded, document: Document) -> tuple[DocumentIssued, ...]:
    """The copies made for eyes that this person has: what a profile shows to others is not theirs to ask about."""
    own = {key for key, one in document.profiles.items() if _may(loaded, one.for_)}
    return tuple(one for one in document_rules.copies_of(loaded.case, document) if one.profile in own)


def sections_in(document: Document, issued: DocumentIssued) -> dict[str, Section]:
    """The sections that a copy contains, by what remarks call them."""
    profile = document.profiles[issued.profile]
    return {key: one for key, one in document_rules.sections_of(document).items() if profile.has(one.kind)}


def _copy_line(loaded: Loaded, seeing: Seeing, document: Document, issued: DocumentIssued) -> CopyLine:
    return CopyLine(
        copy=issued.copy,
        profile=document.profiles[issued.profile],
        sections=sections_in(document, issued),
        language=issued.language,
        at=issued.at,
        reader=seeing.masks.by(issued.actor, issued.role)(issued.reader),
        figures=document_rules.on_paper(issued.digest),
        content_seq=document_rules.content_of(loaded.case, issued),
        is_revoked=(issued.document, issued.copy) in loaded.case.revoked,
        since=tuple(seeing.event(event) for event in document_rules.since(loaded.case, issued)),
    )


def _writers(loaded: Loaded, declared: Remarks) -> Iterable[AccountLine]:
    for one in loaded.around.people.values():
        roles = [role for role, unit in one.roles if unit in loaded.around.places and role in loaded.protocol.roles]
        if one.id != loaded.actor.id and role_for(loaded.protocol, declared.for_, roles) is not None:
            yield AccountLine(one.id, one.name, tuple(roles), one.trained, one.elsewhere)


# ---- which copy somebody holds ---------------------------------------------------------------------------------------


def find_copy(
    ctx: AppContext, actor: Actor, number: str, *, copy: int = 0, figures: str = "", file: bytes | None = None
) -> int:
    """Number of the copy that this is: by the file in hand (it is not kept), by its figures on a sheet, by its number.

    Raises RemarksRefused where it is none of this case's, or not one that this person may remark on; Unseen.
    """
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        document, declared = _declared(loaded)
        if not _may(loaded, declared.for_):
            raise Unseen(number)
        return _meant(loaded, document, copy, figures, file).copy


def _meant(loaded: Loaded, document: Document, copy: int, figures: str, file: bytes | None = None) -> DocumentIssued:
    if file is not None:
        known = document_rules.Figures(hashlib.sha256(file).hexdigest())
        found = next((one for one in loaded.case.documents if one.digest == known.start), None)
        if found is None:
            raise RemarksRefused("unknown_file")
        found = document_rules.copy_by_figures(loaded.case, document, known)
    elif figures.strip():
        found = document_rules.copy_by_figures(loaded.case, document, document_rules.read_figures(figures))
    else:
        numbered = (one for one in document_rules.copies_of(loaded.case, document) if one.copy == copy)
        found = next(numbered, None)
        if found is None:
            raise RemarksRefused("no_such_copy", copy)
    if found not in readable(loaded, document):
        raise RemarksRefused("not_for_you", found.copy)
    return found


# ---- attaching -------------------------------------------------------------------------------------------------------


def attach_remarks(
    ctx: AppContext,
    actor: Actor,
    number: str,
    copy: int,
    remarks: Sequence[Remark],
    *,
    figures: str = "",
    paper: OnPaper | None = None,
    token: str | None = None,
) -> Done:
    """Attach remarks on that copy to the case, and have its team told; pressed twice, it is done once.

    From paper, the sheet's `figures` say which copy was read. Raises Unseen, RemarksRefused (another copy, one taken
    back, one of a content that has moved on), BadInput by path (`0.text`; `figures`, `paper_by`, `paper_at`).
    """
    said = [[one.kind.value, one.section, one.entry, one.awaits, one.text] for one in remarks]
    written = [paper.by, paper.at, figures] if paper else [figures]

    def attached(session: Session, loaded: Loaded) -> Event:
        document, declared = _declared(loaded)
        role = role_for(loaded.protocol, declared.for_, loaded.roles)
        if role is None:
            raise Unseen(number)
        issued = _meant(loaded, document, copy, "")
        if paper is not None or figures.strip():
            _check_sheet(loaded, document, issued, figures)
        event = document_rules.attached(
            loaded.case,
            document,
            issued,
            remarks,
            actor=actor.id,
            role=role,
            at=loaded.now,
            paper=_handwritten(ctx, loaded, declared, paper),
        )
        refuse_named(ctx, session, loaded, {f"{place}.text": one.text for place, one in enumerate(remarks)})
        for receiver in declared.to:
            payload: work_queue.Payload = {
                "case": loaded.case_id,
                "to": receiver,
                "move": "remarks",
                "urgent": False,
            }
            work_queue.put_message(session, "notify", payload, at=ctx.now())
        return event

    return written_once(ctx, actor, number, token, ["remarks", copy, *said, *written], attached)


def written_once(
    ctx: AppContext,
    actor: Actor,
    number: str,
    token: str | None,
    said: Sequence[object],
    event_of: Callable[[Session, Loaded], Event],
) -> Done:
    """Write down an event of a review, once however often its form is sent.

    A refusal for whom the words name is written down: nobody tries names out unseen.
    """
    press = idempotency.press(ctx.vault, actor.id, token or secrets.token_hex(16), number, *said)
    try:
        with ctx.realm.writing() as session:
            if (before := idempotency.spent(session, press)) is not None:
                return repeated(before)
            loaded = load(ctx, session, actor, number)
            event = event_of(session, loaded)
            kept = keep(ctx, session, loaded, [event]).events[-1]
            outcome = {"seq": kept.seq, "raised": False, "number": loaded.case.number}
            idempotency.use(session, press, outcome, at=ctx.now())
            return Done(kept.seq, False, number=loaded.case.number)
    except BadInput as problem:
        note_named(ctx, actor, number, problem)
        raise


def note_named(ctx: AppContext, actor: Actor, number: str, problem: BadInput) -> None:
    """That remarks were refused for whom they name is written down."""
    if not any("names_somebody" in codes for codes in problem.problems.values()):
        return
    with ctx.realm.writing() as session:
        case_id = load(ctx, session, actor, number).case_id
        access_log.note(session, case_id=case_id, account=actor.id, at=ctx.now(), what="remarks.named")


def _check_sheet(loaded: Loaded, document: Document, issued: DocumentIssued, figures: str) -> None:
    """The sheet is the one of this copy: its figures are what binds it to the file."""
    if not figures.strip():
        raise BadInput({"figures": ("required",)})
    named = document_rules.copy_by_figures(loaded.case, document, document_rules.read_figures(figures))
    if named.copy != issued.copy:
        raise RemarksRefused("other_copy", named.copy)


def _handwritten(ctx: AppContext, loaded: Loaded, declared: Remarks, said: OnPaper | None) -> Handwritten | None:
    """Who wrote it, in the role that they had on that day. Raises BadInput."""
    paper = paper_of(ctx, loaded.actor, said)
    if paper is None:
        return None
    day = min(paper.written_at, loaded.now).astimezone(ZONE).date()
    held = roles_of(loaded.protocol, loaded.case, paper.writer, loaded.around, day)
    role = role_for(loaded.protocol, declared.for_, held)
    if role is None:
        raise BadInput({"paper_by": ("no_such_colleague",)})
    return Handwritten(by=paper.writer.id, role=role, at=paper.written_at)


def refuse_named(ctx: AppContext, session: Session, loaded: Loaded, texts: Mapping[str, str]) -> None:
    """Remarks are read without names, and printed on copies that have none."""
    naming = naming_of(loaded.protocol, names_in(ctx, session, loaded.case_id))
    refuse_names_in(naming, texts, tells=not loaded.pseudonymised)


# ---- dealing with one ------------------------------------------------------------------------------------------------


def settle_remark(
    ctx: AppContext, actor: Actor, number: str, seq: int, place: int, sentence: str = "", *, token: str | None = None
) -> Done:
    """Say in a sentence how a remark was dealt with; pressed twice, it is said once.

    Raises Unseen, Refused where somebody else said so before, BadInput (`sentence`): one that must be answered is
    answered in words.
    """
    sentence = " ".join(sentence.split())

    def settled(session: Session, loaded: Loaded) -> Event:
        _document, declared = _declared(loaded)
        role, found = role_for(loaded.protocol, declared.to, loaded.roles), document_rules.made(loaded.case, seq, place)
        if role is None or found is None:
            raise Unseen(f"{number}/{seq}.{place}")
        if not found.is_open:
            raise Refused((Reason("remark_settled"),))
        if found.remark.awaits and not any(one.isalpha() for one in sentence):
            raise BadInput({"sentence": ("unsaid",)})
        if len(sentence) > document_rules.LETTERS_MOST:
            raise BadInput({"sentence": (f"too_long:{document_rules.LETTERS_MOST}:{len(sentence)}",)})
        refuse_named(ctx, session, loaded, {"sentence": sentence})
        return RemarkSettled(
            actor=actor.id,
            role=role,
            at=loaded.now,
            occurred_at=loaded.now,
            attached=seq,
            remark=place,
            sentence=sentence,
        )

    return written_once(ctx, actor, number, token, ["settled", seq, place, sentence], settled)


# ---- the sheet -------------------------------------------------------------------------------------------------------


def see_review_sheet(ctx: AppContext, actor: Actor, number: str, copy: int, language: str) -> Issued:
    """The blank sheet of a copy, to be filled in with a pen. Raises Unseen, and RemarksRefused where it would be."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        document, declared = _declared(loaded)
        if not _may(loaded, [*declared.for_, *declared.to]) or language not in loaded.protocol.languages:
            raise Unseen(number)
        issued = _meant(loaded, document, copy, "")
        document_rules.check_copy(loaded.case, issued)
        access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what=f"sheet.{copy}")
    site, figures = ctx.settings.address.rstrip("/"), document_rules.on_paper(issued.digest)
    typed = figures.replace(" ", "")
    view = ReviewSheet(
        protocol=loaded.protocol,
        document=document,
        number=loaded.case.number,
        unit=loaded.around.unit,
        copy=issued.copy,
        profile=issued.profile,
        reader=Pseudonymiser(loaded).by(issued.actor, issued.role)(issued.reader),
        issued_at=issued.at,
        content_seq=document_rules.content_of(loaded.case, issued),
        content_head=issued.content_head,
        figures=figures,
        sections=tuple((str(place), one) for place, one in enumerate(sections_in(document, issued).values(), 1)),
        address=f"{site}/cases/{loaded.case.number}/remarks/{issued.copy}?figures={typed}" if site else "",
    )
    name = f"{loaded.case.number}-{issued.copy}-{language}-remarks.pdf"
    return Issued(name, review_sheet(view, Wording(language)), copy)
