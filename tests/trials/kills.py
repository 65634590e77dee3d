"""A process killed at any moment: what it acknowledged is there, what it did not is wholly there or wholly absent."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.models import CaseIndexRow, DocumentCopyRow
from school_protocol.cases.service import make_move, record_act
from school_protocol.context import AppContext
from school_protocol.engine.errors import Sealed
from school_protocol.engine.events import EventKind
from school_protocol.ops import backup_service
from school_protocol.ops.journal_checks import verify_journal
from school_protocol.privacy import evidence_files
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.evidence_scan import examined
from school_protocol.privacy.models import EvidenceFileRow
from school_protocol.storage import backups, case_keys, journal
from school_protocol.storage.models import CaseRecordRow, EventRow, UsedTokenRow
from trials.frame import Outcome, Size, Trial
from trials.installed import Ack, Installed, installed, killed

SAFE = {"none_seen": True, "safe_now": "yes", "who_stays": "not_needed", "protection_taken": ["support"]}
PIECE = {
    "platform": "whatsapp", "content_type": "group", "captured_by_role": "targeted_pupil", "source": "pupil",
    "still_online": "yes", "content_status": "online", "kind": "screenshot", "sexual_or_intimate": "no",
    "description": "Capture", "url": "https://exemple.invalid/groupe",
}  # fmt: skip


@dataclass
class Bench:
    """One installation that is killed in, again and again, and what must be there by now."""

    found: Installed
    folder: Path
    rng: random.Random
    cases: set[str] = field(default_factory=set)
    """Numbers of cases that are known to be there."""
    faults: list[str] = field(default_factory=list)
    killed: int = 0

    def kill(self, work: Callable[[AppContext, Ack], None], most: float) -> list[dict[str, Any]]:
        """Kill a process that does `work` in the installation; what it acknowledged."""

        def entered(ack: Ack) -> None:
            with self.found.entered() as ctx:
                work(ctx, ack)

        self.killed += 1
        said = killed(entered, self.rng, most)
        self.faults += [f"the process broke by itself: {one['broke']}" for one in said if "broke" in one]
        return [one for one in said if "broke" not in one]


# ---- moves -----------------------------------------------------------------------------------------------------------


def moves(found: Installed, run: int) -> Callable[[AppContext, Ack], None]:
    """Reports, acts and moves, each announced, made, and acknowledged."""

    def work(ctx: AppContext, ack: Ack) -> None:
        for place in count(1):
            token = f"{run}-{place}"
            ack({"tries": "report", "token": token, "number": ""})
            number = found.report(ctx, f"récit {token}", f"report {token}")
            ack({"did": "report", "token": token, "number": number})
            for what in ("act", "move"):
                ack({"tries": what, "token": token, "number": number})
                seq = again(found, ctx, what, token, number)
                ack({"did": what, "token": token, "number": number, "seq": seq})

    return work


def again(found: Installed, ctx: AppContext, what: str, token: str, number: str) -> int:
    """Make that act or move, with its own token: a second time it must change nothing."""
    if what == "act":
        done = record_act(
            ctx, found.actors["team_member"], number, "safety_check", SAFE, expected=None, token=f"act {token}",
            proven=True,
        )  # fmt: skip
    else:
        actor = found.actors["team_coordinator"]
        done = make_move(ctx, actor, number, "qualify", expected=None, token=f"move {token}")
    return done.seq


def check_moves(bench: Bench, said: Sequence[dict[str, Any]]) -> None:
    """Acknowledged things are there; the one under way is there whole, or not at all, and can be sent again."""
    with bench.found.entered() as ctx:
        for one in (one for one in said if "did" in one):
            bench.faults += _acknowledged(ctx, one)
            bench.cases.add(one["number"])
        if said and "tries" in said[-1]:
            bench.faults += _under_way(bench, ctx, said[-1])
        bench.faults += _whole(ctx, bench.cases, {one["number"] for one in said} & bench.cases)


def _acknowledged(ctx: AppContext, one: dict[str, Any]) -> Iterator[str]:
    with ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, one["number"])
        if case_id is None:
            yield f"case {one['number']} was acknowledged and is not there"
        elif one.get("seq", 1) > cases_repository.last_seq(session, case_id):
            yield f"event {one['seq']} of case {one['number']} was acknowledged and is not there"


def _under_way(bench: Bench, ctx: AppContext, last: dict[str, Any]) -> Iterator[str]:
    """Sent again with the same token it is there exactly once."""
    before = _counted(ctx, last["number"])
    if last["tries"] == "report":
        known = {bench.found.report(ctx, f"récit {last['token']}", f"report {last['token']}") for _twice in range(2)}
        if len(known) != 1:
            yield f"report {last['token']}, sent again, opened several cases"
        bench.cases |= known
        return
    again(bench.found, ctx, last["tries"], last["token"], last["number"])
    after = _counted(ctx, last["number"])
    again(bench.found, ctx, last["tries"], last["token"], last["number"])
    if _counted(ctx, last["number"]) != after or after - before > 1:
        yield f"{last['tries']} {last['token']}, sent again, was recorded twice"


def _counted(ctx: AppContext, number: str) -> int:
    with ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number)
        return cases_repository.last_seq(session, case_id) if case_id else 0


def _whole(ctx: AppContext, known: set[str], touched: set[str]) -> Iterator[str]:
    """No case beside those that are known; of those touched events, index and tokens agree, and the chain holds."""
    with ctx.realm.reading() as session:
        there = set(session.scalars(select(CaseRecordRow.number)))
        if there != known:
            yield f"cases that nobody was told of: {sorted(there - known)}; cases lost: {sorted(known - there)}"
        for number in touched & there:
            case_id = cases_repository.find_by_number(session, number)
            assert case_id is not None
            last, indexed = cases_repository.last_seq(session, case_id), session.get(CaseIndexRow, case_id)
            if indexed is None or indexed.last_seq != last:
                yield f"case {number}: its index is not of its latest event"
            for flaw in journal.verify_case(session, ctx.vault, case_id):
                yield f"case {number}: {flaw.flaw.value} at event {flaw.seq}"
            used = session.scalars(select(UsedTokenRow)).all()
            seqs = {row.outcome.get("seq") for row in used if row.outcome.get("number") == number}
            if any(isinstance(seq, int) and seq > last for seq in seqs):
                yield f"case {number}: a token was used up by an event that is not there"


# ---- uploads ---------------------------------------------------------------------------------------------------------


def uploads(found: Installed, run: int) -> Callable[[AppContext, Ack], None]:
    """Files put to pieces of evidence; they are looked at in this process, as that is not what is killed."""

    def work(ctx: AppContext, ack: Ack) -> None:
        evidence_files.examined_apart = examined  # type: ignore[assignment]
        member = found.actors["team_member"]
        number = found.report(ctx, f"récit {run}", f"report {run}")
        ack({"did": "report", "token": "", "number": number})
        for place in count(1):
            token = f"{run}-{place}"
            piece = record_act(
                ctx, member, number, "evidence", PIECE, expected=None, token=f"piece {token}", proven=True
            )
            ack({"did": "piece", "number": number, "seq": piece.seq})
            data = f"Message {token}\n".encode() * 3000
            done = evidence_files.attach_file(
                ctx, member, number, piece.seq, data, is_attested=True, token=f"file {token}"
            )
            ack({"did": "file", "number": number, "seq": done.seq})

    return work


def check_uploads(bench: Bench, said: Sequence[dict[str, Any]]) -> None:
    bench.cases |= {one["number"] for one in said}
    with bench.found.entered() as ctx:
        for one in said:
            bench.faults += _acknowledged(ctx, one)
        with ctx.realm.reading() as session:
            ids = {cases_repository.find_by_number(session, one["number"]): one["number"] for one in said}
            for fault in privacy_repository.faults(ctx.realm, ctx.blobs):
                bench.faults.append(f"file {fault.place} is {fault.what}")
            for case_id, number in ids.items():
                rows = select(func.count(EvidenceFileRow.file_id.distinct())).where(EvidenceFileRow.case_id == case_id)
                told = select(func.count()).select_from(EventRow)
                told = told.where(EventRow.case_id == case_id, EventRow.kind == EventKind.file_handled.value)
                kept, events = session.scalar(rows), session.scalar(told)
                acknowledged = sum(one["did"] == "file" for one in said if one["number"] == number)
                if kept != events or (kept or 0) < acknowledged:
                    bench.faults.append(f"case {number}: {kept} files, {events} events, {acknowledged} acknowledged")
        bench.faults += _whole(ctx, bench.cases, set(ids.values()))


# ---- issuing ---------------------------------------------------------------------------------------------------------


def issuing(found: Installed, run: int) -> Callable[[AppContext, Ack], None]:
    """Copies of case files handed out."""

    def work(ctx: AppContext, ack: Ack) -> None:
        actor = found.actors["team_coordinator"]
        number = found.report(ctx, f"récit {run}", f"report {run}")
        ack({"did": "report", "number": number})
        for place in count(1):
            issued = issue_case_file(ctx, actor, number, "school", "fr", token=f"copy {run}-{place}")
            ack({"did": "copy", "number": number, "copy": issued.copy})

    return work


def check_issuing(bench: Bench, said: Sequence[dict[str, Any]]) -> None:
    bench.cases |= {one["number"] for one in said}
    with bench.found.entered() as ctx:
        with ctx.realm.reading() as session:
            for number in {one["number"] for one in said}:
                case_id = cases_repository.find_by_number(session, number)
                copies = session.scalar(select(DocumentCopyRow.copies).where(DocumentCopyRow.case_id == case_id)) or 0
                told = select(func.count()).select_from(EventRow)
                told = told.where(EventRow.case_id == case_id, EventRow.kind == EventKind.document_issued.value)
                events, acknowledged = session.scalar(told), max((one.get("copy", 0) for one in said), default=0)
                if copies != events or copies < acknowledged:
                    bench.faults.append(f"case {number}: {copies} copies, {events} events, {acknowledged} acknowledged")
        bench.faults += _whole(ctx, bench.cases, {one["number"] for one in said})


# ---- backups ---------------------------------------------------------------------------------------------------------


def backing_up(found: Installed, run: int, folder: Path) -> Callable[[AppContext, Ack], None]:
    """Backups, each after something was written."""

    def work(ctx: AppContext, ack: Ack) -> None:
        ack({"begins": True})
        for place in count(1):
            number = found.report(ctx, f"récit {run}-{place}", f"report {run}-{place}")
            ack({"did": "report", "number": number})
            ack({"did": "backup", "name": backup_service.create(ctx, folder).name})

    return work


def check_backups(bench: Bench, said: Sequence[dict[str, Any]], folder: Path) -> None:
    acknowledged = {one["name"] for one in said if one.get("did") == "backup"}
    with bench.found.entered() as ctx:
        with ctx.realm.reading() as session:
            bench.cases = set(session.scalars(select(CaseRecordRow.number)))
        bench.faults += [
            f"case {one['number']} was acknowledged and is not there"
            for one in said
            if one.get("did") == "report" and one["number"] not in bench.cases
        ]
        listed = backups.every_backup(folder, ctx.vault) if folder.is_dir() else ()
        whole = {one.path.name: one.path for one in listed if one.manifest is not None}
        bench.faults += [f"backup {name} was acknowledged and is not there" for name in acknowledged - set(whole)]
        for one in listed:
            if one.manifest is None and not one.path.name.startswith(backups.UNFINISHED):
                bench.faults.append(f"backup {one.path.name} has its name and is not whole: {one.fault}")
        for name, path in whole.items():
            bench.faults += [f"backup {name}: {fault}" for fault in backups.faults(path, ctx.vault)]
            shutil.rmtree(path)


# ---- rotation --------------------------------------------------------------------------------------------------------


def rotating(ctx: AppContext, ack: Ack) -> None:
    """The ring turned again and again, in steps as small as can be."""
    case_keys._BATCH = 3
    ack({"begins": True})
    while True:
        case_keys.rotate((ctx.realm, ctx.directory), ctx.vault)
        ack({"did": "rotate"})


def check_rotation(bench: Bench, _said: Sequence[dict[str, Any]]) -> None:
    """Every wrapped key opens by the ring that is there; the rotation is taken up; the older keys go."""
    with bench.found.entered() as ctx:
        both = (ctx.realm, ctx.directory)
        for _try in ("as it was left", "taken up"):
            for store in both:
                for kind, master, wrapped, label in case_keys.samples(store, 10_000):
                    try:
                        ctx.vault.unwrap(master, wrapped, label)
                    except Sealed:
                        bench.faults.append(f"a key of {kind} does not open, {_try}")
            case_keys.rewrap(both, ctx.vault)
        if case_keys.stale(both, ctx.vault):
            bench.faults.append("the rotation does not come to its end")
        case_keys.retire_masters(both, ctx.vault)
        if len(ctx.vault.numbers) != 1:
            bench.faults.append("an older master key is left that wraps nothing")


# ---- the trial -------------------------------------------------------------------------------------------------------

KILLS = {
    Size.short: {"move": 3, "upload": 1, "issuing": 0, "backup": 2, "rotation": 2},
    Size.whole: {"move": 90, "upload": 35, "issuing": 12, "backup": 40, "rotation": 40},
}


def run(size: Size, folder: Path) -> Outcome:
    found = installed(folder)
    bench = Bench(found, folder, random.Random(20261126))
    numbers, wanted = count(1), KILLS[size]
    for _ in range(wanted["move"]):
        check_moves(bench, bench.kill(moves(found, next(numbers)), 0.25))
    for _ in range(wanted["upload"]):
        check_uploads(bench, bench.kill(uploads(found, next(numbers)), 0.5))
    for _ in range(wanted["issuing"]):
        check_issuing(bench, bench.kill(issuing(found, next(numbers)), 2.5))
    for _ in range(wanted["rotation"]):
        check_rotation(bench, bench.kill(rotating, 0.15))
    kept = folder / "backups"
    for _ in range(wanted["backup"]):
        check_backups(bench, bench.kill(backing_up(found, next(numbers), kept), 0.4), kept)
    bench.faults += _last_look(found)
    planted, seen = _planted(bench)
    return Outcome(bench.killed, "kills", tuple(bench.faults), planted, seen)


def _last_look(found: Installed) -> list[str]:
    with found.entered() as ctx:
        return [f"case {one.case_id}: {one.flaw.value} at {one.seq}" for one in verify_journal(ctx)]


def _planted(bench: Bench) -> tuple[int, int]:
    """A word given and not kept; an index that lags; an event beyond the last; a backup that is named too early."""
    found, known = bench.found, set(bench.cases)
    seen = 0

    def lies(ctx: AppContext, ack: Ack) -> None:
        number = found.report(ctx, "récit menti", "report lied")
        ack({"did": "report", "number": number})
        ack({"did": "act", "number": number, "seq": 99})
        ack({"did": "report", "number": "0000000000000"})
        while True:
            pass

    lied = Bench(found, bench.folder, random.Random(1), set(known))
    said = lied.kill(lies, 2)
    check_moves(lied, said)
    seen += any("event 99" in one for one in lied.faults) + any("case 0000000000000 was" in one for one in lied.faults)
    number = said[0]["number"]
    with found.entered() as ctx:
        with ctx.realm.writing() as session:
            case_id = cases_repository.find_by_number(session, number)
            session.execute(text("UPDATE case_index SET last_seq = last_seq + 1 WHERE case_id = :id"), {"id": case_id})
        seen += any("its index" in one for one in _whole(ctx, known | {number}, {number}))
    bad = bench.folder / "planted"
    (bad / "2026-11-26T000000Z-00000000").mkdir(parents=True)
    named = Bench(found, bench.folder, random.Random(2), known | {number})
    check_backups(named, [], bad)
    seen += any("is not whole" in one for one in named.faults)
    return 4, seen


TRIALS = (
    Trial(
        "kills",
        "killed during moves, uploads, issuing, backups, rotation of keys: nothing acknowledged is lost",
        200,
        run,
    ),
)
