"""The drawing of a protocol: everything once, nothing on top of anything, every arrow where it belongs, both ways."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path
from xml.etree import ElementTree

import pytest

from school_protocol.engine.definition import HISTORY, START, Move, Protocol, Stage, State
from school_protocol.engine.texts import Text
from school_protocol.language import Wording
from school_protocol.protocol.drawing import MANY, Arrow, Box, Drawing, width_of, wrapped
from school_protocol.protocol.drawing_layout import Run, badged, drawn, tracks
from school_protocol.protocol.drawing_svg import fragment, svg
from school_protocol.protocol.reader import read_file

LANGUAGES = ("fr", "ar", "en")
Piece = tuple[tuple[float, float], tuple[float, float]]
SVG = "{http://www.w3.org/2000/svg}"


SHIPPED = sorted((Path(__file__).parents[2] / "protocol_definitions").glob("*/[0-9]*.yaml"))


@pytest.fixture(scope="module", params=["small", "other", *(f"{path.parent.name}/{path.name}" for path in SHIPPED)])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    small: Protocol = request.getfixturevalue("small")
    if request.param in ("small", "other"):
        return small if request.param == "small" else unlike(small)
    return read_file(SHIPPED[0].parents[1] / request.param)


def said(words: str) -> Text:
    return Text(dict.fromkeys(LANGUAGES, words))


def unlike(protocol: Protocol) -> Protocol:
    """Two stages, nine states in one of them, no codes, titles that are long or hard to write, moves from anywhere."""
    stages = {key: Stage(key=key, title=said(f"Stage <{key}> & more")) for key in ("one", "two")}
    long = "Une situation dont le nom n’en finit pas, avec « & », <b> et encore d’autres mots " * 3
    states = {
        f"s{place}": State(
            key=f"s{place}", stage="one" if place else "two", initial=place == 1, ended=place == 0,
            title=said(long if place == 3 else f"State {place} <&> {'x' * 60 if place == 4 else ''}"),
        )
        for place in range(10)
    }  # fmt: skip
    ways = [("opens", [START], "s1"), ("ends", ["open"], "s0"), ("anew", ["any"], "s1"), ("back", ["s5"], HISTORY)]
    ways += [(f"w{place}", [f"s{place}"], f"s{place % 9 + 1}") for place in range(1, 10)]
    ways += [(f"far{place}", [f"s{place}", "s0"], f"s{10 - place}") for place in (1, 2, 3)]
    moves = {
        key: Move.model_validate({"key": key, "from": sources, "to": target, "by": ["warden"], "title": said(long)})
        for key, sources, target in ways
    }
    update = {
        "stages": stages, "states": states, "moves": moves, "acts": {}, "deadlines": {}, "protocol": "other-shape",
    }  # fmt: skip
    return protocol.model_copy(update=update)


def sources_of(protocol: Protocol, move: Move) -> set[str]:
    found = {key for key in move.from_ if key != START}
    if "any" in found:
        return set(protocol.states)
    return {key for key, state in protocol.states.items() if not state.ended} if "open" in found else found


# ---- what must hold, each check on a planted fault too -------------------------------------------------------------


def missing(protocol: Protocol, drawing: Drawing) -> list[str]:
    """States that do not stand there once, and moves that do not leave each of their states once."""
    stands = Counter(box.key for box in drawing.states())
    faults = [key for key in protocol.states if stands[key] != 1]
    for move in protocol.moves.values():
        arrows = [arrow for arrow in drawing.arrows if arrow.move == move.key]
        sources = sources_of(protocol, move)
        gathered = len(sources) >= MANY and move.to != HISTORY
        wanted = [f"sources {move.key}"] if gathered else [*sources, *([""] if START in move.from_ else [])]
        if Counter(arrow.source for arrow in arrows) != Counter(wanted):
            faults.append(move.key)
        if any(arrow.target != ("" if move.to == HISTORY else move.to) for arrow in arrows):
            faults.append(move.key)
    return faults


def overlapping(boxes: Iterable[Box]) -> list[tuple[str, str]]:
    return [(one.key, other.key) for one, other in combinations(boxes, 2) if one.meets(other)]


def astray(drawing: Drawing) -> list[int]:
    """Numbers of arrows that do not run level and upright from the edge of one of their boxes to that of the other."""
    return [arrow.number for arrow in drawing.arrows if not _runs_well(drawing, arrow)]


def _runs_well(drawing: Drawing, arrow: Arrow) -> bool:
    for (a, b), (c, d) in pairwise(arrow.points):
        if abs(a - c) > 0.01 and abs(b - d) > 0.01:
            return False
    ends = ((arrow.source, arrow.points[0]), (arrow.target, arrow.points[-1]))
    return all(not key or _on_edge(drawing.box(key), point) for key, point in ends)


def _on_edge(box: Box, point: tuple[float, float]) -> bool:
    x, y = point
    on_side = min(abs(x - box.x), abs(x - box.x - box.width)) < 0.01
    on_level = min(abs(y - box.y), abs(y - box.y - box.height)) < 0.01
    return box.holds(point) and (on_side or on_level)


def through(drawing: Drawing) -> list[tuple[int, str]]:
    """Arrows that run through a box."""
    found = []
    for arrow in drawing.arrows:
        for (a, b), (c, d) in pairwise(arrow.points):
            line = Box("", "", "", (), (), min(a, c), min(b, d), abs(a - c) or 0.001, abs(b - d) or 0.001)
            found += [(arrow.number, box.key) for box in drawing.boxes if _inner(box).meets(line)]
    return found


def laid_over(drawing: Drawing) -> list[tuple[int, int]]:
    """Arrows of which a piece lies on one of another arrow's, so that neither can be followed."""
    return [
        (one.number, other.number)
        for one, other in combinations(drawing.arrows, 2)
        if any(_on_top(*two) for two in product(pairwise(one.points), pairwise(other.points)))
    ]


def _on_top(one: Piece, other: Piece) -> bool:
    for across, along in ((0, 1), (1, 0)):
        places = [point[across] for piece in (one, other) for point in piece]
        low, high = (sorted(point[along] for point in piece) for piece in (one, other))
        is_straight = all(abs(piece[0][across] - piece[1][across]) < 0.01 for piece in (one, other))
        if is_straight and max(places) - min(places) < 2.5 and min(low[1], high[1]) - max(low[0], high[0]) > 1:
            return True
    return False


def _inner(box: Box) -> Box:
    return replace(box, x=box.x + 1, y=box.y + 1, width=box.width - 2, height=box.height - 2)


@pytest.mark.exhaustive(but=("*-ar", "small-fr"))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_and_every_move_is_drawn_once(protocol: Protocol, language: str) -> None:
    drawing = drawn(protocol, Wording(language))
    assert missing(protocol, drawing) == []
    assert [entry.move for entry in drawing.entries] == list(protocol.moves)
    assert {arrow.number for arrow in drawing.arrows} == set(range(1, len(protocol.moves) + 1))


def test_what_is_left_out_or_drawn_twice_is_found(small: Protocol) -> None:
    drawing = drawn(small, Wording("fr"))
    arrow, box = drawing.arrows[0], next(drawing.states())
    for fault, key in (
        (replace(drawing, arrows=drawing.arrows[1:]), arrow.move),
        (replace(drawing, arrows=(*drawing.arrows, arrow)), arrow.move),
        (replace(drawing, boxes=drawing.boxes[1:]), box.key),
        (replace(drawing, boxes=(*drawing.boxes, box)), box.key),
    ):
        assert key in missing(small, fault)


@pytest.mark.exhaustive(but=("*-ar", "small-fr"))
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_boxes_overlap_and_all_stand_inside(protocol: Protocol, language: str) -> None:
    drawing = drawn(protocol, Wording(language))
    assert overlapping(drawing.boxes) == []
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.y >= drawing.head
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height
    moved = replace(drawing.boxes[0], x=drawing.boxes[1].x, y=drawing.boxes[1].y)
    assert overlapping((moved, drawing.boxes[1])) == [(moved.key, drawing.boxes[1].key)], "a planted overlap is found"


@pytest.mark.exhaustive(but=("*-ar", "small-fr"))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_stands_in_its_lane(protocol: Protocol, language: str) -> None:
    drawing = drawn(protocol, Wording(language))
    lanes = {lane.stage: lane for lane in drawing.lanes}
    assert list(lanes) == list(protocol.stages)
    for box in drawing.states():
        lane = lanes[protocol.states[box.key].stage]
        assert lane.x <= box.x
        assert box.x + box.width <= lane.x + lane.width


@pytest.mark.exhaustive(but=("*-ar", "small-fr"))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_arrow_ends_at_its_boxes_and_runs_through_none(protocol: Protocol, language: str) -> None:
    drawing = drawn(protocol, Wording(language))
    assert astray(drawing) == []
    assert through(drawing) == []
    arrow = next(one for one in drawing.arrows if one.source and one.target)
    (x, y), *rest = arrow.points
    cut = replace(drawing, arrows=(replace(arrow, points=((x + 3, y + 3), *rest)),))
    assert astray(cut) == [arrow.number], "an arrow that ends beside its box is found"
    box = next(drawing.states())
    across = replace(arrow, points=((0.0, box.y + 5), (drawing.width, box.y + 5)))
    assert (arrow.number, box.key) in through(replace(drawing, arrows=(across,)))


def test_no_arrow_lies_on_another_one(protocol: Protocol) -> None:
    drawing = drawn(protocol, Wording("fr"))
    assert laid_over(drawing) == []
    arrow = next(one for one in drawing.arrows if one.source and one.target)
    shifted = replace(arrow, number=999, points=tuple((x + 1, y + 1) for x, y in arrow.points))
    assert laid_over(replace(drawing, arrows=(arrow, shifted))) == [(arrow.number, 999)], "the control"


def test_every_number_has_a_place_of_its_own(protocol: Protocol) -> None:
    drawing = drawn(protocol, Wording("fr"))
    near = [
        (one.number, other.number)
        for one, other in combinations(drawing.arrows, 2)
        if abs(one.badge[0] - other.badge[0]) < 14 and abs(one.badge[1] - other.badge[1]) < 14
    ]
    assert near == []


def test_two_numbers_that_want_one_place_are_moved_apart() -> None:
    """Two short lines beside each other, there and back: the middle of either is too near to that of the other."""
    there = Arrow("a", 1, "one", "two", "forward", ((10, 20), (54, 20)), (0, 0))
    back = Arrow("b", 2, "two", "one", "forward", ((54, 30), (10, 30)), (0, 0))
    [first, second] = badged([there, back], ())
    assert abs(first.badge[0] - second.badge[0]) >= 17


def test_the_same_protocol_gives_the_same_drawing(protocol: Protocol) -> None:
    assert drawn(protocol, Wording("fr")) == drawn(protocol, Wording("fr"))


# ---- mirrored ------------------------------------------------------------------------------------------------------


def test_arabic_is_mirrored(protocol: Protocol) -> None:
    drawing = drawn(protocol, Wording("ar"))
    assert drawing.direction == "rtl"
    across = [lane.x for lane in drawing.lanes]
    assert across == sorted(across, reverse=True)
    assert len(set(across)) == len(across)
    french = [lane.x for lane in drawn(protocol, Wording("fr")).lanes]
    assert french == sorted(french)


def test_words_begin_at_the_right_in_arabic(small: Protocol) -> None:
    title = small.states["looking"].title
    for language, begins in (("fr", "left"), ("ar", "right")):
        drawing = drawn(small, Wording(language))
        box = drawing.box("looking")
        tree = ElementTree.fromstring(svg(drawing, Wording(language)))
        assert tree.get("direction") == ("rtl" if begins == "right" else "ltr")
        assert box.title[0] in Wording(language).text(title)
        words = next(one for one in tree.iter(f"{SVG}text") if one.text == box.title[0])
        x = float(words.get("x", ""))
        assert words.get("text-anchor") == "start"
        assert abs(x - (box.x if begins == "left" else box.x + box.width)) < 10


# ---- what is said --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_urgent_path_is_one_arrow_of_its_own_kind(moroccan: Protocol) -> None:
    drawing = drawn(moroccan, Wording("en"))
    urgent = [arrow for arrow in drawing.arrows if arrow.kind == "urgent"]
    assert len(urgent) == 1
    assert len(sources_of(moroccan, moroccan.moves[urgent[0].move])) > MANY
    bar = drawing.box(urgent[0].source)
    assert bar.kind == "bar"
    assert "every open state" in " ".join(bar.title)
    assert {arrow.kind for arrow in drawing.arrows} == {"urgent", "forward", "backwards"}


def test_every_open_state_is_said_only_where_it_is_so(small: Protocol) -> None:
    sound = small.moves["sound"]
    for sources, wholly in ((sound.from_, True), (tuple(key for key in sound.from_ if key != "agreed"), False)):
        moves = {**small.moves, "sound": sound.model_copy(update={"from_": (*sources, "alarmed")})}
        drawing = drawn(small.model_copy(update={"moves": moves}), Wording("en"))
        said = " ".join(next(box for box in drawing.boxes if box.kind == "bar").title)
        assert ("every open state" in said) is wholly, said


@pytest.mark.exhaustive
def test_deadlines_stand_in_the_states_where_they_begin(small: Protocol, moroccan: Protocol) -> None:
    notes = {box.key: " ".join(box.notes) for box in drawn(small, Wording("en")).states()}
    assert "First talk" in notes["noted"]
    assert "24 h" in notes["alarmed"]
    assert "15 days" in notes["looking"]
    assert notes["shelved"] == ""
    for box in drawn(moroccan, Wording("ar")).states():
        codes = {one.code for one in moroccan.deadlines.values() if any(box.key in s.entered for s in one.start)}
        assert all(code in " ".join(box.notes) for code in codes)


@pytest.mark.exhaustive(but=("*-ar", "small-fr"))
@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_written_down(protocol: Protocol, language: str) -> None:
    """In the SVG that stands alone: every state, every move, who may make it, whatever signs are in it."""
    wording = Wording(language)
    tree = ElementTree.fromstring(svg(drawn(protocol, wording), wording))
    text = squeezed("".join(one.text or "" for one in tree.iter(f"{SVG}text")))
    for state in protocol.states.values():
        words = squeezed(wording.text(state.title))
        assert words[:60] in text, "a title that is very long is cut in the box"
    for move in protocol.moves.values():
        assert squeezed(wording.text(move.title)) in text
        assert move.automatic or squeezed(wording.who(protocol, move.by)) in text
    states = Counter(one.get("data-state") for one in tree.iter() if one.get("data-state"))
    assert states == Counter(protocol.states.keys())


def squeezed(words: str) -> str:
    return re.sub(r"[\s\u2066-\u2069]", "", words)


def test_signs_of_markup_stay_words(protocol: Protocol) -> None:
    stage = next(iter(protocol.stages))
    stages = {**protocol.stages, stage: Stage(key=stage, title=said("<script>&\"'"))}
    drawing = drawn(protocol.model_copy(update={"stages": stages, "title": said('a"<b>&')}), Wording("fr"))
    for written in (svg(drawing, Wording("fr")), svg(drawing, Wording("fr"), alone=False), fragment(drawing, 200)):
        assert "<script" not in written
        assert "&lt;script&gt;&amp;" in written
    assert ElementTree.fromstring(svg(drawing, Wording("fr"))).get("aria-label") == 'a"<b>&'


@pytest.mark.exhaustive
def test_a_fragment_for_paper_has_no_words_in_its_svg(moroccan: Protocol) -> None:
    html = fragment(drawn(moroccan, Wording("ar")), 200)
    assert "<text" not in html
    assert html.count("<svg") == 1
    assert "<bdi>" in html


# ---- pieces --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one", 100, ("one",)),
        ("one two three", 40, ("one two", "three")),
        ("one\u00a0two three", 44, ("one\u00a0two", "three")),
        ("", 40, ("",)),
    ],
)
def test_words_are_wrapped(text: str, width: float, lines: tuple[str, ...]) -> None:
    assert wrapped(text, width, 10) == lines


def test_a_word_that_is_too_wide_is_cut_and_a_text_too_long_ends_so() -> None:
    pieces = wrapped("x" * 40, 60, 10)
    assert len(pieces) > 2
    assert all(width_of(piece, 10) <= 60 / 0.85 for piece in pieces)
    assert wrapped("one two three four", 40, 10, lines=2)[-1].endswith("…")


def test_lines_that_need_not_cross_do_not() -> None:
    """Two lines that fall: the one that starts lower turns first."""
    upper, lower = Run(1, 10, "left", 50, "right"), Run(2, 20, "left", 60, "right")
    found = tracks([upper, lower])
    assert found[2] < found[1]
    rising = tracks([Run(1, 50, "left", 10, "right"), Run(2, 60, "left", 20, "right")])
    assert rising[1] < rising[2]


def test_lines_that_pass_at_no_height_share_a_track() -> None:
    assert set(tracks([Run(1, 0, "left", 20, "right"), Run(2, 60, "left", 90, "right")]).values()) == {0}


@pytest.mark.parametrize(("lanes", "each"), [(1, 1), (1, 4), (6, 1)])
def test_protocols_of_every_size_are_drawn(small: Protocol, lanes: int, each: int) -> None:
    stages = {f"g{lane}": Stage(key=f"g{lane}", title=said(f"G{lane}")) for lane in range(lanes)}
    states = {
        f"s{lane}_{row}": State(key=f"s{lane}_{row}", stage=f"g{lane}", initial=not lane + row, title=said("S"))
        for lane in range(lanes)
        for row in range(each)
    }
    keys = list(states)
    moves = {
        f"m{one}_{other}": Move.model_validate(
            {"key": f"m{one}_{other}", "from": [one], "to": other, "by": ["warden"], "title": said("M")}
        )
        for one in keys
        for other in keys
        if one != other
    }
    update = {"stages": stages, "states": states, "moves": moves, "acts": {}, "deadlines": {}}
    protocol = small.model_copy(update=update)
    drawing = drawn(protocol, Wording("en"))
    assert missing(protocol, drawing) == []
    assert overlapping(drawing.boxes) == []
    assert astray(drawing) == []
    assert through(drawing) == []
