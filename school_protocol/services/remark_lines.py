"""Remarks on copies as pages and papers show them: their words as this reader may read them, nothing of a side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from school_protocol.domain.events import (
    DocumentIssued,
    Event,
    EventKind,
    Recorded,
    Remark,
    RemarksAttached,
    RemarkSettled,
    StepTaken,
)
from school_protocol.domain.lines import EventView, RemarkLine
from school_protocol.domain.texts import Text
from school_protocol.services.loading import Loaded
from school_protocol.services.masking import Mask, Masks

Readable = Callable[[int], bool]
"""Whether this reader reads the entry of that number: what is said of another side's records is that side's too."""


def attached_detail(
    loaded: Loaded, masks: Masks, names: Mapping[str, str], readable: Readable, event: RemarksAttached
) -> dict[str, Any]:
    """What the chronology tells of remarks: on which copy, each of them, and who wrote them on paper."""
    paper = event.paper
    return {
        "document": event.document,
        "copy": event.copy,
        "awaited": sum(one.awaits for one in event.remarks),
        "remarks": [_told(loaded, masks.by(event.actor, event.role), readable, one) for one in event.remarks],
        "paper": {"name": names.get(paper.by, "—"), "role": paper.role, "at": paper.at.isoformat()} if paper else None,
    }


def _told(loaded: Loaded, masked: Mask, readable: Readable, remark: Remark) -> dict[str, Any]:
    is_hidden = not readable(remark.entry)
    return {
        "kind": remark.kind.value,
        "section": remark.section,
        "entry": remark.entry,
        "awaits": remark.awaits,
        "text": "" if loaded.metadata_only or is_hidden else masked(remark.text),
        "is_hidden": is_hidden,
    }


def settled_detail(loaded: Loaded, masks: Masks, readable: Readable, event: RemarkSettled) -> dict[str, Any]:
    """What the chronology tells of a remark that was dealt with: which one, and how."""
    settled = (event.attached, event.remark)
    entry = next((one.remark.entry for one in loaded.case.remarks if (one.seq, one.place) == settled), 0)
    is_said = readable(entry) and not loaded.metadata_only
    sentence = masks.by(event.actor, event.role)(event.sentence) if is_said else ""
    return {"attached": event.attached, "remark": event.remark, "sentence": sentence}


def remark_lines(loaded: Loaded, masks: Masks, names: Mapping[str, str], readable: Readable) -> tuple[RemarkLine, ...]:
    """Every remark of the case, in the order in which they came; those that were dealt with among them."""
    if loaded.metadata_only:
        return ()
    by_seq: dict[int, Event] = {event.seq: event for event in loaded.events}
    found = []
    for one in loaded.case.remarks:
        came, settled = by_seq[one.seq], by_seq.get(one.settled_seq or 0)
        assert isinstance(came, RemarksAttached)
        paper, is_hidden = came.paper, not readable(one.remark.entry)
        line = RemarkLine(
            seq=one.seq,
            place=one.place,
            document=one.document,
            copy=one.copy,
            kind=one.remark.kind.value,
            section=one.remark.section,
            entry=one.remark.entry,
            awaits=one.remark.awaits,
            text="" if is_hidden else masks.by(came.actor, came.role)(one.remark.text),
            by=names.get(paper.by if paper else came.actor, "—"),
            role=paper.role if paper else came.role,
            at=paper.at if paper else came.at,
            settled_at=settled.at if settled else None,
            settled_by=names.get(settled.actor, "—") if settled else "",
            sentence="" if is_hidden else _sentence(masks, settled),
            on=_on(loaded, by_seq.get(one.remark.entry)),
            on_record=isinstance(by_seq.get(one.remark.entry), Recorded) and not is_hidden,
            is_hidden=is_hidden,
        )
        found.append(line)
    return tuple(found)


def _on(loaded: Loaded, event: Event | None) -> Text | None:
    """The title of what a remark on an entry is on."""
    if event is None:
        return None
    protocol = loaded.case.protocol_at(event.seq, loaded.protocol)
    match event:
        case Recorded():
            return protocol.acts[event.act].title
        case StepTaken():
            return protocol.moves[event.move].title
        case DocumentIssued() if event.document in protocol.documents:
            return protocol.documents[event.document].title
    return None


def _sentence(masks: Masks, settled: Event | None) -> str:
    return masks.by(settled.actor, settled.role)(settled.sentence) if isinstance(settled, RemarkSettled) else ""


def without_words(event: EventView) -> EventView:
    """The same line of the chronology for a copy in which remarks are not printed: that there were some, no more."""
    detail = dict(event.detail)
    if event.kind == EventKind.remarks_attached.name:
        detail["remarks"] = [{**one, "text": ""} for one in detail["remarks"]]
    elif event.kind == EventKind.remark_settled.name:
        detail["sentence"] = ""
    return replace(event, detail=detail)
