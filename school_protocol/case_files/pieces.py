"""The pieces of what a service told gets in one PDF: case file, letters, pictures of evidence and their register."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from school_protocol.case_files.content import CaseFile, Paper
from school_protocol.case_files.copy_scope import Limits, Reader
from school_protocol.case_files.letters import letter_view, subjects
from school_protocol.case_files.printing import draft
from school_protocol.cases.loading import Loaded, account_names, as_it_stood, load, names_in
from school_protocol.context import AppContext
from school_protocol.engine.case_parts import FileLife
from school_protocol.engine.definition_parts import Profile
from school_protocol.engine.events import DocumentIssued, FileOpened
from school_protocol.engine.evidence_pieces import file_of
from school_protocol.language import Wording
from school_protocol.storage.engines import Session

PICTURES_MOST = 40
"""So many pictures are printed; more are kept apart, as is what would make the whole larger than may be verified."""
BYTES_MOST = 40 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it was issued to that service: what it said, and which copy it was."""

    view: Paper
    issued: DocumentIssued


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of evidence that whoever issues the copy may hand out, ready for a page, and the event that says so.

    Without `data` the file that is kept is not what it was, or can't be printed (`is_lost`: which of both).
    """

    entry: int
    data: bytes | None
    opened: FileOpened | None
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Pieces:
    """What is bound together, for whom, and by whom it is handed out."""

    view: CaseFile
    """The case as this copy may tell it: what isn't in it has no piece."""
    copy: int
    reader: str
    issuer: str
    role: str
    at: datetime
    letters: tuple[Letter, ...]
    pictures: Mapping[int, Picture]
    """By the entry that registers the piece."""
    files: Mapping[int, FileLife]

    def openings(self) -> tuple[FileOpened, ...]:
        """What is written into the case of the pictures that stand in it."""
        return tuple(one.opened for one in self.pictures.values() if one.data is not None and one.opened is not None)


def pieces_of(
    ctx: AppContext, session: Session, loaded: Loaded, profile: Profile, reader: Reader, language: str, copy: int
) -> Pieces:
    """The pieces of that copy. Whoever issues it hands out pictures that they may open, and to a judicial service."""
    own = load(ctx, session, loaded.actor, loaded.case.number)
    view = draft(ctx, session, own, profile, language, reader.about).view
    issuer = account_names(ctx, [loaded.actor.id], language).get(loaded.actor.id, "—")
    said = reader.said(Wording(language), issuer)
    shown = {one.seq for one in view.evidence if one.hidden is None}
    is_judicial = Limits(loaded, profile, {}, reader.about).has_addresses
    return Pieces(
        view=view,
        copy=copy,
        reader=said,
        issuer=issuer,
        role=loaded.roles[0],
        at=loaded.now,
        letters=tuple(letters_to(ctx, session, loaded, reader)),
        pictures=dict(_pictures(ctx, session, loaded, shown)) if is_judicial and shown else {},
        files={one.seq: life for one in view.evidence if (life := file_of(loaded.case, one.seq)) is not None},
    )


def _pictures(ctx: AppContext, session: Session, loaded: Loaded, shown: set[int]) -> Iterator[tuple[int, Picture]]:
    """Those that stand in the copy, as long as there is room."""
    size = number = 0
    for find in ctx.wiring.pictures:
        for one in find(ctx, session, loaded, shown):
            size, number = size + len(one.data or b""), number + (one.data is not None)
            if size > BYTES_MOST or number > PICTURES_MOST:
                return
            yield one.entry, one


def letters_to(ctx: AppContext, session: Session, loaded: Loaded, reader: Reader) -> Iterator[Letter]:
    """Each letter to that service that was issued and not taken back, with what it said when it was."""
    identities = names_in(ctx, session, loaded.case_id)
    for issued in loaded.case.documents:
        then = as_it_stood(loaded, issued)
        document = then.protocol.documents.get(issued.document)
        is_taken_back = (issued.document, issued.copy) in loaded.case.revoked
        if document is None or not document.is_letter or issued.profile != reader.about or is_taken_back:
            continue
        about = next(one for one in subjects(then, document, identities) if one.about == issued.profile)
        view = letter_view(ctx, session, then, document, about, issued.language, issued.role)
        names = account_names(ctx, [issued.actor], issued.language)
        told = replace(
            view, issuer=names.get(issued.actor, "—"), content_seq=then.case.content_seq,
            content_head=issued.content_head, copy=issued.copy, dispatch=issued.dispatch,
        )  # fmt: skip
        yield Letter(told, issued)
