"""A proof in the reader's words: every property has its sentence, every step of a story says who does what."""

from __future__ import annotations

import re

import pytest
from engine.telling import MOROCCAN, ROOT, SMALL

from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.texts import Text
from school_protocol.language import Wording
from school_protocol.proof.presenters import PROPERTIES, beat_said, property_said, result_label, subject_label
from school_protocol.proof.state_space import Beat, Result, Story, Verdict
from school_protocol.protocol.reader import read_file

PROOF = ROOT / "school_protocol" / "proof"
NAME = re.compile(r'(?:Result|Never|_all|_told)\((?:[a-z_.]+, |[a-z_.()]+\([^()]*\), )*"([a-z_]+)"')
CHAPTER = re.compile(r'^    \("([a-z_]+)", ', re.MULTILINE)
LANGUAGES = ("fr", "ar", "en")
MINE = read_file(MOROCCAN)
OTHER = read_file(SMALL)


def test_every_property_has_its_sentence_in_every_language() -> None:
    sources = [path.read_text() for path in PROOF.glob("*.py")]
    named = {name for source in sources for name in (*NAME.findall(source), *CHAPTER.findall(source))}
    assert {"way_on", "no_end_in_danger", "end_reachable", "grid_whole"} <= named
    assert named <= PROPERTIES.keys()
    for sentence in PROPERTIES.values():
        said = {Wording(language)._(sentence) for language in LANGUAGES}
        assert len(said) == len(LANGUAGES), sentence


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("protocol", [MINE, OTHER], ids=["moroccan", "small"])
def test_every_act_and_move_is_said_by_its_title(protocol: Protocol, language: str) -> None:
    w = Wording(language)
    for kind, parts in (("act", protocol.acts), ("move", protocol.moves)):
        for key, one in parts.items():
            role = next((name for name in one.by if name in protocol.roles), "")
            said = beat_said(w, protocol, Beat(role=role, do=key, kind=kind, departs=tuple(protocol.needs)[:1]))
            assert w.text(one.title) in said.sentence
            assert not role or w.role(protocol, role) in said.sentence
            assert said.without == (w.text(next(iter(protocol.needs.values())).sentence),)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_is_said_as_the_form_shows_it(language: str) -> None:
    w = Wording(language)
    for act in MINE.acts.values():
        for field in MINE.form_of(act).fields:
            if field.type is FieldType.choice:
                option = field.options[0]
                beat = Beat(do=act.key, kind="act", answers={field.key: option.key})
                assert beat_said(w, MINE, beat).answers == ((w.text(field.label), w.text(option.title)),)


def test_whatever_a_story_holds_it_is_told() -> None:
    """Answers of any shape, and names that the definition does not have, break no page."""
    w = Wording("en")
    strange = ("@head", 3, True, None, ["x"], {"slot": "y"}, {"a": 1})
    for act in MINE.acts.values():
        for field in MINE.form_of(act).fields:
            for value in strange:
                assert beat_said(
                    w, MINE, Beat(role="nobody", do=act.key, kind="act", answers={field.key: value})
                ).answers
    assert beat_said(w, MINE, Beat(role="nobody", do="nothing", kind="move")).sentence
    assert beat_said(w, MINE, Beat(kind="clock", days=1)).sentence == "One day passes."
    assert beat_said(w, MINE, Beat(kind="clock", days=9)).sentence == "9 days pass."
    told = result_label(
        w, MINE, Result("unknown", Verdict.failed, "nobody", story=Story((), "nowhere", {"x": 1}, ("y",))), "f"
    )
    assert (told.title, told.subject, told.facts, told.unmet) == (
        "A property of the protocol: unknown.", "nobody", (("x", "1"),), ("y",),
    )  # fmt: skip


def test_signs_of_a_script_are_said_as_what_they_stand_for() -> None:
    w, act = Wording("fr"), next(iter(MINE.acts))
    role = next(iter(MINE.roles))
    title, person = w.text(MINE.acts[act].title), w.role(MINE, role)
    for act_of in MINE.acts.values():
        for field in MINE.form_of(act_of).fields:
            for sign, words in (
                (f"^{act}", title),
                (f"@{role}", person),
                ([f"@{role}"], person),
                (f"@{role}/2", person),
            ):
                [(_question, answer)] = beat_said(
                    w, MINE, Beat(do=act_of.key, kind="act", answers={field.key: sign})
                ).answers
                assert words in answer


def test_a_result_says_where_in_the_file() -> None:
    told = result_label(Wording("en"), MINE, Result("way_on", Verdict.not_proven, lines=(3, 14)), "mine.yaml")
    assert told.places == ("mine.yaml:3", "mine.yaml:14")
    assert told.verdict == "It could not be proven, and is never taken for proven."


def test_a_declared_property_speaks_for_itself() -> None:
    own = Text({"fr": "À nous.", "ar": "لنا.", "en": "Ours."})
    result = Result("properties.ours", Verdict.failed, sentence=own)
    assert [property_said(Wording(language), MINE, result) for language in LANGUAGES] == ["À nous.", "لنا.", "Ours."]


@pytest.mark.parametrize("part", ["states", "moves", "acts", "needs", "roles"])
def test_what_it_is_about_is_said_as_people_call_it(part: str) -> None:
    w = Wording("fr")
    for key, one in getattr(MINE, part).items():
        title = getattr(one, "title", None) or one.sentence
        for subject in (f"{part}.{key}", f"{part}.{key}:7"):
            assert w.text(title) in subject_label(w, MINE, subject)
