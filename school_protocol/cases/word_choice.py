"""Service of a case's word: whoever leads it may have lists call it otherwise, by one of a few that are proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from school_protocol.cases import lookup_repository
from school_protocol.cases.loading import Loaded, keep, load, names_in, words_drawn
from school_protocol.cases.service import Done, repeated
from school_protocol.cases.showing import note_reading, seeing_of
from school_protocol.cases.view_models import CaseHead
from school_protocol.context import AppContext
from school_protocol.engine.actors import leading, role_for
from school_protocol.engine.case_words import said, unnamed
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.events import WordChosen
from school_protocol.engine.visibility import Actor
from school_protocol.storage import idempotency
from school_protocol.storage.engines import Session

PROPOSED = 8


@dataclass(frozen=True, slots=True)
class WordsView:
    """The words that are proposed for a case in place of its own."""

    head: CaseHead
    proposed: Mapping[str, Mapping[str, str]]
    """Key → the word in each language."""


def see_words(ctx: AppContext, actor: Actor, number: str) -> WordsView:
    """What the case may be called instead; raises Unseen for whoever doesn't lead it."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        _leading_role(loaded)
        note_reading(ctx, session, loaded, "word")
        return WordsView(seeing_of(ctx, loaded).head(), {word: said(word) for word in _proposed(ctx, session, loaded)})


def choose_word(ctx: AppContext, actor: Actor, number: str, word: str, *, token: str) -> Done:
    """Have lists call the case by one of the words that are proposed; pressed twice, it is chosen once.

    Raises Unseen, BadInput (`word`) for any other one.
    """
    press = idempotency.press(ctx.vault, actor.id, token, number, "word", word)
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return repeated(before)
        loaded = load(ctx, session, actor, number)
        role = _leading_role(loaded)
        if word not in _proposed(ctx, session, loaded):
            raise BadInput({"word": ("unknown_option",)})
        event = WordChosen(actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, word=word)
        kept = keep(ctx, session, loaded, [event])
        outcome = {"seq": kept.last_seq, "raised": False, "number": kept.number}
        idempotency.use(session, press, outcome, at=ctx.now())
        return Done(kept.last_seq, number=kept.number)


def _leading_role(loaded: Loaded) -> str:
    role = role_for(loaded.protocol, leading(loaded.protocol), loaded.roles)
    if role is None:
        raise Unseen(loaded.case.number)
    return role


def _proposed(ctx: AppContext, session: Session, loaded: Loaded) -> tuple[str, ...]:
    """The same ones until one of them is chosen: drawn by a key, so that what isn't among them tells nothing."""
    case = loaded.case
    chosen = sum(isinstance(event, WordChosen) for event in case.events)
    names = [str(one.get("name", "")) for one in names_in(ctx, session, loaded.case_id).values()]
    taken = lookup_repository.words_in_use(session, case.unit, but=loaded.case_id) | {case.word}
    free = (word for word in unnamed(words_drawn(ctx, loaded.case_id, chosen + 1), names) if word not in taken)
    return tuple(word for word, _place in zip(free, range(PROPOSED), strict=False))
