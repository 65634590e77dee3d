"""What is told of an event besides who, when and in which role: its detail, as one reader may read it."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from school_protocol.domain.events import (
    AccessEnded,
    AccessLifted,
    CaseJoined,
    CaseOpened,
    DocumentIssued,
    DocumentRevoked,
    DoorOpened,
    DoorReviewed,
    EntryRetracted,
    ErasureResumed,
    ErasureSuspended,
    Event,
    FileHandled,
    FileOpened,
    PublicReportPlaced,
    RemarksAttached,
    RemarkSettled,
    ReviewAsked,
    ReviewEnded,
    StepTaken,
    VersionChanged,
)
from school_protocol.services import remark_lines

if TYPE_CHECKING:
    from school_protocol.services.case_reader import CaseReader


@singledispatch
def detail_of(event: Event, reader: CaseReader) -> dict[str, Any]:
    """The detail of an event for one reader; nothing of a kind that has none."""
    return {}


@detail_of.register(EntryRetracted)
def _entry_retracted(event: EntryRetracted, reader: CaseReader) -> dict[str, Any]:
    return {"entry": event.entry, "act": reader.protocol_at(event).acts[event.act]}


@detail_of.register(StepTaken)
def _step_taken(event: StepTaken, reader: CaseReader) -> dict[str, Any]:
    protocol, is_read = reader.protocol_at(event), not reader.loaded.metadata_only
    marked = {"taken_back": True} if event in reader.case.undone else {}
    departures = event.departures.items() if is_read else ()
    return {
        **marked,
        "move": protocol.moves[event.move],
        "source": protocol.states[event.source],
        "target": protocol.states[event.target],
        "reason": reader.words_of(event, event.reason),
        "departures": [(protocol.needs[need], reader.words_of(event, why)) for need, why in departures],
        "level": event.level if is_read else None,
        "grid": event.grid if is_read else {},
    }


@detail_of.register(CaseOpened)
def _case_opened(event: CaseOpened, reader: CaseReader) -> dict[str, Any]:
    marked = {"contributes": True} if event.contributes else {}
    return {"number": event.number, "opened_from": event.opened_from, **marked}


@detail_of.register(CaseJoined)
def _case_joined(event: CaseJoined, reader: CaseReader) -> dict[str, Any]:
    loaded = reader.loaded
    asked = reader.case.contributes and event.other == reader.case.opened_from
    reads = not loaded.metadata_only and (asked or not loaded.pseudonymised)
    return {
        "other": event.other,
        "dangers": () if loaded.metadata_only else event.dangers,
        "handover": dict(event.handover) if reads else {},
        **({"contributes": True} if asked else {}),
    }


@detail_of.register(DocumentIssued)
def _document_issued(event: DocumentIssued, reader: CaseReader) -> dict[str, Any]:
    return {"document": event.document, "profile": event.profile, "copy": event.copy, "language": event.language}


@detail_of.register(DocumentRevoked)
def _document_revoked(event: DocumentRevoked, reader: CaseReader) -> dict[str, Any]:
    return {"document": event.document, "copy": event.copy, "reason": reader.words_of(event, event.reason)}


@detail_of.register(RemarksAttached)
def _remarks_attached(event: RemarksAttached, reader: CaseReader) -> dict[str, Any]:
    return remark_lines.attached_detail(reader.loaded, reader.masks, reader.names, reader.reads_place, event)


@detail_of.register(RemarkSettled)
def _remark_settled(event: RemarkSettled, reader: CaseReader) -> dict[str, Any]:
    return remark_lines.settled_detail(reader.loaded, reader.masks, reader.reads_place, event)


@detail_of.register(ReviewAsked)
def _review_asked(event: ReviewAsked, reader: CaseReader) -> dict[str, Any]:
    move = reader.protocol_at(event).moves.get(event.move)
    return {"move": move, "sentence": reader.words_of(event, event.sentence)}


@detail_of.register(ReviewEnded)
def _review_ended(event: ReviewEnded, reader: CaseReader) -> dict[str, Any]:
    return {"sentence": reader.words_of(event, event.sentence)}


@detail_of.register(ErasureSuspended)
@detail_of.register(AccessLifted)
@detail_of.register(DoorOpened)
def _until(event: ErasureSuspended | AccessLifted | DoorOpened, reader: CaseReader) -> dict[str, Any]:
    return {"until": event.until, "reason": reader.words_of(event, event.reason)}


@detail_of.register(ErasureResumed)
def _erasure_resumed(event: ErasureResumed, reader: CaseReader) -> dict[str, Any]:
    return {"reason": reader.words_of(event, event.reason)}


@detail_of.register(VersionChanged)
def _version_changed(event: VersionChanged, reader: CaseReader) -> dict[str, Any]:
    return {"former": event.former, "version": event.version, "reason": reader.words_of(event, event.reason)}


@detail_of.register(PublicReportPlaced)
def _public_report_placed(event: PublicReportPlaced, reader: CaseReader) -> dict[str, Any]:
    return {"how": event.how.value, "hour": event.hour}


@detail_of.register(FileHandled)
def _file_handled(event: FileHandled, reader: CaseReader) -> dict[str, Any]:
    detail = {name: getattr(event, name) for name in ("piece", "sha256", "size", "format", "target")}
    return {**detail, "step": event.step.value}


@detail_of.register(FileOpened)
def _file_opened(event: FileOpened, reader: CaseReader) -> dict[str, Any]:
    detail = {"piece": event.piece, "original": event.original, "purpose": event.purpose}
    return {**detail, "reason": reader.words_of(event, event.reason)}


@detail_of.register(AccessEnded)
def _access_ended(event: AccessEnded, reader: CaseReader) -> dict[str, Any]:
    return {"opened": event.opened}


@detail_of.register(DoorReviewed)
def _door_reviewed(event: DoorReviewed, reader: CaseReader) -> dict[str, Any]:
    said = reader.words_of(event, event.sentence)
    return {"door": event.door, "justified": event.justified, "sentence": said}
