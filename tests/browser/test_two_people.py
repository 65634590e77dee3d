"""Two people on one case, two presses of one button, an hour away from the form: nothing is lost, nothing doubled."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from .conftest import Serve, Sit
from .person import Person, go_by
from .served import PASSWORD, Served, story

MIXED = "كتب @yassine_2011 فالمجموعة 😂🙈 « t’es nul » ثم حذف الرسالة"
HANDLE = "حساب @yassine_2011 👻"


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    """A case in which listening has begun."""
    served = serve("2026-10-05T09:00")
    steps = story("sc1")
    served.replay(steps[: [step["do"] for step in steps].index("F5")])
    return served


@pytest.fixture
def member(ctx: Served, sit: Sit) -> Person:
    return sit(ctx, "team_member")


@pytest.fixture
def coordinator(ctx: Served, sit: Sit) -> Person:
    return sit(ctx, "team_coordinator")


def note(person: Person, text: str) -> None:
    person.what_else()
    person.follow("Ajouter une note")
    person.page.locator("#a-text").fill(text)


def begin_witness(person: Person, account: str) -> None:
    """A long form, filled in but not sent."""
    person.open_case()
    person.what_else()
    person.follow("Écouter un témoin")
    person.read_controls()
    act = person.served.protocol.acts["listening_witness"]
    person.fill(
        act,
        {
            "heard": {"slot": "witness", "name": "Kenza Alaoui-Sefrou", "grade": "3AC-4"},
            "protected_identity": "yes",
            "held_on": "2026-10-06",
            "listener": "@team_member",
            "child_view": "given",
            "place": "quiet_office",
            "information_given": "yes",
            "account": account,
            "feelings": ["fear", "shame"],
            "wishes": "Que ça s’arrête.",
            "agrees_guardians_informed": "unknown",
        },
    )


def kept_witness(person: Person, account: str) -> None:
    """All of it still stands on the page."""
    page = person.page
    expect(page.locator("#a-account")).to_have_value(account)
    expect(page.locator("#a-wishes")).to_have_value("Que ça s’arrête.")
    expect(page.locator("[name=a-heard-new-0-name]")).to_have_value("Kenza Alaoui-Sefrou")
    expect(page.locator("[name=a-heard-new-0-grade]")).to_have_value("3AC-4")
    expect(page.locator("[name=a-held_on]")).to_have_value("2026-10-06")
    for name, value in (
        ("place", "quiet_office"),
        ("feelings", "fear"),
        ("feelings", "shame"),
        ("child_view", "given"),
    ):
        expect(page.locator(f"[name=a-{name}][value={value}]")).to_be_checked()


def test_a_stale_form_shows_both_and_loses_no_word(ctx: Served, member: Person, coordinator: Person) -> None:
    words = f"« Ils rient quand elle lit. » {MIXED}"
    begin_witness(member, words)
    coordinator.open_case()
    coordinator.do({"do": "add_note", "answers": {"text": "Le père a rappelé ce matin."}})
    before = ctx.events()
    member.send()
    expect(member.page.locator("h1")).to_have_text("Quelqu’un a écrit entre-temps dans ce dossier")
    assert ctx.events() == before, "nothing is recorded yet"
    expect(member.page.locator(".theirs")).to_contain_text("Ajouter une note")
    expect(member.page.locator(".theirs")).to_contain_text("Samira Benjelloun")
    kept_witness(member, words)
    assert member.page.locator("main").evaluate("main => main.contains(document.activeElement)")
    member.sign_if_asked()
    member.press("Enregistrer aussi le mien")
    expect(member.said()).to_have_text("Enregistré : Écouter un témoin.")
    member.page.goto(f"{member.page.url}/chronology")
    expect(member.page.locator(".log")).to_contain_text("Samira Benjelloun")
    assert ctx.events() > before


@pytest.mark.exhaustive
def test_a_move_meanwhile_is_a_conflict_too(ctx: Served, member: Person, coordinator: Person) -> None:
    member.open_case()
    member.page.goto(f"{member.page.url}/moves/begin_assessment")
    member.page.locator("#reason").fill("Tout le monde a été entendu.")
    coordinator.do({"do": "add_note", "answers": {"text": "Attendons encore un jour."}})
    member.press("Confirmer : Passer à l’évaluation")
    expect(member.page.locator("h1")).to_have_text("Quelqu’un a écrit entre-temps dans ce dossier")
    expect(member.page.locator("#reason")).to_have_value("Tout le monde a été entendu.")
    member.follow(member._("Leave mine, go to the case"))
    expect(member.page.locator(".where")).to_contain_text("Écoute en cours")


def test_a_double_click_records_once(ctx: Served, member: Person) -> None:
    member.open_case()
    note(member, "Deux clics, une seule note.")
    before = ctx.events()
    member.page.locator("main form .actions button").dblclick(no_wait_after=True)
    expect(member.page).to_have_url(re.compile(r"/cases/\d{13}$"))  # the second press aborts what the first began
    member.page.goto(f"{member.page.url}/chronology")
    expect(member.page.locator(".log > li").filter(has_text="Deux clics")).to_have_count(1)
    assert ctx.events() == before + 1


@pytest.mark.exhaustive
def test_back_and_reload_record_nothing_twice(ctx: Served, member: Person) -> None:
    member.open_case()
    note(member, "Avant, arrière.")
    member.send()
    after = ctx.events()
    member.page.reload()
    member.page.go_back()
    member.page.go_forward()
    member.page.go_back()
    member.page.reload()
    assert ctx.events() == after
    expect(member.page.locator("#a-text")).to_have_value("")
    member.press("Enregistrer")
    expect(member.page.get_by_role("alert")).to_contain_text("Une réponse")
    expect(member.page.get_by_role("alert")).to_be_focused()
    assert ctx.events() == after, "an empty form isn't the old one again"


@pytest.mark.exhaustive
def test_an_ended_session_keeps_the_text(ctx: Served, member: Person, sit: Sit) -> None:
    words = f"Une heure plus tard. {MIXED}"
    begin_witness(member, words)
    ctx.clock.advance(timedelta(minutes=45))
    before = ctx.events()
    member.send()
    expect(member.page.locator(".alert")).to_contain_text("Votre session avait pris fin. Votre texte est gardé.")
    assert ctx.events() == before
    somebody = Person(ctx, member.page, "team_coordinator")
    address = member.page.url
    somebody.sign_in()
    expect(member.page.locator("#a-account")).to_have_value("")
    somebody.page.locator("header .menu summary").click()
    go_by(somebody.page.locator(".who button"))
    member.page.goto(address)
    member.sign_in()
    expect(member.page.get_by_text("Voici de nouveau ce que vous aviez écrit")).to_be_visible()
    kept_witness(member, words)
    member.send()
    expect(member.said()).to_have_text("Enregistré : Écouter un témoin.")
    assert ctx.events() > before
    member.follow("Écouter un témoin")
    expect(member.page.locator("#a-account")).to_have_value("")


@pytest.mark.exhaustive
def test_a_wrong_password_keeps_everything(ctx: Served, coordinator: Person) -> None:
    coordinator.open_case()
    coordinator.what_else()
    coordinator.follow("Ne pas informer un responsable légal pour l’instant")
    coordinator.pick("Responsable légal", "RL1")
    coordinator.pick("Raison", "Danger à la maison")
    coordinator.page.locator("#a-words").fill(MIXED)
    coordinator.page.locator("#password").fill("autre chose")
    before = ctx.events()
    coordinator.tap(coordinator.page.locator("main form .actions button"))
    expect(coordinator.page.get_by_role("alert")).to_contain_text("Ce n’est pas votre mot de passe")
    expect(coordinator.page.locator("#a-words")).to_have_value(MIXED)
    expect(coordinator.page.locator("#password")).to_have_value("")
    assert ctx.events() == before
    coordinator.page.locator("#password").fill(PASSWORD)
    coordinator.tap(coordinator.page.locator("main form .actions button"))
    assert ctx.events() > before


@pytest.mark.exhaustive
def test_mixed_scripts_survive_and_stand_apart(ctx: Served, member: Person) -> None:
    member.open_case()
    member.do({"do": "add_note", "answers": {"text": MIXED}})
    member.page.goto(f"{member.page.url}/chronology")
    shown = member.page.locator(".log .quote").first
    expect(shown).to_have_text(MIXED)
    assert shown.evaluate("one => getComputedStyle(one).direction") == "rtl", "by its own first letter"
    member.do(
        {
            "do": "F7",
            "answers": {
                "kind": "oral_account", "sexual_or_intimate": "no", "platform": "whatsapp", "content_type": "group",
                "handle": HANDLE, "source": "pupil", "description": MIXED,
                "still_online": "unknown", "content_status": "online",
            },
        }
    )  # fmt: skip
    member.page.goto(f"{member.page.url}/chronology")
    go_by(member.page.locator(".log").get_by_role("link", name=re.compile("^Lire la fiche")).first)
    for text in (HANDLE, MIXED):
        said = member.page.locator(".facts dd > *").filter(has_text=text).first
        expect(said).to_have_text(text)
        tag, direction, computed = said.evaluate("one => [one.tagName, one.dir, getComputedStyle(one).direction]")
        assert tag == "BDI" or direction == "auto"
        assert computed == "rtl"
