"""Rules of documents: what a letter of a case may say and why it can't be written; remarks on copies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from school_protocol.engine.actors import role_for
from school_protocol.engine.case import Case, is_reading
from school_protocol.engine.case_parts import Referral, RemarkMade
from school_protocol.engine.definition import ActKind, Protocol, Target
from school_protocol.engine.definition_parts import Document, FieldType, Section
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import DocumentIssued, Event, Handwritten, Remark, RemarksAttached, RemarkSettled
from school_protocol.engine.intents import Reason
from school_protocol.engine.name_detection import Identity, is_same_person

PLACES: Mapping[str, frozenset[str]] = {
    "case": frozenset({"school", "code", "province", "academy", "number", "day"}),
    "referral": frozenset(
        {"school", "code", "province", "academy", "number", "day", "target", "referral", "sent_on", "about"}
    ),
    "guardian": frozenset({"school", "code", "province", "academy", "number", "day", "guardian"}),
}
"""What may stand as `%(name)s` in the texts of a document, by what a copy is about."""

PER: Mapping[str, str] = {
    "letter": "referral", "notice": "guardian", "note": "case", "sheet": "case", "law_notice": "guardian",
}  # fmt: skip
"""What a copy of each kind is about."""

COUNTED = frozenset(
    {FieldType.choice, FieldType.choices, FieldType.yes_no, FieldType.tri, FieldType.date, FieldType.moment,
     FieldType.integer, FieldType.scale}
)  # fmt: skip
"""Answers that say nothing about who somebody is: all that a sheet prints."""

NEVER = frozenset({FieldType.signature, FieldType.grid, FieldType.rows, FieldType.record, FieldType.massar})
"""Answers that no letter prints."""

_PLACE = re.compile(r"%(?:\((\w*)\)s)?")


def places_in(text: str) -> Iterator[str]:
    """Names of the places of a text; an empty one for a `%` that is no place."""
    for found in _PLACE.finditer(text):
        yield found[1] or ""


def is_written_to(target: Target) -> bool:
    """Whether letters go to that service."""
    return target.asks is not None


def leaves(document: Document) -> bool:
    """Whether copies are sent under a number of the register of outgoing letters.

    Notes and sheets stay in the house; a notice of the law says nothing of a case.
    """
    return document.kind in ("letter", "notice")


def slots_of(protocol: Protocol, document: Document) -> tuple[str, ...]:
    """The slots whose people get a notice: those that it names, else the guardians."""
    return document.slots or tuple(key for key, slot in protocol.slots.items() if slot.guardian)


def letter_referrals(protocol: Protocol, case: Case) -> tuple[Referral, ...]:
    """The referrals of a case to which a letter can go."""
    return tuple(one for one in case.referrals if is_written_to(protocol.targets[one.target]))


def recipients(protocol: Protocol, case: Case, document: Document) -> tuple[str, ...]:
    """The people of a case who can be sent that notice, by id."""
    wanted = slots_of(protocol, document)
    return tuple(key for key, person in case.people.items() if person.slot in wanted)


def held_back(protocol: Protocol, case: Case, *people: str) -> Reason | None:
    """Why nothing goes to a guardian: information is on hold, for every guardian or for any of these people.

    `people`: all as whom that guardian stands in the case.
    """
    return _held(protocol) if any(case.is_held(person) for person in people) else None


def same_as(case: Case, identities: Mapping[str, Identity], person: str) -> list[str]:
    """All as whom somebody stands in a case, as far as their names and telephones tell."""
    return [key for key in case.people if key == person or is_same_person(identities.get(key), identities.get(person))]


def refused_target(protocol: Protocol, case: Case, target: Target, roles: tuple[str, ...]) -> Reason | None:
    """Why whoever has these roles can't write to that service now."""
    if target.letter_by and role_for(protocol, target.letter_by, roles) is None:
        return Reason("letter_not_yours", roles=target.letter_by)
    if target.to_guardians and any(hold.stands for hold in case.holds):
        return _held(protocol)
    return None


def _held(protocol: Protocol) -> Reason:
    reviewing = next(protocol.acts_of(ActKind.review_hold), None)
    return Reason("guardian_on_hold", roles=reviewing.by if reviewing else ())


def own_pupil(protocol: Protocol, case: Case, guardian: str) -> str | None:
    """The pupil whose guardian that is, where the case leaves no doubt: the only one of their side."""
    slot = protocol.slots[case.people[guardian].slot]
    same = [
        key
        for key, person in case.people.items()
        if (other := protocol.slots[person.slot]).side == slot.side
        and slot.side is not None
        and not other.guardian
        and other.key not in _guardian_slots(protocol)
    ]
    return same[0] if len(same) == 1 else None


def _guardian_slots(protocol: Protocol) -> frozenset[str]:
    """Slots that some notice goes to."""
    documents = (one for one in protocol.documents.values() if one.per == "guardian")
    return frozenset(slot for one in documents for slot in slots_of(protocol, one))


# ---- remarks of a supervisor: which copy somebody holds, what may be remarked on it --------------------------------
# Remarks are bound to a file by its digest: a review sheet prints its first figures, and two more that give away most
# slips of the pen.

FIGURES, CHECK, GROUP, DIGEST = 16, 2, 4, 64
"""Of a digest: figures on paper, figures that check them, figures that stand together, all of it."""
LETTERS_MOST, REMARKS_MOST, SENTENCE_MOST = 2000, 40, 500
SLIPS = 2
"""Figures that may be wrong before other figures are meant."""
_SPOKEN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹oOlI", "01234567890123456789" + "0011")
"""Figures as other keyboards and other eyes have them."""
_PARTED = frozenset(" \t\r\n\u00a0\u202f-–—·.:_/\u200e\u200f\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Figures:
    """What was typed of a digest: some of its figures or all, and the check that came with them, if one did."""

    start: str
    check: str = ""

    @property
    def is_sound(self) -> bool | None:
        """Whether the check agrees; None without one."""
        return self.check == check_of(self.start) if self.check else None


class RemarksRefused(Refused):
    """These remarks can't be attached; `code` says why, `copy` which copy it is about, `since` what came meanwhile."""

    def __init__(self, code: str, copy: int = 0, since: Sequence[Event] = (), document: str = "") -> None:
        self.code, self.copy, self.since, self.document = code, copy, tuple(since), document
        super().__init__((Reason(f"remarks_{code}"),))


# ---- figures ---------------------------------------------------------------------------------------------------------


def check_of(figures: str) -> str:
    """Two decimal figures: any one wrong figure, and any two that changed places beside each other, give others."""
    return f"{int(figures, 16) % 97:0{CHECK}d}"


def on_paper(digest: str) -> str:
    """The figures of a digest as a sheet prints them, in groups, with their check: `1a2b 3c4d 5e6f 7081 42`."""
    start = digest[:FIGURES]
    groups = [start[place : place + GROUP] for place in range(0, FIGURES, GROUP)]
    return " ".join([*groups, check_of(start)])


def read_figures(text: str) -> Figures:
    """What somebody typed: the sheet's figures with or without their check, or a whole digest; else RemarksRefused."""
    plain = "".join(one for one in text if one not in _PARTED).translate(_SPOKEN).lower()
    if not plain or not set(plain) <= set("0123456789abcdef"):
        raise RemarksRefused("unreadable")
    if len(plain) == FIGURES + CHECK and plain[FIGURES:].isdecimal():
        return Figures(plain[:FIGURES], plain[FIGURES:])
    if len(plain) in (FIGURES, DIGEST):
        return Figures(plain)
    raise RemarksRefused("unreadable")


# ---- which copy ------------------------------------------------------------------------------------------------------


def copies_of(case: Case, document: Document) -> tuple[DocumentIssued, ...]:
    """The copies of a document that were handed out, in their order."""
    return tuple(one for one in case.documents if one.document == document.key)


def copy_by_figures(case: Case, document: Document, figures: Figures) -> DocumentIssued:
    """The copy of the case file that these figures are of. Raises RemarksRefused: mistyped, unknown, another paper."""
    found = next((one for one in reversed(case.documents) if one.digest.startswith(figures.start)), None)
    if found is None:
        raise _not_found(case, document, figures)
    if found.document != document.key:
        raise RemarksRefused("other_document", found.copy, document=found.document)
    return found


def _not_found(case: Case, document: Document, figures: Figures) -> RemarksRefused:
    if figures.is_sound is False:
        return RemarksRefused("mistyped")
    if figures.is_sound is None:
        near = (one for one in copies_of(case, document) if _is_near(one.digest, figures.start))
        if (meant := next(near, None)) is not None:
            return RemarksRefused("mistyped", meant.copy)
    return RemarksRefused("unknown")


def _is_near(digest: str, start: str) -> bool:
    """Whether a slip or two makes the one of the other: wrong figures, or two that changed places."""
    return sum(one != other for one, other in zip(digest, start, strict=False)) <= SLIPS


def content_of(case: Case, issued: DocumentIssued) -> int:
    """Number of the latest entry of the content that a copy knows of."""
    last = issued.at_seq or issued.seq - 1
    return max(event.seq for event in case.events if event.seq <= last and not is_reading(event))


def since(case: Case, issued: DocumentIssued) -> tuple[Event, ...]:
    """What was written after the content of that copy; neither readings nor what others remarked on it."""
    content = content_of(case, issued)
    passed_over = (RemarksAttached, RemarkSettled)
    return tuple(
        event
        for event in case.events
        if event.seq > content and not is_reading(event) and not isinstance(event, passed_over)
    )


def check_copy(case: Case, issued: DocumentIssued) -> None:
    """Raises RemarksRefused where the copy was taken back, or the case has moved on since."""
    if (issued.document, issued.copy) in case.revoked:
        raise RemarksRefused("revoked", issued.copy)
    if news := since(case, issued):
        raise RemarksRefused("moved_on", issued.copy, news)


# ---- what is remarked ------------------------------------------------------------------------------------------------


def sections_of(document: Document) -> Mapping[str, Section]:
    """The sections of the case file by what a remark calls them: their kind, numbered from the second of a kind."""
    found: dict[str, Section] = {}
    for section in document.sections:
        if section.kind == "remarks":
            continue
        same = sum(key.partition("-")[0] == section.kind for key in found)
        found[f"{section.kind}-{same + 1}" if same else section.kind] = section
    return found


def section_of(protocol: Protocol, document: str, key: str) -> Section | None:
    """The section of that name, where the definition still has it."""
    found = protocol.documents.get(document)
    return sections_of(found).get(key) if found is not None else None


def problems_of(document: Document, content: int, remarks: Sequence[Remark]) -> dict[str, tuple[str, ...]]:
    """What is wrong with remarks on a copy whose content ends at that entry, by path (`1.text`)."""
    problems: dict[str, tuple[str, ...]] = {}
    if not remarks:
        problems["0.text"] = ("required",)
    if len(remarks) > REMARKS_MOST:
        problems[f"{REMARKS_MOST}.text"] = (f"too_many:{REMARKS_MOST}",)
    known = sections_of(document)
    for place, remark in enumerate(remarks[:REMARKS_MOST]):
        if not remark.text.strip():
            problems[f"{place}.text"] = ("required",)
        elif len(remark.text) > LETTERS_MOST:
            problems[f"{place}.text"] = (f"too_long:{LETTERS_MOST}:{len(remark.text)}",)
        if remark.field or remark.act or (remark.section and remark.section not in known):
            problems[f"{place}.about"] = ("unknown_option",)
        if remark.entry and not 1 <= remark.entry <= content:
            problems[f"{place}.entry"] = (f"range:1:{content}",)
    return problems


def attached(
    case: Case,
    document: Document,
    issued: DocumentIssued,
    remarks: Sequence[Remark],
    *,
    actor: str,
    role: str,
    at: datetime,
    paper: Handwritten | None = None,
) -> RemarksAttached:
    """The event that attaches these remarks to the case. Raises RemarksRefused, BadInput by path."""
    check_copy(case, issued)
    problems = problems_of(document, content_of(case, issued), remarks)
    if paper is not None and paper.at > at:
        problems["paper_at"] = ("in_the_future",)
    elif paper is not None and paper.at < issued.at:
        problems["paper_at"] = ("in_the_past",)
    if problems:
        raise BadInput(problems)
    return RemarksAttached(
        actor=actor,
        role=role,
        at=at,
        occurred_at=paper.at if paper else at,
        document=issued.document,
        copy=issued.copy,
        digest=issued.digest,
        content_head=issued.content_head,
        remarks=tuple(remarks),
        paper=paper,
    )


def made(case: Case, seq: int, place: int) -> RemarkMade | None:
    """The remark that came with that event, by its place there."""
    return next((one for one in case.remarks if (one.seq, one.place) == (seq, place)), None)


def awaited(remarks: Iterable[RemarkMade]) -> tuple[RemarkMade, ...]:
    """Those that must be answered and were not dealt with."""
    return tuple(one for one in remarks if one.is_open and one.remark.awaits)
