"""A word planted everywhere in turn stands in no copy whose reader may not see it: pages, record, and the whole PDF.

What may stand where is written by hand in planted.yaml, from the rules of the domain; nothing of it is asked of the
code. All fields, profiles and languages are looked for in pages and records; one packed case in the PDFs themselves.
"""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import fields, replace
from datetime import timedelta
from itertools import count
from operator import attrgetter
from typing import Any

import pikepdf
import pytest
from engine.telling import MOROCCAN, NOW
from pypdf import PdfReader

from school_protocol.api.service import admit, read_record
from school_protocol.case_files import printing
from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.copy_scope import Limits
from school_protocol.case_files.pages import case_file_html
from school_protocol.case_files.printing import draft
from school_protocol.cases import loading
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, keep, load
from school_protocol.cases.on_paper import OnPaper
from school_protocol.cases.pseudonyms import Pseudonymiser
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import throwaway
from school_protocol.engine import case_summary
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.events import (
    EVENT_OF_ACT,
    DocumentRevoked,
    EntryRetracted,
    Event,
    EventKind,
    FileHandled,
    FileOpened,
    FileStep,
    Handwritten,
    Remark,
    StepTaken,
    kind_of,
)
from school_protocol.engine.visibility import Actor
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.protocol.reader import read
from school_protocol.reports import public_door
from school_protocol.ui.routing import Right
from services.conftest import School
from services.disclosure import (
    EVENTS,
    HEADER,
    LIMITED,
    READ,
    RULES,
    Disclosed,
    Matrix,
    Reports,
    marks,
    planted,
    told,
    worded,
)
from services.lettering import refer
from services.tokening import drawn

PROFILES = ("supervisor", "school", "authority", "family")
LANGUAGES = ("fr", "ar", "en")
needs_typesetting = pytest.mark.skipif(rendering.missing() is not None, reason="nothing is typeset here")


def may_have(rule: str) -> set[str]:
    return set(RULES["copies"][rule])


def plain(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


# ---- every field of every form --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled() -> Iterator[Disclosed]:
    content = MOROCCAN.read_bytes()
    with throwaway(read(content, str(MOROCCAN)), content, NOW) as player:
        found = Disclosed(player)
        found.write_everything()
        assert found.unanswered == {}
        yield found


def copy_of(filled: Disclosed, profile: str, language: str, who: Actor | None = None) -> tuple[str, str]:
    """The pages' text, and the record without the definitions that it carries."""
    with filled.ctx.realm.reading() as session:
        loaded = filled.load(session, who or filled.chief)
        about = next((key for key, one in loaded.case.people.items() if one.slot == "guardian"), "")
        found = loaded.protocol.documents["case_file"].profiles[profile]
        made = draft(filled.ctx, session, loaded, found, language, about if profile == "family" else "")
    return plain(case_file_html(made.view, Wording(language))), made.record.partition(b'"case": {')[2].decode()


def test_each_field_has_a_rule_and_each_rule_a_field(moroccan: Protocol) -> None:
    fields = {f"{act.key}.{name}" for act in moroccan.acts.values() for name in worded(moroccan.form_of(act).fields)}
    assert {f"{act}.{name}" for act, rules in RULES["fields"].items() for name in rules} == fields
    assert {"targeted_pupil", "guardian", *RULES["people"]} == set(moroccan.slots)


@pytest.mark.exhaustive(but=("*-fr", "supervisor-ar"))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", PROFILES)
def test_no_word_stands_in_a_copy_whose_reader_may_not_see_it(filled: Disclosed, profile: str, language: str) -> None:
    assert list(astray(filled, profile, language)) == []


def test_nobody_gets_by_a_copy_what_they_do_not_read(filled: Disclosed) -> None:
    for profile in PROFILES:
        assert list(read_by_signs(filled, profile)) == []


def read_by_signs(filled: Disclosed, profile: str) -> Iterator[str]:
    """What a copy tells that somebody makes who reads signs, whatever it would tell others."""
    for text in copy_of(filled, profile, "fr", filled.readers["directorate"]):
        yield from (f"{field} stands in it" for field in leaks(filled, "supervisor", text).values())
        yield from (f"the name {name} stands in it" for name in set(filled.names.values()) if name in text)


def astray(filled: Disclosed, profile: str, language: str) -> Iterator[str]:
    """What stands in a copy and must not, and what should and does not."""
    pages, record = copy_of(filled, profile, language)
    for text in (pages, record):
        yield from (f"{field} stands in it" for field in leaks(filled, profile, text).values())
        names = set(filled.names.values()) if profile not in may_have(RULES["people"]["witness"]) else set()
        yield from (f"the name {name} stands in it" for name in names if name in text and profile != "family")
    every = list(ruled(filled))
    may = {field for field, _mark, rule in every if profile in may_have(rule)}
    read_here = {field for field, mark, _rule in every if mark in pages}
    read_here |= may & {field for field, mark in every_mark(filled) if mark in pages}
    yield from (f"{field} is missing" for field in sorted(may - read_here))


def every_mark(filled: Disclosed) -> Iterator[tuple[str, str]]:
    """Each mark in any entry of the case, with its field."""
    with filled.ctx.realm.reading() as session:
        records = filled.load(session, filled.chief).case.records
    for record in records:
        for mark, name in marks(filled.protocol.form_of(record.act).fields, record.answers):
            yield f"{record.act}.{name}", mark


def ruled(filled: Disclosed) -> Iterator[tuple[str, str, str]]:
    """Each field with its mark and rule; an address of other content is no secret of an authority."""
    for one in filled.written:
        intimate = one.cleaned.get("sexual_or_intimate") in ("yes", "doubt")
        for mark, name in marks(filled.protocol.form_of(one.act).fields, one.cleaned):
            is_reason = mark in filled.reasons
            rule = RULES["besides"]["reason of a step"] if is_reason else RULES["fields"][one.act.key][name]
            yield f"{one.act.key}.{name}", mark, "kept" if rule == "secret" and not intimate else rule
    for mark, word in filled.planted.items():
        if word.is_of_event:
            yield word.place, mark, READ["copies"].get(word.place, "nowhere")


def leaks(filled: Disclosed, profile: str, text: str) -> dict[str, str]:
    return {mark: field for field, mark, rule in ruled(filled) if mark in text and profile not in may_have(rule)}


def test_one_leak_is_found(filled: Disclosed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: one question's words get into a supervisor's copy."""
    whole = Limits.record

    def leaking(self: Limits, record: Any, written: Any, masks: Any) -> Any:
        shown = whole(self, record, written, masks)
        if record.act.key != "minutes":
            return shown
        told = {**shown.answers, "dissent": written.answers.get("dissent")}
        return type(shown)(**{**{name: getattr(shown, name) for name in type(shown).__slots__}, "answers": told})

    monkeypatch.setattr(Limits, "record", leaking)
    _pages, record = copy_of(filled, "supervisor", "fr")
    assert set(leaks(filled, "supervisor", record).values()) == {"minutes.dissent"}


# ---- sections --------------------------------------------------------------------------------------------------------


PARTS = {
    "decision": ("decision",),
    "conformance": ("conformance.asked", "conformance.departures", "conformance.excuses"),
    "chronology": ("events",),
    "people": ("people", "seats"),
    "records": ("records",),
    "grid": ("grid", "grid_total", "grid_detail", "head.level"),
    "dangers": ("dangers", "head.live_dangers"),
    "referrals": ("referrals",),
    "follow_ups": ("follow_ups",),
    "evidence": ("evidence",),
    "duties": ("duties",),
    "checks": ("checks",),
}
"""What of a copy stands in its sections of each kind; the remarks stand in the chronology."""


def test_a_copy_has_the_sections_of_its_profile_and_nothing_of_others(filled: Disclosed) -> None:
    assert list(sections_astray(filled)) == []


def sections_astray(filled: Disclosed) -> Iterator[str]:
    """What stands in copies with one section each, and of a copy with all of them what does not."""
    yield from (f"there is no {part}" for part in set(sum(PARTS.values(), ())) - parts_of(with_sections(filled)))
    if with_sections(filled).left_out.within:
        yield "something is left out of the school's own copy"
    for kind in ("decision", "chronology"):
        view = with_sections(filled, kind)
        yield from (f"{part} beside {kind}" for part in parts_of(view) - set(PARTS[kind]))
        remarked = {mark for mark in planted(told(view.events)) if mark in filled.planted}
        remarked = {filled.planted[mark].place for mark in remarked} & {"Remark.text", "RemarkSettled.sentence"}
        yield from (f"{place} beside {kind}" for place in remarked)
        sections, left = view.document.sections, view.left_out
        if {sections[place].kind for place in left.sections} != {one.kind for one in sections} - {kind, "summary"}:
            yield f"beside {kind} it is not said which sections are not there"
        if left.within:
            yield f"beside {kind} it is said that some of a section is not there"


def with_sections(filled: Disclosed, *kinds: str) -> CaseFile:
    """The school's copy, less the other sections."""
    return altered(filled, "school", sections=kinds)


def altered(filled: Disclosed, profile: str, **changes: Any) -> CaseFile:
    """A copy of that profile, of which the definition says something else."""
    with filled.ctx.realm.reading() as session:
        loaded = filled.load(session, filled.chief)
        about = "guardian-1" if profile == "family" else ""
        found = loaded.protocol.documents["case_file"].profiles[profile].model_copy(update=changes)
        return draft(filled.ctx, session, loaded, found, "fr", about).view


def test_a_family_reads_of_its_own_side_and_of_the_acts_that_are_for_it(filled: Disclosed) -> None:
    assert list(family_astray(filled)) == []


def family_astray(filled: Disclosed) -> Iterator[str]:
    """What a family's copy says of acts, colleagues and people that are not for it, in any of its lines."""
    view, rules = altered(filled, "family"), RULES["family"]
    entries = [*view.records, *(one.record for one in (*view.events, *view.follow_ups) if one.record)]
    told_of = {
        "acts": {one.act.key for one in entries},
        "lines": {one.kind for one in view.events if one.record is None},
        "people": {one.slot.key for one in view.people},
    }
    yield from (f"there is {one}" for what, found in told_of.items() for one in sorted(found - set(rules[what])))
    yield from (f"{one.id} is on hold" for one in view.people if one.held)
    yield from (f"there is the seat {one.seat} of a side" for one in view.seats if one.side not in (None, "targeted"))
    yield from ("it counts what it leaves out" for _one in [view.left_out] if not _one.is_nothing)
    yield from (f"{one.act.key} says what it leaves out" for one in entries if one.left_out)
    yield from ("there is a summary" for _one in [view.summary] if _one is not None)
    retracted = {one.entry for one in filled.happened if isinstance(one, EntryRetracted)}
    view = altered(filled, "family", acts={"note": ("text",)}, sections=())
    yield from (f"entry {one.seq} was taken back" for one in view.events if one.seq in retracted)
    yield from ("there is a follow-up that is not for it" for _one in view.follow_ups)
    kinds = {one.kind for one in altered(filled, "family", acts={}, sections=()).events}
    yield from (f"there is a line of {kind}" for kind in kinds & {"public_report_placed"})
    asked = altered(filled, "family", sections=("conformance",)).conformance
    yield from (f"why {one.seq} was not done is told" for one in asked.excuses)


def test_somebody_who_is_known_by_name_since_is_named_in_no_summary_and_no_excuse(filled: Disclosed) -> None:
    assert list(named_since(filled)) == []


def named_since(filled: Disclosed) -> Iterator[str]:
    """Names in what was written before anybody bore them."""
    found = case_summary.conformance

    def named(*asked: Any) -> Any:
        excuses = tuple(replace(one, reason=filled.name) for one in found(*asked).excuses)
        assert excuses
        return replace(found(*asked), excuses=excuses)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(printing, "conformance", named)
        patched.setattr(printing, "summary_text", lambda *_asked: filled.name)
        view = altered(filled, "supervisor")
    texts = {"summary": view.summary.text if view.summary else "", "excuse": view.conformance.excuses[0].reason}
    yield from (f"the {what} says {text}" for what, text in texts.items() if not text or filled.name in text)


def test_addresses_are_told_in_no_text_and_pages_with_them_are_kept_apart(filled: Disclosed, packed: Packed) -> None:
    assert list(addresses_astray(filled)) == []
    assert list(kept_together(packed)) == []


def addresses_astray(filled: Disclosed) -> Iterator[str]:
    """Addresses in what was written elsewhere."""
    with filled.ctx.realm.reading() as session:
        loaded = filled.load(session, filled.chief)
    profiles = loaded.protocol.documents["case_file"].profiles
    pieces = [one.cleaned for one in filled.written if one.act.kind is ActKind.evidence and one.cleaned.get("url")]
    for profile in ("supervisor", "school"):
        mask = Limits(loaded, profiles[profile], {}).mask(Pseudonymiser(loaded), filled.chief.id, "head")
        for piece in pieces:
            is_told = profile == "school" and piece["sexual_or_intimate"] == "no"
            if (piece["url"] in mask(f"Vu sur {piece['url']}.")) is not is_told:
                yield f"{profile}: an address is {'not ' if is_told else ''}told in another text"


def parts_of(view: CaseFile) -> set[str]:
    return {part for parts in PARTS.values() for part in parts if attrgetter(part)(view)}


# ---- pages -----------------------------------------------------------------------------------------------------------


def test_each_kind_of_event_stands_in_the_case_and_each_field_of_it_has_a_rule(filled: Disclosed) -> None:
    with filled.ctx.realm.reading() as session:
        written = {kind_of(one) for one in filled.load(session, filled.chief).events}
    assert written == set(EventKind)
    assert set(EVENTS) == set(EventKind) - set(EVENT_OF_ACT.values())
    own = {kind.value: {one.name for one in fields(cls)} - HEADER for kind, cls in EVENTS.items()}
    assert {kind: set(rules) for kind, rules in READ["events"].items()} == own
    parts = {cls.__name__: {one.name for one in fields(cls)} for cls in (Remark, Handwritten)}
    assert {name: set(rules) for name, rules in READ["parts"].items()} == parts
    forms = [(act, form) for act in filled.protocol.acts.values() for form in [filled.protocol.form_of(act)]]
    assert {act: side for side, acts in READ["sides"].items() for act in acts} == {
        act.key: form.side for act, form in forms if form.side
    }
    assert READ["only"] == {act.key: list(form.readers) for act, form in forms if form.readers}


@pytest.mark.exhaustive(only=tuple(who for who in READ["readers"] if who not in (*LIMITED, "head")))
@pytest.mark.parametrize("who", READ["readers"])
def test_each_reader_is_shown_what_they_may_read(filled: Disclosed, who: str) -> None:
    assert list(Matrix(filled).differences(who)) == []


@pytest.mark.exhaustive
def test_a_reason_told_as_it_was_typed_is_a_difference(filled: Disclosed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: words that come with events are masked for nobody."""
    monkeypatch.setattr(Seeing, "words_of", lambda _self, _event, words: words)
    assert "directorate: names stand on case: " in " ".join(Matrix(filled).differences("directorate"))
    assert "data_officer: VersionChanged.reason is told" in list(Matrix(filled).differences("data_officer"))


@pytest.fixture(scope="module")
def reports() -> Iterator[Reports]:
    content = MOROCCAN.read_bytes()
    with throwaway(read(content, str(MOROCCAN)), content, NOW) as player:
        yield Reports(player)


def test_each_public_report_is_read_by_whom_it_is_for_before_it_is_a_case_and_in_one(reports: Reports) -> None:
    assert list(reports.differences()) == []


def test_a_bar_that_nobody_stands_behind_is_a_difference(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(public_door, "may_read", lambda *_asked: True)
    assert any(found == "reporter: waits opens by see_report" for found in reports.differences())


# ---- by a token ----------------------------------------------------------------------------------------------------


def short_answers(loaded: Loaded) -> set[str]:
    """Marks in references and digests, in which nobody is named or quoted: by the rules that are written by hand."""
    found: set[str] = set()
    for one in loaded.case.records:
        for name, rule in RULES["fields"].get(one.act, {}).items():
            if rule == "told":
                found |= planted(json.dumps(one.answers.get(name.partition(".")[0]), ensure_ascii=False))
    return found


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_no_word_that_was_typed_leaves_by_a_token(filled: Disclosed, language: str) -> None:
    """Every field of every form holds a mark of its own; the school's own copy, read the same way, is full of them."""
    with filled.ctx.realm.reading() as session:
        loaded = filled.load(session, filled.chief)
        profile = loaded.protocol.documents["case_file"].profiles["school"]
        own = json.loads(draft(filled.ctx, session, loaded, profile, language).record)["case"]
        short = short_answers(loaded)
    assert planted(by_token(filled, language)) == set()
    assert len(short) > 5, "references and digests were typed, too"
    assert short <= planted(json.dumps(own, ensure_ascii=False))
    assert len(planted(json.dumps(own, ensure_ascii=False)) - short) > 50


def by_token(filled: Disclosed, language: str) -> str:
    """What another system reads of the case."""
    _token, secret = drawn(filled.player)
    by = admit(filled.ctx, secret, Right.cases, "api.case")
    told = json.loads(read_record(filled.ctx, by, filled.number, language))["case"]
    return json.dumps(told, ensure_ascii=False)


def test_a_reference_is_counted_and_named_among_what_is_left_out(filled: Disclosed) -> None:
    """What a form takes as free text may be a name, or lead to a file that bears one."""
    _token, secret = drawn(filled.player)
    by = admit(filled.ctx, secret, Right.cases, "api.case")
    with filled.ctx.realm.reading() as session:
        number = filled.load(session, filled.chief).case.number
    told = json.loads(read_record(filled.ctx, by, number, "fr"))["case"]
    entries = [event["record"] for event in told["events"] if event["record"]]
    of_referrals = [one for one in entries if one["act"]["key"] in ("referral", "referral_answer")]
    assert {"referral", "referral_answer"} == {one["act"]["key"] for one in of_referrals}
    assert all("reference" in one["left_out"] and "reference" not in one["answers"] for one in of_referrals)
    assert all("channel" in one["answers"] for one in of_referrals if one["act"]["key"] == "referral"), "choices stay"
    assert told["left_out"]["words"] + told["left_out"]["answers"] >= len({one["seq"] for one in of_referrals})


# ---- names, reasons, what was taken back, paper ---------------------------------------------------------------------


PEOPLE: Mapping[str, dict[str, str]] = {
    "targeted_pupil": {"name": "Ikrame Zouaghi", "massar": "G135790246", "grade": "2 AC"},
    "pupil_concerned": {"name": "Younes Charkaoui", "massar": "G246801357"},
    "witness": {"name": "مَلاك أوزين", "massar": "G864209753"},
    "staff": {"name": "Driss Lahbabi"},
    "guardian": {"name": "Halima Zeroual", "phone": "0661357902"},
    "another guardian": {"name": "Brahim Oubella", "phone": "0662468013"},
    "guardian_concerned": {"name": "Latifa Sebbar", "phone": "0663579124"},
    "reporting_person": {"name": "Jamila Bekkali", "phone": "0664680235"},
}
WORDS = {
    what: f"zqmot{number}x" for number, what in enumerate(RULES["besides"], 100) if what.startswith(("words", "reason"))
}
COLLEAGUES = {
    "name of who wrote on paper": ("team_member/2", "Papyrine Qassimi"),
    "name of a colleague who acted": ("team_coordinator", "Coordia Qadiri"),
    "name of a colleague of the school who has no part in it": ("team_coordinator/2", "Absentia Qorchi"),
    "name of who looks after the case": ("team_member/3", "Pilotine Qallali"),
}


class Packed:
    """One case with a word of its own in every place that is no field of a form."""

    def __init__(self, school: School) -> None:
        self.school = school
        people = [{"slot": slot.replace("another ", ""), **values} for slot, values in PEOPLE.items()]
        first = [one for one in people if one["slot"] in ("targeted_pupil", "pupil_concerned", "witness", "staff")]
        school.report("team_member", about_whom=first)
        for name in ("team_member/2", "team_member/3", "team_coordinator/2"):
            school.person(name)
        school.act("team_coordinator", "add_person", persons=[one for one in people if one not in first])
        school.act("head", "name_seat", seat="lead", account=school.account("team_member/3"), reason="relais")
        everybody = " ".join(one["name"] for one in PEOPLE.values())
        self.minutes("team_coordinator", f"{WORDS['words before they were corrected']}")
        self.correct(self.last(), f"{WORDS['words after they were corrected']} {everybody}")
        self.minutes("team_coordinator", WORDS["words typed in from paper"], on_paper="team_member/2")
        self.minutes("team_coordinator", WORDS["words that were taken back"])
        self.keep(EntryRetracted(**self.by("team_coordinator"), entry=self.last(), act="others_not_heard"))
        needs = {"heard_or_offered": WORDS["reason of a departure"]}
        step = {"move": "begin_listening", "source": "listening_planned", "target": "listening_running"}
        reason = f"{WORDS['reason of a step']} {everybody}"
        self.keep(StepTaken(**self.by("team_coordinator"), **step, reason=reason, departures=needs))
        revoked = WORDS["reason of taking a copy back"]
        self.keep(DocumentRevoked(**self.by("head"), document="case_file", copy=1, reason=revoked))
        self.open_a_file()
        refer(school, "prosecutor")
        school.act("head", "raise_danger", which_danger="blackmail")
        plan = {"reference_adult": school.account("head"), "shared_concern": False, "protection": ["way_home"]}
        school.act("head", "support_plan", plan, objectives=everybody)
        self.names = {school.account(who): name for who, name in COLLEAGUES.values()}

    def open_a_file(self) -> None:
        known = {"file": "a-file", "entry": self.last(), "piece": 1}
        said = {"step": FileStep.kept, "sha256": "c" * 64, "format": "png"}
        self.keep(FileHandled(**self.by("team_coordinator"), **known, **said))
        reason = WORDS["reason of opening a file"]
        self.keep(FileOpened(**self.by("team_coordinator"), **known, original=False, purpose="other", reason=reason))

    def minutes(self, who: str, words: str, on_paper: str = "") -> None:
        paper = OnPaper(self.school.ctx.now().isoformat(), self.school.account(on_paper)) if on_paper else None
        self.school.act(who, "others_not_heard", reason="left", words=words, paper=paper)

    def correct(self, seq: int, words: str) -> None:
        school = self.school
        record_act(
            school.ctx, school.person("team_coordinator"), school.number, "correction",
            {"record": str(seq), "what_changes": "x", "reason": "y"}, expected=None, token=school.token(), proven=True,
            changes={"reason": "left", "words": words},
        )  # fmt: skip

    def last(self) -> int:
        return self.school.last_seq()

    def by(self, who: str) -> dict[str, Any]:
        now = self.school.ctx.now() + timedelta(minutes=1)
        return {"actor": self.school.account(who), "role": who, "at": now, "occurred_at": now}

    def keep(self, event: Event) -> None:
        ctx = self.school.ctx
        with ctx.realm.writing() as session:
            loaded = load(ctx, session, self.school.person("head"), self.school.number)
            keep(ctx, session, loaded, [event])

    def draft(self, profile: str, language: str) -> printing.Draft:
        ctx = self.school.ctx
        with ctx.realm.reading() as session:
            loaded = load(ctx, session, self.school.person("head"), self.school.number)
            found = loaded.protocol.documents["case_file"].profiles[profile]
            about = {"family": "guardian-1", "authority": "referral-1"}.get(profile, "")
            return draft(ctx, session, loaded, found, language, about)

    def secrets(self, profile: str) -> dict[str, str]:
        """What must not stand in such a copy → what it is."""
        found = {}
        for what, rule in RULES["besides"].items():
            planted = [WORDS[what]] if what in WORDS else COLLEAGUES[what][1].split()
            found |= dict.fromkeys(planted if profile not in may_have(rule) else (), what)
        for slot, values in PEOPLE.items():
            rule = RULES["people"][slot.replace("another ", "")]
            parts = values["name"].split() if profile not in may_have(rule) else []
            if profile not in may_have(RULES["reached"].get(slot, rule)):
                parts += [values[key] for key in ("massar", "phone") if key in values]
            found |= dict.fromkeys(parts, f"who {slot} is")
        return found


def kept_together(packed: Packed) -> Iterator[str]:
    """Pages with addresses that would be handed to a service that is no judicial one."""
    ctx = packed.school.ctx
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, packed.school.person("head"), packed.school.number)
    profile = loaded.protocol.documents["case_file"].profiles["authority"]
    if printing.eyes_of(loaded, profile, "referral-1") == printing.eyes_of(loaded, profile, "referral-2"):
        yield "pages for a judicial service are those for others"


@pytest.fixture(scope="module")
def packed() -> Iterator[Packed]:
    content = MOROCCAN.read_bytes()
    with throwaway(read(content, str(MOROCCAN)), content, NOW) as player:
        yield Packed(School(player, count(1)))


@contextmanager
def colleagues_named(packed: Packed) -> Iterator[None]:
    """Colleagues have names of their own, planted where all names of colleagues come from."""
    names, plain_names = packed.names, loading.account_names

    def planted(ctx: Any, ids: Any, language: str) -> dict[str, str]:
        own = {key: name for key, name in names.items() if key in set(ids)}
        return {**plain_names(ctx, ids, language), **own}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(printing, "account_names", planted)
        yield


@pytest.fixture(autouse=True)
def _names(request: pytest.FixtureRequest) -> Iterator[None]:
    with colleagues_named(request.getfixturevalue("packed")) if "packed" in request.fixturenames else nullcontext():
        yield


def found_in(text: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """Those that stand in a text, Arabic ones also as they are drawn, from left to right."""
    folded = re.sub(r"[\u064b-\u0652]", "", text)
    digits = re.sub(r"[\s.-]", "", folded)
    found = {}
    for secret, what in secrets.items():
        bare = re.sub(r"[\u064b-\u0652]", "", secret)
        if bare.lower() in folded.lower() or bare[::-1] in folded or (bare[1:].isdigit() and bare[1:] in digits):
            found[secret] = what
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", PROFILES)
def test_nor_does_a_name_a_reason_or_what_was_taken_back(packed: Packed, profile: str, language: str) -> None:
    assert list(named_astray(packed, profile, language)) == []


def named_astray(packed: Packed, profile: str, language: str) -> Iterator[str]:
    """Names, reasons and what was taken back, in a copy that must not have them, or not in one that may."""
    made = packed.draft(profile, language)
    page = plain(case_file_html(made.view, Wording(language)))
    secrets, every = packed.secrets(profile), packed.secrets("")
    for text in (page, made.record.partition(b'"case": {')[2].decode()):
        yield from (f"{what} stands in it" for what in found_in(text, secrets).values())
        if profile == "family":  # nobody but their own side is there at all, not even as a sign
            yield from (f"{sign} stands in it" for sign in re.findall(r"\b(?:EC|RC|T|P|D)\d+\b", text))
    unasked = {one for one, what in every.items() if profile == "family" and what == "who another guardian is"}
    missing = set(every) - set(secrets) - set(found_in(page, every)) - unasked
    yield from (f"{every[one]} is missing" for one in sorted(missing))


def everything(data: bytes) -> Iterator[str]:
    """All that a PDF holds: streams unpacked, files, metadata, bookmarks, strings; its text, by one reader or two."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for one in pdf.objects:
            if isinstance(one, pikepdf.Stream):
                raw = one.read_bytes()
                if b'"versions": [' in raw:  # the definitions that a record carries are nobody's
                    raw = raw.partition(b'"versions": [')[0] + raw.partition(b'"case": {')[2]
                yield raw.decode("utf-8", "replace")
                yield raw.decode("utf-16-be", "replace")
            else:
                yield " ".join(strings(one))
        assert not any(link for page in pdf.pages for link in page.get("/Annots", ()))
    yield "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    if reader := shutil.which("pdftotext"):
        told = subprocess.run([reader, "-", "-"], input=data, capture_output=True, check=True)
        yield told.stdout.decode()


def strings(one: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(one, pikepdf.String):
        yield str(one)
    elif isinstance(one, pikepdf.Array) and depth < 8:
        for inner in one:
            yield from strings(inner, depth + 1)
    elif isinstance(one, pikepdf.Dictionary) and depth < 8:
        for inner in one.values():
            if not getattr(inner, "is_indirect", False):
                yield from strings(inner, depth + 1)


@pytest.mark.exhaustive(but=("family-ar",))
@needs_typesetting
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", PROFILES)
def test_nor_does_any_of_it_stand_in_the_pdf(packed: Packed, profile: str, language: str) -> None:
    data = packed.draft(profile, language).made().data
    secrets = packed.secrets(profile)
    for text in everything(data):
        assert found_in(text, secrets) == {}


@needs_typesetting
def test_one_leak_into_a_pdf_is_found(packed: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a witness is named to a family."""
    named = Limits._named
    monkeypatch.setattr(Limits, "_named", lambda self: [*named(self), "witness-1"])
    monkeypatch.setattr(Limits, "shows", lambda _self, _person: True)
    secrets = packed.secrets("family")
    data = packed.draft("family", "ar").made().data
    found = [found_in(text, secrets) for text in everything(data)]
    assert {what for one in found for what in one.values()} == {"who witness is"}
