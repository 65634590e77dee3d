"""What `doctor` finds: for each check, nothing where all is well, and what is planted where it is not."""

from __future__ import annotations

import os
import socket
import socketserver
import ssl
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from certified import certificate
from engine.telling import MOROCCAN, NOW
from signing_off import another, sign_all
from signing_off import asked as asking
from sqlalchemy import text
from storage.server import EVERYWHERE

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.opening_gate import KEYS
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings, SettingUnreadable
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol, ScopeKind
from school_protocol.engine.visibility import UnitKind
from school_protocol.mail import Post
from school_protocol.notifications import repository as notifications_repository
from school_protocol.ops import backup_service, doctor, doctor_work, going_live, worker
from school_protocol.ops.backup_service import NotACopy, note_copy
from school_protocol.ops.databases import NoDatabase
from school_protocol.ops.doctor import NOT_OPENED, Asked, Finding, Level, long
from school_protocol.ops.doctor_work import BEFORE, CHECKS, before, examine
from school_protocol.ops.journal_checks import keep_verdict, take_anchor, verify
from school_protocol.pdf import rendering
from school_protocol.pdf.signing_keys import Validity, make_authority
from school_protocol.protocol import repository as protocol_repository
from school_protocol.storage import sql, work_queue
from school_protocol.storage.master_keys import KEY_BYTES, PUT_BACK
from school_protocol.storage.store_errors import StorageBusy, StorageFull
from school_protocol.storage.vault import Vault
from school_protocol.storage.work_queue import Lead, is_led
from services.conftest import ABOUT, NAME, WORDS, School
from services.tokening import administrator

Usage = namedtuple("Usage", "total used free")


@dataclass
class Seen:
    """An installation, and what one check finds in it."""

    school: School

    @property
    def ctx(self) -> AppContext:
        return self.school.ctx

    def asked(self, **settings: Any) -> Asked:
        return Asked(replace(self.ctx.settings, **settings), self.ctx.now())

    def of(self, check: doctor.Check) -> list[Finding]:
        return list(check(self.ctx, self.asked()))

    def levels(self, check: doctor.Check) -> set[str]:
        return {one.level.value for one in self.of(check)}


@pytest.fixture
def seen(tmp_path: Path, moroccan: Protocol) -> Iterator[Seen]:
    clock = TurnableClock(NOW)
    ctx = open_context(Settings(data=tmp_path / "var"), clock)
    yield Seen(School(prepared(ctx, clock, moroccan, MOROCCAN.read_bytes()), count(1)))
    ctx.close()


def said(found: list[Finding], level: Level) -> str:
    return "\n".join(one.what for one in found if one.level is level)


# ---- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_every_finding_that_is_not_well_says_what_to_do(seen: Seen) -> None:
    seen.school.report()
    found = (*before(seen.asked()), *examine(seen.ctx, seen.asked()))
    assert {name for name, _one in found} >= {"schema", "space", "zone", "journal", "queue", "backups", "clocks"}
    assert [one.what for _name, one in found if one.level is not Level.ok and not one.do] == []
    assert [one for _name, one in found if "\n" in one.what + one.do] == []


@pytest.mark.exhaustive
def test_of_a_case_nothing_is_told(seen: Seen) -> None:
    seen.school.report()
    lines = (*before(seen.asked()), *examine(seen.ctx, seen.asked()))
    told = "\n".join(f"{name} {one.what} {one.do}" for name, one in lines)
    assert [word for word in (NAME, WORDS, seen.school.number, ABOUT[0]["massar"]) if word in told] == []
    assert str(seen.ctx.settings.data) in told, "the control: it is what is told that was looked at"


def test_a_check_that_breaks_is_told_by_its_kind_and_stops_no_other(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
        raise RuntimeError(NAME)
        yield

    monkeypatch.setattr(doctor_work, "CHECKS", (breaks, doctor.definitions))
    first, second = doctor_work.examine(seen.ctx, seen.asked())
    assert (first[0], first[1].level) == ("breaks", Level.wrong)
    assert "RuntimeError" in first[1].what
    assert NAME not in first[1].what
    assert second[1].level is Level.ok


def test_schools_for_which_nobody_answers_are_told(seen: Seen) -> None:
    seen.school.person("head")
    assert seen.levels(doctor.oversight) == {"note"}
    assert "nobody oversees the schools of" in said(seen.of(doctor.oversight), Level.note)
    with seen.ctx.directory.writing() as session:
        place = seen.school.player.places[ScopeKind.province]
        account = auth_repository.add_account(session, username="x", names={"fr": "X"}, language="fr", created_at=NOW)
        auth_repository.appoint(session, account, role="directorate", unit=place, starts=NOW.date())
    assert seen.levels(doctor.oversight) == {"note"}, "whoever never came in is nobody"
    with seen.ctx.directory.writing() as session:
        auth_repository.set_password(session, account, "chosen")
    assert seen.of(doctor.oversight) == []


def test_restricted_cases_that_nobody_may_read_are_told(seen: Seen) -> None:
    seen.school.person("academy")
    seen.school.report(who="reporter", adult_concerned="yes")
    assert seen.of(doctor.unread) == []
    with seen.ctx.directory.writing() as session:
        auth_repository.set_active(session, seen.school.account("academy"), False)
    assert seen.levels(doctor.unread) == {"wrong"}
    assert seen.school.number not in said(seen.of(doctor.unread), Level.wrong)


NO_CHECKS = frozenset({
    "Asked", "Finding", "Level", "Standing", "before", "ending", "examine", "lacks", "long", "note", "ok", "standing",
    "wrong",
})  # fmt: skip
"""What stands in the modules of the checks and is none: each by its name, so that what is new has to be listed."""


def test_each_check_is_in_the_list_once() -> None:
    """A function that yields findings and isn't asked would be a check that never speaks."""
    written = {
        (module.__name__.rpartition(".")[2], name)
        for module in (doctor, doctor_work)
        for name, one in vars(module).items()
        if callable(one) and getattr(one, "__module__", "") == module.__name__ and not name.startswith("_")
        if name not in NO_CHECKS
    }
    listed = [(one.__module__.rpartition(".")[2], one.__name__) for one in (*BEFORE, *CHECKS)]
    assert sorted(listed) == sorted(written)


@pytest.mark.parametrize(
    ("span", "words"),
    [(3, "3 seconds"), (120, "2 minutes"), (7200, "2 hours"), (3 * 86400, "3 days"), (-5, "0 seconds")],
)
def test_spans_are_said_in_their_largest_unit(span: int, words: str) -> None:
    assert long(timedelta(seconds=span)) == words


# ---- the stores ------------------------------------------------------------------------------------------------------


def test_tables_that_are_up_to_date_are_well_and_none_are_wrong(seen: Seen, tmp_path: Path) -> None:
    assert {one.level for one in doctor.schema(seen.asked())} == {Level.ok}
    found = list(doctor.schema(Asked(Settings(data=tmp_path / "none"), NOW)))
    assert {(one.level, one.do in NOT_OPENED) for one in found} == {(Level.wrong, True)}
    assert not (tmp_path / "none").exists(), "asking makes nothing"


@pytest.mark.parametrize(("revision", "words"), [("0001", "of an older version"), ("9999", "a later version")])
def test_tables_of_another_version_are_wrong_and_are_not_brought_along(seen: Seen, revision: str, words: str) -> None:
    with seen.ctx.directory.writing() as session:
        session.execute(text(f"UPDATE schema_revision SET version_num = '{revision}'"))
    (found,) = [one for one in doctor.schema(seen.asked()) if one.level is Level.wrong]
    assert words in found.what
    assert found.do in NOT_OPENED
    with seen.ctx.directory.reading() as session:
        assert session.scalar(text("SELECT version_num FROM schema_revision")) == revision


def test_clocks_that_agree_and_a_time_that_went_back(seen: Seen) -> None:
    take_anchor(seen.ctx, Post())
    assert seen.levels(doctor.clocks) == {"ok"} or EVERYWHERE
    seen.school.wait(minutes=-1)
    assert "future" not in said(seen.of(doctor.clocks), Level.wrong), "a little is nothing"
    seen.school.wait(hours=-3)
    assert "the newest row is 3 hours in the future" in said(seen.of(doctor.clocks), Level.wrong)


@pytest.mark.parametrize(("seconds", "level"), [(1, "ok"), (9, "note"), (90, "wrong")])
def test_the_clock_of_the_database_is_compared(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, seconds: int, level: str
) -> None:
    monkeypatch.setattr(sql, "of_database", lambda _store: seen.ctx.now() - timedelta(seconds=seconds))
    assert level in seen.levels(doctor.clocks)
    assert len(seen.levels(doctor.clocks)) == 1


def test_the_go_live_list_is_told_as_what_it_is(seen: Seen) -> None:
    assert seen.levels(doctor.go_live) == {"ok"}
    seen.school.player.ctx = asking(seen.ctx)
    assert "no case is opened" in said(seen.of(doctor.go_live), Level.note)


# ---- the machine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "level"), [(50_000, "ok"), (1_500, "note"), (4_000, "note"), (100, "wrong")])
def test_room_that_gets_short_is_found(seen: Seen, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    total = 100_000 if free != 50_000 else 200_000
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _at: Usage(total * doctor.MB, 0, free * doctor.MB))
    assert {one.level.value for one in doctor.space(seen.asked())} == {level}


def test_keys_that_others_can_read_are_found(seen: Seen) -> None:
    assert {one.level for one in doctor.permissions(seen.asked())} == {Level.ok}
    key, store = seen.ctx.settings.keys / "journal.key", seen.ctx.settings.data / "erased.jsonl"
    store.touch(mode=0o600)
    for path, mode, level in ((key, 0o440, Level.wrong), (store, 0o644, Level.note)):
        path.chmod(mode)
        (found,) = [one for one in doctor.permissions(seen.asked()) if one.level is not Level.ok]
        assert (found.level, str(path) in found.what) == (level, True)
        path.chmod(0o400 if path == key else 0o600)
    seen.ctx.settings.keys.chmod(0o755)
    assert "keys is open to others" in said(list(doctor.permissions(seen.asked())), Level.wrong)


def test_a_machine_without_time_zones_is_found(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {one.level for one in doctor.zone(seen.asked())} == {Level.ok}

    def unknown(name: str) -> None:
        raise SettingUnreadable(name)

    monkeypatch.setattr(doctor, "zone_named", unknown)
    monkeypatch.setattr(doctor, "COUNTRY", "XX")
    assert {one.level for one in doctor.zone(seen.asked())} == {Level.wrong}


def test_a_machine_without_pango_is_found(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {one.level for one in doctor.papers(seen.asked())} == {Level.ok}
    monkeypatch.setattr(rendering, "missing", lambda: "Missing system packages: libpango")
    assert "libpango" in said(list(doctor.papers(seen.asked())), Level.wrong)


@pytest.fixture
def mail_port() -> Iterator[int]:
    """A mail server that greets, and knows HELO, NOOP and QUIT."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    taken, _from = listening.accept()
                except OSError:
                    return
                with taken, taken.makefile("rwb") as lines:
                    lines.write(b"220 here\r\n")
                    lines.flush()
                    for _line in lines:
                        lines.write(b"250 well\r\n")
                        lines.flush()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def test_the_mail_server_is_asked_only_where_that_is_wanted(seen: Seen, mail_port: int) -> None:
    settings = {"smtp": f"smtp://127.0.0.1:{mail_port}", "mail_from": "desk@school.example"}
    assert list(doctor.mail_server(seen.asked(**settings))) == []
    deep = replace(seen.asked(**settings), deep=True)
    assert {one.level for one in doctor.mail_server(deep)} == {Level.ok}


def test_a_mail_server_that_is_not_there_or_says_nothing_is_wrong_within_seconds(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for port in (1, mute.getsockname()[1]):
            asked = seen.asked(smtp=f"smtp://u:s3cret@127.0.0.1:{port}", mail_from="desk@school.example")
            (found,) = doctor.mail_server(replace(asked, deep=True))
            assert found.level is Level.wrong
            assert "s3cret" not in found.what + found.do


# ---- settings --------------------------------------------------------------------------------------------------------

TLS = {"address": "https://desk.example/", "secure_cookies": True}


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({}, "ok"), (TLS, "ok"), ({"address": "http://localhost:5000/"}, "ok"),
        ({"address": "https://desk.example/"}, "note"),
        ({"address": "http://localhost/", "secure_cookies": True}, "wrong"),
        ({"address": "http://desk.example/"}, "wrong"),
        ({"master_key": "1:x", "key_command": "y"}, "wrong"),
        ({"anchor_mail": "a@b.example"}, "note"), ({"anchor_mail": "a@b.example", "smtp": "smtp://x"}, "ok"),
        ({"timestamps": "https://tsa.example"}, "note"), ({"erase_unanswered": True}, "note"),
        ({"evidence_files": True}, "note"), ({"evidence_files": True, "clamav": "/run/clamd"}, "ok"),
        ({"web_processes": 4}, "note"), ({"web_processes": 4, "database": "postgresql+psycopg://x/y"}, "ok"),
        ({"metrics": "short"}, "note"), ({"metrics": "x" * 32}, "ok"),
    ],
)  # fmt: skip
def test_settings_that_stand_against_each_other(seen: Seen, settings: dict[str, Any], level: str) -> None:
    assert {one.level.value for one in doctor.together(seen.asked(**settings))} == {level}


# ---- work ------------------------------------------------------------------------------------------------------------


def test_a_worker_that_works_and_one_that_stands_still(seen: Seen) -> None:
    assert "worker: it never went" in said(seen.of(doctor_work.queue), Level.note)
    work_queue.note(seen.ctx.settings.data, work_queue.MINUTE, seen.ctx.now())
    assert seen.levels(doctor_work.queue) == ({"ok"} if not EVERYWHERE else {"ok", "wrong"})
    with seen.ctx.realm.writing() as session:
        work_queue.put_message(session, "kind", {}, at=seen.ctx.now())
    seen.school.wait(minutes=7)
    assert "1 due, the oldest for 7 minutes" in said(seen.of(doctor_work.queue), Level.note)
    assert "last minute was 7 minutes ago" in said(seen.of(doctor_work.queue), Level.wrong)
    seen.school.wait(hours=1)
    assert "1 due, the oldest for 1 hours" in said(seen.of(doctor_work.queue), Level.wrong)


def test_the_worker_notes_its_minute(seen: Seen) -> None:
    queue = worker.queue_of(seen.ctx, Post())
    queue.immediate = True
    assert work_queue.last_done(seen.ctx.settings.data, work_queue.MINUTE) is None
    queue.now()
    done = work_queue.last_done(seen.ctx.settings.data, work_queue.MINUTE)
    assert done is not None
    assert done.at == seen.ctx.now()


@pytest.mark.skipif(not EVERYWHERE, reason="on PostgreSQL alone some process leads")
def test_whether_some_process_leads_is_seen_without_taking_the_lead(seen: Seen) -> None:
    assert is_led(seen.ctx.realm, doctor_work.LEADER) is False
    lead = Lead(seen.ctx.realm, doctor_work.LEADER)
    assert lead.is_ours()
    assert is_led(seen.ctx.realm, doctor_work.LEADER) is True
    assert is_led(seen.ctx.realm, "another") is False
    lead.close()
    ends = time.monotonic() + 60  # its connection ends on the server a moment later
    while is_led(seen.ctx.realm, doctor_work.LEADER) and time.monotonic() < ends:
        time.sleep(0.05)
    assert is_led(seen.ctx.realm, doctor_work.LEADER) is False


def test_a_journal_that_was_never_checked_holds_does_not_hold_or_is_not_checked_any_more(seen: Seen) -> None:
    assert "never checked" in said(seen.of(doctor_work.journal), Level.note)
    seen.school.report()
    keep_verdict(seen.ctx, verify(seen.ctx))
    take_anchor(seen.ctx, Post())
    assert "last checked and passed" in said(seen.of(doctor_work.journal), Level.ok)
    assert said(seen.of(doctor_work.journal), Level.wrong) == ""
    seen.school.wait(days=2)
    assert "not checked for 2 days" in said(seen.of(doctor_work.journal), Level.note)
    seen.school.wait(days=4)
    late = said(seen.of(doctor_work.journal), Level.wrong)
    assert "not checked for 6 days" in late
    assert "NONE IS WRITTEN" in late


@pytest.mark.files
def test_a_backup_and_an_exercise_are_noted_and_grow_old(seen: Seen, tmp_path: Path) -> None:
    assert said(seen.of(doctor_work.backups), Level.note).count("none was ever made") == 2
    seen.school.report()
    backup_service.create(seen.ctx, tmp_path / "kept")
    done = backup_service.drill_backup(seen.ctx.settings, seen.ctx.clock, tmp_path / "kept")
    assert done.faults == ()
    assert seen.levels(doctor_work.backups) == {"ok"}
    seen.school.wait(days=2)
    assert "backup: the latest is 2 days old" in said(seen.of(doctor_work.backups), Level.note)
    seen.school.wait(days=40)
    assert said(seen.of(doctor_work.backups), Level.wrong).count("42 days old") == 2
    assert backup_service.drill_backup(seen.ctx.settings, seen.ctx.clock, tmp_path / "kept").faults
    assert "did not hold" in said(seen.of(doctor_work.backups), Level.wrong)


@pytest.mark.parametrize(
    ("kept", "level", "words"),
    [
        (sql.LogKept(False, None, None), Level.note, "does not keep its log"),
        (sql.LogKept(True, None, None), Level.note, "nothing of PostgreSQL's log was kept so far"),
        (sql.LogKept(True, None, NOW - timedelta(minutes=3)), Level.wrong, "could not be kept ever"),
        (sql.LogKept(True, NOW - timedelta(hours=3), NOW), Level.wrong, "could not be kept for 3 hours"),
        (sql.LogKept(True, NOW - timedelta(minutes=2), NOW - timedelta(hours=3)), Level.ok, "is kept, the latest"),
    ],
)
def test_of_postgresql_it_is_said_whether_its_log_is_kept(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, kept: sql.LogKept, level: Level, words: str
) -> None:
    monkeypatch.setattr(sql, "log_kept", lambda _store: kept)
    ctx = replace(seen.ctx, settings=replace(seen.ctx.settings, database="postgresql://db/school"))
    assert words in said(list(doctor_work.backups(ctx, seen.asked())), level)


@pytest.mark.parametrize("begins", ["case", "list", "demo"])
def test_without_its_log_it_is_wrong_as_soon_as_real_cases_are_here_or_may_come(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, begins: str
) -> None:
    monkeypatch.setattr(sql, "log_kept", lambda _store: sql.LogKept(False, None, None))

    def level() -> set[str]:
        ctx = replace(seen.ctx, settings=replace(seen.ctx.settings, database="postgresql://db/school"))
        return {one.level.value for one in doctor_work.backups(ctx, seen.asked())}

    work_queue.note(seen.ctx.settings.data, work_queue.COPY, NOW)
    assert "wrong" not in level()
    if begins == "case":
        seen.school.report()
    elif begins == "list":
        ctx = seen.school.player.ctx = asking(seen.ctx)
        chief = administrator(seen.school.player)
        sign_all(ctx, chief, without=KEYS[-1])
        assert "wrong" not in level(), "one is missing"
        for one in (chief, another(ctx, chief)):
            going_live.sign(ctx, one, KEYS[-1], "n° 9")
    else:
        with seen.ctx.directory.writing() as session:
            notifications_repository.mark_as_demo(session, at=NOW)
        seen.school.report()
    assert ("wrong" in level()) is (begins != "demo")


def test_of_postgresql_copies_and_exercises_are_noted_and_grow_old(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log alone leads nowhere without a copy that it goes on from."""
    monkeypatch.setattr(sql, "log_kept", lambda _store: sql.LogKept(True, seen.ctx.now(), None))
    data = seen.ctx.settings.data

    def found(level: Level) -> str:
        ctx = replace(seen.ctx, settings=replace(seen.ctx.settings, database="postgresql://db/school"))
        return said(list(doctor_work.backups(ctx, seen.asked())), level)

    assert found(Level.note).count("none was ever made from here") == 2
    seen.school.report()
    assert "whole copy of PostgreSQL: none was ever made" in found(Level.wrong), "real cases are here"
    settings = replace(seen.ctx.settings, database="postgresql://db/school")
    note_copy(settings, seen.ctx.clock, f"/var/backups/base/{NOW:%Y%m%dT%H%M%SZ}/\n")
    work_queue.note(data, work_queue.DRILL, NOW)
    assert found(Level.wrong) == found(Level.note) == ""
    seen.school.wait(days=9)
    assert "whole copy of PostgreSQL: the latest is 9 days old" in found(Level.note)
    seen.school.wait(days=27)
    assert "whole copy of PostgreSQL: the latest is 36 days old" in found(Level.wrong)
    assert "exercise of a restore: the latest is 36 days old" in found(Level.note)
    work_queue.note(data, work_queue.DRILL, seen.ctx.now(), held=False)
    assert "did not hold" in found(Level.wrong)


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("/var/backups/base", "is not named as"), ("", "is not named as"), ("20261331T000000Z", "is not named as"),
        ("20991231T000000Z", "in the future"), ("x20261124T000000Z", "is not named as"),
    ],
)  # fmt: skip
def test_a_copy_that_is_named_otherwise_is_not_noted(seen: Seen, folder: str, why: str) -> None:
    settings = replace(seen.ctx.settings, database="postgresql://db/school")
    with pytest.raises(NotACopy, match=why):
        note_copy(settings, seen.ctx.clock, folder)
    with pytest.raises(NoDatabase):
        note_copy(replace(settings, database=""), seen.ctx.clock, "20261124T000000Z")
    assert work_queue.last_done(settings.data, work_queue.COPY) is None
    note_copy(settings, seen.ctx.clock, "20261124T000000Z")
    assert work_queue.last_done(settings.data, work_queue.COPY) is not None, "the control"


# ---- notes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kept", ["", "{", '{"at": "x", "held": true}', '{"at": "2026-01-01T00:00:00", "held": true}', "[]"]
)
def test_a_note_that_says_nothing_is_none(tmp_path: Path, kept: str) -> None:
    (tmp_path / work_queue.FOLDER).mkdir()
    (tmp_path / work_queue.FOLDER / "backup.json").write_text(kept)
    assert work_queue.last_done(tmp_path, work_queue.BACKUP) is None


def test_a_note_is_its_owners_alone_and_never_breaks_what_was_done(tmp_path: Path) -> None:
    work_queue.note(tmp_path, work_queue.BACKUP, NOW, held=False)
    assert work_queue.last_done(tmp_path, work_queue.BACKUP) == work_queue.Done(NOW, held=False)
    (path,) = (tmp_path / work_queue.FOLDER).iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    work_queue.note(tmp_path / "none", work_queue.BACKUP, NOW)
    assert os.listdir(tmp_path) == [work_queue.FOLDER]


def test_a_store_that_does_not_answer_is_wrong(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_standing", lambda _asked, _part: "silent")
    assert said(list(doctor.schema(seen.asked())), Level.wrong).count("does not answer") == 2


@pytest.mark.parametrize(("error", "words"), [(StorageFull, "its disk has no room"), (StorageBusy, "does not answer")])
def test_nor_is_one_opened_that_has_no_room_or_is_away(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, error: type[Exception], words: str
) -> None:
    def refuses(_store: object, _part: object) -> str:
        raise error("disk I/O error")

    monkeypatch.setattr(doctor, "standing_of", refuses)
    found = [one for one in doctor.schema(seen.asked()) if one.level is Level.wrong]
    assert [words in one.what for one in found] == [True, True]
    assert {one.do for one in found} <= NOT_OPENED


@pytest.mark.exhaustive(but=("40-ok",))
@pytest.mark.parametrize(("days", "level"), [(40, "ok"), (20, "note"), (3, "wrong")])
def test_the_sites_own_certificate_that_ends_is_told_ahead(
    seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, level: str
) -> None:
    file = certificate(tmp_path, "127.0.0.1", timedelta(days=days))
    with answering(file) as port:
        asked = replace(seen.asked(address=f"https://127.0.0.1:{port}"), deep=True, now=datetime.now(UTC))
        (stranger,) = doctor.tls(asked)
        assert (stranger.level, "browsers don't take" in stranger.what) == (Level.wrong, True), "signed by nobody known"
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        (found,) = doctor.tls(asked)
        assert found.level.value == level
        assert list(doctor.tls(replace(asked, deep=False))) == [], "no other machine is asked unless that is wanted"
    (gone,) = doctor.tls(asked)
    assert gone.level is Level.note


@contextmanager
def answering(file: Path) -> Iterator[int]:
    """A server that shakes hands, and says no more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    class Hand(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                context.wrap_socket(self.request, server_side=True).close()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Hand) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _publish(seen: Seen, content: bytes) -> None:
    """As version 2, whatever it says."""
    content = content.replace(b"version: 1\n", b"version: 2\n", 1)
    with seen.ctx.directory.writing() as session:
        protocol_repository.publish(
            session, protocol="ma-cyberharassment", version=2, digest=sha256(content).hexdigest(), content=content,
            published_at=NOW,
        )  # fmt: skip


def test_a_version_that_a_check_since_would_refuse_is_told_and_followed(seen: Seen) -> None:
    former = ("It happens elsewhere: these", "It happens at another school: these")
    _publish(seen, MOROCCAN.read_text("utf-8").replace(*former).encode())
    (found,) = seen.of(doctor.kernel)
    assert found.level is Level.note
    assert "version 2, would be refused today" in found.what
    assert seen.ctx.library.protocol("ma-cyberharassment", 2).states


@pytest.mark.exhaustive
def test_a_version_that_asks_for_what_no_definition_may_is_told_and_not_followed(seen: Seen) -> None:
    assert seen.of(doctor.kernel) == []
    _publish(seen, MOROCCAN.read_bytes().replace(b"sees: province, pseudonymised: true", b"sees: province"))
    (found,) = seen.of(doctor.kernel)
    assert found.level is Level.wrong
    assert (
        "ma-cyberharassment, version 2, asks for what no definition may: roles.directorate.pseudonymised" in found.what
    )
    assert seen.ctx.library.protocol("ma-cyberharassment", 2).roles["directorate"].pseudonymised


@pytest.mark.parametrize(
    ("ends", "level"),
    [(timedelta(days=31), "ok"), (timedelta(days=29), "note"), (timedelta(days=6), "wrong"), (-timedelta(1), "wrong")],
)
def test_a_certificate_that_ends_is_told_ahead(seen: Seen, ends: timedelta, level: str) -> None:
    assert seen.levels(doctor.certificates) == set(), "nothing is signed here"
    with seen.ctx.directory.reading() as session:
        (academy,) = auth_repository.units_of_kind(session, UnitKind.region)
    folder = seen.ctx.settings.data / "signing"
    now = seen.ctx.now()
    make_authority(folder, "Root", {academy.code: "Academy"}, Validity(now - timedelta(days=400), now + ends))
    assert seen.levels(doctor.certificates) == {level}
    (folder / f"{academy.code}.pem").unlink()
    assert seen.levels(doctor.certificates) == {"wrong"}, "a key that is not there"


def test_names_that_another_key_marked_are_told(seen: Seen) -> None:
    assert seen.of(doctor.marks) == [], "nobody is marked"
    seen.school.report()
    assert seen.levels(doctor.marks) == {"ok"}, "the control"
    kept = seen.ctx.vault.secrets()
    other = Vault(seen.ctx.vault.folder, kept.masters, kept.journal, bytes(KEY_BYTES))
    (found,) = doctor.marks(replace(seen.ctx, vault=other), seen.asked())
    assert (found.level, PUT_BACK in found.do) == (Level.wrong, True)


@pytest.mark.parametrize("lost", ["root.pem", "key of another authority", "root.pem is none"])
def test_a_signature_that_nobody_here_would_take_is_told(seen: Seen, lost: str, tmp_path: Path) -> None:
    with seen.ctx.directory.reading() as session:
        (academy,) = auth_repository.units_of_kind(session, UnitKind.region)
    folder, now = seen.ctx.settings.data / "signing", seen.ctx.now()
    validity = Validity(now - timedelta(days=1), now + timedelta(days=400))
    for place in (folder, tmp_path / "other"):
        make_authority(place, "Root", {academy.code: "Academy"}, validity)
    assert seen.levels(doctor.certificates) == {"ok"}, "the control"
    if lost == "root.pem":
        (folder / lost).unlink()
    elif lost == "root.pem is none":
        (folder / "root.pem").write_bytes(b"no certificate")
    else:
        (tmp_path / "other" / f"{academy.code}.pem").replace(folder / f"{academy.code}.pem")
    found = next(one for one in seen.of(doctor.certificates) if one.level is Level.wrong)
    assert str(folder / f"{academy.code}.pem") in found.do
