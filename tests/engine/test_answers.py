"""From whatever was typed to plain checked values, or every problem by field; never anything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.telling import MOROCCAN as MOROCCAN_FILE
from engine.telling import NOW
from school_protocol.engine.answers import Cleaned, References, answer_values, clean, plain_text
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField, Option
from school_protocol.engine.errors import BadInput
from school_protocol.engine.texts import Text
from school_protocol.protocol.reader import read

TEXT = Text({"fr": "x", "ar": "x", "en": "x"})
OPTIONS = tuple(Option(key=key, title=TEXT) for key in ("yes", "no", "unsure"))
REFERENCES = References(
    now=NOW,
    today=NOW.date(),
    people={"targeted_pupil-1": "targeted_pupil", "guardian-1": "guardian"},
    accounts=frozenset({"a1", "a2"}),
    held={"a1": frozenset({"team_member"}), "a2": frozenset({"team_member"})},
    referrals={"1": "open", "2": "settled"},
    holds=frozenset({"1"}),
    records={"2": "report", "7": "minutes"},
    cases=frozenset({"1234567890123"}),
)


def one(protocol: Protocol, type: FieldType, value: Any, **rules: Any) -> Any:
    """The checked value of a form with this one field, or its problems."""
    item = FormField(key="it", type=type, label=TEXT, **rules)
    form = Form(key="form", title=TEXT, fields=(item,))
    try:
        return clean(protocol, form, {"it": value}, REFERENCES).answers.get("it")
    except BadInput as bad:
        return {path.removeprefix("it"): codes for path, codes in bad.problems.items()}


def bad(*codes: str) -> dict[str, tuple[str, ...]]:
    return {"": codes}


# ---- each type ---------------------------------------------------------------------------------------------------

T = FieldType
ACCEPTED: list[tuple[FieldType, dict[str, Any], Any, Any]] = [
    (T.text, {}, "  Il m’a dit « dégage »  ", "Il m’a dit « dégage »"),
    (T.long, {}, "première\r\nseconde\rtroisième", "première\nseconde\ntroisième"),
    (T.long, {}, "قال ليا: سير 🙈 et puis OK", "قال ليا: سير 🙈 et puis OK"),
    (T.choice, {"options": OPTIONS}, "no", "no"),
    (T.choices, {"options": OPTIONS}, ["unsure", "yes"], ["yes", "unsure"]),
    (T.choices, {"options": OPTIONS}, "yes", ["yes"]),
    (T.yes_no, {}, "yes", True),
    (T.yes_no, {}, "No", False),
    (T.check, {}, "on", True),
    (T.tri, {}, "unknown", "unknown"),
    (T.date, {}, "2026-11-24", "2026-11-24"),
    (T.date, {}, "24/11/2026", "2026-11-24"),
    (T.date, {}, "٢٠٢٦-١١-٢٤", "2026-11-24"),
    (T.date, {}, date(2026, 11, 24), "2026-11-24"),
    (T.moment, {}, "2026-11-24T10:00+01:00", "2026-11-24T09:00:00+00:00"),
    (T.integer, {}, "٤٢", 42),
    (T.integer, {"least": 3, "most": 25}, " 12 ", 12),
    (T.scale, {}, "10", 10),
    (T.danger, {}, "T04", "blackmail"),
    (T.danger, {}, "blackmail", "blackmail"),
    (T.dangers, {}, ["T04", "blackmail", "T01"], ["blackmail", "self_harm"]),
    (T.danger_answers, {}, {"T01": "yes", "home_danger": "no", "T13": ""}, {"self_harm": "yes", "home_danger": "no"}),
    (T.covers, {}, ["T04", "need"], ["blackmail", "need"]),
    (T.target, {}, "parquet", "prosecutor"),
    (T.referral, {"only": ("open",)}, "1", "1"),
    (T.referral, {"only": ("open",)}, 1, "1"),
    (T.hold, {}, "1", "1"),
    (T.record, {"only": ("minutes",)}, "7", "7"),
    (T.account, {}, "a1", "a1"),
    (T.accounts, {"least": 2, "most": 2}, ["a2", "a1", "a2"], ["a2", "a1"]),
    (T.seat, {}, "acting_dp", "acting_directorate"),
    (T.side, {}, "targeted", "targeted"),
    (T.slot, {}, "witness", "witness"),
    (T.duty, {}, "danger_check", "danger_check"),
    (T.case, {}, "123456 789012-3", "1234567890123"),
    (T.case, {}, "١٢٣٤٥٦٧٨٩٠١٢٣", "1234567890123"),
    (T.school, {}, " 01234a ", "01234A"),
    (T.massar, {}, "g١٢٣٤٥٦٧٨٩", "G123456789"),
    (T.grid, {"grid": "severity"}, {"nature": "٣", "impact": 0, "power": ""}, {"nature": 3, "impact": 0}),
    (T.person, {"slots": ("guardian",)}, "guardian-1", "guardian-1"),
]
REFUSED: list[tuple[FieldType, dict[str, Any], Any, Any]] = [
    (T.text, {}, "x" * 501, bad("too_long:500:501")),
    (T.text, {"most": 3}, "four", bad("too_long:3:4")),
    (T.text, {"least": 3}, "no", bad("too_short:3")),
    (T.choice, {"options": OPTIONS}, "maybe", bad("unknown_option")),
    (T.choices, {"options": OPTIONS}, ["yes", "maybe"], bad("unknown_option")),
    (T.yes_no, {}, "peut-être", bad("unknown_option")),
    (T.check, {"required": True}, "off", bad("tick")),
    (T.check, {"required": True}, "", bad("tick")),
    (T.tri, {}, "true", bad("unknown_option")),
    (T.date, {"past": True}, "2026-11-26", bad("in_the_future")),
    (T.date, {"future": True}, "2026-11-24", bad("in_the_past")),
    (T.date, {}, "31/02/2026", bad("not_a_date")),
    (T.date, {}, "1789-07-14", bad("not_a_date")),
    (T.date, {}, "hier", bad("not_a_date")),
    (T.moment, {"past": True}, (NOW + timedelta(minutes=6)).isoformat(), bad("in_the_future")),
    (T.moment, {"future": True}, (NOW - timedelta(hours=1)).isoformat(), bad("in_the_past")),
    (T.moment, {}, "2026-11-24T10:00", bad("not_a_moment")),
    (T.moment, {}, "0001-01-01T00:00+14:00", bad("not_a_moment")),
    (T.integer, {}, "-1", bad("range:0:1000000000")),
    (T.integer, {"least": 3, "most": 25}, "26", bad("range:3:25")),
    (T.integer, {}, "1e3", bad("not_a_number")),
    (T.integer, {}, "9" * 5000, bad("not_a_number")),
    (T.scale, {}, "11", bad("range:0:10")),
    (T.danger, {}, "T99", bad("unknown_option")),
    (T.danger_answers, {}, {"T04": "no"}, {".T04": ("unknown_field",)}),
    (T.danger_answers, {}, {"T01": "maybe"}, {".T01": ("unknown_option",)}),
    (T.referral, {"only": ("open",)}, "2", bad("no_such_referral")),
    (T.hold, {}, "2", bad("no_such_hold")),
    (T.record, {"only": ("minutes",)}, "2", bad("no_such_record")),
    (T.account, {}, "a3", bad("no_such_colleague")),
    (T.accounts, {}, ["a1", "a3"], bad("no_such_colleague")),
    (T.accounts, {"least": 2}, ["a1", "a1"], bad("too_few:2")),
    (T.accounts, {"most": 1}, ["a1", "a2"], bad("too_many:1")),
    (T.persons, {"least": 2}, ["guardian-1"], bad("too_few:2")),
    (T.choices, {"options": OPTIONS, "most": 1}, ["yes", "no"], bad("too_many:1")),
    (T.case, {}, "1234567890124", bad("no_such_case")),
    (T.school, {}, "1234A", bad("school")),
    (T.school, {}, "012345", bad("school")),
    (T.school, {}, "01234A\nDROP", bad("school")),
    (T.massar, {}, "G12345678", bad("massar")),
    (T.massar, {}, "GG23456789", bad("massar")),
    (T.massar, {}, "G१२३४५६७८९", bad("massar")),
    (T.grid, {"grid": "severity"}, {"nature": "4"}, {".nature": ("range:0:3",)}),
    (T.grid, {"grid": "severity"}, {"nature": "²"}, {".nature": ("range:0:3",)}),
    (T.grid, {"grid": "severity"}, {"humour": "1"}, {".humour": ("unknown_field",)}),
    (T.person, {"slots": ("guardian",)}, "targeted_pupil-1", bad("no_such_person")),
    (T.person, {"slots": ("guardian",)}, {"slot": "witness", "name": "X"}, bad("no_such_slot")),
    (T.persons, {}, [{"slot": "witness", "name": "X", "massar": "123"}], bad("massar")),
    (T.persons, {}, [{"slot": "witness", "religion": "X"}], bad("unknown_field")),
]  # fmt: skip


def case_id(value: Any) -> str:
    return repr(value)[:30] if not isinstance(value, FieldType) else value.value


@pytest.mark.parametrize(("type", "rules", "typed", "kept"), ACCEPTED, ids=case_id)
def test_what_is_typed_rightly_is_kept_plainly(
    moroccan: Protocol, type: FieldType, rules: dict[str, Any], typed: Any, kept: Any
) -> None:
    assert one(moroccan, type, typed, **rules) == kept


@pytest.mark.parametrize(("type", "rules", "typed", "problems"), REFUSED, ids=case_id)
def test_what_is_typed_wrongly_is_a_problem_of_its_field(
    moroccan: Protocol, type: FieldType, rules: dict[str, Any], typed: Any, problems: Any
) -> None:
    assert one(moroccan, type, typed, **rules) == problems


@pytest.mark.exhaustive
def test_every_field_type_is_tried() -> None:
    tried = {type for type, *_rest in [*ACCEPTED, *REFUSED]}
    assert set(FieldType) - tried == {FieldType.rows, FieldType.signature}


# ---- hostile values ------------------------------------------------------------------------------------------------

HOSTILE: list[Any] = [
    "", " ", "\x00", "a\x00b", "\x1b[31m", "\u202eabc", "\ud800", "\uffff", "²", "٣", "-0", "1" * 400, "💥" * 200,
    "' OR 1=1 --", "{{ 7*7 }}", "<script>", "../../etc/passwd", "NaN", "null", "true", "2026-02-30",
    "2026-13-01T99:99Z",
    None, True, 3, -1, 1.5, float("nan"), [], {}, [[]], [{}], [None], {"a": 1}, {"a": [1]}, [1, 2], ("x",), b"bytes",
    {None: None}, {"slot": []}, [{"slot": {"a": 1}, "name": ["x"]}], {"slot": "witness", "name": "\x00"}, object,
    datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None), datetime(1, 1, 1, tzinfo=UTC), date(1, 1, 1),
    {"T01": {}}, {"nature": []},
]  # fmt: skip


@pytest.mark.parametrize("type", list(FieldType), ids=lambda type: type.value)
def test_no_value_breaks_any_field(moroccan: Protocol, type: FieldType) -> None:
    """Whatever comes in, the answer is a value, nothing, or a problem."""
    for value in HOSTILE:
        try_value(moroccan, type, value)


def try_value(protocol: Protocol, type: FieldType, value: Any) -> None:
    columns = (FormField(key="day", type=FieldType.date, label=TEXT), FormField(key="who", type=T.person, label=TEXT))
    item = FormField(key="it", type=type, label=TEXT, options=OPTIONS, fields=columns if type is T.rows else ())
    form = Form(key="form", title=TEXT, fields=(item,))
    try:
        cleaned = clean(protocol, form, {"it": value}, REFERENCES)
    except BadInput as found:
        problems = found.problems
    else:
        answer_values(form.fields, cleaned.answers)
        assert "\x00" not in repr(cleaned.answers) + repr(cleaned.people), value
        return
    assert problems, value
    assert all(problems.values()), value


@pytest.mark.exhaustive
@settings(max_examples=300)
@given(st.sampled_from(list(FieldType)), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
))  # fmt: skip
def test_nothing_at_all_breaks_any_field(type: FieldType, value: Any) -> None:
    try_value(MOROCCAN, type, value)


def test_a_hundred_thousand_arabic_characters_are_kept_and_one_more_is_refused(moroccan: Protocol) -> None:
    text = "سمعت كلاما " * 9091
    kept = one(moroccan, T.long, text[:99_999] + "ا")
    assert len(kept) == 100_000
    assert one(moroccan, T.long, "ا" * 100_001) == bad("too_long:100000:100001")


def test_controls_go_and_what_scripts_need_stays() -> None:
    assert plain_text("a\x00b\x07c\x1b[0m\x7f\x85d") == "abc[0md"
    assert plain_text("نص\u200cمع\u200d\u200fفواصل") == "نص\u200cمع\u200d\u200fفواصل", "joiners and marks are spelling"
    assert plain_text("cafe\u0301") == "café", "one spelling"
    assert plain_text("\ud800 seul") == "seul"
    assert plain_text("👩\u200d👧 ok\n\tsuite") == "👩\u200d👧 ok\n\tsuite"
    assert plain_text("\U0001fae8 \ue000") == "\U0001fae8 \ue000", (
        "new to this Python, or a font's own: still somebody's word"
    )


@pytest.mark.parametrize("typed", ["\u200b", "\u200f\u200e \ufeff", "\u2800\u3164", "\u0301", "\u202e\u2066\n\t"])
def test_what_nobody_can_see_is_no_answer(typed: str) -> None:
    assert plain_text(typed) == ""


# ---- the form as a whole -------------------------------------------------------------------------------------------


def answers_of(protocol: Protocol, form: str, raw: dict[str, Any]) -> Cleaned:
    return clean(protocol, protocol.forms[form], raw, REFERENCES)


def problems_of(protocol: Protocol, form: str, raw: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    with pytest.raises(BadInput) as found:
        answers_of(protocol, form, raw)
    return found.value.problems


def test_every_problem_is_told_at_once(moroccan: Protocol) -> None:
    problems = problems_of(moroccan, "report", {"danger_now": "maybe", "adult_concerned": "no", "colour": "blue"})
    assert problems == {
        "danger_now": ("unknown_option",),
        "what_happened": ("required",),
        "how_it_came": ("required",),
        "colour": ("unknown_field",),
    }


def test_what_is_not_asked_is_neither_required_nor_kept(small: Protocol) -> None:
    slip = {"what": "une trousse", "kind": "other", "worth": "30"}
    assert "worth" not in answers_of(small, "slip", slip).answers
    assert answers_of(small, "slip", {**slip, "kind": "money"}).answers["worth"] == 30


def test_what_hangs_on_a_question_not_asked_goes_with_it_but_never_words(moroccan: Protocol) -> None:
    """Without a piece nobody asks what it shows; a text written in a box that isn't asked is said, never dropped."""
    nothing = {"kind": "none_found", "sexual_or_intimate": "no"}
    assert set(answers_of(moroccan, "evidence", nothing).answers) == {"kind"}
    assert problems_of(moroccan, "evidence", {**nothing, "sha256": "ab"}) == {"sha256": ("not_asked",)}


def test_none_seen_must_be_ticked_where_no_danger_is_named(moroccan: Protocol) -> None:
    safe = {"safe_now": "yes", "who_stays": "me"}
    assert problems_of(moroccan, "safety_check", safe) == {"none_seen": ("required",)}
    assert set(problems_of(moroccan, "safety_check", {**safe, "none_seen": False})) == {"none_seen"}
    assert answers_of(moroccan, "safety_check", {**safe, "dangers": ["T04"]}).answers["dangers"] == ["blackmail"]


def test_a_danger_and_nobody_who_stays_contradict_each_other(moroccan: Protocol) -> None:
    nobody = {"safe_now": "yes", "who_stays": "not_needed"}
    assert answers_of(moroccan, "safety_check", {**nobody, "none_seen": True}).answers["who_stays"] == "not_needed"
    with pytest.raises(BadInput) as found:
        answers_of(moroccan, "safety_check", {**nobody, "dangers": ["T04"]})
    assert found.value.problems == {"who_stays": ("refused:safety_check:0",)}
    said = found.value.sentences["refused:safety_check:0"]
    assert said.in_language("en") == "A danger is ticked: say who stays with the pupil."


HELD = {"planned_on": "2026-11-25", "held_on": "2026-11-25", "new_facts": False, "next_on": "2026-12-01"}


@pytest.mark.parametrize(
    ("said", "is_refused"),
    [
        ({"child_view": "given", "stopped": "yes"}, False),
        ({"child_view": "given", "stopped": "reduced"}, True),
        ({"child_view": "given", "stopped": "worse"}, True),
        ({"child_view": "declined", "view_reason": "x"}, True),
        ({"child_view": "unreachable", "view_reason": "x"}, True),
        ({}, False),
    ],
)
def test_stable_is_what_the_pupil_says(moroccan: Protocol, said: dict[str, Any], is_refused: bool) -> None:
    if not is_refused:
        assert answers_of(moroccan, "follow_up", {**HELD, **said, "conclusion": "stable"})
        return
    problems = problems_of(moroccan, "follow_up", {**HELD, **said, "conclusion": "stable"})
    assert problems == {"conclusion": ("refused:follow_up:0",)}
    assert answers_of(moroccan, "follow_up", {**HELD, **said, "conclusion": "better"})


def test_whoever_was_told_despite_a_doubt_is_told_with_a_reason(moroccan: Protocol) -> None:
    told = {"who": "guardian-1", "relation": "mother", "result": "told"}
    free = replace(REFERENCES, holds=frozenset())

    def problems(**said: str) -> dict[str, tuple[str, ...]]:
        try:
            clean(moroccan, moroccan.forms["inform_guardian"], {**told, **said}, free)
        except BadInput as refused:
            return refused.problems
        return {}

    assert problems() == {"safe_to_tell": ("required",)}
    assert problems(safe_to_tell="yes") == {}
    for doubt in ("no", "unknown"):
        assert problems(safe_to_tell=doubt) == {"told_despite": ("required",)}
        assert problems(safe_to_tell=doubt, told_despite="Elle savait déjà.") == {}


def test_one_person_alone_writes_no_minutes(moroccan: Protocol) -> None:
    assert problems_of(moroccan, "minutes", {"present": ["a1"]})["present"] == ("too_few:2",)
    assert "present" not in problems_of(moroccan, "minutes", {"present": ["a1", "a2"]})


def test_rows_are_checked_cell_by_cell(moroccan: Protocol) -> None:
    tries = {"who": "guardian-1", "relation": "mother", "result": "unreachable", "safe_to_tell": "yes"}
    rows = [{"day": "2026-11-20"}, {"day": "2026-11-30", "way": "phone"}, {"way": "pigeon"}, {"day": "", "way": " "}]
    assert problems_of(moroccan, "inform_guardian", {**tries, "tried_on": rows}) == {
        "tried_on.1.day": ("in_the_future",),
        "tried_on.2.way": ("unknown_option",),
        "tried_on.2.day": ("required",),
    }
    assert problems_of(moroccan, "inform_guardian", {**tries, "tried_on": rows[:1]}) == {"tried_on": ("too_few:3",)}
    many = [{"day": "2026-11-20"}] * 9
    assert "too_many:8" in problems_of(moroccan, "inform_guardian", {**tries, "tried_on": many})["tried_on"]


def test_people_are_named_once_and_kept_apart_from_the_answers(moroccan: Protocol) -> None:
    people = [
        {"slot": "targeted_pupil", "name": "Yasmine\x00 B.", "massar": "g123456789"},
        {"slot": "witness", "name": ""},
    ]
    raw = {
        "what_happened": "x",
        "danger_now": "no",
        "adult_concerned": "no",
        "how_it_came": "seen",
        "about_whom": people,
    }
    cleaned = answers_of(moroccan, "report", raw)
    assert cleaned.answers["about_whom"] == ["targeted_pupil-2"], "the first is taken; a witness without a name is none"
    (person,) = cleaned.people
    assert person.identity == {"name": "Yasmine B.", "massar": "G123456789"}
    assert "Yasmine" not in repr(cleaned.answers)


MOROCCAN = read(MOROCCAN_FILE.read_bytes(), "1.yaml")
