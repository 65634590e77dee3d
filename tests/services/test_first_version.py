"""A protocol that is new here: its first version goes the way of any other, and takes nobody's reports away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from engine.telling import MOROCCAN, ROOT, SMALL
from versions import next_version, plain

from school_protocol.cases import repository as cases_repository
from school_protocol.cases import story_player
from school_protocol.cases.intake import Opened, open_case, see_opening
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.proof.state_space import Proof
from school_protocol.publishing import draft_process
from school_protocol.publishing import service as publishing_service
from school_protocol.publishing import settings as publishing_settings
from school_protocol.publishing.service import PublishRefused
from services.administering import HOLDS, Desk, desk_of

FIRST = SMALL.read_bytes().replace(b"  principal: {", b"  principal: {publishes: true, ", 1)
"""What is in force."""


def called(key: str, *changes: tuple[str, str]) -> bytes:
    """Another protocol, version 1, under that key."""
    text = SMALL.read_text("utf-8")
    for old, new in (("protocol: lost-things\n", f"protocol: {key}\n"), *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.encode()


REPORTS = ("by: [anybody, mediator, warden], moves: open_file", "by: [anybody], moves: open_file")
"""Others who write a slip elsewhere write none here."""
LATER, EARLIER = called("zebra-things"), called("able-things")
PHARE = (ROOT / "protocol_definitions" / "fr-phare" / "1.yaml").read_bytes()
OWN_ROLES = PHARE.replace(b"protocol: fr-phare\n", b"protocol: able-things\n")


@pytest.fixture
def desk() -> Iterator[Desk]:
    with desk_of(FIRST) as made:
        yield made


def refused(desk: Desk, content: bytes) -> tuple[str, ...]:
    draft = desk.ready(content)
    with pytest.raises(PublishRefused) as caught:
        publishing_service.propose(desk.ctx, desk.administrator(), draft)
    return caught.value.obstacles


tokens = count()


def reported(desk: Desk, actor: Actor, key: str | None = None) -> Opened:
    token = f"t{next(tokens)}"
    return open_case(
        desk.ctx, actor, "write_slip", {"what": "Un cartable", "kind": "other"}, token=token, protocol_key=key
    )


def in_force(desk: Desk) -> list[tuple[str, int]]:
    return [(one.protocol, one.version) for one in desk.ctx.library.current()]


# ---- its way ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_it_goes_the_way_of_any_other_and_holds_beside_the_one_before(desk: Desk) -> None:
    draft = desk.ready(LATER)
    view = publishing_service.see_draft(desk.ctx, desk.administrator(), draft)
    assert view.is_first
    assert (view.looked.before, view.looked.changes, view.looked.obstacles) == (None, (), ())
    assert (view.draft.version, view.draft.base) == (1, "")
    publishing_service.propose(desk.ctx, desk.administrator(), draft)
    with pytest.raises(PublishRefused) as caught:
        desk.agree(draft, LATER, "first")
    assert caught.value.obstacles == ("own",)
    assert desk.agree(draft, LATER) == ("zebra-things", 1)
    assert in_force(desk) == [("lost-things", 1), ("zebra-things", 1)]
    assert publishing_service.see_draft(desk.ctx, desk.administrator(), draft).is_first, "also once it is published"


def test_a_further_version_is_not_the_first(desk: Desk) -> None:
    desk.agree(desk.proposed(LATER), LATER)
    second = LATER.replace(b"version: 1\n", b"version: 2\n")
    view = publishing_service.see_draft(desk.ctx, desk.administrator(), desk.ready(second))
    assert not view.is_first
    assert view.looked.before is not None
    assert view.roles == ()


def test_its_faults_and_its_proof_stand_against_it_too(desk: Desk) -> None:
    assert refused(desk, LATER.replace(b"working: true", b"working: perhaps")) == ("faults",)
    draft = desk.upload(LATER)
    with pytest.raises(PublishRefused) as caught:
        publishing_service.propose(desk.ctx, desk.administrator(), draft)
    assert caught.value.obstacles == ("worked_out",)


@pytest.mark.exhaustive
def test_of_two_first_versions_at_once_one_is_told(desk: Desk) -> None:
    other = LATER.replace(b"working: true", b"working: false")
    outcomes = desk.agreed_at_once(LATER, other)
    assert outcomes in (["moved_on", "published"], ["published", "version_taken,moved_on"])
    assert in_force(desk) == [("lost-things", 1), ("zebra-things", 1)]


@pytest.mark.exhaustive
def test_its_settings_can_be_changed_before_it_is_published() -> None:
    content = MOROCCAN.read_bytes().replace(b"protocol: ma-cyberharassment\n", b"protocol: zz-new\n")
    with desk_of(MOROCCAN.read_bytes()) as desk:
        draft = desk.upload(content)
        first = desk.administrator()
        part = publishing_settings.see_part(desk.ctx, first, "zz-new", "follow_up", draft=draft)
        answers = {one.key: ", ".join(map(str, one.value)) for one in part.settings if isinstance(one.value, tuple)}
        answers[part.settings[0].key] = "10, 20"
        changed = publishing_settings.change_settings(desk.ctx, first, "zz-new", "follow_up", "", draft, answers)
        view = publishing_service.see_draft(desk.ctx, first, changed)
        assert (view.draft.protocol, view.draft.version, view.is_first) == ("zz-new", 1, True)


# ---- for whom it opens cases -----------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_cases_open_under_it_for_whoever_holds_its_roles(desk: Desk) -> None:
    new = next_version(plain(ROOT / "protocol_definitions" / "fr-phare" / "1.yaml"), 1)
    desk.agree(desk.proposed(new), new)
    member = desk.person("a member", "resource_member")
    assert see_opening(desk.ctx, member).protocol.protocol == "fr-phare", "the page “Report” finds it by the role"
    warden = desk.person("a warden", "warden")
    assert see_opening(desk.ctx, warden).protocol.protocol == "lost-things"
    with pytest.raises(Unseen):
        see_opening(desk.ctx, warden, protocol="fr-phare")


@pytest.mark.exhaustive
def test_who_reports_under_another_one_goes_on_doing_so_and_can_name_this_one(desk: Desk) -> None:
    warden = desk.person("a warden", "warden")
    before = reported(desk, warden)
    desk.agree(desk.proposed(LATER), LATER)
    after, named = reported(desk, warden), reported(desk, warden, "zebra-things")
    assert [protocol_of(desk, one) for one in (before, after, named)] == ["lost-things", "lost-things", "zebra-things"]


def protocol_of(desk: Desk, opened: Opened) -> str:
    with desk.ctx.realm.reading() as session:
        found = cases_repository.find_by_number(session, opened.number)
        assert found is not None
        return cases_repository.opened(session, found).protocol


def test_a_protocol_that_would_take_reports_away_is_not_published(desk: Desk) -> None:
    """A report goes to the first definition, by its key, in which the reporter's role opens a case."""
    assert refused(desk, EARLIER) == ("takes_over",)
    assert in_force(desk) == [("lost-things", 1)]
    draft = desk.ready(OWN_ROLES)
    assert publishing_service.see_draft(desk.ctx, desk.administrator(), draft).looked.obstacles == ()


def test_a_danger_that_anybody_can_raise_would_be_taken_away_too(desk: Desk) -> None:
    assert refused(desk, called("able-things", REPORTS)) == ("takes_over",)


@pytest.mark.exhaustive
def test_a_further_version_takes_nothing_away_either(desk: Desk) -> None:
    desk.agree(desk.proposed(OWN_ROLES), OWN_ROLES)
    second = EARLIER.replace(b"version: 1\n", b"version: 2\n")
    assert "takes_over" in refused(desk, second)


@pytest.mark.exhaustive
def test_the_page_says_who_could_do_something_by_it(desk: Desk) -> None:
    view = publishing_service.see_draft(desk.ctx, desk.administrator(), desk.ready(LATER))
    lines = {line.role.key: line for line in view.roles}
    assert lines["warden"].opens
    assert [one.protocol for one in lines["warden"].elsewhere] == ["lost-things"]
    phare = publishing_service.see_draft(desk.ctx, desk.administrator(), desk.ready(PHARE))
    assert phare.roles
    assert {line.elsewhere for line in phare.roles} == {()}


# ---- the stored cases, with nothing to compare with ------------------------------------------------------------------


def held(_protocol: object) -> Proof:
    return HOLDS


@pytest.mark.exhaustive
def test_each_is_held_against_its_own_story(monkeypatch: pytest.MonkeyPatch) -> None:
    every = story_player.stories_of
    monkeypatch.setattr(draft_process, "stories_of", lambda key: list(every(key))[:1])
    (line,) = draft_process.examined(PHARE, None, held)["stories"]
    assert line["steps"] > 5
    assert "step" not in line, line
    alone = PHARE.replace(b"protocol: fr-phare\n", b"protocol: no-story\n")
    assert draft_process.examined(alone, None, held)["stories"] == []


def test_where_it_goes_otherwise_than_its_story_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    every = dict(story_player.stories_of("fr-phare"))
    name, story = next(iter(every.items()))
    steps = [dict(step) for step in story.steps]
    place = next(number for number, step in enumerate(steps) if "do" in step and "expect" not in step)
    steps[place]["expect"] = "refused"
    monkeypatch.setattr(draft_process, "stories_of", lambda _key: [(name, replace(story, steps=tuple(steps)))])
    (line,) = draft_process.examined(PHARE, None, held)["stories"]
    assert (line["step"], line["how"]) == (place + 1, "taken")
