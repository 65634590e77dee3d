"""SC3, sextortion, in Arabic on a phone without JavaScript: from two taps to closure with the directorate's visa.

Counted from the page of reports: a danger is raised in two taps and nothing is written; the third tap dials; the fourth
notes that the head was told. Nothing on any page visited runs the wrong way or sticks out of 360 pixels.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from .conftest import PHONE, Serve, Sit
from .person import Person
from .served import PASSWORD, story
from .team import Team

pytestmark = pytest.mark.exhaustive

NAMES = ("سلمى", "الوزاني", "الإدريسي", "هاجر", "بنشقرون", "J130077412", "0600000011", "نادية الوزاني")


@pytest.fixture(scope="module")
def team(serve: Serve, sit: Sit) -> Team:
    ctx = serve("2026-10-06T09:10", "ar")
    return Team(ctx, story("sc3"), lambda role: sit(ctx, role, "ar", PHONE))


def test_sc3_from_two_taps_to_closure(team: Team) -> None:
    two_taps(team)
    team.follow(1, team.at("guardian_hold"))
    told_nothing(team)
    team.follow(team.at("name_seat"), team.at("F7"))
    referrals(team)
    team.follow(team.at("F7"), team.at("F8"))
    answers(team)
    team.follow(team.at("F8"), team.at("lift_trigger"))
    from_afar(team)
    team.follow(team.at("F6"), team.at("F14"))
    closure(team)
    assert team.wide() == []
    assert sum(len(person.visited) for person in team.seated.values()) > 150


def two_taps(team: Team) -> None:
    """09:14. Nothing to write before the numbers are there, in sight without scrolling and above any form."""
    team.ctx.turn_to(team.steps[0]["at"])
    member = team["membre_er"]
    member.open("/")
    member.follow("التبليغ عن حالة")
    member.count_anew()
    member.tap(member.page.locator("header .sos"))
    member.tap(member.page.locator("main button[name=danger]").filter(has_text="ابتزاز (مال أو صور أو أفعال)"))
    expect(member.page.locator("h1")).to_have_text("الدقائق الأولى")
    assert (member.taps, member.answers) == (2, 0)
    member.numbers_first()
    number = member.page.locator("main a.call[href^='tel:']").first
    expect(number).to_contain_text("الشرطة")
    expect(number.locator("bdi")).to_have_attribute("dir", "ltr")
    assert number.get_attribute("href") == "tel:19"
    member.taps += 1  # a tap on the number leaves the browser: it dials
    team.ctx.adopt(member.page.url.split("/")[-2])
    member.note("إخبار شفوي", "مدير(ة) المؤسسة")
    expect(member.said()).to_have_text("تم التسجيل: تسجيل من أُخبر شفويا.")
    expect(member.page.locator("h1")).to_have_text("الدقائق الأولى")
    assert (member.taps, member.answers) == (4, 0)
    expect(member.page.locator("main")).to_contain_text("لا يدفع الطفل شيئا ولا يرد")


def told_nothing(team: Team) -> None:
    """T+0:20. She asks that her father be told nothing: a hold, by two people."""
    member, said = team.begin("guardian_hold"), team.told("guardian_hold")
    member.follow("عدم إخبار ولي الأمر مؤقتا")
    member.say("الاسم", said["guardian"]["name"])
    member.pick(member.label("guardian_hold", "reason"), "خطر عنف أو هروب")
    member.say(member.label("guardian_hold", "words"), said["words"])
    member.say(member.label("guardian_hold", "other_safe_adult"), said["other_safe_adult"])
    member.sign_if_asked()
    member.tap(member.page.locator("main form .actions button"))
    expect(member.said()).to_have_text("تم التسجيل: عدم إخبار ولي الأمر مؤقتا.")
    expect(hold_of(member, 2)).to_contain_text("سارٍ، في انتظار التأكيد")
    team.follow(team.at("told_by_voice"), team.at("sign"))
    head = team.begin("sign")
    head.tap(head.page.locator("[aria-labelledby=to-sign] a").filter(has_text="عدم إخبار ولي الأمر مؤقتا"))
    expect(head.page.locator("[aria-labelledby=signed]")).to_contain_text("ضربها السنة الماضية")
    head.say(head.label("sign", "signature"), PASSWORD)
    head.press("توقيع")
    expect(hold_of(head, 2)).not_to_contain_text("في انتظار التأكيد")
    head.turn_to("people")
    expect(head.page.locator("main li").filter(has_text="عبد السلام").first).to_contain_text("لا يقال له شيء")


def hold_of(person: Person, number: int) -> Locator:
    person.turn_to("outcomes")
    return person.page.locator(":is([aria-labelledby=referrals], [aria-labelledby=holds]) li").filter(
        has_text=f"قرار عدم الإخبار رقم {number}"
    )


def referral_of(person: Person, number: int) -> Locator:
    person.turn_to("outcomes")
    return person.page.locator(":is([aria-labelledby=referrals], [aria-labelledby=holds]) li").filter(
        has_text=f"الإحالة رقم {number}"
    )


def referrals(team: Team) -> None:
    """A letter to the prosecutor, a message to E-Blagh and a call to 2511: each waits for an answer of its own."""
    member = team.begin("F7")
    for number in (1, 2, 3):
        expect(referral_of(member, number)).to_contain_text("في انتظار الرد")
    member.follow("تسجيل عنصر إثبات")
    expect(member.page.locator("main input[type=file]")).to_have_count(0)


def answers(team: Team) -> None:
    """What came back stands beside each."""
    member = team.begin("t_reassess")
    for number, state in ((1, "توصلت بها الجهة"), (2, "تمت تسويتها"), (3, "تمت تسويتها"), (4, "في انتظار الرد")):
        expect(referral_of(member, number)).to_contain_text(state)


def from_afar(team: Team) -> None:
    """J6. Lifting the danger at home takes the directorate's signature; it reads no name and nobody's own words."""
    team.follow(team.at("lift_trigger"), team.at("lift_trigger") + 1)
    sign = team.at("lift_trigger") + 1
    team.ctx.turn_to(team.steps[sign]["at"])
    supervisor = team["superviseur_dp"]
    supervisor.open_case()
    expect(supervisor.page.locator(".pills").first).to_contain_text("دون أسماء")
    nameless(supervisor)
    case = supervisor.page.url
    supervisor.page.goto(f"{case}/chronology")
    nameless(supervisor)
    supervisor.page.go_back()
    supervisor.tap(supervisor.page.locator("[aria-labelledby=to-sign] a").first)
    nameless(supervisor)
    supervisor.say(supervisor.label("sign", "signature"), PASSWORD)
    supervisor.press("توقيع")
    expect(supervisor.said()).to_have_text("تم التسجيل: التوقيع.")
    team.follow(sign + 1, team.at("F6"))


def nameless(person: Person) -> None:
    html = person.page.content()
    assert [name for name in NAMES if name in html] == []
    person.look()


def closure(team: Team) -> None:
    """J34, J36. Follow-ups remain to be held, or the directorate gives its visa; it gives one to the closing too."""
    team.follow(team.at("F14"), team.at("visa_dp"))
    supervisor = team.begin("visa_dp")
    supervisor.follow("تأشيرة المديرية الإقليمية")
    supervisor.pick(supervisor.label("visa_dp", "decision"), "منح التأشيرة")
    supervisor.say(supervisor.label("visa_dp", "remark"), team.told("visa_dp")["remark"])
    supervisor.sign_if_asked()
    supervisor.press("تسجيل")
    expect(supervisor.said()).to_have_text("تم التسجيل: تأشيرة المديرية الإقليمية.")
    team.follow(team.at("visa_dp") + 1)
    assert team.ctx.state() == "closed"
