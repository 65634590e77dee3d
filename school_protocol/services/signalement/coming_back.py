"""Somebody comes back with their code: what became of what they told, the team's words, and what they want to add."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from school_protocol.domain.answers import plain_text
from school_protocol.domain.errors import BadInput
from school_protocol.domain.phrases import N_
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.public_reports import IN_A_CASE, Status
from school_protocol.domain.receipt_codes import typed
from school_protocol.domain.signalement_rules import SignalementRules, Voice
from school_protocol.domain.texts import Text
from school_protocol.services.directory import contact_lines
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.signalement import challenge, limits, tokens
from school_protocol.services.signalement.challenge import Challenge
from school_protocol.services.signalement.doors import Door, door_of
from school_protocol.services.signalement.known import rules_of
from school_protocol.services.signalement.limits import Gate
from school_protocol.services.signalement.receiving import add_words, numbers, opens
from school_protocol.services.views import ContactLine
from school_protocol.storage import directory, index
from school_protocol.storage.engines import Session
from school_protocol.storage.signalement import reports
from school_protocol.storage.signalement.reports import PublicHeader

MOST = 4000
"""Letters of what is added at a time."""
MESSAGES_MOST = 200
CODE, SAID = "code", "said"
"""Names of fields, for problems."""


class Standing(StrEnum):
    """What a reporter may know of where it stands; `SENTENCES` says each."""

    received = "received"
    read = "read"
    in_hand = "in_hand"
    elsewhere = "elsewhere"
    answered = "answered"
    over = "over"
    """Closed without an answer: nobody is working on it."""


SENTENCES = {
    Standing.received: N_("Your message has arrived. Nobody has read it yet."),
    Standing.read: N_("An adult whose task is to help has read your message."),
    Standing.in_hand: N_("The school’s team is taking care of it."),
    Standing.elsewhere: N_("Others can help you better: see below who they are."),
    Standing.answered: N_("Your message was answered: read the answer below. You can add something: it will be read."),
    Standing.over: N_(
        "Your message was read, and nothing is under way. If you need help, write it here: it will be read."
    ),
}
SENTENCES_ABOVE = {**SENTENCES, Standing.in_hand: N_("An adult whose task is to help is taking care of it.")}
"""Where the school reads nothing, as far as a definition has no words of its own for that."""


@dataclass(frozen=True, slots=True)
class SaidLine:
    """One message, of the reporter or of the team; of when it was written, the hour."""

    by_reporter: bool
    hour: datetime
    text: str
    by_school: bool = True
    """Of an answer: whoever wrote it works at the school."""


@dataclass(frozen=True, slots=True)
class BackView:
    """What somebody finds who comes back. `code` in plain digits, for forms on the page: it stands in no address."""

    door: Door
    protocol: Protocol
    code: str
    standing: Standing
    above: bool
    """The school reads nothing of it: those above it do."""
    urgent: bool
    read_there: bool
    """Nobody has read it but those who read it alone."""
    messages: tuple[SaidLine, ...]
    sentence: Text | None
    """Told where others can help better."""
    contacts: tuple[ContactLine, ...]
    """Who they are."""
    numbers: tuple[ContactLine, ...]
    has_contact: bool
    """They left how to reach them, and can take that back."""
    can_add: bool
    hours: Text | None
    """When it is read; None where nothing is said of that."""
    opens: datetime | None

    @property
    def voice(self) -> Voice | None:
        """The definition's own words, where the school reads nothing."""
        rules = self.protocol.signalement
        return rules.above if rules is not None and self.above else None

    @property
    def awaits_answer(self) -> bool:
        """No word has come back, and one may."""
        ends = (Standing.over, Standing.elsewhere)
        return self.standing not in ends and not any(not one.by_reporter for one in self.messages)


@dataclass(frozen=True, slots=True)
class AskView:
    """The page that asks for the code; a question stands on it where many wrong ones came."""

    door: Door
    challenge: Challenge | None
    token: str


def see_asking(house: House, gate: Gate, door: str) -> AskView:
    """The page that asks for the code, of an address that may have been renewed since. Raises Unseen."""
    found = door_of(house, door)
    is_guessed = limits.is_guessed(gate, school=found.unit.id, now=house.now())
    asked = challenge.draw() if is_guessed else None
    return AskView(found, asked, tokens.written(house, tokens.draw(house, found.code, asked=asked)))


def come_back(
    house: House, gate: Gate, door: str, code: str, *, address: str, token: str = "", solved: str = ""
) -> BackView:
    """What became of it. Raises Unseen (no such address), BadInput (`code`: none of this school's), TooMany."""
    place = door_of(house, door)
    _pass(house, gate, place, address, token, solved)
    with house.realm.reading() as session:
        header, plain = _found(house, gate, session, place, code, address)
        return _view(house, session, place, header, plain)


def add(house: House, gate: Gate, door: str, code: str, said: str, *, address: str) -> BackView:
    """Add something to what was told; sent twice, it is there once. Raises as `come_back`; BadInput for `said`."""
    place = door_of(house, door)
    limits.check_tries(gate, address=address, now=house.now())
    text = plain_text(said)
    with house.realm.writing() as session:
        header, plain = _found(house, gate, session, place, code, address, hold=True)
        if not text:
            raise BadInput({SAID: ("required",)})
        if len(text) > MOST:
            raise BadInput({SAID: (f"too_long:{MOST}",)})
        kept = reports.messages(session, house.vault, header.id)
        own = [one.text for one in kept if one.by_reporter]
        if own[-1:] != [text]:
            if len(kept) >= MESSAGES_MOST:
                raise BadInput({SAID: ("too_many_messages",)})
            add_words(house, session, header, text)
        return _view(house, session, place, reports.header(session, header.id), plain)


def withdraw_contact(house: House, gate: Gate, door: str, code: str, *, address: str) -> BackView:
    """Take back how to be reached: those answers are gone, also from what the team reads."""
    place = door_of(house, door)
    limits.check_tries(gate, address=address, now=house.now())
    with house.realm.writing() as session:
        header, plain = _found(house, gate, session, place, code, address, hold=True)
        _protocol, rules = rules_of(house, header)
        content = reports.content(session, house.vault, header.id)
        kept = {key: value for key, value in content["answers"].items() if key not in rules.contact}
        if kept != content["answers"]:
            marks = reports.marks_of(session, [header.id]).get(header.id, frozenset())
            reports.rewrite(session, house.vault, header.id, {**content, "answers": kept}, marks)
            reports.change(session, replace(header, to_verify=header.kind == "public"))
        return _view(house, session, place, reports.header(session, header.id), plain)


def _pass(house: House, gate: Gate, place: Door, address: str, token: str, solved: str) -> None:
    limits.check_tries(gate, address=address, now=house.now())
    if limits.is_guessed(gate, school=place.unit.id, now=house.now()):
        found = tokens.read(house, token, place.code)
        is_solved = found is not None and found.asked and found.is_good(house.now())
        if not (is_solved and found and challenge.is_solved(house, found.nonce, found.asked, solved)):
            raise BadInput({"challenge": ("wrong_answer",)})


def _found(
    house: House, gate: Gate, session: Session, place: Door, code: str, address: str, *, hold: bool = False
) -> tuple[PublicHeader, str]:
    """The report that this code comes back to, and the code in plain digits."""
    plain = typed(code)
    if plain is None:
        raise BadInput({CODE: ("not_a_code",)})
    header = reports.by_code(session, tokens.code_hash(house, place.unit.id, plain), hold=hold)
    if header is None:
        limits.note_wrong(gate, school=place.unit.id, address=address, now=house.now())
        raise BadInput({CODE: ("unknown_code",)})
    return header, plain


def _view(house: House, session: Session, place: Door, header: PublicHeader, code: str) -> BackView:
    protocol, rules = rules_of(house, header)
    answers = reports.content(session, house.vault, header.id)["answers"]
    said = reports.messages(session, house.vault, header.id)
    orientation = rules.orientations.get(header.outcome) if header.status is Status.oriented else None
    contacts = contact_lines(house, protocol, header.unit, orientation.targets) if orientation else ()
    above, read_by = _is_above(session, header), reports.traces(session, header.id)
    ours, alone = _places(house, place, rules)
    return BackView(
        door=place, protocol=protocol, code=code, standing=standing_of(header, [one.what for one in read_by]),
        above=above, urgent=header.urgent, read_there={one.account for one in read_by} <= alone - ours,
        messages=tuple(SaidLine(one.by_reporter, one.hour, one.text, one.by in ours) for one in said),
        sentence=orientation.sentence if orientation else None, contacts=contacts,
        numbers=numbers(house, protocol, rules, place.unit),
        has_contact=any(answers.get(key) not in (None, "") for key in rules.contact),
        can_add=len(said) < MESSAGES_MOST, hours=rules.hours_of(above=above),
        opens=None if above else opens(house, place.unit),
    )  # fmt: skip


def _is_above(session: Session, header: PublicHeader) -> bool:
    """Whether the school reads nothing of it: it is kept from it, or it went into a case that is."""
    row = index.row_of(session, header.case_id) if header.case_id else None
    return row.restricted if row is not None else header.restricted


def _places(house: House, place: Door, rules: SignalementRules) -> tuple[frozenset[str], frozenset[str]]:
    """Who works at the school; and who holds a role that reads, alone, what the school doesn't."""
    unit = place.unit
    with house.directory.reading() as session:
        found = directory.holders(session, (unit.id, *unit.parents), today=today_for(house))
    ours = frozenset(one.account.id for one in found if one.unit == unit.id)
    return ours, frozenset(one.account.id for one in found if one.role in rules.restricted_reads)


def standing_of(header: PublicHeader, done: Collection[str] = ()) -> Standing:
    """Where a report stands, in what its reporter may know: why one was closed is not among it. `done`: what somebody
    did with it."""
    if header.status in IN_A_CASE:
        return Standing.in_hand
    if header.status is Status.oriented:
        return Standing.elsewhere
    if header.status is Status.waiting:
        was_read = {"released", "taken_up_again"} & set(done)
        return Standing.received if header.waits and not was_read else Standing.read
    return Standing.answered if header.status is Status.answered else Standing.over
