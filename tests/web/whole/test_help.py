"""Help: the “?” beside each act and step leads to its place; pages say what the definition says, and need no case."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from datetime import date
from html import unescape
from typing import Any

import pytest
import yaml
from engine.telling import MOROCCAN
from flask import Flask
from flask.testing import FlaskClient

from school_protocol.cases import help
from school_protocol.cases.desk_routes import help_on, place_of
from school_protocol.cases.story_player import Player
from school_protocol.config import version
from school_protocol.engine.definition import Act, ActKind, Move, Protocol
from school_protocol.engine.visibility import Actor, Appointment
from school_protocol.language import Wording, stigma
from school_protocol.storage.engines import Store

from ..conftest import Accounts
from ..page import read_page
from .browser import SignIn

LANGUAGES = ("fr", "ar", "en")
LIGHT = 30_000
ASKED = re.compile(r'<a class="ask" href="([^"]+)"([^>]*)>.*?<span class="vh">(.*?)</span></a>', re.DOTALL)


@pytest.fixture(params=["small", "moroccan"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def anybody(protocol: Protocol) -> str:
    return next(iter(protocol.roles))


def html_of(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    read_page(answer)
    return answer.get_data(as_text=True)


def every(protocol: Protocol) -> Iterator[Act | Move]:
    yield from protocol.acts.values()
    yield from protocol.moves.values()


def heading_at(html: str, anchor: str) -> str | None:
    """What the part of the page with that id is called."""
    found = re.search(rf'<article [^>]*id="{re.escape(anchor)}"[^>]*>\s*<h2>(.*?)</h2>', html, re.DOTALL)
    return unescape(found[1]) if found else None


def astray(client: FlaskClient, targets: Iterable[tuple[str, str]]) -> list[str]:
    """Addresses that lead nowhere, or to a part that is not called so."""
    pages: dict[str, str] = {}
    lost = []
    for address, title in targets:
        page, _, anchor = address.partition("#")
        if page not in pages:
            answer = client.get(page)
            pages[page] = answer.get_data(as_text=True) if answer.status_code == 200 else ""
        if not anchor or heading_at(pages[page], anchor) != title:
            lost.append(address)
    return lost


def pages_of(protocol: Protocol) -> Iterator[str]:
    start = f"/help/{protocol.protocol}/{protocol.version}"
    yield "/help"
    yield from (f"{start}/{topic}" for topic in help.topics_of(protocol))
    yield from (f"{start}/roles/{role}" for role in (*protocol.roles, *protocol.seats))


# ---- each act and move has its place -------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_act_and_move_has_its_place(
    app: Flask, sign_in: SignIn, protocol: Protocol, anybody: str, language: str
) -> None:
    w = Wording(language)
    with app.test_request_context():
        targets = [(help_on(protocol, one), w.text(one.title)) for one in every(protocol)]
    assert len(targets) == len(protocol.acts) + len(protocol.moves)
    assert len({address for address, _title in targets}) == len(targets)
    client = sign_in(anybody, language)
    assert astray(client, targets) == []
    address, title = targets[0]
    wrong = [(f"{address}x", title), (address.partition("#")[0], title), (address, f"{title}x"), ("/help#act-x", title)]
    assert astray(client, wrong) == [one for one, _title in wrong], "a wrong anchor is found"


def test_an_anchor_goes_by_the_key_and_stays(protocol: Protocol) -> None:
    act = next(iter(protocol.acts.values()))
    assert place_of(act) == f"act-{act.key}"
    assert place_of(act.model_copy(update={"code": "other", "group": "team"})) == f"act-{act.key}"


def story(protocol: Protocol) -> list[dict[str, Any]]:
    if protocol.protocol == "lost-things":
        answers = {"what": "Une montre", "kind": "other", "whose": [{"slot": "owner", "name": "Amal"}]}
        return [
            {"as": "warden", "do": "write_slip", "answers": answers},
            {"as": "warden", "do": "ring", "answers": {"which": "blade"}},
        ]
    steps = yaml.load((MOROCCAN.parent / "stories" / "sc1.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)
    return list(steps["steps"])[:8]


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_on_a_case_each_act_and_step_has_its_question_mark(
    app: Flask, sign_in: SignIn, player: Player, protocol: Protocol, language: str
) -> None:
    played = player.play(story(protocol))
    number = next(one.number for one in played if one.number)
    w = Wording(language)
    head = next(role.key for role in protocol.roles.values() if role.head)
    client = sign_in(head, language)
    html = html_of(client, f"/cases/{number}") + html_of(client, f"/cases/{number}/write")
    asks = [(unescape(address), unescape(said)) for address, _rest, said in ASKED.findall(html)]
    by_place = {address.partition("#")[2]: (address, said) for address, said in asks}
    linked = set(re.findall(rf'<a class="go" href="/cases/{number}/acts/(\w+)"', html))
    moves = set(re.findall(rf'class="btn[^"]*" href="/cases/{number}/moves/(\w+)"', html))
    assert linked
    assert moves or "ways closed" in html
    assert {f"act-{key}" for key in linked} | {f"move-{key}" for key in moves} <= by_place.keys()
    named = {place_of(one): w.text(one.title) for one in every(protocol)}
    assert astray(client, [(address, named[place]) for place, (address, _said) in by_place.items()]) == []
    assert all(said == w._("Help: %(title)s", title=named[place]) for place, (_address, said) in by_place.items())


@pytest.mark.exhaustive
def test_on_a_form_it_opens_beside_so_that_nothing_typed_is_left(
    app: Flask, sign_in: SignIn, player: Player, protocol: Protocol
) -> None:
    played = player.play(story(protocol))
    number = next(one.number for one in played if one.number)
    head = next(role.key for role in protocol.roles.values() if role.head)
    client = sign_in(head, "en")
    report = next(protocol.acts_of(ActKind.report))
    addresses = [f"/cases/{number}/acts/{act.key}" for act in protocol.acts.values() if act.kind is not ActKind.sign]
    addresses += [f"/cases/{number}/moves/{move.key}" for move in protocol.moves.values() if not move.automatic]
    opened = 0
    for address in [*addresses, f"/cases/{number}/danger", "/reports/new"]:
        answer = client.get(address)
        if answer.status_code == 404:
            continue
        [(target, rest, said)] = ASKED.findall(answer.get_data(as_text=True))
        key = report.key if address == "/reports/new" else address.rpartition("/")[2]
        assert target.endswith((f"#act-{key}", f"#move-{key}", "/help#danger")), address
        assert 'target="_blank" rel="noopener"' in rest, address
        assert said.endswith("(opens in a new tab)"), address
        opened += 1
    assert opened > len(protocol.acts) / 2


# ---- what the pages say --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_help_is_light_and_says_nothing_that_judges(
    sign_in: SignIn, protocol: Protocol, anybody: str, language: str
) -> None:
    client = sign_in(anybody, language)
    style = len(gzip.compress(client.get("/static/school.css").data))
    weights = {}
    for address in pages_of(protocol):
        html = html_of(client, address)
        weights[address] = len(gzip.compress(html.encode())) + style
        assert not stigma(language, re.sub(r"<[^>]+>", " ", html)), address
        assert f'dir="{Wording(language).direction}"' in html
    assert len(weights) > 15
    assert max(weights.values()) < LIGHT, sorted(weights.items(), key=lambda one: one[1])[-3:]


@pytest.mark.exhaustive(but=("moroccan*",))
def test_what_i_do_holds_what_the_definition_gives_my_role(sign_in: SignIn, protocol: Protocol) -> None:
    w = Wording("en")
    for role in protocol.roles:
        html = html_of(sign_in(role, "en"), f"/help/{protocol.protocol}/{protocol.version}/roles/{role}")
        for act in protocol.acts.values():
            may = role in act.by or "everyone" in act.by
            line = f'#{place_of(act)}"><b>{w.text(act.title)}</b>'
            assert (line in unescape(html)) is may, (role, act.key)
        for duty in protocol.duties.values():
            assert (f"<li><p><b>{w.text(duty.title)}</b>" in unescape(html)) is (
                role in duty.by or "everyone" in duty.by
            )


def test_ones_own_role_comes_first(sign_in: SignIn, protocol: Protocol) -> None:
    role = next(role.key for role in protocol.roles.values() if role.head)
    html = html_of(sign_in(role, "en"), "/help")
    assert html.index(f"/roles/{role}") < html.index('id="danger"') < html.index("Each act and each step")
    others = html.index("What others do")
    assert all(
        html.index(f"/roles/{key}") > others for key in protocol.roles if f"/roles/{key}" in html and key != role
    )


def test_an_act_says_who_when_by_when_how_many_and_what_is_asked(sign_in: SignIn, moroccan: Protocol) -> None:
    protocol = moroccan
    act = next(act for act in protocol.acts.values() if act.signatures > 1 and act.group == "people")
    found = next(one for one in help.topic_of(protocol, "people").acts if one.act == act)
    assert found.signed_by == (act.signed_by or act.by)
    assert found.when.scope == "open"
    assert {field.key for field in found.form.fields} == set(protocol.form_of(act).by_key)


@pytest.mark.exhaustive
@pytest.mark.parametrize("protocol", ["moroccan"], indirect=True)
def test_the_page_shows_them(sign_in: SignIn, protocol: Protocol) -> None:
    client = sign_in("head", "en")
    w = Wording("en")
    for topic in help.topics_of(protocol):
        html = unescape(html_of(client, f"/help/{protocol.protocol}/{protocol.version}/{topic}"))
        for one in help.topic_of(protocol, topic).acts:
            part = html.partition(f'id="{place_of(one.act)}"')[2].partition("</article>")[0]
            assert w.who(protocol, one.act.by) in part
            assert all(w.text(field.label) in part for field in one.form.fields), one.act.key
            assert all(w.within(line.deadline.value, line.deadline.unit) in part for line in one.counts)
            assert ("Signatures" in part) is (one.act.signatures > 0)
            assert all(w.text(move.title) in part for move in one.opens_way_to)
            assert all(w.text(words.title) in part for words in one.words)
    assert any(one.counts for topic in help.topics_of(protocol) for one in help.topic_of(protocol, topic).acts)


@pytest.mark.parametrize("protocol", ["moroccan"], indirect=True)
def test_states_are_gathered_into_stages(protocol: Protocol) -> None:
    act = protocol.acts["note"]
    stage = protocol.stages["assessment"]
    states = [state.key for state in protocol.states.values() if state.stage == stage.key]
    moved = act.model_copy(update={"in_": (*states, "report_received", "closed")})
    when = next(
        one.when
        for one in help.topic_of(protocol.model_copy(update={"acts": {"note": moved}}), act.group).acts
        if one.act.key == "note"
    )
    assert when.stages == (stage,)
    assert [state.key for state in when.states] == ["report_received", "closed"]


# ---- who reads it --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(
    but=(
        "small-fr",
        "moroccan-fr",
    )
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_is_not_signed_in_reads_the_general_part_alone(app: Flask, protocol: Protocol, language: str) -> None:
    client = app.test_client()
    answer = client.get("/help", headers={"Accept-Language": language})
    read_page(answer)
    html = unescape(answer.get_data(as_text=True))
    places = ("first-time", "danger", "report", "signatures", "not-open", "who-sees", "line", "missing")
    parts = [html.partition(f'<article class="card" id="{place}"')[2].partition("</article>")[0] for place in places]
    assert all(2 <= part.count("<p>") <= 4 for part in parts)
    assert Wording(language)._("If the line drops") in html
    assert Wording(language).text(protocol.title) not in html
    assert answer.headers["Cache-Control"] == "no-store"
    for address in list(pages_of(protocol))[1:]:
        assert client.get(address).location.startswith("/sign-in"), address


@pytest.mark.exhaustive(but=("moroccan*",))
def test_help_looks_at_no_case(
    sign_in: SignIn, player: Player, protocol: Protocol, anybody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(anybody)
    realm, kept = player.ctx.realm, (Store.reading, Store.writing)

    def refused(ask: Any) -> Any:
        def instead(self: Store) -> Any:
            if self is realm:
                raise AssertionError("help needs no case")
            return ask(self)

        return instead

    monkeypatch.setattr(Store, "reading", refused(kept[0]))
    monkeypatch.setattr(Store, "writing", refused(kept[1]))
    for address in pages_of(protocol):
        assert client.get(address).status_code == 200, address
    assert client.get("/").status_code == 500, "other pages do"


def test_a_definition_that_is_not_ones_own_is_not_there(
    app: Flask, people: Accounts, sign_in: SignIn, protocol: Protocol, anybody: str
) -> None:
    own = sign_in(anybody)
    start = f"/help/{protocol.protocol}/{protocol.version}"
    for address in (
        f"{start}/nothing",
        f"{start}/roles/nobody",
        f"/help/{protocol.protocol}/99/team",
        "/help/x/1/team",
    ):
        assert own.get(address).status_code == 404, address
    people.live["token-x"] = Actor("x", "main", "X", (Appointment("stranger", "u", date(2026, 1, 1)),))
    client = app.test_client()
    client.set_cookie("session", "token-x")
    assert client.get("/help").status_code == 200
    assert protocol.protocol not in client.get("/help").text
    assert client.get(f"{start}/team").status_code == 404


@pytest.mark.exhaustive(but=("moroccan*",))
def test_help_is_one_tap_away_on_every_page(app: Flask, sign_in: SignIn, protocol: Protocol, anybody: str) -> None:
    signed_out, signed_in = app.test_client(), sign_in(anybody)
    for client, address in (
        (signed_out, "/sign-in"),
        (signed_out, "/nowhere"),
        (signed_in, "/"),
        (signed_in, "/nowhere"),
    ):
        assert '<footer class="foot"><div class="wrap"><a href="/help">' in client.get(address).text, address


@pytest.mark.parametrize(("language", "said"), [("fr", "Version de ce logiciel"), ("ar", "إصدار هذا البرنامج")])
def test_the_version_is_said_to_whoever_is_signed_in(
    sign_in: SignIn, app: Flask, anybody: str, language: str, said: str
) -> None:
    html = html_of(sign_in(anybody, language), "/help")
    assert said in html
    assert version() in html
    assert version() not in html_of(app.test_client(), "/help")
