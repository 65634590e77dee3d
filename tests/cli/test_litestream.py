"""An installation in SQLite as `deploy/litestream.yml` has it copied: a moment is come back to, both stores at once."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from programs import needs, where_is
from repository.operations import documented, in_blocks, put
from trials.installed import Installed, installed

from school_protocol.cases import repository as cases_repository
from school_protocol.ops.journal_checks import verify_journal
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import backups

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "deploy" / "litestream.yml").read_text("utf-8")
PROGRAM = where_is("litestream")
STORES = ("realm", "directory")
PLACE, DATA = "/etc/school-protocol/litestream.yml", "/var/lib/school-protocol"
MOMENT = " -timestamp 2026-11-27T14:03:00Z"
"""As the docs name them."""
pytestmark = pytest.mark.files


def test_both_stores_are_copied_and_nothing_else() -> None:
    """The queue need not be; keys must not lie with what they open."""
    read = yaml.safe_load(CONFIG)
    assert [Path(one["path"]).name for one in read["dbs"]] == [f"{name}.sqlite" for name in STORES]
    assert [Path(one["replica"]["path"]).name for one in read["dbs"]] == list(STORES)
    assert "keys" not in CONFIG


def test_the_docs_have_both_come_back_to_one_moment() -> None:
    form = re.compile(r"litestream restore -config (\S+) -timestamp (\S+) -o NEW/(\S+) (\S+)")
    said = [found.groups() for line in in_blocks() if (found := form.fullmatch(line))]
    assert [one[2] for one in said] == [f"{name}.sqlite" for name in STORES]
    assert len({one[:2] for one in said}) == 1
    assert [one[3] for one in said] == [one["path"] for one in yaml.safe_load(CONFIG)["dbs"]]


def config_in(folder: Path, data: Path) -> Path:
    """The same, with folders of here."""
    text = CONFIG.replace("/var/lib/school-protocol/", f"{data}/")
    text = text.replace("/var/backups/school-protocol-litestream", str(folder / "copies"))
    assert "/var/lib" not in text
    (folder / "litestream.yml").write_text(text)
    return folder / "litestream.yml"


def words(begins: str, places: Mapping[str, object]) -> list[str]:
    """A line of the docs, with places of here."""
    return [PROGRAM, *shlex.split(put(documented(begins), places))[1:]]


@contextmanager
def copied(config: Path) -> Iterator[None]:
    with (config.parent / "log").open("ab") as log:
        process = subprocess.Popen(words("litestream replicate", {PLACE: config}), stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def restored(config: Path, found: Installed, name: str, *moment: str) -> Installed:
    """The installation in another folder, as it was at that moment, or at the end, with keys and lists of here."""
    data = found.settings.data
    target = config.parent / name
    shutil.copytree(data, target, ignore=shutil.ignore_patterns("*.sqlite*", ".*litestream*"))
    when = f" -timestamp {moment[0]}" if moment else ""
    for store in STORES:
        line = f"litestream restore -config {PLACE}{MOMENT} -o NEW/{store}"
        places = {PLACE: config, MOMENT: when, "NEW": target, DATA: data}
        subprocess.run(words(line, places), check=True, capture_output=True)
    return replace(found, settings=replace(found.settings, data=target))


def there(found: Installed, numbers: list[str]) -> list[bool]:
    with found.entered() as ctx:
        assert list(verify_journal(ctx)) == []
        with ctx.realm.reading() as session:
            return [cases_repository.find_by_number(session, one) is not None for one in numbers]


def report(found: Installed, words: str) -> str:
    with found.entered() as ctx:
        return found.report(ctx, words, words)


@pytest.mark.exhaustive
@needs("litestream")
def test_a_moment_and_the_last_second_are_come_back_to(tmp_path: Path) -> None:
    """Also after the program that copies was killed, and as somebody's case is erased meanwhile."""
    found = installed(tmp_path)
    config = config_in(tmp_path, found.settings.data)
    with copied(config):
        first = report(found, "first")
        time.sleep(3)
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        time.sleep(3)
        second = report(found, "second")
        with found.entered() as ctx:
            with ctx.realm.reading() as session:
                case_id = cases_repository.find_by_number(session, first)
            assert case_id is not None
            backups.note(ctx.settings.data, ctx.vault, case_id, ctx.now())
            with ctx.realm.writing() as session:
                privacy_repository.erase_case(session, ctx.vault, case_id, at=ctx.now(), actor="officer")
        third = report(found, "third")
        time.sleep(3)
    then = restored(config, found, "then", moment)
    assert there(then, [first, second, third]) == [True, False, False]
    last = restored(config, found, "last")
    assert there(last, [second, third]) == [True, True]
    with last.entered() as ctx, ctx.realm.reading() as session:
        assert cases_repository.is_destroyed(session, case_id)
    with then.entered() as ctx, ctx.realm.reading() as session:
        assert not cases_repository.is_destroyed(session, case_id), "the control: it is there again"
    environ = {**os.environ, "SCHOOL_PROTOCOL_DATA": str(then.settings.data)}

    done = subprocess.run(
        [sys.executable, "-m", "school_protocol.cli", "database", "returned"], env=environ, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with then.entered() as ctx, ctx.realm.reading() as session:
        assert cases_repository.is_destroyed(session, case_id)
