"""Public reports as plain values: codes that check themselves, names, floods, what becomes of answers, steps."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from engine.telling import MOROCCAN
from school_protocol.cases.story_player import SCHOOL_WEEK
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Rise, SignalementRules
from school_protocol.protocol.reader import read_file
from school_protocol.reports.rules import (
    ALIKE,
    FLOOD,
    LENGTH,
    Sent,
    alike_texts,
    becoming,
    gather,
    hour_of,
    in_groups,
    months_before,
    named_in,
    names_said,
    says_any,
    steps_due,
    told_by,
    typed,
    weigh,
    with_check,
)
from school_protocol.storage.vault import normalised

HOUR = datetime(2026, 11, 25, 9, tzinfo=UTC)
CODE = with_check("4821009377152046")


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return read_file(MOROCCAN)


@pytest.fixture(scope="module")
def rules(protocol: Protocol) -> SignalementRules:
    assert protocol.signalement is not None
    return protocol.signalement


# ---- codes -----------------------------------------------------------------------------------------------------------


def test_any_one_wrong_digit_and_any_swap_of_neighbours_is_found() -> None:
    for place in range(LENGTH):
        for digit in "0123456789":
            changed = CODE[:place] + digit + CODE[place + 1 :]
            assert (typed(changed) is not None) == (changed == CODE)
    for place, (one, other) in enumerate(pairwise(CODE)):
        swapped = CODE[:place] + other + one + CODE[place + 2 :]
        assert (typed(swapped) is not None) == (one == other)


@pytest.mark.parametrize(
    "text",
    [in_groups(CODE), CODE, f" {CODE}\n", in_groups(CODE).replace(" ", "-"), in_groups(CODE).replace(" ", "\u00a0"),
     CODE.translate({ord(str(digit)): "٠١٢٣٤٥٦٧٨٩"[digit] for digit in range(10)})],
)  # fmt: skip
def test_a_code_is_read_however_it_is_typed(text: str) -> None:
    assert typed(text) == CODE


@pytest.mark.parametrize("text", ["", "1", CODE[:-1], CODE + "0", "x" * LENGTH, "²" * LENGTH])
def test_what_is_no_code_is_none(text: str) -> None:
    assert typed(text) is None


def test_an_hour_is_all_that_is_left_of_a_moment() -> None:
    assert {hour_of(HOUR + timedelta(seconds=seconds)) for seconds in range(0, 3600, 59)} == {HOUR}
    assert months_before(datetime(2026, 8, 31, 5, 40, tzinfo=UTC), 6) == datetime(2026, 2, 28, 5, tzinfo=UTC)
    assert months_before(HOUR, 11) == datetime(2025, 12, 25, 9, tzinfo=UTC)


# ---- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, (False, False, True)),
        ({"adult_concerned": "yes", "danger_now": "no"}, (True, False, True)),
        ({"danger_now": "unsure"}, (False, True, True)),
        ({"reach": "call", "reach_how": "06…"}, (False, False, False)),
        ({"reach": "nothing"}, (False, False, True)),
    ],
)
def test_what_counts_of_an_answer(
    protocol: Protocol, rules: SignalementRules, answers: dict[str, str], expected: tuple[bool, bool, bool]
) -> None:
    found = weigh(rules, protocol.forms[rules.form], answers, by_staff=False)
    assert (found.restricted, found.urgent, found.to_verify) == expected
    assert not weigh(rules, protocol.forms[rules.form], answers, by_staff=True).to_verify


def test_who_says_more_weighs_more(protocol: Protocol, rules: SignalementRules) -> None:
    form = protocol.forms[rules.form]
    told = [{}, {"since": "week"}, {"since": "week", "reach": "call"}, {"what_happens": "mot " * 90, "since": "week"}]
    found = [weigh(rules, form, one, by_staff=False).fullness for one in told]
    assert found == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("C’est Omar !", "c est   OMAR", True), ("lol", "looool", True), ("سبّها", "سبها", True),
        ("C’est Omar", "C’est Ali", False),
    ],
)  # fmt: skip
def test_what_is_alike(rules: SignalementRules, one: str, other: str, *, same: bool) -> None:
    first, second = (set(alike_texts(rules, {"what_happens": text})) for text in (one, other))
    assert bool(first & second) is same


TEAM = {
    "a": ("karim", "alaoui"), "b": ("karim", "benjelloun"), "c": ("al", "tazi"), "d": ("fatima", "zahra", "alami"),
    "e": ("fatima", "zahra", "benali"), "f": ("مريم", "الوزاني"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", ""),
        ("alaoui", "a"), ("m alaoui", "a"), ("le directeur", ""), ("al", ""),
        ("karim alaoui", "a"), ("alaoui karim", "a"), ("mon prof de maths karim alaoui", "a"),
        # One word that several have: all that may be meant, but not where a further name fits none of them.
        ("karim", "ab"), ("monsieur karim", "ab"), ("karim tahiri", ""),
        ("la directrice karim", "ab"), ("مديرة karim", "ab"),
        ("mohammed alami", "d"),
        # Two words that several have, and a third that one has.
        ("fatima zahra", "de"), ("zahra alami fatima", "d"), ("fatima", "de"),
        # One word that one has, whatever stands beside it: rather a reader too few.
        ("mon pere tazi", "c"),
        ("مريم", "f"), ("ومريم", "f"), ("الاستاذة وزاني", "f"), ("استاذه الوزاني", "f"),
        ("benjelloun|alaoui", "ab"), ("karim alaoui|fatima zahra benali", "ae"),
    ],
)  # fmt: skip
def test_whose_name_is_said(said: str, found: str) -> None:
    given = [one.split() for one in said.split("|")]
    assert names_said(given, TEAM, ["directrice", "المديرة"]) == set(found)


def test_what_becomes_of_answers(protocol: Protocol, rules: SignalementRules) -> None:
    target = protocol.form_of(rules.act)
    answers = {"what_happens": "Un groupe", "danger_now": "yes", "adult_concerned": "no", "to_whom": "my_pupil"}
    assert becoming(rules, target, answers, received=HOUR, barred={"x"}) == {
        "what_happened": "Un groupe", "danger_now": "yes", "adult_concerned": "no", "how_it_came": "colleague",
        "must_not_read": ["x"], "occurred_at": HOUR.isoformat(),
    }  # fmt: skip
    assert becoming(rules, target, {}, received=HOUR, barred=())["how_it_came"] == "other"


# ---- steps -----------------------------------------------------------------------------------------------------------


def test_steps_fall_due_in_school_time_and_take_those_before_along() -> None:
    calendar = Calendar(opening=SCHOOL_WEEK)
    steps = (Rise(tell=("a",)), Rise(tell=("b",), after=4), Rise(tell=("c",), after=1, unit="school_days"))
    due = [steps_due(calendar, steps, HOUR, HOUR + timedelta(hours=hours)) for hours in (0, 5, 6, 12, 40)]
    assert due == [1, 1, 2, 2, 3]
    assert [sorted(told_by(steps, step)) for step in range(3)] == [[], ["a"], ["a", "b"]]


def test_a_calendar_that_never_opens_counts_days() -> None:
    steps = (Rise(tell=("a",)), Rise(tell=("b",), after=2))
    closed = Calendar(opening={})
    assert [steps_due(closed, steps, HOUR, HOUR + timedelta(days=days)) for days in (0, 1, 2, 3)] == [1, 1, 1, 2]


# ---- floods ----------------------------------------------------------------------------------------------------------


def sent(name: str, *, fullness: int = 0, mark: str = "", hour: datetime = HOUR, **marks: bool) -> Sent:
    return Sent(
        name, hour, fullness, marks.get("urgent", False), frozenset({(mark or name).encode()}),
        marks.get("hinted", False),
    )  # fmt: skip


def sizes(lines: tuple[tuple[str, ...], ...]) -> list[int]:
    return sorted(len(line) for line in lines)


NAMES = {
    "bouziane": [["hicham", "bouziane"], ["هشام", "بوزيان"]],
    "fassi": [["nadia", "el", "fassi"], ["ناديه", "الفاسي"]],
    "ali": [["hassan", "ait", "ali"], ["حسن", "ايت", "علي"]],
    "zahra": [["fatima", "zahra", "bennani"], ["فاطمه", "الزهراء", "سلام"]],
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bouziane me crie dessus", {"bouziane"}),
        ("le prof hicham m humilie", {"bouziane"}),
        ("hicham de 2ac se moque de moi", set()),
        ("madame el fassi a tout vu", {"fassi"}),
        ("الاستاذه الفاسي تسخر مني", {"fassi"}),
        ("الاستاذ هشام", {"bouziane"}),
        ("هشام تلميذ معي", set()),
        ("monsieur ali", {"ali"}),
        ("ali est mon ami", set()),
        ("je suis triste", set()),
        ("l eleve bouziane de 3e b", set()),
        ("le prof de maths hicham crie", {"bouziane"}),
        ("السي هشام يصرخ", {"bouziane"}),
        ("الاستاد هشام", {"bouziane"}),
        ("قلت للفاسي", {"fassi"}),
        ("mon amie zahra", set()),
        ("السلام عليكم", set()),
    ],
)
def test_whoever_is_named_in_a_text_is_recognised(text: str, found: set[str]) -> None:
    assert named_in(text.split(), NAMES) == found


@pytest.mark.parametrize(
    "text",
    ["بغيت نموت", "nbghi nmout", "nbghi nmouuuut", "je veux en finir ce soir", "wbghit nmout safi", "وبغيت نموت",
     "je pense au suicide", "il a un couteau", "n9tel rasi", "غنقتل راسي", "صاحبتي بغات تموت", "elle veut mourir",
     "عييت من الحياة", "jveux crever", "je vais me tailler les veines", "kanfekker f lmout", "nmout 7san liya",
     "كنفكر فالانتحار", "ما بغيتش نعيش", "هددني بالقتل", "عندو موس"],
)  # fmt: skip
def test_words_of_despair_and_violence_are_marked(rules: SignalementRules, text: str) -> None:
    told = normalised(text).split()
    assert says_any(told, [normalised(one) + "*" * one.endswith("*") for one in rules.hints]) is (text[0] != "w")


@pytest.mark.parametrize(
    "text",
    [
        "mdr",
        "on finit a midi",
        "il faut en parler",
        "ils ont tué le temps",
        "كنت نلعب",
        "je meurs de rire",
        "finir la blague",
    ],
)
def test_other_words_are_not(rules: SignalementRules, text: str) -> None:
    assert not says_any(normalised(text).split(), [normalised(one) + "*" * one.endswith("*") for one in rules.hints])


def test_few_stand_each_by_itself() -> None:
    assert sizes(gather([sent(str(number)) for number in range(FLOOD)])) == [1] * FLOOD


def test_those_alike_are_one_line() -> None:
    found = gather([sent(str(number), mark="same") for number in range(ALIKE)] + [sent("other")])
    assert sizes(found) == [1, ALIKE]
    assert sizes(gather([sent("1", mark="same"), sent("2", mark="same")])) == [1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_of_two_thousand_the_real_one_stands_out(seed: int) -> None:
    rng = random.Random(seed)
    jokes = [sent(f"j{number}", fullness=rng.choice((0, 0, 0, 1)), mark=rng.choice("abcdefgh") if rng.random() < 0.7
                  else f"j{number}") for number in range(2000)]  # fmt: skip
    real = sent("real", fullness=3)
    mixed = [*jokes, real]
    rng.shuffle(mixed)
    lines = gather(mixed)
    assert ("real",) in lines
    assert sum(map(len, lines)) == 2001
    assert len(lines) < 25


@pytest.mark.parametrize("mark", ["urgent", "hinted"])
def test_what_speaks_of_a_danger_is_in_no_crowd_however_many_do(mark: str) -> None:
    crowd = [sent(str(number)) for number in range(40)]
    marked = [sent(f"m{number}", **{mark: True}) for number in range(30)]
    lines = gather([*crowd, *marked])
    assert sizes(lines) == [*[1] * 30, 40]


def test_another_hour_is_no_part_of_a_flood() -> None:
    crowd = [sent(str(number)) for number in range(40)]
    assert ("before",) in gather([*crowd, sent("before", hour=HOUR - timedelta(hours=1))])
