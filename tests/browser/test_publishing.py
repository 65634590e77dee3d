"""On a phone, without JavaScript, in French and in Arabic: a protocol is mended, and published by two people.

What the proof says is the test's; that it is right is tested beside the proof.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect
from services.administering import HOLDS, failing

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.context import REALM
from school_protocol.engine.definition import Protocol
from school_protocol.proof.state_space import Proof
from school_protocol.publishing import draft_process
from school_protocol.publishing import service as publishing_service

from .conftest import PHONE, Serve, Sit
from .person import Person
from .served import DEFINITIONS, Served, story
from .served import _hashed as hashed

FIRST, SECOND = "administrator/1", "administrator/2"


@pytest.fixture(params=("fr", "ar"))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def house(serve: Serve, language: str) -> Served:
    house = serve("2026-10-05T08:00", language)
    for name, username in ((FIRST, "protocole"), (SECOND, "protocole2")):
        administrator(house, name, username, language)
    return house


def administrator(house: Served, name: str, username: str, language: str) -> None:
    role = next(role.key for role in house.protocol.roles.values() if role.publishes)
    with house.house.directory.writing() as session:
        account = auth_repository.add_account(
            session, username=username, names={"fr": username, "ar": username}, language=language,
            created_at=house.clock.now(), password_hash=hashed(),
        )  # fmt: skip
        auth_repository.appoint(session, account, role=role, unit=house.player.school, starts=date(2000, 1, 1))
        actor = auth_repository.actor(session, account, realm=REALM, today=datetime.now(UTC).date())
    assert actor is not None
    house.player.actors[name] = actor
    house.usernames = {**house.usernames, name: username}


def proven(protocol: Protocol) -> Proof:
    """What a test's prover says: a fault until the file says that it is mended."""
    return HOLDS if protocol.deadlines["qualification"].value == 2 else failing(protocol)


def worked_out(house: Served) -> None:
    def examine(content: bytes, before: bytes | None) -> draft_process.Report:
        return {**draft_process.examined(content, None, proven), "before": bool(before)}

    assert publishing_service.work_out(house.house, examine) == 1


def written(folder: Path, mended: bool) -> Path:
    text = (DEFINITIONS / "1.yaml").read_text("utf-8").replace("\nversion: 1\n", "\nversion: 2\n", 1)
    if mended:
        text = text.replace("code: D04, value: 1", "code: D04, value: 2", 1)
    path = folder / f"{'mended' if mended else 'faulty'}.yaml"
    path.write_text(text, "utf-8")
    return path


def upload(person: Person, file: Path) -> str:
    person.open("/protocols")
    person.follow(person._("Upload a file"))
    person.page.locator("main form input[type=file]").set_input_files(file)
    person.press(person._("Upload and look at it"))
    expect(person.page.locator("main")).to_contain_text(person._("It is being worked out"))
    return person.page.url.removeprefix(person.served.url)


@pytest.mark.exhaustive
def test_a_protocol_is_mended_agreed_to_and_holds_for_new_cases(
    house: Served, sit: Sit, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_process, "stories_of", lambda key: iter(()))
    house.replay(story("sc1")[:1])
    before = house.number
    first, second = (sit(house, name, language, PHONE) for name in (FIRST, SECOND))
    sees_the_story(first, house, upload(first, written(tmp_path, mended=False)))
    draft = upload(first, written(tmp_path, mended=True))
    worked_out(house)
    proposes(first, draft)
    agrees(second, draft)
    house.replay([{**story("sc1")[0], "case": "new"}])
    assert [version_of(house, number) for number in (before, house.player.numbers["new"])] == [1, 2]
    assert first.wide == second.wide == []


def sees_the_story(first: Person, house: Served, draft: str) -> None:
    worked_out(house)
    first.open(draft)
    main = first.page.locator("main")
    found = failing(house.protocol).faults[0].story
    assert found is not None
    told = main.locator(".proof-story .beats > li")
    expect(told).to_have_count(len(found.beats))
    for place, beat in enumerate(found.beats):
        if beat.do:
            title = (house.protocol.acts | house.protocol.moves)[beat.do].title.in_language(first.language)
            expect(told.nth(place)).to_contain_text(title)
    expect(first.button(first._("Propose it to a second person"))).to_have_count(0)


def proposes(first: Person, draft: str) -> None:
    first.open(draft)
    first.press(first._("Propose it to a second person"))
    expect(first.page.locator("main")).to_contain_text(
        first._("You uploaded it yourself: another administrator has to agree.")
    )
    expect(first.button(first._("Agree, and publish"))).to_have_count(0)


def agrees(second: Person, draft: str) -> None:
    second.open("/protocols")
    second.tap(second.page.locator(f"main a[href='{draft}']"))
    second.press(second._("Agree, and publish"))
    expect(second.said()).to_be_visible()
    expect(second.page.locator("main")).to_contain_text(second._("Version %(number)s", number=2))


def version_of(house: Served, number: str) -> int:
    with house.house.realm.reading() as session:
        found = cases_repository.find_by_number(session, number)
        assert found is not None
        return cases_repository.opened(session, found).version
