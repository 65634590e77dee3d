"""The copies of a case that were handed out, and taking one back: an event, after which verification says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from school_protocol.domain.answers import TEXT_MOST
from school_protocol.domain.case import Case
from school_protocol.domain.document_rules import Document
from school_protocol.domain.engine import role_for
from school_protocol.domain.errors import BadInput, SchoolProtocolError, Unseen
from school_protocol.domain.events import DocumentIssued, DocumentRevoked
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, account_names, keep, load
from school_protocol.services.seeing import Seeing
from school_protocol.services.views import CaseHead
from school_protocol.storage import access, papers

NOTE = "copy.revoked"
"""The code under which the access is kept."""


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
    revoked_at: datetime | None = None
    revoked_by: str = ""
    reason: str = ""
    may_revoke: bool = False


@dataclass(frozen=True, slots=True)
class CopiesView:
    """The copies of a case, the latest first."""

    head: CaseHead
    copies: tuple[CopyLine, ...]


def see_copies(house: House, actor: Actor, number: str) -> CopiesView:
    """What was handed out of a case, to whoever may take some of it back. Raises Unseen."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        if not may_see_copies(loaded):
            raise Unseen(number)
        seeing = Seeing(loaded, {})
        return CopiesView(seeing.head(), tuple(_lines(house, loaded, seeing)))


def revoke(house: House, actor: Actor, number: str, document: str, copy: int, reason: str) -> DocumentRevoked:
    """Take a copy back. Raises Unseen, BadInput where no reason is given, RevokedBefore."""
    said = reason.strip()
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        issued = _issued(loaded.case, document, copy)
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
        (kept,) = keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
        papers.drop_copy(session, loaded.case_id, document, copy)
        access.note(session, case_id=loaded.case_id, account=actor.id, at=house.now(), what=NOTE)
        assert isinstance(kept, DocumentRevoked)
        return kept


def may_see_copies(loaded: Loaded) -> bool:
    """Whether this person might take some copy of this case back: as head, as who oversees, or as who issues it."""
    if loaded.metadata_only:
        return False
    if _of_the_house(loaded):
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
    return _of_the_house(loaded)


def _of_the_house(loaded: Loaded) -> str | None:
    """The role of a head, or of who oversees, if this person holds one."""
    if loaded.metadata_only:
        return None
    declared = ((role, loaded.protocol.roles.get(role)) for role in loaded.roles)
    return next((key for key, role in declared if role is not None and (role.head or role.oversees)), None)


def _issued(case: Case, document: str, copy: int) -> DocumentIssued | None:
    return next((one for one in case.documents if (one.document, one.copy) == (document, copy)), None)


def _lines(house: House, loaded: Loaded, seeing: Seeing) -> Iterator[CopyLine]:
    case = loaded.case
    accounts = {one.actor for one in (*case.documents, *case.revoked.values())}
    names = account_names(house, accounts, loaded.actor.language)
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
            revoked_at=gone.at if gone else None,
            revoked_by=names.get(gone.actor, "—") if gone else "",
            reason=seeing.masks.by(gone.actor, gone.role)(gone.reason) if gone else "",
            may_revoke=gone is None and role_of(loaded, issued) is not None,
        )
