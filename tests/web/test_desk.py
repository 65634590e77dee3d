"""What is due, found, chosen, and left quickly."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from school_protocol.cases import lists
from school_protocol.cases.view_models import CallLine, CaseLine, WeekDay, WeekDue, WeekView
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen

from .conftest import NOW, SCHOOL, Accounts, receipt_line
from .page import Page, form_token, read_page

Put = Callable[..., None]
Make = Callable[..., CaseLine]


def show(client: FlaskClient, path: str = "/") -> Page:
    response = client.get(path)
    assert response.status_code == 200
    return read_page(response)


def words(page: Page) -> str:
    return " ".join(page.text.split())


@pytest.mark.usefixtures("in_english")
def test_a_case_shows_word_day_number_state_stage_level_and_what_is_due(
    member: FlaskClient, show_desk: Put, make_line: Make
) -> None:
    show_desk(make_line(), today=1)
    page = show(member)
    said = words(page)
    for part in (
        "Compass",
        "reported on 22 Nov 2026 · 1234 5678 9012 3",
        "Being looked for",
        "stage 2 of 3",
        "Level: Large",
        "Today, 13:41",
    ):
        assert part in said
    assert "One case has something due today." in said
    assert "Collège Ibn Khaldoun" in said


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"whom": "me"}, "For you · since 22 Nov 2026"),
        ({"whom": "me", "since": NOW - timedelta(hours=1)}, "For you · since 09:41"),
        ({"whom": "authority"}, "Waits for an authority · since"),
        ({"whom": "team", "unanswered": True}, "For the team · an authority has not answered yet"),
        ({"whom": "nobody"}, "For nobody in particular"),
        ({"whom": "roles", "roles": ("principal",), "with_family": True}, "For: Principal · with the family"),
        ({"whom": "me", "to_sign": True}, "To sign: Look in"),
    ],
)
def test_what_is_next_for_whom_and_since_when(
    member: FlaskClient, show_desk: Put, make_line: Make, protocol: Protocol, changes: dict[str, Any], expected: str
) -> None:
    line = make_line(**{"next": protocol.acts["look_in"].title, "since": NOW - timedelta(days=3), **changes})
    show_desk(line)
    said = words(show(member))
    assert expected in said
    assert "Look in" in said
    assert "Being looked for" in said


def test_one_link_a_case_and_one_number_to_call(
    member: FlaskClient, show_desk: Put, make_line: Make, protocol: Protocol
) -> None:
    show_desk(make_line(call=CallLine("principal", "06 12 34 56 78")), make_line(numbers=True), make_line())
    html = member.get("/").text
    assert html.count('href="/cases/1234567890123"') == 3
    assert html.count("tel:") == 1
    assert 'href="tel:0612345678"' in html
    assert html.count('href="/cases/1234567890123/danger#calls"') == 1


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize(("days", "expected"), [(0, "Today"), (1, "Tomorrow"), (4, "29 Nov 2026")])
def test_a_planned_follow_up_is_due_by_its_day(
    member: FlaskClient, show_desk: Put, make_line: Make, days: int, expected: str
) -> None:
    day_end = NOW.replace(hour=22, minute=59) + timedelta(days=days)
    show_desk(make_line(due=None, due_at=day_end, by_day=True))
    said = words(show(member))
    assert f"{expected}Follow-up planned" in said
    assert "23:59" not in said


@pytest.mark.usefixtures("in_english")
def test_a_danger_passed_on_stands_out_until_its_first_minutes_are_over(
    member: FlaskClient, show_desk: Put, make_line: Make
) -> None:
    show_desk(make_line(urgent=True), make_line())
    page = read_page(member.get("/?lang=en"))
    assert page.text.count("Danger passed on: something is still to be done") == 1
    assert page.html.count('class="card case late"') == 1


@pytest.mark.usefixtures("in_english")
def test_a_row_of_before_is_shown_calmly(member: FlaskClient, show_desk: Put, make_line: Make) -> None:
    show_desk(make_line())
    said = words(show(member))
    assert "since" not in said
    assert "Being looked for" in said


@pytest.mark.usefixtures("in_english")
def test_schools_are_told_apart_where_there_are_several(member: FlaskClient, show_desk: Put, make_line: Make) -> None:
    for many, times in ((False, 1), (True, 2)):
        show_desk(make_line(), many_schools=many)
        assert words(show(member)).count("Collège Ibn Khaldoun") == times


@pytest.mark.usefixtures("in_english")
def test_who_only_reports_has_receipts_first_and_no_filters(
    member: FlaskClient, show_desk: Put, protocol: Protocol
) -> None:
    for receipts in ((receipt_line(protocol),), ()):
        show_desk(receipts=receipts, receipts_only=True, can_report=True)
        page = show(member)
        said = words(page)
        assert page.h1 == ["What you reported"]
        assert "Report a situation" in said
        for useless in ("In progress", "Due today", "No open case", "Find a case"):
            assert useless not in said
        assert ("Received" in said) == bool(receipts)


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_full_page_is_light(
    member: FlaskClient, people: Accounts, show_desk: Put, make_line: Make, protocol: Protocol, language: str
) -> None:
    """HTML and CSS of 25 cases, each with something to call, as they go over the line."""
    people.live["token-1"] = replace(people.actor, language=language)
    lines = [
        make_line(
            number=f"{number:013}", next=protocol.acts["look_in"].title, whom="me", since=NOW, raised=1,
            call=CallLine("principal", f"06{number:08}"),
        )
        for number in range(25)
    ]  # fmt: skip
    show_desk(*lines)
    html = member.get("/").data
    css = member.get("/static/school.css").data
    assert len(gzip.compress(html)) + len(gzip.compress(css)) < 30_000


# ---- the week ----------------------------------------------------------------------------------------------------


@pytest.fixture
def show_week(monkeypatch: pytest.MonkeyPatch) -> Put:
    def put(**changes: Any) -> None:
        days = tuple(WeekDay((NOW + timedelta(days=count)).date(), ()) for count in range(7))
        values = {"dangers": (), "late": (), "days": days, "after": None, "units": (SCHOOL,), **changes}
        monkeypatch.setattr(lists, "see_week", lambda ctx, actor, *, after=None: WeekView(**values))

    return put


def week_due(protocol: Protocol, **changes: Any) -> WeekDue:
    values = {"due_at": NOW + timedelta(hours=2), "tone": "today", "unit": SCHOOL, **changes}
    return WeekDue("1234567890123", {"en": "Compass"}, next(iter(protocol.deadlines.values())).title, **values)


@pytest.mark.usefixtures("in_english")
def test_the_week_goes_day_by_day(member: FlaskClient, show_week: Put, protocol: Protocol) -> None:
    days = [WeekDay((NOW + timedelta(days=count)).date(), ()) for count in range(7)]
    days[0] = replace(days[0], dues=(week_due(protocol), week_due(protocol, by_day=True)))
    days[1] = replace(days[1], closed=True, holiday="Independence Day")
    days[2] = replace(days[2], closed=True)
    late = week_due(protocol, due_at=NOW - timedelta(days=2), tone="late")
    show_week(
        days=tuple(days), late=(late,), dangers=(week_due(protocol, due_at=None),), after="1~x", many_schools=True
    )
    page = show(member, "/?view=week")
    said = words(page)
    assert page.h1 == ["The next seven days"]
    order = ["Danger: first minutes", "2 days late", "Today · Wednesday 25 November", "12:41", "Thursday 26 November",
             "Public holiday: Independence Day", "Nothing falls due.", "School holidays"]  # fmt: skip
    places = [said.index(part) for part in order]
    assert places == sorted(places)
    assert said.count("Collège Ibn Khaldoun") == 1 + 4
    html = member.get("/?view=week").text
    assert html.count('href="/cases/1234567890123"') == 4
    assert "view=week&amp;after=1~x" in html
    assert "<table" not in html


@pytest.mark.usefixtures("in_english")
def test_a_quiet_week_says_so(member: FlaskClient, show_week: Put) -> None:
    show_week()
    assert words(show(member, "/?view=week")).count("Nothing falls due.") == 7


def test_who_only_reports_has_no_week(member: FlaskClient, show_week: Put) -> None:
    show_week(receipts_only=True)
    assert member.get("/?view=week").location == "/"


@pytest.mark.usefixtures("in_english")
def test_dangers_and_restrictions_are_told(member: FlaskClient, show_desk: Put, make_line: Make) -> None:
    line = make_line(raised=2, restricted=True, level=None, tone="late", due_at=NOW - timedelta(days=2))
    show_desk(line, late=1)
    said = words(show(member))
    for part in ("2 dangers raised", "Restricted", "Not assessed yet", "2 days late", "One case has something late."):
        assert part in said


@pytest.mark.usefixtures("in_english")
def test_a_quiet_desk_says_so(member: FlaskClient, show_desk: Put, make_line: Make) -> None:
    show_desk(make_line(due=None, due_at=None, tone="later"))
    assert "Nothing is late, and nothing is due today." in words(show(member))


@pytest.mark.parametrize("chosen", ["open", "mine", "late", "today", "ended"])
def test_every_filter_has_a_page(member: FlaskClient, show_desk: Put, make_line: Make, chosen: str) -> None:
    for lines in ((), (make_line(),)):
        show_desk(*lines)
        assert show(member, f"/?filter={chosen}").h1


@pytest.mark.usefixtures("in_english")
def test_an_unknown_filter_is_the_first(member: FlaskClient, show_desk: Put) -> None:
    show_desk()
    assert show(member, "/?filter=%00nonsense").h1 == ["Cases in progress"]


@pytest.mark.usefixtures("in_english")
def test_counts_are_said_where_they_are_known(member: FlaskClient, show_desk: Put, make_line: Make) -> None:
    """The service counts on its first page alone: other pages must not say that nothing is late."""
    show_desk(make_line())
    for path in ("/?filter=ended", "/?after=x"):
        assert "Nothing is late" not in words(show(member, path))


@pytest.mark.usefixtures("in_english")
def test_where_more_may_be_late_it_is_said(member: FlaskClient, show_desk: Put, make_line: Make) -> None:
    """The list goes by what is due next: only where its last case is late may the next page hold a late one."""
    late, today, later = make_line(tone="late"), make_line(tone="today"), make_line(tone="later")
    show_desk(late, late, after="x", late=2)
    assert "At least 2 cases have something late." in words(show(member))
    show_desk(late, today, after="x", late=1, today=1)
    said = words(show(member))
    assert "One case has something late. At least one case has something due today." in said
    for after in ("x", None):
        show_desk(late, today, later, after=after, late=1, today=1)
        assert "At least" not in words(show(member))


def test_the_next_page_keeps_the_filter(member: FlaskClient, show_desk: Put, make_line: Make) -> None:
    show_desk(make_line(), after="2026-11-25~c1")
    for chosen in ("late", "mine"):
        show_desk(make_line(), after="2026-11-25~c1")
        assert f"filter={chosen}&amp;after=2026-11-25~c1" in member.get(f"/?filter={chosen}").text
    assert member.get("/?after=" + "x" * 900).status_code == 404


@pytest.mark.usefixtures("in_english")
def test_receipts_of_own_reports(member: FlaskClient, show_desk: Put, protocol: Protocol, make_line: Make) -> None:
    receipts = tuple(receipt_line(protocol, report=state, state=state) for state in ("received", "in_hand", "ended"))
    for lines in ((), (make_line(),)):
        show_desk(*lines, receipts=receipts, can_report=True)
        said = words(show(member))
        for part in ("Received", "Being looked after", "Closed", "Report a situation"):
            assert part in said


# ---- the search --------------------------------------------------------------------------------------------------


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, make_line: Make) -> list[str]:
    """What was asked of the service; it knows one number and one pupil."""
    asked: list[str] = []

    def by_number(ctx: Any, actor: Any, text: str) -> str:
        asked.append(text)
        if text.replace(" ", "") != "1234567890123":
            raise Unseen(text)
        return "1234567890123"

    monkeypatch.setattr(lists, "find_by_number", by_number)
    monkeypatch.setattr(lists, "find_by_pupil", lambda ctx, actor, text: (make_line(),) if text == "سلمى" else ())
    return asked


def search(client: FlaskClient, query: str) -> Any:
    token = form_token(client.get("/search"))
    return client.post("/search", data={"csrf_token": token, "q": query})


def test_a_number_leads_to_its_case(member: FlaskClient, found: list[str]) -> None:
    assert search(member, " 1234 5678  9012 3 ").location == "/cases/1234567890123"
    assert member.get("/search?q=1234567890123").location == "/cases/1234567890123"


@pytest.mark.usefixtures("in_english")
def test_a_pupil_leads_to_a_list(member: FlaskClient, found: list[str]) -> None:
    assert "One case found" in words(read_page(search(member, "سلمى")))


@pytest.mark.usefixtures("in_english")
def test_an_address_holds_no_name(member: FlaskClient, found: list[str]) -> None:
    page = read_page(member.get("/search?q=سلمى"))
    assert "One case found" not in words(page)
    assert "سلمى" not in page.text


@pytest.mark.parametrize("query", ["", "\0", "nobody", "x" * 5000, "<script>", "%(num)d"])
def test_what_is_not_found_is_said_calmly(member: FlaskClient, found: list[str], query: str) -> None:
    response = search(member, query)
    assert response.status_code == 200
    assert "<script>" not in response.text
    assert all(len(asked) <= 200 for asked in found)


# ---- language and leaving ----------------------------------------------------------------------------------------


def test_choosing_a_language(member: FlaskClient, people: Accounts, show_desk: Put) -> None:
    show_desk()
    token = form_token(member.get("/"))
    response = member.post("/language", data={"csrf_token": token, "language": "ar", "next": "/?filter=late"})
    assert response.location == "/?filter=late"
    assert people.languages == ["ar"]
    cookie = member.get_cookie("language")
    assert cookie is not None
    assert (cookie.value, cookie.http_only) == ("ar", True)


@pytest.mark.parametrize("value", ["", "de", "ع", "../fr"])
def test_a_language_that_is_not_offered_changes_nothing(client: FlaskClient, value: str) -> None:
    token = form_token(client.get("/sign-in"))
    client.post("/language", data={"csrf_token": token, "language": value})
    assert client.get_cookie("language") is None


@pytest.mark.parametrize(
    ("cookie", "accepted", "lang"),
    [
        ("ar", "fr", "ar-MA"),
        (None, "en-GB,en;q=0.8", "en"),
        (None, "de", "fr"),
        ("de", "ar-MA", "ar-MA"),
        (None, "", "fr"),
    ],
)
def test_the_language_of_a_visitor(client: FlaskClient, cookie: str | None, accepted: str, lang: str) -> None:
    if cookie:
        client.set_cookie("language", cookie)
    assert read_page(client.get("/sign-in", headers={"Accept-Language": accepted})).lang == lang


def test_leaving_quickly_shows_nothing_of_us_and_signs_out(member: FlaskClient, people: Accounts) -> None:
    response = member.get("/leave", headers={"Sec-Fetch-Site": "same-origin"})
    page = read_page(response)
    assert "protocol" not in page.text.lower()
    assert people.live == {}
    assert member.get_cookie("session") is None


def test_leaving_quickly_signs_out_over_plain_http_too(member: FlaskClient, people: Accounts) -> None:
    """There a browser doesn't say where a request comes from, but names the page."""
    member.get("/leave", headers={"Referer": "http://elsewhere.example/leave"})
    member.get("/leave")
    assert people.live != {}
    member.get("/leave", headers={"Referer": "http://localhost/cases/1234567890123"})
    assert people.live == {}
    assert member.get_cookie("session") is None


def test_another_site_cannot_sign_anybody_out(member: FlaskClient, people: Accounts) -> None:
    member.get("/leave", headers={"Sec-Fetch-Site": "cross-site"})
    assert people.live != {}
    assert member.get_cookie("session") is not None
