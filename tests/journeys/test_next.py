"""What the case page says is next agrees with desk, queue and mails: over every story, at every step, now and later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
from school_protocol.engine.definition import Protocol
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
    acts = [one.act.title for _group, lines in view.acts for one in lines if one.is_first or one.suggested]
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
@pytest.mark.parametrize(("planted", "begins", "says"), [
    ((case_view, "follow_ups", lambda _facts, _running: ()), 33, "the desk says today, the page"),
    ((case_view, "act_for", lambda *_what: None), 12, "the desk says that it waits for them"),
])  # fmt: skip
def test_the_walk_notices_a_page_that_looks_by_itself(
    moroccan: Protocol, monkeypatch: pytest.MonkeyPatch, planted: tuple[Any, str, Any], begins: int, says: str
) -> None:
    """The planted controls: a page without the follow-ups of the lists, and one without what the case waits for."""
    monkeypatch.setattr(*planted)
    with throwaway(moroccan, (ROOT / "ma-cyberharassment/1.yaml").read_bytes(), START) as player:
        player.watching = False
        assert any(says in found for found in walk(player, "sc1", begins))
