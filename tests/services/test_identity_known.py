"""Passwords that are known from elsewhere are not taken as new ones, where an installation has a list of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW

from school_protocol.auth import access_codes, own_account
from school_protocol.auth.passwords import ListUnusable, is_known
from school_protocol.cases.story_player import throwaway
from school_protocol.config import settings_from
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput

from .proving import PASSWORD, People

OTHERS = [f"une table et {number} chaises" for number in range(500)]


def listed(path: Path, passwords: list[str], count: str = ":12\r\n") -> Path:
    hashes = sorted(hashlib.sha1(one.encode()).hexdigest().upper() for one in passwords)
    path.write_bytes("".join(one + count for one in hashes).encode())
    return path


@pytest.fixture
def people(moroccan: Protocol) -> Iterator[People]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield People(player)


def with_list(ctx: AppContext, folder: Path) -> AppContext:
    return replace(ctx, settings=replace(ctx.settings, known_passwords=folder / "list"))


@pytest.mark.parametrize("count", [":12\r\n", "\n", ":123456789\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 64, 500])
def test_every_line_is_found_and_nothing_else(tmp_path: Path, size: int, count: str) -> None:
    path = listed(tmp_path / "list", OTHERS[:size], count)
    assert all(is_known(path, one) for one in OTHERS[:size])
    assert not any(is_known(path, one + "!") for one in OTHERS)


def test_an_empty_list_knows_none_and_what_is_no_list_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert not is_known(tmp_path / "empty", PASSWORD)
    (tmp_path / "plain").write_text("motdepasse\n" * 100)
    for path in (tmp_path / "plain", tmp_path / "absent", tmp_path):
        with pytest.raises(ListUnusable):
            is_known(path, PASSWORD)


def test_a_known_password_is_taken_by_no_door(people: People, tmp_path: Path) -> None:
    ctx, head, admin = with_list(people.ctx, tmp_path), people.actor("head"), people.actor("technical_admin")
    fresh = "un autre cartable vert"
    listed(tmp_path / "list", [PASSWORD, *OTHERS])
    link = access_codes.invite(ctx, admin, head.id, ctx.now())
    with pytest.raises(BadInput) as refused:
        access_codes.accept_invitation(ctx, link, PASSWORD)
    assert refused.value.problems == {"new_password": ("common",)}
    assert access_codes.accept_invitation(ctx, link, fresh)
    with pytest.raises(BadInput) as refused:
        own_account.change_password(ctx, head, fresh, PASSWORD)
    assert refused.value.problems == {"new_password": ("common",)}


def test_a_list_that_is_away_keeps_nobody_out_and_is_logged(
    people: People, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ctx, head, admin = with_list(people.ctx, tmp_path), people.actor("head"), people.actor("technical_admin")
    link = access_codes.invite(ctx, admin, head.id, ctx.now())
    assert access_codes.accept_invitation(ctx, link, PASSWORD)
    assert "the list of known passwords can't be read" in caplog.text
    assert PASSWORD not in caplog.text


def test_the_setting_names_the_file(tmp_path: Path) -> None:
    assert settings_from({}).known_passwords is None
    path = tmp_path / "list"
    assert settings_from({"SCHOOL_PROTOCOL_KNOWN_PASSWORDS": f" {path} "}).known_passwords == path
