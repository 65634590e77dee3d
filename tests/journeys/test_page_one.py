"""Ten questions are answered on page one of every copy of every story, from what was recorded, in three languages."""

from __future__ import annotations

import html
import io
import re
from contextlib import ExitStack

import pytest
from handing import hand_out_as
from pypdf import PdfReader

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.pages import case_file_html
from school_protocol.cases.loading import folded
from school_protocol.cases.story_lines import sign_of, told
from school_protocol.cases.story_player import Player
from school_protocol.engine.case import Case
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType, Profile
from school_protocol.language import Wording
from school_protocol.pdf import rendering

from .test_stories import STORIES
from .test_supervisor_copies import definition_of, issued, played

LANGUAGES = ("fr", "ar", "en")
PRINTED = "ma-cyberharassment/sc4"


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def front_of(page: str) -> str:
    """What page one says."""
    found = page[page.index('<section class="front">') :]
    return squeezed(html.unescape(re.sub(r"<[^>]+>", "", found[: found.index("</section>")])))


def unsaid(front: str, words: list[str]) -> list[str]:
    return [one for one in words if squeezed(one) not in front]


def case_of(player: Player, case: str) -> Case:
    with player.ctx.realm.reading() as session:
        return folded(player.ctx, session, player.case_id(case) or "")[1]


def answers(w: Wording, case: Case, view: CaseFile) -> dict[str, list[str]]:
    """Question → what page one must say of it, from the folded case; what the copy leaves out is asked apart."""
    protocol, profile = view.head.protocol, view.shown_as
    found = {
        "what is asked": [w._("Nothing is asked of you.").rstrip(".")] if view.head.state.ended else [],
        "by when": [w.day(view.asked.due_at)] if view.asked and view.asked.due_at else [w._("No time limit")],
        "level": _level(w, case, view),
        "safe now": _safe(w, case, view),
        "who was told": _told(protocol, case, view),
        "services": _services(w, case, view),
        "late": _late(w, view),
        "refused": [w._("Refused, observed, and what was answered")] if not profile.acts else [],
        "who signed": [w.role(protocol, one.role) for one in view.decision.signatures] if view.decision else [],
        "not to pass on": [w._("Do not pass on:")],
    }
    kinds = {"level": "grid", "who signed": "grid", "services": "referrals", "late": "conformance"}
    return {question: words for question, words in found.items() if profile.has(kinds.get(question, "records"))}


def _level(w: Wording, case: Case, view: CaseFile) -> list[str]:
    if not case.level:
        return [w._("Not assessed")]
    grid = next(iter(view.head.protocol.grids.values()))
    return [w.text(grid.levels[case.level].title)]


def _safe(w: Wording, case: Case, view: CaseFile) -> list[str]:
    story = view.head.protocol.story
    assert story is not None
    given = [record for act in story.safe for record in case.records_of(act) if _stands(view, record.act)]
    return [w.yes_no(given[-1].answers[story.safe[given[-1].act]])] if given else []


def _stands(view: CaseFile, act: str) -> bool:
    return view.shown_as.has_act(act)


def _told(protocol: Protocol, case: Case, view: CaseFile) -> list[str]:
    known = {person.id for person in view.people}
    people = []
    for record in case.records:
        field = protocol.form_of(record.act).find(FieldType.person)
        if record.kind is ActKind.inform and field is not None and _stands(view, record.act):
            people.append(str(record.answers[field.key]))
    return [sign_of(protocol, one) for one in dict.fromkeys(people) if one in known][:3]


def _services(w: Wording, case: Case, view: CaseFile) -> list[str]:
    if not case.referrals:
        return [w._("Nothing was referred.")]
    waited = [one for one in case.referrals if one.awaits_answer]
    targets = [view.head.protocol.targets[one.target] for one in waited[:2]]
    return [w.text(one.in_short or one.title) for one in targets]


def _late(w: Wording, view: CaseFile) -> list[str]:
    late = [one for one in view.conformance.asked if one.outcome == "overdue"]
    titles = [getattr(view.head.protocol, one.part)[one.key].title for one in late[:2]]
    return [w.text(one) for one in titles] or [w._("Nothing today")]


def left_out(w: Wording, view: CaseFile) -> list[str]:
    """What page one says that this copy leaves out."""
    labels = {
        "grid": w._("Level, grounds, signatures"), "dangers": w._("Dangers"), "referrals": w._("Services"),
        "conformance": w._("Late"),
    }  # fmt: skip
    return [label for kind, label in labels.items() if not view.shown_as.has(kind)]


def profiles_of(protocol: Protocol) -> list[Profile]:
    """Those of a case file: a family’s pages are of their own."""
    every = (profile for one in protocol.documents.values() for profile in one.profiles.values())
    return [profile for profile in every if not profile.body]


@pytest.mark.exhaustive(but=("fr-phare/autre_reponse",))
@pytest.mark.parametrize("name", STORIES)
def test_ten_questions_are_answered_on_page_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    views: list[CaseFile] = []

    def page(view: CaseFile, wording: Wording) -> bytes:
        views.append(view)
        return case_file_html(view, wording).encode()

    hand_out_as(monkeypatch, page)
    protocol, content = definition_of(name)
    looked_at = 0
    with ExitStack() as until:
        player = played(protocol, name, until, content)
        for key, number in player.numbers.items():
            case = case_of(player, key)
            for profile in profiles_of(protocol):
                for language in LANGUAGES:
                    try:
                        data = issued(player, number, profile, language)
                    except AssertionError:
                        continue  # nobody to whom it can be made out
                    looked_at += 1
                    _is_answered(Wording(language), case, views[-1], front_of(data.decode()))
    assert looked_at >= 6


def _is_answered(w: Wording, case: Case, view: CaseFile, front: str) -> None:
    missing = {question: unsaid(front, words) for question, words in answers(w, case, view).items()}
    assert {question: words for question, words in missing.items() if words} == {}, (view.profile, w.language)
    assert unsaid(front, left_out(w, view)) == []
    lines = [one.text for one in told(w, view.head.protocol, view.story)]
    assert unsaid(front, lines) == []
    assert front.count(squeezed(w._("Left out in this copy."))) <= 2, "once for questions, once for the decision"
    names = {person.name for person in view.people if person.name} - {view.reader.name if view.reader else None}
    if not view.shown_as.named:
        assert [one for one in names if squeezed(one) in front] == [], "page one names nobody"


@pytest.mark.exhaustive
@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answers_stand_on_the_first_page_of_a_pdf(language: str) -> None:
    w, until = Wording(language), ExitStack()
    protocol, content = definition_of(PRINTED)
    with until:
        player = played(protocol, PRINTED, until, content)
        number = next(iter(player.numbers.values()))
        for profile in profiles_of(protocol)[:2]:
            pages = [
                page.extract_text() for page in PdfReader(io.BytesIO(issued(player, number, profile, language))).pages
            ]
            first = squeezed(pages[0])
            for heading in (w._("What happened"), w._("Essentials"), w._("Do not pass on:")):
                assert all(word in first for word in heading.split())
            assert len(pages) >= 2
            assert squeezed(w._("Essentials").split()[0]) not in squeezed(pages[1])
