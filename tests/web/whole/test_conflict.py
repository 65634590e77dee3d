"""The head who must not read a report: from that moment the case does not exist, by any door.

Two people head the school. One of them is named at the report, or excluded later; every page, form and command that the
program has is tried as both. A page or a command that is added stands in a table here, or the test of the table fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import click
import pytest
from cli.conftest import give
from click.testing import CliRunner
from engine.telling import NOW, REPORT
from flask import Flask
from flask.testing import FlaskClient

from school_protocol import cli
from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.cases.intake import open_case
from school_protocol.cases.service import record_act
from school_protocol.cases.showing import see_case
from school_protocol.cases.story_player import Player
from school_protocol.mail import Letter, Post
from school_protocol.notifications.service import sweep
from school_protocol.storage.case_numbers import format_number
from school_protocol.web import create_app

NAME, MASSAR, SCHOOL = "Ghita Serrhini", "G123456789", "00000A"
ABSENT = "9999999999999"

OF_ONE_CASE = {
    "cases.show": ("/cases/{number}", {}),
    "cases.part": ("/cases/{number}/people", {}),
    "cases.chronology": ("/cases/{number}/chronology", {}),
    "cases.word": ("/cases/{number}/word", {"word": "compass"}),
    "cases.entry": ("/cases/{number}/entries/2", {}),
    "cases.undo": ("/cases/{number}/entries/2/undo", {}),
    "cases.act": ("/cases/{number}/acts/note", {"a-text": "x"}),
    "cases.move": ("/cases/{number}/moves/qualify", {"reason": "x"}),
    "cases.danger": ("/cases/{number}/danger", {"danger": "blackmail"}),
    "cases.first_minutes": ("/cases/{number}/first-minutes", {}),
    "cases.case_file": ("/cases/{number}/case-file", {"profile": "school", "language": "fr"}),
    "cases.letters": ("/cases/{number}/letters", {}),
    "cases.copies": ("/cases/{number}/copies", {}),
    "cases.revoke": ("/cases/{number}/copies", {"document": "case_file", "copy": "1", "reason": "x"}),
    "cases.retention": ("/cases/{number}/retention", {"do": "suspend", "until": "2027-01-31", "reason": "x"}),
    "cases.rights": ("/cases/{number}/rights", {"do": "ask", "person": "targeted_pupil-1"}),
    "cases.evidence": ("/cases/{number}/evidence", {}),
    "cases.sight": ("/cases/{number}/sight", {}),
    "cases.readings": ("/cases/{number}/sight/readings", {}),
    "cases.names": ("/cases/{number}/sight/names", {"reason": "x" * 30, "hours": "1", "password": "x"}),
    "cases.end_opened": ("/cases/{number}/sight/2/end", {}),
    "cases.door": ("/cases/{number}/sight/doors/2", {"justified": "yes", "sentence": "x" * 30}),
    "cases.evidence_file": ("/cases/{number}/evidence/2/file", {"attested": "1"}),
    "cases.open_file": ("/cases/{number}/evidence/2/open", {"purpose": "understand", "reason": "x"}),
    "cases.evidence_mistake": ("/cases/{number}/evidence/2/mistake", {"step": "shut"}),
    "cases.removal": ("/cases/{number}/evidence/2/removal", {"channel": "platform", "asked_on": "2026-11-20"}),
    "cases.remarks": ("/cases/{number}/remarks", {}),
    "cases.remark": ("/cases/{number}/remarks/1", {}),
    "cases.review_sheet": ("/cases/{number}/remarks/1/sheet", {}),
    "cases.settle_remark": ("/cases/{number}/remarks/2/0/settled", {}),
    "sharing.answer": ("/cases/{number}/asked/2", {"a-answer": "accepted"}),
    "sharing.contribution": ("/cases/{number}/contributions/2", {}),
    "review.conformance": ("/cases/{number}/conformance", {}),
    "review.observe": ("/cases/{number}/review/observe", {"text": "x", "awaits": "1"}),
    "review.send": ("/cases/{number}/review/send", {"sentence": "x"}),
    "review.end": ("/cases/{number}/review/examined", {"sentence": "x"}),
    "review.refuse": ("/cases/{number}/review/refuse", {"reason": "x"}),
    "cases.told": ("/cases/{number}/told", {}),
    "cases.letter": ("/cases/{number}/letters/marsad_sheet", {"about": "case", "language": "fr"}),
    "protocols.case": ("/protocols/ma-cyberharassment/1/2/cases/{number}", {"reason": "x"}),
}
"""Endpoint → the address of a page about one case, and what its form sends."""
ONLY_SENT = ("/settled", "/end", "/file", "/open", "/mistake", "/removal")
"""How addresses end that take a form, and show no page."""
NOT_A_HEADS = (
    "/asked/2", "/contributions/2", "/undo", "/word", "/names", "/doors/2", "/observe", "/examined", "/refuse",
    "/1/2/cases/{number}",
)  # fmt: skip
"""How addresses end that show nothing to a head who reads the case."""

LISTS = (
    "/", *(f"/?filter={name}" for name in ("mine", "late", "today", "ended")), "/?view=week", "/search",
    "/team", f"/team/schools/{SCHOOL}", "/team/hand-over", f"/team/hand-over?school={SCHOOL}",
    f"/team/schools/{SCHOOL}/stand-in", "/team/schools/{school}/people/{post}",
    "/words", "/help", "/reports/new", "/reports/danger", "/case-files", "/retention",
    "/retention/requests", "/yearly", f"/yearly/{SCHOOL}", "/referrals", "/referrals?show=all", "/from-schools",
    "/outgoing-letters",
    "/figures", f"/figures/ma-cyberharassment/{SCHOOL}",
    f"/figures/ma-cyberharassment/{SCHOOL}/years",
    f"/teams/schools/{SCHOOL}",
)  # fmt: skip
"""Pages about cases, schools or people: to an excluded head, each is what it was before the report."""
LISTED = {
    "desk.index", "desk.search", "team.index", "team.school", "team.hand_over", "team.stand_in", "team.leave",
    "words.index", "help.index", "reports.new", "reports.danger", "bulk.index",
    "retention.index", "retention.requests", "yearly.index", "yearly.school", "referrals.index", "sharing.index",
    "outgoing.index",
    "figures.index", "figures.unit", "figures.years",
    "visits.school",
}  # fmt: skip
OF_NO_CASE = {
    "static": "files", "sign_in.show": "", "sign_in.enter": "", "sign_in.leave": "", "desk.folds": "style",
    "desk.leave": "", "desk.forget_draft": "one's own", "desk.language": "", "reports.receipt": "one's own reports",
    "reports.act": "the same", "reports.raise_danger": "the same", "team.end_stand_in": "a stand-in",
    "team.leave_at_once": "for who oversees", "cases.emergency": "for who oversees", "help.role": "the definition",
    "help.topic": "the definition",
    **dict.fromkeys(("verifying.show", "verifying.verify"), "a file that somebody has"),
    **dict.fromkeys((
        "sign_in.passkey", "sign_in.factor", "sign_in.lost", "sign_in.enrol", "sign_in.enrol_passkey",
        "sign_in.invited", "sign_in.by_code",
    ), "coming in"),
    **dict.fromkeys((
        "account.show", "account.password", "account.phone", "account.drop_phone", "account.recovery",
        "account.new_passkey", "account.add_passkey", "account.drop_passkey", "account.end_session",
        "account.end_everywhere",
    ), "one's own account"),
    **dict.fromkeys(("account.others", "account.other"), "people's ways in, and no case"),
    **dict.fromkeys(("messages.choose", "messages.calendar"), "one's own account"),
    "messages.feed": "moments alone, asked for in services/test_calendar_feed", "messages.index": "a demo's mails",
    **dict.fromkeys(("sign_in.openid", "sign_in.openid_back"), "to a provider and back"),
    **dict.fromkeys((
        "staff.index", "staff.certificates", "staff.person", "staff.new", "staff.appoint", "staff.end",
        "staff.address", "staff.certificate", "staff.close", "staff.lists", "staff.preview", "staff.confirm",
        "staff.withdraw", "staff.lines", "staff.slips", "staff.unit_slips",
    ), "for who administers accounts, and sees no case"),
    **dict.fromkeys((
        "figures.release", "figures.issue", "figures.job", "figures.stop", "figures.public", "figures.sheet",
        "figures.report", "figures.years_sheet",
    ), "figures as they were issued, and no case"),
    **dict.fromkeys(("watch.alive", "watch.ready", "watch.metrics"), "for whoever watches the site; nothing of a case"),
    **dict.fromkeys(("well_known.robots", "well_known.security"), "for machines, and for whoever finds a hole"),
    **dict.fromkeys((
        "campaign.index", "campaign.latest", "campaign.method", "campaign.release",
    ), "figures for everybody"),
    **dict.fromkeys(("minutes.index", "minutes.show"), "numbers and first acts for everybody; nothing of a school"),
    **dict.fromkeys((
        "contacts.index", "contacts.new", "contacts.contact", "contacts.verify", "contacts.retire",
    ), "for who keeps the directory of contacts"),
    **dict.fromkeys((
        "invitations.index", "invitations.new", "invitations.resend", "invitations.withdraw",
    ), "people's ways in, and no case"),
    **dict.fromkeys((
        "visits.index", "visits.visits", "visits.team_figures", "visits.visit_pack", "visits.new", "visits.correct",
        "visits.duty", "visits.withdraw",
    ), "for who looks at teams from above"),
    "visits.done": "what was agreed at a visit, and no case",
    **dict.fromkeys((
        "workshops.index", "workshops.new", "workshops.kit", "workshops.kit_file", "workshops.show",
        "workshops.projector", "workshops.clock", "workshops.freeze", "workshops.go_on", "workshops.inject",
        "workshops.say", "workshops.table", "workshops.phone", "workshops.play", "workshops.end", "workshops.purge",
        "workshops.debrief", "workshops.debrief_paper", "workshops.table_debrief", "workshops.table_paper",
        "workshops.replay", "workshops.scenarios", "workshops.scenario", "workshops.scenario_file",
        "workshops.scenario_withdraw",
    ), "for trainers, of simulated cases in a realm apart"),
    **dict.fromkeys((
        "joining.index", "joining.find", "joining.by_link", "laptop.enter", "room.enter", "room.sit", "room.back",
        "room.table", "room.change", "room.leave", "room.hand", "room.feedback", "room.debrief", "room.debrief_paper",
    ), "a way into a room apart, asked in workshops/test_room_doors"),
    **dict.fromkeys((
        "workshops.attest", "workshops.confirm", "workshops.certificate", "workshops.withdraw", "workshops.register",
        "workshops.register_list",
    ), "who was trained, and no case"),
    **dict.fromkeys((
        "going_live.index", "going_live.sign", "going_live.withdraw",
    ), "for who administers accounts of the country; no case"),
    **dict.fromkeys((
        "systems.index", "systems.new", "systems.system", "systems.agree", "systems.draw", "systems.end",
    ), "for who administers accounts or oversees places"),
    **dict.fromkeys((
        "api.cases", "api.case", "api.definition", "api.releases", "api.release", "api.release_csv", "api.description",
        "api.record_schema",
    ), "for other systems, by token; which cases is asked in tests/authorization and services/test_api_reading"),
    "review.index": "for who reviews; whom it shows what: tests/authorization, services/test_review_queue",
    **dict.fromkeys((
        "signalement.form", "signalement.sent", "signalement.back", "signalement.thread", "signalement.add",
        "signalement.withdraw", "signalement.after", "signalement.out",
    ), "for strangers, who see no case"),
    **dict.fromkeys((
        "signalements.index", "signalements.show", "signalements.answer", "signalements.orient", "signalements.close",
        "signalements.release",
        "signalements.verify", "signalements.again", "signalements.link", "signalements.crowd",
        "signalements.close_crowd", "signalements.crowd_again", "signalements.open_case", "signalements.sheet",
    ), "what was told from outside; who reads which is asked in services/test_signalement_triage"),
    **dict.fromkeys((
        "signalements.addresses", "signalements.renew", "signalements.end", "signalements.poster",
        "signalements.leaflet",
    ), "a school's address, and no case"),
    **dict.fromkeys(("bulk.job", "bulk.files", "bulk.stop", "bulk.delete"), "one's own jobs"),
    **dict.fromkeys(("help.drawing", "help.wall", "help.forms", "help.form"), "the definition"),
    **dict.fromkeys((
        "protocols.index", "protocols.afterwards", "protocols.upload", "protocols.draft", "protocols.draft_file",
        "protocols.entry",
        "protocols.file", "protocols.all_settings", "protocols.part", "protocols.difference", "protocols.cases",
        "protocols.propose", "protocols.agree", "protocols.withdraw", "protocols.again",
    ), "for who publishes protocols, and sees no case"),
}  # fmt: skip


@dataclass
class Recorder:
    """A way out that writes down whom it reaches."""

    sent: list[str] = field(default_factory=list)

    def carry(self, to: str, letter: Letter) -> None:
        self.sent.append(to)


@dataclass
class Place:
    """A school with two heads: `head`, who is excluded, and `head/2`, who is not."""

    player: Player
    app: Flask
    clients: dict[str, FlaskClient] = field(default_factory=dict)
    tokens: Any = field(default_factory=lambda: count(1))
    number: str = ""

    def account(self, who: str) -> str:
        return self.player.actor(who).id

    def report(self, **answers: Any) -> None:
        about = [{"slot": "targeted_pupil", "name": NAME, "massar": MASSAR}]
        filled = {**REPORT, "about_whom": about, **answers}
        opened = open_case(self.player.ctx, self.player.actor("team_member"), "report", filled, token=self.token())
        self.number = opened.number

    def act(self, who: str, act: str, **answers: Any) -> None:
        ctx, actor = self.player.ctx, self.player.actor(who)
        record_act(ctx, actor, self.number, act, answers, expected=None, token=self.token(), proven=True)

    def token(self) -> str:
        return f"token {next(self.tokens)}"

    def client(self, who: str) -> FlaskClient:
        if who not in self.clients:
            with self.player.ctx.directory.writing() as session:
                token = sign_in_repository.open_web_session(session, self.account(who), now=self.player.ctx.now())
            self.clients[who] = self.app.test_client()
            self.clients[who].set_cookie("session", token)
        return self.clients[who]

    def get(self, who: str, path: str) -> tuple[int, str]:
        answer = self.client(who).get(path)
        return answer.status_code, plain(answer.get_data(as_text=True))

    def post(self, who: str, path: str, **form: str) -> tuple[int, str]:
        page = self.client(who).get("/search").get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found is not None
        sent = {"csrf_token": found[1], "token": self.token(), "expected": "99", **form}
        answer = self.client(who).post(path, data=sent, headers={"Origin": "http://localhost"})
        return answer.status_code, plain(answer.get_data(as_text=True))

    def post_of(self, who: str) -> str:
        """The appointment of that person, as its page names it."""
        with self.player.ctx.directory.reading() as session:
            posts = auth_repository.posts(session, [self.player.school], since=NOW.date() - timedelta(days=9000))
        return next(post.id for post in posts if post.account.id == self.account(who))

    def lists(self, who: str) -> dict[str, tuple[int, str]]:
        paths = [path.format(school=SCHOOL, post=self.post_of("team_member")) for path in LISTS]
        pages = {path: self.get(who, path) for path in paths}
        for typed in (NAME, MASSAR):
            pages[f"search {typed}"] = self.post(who, "/search", q=typed)
        return pages

    def username(self, who: str) -> str:
        with self.player.ctx.directory.reading() as session:
            found = auth_repository.account(session, self.account(who))
        assert found is not None
        return found.username


def plain(page: str) -> str:
    """A page without what is new each time it is asked for."""
    return re.sub(r'(name="(?:csrf_token|token)" value=")[^"]*|nonce="[^"]*', r"\1", page)


@pytest.fixture
def start() -> datetime:
    return NOW


@pytest.fixture
def place(player: Player) -> Place:
    for who in ("head", "head/2", "team_member", "team_coordinator", "directorate"):
        player.actor(who)
    return Place(player, create_app(player.ctx, testing=True))


# ---- how somebody comes to be excluded ----------------------------------------------------------------------------


def at_the_report(place: Place) -> None:
    place.report(must_not_read=[place.account("head")])


def with_a_danger(place: Place) -> None:
    """What is urgent goes round the head too."""
    at_the_report(place)
    place.act("team_member", "raise_danger", which_danger="blackmail")


def later_by_the_lead(place: Place) -> None:
    """The head has read the case, leads and signs in it: from now on there is none."""
    place.report()
    place.act("team_coordinator", "name_seat", seat="lead", account=place.account("head"))
    see_case(place.player.ctx, place.player.actor("head"), place.number)
    place.act("team_coordinator", "conflict", account=place.account("head"), reason="reporter_said")


def by_stepping_aside(place: Place) -> None:
    place.report()
    place.act("head", "conflict", reason="close_relative")


WAYS: dict[str, Callable[[Place], None]] = {
    way.__name__: way for way in (at_the_report, with_a_danger, later_by_the_lead, by_stepping_aside)
}


# ---- every door ----------------------------------------------------------------------------------------------------


def test_every_page_stands_in_a_table(place: Place) -> None:
    rules = list(place.app.url_map.iter_rules())
    assert {rule.endpoint for rule in rules if "number" in rule.arguments} == set(OF_ONE_CASE)
    assert {rule.endpoint for rule in rules if "number" not in rule.arguments} == LISTED | set(OF_NO_CASE)


@pytest.mark.exhaustive(but=("with_a_danger",))
@pytest.mark.parametrize("way", WAYS)
def test_no_page_of_the_case_is_there(place: Place, way: str) -> None:
    WAYS[way](place)
    for path, sent in OF_ONE_CASE.values():
        own, absent = path.format(number=place.number), path.format(number=ABSENT)
        status, page = place.get("head", own)
        assert status == (405 if path.endswith(ONLY_SENT) else 404), own
        assert page.replace(place.number, ABSENT) == place.get("head", absent)[1], "as one that nobody opened"
        posted, answer = place.post("head", own, **sent)
        assert (posted, answer.replace(place.number, ABSENT)) == place.post("head", absent, **sent), own
        assert posted in (404, 405)
    for path, _sent in OF_ONE_CASE.values():
        if not path.endswith((*NOT_A_HEADS, *ONLY_SENT)) and "/remarks" not in path:
            assert place.get("head/2", path.format(number=place.number))[0] == 200, path


@pytest.mark.exhaustive
@pytest.mark.parametrize("way", WAYS)
def test_no_list_no_count_and_no_search_betrays_it(place: Place, way: str) -> None:
    before = {who: place.lists(who) for who in ("head", "head/2")}
    assert all(status in (200, 302, 303) for status, _page in before["head"].values())
    WAYS[way](place)
    assert place.lists("head") == before["head"], "not a line, not a number"
    number = format_number(place.number)
    assert place.post("head", "/search", q=number)[0] == place.post("head", "/search", q=format_number(ABSENT))[0]
    assert place.post("head/2", "/search", q=number)[0] in (302, 303)
    seen = place.lists("head/2")
    found = {path for path, page in seen.items() if number in page[1] or place.number in page[1]}
    assert {"/", f"search {NAME}", f"search {MASSAR}"} <= found
    assert any("hand-over" in path for path in found)
    assert way != "with_a_danger" or "/?view=week" in found


@pytest.mark.exhaustive
def test_who_carries_the_case_is_not_said_where_the_team_changes(place: Place) -> None:
    """A colleague who leads a case that the head may not know of: leaving says nothing of it."""
    post = f"/team/schools/{SCHOOL}/people/{place.post_of('team_member')}"
    before = place.get("head", post), place.get("head/2", post)
    at_the_report(place)
    place.act("team_coordinator", "name_seat", seat="lead", account=place.account("team_member"))
    assert place.get("head", post) == before[0]
    assert place.get("head/2", post) != before[1]


@pytest.mark.exhaustive
@pytest.mark.parametrize("way", WAYS)
def test_no_message_is_sent(place: Place, way: str) -> None:
    """At once, in the morning and as deadlines climb; the other head gets them."""
    with place.player.ctx.directory.writing() as session:
        for who in ("head", "head/2"):
            email = f"{who.replace('/', '-')}@college.example"
            auth_repository.set_address(session, place.account(who), email=email, phone=None)
    WAYS[way](place)
    place.act("team_coordinator", "raise_danger", which_danger="self_harm")
    mail = Recorder()
    for _hour in range(72):
        sweep(place.player.ctx, Post(mail, Recorder()))
        place.player.clock.advance(timedelta(hours=1))
    assert set(mail.sent) == {"head-2@college.example"}


# ---- the command line ----------------------------------------------------------------------------------------------


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


ARGUMENTS = {
    ("case", "act"): ("note",), ("case", "move"): ("qualify",), ("case", "undo"): ("2",), ("case", "available"): (),
    ("case", "show"): (), ("case-file", "issue"): ("-o", "{folder}/copy.pdf"),
    ("case-file", "letter"): ("--document", "marsad_sheet", "-o", "{folder}/sheet.pdf"),
    ("retention", "hold"): ("--until", "2027-01-31", "--reason", "x"), ("retention", "release"): ("--reason", "x"),
    ("rights", "ask"): ("--person", "targeted_pupil-1"), ("rights", "settle"): ("--copy", "x", "--agree"),
    ("rights", "export"): ("--copy", "x", "-o", "{folder}/rights.pdf"),
    ("case-file", "revoke"): ("--copy", "1", "--reason", "x"),
    ("cases", "move-version"): ("--definition", "ma-cyberharassment", "--to", "1", "--dry-run", "--number"),
}  # fmt: skip


def test_no_command_finds_it(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {
        path
        for path, command in commands(cli.main)
        if {"number", "username"} <= {parameter.name for parameter in command.params}
    }
    assert found == set(ARGUMENTS)
    at_the_report(place)
    give(monkeypatch, place.player.ctx)
    folder = tmp_path / "out"
    folder.mkdir()

    def run(who: str, path: tuple[str, ...], number: str) -> tuple[int, str]:
        more = [part.format(folder=folder) for part in ARGUMENTS[path]]
        first = more[:1] if path[0] == "case" else []
        rest = more[len(first) :]
        typed = [*more, number] if more[-1:] == ["--number"] else [number, *first, *rest]
        answer = CliRunner().invoke(cli.main, [*path, *typed, "--as", place.username(who)])
        return answer.exit_code, answer.output.replace(number, "N")

    for path in ARGUMENTS:
        code, said = run("head", path, place.number)
        assert (code, said) == run("head", path, ABSENT), path
        assert code == 1, path
        assert "not found" in said
    assert not list(folder.iterdir())
    assert run("head/2", ("case", "show"), place.number)[0] == 0
    lists = ["cases", "list", "--json", "--as"]
    answer = CliRunner().invoke(cli.main, [*lists, place.username("head")])
    assert json.loads(answer.output)["cases"] == []
    answer = CliRunner().invoke(cli.main, [*lists, place.username("head/2")])
    assert len(json.loads(answer.output)["cases"]) == 1
