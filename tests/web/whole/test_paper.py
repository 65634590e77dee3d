"""Written on paper first? The fold on an act's page and on the report's: quiet, kept whatever happens, never needed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.datastructures import MultiDict

from school_protocol.cases.showing import see_record
from school_protocol.cases.story_player import Player
from school_protocol.context import AppContext
from school_protocol.language import ZONE

from ..filled import filled
from .browser import Browse, Browser

REPORT = {"what_happened": "Un groupe", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
PUPIL = [{"slot": "targeted_pupil", "name": "Yasmine Benali"}]
ON_PAPER = "2026-11-23T11:30"
"""An hour and a half after the report."""


@pytest.fixture
def case(player: Player) -> str:
    """A case of ten o'clock, eight hours later; the path of its page."""
    for who in ("team_coordinator", "team_member", "head"):
        player.actor(who)
    player.play([{"as": "team_member", "do": "report", "answers": {**REPORT, "about_whom": PUPIL}}])
    player.clock.advance(timedelta(hours=8))
    return f"/cases/{player.numbers['']}"


def account(player: Player, who: str) -> str:
    return player.actor(who).id


def shown(browser: Browser, path: str) -> str:
    return browser.client.get(path).get_data(as_text=True)


def fold(html: str) -> str:
    """The fold and nothing else; fails where there is none."""
    start = html.index('<details class="paper"')
    return html[start : html.index("</details>", start)]


def words(html: str) -> str:
    """What stands there to be read, on one line."""
    return " ".join(re.sub(r"<[^>]+>", "", html).replace("\xa0", " ").split())


def last_seq(html: str) -> int:
    return max(int(seq) for seq in re.findall(r"/entries/(\d+)", html))


# ---- quiet ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("language", "question", "writer", "version"),
    [
        ("fr", "D’abord écrit sur papier ?", "Qui l’a écrit", "protocole MA-CYB-1, version 1"),
        ("ar", "هل كُتب على الورق أولا؟", "من كتبه", "النسخة 1"),
        ("en", "Written on paper first?", "Who wrote it", "protocol MA-CYB-1, version 1"),
    ],
)
@pytest.mark.parametrize("path", ["{case}/acts/safety_check", "/reports/new"])
def test_it_is_a_fold_that_is_closed_and_asks_nothing(
    browse: Browse, case: str, path: str, language: str, question: str, writer: str, version: str
) -> None:
    inside = fold(shown(browse("team_member", language), path.format(case=case)))
    for said in (question, writer, version):
        assert said in words(inside)
    assert not inside.startswith('<details class="paper" open')
    assert "required" not in inside
    assert "aria-required" not in inside
    browse("team_member", language).open(path.format(case=case))


def test_the_forms_code_stands_there(browse: Browse, case: str) -> None:
    said = words(fold(shown(browse("team_member"), f"{case}/acts/safety_check")))
    assert "Le formulaire de cette page : F2, protocole MA-CYB-1, version 1." in said


@pytest.mark.exhaustive(
    but=(
        "{case}/acts/head_visa",
        "{case}/acts/safety_check?then=first-minutes",
    )
)
@pytest.mark.parametrize(
    "path",
    [
        "{case}/acts/safety_check?then=first-minutes", "{case}/acts/signature", "{case}/acts/lift_danger",
        "{case}/acts/guardian_hold", "{case}/acts/head_visa", "{case}/acts/name_seat", "{case}/acts/correct",
        "{case}/danger", "{case}/first-minutes", "/reports/danger",
    ],
)  # fmt: skip
def test_it_is_not_where_minutes_count_nor_where_somebody_decides(
    browse: Browse, case: str, player: Player, path: str
) -> None:
    player.play([{"as": "team_member", "do": "raise_danger", "answers": {"which_danger": "blackmail"}}])
    html = shown(browse("head"), path.format(case=case))
    assert "<h1" in html
    assert "paper-at" not in html


# ---- typed in ------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "fr",
            "Écrit sur papier par team_member (Membre de l’équipe ressource) le 23 nov. 2026, 11:30 ; recopié par head",
        ),
        ("ar", "كُتب على الورق من طرف team_member (عضو الفريق المختص) في 23 نونبر 2026، 11:30؛ وأُدخل من طرف head"),
    ],
)
def test_a_colleagues_paper_is_shown_as_theirs(
    browse: Browse, case: str, player: Player, language: str, said: str
) -> None:
    head = browse("head", language)
    by = account(player, "team_member")
    head.record(f"{case}/acts/note", a__text="Appelé", paper__at=ON_PAPER, paper__by=by)
    html = shown(head, f"{case}/chronology")
    seq = last_seq(html)
    assert said in words(html)
    assert said in words(shown(head, f"{case}/entries/{seq}"))
    head.open(f"{case}/entries/{seq}")
    head.open(case)


@pytest.mark.exhaustive
def test_a_report_on_paper_is_typed_in(browse: Browse, player: Player, ctx: AppContext) -> None:
    player.actor("reporter")
    member = browse("team_member")
    member.open("/reports/new")
    answers = {f"a-{key}": said for key, said in REPORT.items()}
    done = member.send(
        "/reports/new", **answers, paper__at="2026-11-20T08:15", paper__by=account(player, "reporter")
    )  # fmt: skip
    number = done.location.rpartition("/")[2]
    record = see_record(ctx, player.actor("team_member"), number, 2)[1]
    assert record.paper is not None
    assert record.paper.name == "reporter"
    assert record.occurred_at == datetime(2026, 11, 20, 7, 15, tzinfo=UTC)
    assert record.answers["occurred_at"] == "2026-11-20T07:15:00+00:00", "not the moment at which the page was opened"


@pytest.mark.exhaustive
def test_an_answer_that_somebody_gave_stays_as_given(browse: Browse, player: Player, ctx: AppContext) -> None:
    member = browse("team_member")
    member.open("/reports/new")
    answers = {f"a-{key}": said for key, said in REPORT.items()}
    answers["a-occurred_at"] = "2026-11-19T12:00"
    done = member.send("/reports/new", **answers, paper__at="2026-11-20T08:15")
    record = see_record(ctx, player.actor("team_member"), done.location.rpartition("/")[2], 2)[1]
    assert record.answers["occurred_at"] == "2026-11-19T11:00:00+00:00"
    assert record.occurred_at == datetime(2026, 11, 19, 11, 0, tzinfo=UTC)


def test_todays_date_becomes_the_papers(browse: Browse, case: str, player: Player) -> None:
    """Shown again before it is recorded, the form says the day of the paper."""
    member = browse("team_member")
    player.clock.advance(timedelta(days=3))
    member.open(f"{case}/acts/listening_target")
    moved = member.send(f"{case}/acts/listening_target", 422, paper__at=ON_PAPER).get_data(as_text=True)
    today = player.clock.now().astimezone(ZONE).date().isoformat()
    sent = filled(moved, f"{case}/acts/listening_target")
    assert sent["a-held_on"] == "2026-11-23" != today


# ---- what is wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "at", "by", "place", "said"),
    [
        ("fr", "2026-11-23T18:01", "", "paper-at", "Cette date est dans le futur."),
        ("fr", "2026-11-23T09:59", "", "paper-at", "Il n’y avait pas encore de dossier à ce moment"),
        ("fr", "hier", "", "paper-at", "Ce n’est pas une date avec une heure"),
        ("fr", "", "team_member", "paper-at", "Une réponse est nécessaire ici."),
        ("fr", ON_PAPER, "data_officer", "paper-by", "Ce jour-là, ce n’était pas à ce ou cette collègue de le faire."),
        ("ar", "2026-11-23T09:59", "", "paper-at", "لم يكن هناك ملف بعد في ذلك الوقت"),
        ("ar", ON_PAPER, "data_officer", "paper-by", "في ذلك اليوم لم يكن هذا من مهام هذا الشخص"),
    ],
)
def test_what_is_wrong_is_said_at_its_box_and_all_stays(
    browse: Browse, case: str, player: Player, language: str, at: str, by: str, place: str, said: str
) -> None:
    head, writer = browse("head", language), account(player, by) if by else ""
    path = f"{case}/acts/note"
    head.open(path)
    html = head.send(path, 422, a__text="Mes mots", paper__at=at, paper__by=writer).get_data(as_text=True)
    assert f'<a href="#{place}">' in html
    inside = fold(html)
    assert inside.startswith('<details class="paper" open>')
    assert said in words(inside)
    assert f'id="{place}-problem"' in inside
    sent = filled(html, path)
    assert (sent["paper-at"], sent["a-text"]) == (at, "Mes mots")
    if by != "data_officer":  # who may not have written it is not offered, so that no list can show it
        assert sent["paper-by"] == writer


@pytest.mark.exhaustive
def test_who_stands_aside_is_named_as_such(browse: Browse, case: str, player: Player) -> None:
    player.play([{"as": "head", "do": "conflict", "answers": {"reason": "declares"}}])
    member = browse("team_member")
    path = f"{case}/acts/note"
    member.open(path)
    html = member.send(path, 422, a__text="x", paper__at=ON_PAPER, paper__by=account(player, "head"))
    assert "Ce ou cette collègue est à l’écart de ce dossier." in html.get_data(as_text=True)


@pytest.mark.exhaustive
def test_the_conflict_page_keeps_it(browse: Browse, case: str, player: Player, ctx: AppContext) -> None:
    coordinator, path, by = browse("team_coordinator"), f"{case}/acts/report_more", account(player, "head")
    coordinator.open(path)
    player.play([{"as": "team_member", "do": "report_more", "answers": {}}])
    html = coordinator.send(path, 409, paper__at=ON_PAPER, paper__by=by).get_data(as_text=True)
    sent = filled(html, path)
    assert (sent["paper-at"], sent["paper-by"]) == (ON_PAPER, by)
    coordinator.form = MultiDict(sent)
    coordinator.send(path)
    seq = last_seq(shown(coordinator, f"{case}/chronology"))
    record = see_record(ctx, player.actor("head"), case[-13:], seq)[1]
    assert record.paper is not None
    assert (record.paper.name, record.actor) == ("head", "team_coordinator")


@pytest.mark.exhaustive
def test_a_forged_fold_where_none_stands_is_refused(browse: Browse, case: str, ctx: AppContext) -> None:
    """A decision's page has no fold; what is sent all the same is not read."""
    head = browse("head")
    path = f"{case}/acts/name_seat"
    head.open(path)
    html = head.send(path, 422, paper__at=ON_PAPER, paper__by="x").get_data(as_text=True)
    assert "paper-at" not in html
