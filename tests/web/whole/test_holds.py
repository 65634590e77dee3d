"""What pages offer while a guardian is on hold, and what they say to whoever tries all the same."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from engine.telling import NOW, REPORT

from school_protocol.cases.intake import open_case, raise_from_receipt
from school_protocol.cases.service import record_act
from school_protocol.cases.showing import see_case
from school_protocol.cases.story_player import Player
from school_protocol.engine.definition import Protocol

from ..conftest import Accounts
from .browser import Browse

FATHER = "Abdelkrim Lahlou"
SAID = {
    "fr": ("Il est décidé de ne pas informer cette personne pour l’instant", "peut être réexaminée par"),
    "ar": ("تقرر عدم إخبار هذا الشخص مؤقتا", "يمكن أن يعيد النظر في القرار"),
    "en": ("This person’s information is on hold", "Who can review the hold"),
}
WHO = 'name="a-{field}" value="{value}"'


class Held:
    """A case with a mother, guardian-1, and a father, guardian-2; the father is on hold."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.number = open_case(
            player.ctx, player.actor("team_member"), "report",
            {**REPORT, "about_whom": [{"slot": "targeted_pupil", "name": "Lina L."}]}, token="report",
        ).number  # fmt: skip
        parents = [{"slot": "guardian", "name": "Samira Lahlou"}, {"slot": "guardian", "name": FATHER}]
        self.act("head", "add_person", persons=parents)

    def act(self, who: str, act: str, /, **answers: object) -> int:
        token = f"{act} {self.player.clock.now()} {len(answers)} {answers}"[:200]
        actor = self.player.actor(who)
        done = record_act(self.player.ctx, actor, self.number, act, answers, expected=None, token=token, proven=True)
        return done.seq

    def hold(self) -> None:
        self.act("team_member", "guardian_hold", guardian="guardian-2", reason="risk_if_told")

    def lift(self) -> None:
        review = self.act("head", "hold_review", hold="1", decision="lift", reason="x")
        self.act("team_coordinator", "signature", record=str(review))


def held_by(protocol: Protocol) -> tuple[str, ...]:
    return protocol.acts["hold_review"].by


@pytest.fixture
def start() -> datetime:
    return NOW


@pytest.fixture
def held(player: Player) -> Held:
    return Held(player)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("act", "field"), [("inform_guardian", "who"), ("taken_over", "guardian"), ("safety_check", "with_guardian")]
)
def test_the_form_does_not_offer_them_and_says_so(held: Held, browse: Browse, act: str, field: str) -> None:
    member, path = browse("team_member"), f"/cases/{held.number}/acts/{act}"
    father, mother = (WHO.format(field=field, value=who) for who in ("guardian-2", "guardian-1"))
    before = member.open(path)
    assert father in before.html
    assert "Non proposé" not in before.text
    held.hold()
    page = member.open(path)
    assert mother in page.html
    assert father not in page.html
    assert "car il est décidé de ne pas les informer : RL2 · Abdelkrim Lahlou." in re.sub(r"\s+", " ", page.text)
    assert father not in member.open(f"{path}?person=guardian-2").html, "nor by a link"
    held.lift()
    assert father in member.open(path).html


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", SAID)
def test_who_is_chosen_all_the_same_is_refused_in_words(
    held: Held, player: Player, people: Accounts, browse: Browse, language: str
) -> None:
    """A page that was open before the hold; everything typed stays."""
    member, path = browse("team_member", language), f"/cases/{held.number}/acts/inform_guardian"
    member.open(path)
    held.hold()
    events = len(see_case(player.ctx, player.actor("head"), held.number).chronology.events)
    answer = member.resend(
        path, a__who="guardian-2", a__relation="father", a__result="told", a__requests="ZQTYPED", expected="99"
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    reviewers = [player.protocol.roles[role].title.in_language(language) for role in held_by(player.protocol)]
    assert len(reviewers) == 3
    for words in (*SAID[language], *reviewers):
        assert words in page, words
    assert "ZQTYPED" in page
    after = see_case(player.ctx, player.actor("head"), held.number).chronology.events
    assert not any(event.record and event.record.act.key == "inform_guardian" for event in after)
    assert len(after) == events


STAYS = {
    "fr": "Un danger est coché\xa0: dites qui reste avec l’élève.",
    "ar": "أشرت إلى وجود خطر: المرجو تحديد من يبقى مع الطفل.",
    "en": "A danger is ticked: say who stays with the pupil.",
}


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", STAYS)
def test_answers_that_contradict_each_other_are_refused_in_the_definitions_words(
    held: Held, browse: Browse, language: str
) -> None:
    """Beside the question and in the summary, colon and all; a correction that begins to say so too."""
    member, path = browse("team_member", language), f"/cases/{held.number}/acts"
    member.open(f"{path}/safety_check")
    said = {"a__safe_now": "no", "a__who_stays": "not_needed", "a__who_stays_words": "ZQTYPED"}
    page = member.resend(f"{path}/safety_check", **said, a__dangers=["blackmail"])
    assert page.status_code == 422
    html = page.get_data(as_text=True)
    assert html.count(STAYS[language]) == 2
    assert "ZQTYPED" in html
    checked = held.act("head", "safety_check", none_seen=True, safe_now="no", who_stays="not_needed")
    member.open(f"{path}/correction?record={checked}")
    changed = {"a__what_changes": "x", "a__reason": "x", "c__dangers": ["blackmail"]}
    page = member.resend(f"{path}/correction?record={checked}", **changed)
    assert page.status_code == 422
    assert STAYS[language] in page.get_data(as_text=True)


@pytest.mark.exhaustive
def test_who_listens_is_asked_of_those_who_listen_by_role_or_by_seat(
    held: Held, player: Player, browse: Browse
) -> None:
    seated, other = player.actor("reporter").id, player.actor("data_officer").id
    listener, coordinator = 'name="a-listener" value="{}"', player.actor("team_coordinator").id
    path = f"/cases/{held.number}/acts/listening_target"
    page = browse("team_member").open(path).html
    assert listener.format(coordinator) in page
    assert f"{listener.format(player.actor('team_member').id)} checked" in page
    second = 'name="a-second_adult" value="{}"'
    for nobody in (seated, player.actor("head").id):
        assert listener.format(nobody) not in page
        assert second.format(nobody) in page, "as the second adult, whoever is of the school"
    assert other not in page
    held.act("head", "name_seat", seat="support", account=seated)
    page = browse("team_member").open(path).html
    assert listener.format(seated) in page
    assert listener.format(other) not in page


@pytest.mark.exhaustive
def test_the_family_is_no_target_while_a_hold_stands(held: Held, browse: Browse) -> None:
    member, path = browse("team_member"), f"/cases/{held.number}/acts/referral"
    assert 'value="guardians"' in member.open(path).html
    held.hold()
    page = member.open(path)
    assert 'value="guardians"' not in page.html
    assert 'value="child_line"' in page.html


@pytest.mark.exhaustive
def test_the_page_of_the_case_says_since_when_and_until_when(held: Held, browse: Browse) -> None:
    held.hold()
    page = browse("team_member").open(f"/cases/{held.number}/outcomes")
    text = re.sub(r"\s+", " ", page.text)
    assert "depuis le 25 nov. 2026, 10:00" in text
    assert "à réexaminer avant le 28 nov. 2026, 10:00" in text
    assert "Ne rien lui dire" in browse("team_member").open(f"/cases/{held.number}/people").text
    head = browse("head")
    assert f'href="/cases/{held.number}/acts/hold_review?hold=1"' in head.open(f"/cases/{held.number}/outcomes").html


def test_a_reporter_who_sees_nothing_hands_the_child_to_no_guardian(player: Player, browse: Browse) -> None:
    """Beside the child, without the case: whether a name is that of who is on hold, the receipt cannot say."""
    ctx, reporter = player.ctx, player.actor("reporter")
    opened = open_case(ctx, reporter, "report", {**REPORT, "about_whom": []}, token="t")
    report, path = opened.report, f"/reports/{opened.report}"
    raise_from_receipt(ctx, reporter, report, "self_harm", token="d")
    desk = browse("reporter")
    handed = {"a__taken_by": "guardian", "a__guardian__new__0__name": FATHER}
    free = desk.open(f"{path}/acts/taken_over")
    assert "guardian" in free.html
    record_act(
        ctx, player.actor("head"), opened.number, "guardian_hold",
        {"guardian": {"slot": "guardian", "name": FATHER}, "reason": "risk_if_told"},
        expected=None, token="h", proven=True,
    )  # fmt: skip
    refused = desk.send(f"{path}/acts/taken_over", 422, **handed).get_data(as_text=True)
    assert "Il est décidé de ne pas informer un responsable légal" in refused
    assert "RL1" not in refused, "who it is stays in the case"
    call = {"a__target": "guardians", "a__covers": "self_harm", "a__channel": "call"}
    desk.open(f"{path}/acts/referral")
    desk.send(f"{path}/acts/referral", 422, **call)
    desk.send(f"{path}/acts/referral", **{**call, "a__target": "child_line"})
    desk.open(f"{path}/acts/taken_over")
    desk.send(f"{path}/acts/taken_over", a__taken_by="medical")


def test_a_closing_prepared_again_names_no_guardian_of_last_time(held: Held, browse: Browse) -> None:
    """Recorded anew, it opens without what the former one said, and without whoever is on hold since."""
    asked_again = dict.fromkeys(("self_harm", "home_danger", "missing_or_at_risk"), "no")
    held.act(
        "team_member", "closing", outcome="resolved", child_view="declined", view_reason="x", checks=["no_danger"],
        guardians_asked=["guardian-2"], guardians_view="ZQVIEW", dangers_asked=asked_again,
    )  # fmt: skip
    member, path = browse("team_member"), f"/cases/{held.number}/acts/closing"
    page = member.open(path).html
    assert 'name="a-guardians_asked" value="guardian-2"' in page
    assert not re.search(r'name="a-guardians_asked" value="guardian-2"[^>]* checked', page)
    assert "ZQVIEW" not in page
    held.hold()
    assert 'name="a-guardians_asked" value="guardian-2"' not in member.open(path).html
    refused = member.resend(path, a__guardians_view="D’accord.", expected="99").get_data(as_text=True)
    assert "dites dans cette fiche de quel responsable il s’agit" in refused
