"""Protocols of other countries run through the same pages, forms and papers: stories, pressed step by step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.cases.story_player import Player, moment, throwaway
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read_file
from school_protocol.ui.forms import as_posted
from school_protocol.web import create_app
from web.conftest import Accounts
from web.filled import filled
from web.page import Page

ROOT = Path(__file__).parents[2] / "protocol_definitions"
SHIPPED = sorted(ROOT.glob("*/1.yaml"))
STORIES = ("fr-phare/protocole_b", "fi-kiva/talks", "fi-kiva/next_step")
"""From the report to the end, with dangers, referrals, signatures and refusals on the way."""
LANGUAGES = ("fr", "ar", "en")
PASSWORD = "of people who live as long as a test"
Typed = MultiDict[str, str]


class Shut(Unseen):
    """A page was not found, or answered a press with anything but "done"."""


class Pressing(Player):
    """Plays a script by opening pages and pressing what stands there; it calls no use case itself."""

    app: Flask
    people: Accounts
    pages = 0

    def _made(self, name: str, role: str) -> Actor:
        made = super()._made(name, role)
        with self.ctx.directory.writing() as session:
            auth_repository.set_password(session, made.id, hashed())
        return made

    def _do(self, actor: Actor, step: Mapping[str, Any], case: str) -> None:
        client, name = self.client(actor), str(step["do"])
        act = self.protocol.acts.get(self.protocol.resolve("acts", name))
        if act is None:
            self.move(client, f"/cases/{self.numbers.get(case, '')}/moves/{self.protocol.resolve('moves', name)}", step)
            return
        answers = self._answers(step.get("answers") or {}, case)
        if case not in self.numbers:
            self.numbers[case] = self.opened(self.press(client, "/reports/new", self.typed(act.form, answers)))
            return
        place = self.place(client, actor, case)
        if act.kind is ActKind.raise_danger:
            self.danger(client, place, next(iter(answers.values())))
        else:
            self.press(client, f"{place}/acts/{act.key}", self.typed(act.form, answers), answers.get("record"))

    def client(self, actor: Actor) -> FlaskClient:
        self.people.live[f"token-{actor.id}"] = actor
        client = self.app.test_client()
        client.set_cookie("session", f"token-{actor.id}")
        return client

    def place(self, client: FlaskClient, actor: Actor, case: str) -> str:
        """The case's page; for whoever reported it and may not see it, the receipt."""
        number = self.numbers[case]
        if client.get(f"/cases/{number}").status_code == 200:
            return f"/cases/{number}"
        report = self._receipt(actor, case)
        if report is None:
            raise Shut(number)
        return f"/reports/{report}"

    def opened(self, answer: TestResponse) -> str:
        """The number of the case that a report has opened, though its reporter may not see it."""
        found = re.search(r"/cases/(\d{13})", answer.location)
        if found:
            return found[1]
        with self.ctx.realm.engine.connect() as connection:
            return str(connection.exec_driver_sql("SELECT number FROM case_record").scalar_one())

    def typed(self, form: str, answers: Mapping[str, Any]) -> Typed:
        fields = self.protocol.forms[form].fields
        assert answers.keys() <= {field.key for field in fields}
        return MultiDict([*as_posted(fields, answers).items(multi=True), ("password", PASSWORD)])

    def move(self, client: FlaskClient, path: str, step: Mapping[str, Any]) -> None:
        without = (step.get("depart") or {}).items()
        departed = {f"without-{self.protocol.resolve('needs', need)}": why for need, why in without}
        self.press(client, path, MultiDict({"reason": step.get("reason", ""), **departed}))

    def danger(self, client: FlaskClient, place: str, which: str) -> None:
        page = self.read(client.get(f"{place}/receipt" if "reports" in place else f"{place}/danger"))
        sent = over(form_on(page, f"{place}/danger"), MultiDict({"danger": self._keys(which)}))
        self.done(client.post(f"{place}/danger", data=sent))

    def press(self, client: FlaskClient, path: str, typed: Typed, record: str | None = None) -> TestResponse:
        """Open the page, type over what stands there, send it; asked about names, take the signs and send again."""
        page = self.read(client.get(path, query_string={"record": record} if record else None))
        found = client.post(path, data=over(form_on(page, path), typed))
        if found.status_code == 422 and 'name="naming"' in found.get_data(as_text=True):
            again = over(form_on(self.read(found), path), MultiDict({"naming": "tokens", "password": PASSWORD}))
            found = client.post(path, data=again)
        return self.done(found)

    def done(self, answer: TestResponse) -> TestResponse:
        if answer.status_code != 303:
            self.read(answer)
            raise Shut(str(answer.status_code))
        return answer

    def read(self, answer: TestResponse) -> Page:
        assert answer.status_code in (200, 404, 409, 422), answer
        page = Page(answer.get_data(as_text=True))
        assert [fault for fault in page.criticise() if (fault, page.lang) != ("None", "en")] == []
        self.pages += 1
        if answer.status_code == 404:
            raise Shut("404")
        return page


def form_on(page: Page, path: str) -> Typed:
    """What the page's form for `path` would send as it stands; where none is there, nothing can be pressed."""
    form = filled(page.html, path) or filled(page.html[page.html.find("<main") :])
    if "csrf_token" not in form:
        raise Shut("nothing to press")
    return form


def over(form: Typed, typed: Typed) -> Typed:
    """The form as a browser would send it, after something was typed over some of its questions."""

    def question(name: str) -> str:
        return "-".join(name.split("-")[:2]) if name.startswith("a-") else name

    touched = {question(name) for name in typed}
    kept = [(name, value) for name, value in form.items(multi=True) if question(name) not in touched]
    return MultiDict([*kept, *typed.items(multi=True)])


@lru_cache
def hashed() -> str:
    return hash_password(PASSWORD)


def story(name: str) -> Mapping[str, Any]:
    key, _, told = name.partition("/")
    read = yaml.load((ROOT / key / "stories" / f"{told}.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)
    return dict(read)


@contextmanager
def pressing(name: str, people: Accounts) -> Iterator[Pressing]:
    """Whoever presses the pages of a story's protocol, in an installation of its own."""
    file = ROOT / name.partition("/")[0] / "1.yaml"
    protocol: Protocol = read_file(file)
    with throwaway(protocol, file.read_bytes(), moment(story(name)["steps"][0]["at"], "start")) as plain:
        player = Pressing(plain.ctx, plain.clock, protocol, plain.school, plain.places)
        player.app, player.people = create_app(plain.ctx, testing=True), people
        yield player


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", STORIES)
def test_a_story_goes_from_report_to_end_through_the_pages(name: str, people: Accounts) -> None:
    with pressing(name, people) as player:
        steps: Sequence[Mapping[str, Any]] = story(name)["steps"]
        played = player.play(steps)
        assert [(one.step, one.do, one.refused) for one in played if not one.went_as_said] == []
        assert player.protocol.states[played[-1].state].ended
        assert player.pages >= len([one for one in played if not one.refused])
        head = next(key for key, role in player.protocol.roles.items() if role.head)
        for language in LANGUAGES:
            client = player.client(replace(player.actor(head), language=language))
            reads_in(player, client, language)
        hands_over(player, player.client(player.actor(head)))


def reads_in(player: Pressing, client: FlaskClient, language: str) -> None:
    """The pages that show the case as it now is; in Arabic each of its entries, too."""
    case = f"/cases/{player.numbers['']}"
    for path in (case, f"{case}/chronology", f"{case}/case-file"):
        assert player.read(client.get(path)).lang.startswith(language)
    pages = client.get(case).text + client.get(f"{case}/chronology").text
    entries = set(re.findall(rf"{case}/entries/\d+", pages))
    assert len(entries) > 10
    for entry in sorted(entries) if language == "ar" else ():
        assert player.read(client.get(entry)).lang.startswith(language)
    title = player.protocol.states[player.played[-1].state].title.in_language(language)
    assert title in " ".join(player.read(client.get(case)).text.split())


def hands_over(player: Pressing, client: FlaskClient) -> None:
    """The case file as PDF, by its page: a copy with names for the school, in French and in Arabic."""
    path = f"/cases/{player.numbers['']}/case-file"
    for language in ("fr", "ar"):
        sent = over(
            form_on(player.read(client.get(path)), path), MultiDict({"profile": "school", "language": language})
        )
        answer = client.post(path, data=sent)
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        text = [page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages]
        assert len(text) > 4
        assert player.numbers[""] in text[0]
        if language == "fr":
            assert player.protocol.title.in_language("fr") in " ".join(" ".join(text).split())


# ---- the control: a press that does nothing, and a page that lacks a question, are noticed ---------------------------


def test_a_step_that_is_not_open_is_not_taken_for_done(people: Accounts) -> None:
    name = STORIES[1]
    with pressing(name, people) as player:
        steps = story(name)["steps"]
        played = player.play([steps[0], {"as": "kiva", "do": "m_close"}, {"as": "kiva", "do": "F3", "answers": {}}])
        assert [one.went_as_said for one in played] == [True, False, False]
        assert [one.refused for one in played[1:]] == [("unseen",), ("unseen",)]


# ---- side by side: whoever reports is never asked by which protocol --------------------------------------------------


def test_no_role_is_of_two_protocols() -> None:
    roles = [key for file in SHIPPED for key in read_file(file).roles]
    assert len(SHIPPED) >= 3
    assert len(roles) == len(set(roles))


def side_by_side(player: Pressing) -> dict[str, Pressing]:
    """Every shipped protocol in one installation, each with whoever presses by it."""
    played: dict[str, Pressing] = {player.protocol.protocol: player}
    for file in SHIPPED:
        protocol = read_file(file)
        if protocol.protocol in played:
            continue
        with player.ctx.directory.writing() as session:
            protocol_repository.publish(
                session, protocol=protocol.protocol, version=protocol.version, digest=protocol.digest,
                content=file.read_bytes(), published_at=player.clock.now(),
            )  # fmt: skip
        other = Pressing(player.ctx, player.clock, protocol, player.school, player.places)
        other.app, other.people = player.app, player.people
        played[protocol.protocol] = other
    return played


def reporter_of(one: Pressing) -> Actor:
    return one.actor(next(one.protocol.acts_of(ActKind.report)).by[0])


def test_each_reports_by_the_protocol_of_their_own_role(people: Accounts) -> None:
    with pressing(STORIES[0], people) as player:
        for one in side_by_side(player).values():
            report = next(one.protocol.acts_of(ActKind.report))
            page = one.read(one.client(reporter_of(one)).get("/reports/new"))
            asked = {name.split("-")[1] for name in form_on(page, "/reports/new") if name.startswith("a-")}
            assert asked
            assert asked <= {field.key for field in one.protocol.form_of(report).fields}
            assert "/reports/new/" not in page.html, "one protocol, no choice"


def test_who_holds_roles_of_two_protocols_chooses(people: Accounts) -> None:
    """And the case is of the one that was chosen, also where a danger opens it."""
    with pressing(STORIES[0], people) as player:
        played = side_by_side(player)
        (first, one), (second, other) = list(played.items())[:2]
        both = replace(
            reporter_of(one), appointments=(*reporter_of(one).appointments, *reporter_of(other).appointments)
        )
        for key, chosen in ((first, one), (second, other)):
            client, path = one.client(both), f"/reports/new/{key}"
            page = chosen.read(client.get(path))
            assert {f"/reports/new/{name}" in page.html for name in (first, second) if name != key} == {True}
            danger = f"/reports/danger/{key}"
            assert danger in page.html
            typed = form_on(chosen.read(client.get(danger)), danger)
            which = next(iter(chosen.protocol.dangers))
            chosen.done(client.post(danger, data=over(typed, MultiDict({"danger": which}))))
        with player.ctx.realm.engine.connect() as connection:
            opened = connection.exec_driver_sql(
                "SELECT protocol FROM case_record ORDER BY opened_at, protocol"
            ).scalars()
            assert sorted(opened) == sorted([first, second])
        assert one.client(both).get("/reports/new/nothing").status_code == 404
