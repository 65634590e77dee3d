"""A small installation with something in every chain: cases, accesses in batches, administration, three anchors."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from storage.conftest import NOW
from storage.test_index import row as index_row

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import Settings
from school_protocol.context import AppContext, Library, open_context
from school_protocol.engine.events import Entry
from school_protocol.engine.visibility import UnitKind
from school_protocol.mail import Post
from school_protocol.ops.journal_checks import take_anchor
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import access_log, administration_log, backups, case_keys
from school_protocol.storage.engines import Engine, Store, open_engine
from school_protocol.storage.vault import Vault

ROLE = "test_role"


@dataclass
class Kept:
    """The installation, and what is in it: `a` and `b` are whole, of `words` some were destroyed, `gone` was erased."""

    ctx: AppContext
    clock: TurnableClock
    cases: dict[str, str]
    post: str = ""
    person: str = ""
    unit: str = ""

    def case(self, name: str) -> str:
        return self.cases[name]

    def append(self, name: str, *entries: Entry) -> None:
        case_id = self.cases[name]
        with self.ctx.realm.writing() as session:
            last = cases_repository.last_seq(session, case_id)
            cases_repository.append(session, self.ctx.vault, case_id, last, entries)
            number = cases_repository.opened(session, case_id).number
            index_repository.write(session, index_row(case_id, number, last_seq=last + len(entries)))

    def read(self, *names: str) -> None:
        for name in names:
            with self.ctx.realm.writing() as session:
                access_log.note(
                    session, case_id=self.cases[name], account=self.person, at=self.clock.now(), what="page"
                )

    def administer(self, *reasons: str) -> None:
        for reason in reasons:
            with self.ctx.directory.writing() as session:
                administration_log.write_entry(session, self.change(reason))

    def change(self, reason: str) -> administration_log.Change:
        return administration_log.Change(
            at=self.clock.now(), actor=self.person, kind=administration_log.Kind.leaving, unit=self.unit,
            account=self.person, role=ROLE, reason=reason, appointment=self.post,
        )  # fmt: skip

    def day_passes(self) -> None:
        self.clock.advance(timedelta(days=1))

    def anchor(self, resumes: str = "") -> int:
        return take_anchor(self.ctx, Post(), resumes=resumes).number

    def erase(self, name: str) -> None:
        case_id = self.cases[name]
        backups.note(self.ctx.settings.data, self.ctx.vault, case_id, self.clock.now())
        with self.ctx.realm.writing() as session:
            privacy_repository.erase_case(session, self.ctx.vault, case_id, at=self.clock.now(), actor="officer")

    def close(self) -> None:
        self.ctx.close()


def entry(kind: str = "NoteAdded", **more: Any) -> Entry:
    return Entry(kind=kind, actor="account-1", role="member", at=NOW, occurred_at=NOW - timedelta(hours=1),
                 body=more.get("body", {"n": 1}), words=more.get("words", {}))  # fmt: skip


def opened(folder: Path, engines: Mapping[str, Engine] | None = None) -> Kept:
    """An empty one."""
    clock = TurnableClock(NOW)
    kept = Kept(open_context(Settings(data=folder), clock, engines), clock, {})
    with kept.ctx.directory.writing() as session:
        kept.unit = auth_repository.add_unit(session, kind=UnitKind.school, code="00001A", names={"fr": "École"})
        kept.person = auth_repository.add_account(
            session, username="someone", names={"fr": "Quelqu’un"}, language="fr", created_at=NOW, email="s@x.example"
        )
        kept.post = auth_repository.appoint(session, kept.person, role=ROLE, unit=kept.unit, starts=date(2026, 1, 1))
    return kept


def new_case(kept: Kept, name: str) -> None:
    case_id = case_keys.prepare_key(kept.ctx.realm, kept.ctx.vault)
    with kept.ctx.realm.writing() as session:
        cases_repository.open_case(
            session, kept.ctx.vault, case_id=case_id,
            number=cases_repository.free_number(session, random.SystemRandom()),
            protocol="test", version=1, digest="d" * 64, unit=kept.unit, opened_at=NOW,
        )  # fmt: skip
    kept.cases[name] = case_id
    kept.append(name, entry("CaseOpened", words={"w": "one"}), entry(), entry(words={"w": "three"}))


def told(folder: Path, engines: Mapping[str, Engine] | None = None) -> Kept:
    """Three days, an anchor after each."""
    kept = opened(folder, engines)
    for name in ("a", "b", "words", "gone"):
        new_case(kept, name)
    kept.read("a", "b", "a", "gone", "a")
    kept.administer("first", "second")
    with kept.ctx.realm.writing() as session:
        cases_repository.destroy_words(session, kept.ctx.vault, kept.case("words"), 1, at=NOW, actor="officer")
    kept.anchor()
    kept.day_passes()
    kept.append("a", entry(), entry(words={"w": "five"}))
    kept.append("b", entry())
    kept.read("b", "b", "a", "words")
    kept.administer("third", "fourth")
    kept.erase("gone")
    kept.anchor()
    kept.day_passes()
    kept.append("a", entry())
    kept.read("a", "b", "b")
    kept.administer("fifth")
    kept.anchor()
    return kept


def copied(kept: Kept, folder: Path) -> None:
    """The whole installation, as a thief would take it: everything is in the files, none is open."""
    kept.close()
    shutil.copytree(kept.ctx.settings.data, folder)


def again(kept: Kept, folder: Path) -> AppContext:
    """The installation on a copy, opened without migrating or linking anything."""
    settings = replace(kept.ctx.settings, data=folder)
    stores = {name: Store(open_engine(settings.store_url(name))) for name in ("realm", "directory")}
    vault = Vault.open(settings.keys)
    stores["directory"].under(vault)
    library = Library(stores["directory"])
    return AppContext(stores["realm"], stores["directory"], vault, kept.clock, library, settings)


@contextmanager
def client(path: Path, *, guarded: bool) -> Iterator[sqlite3.Connection]:
    """Somebody with the file and a client of their own, which has none of our pragmas; unguarded: triggers dropped."""
    with closing(sqlite3.connect(path)) as connection:
        if not guarded:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
        yield connection
        connection.commit()


def moment(text: str) -> datetime:
    """A moment as SQLite keeps it."""
    return datetime.fromisoformat(text + "+00:00")
