"""Every field of every form: typed, sent, sealed, folded, shown on the entry's page and printed, unchanged.

One store a definition, one case in it. Each act is recorded until every question of its form was answered at least
once, words with a mark of their own; then the loaded record, the page and the PDF are asked for every single answer.
"""

from __future__ import annotations

import html
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import filling
import pytest
from engine.telling import MOROCCAN, NOW, SMALL
from flask.testing import FlaskClient
from handing import forget_prepared
from pypdf import PdfReader

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.case_files.pages import Pages
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import repository as cases_repository
from school_protocol.cases import sharing
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.intake import open_case, see_opening
from school_protocol.cases.loading import Loaded, keep, load_by_id, surroundings, with_schools
from school_protocol.cases.service import record_act
from school_protocol.cases.showing import as_far_as, see_act, see_record
from school_protocol.cases.story_player import Player, throwaway
from school_protocol.cases.view_models import ActView, CaseHead, RecordView
from school_protocol.engine.answers import References, answer_values, clean
from school_protocol.engine.decisions import Decider
from school_protocol.engine.definition import START, Act, ActKind, Protocol, ScopeKind
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.events import StepTaken
from school_protocol.engine.sharing_state import contributions
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.language import ZONE, Wording
from school_protocol.pdf import rendering
from school_protocol.protocol.reader import read
from school_protocol.storage.engines import Session
from school_protocol.ui.forms import answers_of, as_posted, form_for
from school_protocol.web import create_app

pytestmark = pytest.mark.exhaustive

FRENCH = Wording("fr")
ATTEMPTS = 60
ANSWERED_BESIDE = (ActKind.accept_transfer, ActKind.answer_contribution)
"""Acts of whoever answers for another school."""


# ---- filling whole forms -------------------------------------------------------------------------------------------


class Marked(filling._Filler):
    """Fills every question that is asked; each text bears a mark that no other answer has."""

    def __init__(
        self, protocol: Protocol, rng: random.Random, references: References, marks: Iterator[int], act: Act
    ) -> None:
        super().__init__(protocol, rng, references)
        self.marks = marks
        self.act = act

    def _maybe(self, item: FormField) -> Any:
        if item.type is FieldType.dangers and not item.required and self.rng.random() < 0.5:
            return None  # some questions are asked only where no danger was seen
        try:
            return self._value(item)
        except filling.Unfillable:
            if item.required:
                raise
            return None

    def _value(self, item: FormField) -> Any:
        if item.type in (FieldType.yes_no, FieldType.check):  # conditions read truths, not words
            return item.type is FieldType.check or self.rng.random() < 0.5
        value = super()._value(item)
        if item.type is FieldType.persons:  # a page asks for known people first
            value.sort(key=lambda entry: isinstance(entry, Mapping))
        return value

    def _words(self, item: FormField) -> str:
        text = f"{mark(next(self.marks))} {super()._words(item)}".strip()
        return text[: item.most or filling.TEXT_MOST].strip()

    def _possible(self, item: FormField) -> list[str]:
        """In one order every time; whoever is shut out or seated is somebody who has nothing else to do here."""
        found = [key for key in super()._possible(item) if not self.restricts(key)]
        if item.type in (FieldType.account, FieldType.accounts):
            apart = self.act.kind in (ActKind.exclude, ActKind.report, ActKind.seat)
            return [key for key in (self.spares if apart else self.colleagues) if key in found]
        return found

    def restricts(self, key: str) -> bool:
        danger = self.protocol.dangers.get(key)
        return danger is not None and (danger.restricts or danger.holds_guardians)

    colleagues: Sequence[str] = ()
    spares: Sequence[str] = ()


MARK = r"zq\d{4}x"


def mark(number: int) -> str:
    return f"zq{number:04}x"


def asked(form: Form) -> set[str]:
    return {item.key for item in form.fields if item.type is not FieldType.signature}


# ---- the installation ----------------------------------------------------------------------------------------------


@dataclass
class Written:
    """One record as it was written: who may read it, what was sent and what the engine made of that."""

    seq: int
    act: Act
    cleaned: Mapping[str, Any]


class Filled:
    """A throwaway installation with one case, in which every act was recorded with every field."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.ctx = player.ctx
        self.protocol = player.protocol
        self.rng = random.Random(7)
        self.marks = count(1)
        self.tokens = count(1)
        self.people = [player.actor(f"{role}{mark}") for mark in ("", "/2") for role in self.protocol.roles]
        sees = {actor.id: self.protocol.roles[actor.appointments[0].role].sees for actor in self.people}
        self.chief = next(actor for actor in self.people if sees[actor.id] is ScopeKind.unit)
        self.far, self.schools = self._beside()
        """Whoever oversees another province, and the codes of its schools: they contribute."""
        above = (ScopeKind.province, ScopeKind.region)  # where one of them takes no part, other systems read nothing
        spare = [player.actor(f"{key}/9") for key, role in self.protocol.roles.items() if role.sees not in above]
        self.spares = [actor.id for actor in spare]
        self.written: list[Written] = []
        self.unanswered: dict[str, set[str]] = {}
        self.app = create_app(self.ctx, testing=True)
        self.clients: dict[str, FlaskClient] = {}
        self.number = self.other = ""
        self.case_id = ""
        self.labels: Mapping[str, str] = {}

    def _beside(self) -> tuple[Actor | None, frozenset[str]]:
        above = [key for key, role in self.protocol.roles.items() if role.sees is ScopeKind.province]
        codes = [f"0000{number}Z" for number in range(1, 9)]
        with self.ctx.directory.writing() as session:
            region = auth_repository.units_of_kind(session, UnitKind.region)[0].id
            province = auth_repository.add_unit(
                session, kind=UnitKind.province, code="Z", names={"fr": "Z"}, parent=region
            )
            for code in codes:
                auth_repository.add_unit(session, kind=UnitKind.school, code=code, names={"fr": code}, parent=province)
            for role in above[:1]:
                account = auth_repository.add_account(
                    session, username="far", names={"fr": "far"}, language="fr", created_at=self.ctx.now()
                )
                auth_repository.appoint(session, account, role=role, unit=province, starts=date(2020, 1, 1))
            far = actor_of(self.ctx, account, session) if above else None
        return far, frozenset(codes)

    # ---- writing ---------------------------------------------------------------------------------------------

    def write_everything(self) -> None:
        (report,) = self.protocol.acts_of(ActKind.report)
        self.open(report)
        self.open(report)
        self.seat_everybody()
        for act in sorted(self.protocol.acts.values(), key=self.when_to_write):
            self.write(act)

    def when_to_write(self, act: Act) -> int:
        """First what raises no danger, for a danger shuts much; then who steps aside; last, holds."""
        if any(self.protocol.facts[name].standing_holds for need in act.needs for name in self.reads(need)):
            return 7
        raising = (FieldType.danger, FieldType.dangers, FieldType.danger_answers)
        last = {ActKind.raise_danger: 1, ActKind.sign: 3, ActKind.exclude: 4, ActKind.hold: 5, ActKind.review_hold: 6}
        return last.get(act.kind, 2 if self.protocol.form_of(act).find(*raising) else 0)

    def reads(self, need: str) -> Iterable[str]:
        return self.protocol.needs[need].when.names

    def seat_everybody(self) -> None:
        """Whoever sees only what is assigned is assigned."""
        for act in self.protocol.acts_of(ActKind.seat):
            form = self.protocol.form_of(act)
            seat_field, account = form.find(FieldType.seat), form.find(FieldType.account)
            assert seat_field is not None
            assert account is not None
            for_good = {item.key: None for item in form.fields if item.type is FieldType.date}
            for seat in self.protocol.seats.values():
                role = self.protocol.roles.get(seat.acts_as or "")
                needed = role is not None and role.sees not in (ScopeKind.unit, ScopeKind.province)
                for one in self.people if needed else ():
                    if seat.acts_as == one.appointments[0].role:
                        self.try_once(act, None, {**for_good, seat_field.key: seat.key, account.key: one.id})

    def open(self, report: Act) -> None:
        self.other = self.number
        actor = next(one for one in self.people if one.appointments[0].role in report.by[1:])
        around = surroundings(self.ctx, self.player.school)
        references = Decider(self.protocol, None, actor, self.ctx.now(), around).references()
        raw = self.filled(report, references)
        view = see_opening(self.ctx, actor)
        sent = self.sent(view, raw)
        self.number = open_case(self.ctx, actor, report.key, sent, token=self.token()).number
        with self.ctx.realm.reading() as session:
            self.case_id = cases_repository.find_by_number(session, self.number) or ""
        cleaned = clean(self.protocol, view.form, raw, references).answers
        self.written = [Written(self.first_record(), report, cleaned)]

    def write(self, act: Act) -> None:
        """Record `act` until each question of its form was answered once."""
        missing = self.wanted(self.protocol.form_of(act))
        for one in self.written:
            if one.act.key == act.key:
                missing -= set(one.cleaned)
        for _attempt in range(ATTEMPTS):
            done = [one for one in self.written if one.act.key == act.key]
            if done and not missing:
                return
            written = self.try_once(act, missing if done else None)
            if written is None:
                self.meet_needs(act)
            elif not done or missing & set(written.cleaned):
                missing -= set(written.cleaned)
                self.written += [written] if written not in self.written else []
        self.unanswered[act.key] = missing or {"(never recorded)"}

    def wanted(self, form: Form) -> set[str]:
        """The questions that must have an answer."""
        return asked(form)

    def meet_needs(self, act: Act) -> None:
        """Record what the act asks to stand already, or what its answers point at; wait for what comes with time."""
        self.player.clock.advance(timedelta(days=8 if act.needs_when else 0))
        pointed = {
            ActKind.answer_referral: ActKind.refer, ActKind.review_hold: ActKind.hold,
            ActKind.accept_transfer: ActKind.ask_transfer, ActKind.answer_contribution: ActKind.contribute,
            ActKind.settle_contribution: ActKind.contribute,
        }  # fmt: skip
        for other in self.protocol.acts_of(pointed[act.kind]) if act.kind in pointed else ():
            self.try_once(other, None)
        for need in act.needs:
            for key in self.protocol.needs[need].met_by:
                self.try_once(self.protocol.acts[key], None)
        if act.kind in ANSWERED_BESIDE:
            self.player.clock.advance(timedelta(days=8))

    def try_once(self, act: Act, wanted: set[str] | None, given: Mapping[str, Any] | None = None) -> Written | None:
        states = [key for key in self.protocol.states if self.is_open_in(act, key)]
        if not states:
            self.open(act)
            return self.written[-1]
        calm = [key for key in states if not self.protocol.states[key].ended]
        self.place(calm or states)
        form = self.protocol.form_of(act)
        with self.ctx.realm.reading() as session:
            loaded = as_far_as(self.ctx, session, self.load(session, self.chief), form)
        loaded = with_schools(self.ctx, loaded, self.schools)
        asked = {one.school for one in contributions(self.protocol, loaded.case) if one.is_open}
        beside = [self.far] if self.far and act.kind in ANSWERED_BESIDE else []
        for actor in [*self.rng.sample(self.people, len(self.people)), *beside]:
            desk = Decider(self.protocol, loaded.case, actor, loaded.now, loaded.around, loaded.facts)
            references = replace(desk.references(), schools=self.schools - asked)
            raw = self.fitting(act, references, wanted, given) if desk.act_choice(act).is_open else None
            if raw is None:
                continue
            try:
                return self.record(actor, act, raw, references)
            except (Refused, Unseen):
                continue
        return None

    def fitting(
        self, act: Act, references: References, wanted: set[str] | None, given: Mapping[str, Any] | None
    ) -> dict[str, Any] | None:
        """Answers that answer one of the questions that nobody has answered yet."""
        for _attempt in range(ATTEMPTS):
            try:
                raw = self.filled(act, references, given)
            except filling.Unfillable:
                return None
            if wanted is None or wanted & set(raw):
                return raw
        return None

    def filled(self, act: Act, references: References, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Whole answers; none that would take the case from the team's sight."""
        form = self.protocol.form_of(act)
        filler = Marked(self.protocol, self.rng, references, self.marks, act)
        filler.spares, filler.colleagues = self.spares, [*(one.id for one in self.people), *self.spares]
        restricts = self.protocol.restricted_when
        while True:
            raw = filler.fields(form.fields, dict(given or {}))
            if filling.contradicts(form, raw):
                continue
            answers = clean(self.protocol, form, raw, references).answers
            if act.kind is not ActKind.report or restricts is None:
                return raw
            if not restricts.holds(answer_values(form.fields, answers)):
                return raw

    def record(self, actor: Actor, act: Act, raw: Mapping[str, Any], references: References) -> Written:
        """Sent as a browser would, read back as the page would, recorded as a press would."""
        view, fixed = self.view(actor, act, raw)
        form = self.protocol.form_of(act) if fixed else view.form
        sent = self.sent(view, {key: value for key, value in raw.items() if key not in fixed}) | fixed
        cleaned = clean(self.protocol, form, raw, references).answers
        arrived = clean(self.protocol, form, sent, references).answers
        assert arrived == cleaned, f"{act.key}: changed on the wire"
        before = self.last_seq()
        record_act(self.ctx, actor, self.number, act.key, sent, expected=None, token=self.token(), proven=True)
        return Written(before + 1, act, cleaned)

    def view(self, actor: Actor, act: Act, raw: Mapping[str, Any]) -> tuple[ActView, dict[str, str]]:
        """The form on the page of the case, or on that of what it asks of another school, with what stands there."""
        if actor is not self.far:
            return see_act(self.ctx, actor, self.number, act.key), {}
        pointer = self.protocol.form_of(act).find(FieldType.record)
        waits = [one for one in sharing.waiting_for(self.ctx, actor) if one.number == self.number]
        about = [one.seq for one in waits if (raw[pointer.key] == str(one.seq) if pointer else one.is_transfer)]
        if not about:
            raise Unseen(self.number)
        found = sharing.see_request(self.ctx, actor, self.number, about[0])
        return found.act, dict(found.fixed)

    def sent(self, view: ActView, raw: Mapping[str, Any]) -> dict[str, Any]:
        """As a browser sends it and the page reads it."""
        with self.app.test_request_context():
            return answers_of(form_for(view, FRENCH, as_posted(view.form.fields, raw), now=self.ctx.now()))

    def place(self, states: Sequence[str]) -> None:
        """Into one of these states."""
        self.put(self.rng.choice(states))

    def put(self, state: str) -> None:
        """Place the case in a state directly: a walk that leads to every act would be long."""
        move = next(one for one in self.protocol.moves.values() if one.to == state)
        now = self.ctx.now()
        with self.ctx.realm.writing() as session:
            loaded = load_by_id(self.ctx, session, self.people[0], self.case_id)
            if loaded.case.state == state:
                return
            step = StepTaken(
                actor=self.people[0].id, role="", at=now, occurred_at=now, move=move.key, source=loaded.case.state,
                target=state, level=2, successor=self.other if self.protocol.states[state].successor else None,
            )  # fmt: skip
            keep(self.ctx, session, loaded, [step])

    def is_open_in(self, act: Act, state: str) -> bool:
        if state == START or self.protocol.states[state].successor:
            return False
        is_open = "open" in act.in_ and not self.protocol.states[state].ended
        return state in act.in_ or "any" in act.in_ or is_open

    # ---- reading ---------------------------------------------------------------------------------------------

    def token(self) -> str:
        return f"token {next(self.tokens)}"

    def load(self, session: Session, actor: Actor) -> Loaded:
        return load_by_id(self.ctx, session, actor, self.case_id)

    def first_record(self) -> int:
        with self.ctx.realm.reading() as session:
            return self.load(session, self.people[0]).case.records[0].seq

    def last_seq(self) -> int:
        with self.ctx.realm.reading() as session:
            return cases_repository.last_seq(session, self.case_id)

    def reader(self, seq: int) -> tuple[Actor, CaseHead, RecordView]:
        """Somebody who reads this record whole."""
        for actor in (self.chief, *self.people):
            try:
                head, record = see_record(self.ctx, actor, self.number, seq)
            except Unseen:
                continue
            if record.hidden is None:
                return actor, head, record
        raise AssertionError(f"nobody reads entry {seq}")

    def page(self, actor: Actor, path: str) -> str:
        if actor.id not in self.clients:
            with self.ctx.directory.writing() as session:
                token = sign_in_repository.open_web_session(session, actor.id, now=self.ctx.now())
            self.clients[actor.id] = self.app.test_client()
            self.clients[actor.id].set_cookie("session", token)
        response = self.clients[actor.id].get(f"/cases/{self.number}{path}")
        assert response.status_code in (200, 404), path
        return response.get_data(as_text=True)

    def prints(self, act: Act) -> bool:
        """Whether the document prints this act's answers: in a section of its own, or with its kind."""
        document = next(iter(self.protocol.documents.values()))
        kinds = {section.kind for section in document.sections}
        by_kind = {ActKind.evidence: "evidence", ActKind.follow_up: "follow_ups", ActKind.refer: "referrals",
                   ActKind.answer_referral: "referrals"}  # fmt: skip
        return any(act.key in section.acts for section in document.sections) or by_kind.get(act.kind) in kinds

    def is_kept_back(self, form: Form, key: str, answers: Mapping[str, Any]) -> bool:
        """What only an authority's copy shows, where content is intimate."""
        intimate = any(answers.get(item.key) in item.forbids_files for item in form.fields if item.forbids_files)
        return intimate and form.by_key[key].authority_only

    def printed(self) -> tuple[Actor, str]:
        """The text of the identified copy, as the profile's first reader is handed it."""
        document = next(iter(self.protocol.documents.values()))
        profile = next(one for one in document.profiles.values() if one.identities and one.words)
        actor = next(one for one in self.people if one.appointments[0].role in profile.for_)
        forget_prepared(self.ctx)
        issued = issue_case_file(self.ctx, actor, self.number, profile.key, "fr")
        return actor, "\n".join(page.extract_text() for page in PdfReader(BytesIO(issued.data)).pages)


HOUSES = {"moroccan": MOROCCAN, "small": SMALL}


@pytest.fixture(scope="module", params=HOUSES)
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    path: Path = HOUSES[request.param]
    content = path.read_bytes()
    with throwaway(read(content, str(path)), content, NOW) as player:
        found = Filled(player)
        found.write_everything()
        yield found


# ---- what is asked of a text -----------------------------------------------------------------------------------------


def squeezed(text: str) -> str:
    """Letters and signs alone: lines break where they like, and what steers direction is not said."""
    kept = (char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char)[0] not in "ZC")
    return "".join(kept)


def text_of(page: str) -> str:
    """What a page says, its markup taken off."""
    main = page[page.index("<main") :]
    return squeezed(html.unescape(re.sub(r"<[^>]*>", "", main)))


def latin(text: str) -> str:
    """As far as pypdf gives a typeset page back: no Arabic, no signs, and what it makes of a no-break space (`b7`)."""
    letters = re.sub(r"[^\u0021-\u024f\u2010-\u2027]", "", squeezed(text))
    return re.sub(r"b\d", "", letters)


def said(protocol: Protocol, item: FormField, value: Any, names: Mapping[str, str]) -> list[str]:
    """What of an answer must stand somewhere: beside its label, or part by part in a table."""
    if item.type is FieldType.grid:
        grid = protocol.grids[item.grid or next(iter(protocol.grids))]
        lines = ((grid.items[key], score) for key, score in value.items())
        return [f"{FRENCH.text(line.title)}{score}{FRENCH.text(line.anchors[score])}" for line, score in lines]
    return [f"{FRENCH.text(item.label)}{FRENCH.answer(protocol, item, value, names)}"]


def absent_from_page(page: str, protocol: Protocol, form: Form, answers: Mapping[str, Any], names: Any) -> set[str]:
    """Fields whose answer does not stand on the page, beside its label."""
    text = text_of(page)
    return {
        key
        for key, value in answers.items()
        if any(squeezed(part) not in text for part in said(protocol, form.by_key[key], value, names))
    }


def absent_from_copy(text: str, protocol: Protocol, form: Form, answers: Mapping[str, Any], names: Any) -> set[str]:
    """Fields whose answer a copy does not print. Of words their mark is looked for: nobody else's words bear it."""
    return {
        key
        for key, value in answers.items()
        if any(part not in text for part in printed_parts(protocol, form.by_key[key], value, names))
    }


def printed_parts(protocol: Protocol, item: FormField, value: Any, names: Mapping[str, str]) -> list[str]:
    """What of an answer a copy prints in one piece: its marks, the entries of a list, the cells of a table."""
    if item.is_words:
        return [re.findall(MARK, value)[0]]
    if item.type is FieldType.rows:
        cells = ((column, row[column.key]) for row in value for column in item.fields if column.key in row)
        return [part for column, cell in cells for part in printed_parts(protocol, column, cell, names)]
    if item.type in (FieldType.grid, FieldType.referral):  # the grid has a table; a reply stands under its referral
        return []
    if item.type is FieldType.moment:  # the day and the hour stand apart
        moment = datetime.fromisoformat(value).astimezone(ZONE)
        return [latin(FRENCH.day(moment)), FRENCH.clock(moment)]
    if item.type is FieldType.danger_answers:
        titles = [FRENCH.text(protocol.dangers[key].title) for key in value]
        return [latin(part) for part in (*titles, *map(FRENCH.yes_no, value.values()))]
    entries = [[entry] for entry in value] if isinstance(value, list) else [value]
    return [latin(FRENCH.answer(protocol, item, entry, names)) for entry in entries]


# ---- the tests -----------------------------------------------------------------------------------------------------


def test_every_question_of_every_act_was_answered(filled: Filled) -> None:
    assert filled.unanswered == {}
    assert {one.act.key for one in filled.written} == set(filled.protocol.acts)


def test_the_loaded_record_says_what_was_answered(filled: Filled) -> None:
    with filled.ctx.realm.reading() as session:
        case = filled.load(session, filled.chief).case
    for one in filled.written:
        record = case.record(one.seq)
        assert record is not None
        assert (record.act, dict(record.answers)) == (one.act.key, dict(one.cleaned))


def test_the_page_of_each_entry_shows_every_answer(filled: Filled) -> None:
    absent = {}
    for one in filled.written:
        actor, head, record = filled.reader(one.seq)
        page = filled.page(actor, f"/entries/{one.seq}")
        found = absent_from_page(page, filled.protocol, record.form, one.cleaned, head.labels)
        if found:
            absent[f"{one.act.key} {one.seq}"] = found
    assert absent == {}, absent


def test_a_field_that_the_page_leaves_out_is_noticed(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: each answer of one entry is hidden by hand in turn."""
    one = max(filled.written, key=lambda written: len(written.cleaned))
    actor, head, record = filled.reader(one.seq)
    shown = Seeing.record
    for key in one.cleaned:

        def hiding(self: Seeing, record: Any, hidden: str = key) -> RecordView:
            view = shown(self, record)
            return replace(view, answers={name: value for name, value in view.answers.items() if name != hidden})

        monkeypatch.setattr(Seeing, "record", hiding)
        page = filled.page(actor, f"/entries/{one.seq}")
        assert absent_from_page(page, filled.protocol, record.form, one.cleaned, head.labels) == {key}


def test_a_reader_of_pseudonyms_sees_no_name_and_no_words(filled: Filled) -> None:
    """On no page of the case, though every question of every form was answered."""
    roles = filled.protocol.roles
    reader = next(one for one in filled.people if roles[one.appointments[0].role].pseudonymised)
    protocol, kept = filled.protocol, {"Yasmine B.", "إلياس", "Omar 🙂"}
    for one in filled.written:
        kept |= set(marks_of(protocol.form_of(one.act).fields, one.cleaned))
    last = filled.last_seq()
    paths = ["", "/people", "/outcomes", "/write", "/evidence", "/danger", "/first-minutes"]
    paths += [f"/entries/{one.seq}" for one in filled.written]
    paths += [f"/chronology?before={seq}" for seq in range(2, last + 20, 18)]
    paths += [f"/acts/{act}" for act in protocol.acts] + [f"/moves/{move}" for move in protocol.moves]
    pages = {path: filled.page(reader, path) for path in paths}
    leaks = {path: found for path, page in pages.items() if (found := {word for word in kept if word in page})}
    assert leaks == {}
    assert any(word in filled.page(filled.chief, "/people") for word in kept), "the control: the team reads them"


def marks_of(fields: Iterable[FormField], answers: Mapping[str, Any]) -> Iterator[str]:
    """Marks of the words that may name or quote somebody."""
    for item in fields:
        value = answers.get(item.key)
        if item.type is FieldType.rows:
            for row in value or ():
                yield from marks_of(item.fields, row)
        elif value and item.may_name:
            yield re.findall(MARK, value)[0]


needs_typesetting = pytest.mark.skipif(rendering.missing() is not None, reason="nothing is typeset here")


def left_out_of_the_copy(filled: Filled) -> dict[str, set[str]]:
    """Of the acts that the document prints, the fields that the identified copy does not."""
    actor, text = filled.printed()
    text, absent = latin(text), {}
    for one in filled.written:
        if filled.prints(one.act):
            form = filled.protocol.form_of(one.act)
            kept = {key: value for key, value in one.cleaned.items() if not filled.is_kept_back(form, key, one.cleaned)}
            names = see_record(filled.ctx, actor, filled.number, one.seq)[0].labels
            if found := absent_from_copy(text, filled.protocol, form, kept, names):
                absent[f"{one.act.key} {one.seq}"] = found
    return absent


@needs_typesetting
def test_the_identified_copy_prints_every_answer(filled: Filled) -> None:
    assert left_out_of_the_copy(filled) == {}


@needs_typesetting
@pytest.mark.parametrize("filled", ["small"], indirect=True)
def test_a_field_that_the_copy_leaves_out_is_noticed(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: one question's answers are hidden by hand."""
    one = next(written for written in filled.written if filled.prints(written.act))
    hidden = next(item.key for item in filled.protocol.form_of(one.act).fields if item.is_words)
    may_print = Pages.may_print
    monkeypatch.setattr(Pages, "may_print", lambda self, field: field.key != hidden and may_print(self, field))
    assert left_out_of_the_copy(filled)[f"{one.act.key} {one.seq}"] == {hidden}
