"""SC3 as a workshop: a trainer, three tables on phones in French and in Arabic, from the code to the debrief.

One table follows the expected path, one falls into traps and tries what is refused, one does nothing: it doesn't even
open the case. What each did, played as a script, gives the same debrief.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from training.live_table import LiveTable, differences, scripted

from school_protocol.language import ZONE
from school_protocol.training import room_repository
from school_protocol.training.case_timeline import Verdict
from school_protocol.training.findings import Kind
from school_protocol.training.scenario import Scenario, Step
from school_protocol.training.scenario_library import find_scenario

from .conftest import DESKTOP, PHONE
from .person import Person
from .room import Hosted, Participant, Trainer, comes_in, downloaded, hosting, spoilt, tables_of

pytestmark = pytest.mark.exhaustive

expect.set_options(timeout=30_000)
TOLD = find_scenario("blackmail")
assert TOLD is not None
SC3: Scenario = TOLD
ALIKE = ("states", "errors", "duties", "measures", "dangers", "guardians", "grids")
"""What a script and people at phones have in common: people also look at pages, which ends the count of the unseen."""
PATH = SC3.path.steps
BY_CLICKS = 7
"""So many steps of the path are clicked through from its beginning, and the first referral."""
MESSAGE = "Posez-vous : qui reste avec elle ?"
CLOSED = "shared_concern_start"
TOLD_FATHER = {
    "safe_to_tell": "unknown", "who": {"slot": "guardian", "name": "عبد السلام الإدريسي"}, "relation": "father",
    "result": "told", "told_at": "2026-10-06T09:45", "told_despite": "كان من الأفضل أن يعرف مني.",
}  # fmt: skip


@dataclass
class Story:
    """Who is there, and what each table did, as a script has it."""

    host: Hosted
    trainer: Trainer
    tables: list[LiveTable]
    phones: list[Participant]
    did: dict[int, list[Step]] = field(default_factory=lambda: {1: [], 2: [], 3: []})
    spoilt: list[tuple[str, str, str]] = field(default_factory=list)

    def look(self, page: Page, name: str) -> None:
        self.spoilt += spoilt(page, name)

    def now(self) -> datetime:
        return self.tables[0].room.ctx.now()

    def text(self, inject: str, language: str) -> str:
        return SC3.injects[inject].text.in_language(language)

    def attempts(self, table: int) -> int:
        with self.tables[0].room.store.reading() as session:
            return len(room_repository.attempts(session, table))


@pytest.fixture
def story(
    tmp_path_factory: pytest.TempPathFactory, window: Callable[..., BrowserContext]
) -> Iterator[Story]:  # fmt: skip
    """The workshop is made, and three phones have joined by its code."""
    with hosting(tmp_path_factory.mktemp("host")) as host:
        trainer = Trainer.at(host, window("fr", DESKTOP, True))
        code = trainer.sets_up(SC3.title.in_language("fr"), 3)
        tables = tables_of(host.room(trainer.workshop), 3)
        made = Story(host, trainer, tables, [])
        seated = (
            ("fr", "Bleu", ("team_member", "team_coordinator"), False),
            ("ar", "أخضر", ("head", "team_coordinator"), True),
            ("fr", "Jaune", ("team_member", "head", "psychosocial"), False),
        )
        for live, (language, name, roles, script) in zip(tables, seated, strict=True):
            looks = made.look if script else None
            phone = window(language, PHONE, script)
            made.phones.append(comes_in(host, code, phone, live, name, roles, language, looks))
        yield made


def test_a_workshop_of_sc3_from_the_code_to_the_debrief(story: Story) -> None:
    begins(story)
    told(story)
    goes_wrong(story)
    two_decide(story)
    without_hints(story)
    waits_for_who_writes(story)
    stopped(story)
    to_the_end(story)
    debriefed(story)
    assert story.spoilt == []
    as_scripts(story)
    people: list[Person] = [story.trainer, *story.phones]
    assert [found for person in people for found in person.wide] == []
    by_header = {path.rpartition("/")[2] for path in story.host.hurried}
    assert by_header >= {"room", "projector"}
    assert story.trainer.workshop not in by_header, "the trainer's wall asks its script, not under typing hands"


def local(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%Y-%m-%dT%H:%M}"


def begins(story: Story) -> None:
    """9:19. Nothing is recorded before the clock goes. Then table 1 sees to the pupil, and writes what happened."""
    first = story.phones[0]
    expect(first.page.locator(".band")).to_contain_text("Pas encore commencé")
    for step in PATH[:2]:
        story.trainer.turns_to(step.at or "")
        story.did[1].append(first.does(story.tables[0], step))
    expect(first.page.locator(".band")).to_contain_text("Table 1")


def told(story: Story) -> None:
    """On to the next event: what Salma says reaches whoever plays her teacher; the trainer's words reach one table."""
    trainer, phones = story.trainer, story.phones
    trainer.clicks("To the next event")
    assert local(story.now()) == "2026-10-06T09:30"
    for phone, there in zip(phones, (True, False, True), strict=True):
        expect(phone.table().get_by_text(story.text("not_my_father", phone.language))).to_have_count(int(there))
    trainer.tells(2, MESSAGE)
    for phone, there in zip(phones, (False, True, False), strict=True):
        expect(phone.table().get_by_text(MESSAGE)).to_have_count(int(there))
    for number in (1, 3):
        expect(trainer.table(number)).not_to_contain_text(MESSAGE)
    trainer.wall("/projector")
    expect(trainer.page.locator("main")).not_to_contain_text(MESSAGE)
    expect(trainer.page.locator("main")).not_to_contain_text(story.text("pose_as_her", "fr"))
    story.look(trainer.page, "projector")
    phones[1].table()
    story.look(phones[1].page, "table, told")


def goes_wrong(story: Story) -> None:
    """9:50. Table 2 tells the father, who may be the danger; and tries what a danger rules out. The wall shows it."""
    step = PATH[2].model_copy(update={"answers": {"which_danger": PATH[2].answers["which_danger"]}})
    story.trainer.turns_to(step.at or "")
    story.did[1].append(story.phones[0].does(story.tables[0], step))
    for step in PATH[3:5]:
        story.trainer.turns_to(step.at or "")
        story.did[1].append(story.phones[0].does(story.tables[0], step))
    story.trainer.turns_to("2026-10-06T09:50")
    second, live = story.phones[1], story.tables[1]
    told = Step.model_validate(
        {"at": local(story.now()), "as": "directeur", "do": "inform_guardian", "answers": TOLD_FATHER}
    )  # fmt: skip
    story.did[2].append(second.does(live, told))
    second.open_case()
    number = second.served.number
    assert second.tries(f"/cases/{number}/acts/{CLOSED}") in (403, 409, 422)
    assert story.attempts(2) == 1
    tried = {"at": local(story.now()), "as": "team_coordinator", "do": CLOSED, "expect": "refused"}
    story.did[2].append(Step.model_validate(tried))
    story.trainer.wall()
    for key in ("father_told", "pupils_together"):
        title = SC3.traps[key].title.in_language("fr")
        expect(story.trainer.table(2)).to_contain_text(title)
        for other in (1, 3):
            expect(story.trainer.table(other)).not_to_contain_text(title)
        expect(second.table()).not_to_contain_text(SC3.traps[key].title.in_language("ar"))
    story.look(story.trainer.page, "wall")


def two_decide(story: Story) -> None:
    """10:10. The hold takes effect with a second signature: the trainer plays the head, whom nobody plays there."""
    story.trainer.turns_to(PATH[5].at or "")
    story.did[1].append(story.phones[0].does(story.tables[0], PATH[5]))
    head = story.trainer.sits_down(story.host, story.tables[0], "head")
    story.phones.append(head)
    story.trainer.turns_to(PATH[6].at or "")
    story.did[1].append(head.does(story.tables[0], PATH[6]))
    assert len(story.did[1]) == BY_CLICKS
    expect(story.phones[0].table()).to_be_visible()
    expect(story.phones[0].page.locator("[aria-labelledby=people] li")).to_have_count(2)


def without_hints(story: Story) -> None:
    """Where the trainer has switched them off, a page doesn't say why something isn't open. A raised hand is seen."""
    trainer, (_first, second, third) = story.trainer, story.phones[:3]
    trainer.wall()
    trainer.tap(trainer.table(3).get_by_role("button", name=trainer._("Hints are on: switch them off")))
    for phone, reasons in ((second, 1), (third, 0)):
        phone.open(f"/cases/{phone.served.number}/acts/{CLOSED}")
        expect(phone.page.locator("[aria-labelledby=closed]")).to_be_visible()
        expect(phone.page.locator("[aria-labelledby=closed] .reasons")).to_have_count(reasons)
    off = third._("Your trainer has switched the hints off: your table decides.")
    expect(third.page.locator("[aria-labelledby=closed]")).to_contain_text(off)
    second.open_case()
    third.table()
    third.tap(third.page.get_by_role("button", name=third._("Raise a hand")))
    trainer.wall()
    expect(trainer.table(3)).to_contain_text(trainer._("Hand raised"))
    expect(trainer.page.locator(".wall-table.hand")).to_have_count(1)
    trainer.tap(trainer.table(3).get_by_role("button", name=trainer._("Take the hand down")))
    expect(trainer.page.locator(".wall-table.hand")).to_have_count(0)


def waits_for_who_writes(story: Story) -> None:
    """At sixty times the clock stands while somebody has a form open, and goes on once they have left it."""
    trainer, third = story.trainer, story.phones[2]
    before = story.now()
    trainer.clicks("60 times as fast")
    third.open(f"/cases/{third.served.number}/acts/note")
    story.host.clock.advance(timedelta(minutes=3))
    assert trainer.time() == before.isoformat()
    expect(trainer.page.locator(".big-time")).to_contain_text(trainer._("The clock waits for who writes"))
    expect(trainer.table(3)).to_contain_text(trainer._("Writing"))
    third.table()
    story.host.clock.advance(timedelta(seconds=5))
    assert trainer.time() == (before + timedelta(minutes=5)).isoformat()
    trainer.clicks("Stand")
    story.host.clock.advance(timedelta(minutes=1))
    assert trainer.time() == (before + timedelta(minutes=5)).isoformat()


def stopped(story: Story) -> None:
    """While the room is stopped nothing is recorded; what was typed is kept, and goes out afterwards."""
    trainer, second, live = story.trainer, story.phones[1], story.tables[1]
    note = Step.model_validate({"do": "note", "as": "directeur", "answers": {"text": "اتصلنا بالأب."}})
    act = live.room.protocol.acts["note"]
    second.open(f"/cases/{second.served.number}/acts/note")
    second.fill(act, note.answers)
    before = second.served.events()
    trainer.clicks("Stop the room")
    second.send()
    expect(second.page.locator("h1")).to_have_text(second._("The room is stopped"))
    assert second.served.events() == before
    trainer.clicks("Let the room go on")
    second.open(f"/cases/{second.served.number}/acts/note")
    expect(second.page.locator("[name=a-text]")).to_have_value(note.answers["text"])
    second.send()
    second.recorded(act.title.in_language("ar"))
    story.did[2].append(live.recorded(note.model_copy(update={"at": local(story.now())})))


def to_the_end(story: Story) -> None:
    """The rest of the path: the referral to the prosecutor by clicking, and all others through the same use cases."""
    live, head = story.tables[0], story.phones[3]
    referral = next(place for place, step in enumerate(PATH) if step.do == "F11")
    plays(story, PATH[BY_CLICKS:referral])
    story.trainer.turns_to(PATH[referral].at or "")
    story.did[1].append(head.does(live, PATH[referral]))
    circulates = next(place for place, step in enumerate(PATH) if step.mark == "circulating")
    plays(story, PATH[referral + 1 : circulates])
    for phone, there in zip(story.phones, (True, False, False, False), strict=True):
        expect(phone.table().get_by_text(story.text("circulating", phone.language))).to_have_count(int(there))
    for phone in story.phones[:3]:
        expect(phone.table().get_by_text(story.text("imprudent", phone.language))).to_have_count(1)
    plays(story, PATH[circulates:])
    assert head.served.state() == SC3.path.ends


def plays(story: Story, steps: tuple[Step, ...]) -> None:
    played = story.tables[0].play(steps)
    assert [(one.at, one.do, one.refused, one.problems) for one in played if not one.went_as_said] == []
    story.did[1] += steps


def debriefed(story: Story) -> None:
    """The trainer ends it: the tables side by side, each by itself, step by step and on paper; each phone its own."""
    trainer = story.trainer
    until = Step.model_validate({"at": local(story.now())})
    for did in story.did.values():
        did.append(until)
    trainer.wall()
    trainer.page.locator("summary", has_text=trainer._("End the workshop")).click()
    trainer.page.locator("form[action$='/end'] [name=sure]").check()
    trainer.press(trainer._("End the workshop"))
    trainer.follow(trainer._("Debrief"))
    story.look(trainer.page, "debrief")
    found = {live.number: live.debrief() for live in story.tables}
    refused = {story.tables[0].player.protocol.resolve("moves", one.do or "") for one in PATH if one.expect}
    assert {(one.kind, one.key) for one in found[1].errors} == {(Kind.wrong_order, key) for key in refused}
    titles = [SC3.traps[key].title.in_language("fr") for key in ("father_told", "pupils_together")]
    for number, one in found.items():
        section = trainer.table(number)
        expect(section.locator("article.found")).to_have_count(len(one.errors))
        for title in titles:
            expect(section.locator("article.found").get_by_text(title, exact=True)).to_have_count(int(number == 2))
    failed = {
        number: [line.rule.title.in_language("fr") for line in one.duties if line.verdict is Verdict.failed]
        for number, one in found.items()
    }
    assert failed[1] == []
    assert len(failed[3]) > 3
    for title in failed[3]:
        row = trainer.page.locator(".spread tr").filter(has=trainer.page.get_by_text(title, exact=True))
        expect(row.locator("td").nth(2)).to_have_text(trainer._("Not kept"))
    narrow(trainer)
    assert downloaded(trainer.page, trainer.link(trainer._("As PDF"))).startswith(b"%PDF-")
    step_by_step(story)
    for phone, live in zip(story.phones[:3], story.tables, strict=True):
        own_debrief(story, phone, live)


def narrow(person: Person) -> None:
    """The same page on a phone."""
    person.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    person.look()
    person.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})


def step_by_step(story: Story) -> None:
    trainer = story.trainer
    trainer.wall("/replay/2")
    expect(trainer.page.locator("h1")).to_contain_text("1")
    story.look(trainer.page, "replay")
    for _step in range(3):
        trainer.follow(trainer._("Next step"))
    assert trainer.page.url.endswith("step=4")
    trainer.follow(trainer._("Back"))
    assert trainer.page.url.endswith("step=3")
    last = len(story.tables[1].debrief().timeline)
    trainer.wall(f"/replay/2?step={last}")
    expect(trainer.link(trainer._("Next step"))).to_have_count(0)


def own_debrief(story: Story, phone: Participant, live: LiveTable) -> None:
    """One's own table's, in one's own language; no other table's."""
    phone.open("/room")
    phone.follow(phone._("Our table’s debrief"))
    page = phone.page
    expect(page.locator("html")).to_have_attribute("dir", phone.w.direction)
    errors = live.debrief().errors
    expect(page.locator("article.found")).to_have_count(len(errors))
    for key in ("father_told", "pupils_together"):
        title = SC3.traps[key].title.in_language(phone.language)
        expect(page.locator("article.found").get_by_text(title, exact=True)).to_have_count(int(live.number == 2))
    if phone.language == "ar":
        story.look(page, "own debrief")
    assert downloaded(page, phone.link(phone._("As PDF"))).startswith(b"%PDF-")
    assert phone.tries("/cases/" + phone.served.number + "/acts/note", **{"a-text": "x"}) == 409


def as_scripts(story: Story) -> None:
    """What each table did, as a list of steps: the same debrief. The counts of the unseen are left to whoever began."""
    for live in story.tables:
        assert differences(live.debrief(), scripted(SC3, story.did[live.number]), *ALIKE) == []
