"""What programs look for at fixed addresses: whom to tell of a hole, and what search engines may read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW

from school_protocol.cases.story_player import throwaway
from school_protocol.config import SettingUnreadable, settings_from
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.ops import doctor
from school_protocol.ops.doctor import Asked, Level
from school_protocol.web import create_app

CONTACT, UNTIL = "SCHOOL_PROTOCOL_SECURITY_CONTACT", "SCHOOL_PROTOCOL_SECURITY_UNTIL"
SECURITY, ROBOTS = "/.well-known/security.txt", "/robots.txt"


@pytest.fixture(scope="module")
def ctx(moroccan: Protocol) -> Iterator[AppContext]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield player.ctx


def told(ctx: AppContext, until: date) -> AppContext:
    return replace(ctx, settings=replace(ctx.settings, security_contact="mailto:cert@example.ma",
                                           security_until=until, address="https://desk.example"))  # fmt: skip


def test_whoever_finds_a_hole_is_told_whom_to_tell(ctx: AppContext) -> None:
    answer = create_app(told(ctx, date(2027, 6, 30)), testing=True).test_client().get(SECURITY)
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert answer.get_data(as_text=True).splitlines() == [
        "Contact: mailto:cert@example.ma",
        "Expires: 2027-06-30T23:59:59Z",
        "Preferred-Languages: fr, ar, en",
        "Canonical: https://desk.example/.well-known/security.txt",
    ]


@pytest.mark.parametrize(("days", "status"), [(0, 200), (-1, 404), (None, 404)])
def test_without_the_settings_or_after_the_last_day_it_opens_nothing(
    ctx: AppContext, days: int | None, status: int
) -> None:
    asked = ctx if days is None else told(ctx, NOW.date() + timedelta(days=days))
    assert create_app(asked, testing=True).test_client().get(SECURITY).status_code == status


def test_search_engines_read_what_is_published_and_nothing_else(ctx: AppContext) -> None:
    answer = create_app(ctx, testing=True).test_client().get(ROBOTS)
    assert answer.get_data(as_text=True).splitlines() == [
        "User-agent: *", "Allow: /campaign", f"Allow: {SECURITY}", "Disallow: /",
    ]  # fmt: skip


@pytest.mark.parametrize("path", [SECURITY, ROBOTS])
def test_it_sets_no_cookie_and_leaves_no_line(ctx: AppContext, caplog: pytest.LogCaptureFixture, path: str) -> None:
    caplog.set_level(logging.INFO)
    client = create_app(told(ctx, date(2027, 6, 30)), testing=True).test_client()
    client.set_cookie("school_protocol", "somebody's")
    answer = client.get(path)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert not caplog.records
    client.get("/sign-in")
    assert caplog.records, "the control: another page leaves one"


def test_a_contact_goes_with_its_last_day() -> None:
    said = settings_from({CONTACT: " mailto:cert@example.ma ", UNTIL: "2027-06-30"})
    assert (said.security_contact, said.security_until) == ("mailto:cert@example.ma", date(2027, 6, 30))
    for wrong in (
        {CONTACT: "mailto:cert@example.ma"}, {UNTIL: "2027-06-30"}, {CONTACT: "cert@example.ma", UNTIL: "2027-06-30"},
        {CONTACT: "mailto:a@example.ma", UNTIL: "soon"}, {CONTACT: "mailto:a@b.ma\nExpires: 2", UNTIL: "2027-06-30"},
    ):  # fmt: skip
        with pytest.raises(SettingUnreadable):
            settings_from(wrong)


@pytest.mark.parametrize(
    ("until", "level"),
    [("2027-01-31", Level.ok), ("2026-12-30", Level.note), ("2026-11-30", Level.wrong), (None, Level.note)],
)
def test_doctor_says_that_it_ends(tmp_path: Path, until: str | None, level: Level) -> None:
    given = {"SCHOOL_PROTOCOL_DATA": str(tmp_path)} | ({CONTACT: "tel:+2125", UNTIL: until} if until else {})
    [found] = doctor.told_of_holes(Asked(settings_from(given), now=datetime(2026, 12, 1, 12, tzinfo=UTC)))
    assert found.level is level
