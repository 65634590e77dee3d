"""Requests for removal, noted in the piece itself: a correction like any other, so that papers and records tell it."""

from __future__ import annotations

from typing import Any

from school_protocol.domain import evidence as rules
from school_protocol.domain.errors import BadInput, Conflict, Unseen
from school_protocol.domain.forms import FieldType
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import ActKind
from school_protocol.services.evidence.at_hand import AtHand, piece_at
from school_protocol.services.evidence.register import options_of
from school_protocol.services.house import House
from school_protocol.services.loading import load
from school_protocol.services.recording import Done, record_act
from school_protocol.services.showing import seeing_of
from school_protocol.wording import Wording

_ATTEMPTS = 5


def note_request(
    house: House, actor: Actor, number: str, entry: int, *, channel: str, asked_on: str, reference: str = "",
    result: str = "", place: int | None = None, token: str,
) -> Done:  # fmt: skip
    """Note that removal was asked for through `channel`, or, of the request at `place`, what came of it.

    Raises Unseen, BadInput by field (`channel`, `asked_on`, `reference`, `result`), Refused, SentBefore,
    Conflict where others keep writing.
    """
    said = (channel, asked_on, reference.strip(), result)
    for attempt in range(_ATTEMPTS):
        try:
            return _noted(house, actor, number, entry, said, place, token)
        except Conflict:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("each attempt returns or raises")


def _noted(
    house: House, actor: Actor, number: str, entry: int, said: tuple[str, str, str, str], place: int | None, token: str
) -> Done:
    """The request put to what the piece says now; a Conflict where somebody wrote meanwhile."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        piece = piece_at(loaded, seeing_of(house, loaded), entry)
    if not piece.is_readable:
        raise Unseen(f"{number}/{entry}")
    removal, rows = piece.rules.removal, piece.record.answers.get(piece.rules.removal.rows) or ()
    if place is not None and not 0 <= place < len(rows):
        raise Unseen(f"{number}/{entry}/{place}")
    columns = (removal.channel, removal.asked_on, removal.reference, removal.result)
    row = {key: value for key, value in zip(columns, said, strict=True) if value or place is not None}
    changes = rules.with_request(removal, piece.record.answers, row, place)
    act, answers = _correction(piece, said[0])
    if place is None and not said[0] and piece.seeing.choice(act).is_open:
        raise BadInput({"channel": ("required",)})
    try:
        return record_act(
            house, actor, number, act, answers, expected=loaded.case.content_seq, token=token, changes=changes,
            said=["removal", entry, place, *said],
        )  # fmt: skip
    except BadInput as error:
        raise _by_column(piece, error, len(rows) if place is None else place) from error


def _correction(piece: AtHand, channel: str) -> tuple[str, dict[str, Any]]:
    """The act that says a record anew, and what it asks: which record, and in words what is otherwise."""
    protocol = piece.loaded.protocol
    act = next(protocol.acts_of(ActKind.correct), None)
    if act is None:
        raise Unseen(str(piece.record.seq))
    w, removal = Wording(piece.loaded.actor.language), piece.rules.removal
    named = options_of(piece.shown.form, removal.rows, removal.channel).get(channel)
    words = w._("Removal requests of piece %(number)s: %(channel)s", number=piece.number,
                channel=w.text(named.title) if named else channel)  # fmt: skip
    answers: dict[str, Any] = {}
    for field in protocol.form_of(act).fields:
        if field.type is FieldType.record:
            answers[field.key] = str(piece.record.seq)
        elif field.required and field.is_words:
            answers[field.key] = words
    return act.key, answers


def _by_column(piece: AtHand, error: BadInput, place: int) -> BadInput:
    """What is wrong with the one row that was typed, by the names that its form has."""
    removal = piece.rules.removal
    names = {
        removal.channel: "channel", removal.asked_on: "asked_on", removal.reference: "reference",
        removal.result: "result",
    }  # fmt: skip
    prefix = f"changes.{removal.rows}.{place}."
    problems = {
        names.get(path.removeprefix(prefix), "channel") if path.startswith(prefix) else "channel": codes
        for path, codes in error.problems.items()
    }
    return BadInput(problems, error.sentences)
