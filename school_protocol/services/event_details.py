"""What is told of an event besides who, when and in which role: its detail, as one reader may read it."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from school_protocol.domain import events
from school_protocol.services import remark_lines

if TYPE_CHECKING:
    from school_protocol.services.case_reader import CaseReader


@singledispatch
def detail_of(event: events.Event, reader: CaseReader) -> dict[str, Any]:
    """The detail of an event for one reader; nothing of a kind that has none."""
    return {}


@detail_of.register(events.EntryRetracted)
def _entry_retracted(event: events.EntryRetracted, reader: CaseReader) -> dict[str, Any]:
    return {"entry": event.entry, "act": reader.protocol_at(event).acts[event.act]}


@detail_of.register(events.StepTaken)
def _step_taken(event: events.StepTaken, reader: CaseReader) -> dict[str, Any]:
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


@detail_of.register(events.CaseOpened)
def _case_opened(event: events.CaseOpened, reader: CaseReader) -> dict[str, Any]:
    marked = {"contributes": True} if event.contributes else {}
    return {"number": event.number, "opened_from": event.opened_from, **marked}


@detail_of.register(events.CaseJoined)
def _case_joined(event: events.CaseJoined, reader: CaseReader) -> dict[str, Any]:
    loaded = reader.loaded
    asked = reader.case.contributes and event.other == reader.case.opened_from
    reads = not loaded.metadata_only and (asked or not loaded.pseudonymised)
    return {
        "other": event.other,
        "dangers": () if loaded.metadata_only else event.dangers,
        "handover": dict(event.handover) if reads else {},
        **({"contributes": True} if asked else {}),
    }


@detail_of.register(events.DocumentIssued)
def _document_issued(event: events.DocumentIssued, reader: CaseReader) -> dict[str, Any]:
    return {"document": event.document, "profile": event.profile, "copy": event.copy, "language": event.language}


@detail_of.register(events.DocumentRevoked)
def _document_revoked(event: events.DocumentRevoked, reader: CaseReader) -> dict[str, Any]:
    return {"document": event.document, "copy": event.copy, "reason": reader.words_of(event, event.reason)}


@detail_of.register(events.RemarksAttached)
def _remarks_attached(event: events.RemarksAttached, reader: CaseReader) -> dict[str, Any]:
    return remark_lines.attached_detail(reader.loaded, reader.masks, reader.names, reader.reads_place, event)


@detail_of.register(events.RemarkSettled)
def _remark_settled(event: events.RemarkSettled, reader: CaseReader) -> dict[str, Any]:
    return remark_lines.settled_detail(reader.loaded, reader.masks, reader.reads_place, event)


@detail_of.register(events.ReviewAsked)
def _review_asked(event: events.ReviewAsked, reader: CaseReader) -> dict[str, Any]:
    move = reader.protocol_at(event).moves.get(event.move)
    return {"move": move, "sentence": reader.words_of(event, event.sentence)}


@detail_of.register(events.ReviewEnded)
def _review_ended(event: events.ReviewEnded, reader: CaseReader) -> dict[str, Any]:
    return {"sentence": reader.words_of(event, event.sentence)}


@detail_of.register(events.ErasureSuspended)
@detail_of.register(events.AccessLifted)
@detail_of.register(events.DoorOpened)
def _until(
    event: events.ErasureSuspended | events.AccessLifted | events.DoorOpened, reader: CaseReader
) -> dict[str, Any]:
    return {"until": event.until, "reason": reader.words_of(event, event.reason)}


@detail_of.register(events.ErasureResumed)
def _erasure_resumed(event: events.ErasureResumed, reader: CaseReader) -> dict[str, Any]:
    return {"reason": reader.words_of(event, event.reason)}


@detail_of.register(events.VersionChanged)
def _version_changed(event: events.VersionChanged, reader: CaseReader) -> dict[str, Any]:
    return {"former": event.former, "version": event.version, "reason": reader.words_of(event, event.reason)}


@detail_of.register(events.PublicReportPlaced)
def _public_report_placed(event: events.PublicReportPlaced, reader: CaseReader) -> dict[str, Any]:
    return {"how": event.how.value, "hour": event.hour}


@detail_of.register(events.FileHandled)
def _file_handled(event: events.FileHandled, reader: CaseReader) -> dict[str, Any]:
    detail = {name: getattr(event, name) for name in ("piece", "sha256", "size", "format", "target")}
    return {**detail, "step": event.step.value}


@detail_of.register(events.FileOpened)
def _file_opened(event: events.FileOpened, reader: CaseReader) -> dict[str, Any]:
    detail = {"piece": event.piece, "original": event.original, "purpose": event.purpose}
    return {**detail, "reason": reader.words_of(event, event.reason)}


@detail_of.register(events.AccessEnded)
def _access_ended(event: events.AccessEnded, reader: CaseReader) -> dict[str, Any]:
    return {"opened": event.opened}


@detail_of.register(events.DoorReviewed)
def _door_reviewed(event: events.DoorReviewed, reader: CaseReader) -> dict[str, Any]:
    said = reader.words_of(event, event.sentence)
    return {"door": event.door, "justified": event.justified, "sentence": said}
