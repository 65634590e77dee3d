"""Service of case files and letters: a copy issued, signed, numbered and noted in the case; a copy taken back."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files import letter_register, repository
from school_protocol.case_files.content import Paper
from school_protocol.case_files.copy_scope import (
    Reader,
    check_summary,
    document_of,
    profiles_of,
    reader_chosen,
    readers_of,
)
from school_protocol.case_files.letter_pages import paper
from school_protocol.case_files.letters import chosen, letter_view
from school_protocol.case_files.piece_pages import bind
from school_protocol.case_files.pieces import Pieces, pieces_of
from school_protocol.case_files.printing import Draft, draft, sort_of
from school_protocol.case_files.repository import Dispatch, Prepared, Sort
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, account_names, keep, load, names_in
from school_protocol.cases.view_models import CaseHead
from school_protocol.context import REALM, AppContext
from school_protocol.engine.actors import role_for
from school_protocol.engine.answers import TEXT_MOST
from school_protocol.engine.definition_parts import Document, Profile
from school_protocol.engine.document_rules import leaves
from school_protocol.engine.errors import BadInput, SchoolProtocolError, SentBefore, Unseen
from school_protocol.engine.events import DocumentIssued, DocumentRevoked, FileOpened
from school_protocol.engine.visibility import Actor, Unit, UnitKind
from school_protocol.language import Wording
from school_protocol.pdf.assemble import CheckCode, assembled, overlay
from school_protocol.pdf.signing import TimestampAuthority, over_http, sign
from school_protocol.pdf.signing_keys import SigningKey, Trust, read_key_file, read_trust
from school_protocol.pdf.verdicts import Copy
from school_protocol.storage import access_log, idempotency, journal
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import StorageBusy

# ---- the copies that were handed out, and taking one back ----------------------------------------------------------
# An event, after which verification says so.

NOTE = "copy.revoked"
"""The code under which the access is kept."""
FILE_NOTE = "file.derivative"
"""The same of a picture of evidence that stands in a copy: as where it is opened by itself."""
LETTERS = 8
"""Of a check code, after the number: forty bits, and few tries from one place."""


class RevokedBefore(SchoolProtocolError):
    """That copy was taken back already, at `at`."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        super().__init__(f"taken back already, {at:%Y-%m-%d %H:%M}")


@dataclass(frozen=True, slots=True)
class CopyLine:
    """One copy: which document, to whom, when, by whom; since when it is revoked, why, and by whom."""

    document: str
    title: Document | None
    """What the definition says of the document; None where its version has none of that key."""
    profile: str
    copy: int
    language: str
    reader: str
    at: datetime
    by: str
    dispatch: str = ""
    revoked_at: datetime | None = None
    revoked_by: str = ""
    reason: str = ""
    may_revoke: bool = False


def see_copies(ctx: AppContext, actor: Actor, number: str) -> tuple[CaseHead, tuple[CopyLine, ...]]:
    """What was handed out of a case, the latest first, to whoever may take some of it back. Raises Unseen."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        if not may_see_copies(loaded):
            raise Unseen(number)
        seeing = Seeing(loaded, {})
        return seeing.head(), tuple(_lines(ctx, loaded, seeing))


def revoke(ctx: AppContext, actor: Actor, number: str, document: str, copy: int, reason: str) -> DocumentRevoked:
    """Take a copy back. Raises Unseen, BadInput where no reason is given, RevokedBefore."""
    said = reason.strip()
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        issued = next((one for one in loaded.case.documents if (one.document, one.copy) == (document, copy)), None)
        role = role_of(loaded, issued) if issued else None
        if issued is None or role is None:
            raise Unseen(f"{number}/{document}/{copy}")
        before = loaded.case.revoked.get((document, copy))
        if before is not None:
            raise RevokedBefore(before.at)
        if not said or len(said) > TEXT_MOST:
            raise BadInput({"reason": (f"too_long:{TEXT_MOST}:{len(said)}" if said else "required",)})
        event = DocumentRevoked(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, document=document, copy=copy, reason=said
        )
        kept = keep(ctx, session, loaded, [event]).events[-1]
        repository.drop_copy(session, loaded.case_id, document, copy)
        repository.take_letter_back(session, loaded.case_id, document, copy, loaded.now)
        access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what=NOTE)
        assert isinstance(kept, DocumentRevoked)
        return kept


def may_see_copies(loaded: Loaded) -> bool:
    """Whether this person might take some copy of this case back: as head, as who oversees, or as who issues it."""
    if loaded.metadata_only:
        return False
    if _of_context(loaded):
        return True
    documents = loaded.protocol.documents.values()
    issuing = [role for one in documents for role in one.for_]
    issuing += [role for one in documents for profile in one.profiles.values() for role in profile.for_]
    return role_for(loaded.protocol, issuing, loaded.roles) is not None


def role_of(loaded: Loaded, issued: DocumentIssued) -> str | None:
    """The role in which this person may take that copy back."""
    declared = loaded.protocol.documents.get(issued.document)
    if declared is not None:
        profile = declared.profiles.get(issued.profile)
        found = role_for(loaded.protocol, profile.for_ if profile else declared.for_, loaded.roles)
        if found is not None:
            return found
    return _of_context(loaded)


def _of_context(loaded: Loaded) -> str | None:
    """The role of a head, or of who oversees, if this person holds one."""
    if loaded.metadata_only:
        return None
    declared = ((role, loaded.protocol.roles.get(role)) for role in loaded.roles)
    return next((key for key, role in declared if role is not None and (role.head or role.oversees)), None)


def _lines(ctx: AppContext, loaded: Loaded, seeing: Seeing) -> Iterator[CopyLine]:
    case = loaded.case
    accounts = {one.actor for one in (*case.documents, *case.revoked.values())}
    names = account_names(ctx, accounts, loaded.actor.language)
    for issued in reversed(case.documents):
        gone = case.revoked.get((issued.document, issued.copy))
        yield CopyLine(
            document=issued.document,
            title=loaded.protocol.documents.get(issued.document),
            profile=issued.profile,
            copy=issued.copy,
            language=issued.language,
            reader=seeing.masks.by(issued.actor, issued.role)(issued.reader),
            at=issued.at,
            by=names.get(issued.actor, "—"),
            dispatch=issued.dispatch,
            revoked_at=gone.at if gone else None,
            revoked_by=names.get(gone.actor, "—") if gone else "",
            reason=seeing.masks.by(gone.actor, gone.role)(gone.reason) if gone else "",
            may_revoke=gone is None and role_of(loaded, issued) is not None,
        )


# ---- the academy's key, and a document signed with it --------------------------------------------------------------
# Where none is set, copies go unsigned.

ROOTS, TIMESTAMP_ROOTS, REVOKED = "root.pem", "timestamps.pem", "revoked.crl"
"""Of the folder of keys: certificates of those who sign, of those who stamp the time, the list of revoked ones."""


def signed(ctx: AppContext, unit: Unit, data: bytes, now: datetime, wording: Wording) -> bytes:
    """The document, signed in the name of the unit's academy.

    As it is where the installation has no keys. Raises SealingError where it has, and the academy's can't be used.
    """
    if ctx.settings.signing_folder is None:
        return data
    key = key_of(ctx, unit)
    key.check(now)
    return sign(data, key, now, timestamps_of(ctx), wording._("The academy’s signature"))


def key_of(ctx: AppContext, unit: Unit) -> SigningKey:
    """The key of the academy above a school. Raises SealingError."""
    folder = ctx.settings.signing_folder
    assert folder is not None
    return read_key_file(folder / f"{academy_of(ctx, unit).code}.pem", ctx.settings.signing_passphrase)


def academy_of(ctx: AppContext, unit: Unit) -> Unit:
    """The region that a unit lies in; itself, where it lies in none."""
    with ctx.directory.reading() as session:
        above = auth_repository.find_units(session, unit.parents)
    return next((one for one in above.values() if one.kind is UnitKind.region), unit)


def timestamps_of(ctx: AppContext) -> TimestampAuthority | None:
    """Whom to ask for timestamps, where the installation names somebody."""
    settings, folder = ctx.settings, ctx.settings.signing_folder
    if not settings.timestamps or folder is None:
        return None
    return TimestampAuthority(over_http(settings.timestamps), _files(folder, TIMESTAMP_ROOTS))


def trust_in(folder: Path) -> Trust:
    """Whom that folder tells to trust. Raises TrustUnreadable."""
    return read_trust(*(_files(folder, name) for name in (ROOTS, TIMESTAMP_ROOTS, REVOKED)))


def _files(folder: Path, name: str) -> tuple[bytes, ...]:
    path = folder / name
    return (path.read_bytes(),) if path.is_file() else ()


ATTEMPTS = 5
"""How often a document is made anew because somebody wrote meanwhile."""
KEPT = timedelta(days=1)
"""How long a copy is kept for whoever presses again."""


@dataclass(frozen=True, slots=True)
class Issued:
    name: str
    data: bytes
    copy: int


@dataclass(frozen=True, slots=True)
class Handed:
    """What is handed out: which document, in which profile or about what, to whom, of which content."""

    document: str
    profile: str
    language: str
    copy: int
    reader: str
    role: str
    content_head: str
    note: str
    """The code under which the access is kept."""
    graves: int
    """How often something of the case had been destroyed when it was read."""
    at_seq: int = 0
    """Number of the latest event that its pages know of; 0: of the case as it is handed out."""
    as_of: datetime | None = None
    """The moment of which its pages speak; None: that of handing it out."""
    stamped: str = ""
    """To whom its pages say that it goes, where that is less than `reader`, which the register keeps."""
    about: str = ""
    """For whom a case file was made, as the case knows them: `self`, a unit's id, `referral-2`, a person's id."""
    dispatch: str = ""
    """Of a letter that leaves: its number in the register."""


def watermark(ctx: AppContext, wording: Wording) -> str:
    """What stands across each page of a paper of a workshop; nothing on others."""
    return "" if ctx.name == REALM else wording._("TRAINING")


def copied(
    ctx: AppContext, loaded: Loaded, handed: Handed, head: journal.Head, pages: bytes, *, has_record: bool
) -> bytes:
    """The pages with what belongs to this copy on them, signed by the academy where it has a key."""
    wording = Wording(handed.language)
    copy = Copy(handed.copy, handed.stamped or handed.reader, loaded.now, head.hash, head.seq)
    about_copy = wording._("What belongs to this copy alone")
    drawn = overlay(copy, wording, watermark(ctx, wording), check=check_code(ctx, loaded, handed))
    whole = assembled(pages, drawn, copy, about_copy, has_record=has_record)
    return signed(ctx, loaded.around.unit, whole, loaded.now, wording)


def check_code(ctx: AppContext, loaded: Loaded, handed: Handed) -> CheckCode | None:
    """By what whoever holds the paper finds this copy again; None in a workshop, whose papers nobody relies on."""
    if ctx.name != REALM:
        return None
    code = code_of(ctx, loaded.case_id, loaded.case.number, handed.document, handed.copy)
    site = ctx.settings.address.rstrip("/")
    return CheckCode(code, f"{site}/verify?code={code}" if site else "")


def code_of(ctx: AppContext, case_id: str, number: str, document: str, copy: int) -> str:
    """The number of the case, and eight letters and digits that nobody makes without the keys of this installation."""
    letters = base64.b32encode(ctx.vault.mark(case_id, f"copy {document} {copy}")).decode()[:LETTERS]
    return f"{number}-{letters[:4]}-{letters[4:]}"


def is_current(session: Session, loaded: Loaded, handed: Handed) -> bool:
    """Whether nothing was written or destroyed, and no copy of it handed out, since it was made."""
    copy = cases_repository.case_copies(session, loaded.case_id, handed.document) + 1
    now = (copy, cases_repository.last_seq(session, loaded.case_id), cases_repository.graves(session, loaded.case_id))
    return now == (handed.copy, loaded.case.last_seq, handed.graves)


def hand_out(
    ctx: AppContext,
    session: Session,
    loaded: Loaded,
    handed: Handed,
    laid: repository.Laid,
    press: idempotency.Press,
    also: Sequence[FileOpened] = (),
) -> None:
    """Number the copy, record the event and the access, use the press up, keep the copy for whoever presses again.

    `also`: files of evidence that were opened for it.
    """
    cases_repository.next_copy(session, loaded.case_id, handed.document)
    event = DocumentIssued(
        actor=loaded.actor.id,
        role=handed.role,
        at=loaded.now,
        occurred_at=loaded.now,
        document=handed.document,
        profile=handed.profile,
        language=handed.language,
        copy=handed.copy,
        content_head=handed.content_head,
        digest=hashlib.sha256(laid.data).hexdigest(),
        reader=handed.reader,
        at_seq=handed.at_seq or loaded.case.last_seq,
        as_of=handed.as_of.isoformat() if handed.as_of else "",
        about=handed.about,
        dispatch=handed.dispatch,
    )
    *opened, kept = keep(ctx, session, loaded, [*also, event]).events[-1 - len(also) :]
    for one in opened:
        access_log.note(
            session, case_id=loaded.case_id, account=loaded.actor.id, at=ctx.now(), what=FILE_NOTE, reason=str(one.seq)
        )
    access_log.note(session, case_id=loaded.case_id, account=loaded.actor.id, at=ctx.now(), what=handed.note)
    idempotency.use(session, press, {"copy": handed.copy, "seq": kept.seq}, at=ctx.now())
    until = loaded.now + KEPT
    repository.keep_copy(session, ctx.vault, loaded.case_id, handed.document, handed.copy, laid, until=until)


def handed_before(
    ctx: AppContext, session: Session, loaded: Loaded, document: str, before: Mapping[str, Any]
) -> tuple[bytes, int]:
    """The copy that this press handed out before; raises SentBefore where it is kept no longer."""
    data = repository.kept_copy(session, ctx.vault, ctx.blobs, loaded.case_id, document, before["copy"])
    if data is None:
        raise SentBefore(before)
    return data, int(before["copy"])


# ---- handing out a copy --------------------------------------------------------------------------------------------
# From pages made ahead where they are still true, else made on the spot.


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a copy stands on: written meanwhile, it is made anew. `pages`: made ahead, or what to make them of."""

    loaded: Loaded
    sort: Sort
    handed: Handed
    head: journal.Head
    pages: Prepared | Draft
    pieces: Pieces | None
    """What is bound with its pages; None: nothing is."""


def issue_case_file(
    ctx: AppContext,
    actor: Actor,
    number: str,
    profile: str,
    language: str,
    *,
    about: str = "",
    token: str | None = None,
    is_one_of_many: bool = False,
) -> Issued:
    """One copy, made out to `about` (`Reader.about`; empty: the likeliest, where the choice is nobody's risk).

    It is recorded that it was handed out: number, reader, content head, digest. Pressed twice, it hands out the very
    same copy again, unless something stands in the way by then. Of `is_one_of_many` nothing is made ahead
    afterwards. Raises Unseen, Refused, SentBefore where that copy is kept no longer, SealingError where it can't be
    signed: then nothing was issued.
    """
    press = idempotency.press(ctx.vault, actor.id, token or secrets.token_hex(16), number, profile, language, about)
    for _attempt in range(ATTEMPTS):
        with ctx.realm.reading() as session:
            loaded = load(ctx, session, actor, number)
            chosen = next((one for one in profiles_of(loaded) if one.key == profile), None)
            if chosen is None or language not in loaded.protocol.languages:
                raise Unseen(f"{number}/{profile}")
            # a hold placed since the first press holds this one back
            reader = reader_chosen(chosen, readers_of(ctx, session, loaded, chosen), about)
            before = idempotency.spent(session, press)
            if before is not None:
                former = handed_before(ctx, session, loaded, document_of(loaded).key, before)
                return _issued(loaded, language, *former)
            check_summary(loaded, chosen)
            standing = _standing(ctx, session, loaded, chosen, reader, language)
        pages, handed = standing.pages, standing.handed
        made = pages.made() if isinstance(pages, Draft) else pages
        whole = bind(standing.pieces, made, Wording(language)) if standing.pieces is not None else made.data
        data = copied(ctx, loaded, handed, standing.head, whole, has_record=True)
        laid = repository.lay(ctx.blobs, loaded.case_id, data)
        beside = repository.lay(ctx.blobs, loaded.case_id, made.data) if isinstance(pages, Draft) else None
        with ctx.realm.writing() as session:
            if idempotency.spent(session, press) is None and is_current(session, loaded, handed):
                also = standing.pieces.openings() if standing.pieces is not None else ()
                hand_out(ctx, session, loaded, handed, laid, press, also=also)
                if beside is not None:
                    repository.keep_prepared(session, ctx.vault, loaded.case_id, standing.sort, made, beside)
                unit = loaded.around.unit.id
                if not (chosen.is_personal or is_one_of_many):
                    repository.note_asked(
                        session, unit=unit, account=actor.id, document=handed.document, profile=profile,
                        language=language, at=ctx.now(),
                    )  # fmt: skip
                return _issued(loaded, language, data, handed.copy)
    raise StorageBusy(f"{number}: written to each time while its file was being made")


def _standing(
    ctx: AppContext, session: Session, loaded: Loaded, profile: Profile, reader: Reader, language: str
) -> _Standing:
    content, head = journal.content_head(session, loaded.case_id), journal.head(session, loaded.case_id)
    assert content is not None
    assert head is not None
    sort = sort_of(loaded, profile, language, reader.about)
    ahead = repository.prepared(session, ctx.vault, ctx.blobs, loaded.case_id, sort, content.seq, loaded.now)
    pages = ahead or draft(ctx, session, loaded, profile, language, reader.about)
    issuer = account_names(ctx, [loaded.actor.id], language).get(loaded.actor.id, "—")
    handed = Handed(
        document=sort.document,
        profile=profile.key,
        language=language,
        copy=cases_repository.case_copies(session, loaded.case_id, sort.document) + 1,
        graves=cases_repository.graves(session, loaded.case_id),
        reader=reader.said(Wording(language), issuer),
        role=loaded.roles[0],
        content_head=content.hash,
        note=f"file.{profile.key}",
        about=reader.about,
        at_seq=pages.at_seq,
        as_of=pages.as_of,
    )
    is_bound = profile.reader == "referral"
    pieces = pieces_of(ctx, session, loaded, profile, reader, language, handed.copy) if is_bound else None
    return _Standing(loaded, sort, handed, head, pages, pieces)


def _issued(loaded: Loaded, language: str, data: bytes, copy: int) -> Issued:
    return Issued(f"{loaded.case.number}-{copy}-{language}.pdf", data, copy)


# ---- handing out a letter, under its number of the register --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Letter:
    """What a copy stands on: written meanwhile, it is made anew."""

    loaded: Loaded
    view: Paper
    handed: Handed
    head: journal.Head
    dispatch: Dispatch | None
    """The number under which it leaves, where it does."""


def issue_letter(
    ctx: AppContext,
    actor: Actor,
    number: str,
    document: str,
    about: str,
    language: str,
    *,
    token: str | None = None,
) -> Issued:
    """One copy of that document about `about` (`referral-2`, a guardian's id; empty where there is one choice).

    Pressed twice, it hands out the very same copy again, unless something stands in the way by then. Raises Unseen,
    Refused, SentBefore where that copy is kept no longer, SealingError where it can't be signed: nothing was issued.
    """
    press = idempotency.press(ctx.vault, actor.id, token or secrets.token_hex(16), number, document, about, language)
    for _attempt in range(ATTEMPTS):
        with ctx.realm.reading() as session:
            loaded = load(ctx, session, actor, number)
            if language not in loaded.protocol.languages:
                raise Unseen(f"{number}/{language}")
            names = names_in(ctx, session, loaded.case_id)
            # a hold placed since the first press holds this one back
            found, subject = chosen(loaded, names, document, about)
            before = idempotency.spent(session, press)
            if before is not None:
                data, copy = handed_before(ctx, session, loaded, document, before)
                return _letter_issued(loaded, document, copy, language, data)
            standing = _letter(session, loaded, letter_view(ctx, session, loaded, found, subject, language), language)
        pages = paper(standing.view, Wording(language))
        data = copied(ctx, loaded, standing.handed, standing.head, pages, has_record=False)
        laid = repository.lay(ctx.blobs, loaded.case_id, data)
        with ctx.realm.writing() as session:
            is_to_leave = idempotency.spent(session, press) is None and is_current(session, loaded, standing.handed)
            if is_to_leave and _enter(session, standing):
                hand_out(ctx, session, loaded, standing.handed, laid, press)
                return _letter_issued(loaded, document, standing.handed.copy, language, data)
    raise StorageBusy(f"{number}: written to each time while its letter was being made")


def _letter(session: Session, loaded: Loaded, view: Paper, language: str) -> _Letter:
    head = journal.head(session, loaded.case_id)
    assert head is not None
    dispatch = letter_register.next_dispatch(session, loaded, view) if leaves(view.document) else None
    view = replace(view, dispatch=str(dispatch or ""))
    handed = Handed(
        document=view.document.key,
        profile=view.about,
        language=language,
        copy=cases_repository.case_copies(session, loaded.case_id, view.document.key) + 1,
        graves=cases_repository.graves(session, loaded.case_id),
        reader=_reader(view, Wording(language)),
        stamped=_stamped(view, Wording(language)),
        role=view.role,
        content_head=view.content_head,
        note=f"letter.{view.about}",
        dispatch=view.dispatch,
    )
    return _Letter(loaded, view, handed, head, dispatch)


def _enter(session: Session, standing: _Letter) -> bool:
    """Enter it in the register of outgoing letters; False where another one took its number meanwhile."""
    if standing.dispatch is None:
        return True
    loaded, to, handed = standing.loaded, standing.view.recipient, standing.handed
    return repository.register_letter(
        session,
        standing.dispatch,
        case_id=loaded.case_id,
        protocol=loaded.protocol.protocol,
        version=loaded.protocol.version,
        document=handed.document,
        copy=handed.copy,
        addressee=to.target.key if to.target else to.person.slot.key if to.person else "",
        at=loaded.now,
    )


def _reader(view: Paper, wording: Wording) -> str:
    """To whom the copy is made out: a guardian under the sign that they have in the case."""
    to = view.recipient
    if to.target is not None:
        return wording.text(to.target.title)
    return to.person.label if to.person is not None else wording.text(to.named)


def _stamped(view: Paper, wording: Wording) -> str:
    """A guardian by their place in the case: the number of a sign tells that there are others."""
    person = view.recipient.person
    return wording.text(person.slot.title) if person is not None else ""


def _letter_issued(loaded: Loaded, document: str, copy: int, language: str, data: bytes) -> Issued:
    return Issued(f"{loaded.case.number}-{document}-{copy}-{language}.pdf", data, copy)
