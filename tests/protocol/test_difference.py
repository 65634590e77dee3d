"""What changes between two versions: named wherever it stands, silent about what only moved."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.editing import Edit, before, hundred, moroccan, shuffled, understood, written
from school_protocol.engine.definition import Protocol
from school_protocol.protocol import difference as module
from school_protocol.protocol.difference import Change, ChangeKind, difference

SMALL = written(Path(__file__).with_name("small.yaml"))
Difference = Callable[[Protocol, Protocol], tuple[Change, ...]]


def parsed(data: dict[str, Any]) -> Protocol:
    found = understood(data)
    assert found is not None
    return found


def is_named(edit: Edit, changes: tuple[Change, ...]) -> bool:
    """Some change stands where the edit was made, or at what holds it or hangs on it; and none stands elsewhere."""
    at = edit.named
    there = [change.path[: len(at)] == at[: len(change.path)] for change in changes]
    return bool(there) and all(there)


def unnamed(named_by: Difference) -> Iterator[Edit]:
    return (edit for edit, after in hundred() if not is_named(edit, named_by(before(), after)))


@pytest.fixture(scope="module", autouse=True)
def cleared() -> Iterator[None]:
    yield
    hundred.cache_clear()


@pytest.fixture(scope="module")
def named() -> list[tuple[Edit, tuple[Change, ...]]]:
    """Each edit with what the difference says of it."""
    return [(edit, difference(before(), after)) for edit, after in hundred()]


@pytest.mark.exhaustive
def test_a_hundred_random_edits_are_all_named_where_they_were_made() -> None:
    assert [(edit.what, edit.place) for edit in unnamed(difference)] == []


@pytest.mark.exhaustive
def test_the_edits_are_of_every_kind_and_of_most_parts() -> None:
    assert len(hundred()) == 100
    assert {edit.what.split()[0] for edit, _after in hundred()} == {"say", "take", "add"}
    assert len({edit.place[0] for edit, _after in hundred()}) >= 18


@pytest.mark.exhaustive
def test_a_difference_that_forgets_a_part_is_found_out(named: list[tuple[Edit, tuple[Change, ...]]]) -> None:
    def without(changes: tuple[Change, ...], part: str) -> tuple[Change, ...]:
        return tuple(change for change in changes if change.path[0] != part)

    for part in sorted({str(edit.place[0]) for edit, _changes in named}):
        assert [edit for edit, changes in named if not is_named(edit, without(changes, part))], part


@pytest.mark.exhaustive
def test_a_difference_that_forgets_an_attribute_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_texts", lambda path, before, after: iter(()))
    assert list(unnamed(difference))


def test_every_attribute_of_the_model_is_walked(small: Protocol) -> None:
    """Whatever attribute a part is given tomorrow, a change of it is named: the walk asks the model."""
    for name in Protocol.model_fields.keys() - {"version", "digest", "format"}:
        value = getattr(small, name)
        if isinstance(value, dict) and value:
            key = next(iter(value))
            assert [change.place for change in difference(small, small.model_copy(update={name: {}}))]
            assert any(
                change.path == (name, key) and change.kind is ChangeKind.removed
                for change in difference(small, small.model_copy(update={name: {}}))
            )


@pytest.mark.parametrize("name", ["moroccan", "small"])
@pytest.mark.parametrize("seed", range(5))
def test_what_only_moved_is_no_change(name: str, seed: int) -> None:
    data = {"moroccan": moroccan(), "small": SMALL}[name]
    assert difference(parsed(data), parsed(shuffled(data, random.Random(seed)))) == ()


def test_equal_files_and_another_number_are_no_change() -> None:
    assert difference(before(), parsed(moroccan())) == ()
    assert difference(before(), before().model_copy(update={"version": 9, "digest": "0" * 64})) == ()


def test_a_condition_otherwise_spaced_is_no_change() -> None:
    need = next(iter(SMALL["needs"]))
    data = copy.deepcopy(SMALL)
    data["needs"][need]["when"] = f"({data['needs'][need]['when']})".replace(" ", "  ")
    assert difference(parsed(SMALL), parsed(data)) == ()


@pytest.mark.parametrize(
    "place",
    [("grids", "levels"), ("facts", "values"), ("retention",), ("languages",), ("dangers", "first_acts")],
    ids=lambda place: "-".join(place),
)
def test_an_order_that_decides_is_named(place: tuple[str, ...]) -> None:
    """Levels are found by their number, so that their order decides nothing: the control of this table."""
    data, holder, key = copy.deepcopy(moroccan()), None, place[-1]
    holder = data if len(place) == 1 else next(one for one in data[place[0]].values() if len(one.get(key, ())) > 1)
    turned = holder[key]
    holder[key] = dict(reversed(turned.items())) if isinstance(turned, dict) else list(reversed(turned))
    found = difference(before(), parsed(data))
    assert [change.kind for change in found] == ([] if key == "levels" else [ChangeKind.reordered])
    assert all(change.path[0] == place[0] and change.path[-1] == key for change in found)


# ---- before and after --------------------------------------------------------------------------------------------


def changed(part: str, key: str, **attributes: Any) -> tuple[Change, ...]:
    """The difference where these attributes of one entry of the small definition are written otherwise."""
    data = copy.deepcopy(SMALL)
    for name, value in attributes.items():
        if value is None:
            data[part][key].pop(name, None)
        else:
            data[part][key][name] = value
    return difference(parsed(SMALL), parsed(data))


def locked(part: str, lock: str = "law") -> str:
    return next(key for key, one in SMALL[part].items() if one.get("lock") == lock)


def test_a_change_says_what_was_and_what_is() -> None:
    move = next(key for key, one in SMALL["moves"].items() if isinstance(one.get("needs"), list))
    needs = SMALL["moves"][move]["needs"]
    less, more = changed("moves", move, needs=[*needs[1:], "another"])
    assert (less.place, less.kind, less.before, less.after) == (f"moves.{move}.needs", "removed", needs[0], None)
    assert (more.place, more.kind, more.before, more.after) == (f"moves.{move}.needs", "added", None, "another")


def test_a_text_is_named_in_its_language() -> None:
    state = next(iter(SMALL["states"]))
    title = SMALL["states"][state]["title"]
    (found,) = changed("states", state, title={**title, "ar": "شيء آخر"})
    assert (found.path, found.language) == (("states", state, "title", "ar"), "ar")
    assert (found.before, found.after) == (title["ar"], "شيء آخر")


# ---- what is fixed -----------------------------------------------------------------------------------------------

WITH_LOCKS = {
    "needs": {"safe": {"when": "a and b", "lock": "law"}},
    "deadlines": {"soon": {"value": "2", "unit": "clock_hours", "max": "4", "lock": "safety", "repeat": "true",
                           "start": [{"report": "true"}], "met_by": [{"act": "x"}], "unless": "a"}},
}  # fmt: skip
TEXT = {"fr": "x", "ar": "س", "en": "x"}


def with_locks(part: str, key: str, **attributes: Any) -> Protocol:
    """The small definition with one locked need and one locked deadline, said otherwise; asked for by every move."""
    data = copy.deepcopy(SMALL)
    data["needs"]["safe"] = {**WITH_LOCKS["needs"]["safe"], "sentence": TEXT}
    data["deadlines"]["soon"] = {**WITH_LOCKS["deadlines"]["soon"], "title": TEXT}
    first = next(iter(data["moves"].values()))
    first["needs"] = ["safe"]
    entry = first if part == "moves" else data[part][key]
    for name, value in attributes.items():
        if value is None:
            entry.pop(name)
        else:
            entry[name] = value
    return parsed(data)


@pytest.mark.parametrize(
    ("part", "attributes", "lock", "is_loosening"),
    [
        ("needs", {"when": "a"}, "law", True),
        ("needs", {"when": "a or b"}, "law", True),
        ("needs", {"when": "b and a and c"}, "law", False),
        ("needs", {"lock": None}, "law", True),
        ("needs", {"lock": "safety"}, "law", True),
        ("needs", {"sentence": {**TEXT, "fr": "y"}}, "law", False),
        ("moves", {"needs": None}, "law", True),
        ("moves", {"needs": ["other"]}, "law", True),
        ("moves", {"needs": ["safe", "other"]}, None, False),
        ("deadlines", {"value": "4"}, "safety", False),
        ("deadlines", {"value": "5"}, "safety", True),
        ("deadlines", {"value": "1"}, "safety", False),
        ("deadlines", {"max": "5"}, "safety", True),
        ("deadlines", {"max": None}, "safety", True),
        ("deadlines", {"max": "3"}, "safety", False),
        ("deadlines", {"unit": "school_hours"}, "safety", True),
        ("deadlines", {"lock": None}, "safety", True),
        ("deadlines", {"lock": "law"}, "safety", False),
        ("deadlines", {"unless": "b"}, "safety", True),
        ("deadlines", {"unless": None}, "safety", False),
        ("deadlines", {"suspended_while": "b"}, "safety", True),
        ("deadlines", {"met_by": [{"act": "x"}, {"act": "y"}]}, "safety", True),
        ("deadlines", {"met_by": []}, "safety", False),
        ("deadlines", {"start": []}, "safety", True),
        ("deadlines", {"start": [{"report": "true"}, {"danger": "raised"}]}, "safety", False),
        ("deadlines", {"repeat": None}, "safety", True),
        ("deadlines", {"urgent": "true"}, "safety", False),
        ("deadlines", {"title": {**TEXT, "en": "y"}}, "safety", False),
    ],
)
def test_what_loosens_something_that_is_fixed(
    part: str, attributes: dict[str, Any], lock: str | None, is_loosening: bool
) -> None:
    key = {"needs": "safe", "deadlines": "soon"}.get(part, "")
    found = difference(with_locks("needs", "safe"), with_locks(part, key, **attributes))
    assert any(change.is_loosening for change in found) is is_loosening
    assert {change.lock for change in found if change.is_loosening or lock is None} <= {lock}


@pytest.mark.parametrize(
    ("when", "is_loosening"),
    [("a", False), ("a or b", True), ("a and b and c", True), ("b and a", False), (None, True)],
)
def test_a_locked_need_that_fewer_answers_call_for_is_loosened(when: str | None, is_loosening: bool) -> None:
    """Where answers call for it: what asked `a and b` and asks `a` calls for it more often than before."""

    def calling(condition: str | None) -> Protocol:
        data = copy.deepcopy(SMALL)
        data["needs"]["safe"] = {**WITH_LOCKS["needs"]["safe"], "sentence": TEXT}
        act = next(iter(data["acts"].values()))
        act["needs_when"] = [{"when": condition, "needs": "safe"}] if condition else []
        return parsed(data)

    found = difference(calling("a and b"), calling(when))
    assert any(change.is_loosening for change in found) is is_loosening


@pytest.mark.parametrize(("part", "key"), [("needs", "safe"), ("deadlines", "soon")])
def test_what_is_fixed_and_gone_is_loosened(part: str, key: str) -> None:
    before = with_locks("needs", "safe")
    less = {name: one for name, one in getattr(before, part).items() if name != key}
    (found,) = difference(before, before.model_copy(update={part: less}))
    assert (found.path, found.kind, found.is_loosening) == ((part, key), "removed", True)


@pytest.mark.exhaustive
def test_nothing_that_is_not_fixed_is_called_loosened() -> None:
    data = copy.deepcopy(SMALL)
    for part in ("needs", "deadlines"):
        for one in data[part].values():
            one.pop("lock", None)
    before = parsed(data)
    for one in data["deadlines"].values():
        one["value"] = "90"
    found = difference(before, parsed(data))
    assert found
    assert not any(change.is_loosening or change.lock for change in found)
