"""Checks of the whole: can every state be reached and left, is every fact read? Only asked of parts without a fault."""

from __future__ import annotations

from collections import deque

from school_protocol.definitions.book import Book
from school_protocol.domain.phrases import N_
from school_protocol.domain.protocol import HISTORY, START, ActKind


def check(book: Book) -> None:
    is_sound = book.is_sound("states", "moves")
    _unread(book)
    if is_sound:
        _graph(book)
    if is_sound and book.is_sound("acts"):
        _automatic(book)


def _unread(book: Book) -> None:
    parts = ("facts", "needs", "moves", "deadlines", "duties", "retention", "assessment")
    if book.has_unknown_facts or not all(book.declared.is_whole(part) for part in parts):
        return
    assessed = book.protocol.assessment.fact if book.protocol.assessment else None
    for key, fact in book.protocol.facts.items():
        if key not in book.facts_read and not fact.figure and key != assessed:
            book.say(("facts", key), N_("declared but never read"))


def _graph(book: Book) -> None:
    protocol = book.protocol
    moves = protocol.moves.values()
    initial = next((key for key, state in protocol.states.items() if state.initial), None)
    opening = [move for move in moves if START in move.from_]
    if not opening:
        book.say(("moves",), N_("no move begins at START: no case could ever be opened"))
        return
    if initial is not None and all(move.to != initial for move in opening):
        book.say(("states", initial), N_("no move leads from START to the initial state"))
    ways: dict[str, set[str]] = {}
    for move in moves:
        for source in move.from_:
            ways.setdefault(source, set()).update({move.to} - {HISTORY})
    reached, left = _reached(ways), {source for move in moves if not move.automatic for source in move.from_}
    for key, state in protocol.states.items():
        if key not in reached:
            book.say(("states", key), N_("no moves lead here from START"))
        if not state.ended and key not in left:
            book.say(("states", key), N_("no move leads out of here, and it is not ended"))


def _reached(ways: dict[str, set[str]]) -> set[str]:
    reached, waiting = {START}, deque([START])
    while waiting:
        for target in ways.get(waiting.popleft(), ()):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _automatic(book: Book) -> None:
    protocol = book.protocol
    made = {act.moves for act in protocol.acts.values()}
    for key, move in protocol.moves.items():
        if move.automatic and key not in made:
            book.say(("moves", key, "automatic"), N_("no act makes this move: name it in an act's moves"))
        if move.to == HISTORY and not any(other.automatic for other in protocol.moves.values()):
            book.say(("moves", key, "to"), N_("history needs an automatic move whose way back it is"))
    for act in protocol.acts_of(ActKind.raise_danger):
        if act.moves is not None and act.moves in protocol.moves and not protocol.moves[act.moves].automatic:
            book.say(("acts", act.key, "moves"), N_('move "%(move)s" is not automatic'), move=act.moves)
