"""Backups made while people write: each restored elsewhere and equal; a touched one refused; erased stays erased."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from engine.telling import NOW
from sqlalchemy import select

from school_protocol.case_files import repository as case_files_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import TurnableClock
from school_protocol.context import AppContext, open_context
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.ops import backup_service
from school_protocol.ops.journal_checks import verify_journal
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import backups, journal
from school_protocol.storage.backups import FILE, BackupUnusable, Manifest, note
from school_protocol.storage.journal import Head
from school_protocol.storage.models import CaseRecordRow
from trials.frame import Outcome, Size, Trial
from trials.installed import Installed, installed, moved

ROUNDS = {Size.short: 1, Size.whole: 15}
TOUCHED = {Size.short: 8, Size.whole: 180}
ERASED = {Size.short: 1, Size.whole: 12}


class Writers:
    """Two people who write all the time; what they were told is there."""

    def __init__(self, found: Installed, ctx: AppContext, run: int) -> None:
        self.found, self.ctx, self.run = found, ctx, run
        self.told: dict[str, int] = {}
        """Number → the latest event that somebody was told of."""
        self.stopped = threading.Event()
        self.faults: list[str] = []

    def write(self, who: str) -> None:
        for place in count(1):
            if self.stopped.is_set():
                return
            try:
                number = self.found.report(self.ctx, f"récit {who} {place}", f"{self.run} {who} {place}", who)
                self.told[number] = 1
                for more in range(3):
                    actor, token = self.found.actors[who], f"{self.run} {who} {place} {more}"
                    done = record_act(
                        self.ctx, actor, number, "note", {"text": "mot"}, expected=None, token=token, proven=True
                    )
                    self.told[number] = done.seq
            except Exception as error:
                self.faults.append(f"{who} could not write while a backup was made: {error!r}")
                return

    @contextmanager
    def writing(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.write, args=(who,)) for who in ("team_member", "team_member/2")]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopped.set()
            for thread in threads:
                thread.join()


def made_while_writing(found: Installed, folder: Path, run: int, *, naive: bool = False) -> Iterator[str]:
    """One backup while two write, restored elsewhere, and compared with what had been told before it began."""
    with found.entered() as ctx:
        writers = Writers(found, ctx, run)
        with writers.writing():
            while len(writers.told) < 2 and not writers.faults:
                threading.Event().wait(0.005)
            before = dict(writers.told)
            path = _copied(found, folder) if naive else folder / backup_service.create(ctx, folder).name
        yield from writers.faults
        if naive:
            yield from _compared(found, ctx, path, before, None)
        else:
            yield from _restored(found, ctx, path, before)
    shutil.rmtree(path)


def _restored(found: Installed, ctx: AppContext, path: Path, before: dict[str, int]) -> Iterator[str]:
    manifest = backups.manifest_of(path, ctx.vault)
    elsewhere = moved(found, path.parent / "elsewhere")
    shutil.copytree(found.settings.keys, elsewhere.settings.keys)
    try:
        backup_service.restore(elsewhere.settings, ctx.clock, path)
        open_context(elsewhere.settings, ctx.clock).realm.close()
        yield from _compared(found, ctx, elsewhere.settings.data, before, manifest)
    except SchoolProtocolError as error:
        yield f"a backup made while people wrote is not restored: {error}"
    finally:
        shutil.rmtree(elsewhere.settings.data)


def _compared(
    found: Installed, ctx: AppContext, data: Path, before: dict[str, int], manifest: Manifest | None
) -> Iterator[str]:
    """What had been told is there; all that is there is the beginning of what the installation has; the chains hold."""
    with moved(found, data).entered() as other, other.realm.reading() as there, ctx.realm.reading() as here:
        for number, seq in before.items():
            case_id = cases_repository.find_by_number(there, number)
            if case_id is None or cases_repository.last_seq(there, case_id) < seq:
                yield f"case {number} had {seq} events before the backup began, and has fewer in it"
        for case_id in there.scalars(select(CaseRecordRow.id)):
            head = journal.head(there, case_id)
            if head is None or not case_files_repository.has_place(here, case_id, Head(*head)):
                yield f"case {case_id} ends otherwise than it did"
            elif manifest is not None and manifest.heads.get(case_id) != tuple(head):
                yield f"case {case_id} ends otherwise than the manifest says"
            elif cases_repository.is_destroyed(there, case_id):
                continue
            elif (
                cases_repository.load_events(there, other.vault, case_id)
                != cases_repository.load_events(here, ctx.vault, case_id)[: head.seq]
            ):
                yield f"case {case_id} reads otherwise"
        for flaw in journal.verify_all(there, other.vault):
            yield f"case {flaw.case_id}: {flaw.flaw.value}"


def _copied(found: Installed, folder: Path) -> Path:
    """How a backup must not be made: the files alone, without what SQLite keeps beside them."""
    path = folder / "naive"
    path.mkdir(parents=True)
    shutil.copytree(found.settings.keys, path / "keys")
    for store in backups.STORES:
        shutil.copyfile(backups.store_file(found.settings.data, store), backups.store_file(path, store))
    return path


# ---- touched ---------------------------------------------------------------------------------------------------------


def touched(found: Installed, path: Path, rng: random.Random, place: int) -> Iterator[str]:
    """A bit turned, a byte cut off or put on, a file away or changed places: none of it is taken for whole."""
    elsewhere = moved(found, path.parent / "another place").settings
    if not elsewhere.keys.is_dir():
        shutil.copytree(found.settings.keys, elsewhere.keys)
    names = sorted(one for one in path.rglob("*") if one.is_file())
    victim = names[place % len(names)]
    kept = victim.read_bytes()
    how = ("bit", "cut", "more", "away")[(place // len(names)) % 4]
    data = bytearray(kept)
    if how == "bit":
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif how == "cut":
        del data[-rng.randrange(1, len(data)) :]
    else:
        data += b"\0"
    try:
        victim.unlink() if how == "away" else victim.write_bytes(data)
        if not backup_service.verify(found.settings, path):
            yield f"{victim.name}, touched ({how}), is taken for whole"
        try:
            backup_service.restore(elsewhere, TurnableClock(NOW), path)
            yield f"{victim.name}, touched ({how}), was restored"
        except BackupUnusable:
            pass
    finally:
        victim.write_bytes(kept)


# ---- erased ----------------------------------------------------------------------------------------------------------


def stays_erased(found: Installed, folder: Path, place: int, *, forgetful: bool = False) -> Iterator[str]:
    """A case erased after the backup is erased in what is restored, as well where only the list was saved."""
    with found.entered() as ctx:
        number = found.report(ctx, f"récit à effacer {place}", f"erased {place} {forgetful}")
        path = folder / backup_service.create(ctx, folder).name
        with ctx.realm.reading() as session:
            case_id = cases_repository.find_by_number(session, number)
        assert case_id is not None
        if not forgetful:
            note(found.settings.data, ctx.vault, case_id, ctx.now())
        with ctx.realm.writing() as session:
            privacy_repository.erase_case(session, ctx.vault, case_id, at=ctx.now(), actor="officer")
        elsewhere = moved(found, folder / "elsewhere")
        shutil.copytree(found.settings.keys, elsewhere.settings.keys)
        saved = [found.settings.data / FILE]
        backup_service.restore(
            elsewhere.settings, ctx.clock, path, erased_elsewhere=[one for one in saved if one.exists()]
        )
        with elsewhere.entered() as other:
            with other.realm.reading() as session:
                if not cases_repository.is_destroyed(session, case_id):
                    yield f"case {number}, erased after the backup, came back with it"
            for flaw in verify_journal(other):
                yield f"case {flaw.case_id}: {flaw.flaw.value} after the restore"
    shutil.rmtree(elsewhere.settings.data)
    shutil.rmtree(path)


# ---- the trial -------------------------------------------------------------------------------------------------------


def run(size: Size, folder: Path) -> Outcome:
    found, faults, rng = installed(folder), list[str](), random.Random(9)
    kept = folder / "backups"
    sealed = found.settings.files / "ab" / ("ab" * 16)
    sealed.parent.mkdir(parents=True)
    sealed.write_bytes(rng.randbytes(3000))
    for place in range(ROUNDS[size]):
        faults += made_while_writing(found, kept, place)
    for place in range(ERASED[size]):
        faults += stays_erased(found, kept, place)
    with found.entered() as ctx:
        path = kept / backup_service.create(ctx, kept).name
    for place in range(TOUCHED[size]):
        faults += touched(found, path, rng, place)
    if still := backup_service.verify(found.settings, path):
        faults.append(f"put back as it was, it is not whole: {still[0]}")
    planted, seen = _planted(found, folder)
    return Outcome(ROUNDS[size] + ERASED[size] + TOUCHED[size], "backups", tuple(faults), planted, seen)


def _planted(found: Installed, folder: Path) -> tuple[int, int]:
    """A copy of files in use, a check that looks at nothing, an erasure that nobody noted."""
    tails = list(made_while_writing(found, folder / "naive", 10_000, naive=True))
    with found.entered() as ctx:
        path = folder / "unchecked" / backup_service.create(ctx, folder / "unchecked").name
    verify = backup_service.verify
    backup_service.verify = lambda settings, path, progress=None: []  # type: ignore[assignment]
    try:
        passed = list(touched(found, path, random.Random(1), 0))
    finally:
        backup_service.verify = verify
    back = list(stays_erased(found, folder / "forgetful", 0, forgetful=True))
    return 3, bool(tails) + any("taken for whole" in one for one in passed) + any("came back" in one for one in back)


TRIALS = (
    Trial(
        "backups", "made while people write, restored elsewhere and equal; touched: refused; erased: stays so", 200, run
    ),
)
