"""What the case page says is next agrees with desk, queue and mails: over every story, at every step, now and later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from journeys.test_stories import ROOT, START, STORIES, place, story
from school_protocol.cases import case_view
from school_protocol.cases.loading import Loaded, index_row, load
from school_protocol.cases.review_lines import own_line
from school_protocol.cases.showing import seeing_of
from school_protocol.cases.story_player import Player, throwaway
from school_protocol.cases.view_models import CaseLine, CaseView
from school_protocol.context import AppContext
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.notifications.service import _Count, _open_counts
from school_protocol.protocol.reader import read_file
from school_protocol.supervision.review_queue import waits_of

LATER = (timedelta(), timedelta(days=1), timedelta(days=40))


def contradictions(ctx: AppContext, actor: Actor, number: str) -> Iterator[str]:
    """Where the page of a case says to this person other than its line in lists, the queue or a message."""
    with ctx.realm.reading() as session:
        try:
            loaded = load(ctx, session, actor, number, reading=True)
        except Unseen:
            return
        view, line = seeing_of(ctx, loaded).page(), own_line(ctx, loaded)
    if line is None:
        return
    due = [one for one in view.duties if one.state == "due"]
    tones = {one.tone for one in (*due, *view.dues)}
    is_ended = line.tone == "ended"
    if line.tone in ("late", "today") and line.tone not in tones:
        yield f"the desk says {line.tone}, the page {sorted(tones) or 'that nothing is due'}"
    if not is_ended and not line.metadata_only and "late" in tones and line.tone != "late":
        yield f"the page says late, the desk {line.tone}"
    said = {one.deadline.key for one in view.dues if one.deadline} | {key for one in due for key in one.duty.deadlines}
    if not line.metadata_only:
        yield from (f"told by a message, and not on the page: {key}" for key in _told(loaded) - said)
        if _waits(loaded) and not (said or _offers(view) or line.next):
            yield "it waits in the queue, and nothing is to be done on the page"
    if line.whom == "me" and not _is_offered(loaded, line, view):
        yield f"the desk says that it waits for them, the page offers no such thing: {line.next}"


def _told(loaded: Loaded) -> set[str]:
    """Deadlines of which messages are told by now."""
    counts = (_Count(loaded.facts, *found) for found in _open_counts(loaded.facts))
    return {count.deadline.key for count in counts if any(count.fallen())}


def _waits(loaded: Loaded) -> bool:
    row = index_row(loaded.case_id, loaded.protocol, loaded.case, loaded.facts, loaded.around)
    roles = {wait.role for wait in waits_of(row, loaded.facts, ()) if wait.kind in ("urgent", "visa", "review")}
    return not roles.isdisjoint(loaded.roles)


def _offers(view: CaseView) -> bool:
    return bool(view.next_moves or view.ways_back or view.to_sign or view.refusal)


def _is_offered(loaded: Loaded, line: CaseLine, view: CaseView) -> bool:
    """Whether what waits for the reader stands on the page: as something to write, a step, or what is due."""
    acts = [one.act.title for _group, lines in view.acts for one in lines if one.place is not None]
    moves = [one.move.title for one in (*view.next_moves, *view.ways_back)]
    acts += [duty.title for duty in loaded.protocol.duties.values() for act in duty.met_by
             if loaded.protocol.acts[act].title in acts]  # fmt: skip
    dues = [one.deadline.title for one in view.dues if one.deadline]
    if line.to_sign:
        return bool(view.to_sign)
    return bool(line.sent_back and view.refusal) or line.next in (*acts, *moves, *dues)


def walk(player: Player, name: str, begins: int = 1) -> Iterator[str]:
    """What contradicts what, at each step of a story from that one on, for everybody who may see its cases."""
    roles = [key for key, role in player.protocol.roles.items() if role.sees.value not in ("none", "receipt")]
    for number, step in enumerate(story(name).steps, 1):
        player._turn(step, number)
        if "do" not in step:
            continue
        player._one(number, step)
        for who in {*player.actors, *roles} if number >= begins else ():
            for case in set(player.numbers.values()):
                for more in LATER:
                    with turned(player, more):
                        found = list(contradictions(player.ctx, player.actor(who), case))
                    yield from (f"step {number}, {who}, {more.days} days on: {said}" for said in found)


@contextmanager
def turned(player: Player, more: timedelta) -> Iterator[None]:
    """So much later, and then as before."""
    before = player.clock.moment
    player.clock.moment = before + more
    yield
    player.clock.moment = before


@pytest.mark.exhaustive(but=("*/joining",))
@pytest.mark.parametrize("name", STORIES)
def test_page_and_lists_say_the_same_at_every_step(name: str) -> None:
    content = (place(name) / "1.yaml").read_bytes()
    with throwaway(read_file(place(name) / "1.yaml"), content, START) as player:
        player.watching = False
        assert list(walk(player, name)) == []


@pytest.mark.exhaustive(but=("planted0*",))
@pytest.mark.parametrize(("planted", "name", "begins", "says"), [
    ((case_view, "follow_ups", lambda _facts, _running: ()), "sc1", 33, "the desk says today, the page"),
    ((case_view, "act_for", lambda *_what: None), "staff_concerned", 11, "the desk says that it waits for them"),
])  # fmt: skip
def test_the_walk_notices_a_page_that_looks_by_itself(
    moroccan: Protocol,
    monkeypatch: pytest.MonkeyPatch,
    planted: tuple[Any, str, Any],
    name: str,
    begins: int,
    says: str,
) -> None:
    """The planted controls: a page without the follow-ups of the lists, and one without what the case waits for."""
    monkeypatch.setattr(*planted)
    with throwaway(moroccan, (ROOT / "ma-cyberharassment/1.yaml").read_bytes(), START) as player:
        player.watching = False
        assert any(says in found for found in walk(player, name, begins))


# ---- what a story does next, against what the page says is next ----------------------------------------------------


def offered(view: CaseView) -> list[str]:
    """Acts and steps in the order of this person's page; a signature is one thing, an awaited answer too."""
    lines = [line for _group, found in view.acts for line in found if line.place is not None]
    ways = [line for line in view.next_moves if line.is_open and line.place is not None]
    places = {line.act.key: line.place or 0 for line in lines} | {line.move.key: line.place or 0 for line in ways}
    back = [line.move.key for line in view.ways_back if line.is_open]
    asked = sorted(places, key=lambda key: places[key])
    awaited = [view.answer.key] if view.awaited and view.answer else []
    with_reason = [line.move.key for line in ways if line.move.reason]
    own = [key for key in asked if key not in with_reason]
    return [*(["sign"] if view.to_sign else []), *back, *own, *awaited, *with_reason]


def next_places(name: str) -> Iterator[tuple[int | None, int]]:
    """Of each step of a story in an open case, where the page told whoever made it of it, and of how many things."""
    with throwaway(read_file(place(name) / "1.yaml"), (place(name) / "1.yaml").read_bytes(), START) as player:
        player.watching = False
        for number, step in enumerate(story(name).steps, 1):
            player._turn(step, number)
            if "do" not in step:
                continue
            case, actor = str(step.get("case", "")), player.actor(str(step.get("as", "")))
            player._look(actor, case)
            told = None
            if case in player.numbers and step.get("expect") != "refused":
                with suppress(Unseen), player.ctx.realm.reading() as session:
                    loaded = load(player.ctx, session, actor, player.numbers[case], reading=True)
                    told = offered(seeing_of(player.ctx, loaded).page(tasks_alone=True))
            if not player._one(number, step).went_as_said or told is None:
                continue
            protocol, key = player.protocol, str(step["do"])
            act = protocol.acts.get(protocol.resolve("acts", key))
            key = protocol.resolve("moves", key) if act is None else "sign" if act.kind is ActKind.sign else act.key
            yield told.index(key) if key in told else None, len(told)


def met(places: list[tuple[int | None, int]]) -> tuple[int, int, int]:
    """How many steps there are, how many of them were told first, and how many among the first three."""
    known = [place for place, _of in places if place is not None]
    return len(places), known.count(0), sum(place < 3 for place in known)


@pytest.mark.parametrize(("names", "steps", "first", "three"), [
    (("ma-cyberharassment/transfer",), 12, 9, 9),
    pytest.param(STORIES, 428, 301, 350, marks=pytest.mark.exhaustive),
])  # fmt: skip
def test_what_a_story_does_next_is_told_first_or_near_it(
    names: tuple[str, ...], steps: int, first: int, three: int
) -> None:
    """The numbers may grow. The control: the same pages read from their last line meet fewer steps."""
    places = [found for name in names for found in next_places(name)]
    assert met(places) == (steps, first, three)
    backwards = [(None if place is None else of - 1 - place, of) for place, of in places]
    assert met(backwards)[1] < first / 2
