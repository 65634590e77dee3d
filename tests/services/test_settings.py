"""Settings within the law: a form's answers become a draft of the next version, and nothing else in it differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from engine.telling import MOROCCAN

from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.protocol.difference import difference
from school_protocol.protocol.reader import read
from school_protocol.protocol.settings import Part
from school_protocol.publishing import service as publishing_service
from school_protocol.publishing import settings as publishing_settings
from services.administering import Desk, desk_of

FIRST = MOROCCAN.read_bytes()
KEY = "ma-cyberharassment"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with desk_of(FIRST) as made:
        yield made


def answers(desk: Desk, part: str, entry: str = "", draft: str = "", **changes: Any) -> dict[str, Any]:
    """A page's settings as they stand, with these changed; `key` names the end of a setting's path."""
    view = publishing_settings.see_part(desk.ctx, desk.administrator(), KEY, part, entry, draft)
    said = {
        one.key: ", ".join(map(str, one.value)) if isinstance(one.value, tuple) else one.value for one in view.settings
    }
    for end, value in changes.items():
        [key] = [key for key in said if key.endswith(end.replace("__", "-"))]
        said[key] = value
    return said


def change(desk: Desk, part: str, entry: str = "", draft: str = "", **changes: Any) -> str:
    return publishing_settings.change_settings(
        desk.ctx, desk.administrator(), KEY, part, entry, draft, answers(desk, part, entry, draft, **changes)
    )


def problems(desk: Desk, part: str, entry: str = "", **changes: Any) -> dict[str, tuple[str, ...]]:
    with pytest.raises(BadInput) as caught:
        change(desk, part, entry, **changes)
    return {key.rsplit("-", 2)[-2]: codes for key, codes in caught.value.problems.items()}


def content_of(desk: Desk, draft: str) -> bytes:
    return publishing_service.export_draft(desk.ctx, desk.administrator(), draft).data


def places(content: bytes, before: bytes = FIRST) -> set[str]:
    return {change.place for change in difference(read(before, "a"), read(content, "b"))}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("part", "changes", "expected"),
    [
        ("deadlines", {"plan_due__value": 3}, {"deadlines.plan_due.value"}),
        ("deadlines", {"missed_follow_up__steps__0__after": 4}, {"deadlines.missed_follow_up.steps"}),
        ("follow_up", {"levels__2__days": "7، 15, 30 60"}, {"follow_up.levels.2.days"}),
        ("levels", {"levels__2__low": 12}, {"grids", "low", "high"}),
    ],
)
def test_a_change_is_the_next_version_and_nothing_else(
    desk: Desk, part: str, changes: dict[str, Any], expected: set[str]
) -> None:
    content = content_of(desk, change(desk, part, **changes))
    protocol = read(content, "next")
    assert protocol.version == 2
    found = places(content)
    assert found
    assert all(any(one in place for one in expected) for place in found), found
    assert len(content.splitlines()) == len(FIRST.splitlines())


def test_a_text_is_changed_in_one_language(desk: Desk) -> None:
    entry = next(iter(read(FIRST, "x").words))
    content = content_of(desk, change(desk, "words", entry, words__despair__hint__fr="Restez là.\r\nTout près."))
    assert places(content) == {f"words.{entry}.hint.fr"}
    assert read(content, "x").words[entry].hint.root["fr"] == "Restez là.\nTout près."  # type: ignore[union-attr]


@pytest.mark.exhaustive
def test_levels_stay_without_gap_or_overlap(desk: Desk) -> None:
    protocol = read(content_of(desk, change(desk, "levels", levels__3__low=25)), "x")
    levels = next(iter(protocol.grids.values())).levels
    assert (levels[2].high, levels[3].low) == (24, 25)


@pytest.mark.exhaustive
def test_a_setting_takes_the_same_way_as_a_file(desk: Desk) -> None:
    draft = change(desk, "deadlines", plan_due__value=4)
    desk.work_out()
    view = publishing_service.see_draft(desk.ctx, desk.administrator(), draft)
    assert view.to_propose == ()
    publishing_service.propose(desk.ctx, desk.administrator(), draft)
    assert publishing_service.see_draft(desk.ctx, desk.administrator(), draft).to_agree == ("own",)


@pytest.mark.exhaustive
def test_a_draft_is_changed_further_and_keeps_its_number(desk: Desk) -> None:
    first = change(desk, "deadlines", plan_due__value=5)
    second = content_of(desk, change(desk, "follow_up", "", first, levels__1__days="10, 20"))
    assert read(second, "x").version == 2
    assert places(second) == {"deadlines.plan_due.value", "follow_up.levels.1.days"}


@pytest.mark.parametrize(
    ("part", "changes", "expected"),
    [
        ("deadlines", {"assessment_due__value": 11}, {"assessment_due": ("range:1:10",)}),
        ("deadlines", {"plan_due__value": -1}, {"plan_due": ("range:1:10000",)}),
        ("deadlines", {"plan_due__value": 0}, {"plan_due": ("range:1:10000",)}),
        ("deadlines", {"plan_due__value": "soon"}, {"plan_due": ("not_a_number",)}),
        ("deadlines", {"plan_due__value": None}, {"plan_due": ("required",)}),
        (
            "deadlines", {"plan_due__value": None, "assessment_due__value": 99},
            {"plan_due": ("required",), "assessment_due": ("range:1:10",)},
        ),
        ("follow_up", {"levels__4__days": "3, 7, 15"}, {"4": ("days_fixed:1",)}),
        ("follow_up", {"levels__2__days": "7, 7"}, {"2": ("not_days",)}),
        ("follow_up", {"levels__2__days": "30, 7"}, {"2": ("not_days",)}),
        ("follow_up", {"levels__2__days": "a week"}, {"2": ("not_days",)}),
        ("follow_up", {"levels__2__days": " "}, {"2": ("required",)}),
        ("levels", {"levels__2__low": 0}, {"2": ("range:1:19",)}),
        ("deadlines", {}, {"qualification": ("unchanged",)}),
    ],
)  # fmt: skip
def test_what_goes_beyond_is_refused_all_at_once(
    desk: Desk, part: str, changes: dict[str, Any], expected: dict[str, tuple[str, ...]]
) -> None:
    assert problems(desk, part, **changes) == expected


def test_what_is_locked_is_shown_with_its_reason_and_cannot_be_sent(desk: Desk) -> None:
    view = publishing_settings.see_settings(desk.ctx, desk.administrator(), KEY)
    assert all(deadline.lock and deadline.basis for deadline in view.deadlines)
    assert view.deadlines
    assert view.needs
    said = answers(desk, "deadlines") | {f"deadlines-{view.deadlines[0].key}-value": 99}
    with pytest.raises(BadInput) as caught:
        publishing_settings.change_settings(desk.ctx, desk.administrator(), KEY, "deadlines", "", "", said)
    assert list(caught.value.problems.values()) == [("unchanged",)]


@pytest.mark.parametrize(
    ("key", "part", "entry"),
    [
        (KEY, "nothing", ""),
        (KEY, "words", ""),
        (KEY, "words", "nobody"),
        (KEY, "deadlines", "x"),
        ("other", "deadlines", ""),
    ],
)
def test_what_is_not_there_is_not_seen(desk: Desk, key: str, part: str, entry: str) -> None:
    with pytest.raises(Unseen):
        publishing_settings.see_part(desk.ctx, desk.administrator(), key, part, entry)


def test_only_a_role_that_publishes_may_be_here(desk: Desk) -> None:
    stranger = desk.person("head", "head")
    with pytest.raises(Unseen):
        publishing_settings.see_settings(desk.ctx, stranger, KEY)
    with pytest.raises(Unseen):
        publishing_settings.change_settings(desk.ctx, stranger, KEY, "deadlines", "", "", {})


def test_every_page_of_settings_can_be_shown(desk: Desk) -> None:
    view = publishing_settings.see_settings(desk.ctx, desk.administrator(), KEY)
    assert {line.part for line in view.parts if line.count} == set(Part)
    for line in view.parts:
        for entry in line.entries or ("",):
            assert publishing_settings.see_part(desk.ctx, desk.administrator(), KEY, line.part.value, entry).settings
