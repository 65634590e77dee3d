"""Ways to tamper with accesses, administration and anchors."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from services.journaling import moment

from school_protocol.storage import access_log, administration_log, anchors
from school_protocol.storage.journal import Chain, Flaw
from school_protocol.storage.vault import canonical
from trials.tampering_ways import Intruder, Named, Way, by_sql, kept_rows, of, of_cases

# ---- accesses --------------------------------------------------------------------------------------------------------


def of_accesses() -> Iterator[Way]:
    for column, value in {
        "account": "'other'",
        "what": "'other'",
        "reason": "'other'",
        "id": "'other'",
        "at": "'2020-01-01 00:00:00.000000'",
        "case_id": ":b",
    }.items():
        yield by_sql(
            f"access: {column} changed",
            f"UPDATE access SET {column} = {value} WHERE place = 3",
            of(Chain.access, 3, Flaw.altered),
        )
    for place in (1, 7, 12):
        yield by_sql(
            f"access {place} taken away",
            f"DELETE FROM access WHERE place = {place}",
            of(Chain.access, place, Flaw.missing),
        )
    yield by_sql(
        "an access slipped in",
        "INSERT INTO access (id, case_id, account, at, what, reason, place) "
        "SELECT 'x', case_id, account, at, what, reason, 0 FROM access WHERE place = 2",
        of(Chain.access, 0, Flaw.inserted),
    )
    yield by_sql(
        "two accesses exchanged",
        [
            "UPDATE access SET place = 1000 WHERE place = 6",
            "UPDATE access SET place = 6 WHERE place = 8",
            "UPDATE access SET place = 8 WHERE place = 1000",
        ],
        of(Chain.access, 6, Flaw.moved),
        of(Chain.access, 8, Flaw.moved),
    )
    yield by_sql(
        "all accesses of a case taken away",
        "DELETE FROM access WHERE case_id = :b",
        of(Chain.access, 2, Flaw.missing),
        of(Chain.access, 6, Flaw.missing),
    )
    yield by_sql(
        "an access taken away, the rest of its batch renumbered",
        [
            "DELETE FROM access WHERE place = 2",
            "UPDATE access SET place = place - 1 WHERE place BETWEEN 3 AND 5",
        ],
        of(Chain.access, 2, Flaw.moved),
        of(Chain.access, 5, Flaw.moved),
    )
    for column, value in {
        "leaves": "zeroblob(100)",
        "hash": "zeroblob(32)",
        "prev_hash": "zeroblob(32)",
        "closed_at": "'2020-01-01 00:00:00.000000'",
        "last_place": "8",
    }.items():
        yield by_sql(
            f"batch: {column} changed",
            f"UPDATE access_batch SET {column} = {value} WHERE seq = 2",
            of(Chain.access_batch, 2, Flaw.altered),
        )
    yield by_sql(
        "a batch taken away", "DELETE FROM access_batch WHERE seq = 2", of(Chain.access_batch, 2, Flaw.missing)
    )
    yield by_sql(
        "a batch taken away with its rows",
        ["DELETE FROM access_batch WHERE seq = 2", "DELETE FROM access WHERE place BETWEEN 6 AND 9"],
        of(Chain.access_batch, 2, Flaw.missing),
    )
    yield by_sql(
        "the last batch cut off with its rows",
        ["DELETE FROM access_batch WHERE seq = 3", "DELETE FROM access WHERE place > 9"],
        of(Chain.access_batch, 3, Flaw.cut_off),
    )
    yield by_sql(
        "accesses emptied", ["DELETE FROM access_batch", "DELETE FROM access"], of(Chain.access_batch, 1, Flaw.cut_off)
    )
    yield by_sql(
        "two batches exchanged",
        [
            "UPDATE access_batch SET seq = 100 WHERE seq = 1",
            "UPDATE access_batch SET seq = 1 WHERE seq = 2",
            "UPDATE access_batch SET seq = 2 WHERE seq = 100",
        ],
        of(Chain.access_batch, 1, Flaw.altered),
        of(Chain.access_batch, 2, Flaw.altered),
    )
    yield Way(
        "accesses rewritten with the key", _rewrite_accesses, frozenset({of(Chain.access_batch, 1, Flaw.rewritten)})
    )


def _rewrite_accesses(one: Intruder) -> None:
    """Access 3 is another's from now on, its leaf is made anew, and so is every batch."""
    one.on("UPDATE access SET account = 'other' WHERE place = 3")
    before = access_log.root_hash(one.vault)
    for batch in kept_rows(one, "SELECT * FROM access_batch ORDER BY seq"):
        rows = kept_rows(
            one, "SELECT * FROM access WHERE place BETWEEN ? AND ? ORDER BY place", batch.first_place, batch.last_place
        )
        leaves = (
            access_log._LEAF.pack(row.place - batch.first_place, access_log._leaf(one.vault, row))
            for row in rows  # type: ignore[arg-type]
        )
        batch.leaves, batch.prev_hash = b"".join(leaves), before
        before = access_log.batch_hash(one.vault, batch)  # type: ignore[arg-type]
        one.on(
            "UPDATE access_batch SET leaves = :v0, prev_hash = :v1, hash = :v2 WHERE seq = :v3",
            batch.leaves,
            batch.prev_hash,
            before,
            batch.seq,
        )


def _admin(name: str, statements: list[str], *found: Named) -> Way:
    def tamper(one: Intruder) -> None:
        for line in statements:
            one.directory.execute(line)

    return Way(name, tamper, frozenset(found))


# ---- administration --------------------------------------------------------------------------------------------------

_THIRD = "(SELECT administration FROM administration_link WHERE seq = 3)"


def of_administration() -> Iterator[Way]:
    chain = Chain.administration
    for column, value in {
        "reason": "'other'",
        "kind": "'left'",
        "sentence": "'x'",
        "role": "'head'",
        "at": "'2020-01-01 00:00:00.000000'",
        "withdraws": "1",
        "starts": "'2020-01-01'",
        "number": "'1234567890123'",
    }.items():
        yield _admin(
            f"administration: {column} changed",
            [f"UPDATE administration SET {column} = {value} WHERE id = {_THIRD}"],
            of(chain, 3, Flaw.altered),
        )
    yield _admin("an entry taken away", [f"DELETE FROM administration WHERE id = {_THIRD}"], of(chain, 3, Flaw.missing))
    yield _admin(
        "an entry taken away with its link",
        [
            f"DELETE FROM administration WHERE id = {_THIRD}",
            "DELETE FROM administration_link WHERE seq = 3",
        ],
        of(chain, 3, Flaw.missing),
    )
    yield _admin("a link taken away", ["DELETE FROM administration_link WHERE seq = 3"], of(chain, 3, Flaw.missing))
    yield _admin(
        "an entry slipped in",
        [
            "INSERT INTO administration SELECT 'x', at, actor, kind, unit, account, role, appointment, other, number, "
            f"starts, ends, withdraws, reason, sentence, draft FROM administration WHERE id = {_THIRD}",
        ],
        of(chain, 6, Flaw.inserted),
    )
    yield _admin(
        "two entries exchanged",
        [
            "UPDATE administration_link SET seq = 102 WHERE seq = 2",
            "UPDATE administration_link SET seq = 2 WHERE seq = 4",
            "UPDATE administration_link SET seq = 4 WHERE seq = 102",
        ],
        of(chain, 2, Flaw.moved),
        of(chain, 4, Flaw.moved),
    )
    yield _admin(
        "the end cut off",
        [
            "CREATE TEMP TABLE aside AS SELECT administration FROM administration_link WHERE seq > 3",
            "DELETE FROM administration_link WHERE seq > 3",
            "DELETE FROM administration WHERE id IN (SELECT administration FROM aside)",
        ],
        of(chain, 4, Flaw.cut_off),
    )
    yield _admin(
        "administration emptied",
        ["DELETE FROM administration_link", "DELETE FROM administration"],
        of(chain, 0, Flaw.cut_off),
    )
    yield _admin("the links emptied", ["DELETE FROM administration_link"], of(chain, 0, Flaw.cut_off))
    yield Way(
        "administration rewritten with the key", _rewrite_administration, frozenset({of(chain, 4, Flaw.rewritten)})
    )


def _rewrite_administration(one: Intruder) -> None:
    """Entry 3 says something else from now on, and every later one is linked anew."""
    one.directory.execute(f"UPDATE administration SET reason = 'other' WHERE id = {_THIRD}")
    one.directory.row_factory = sqlite3.Row
    rows = one.directory.execute(
        "SELECT l.seq, l.hash AS own, a.* FROM administration_link l JOIN administration a ON a.id = l.administration "
        "ORDER BY l.seq"
    ).fetchall()
    before = rows[1]["own"]
    for row in rows[2:]:
        said = {name: row[name] for name in row.keys() if name not in ("seq", "own")}  # noqa: SIM118
        said["at"], said["withdraws"] = moment(said["at"]), bool(said["withdraws"])
        mapped: Any = SimpleNamespace(_mapping=said, at=said["at"])
        own = administration_log.link_hash(one.vault, row["seq"], mapped, before)
        one.directory.execute(
            "UPDATE administration_link SET prev_hash = ?, hash = ? WHERE seq = ?", (before, own, row["seq"])
        )
        before = own


# ---- anchors ---------------------------------------------------------------------------------------------------------


def of_anchors() -> Iterator[Way]:
    yield _file(
        "an anchor's statement changed",
        lambda folder: _edit(folder, 2, lambda one: one["statement"]["cases"].update(count=9)),
        of(Chain.anchors, 2, Flaw.altered),
    )
    yield _file(
        "an anchor's signature changed",
        lambda folder: _edit(folder, 2, lambda one: one.update(signature="00" * 64)),
        of(Chain.anchors, 2, Flaw.altered),
    )
    yield _file(
        "an anchor's public key changed",
        lambda folder: _edit(folder, 2, lambda one: one.update(public_key="00" * 32)),
        of(Chain.anchors, 2, Flaw.altered),
    )
    yield _file(
        "an anchor filled with rubbish",
        lambda folder: anchors.file_of(folder, 3).write_bytes(b"\xff" * 900),
        of(Chain.anchors, 3, Flaw.altered),
    )
    yield _file(
        "an anchor emptied",
        lambda folder: anchors.file_of(folder, 1).write_bytes(b""),
        of(Chain.anchors, 1, Flaw.altered),
    )
    yield _file("a byte of the heads changed", _flip_heads, of(Chain.anchors, 2, Flaw.altered))
    yield _file("heads cut", _cut_heads, of(Chain.anchors, 1, Flaw.altered))
    yield _file(
        "heads taken away", lambda folder: anchors.heads_file_of(folder, 2).unlink(), of(Chain.anchors, 2, Flaw.altered)
    )
    yield _file(
        "heads of another anchor",
        lambda folder: shutil.copy(anchors.heads_file_of(folder, 1), anchors.heads_file_of(folder, 2)),
        of(Chain.anchors, 2, Flaw.altered),
    )
    for number in (1, 2, 3):
        yield _file(
            f"anchor {number} taken away",
            lambda folder, number=number: _remove(folder, number),
            of(Chain.anchors, number, Flaw.missing),
        )
    yield _file(
        "every anchor taken away",
        lambda folder: shutil.rmtree(folder),
        of(Chain.anchors, 1, Flaw.missing),
        of(Chain.anchors, 3, Flaw.missing),
    )
    yield _file(
        "an older anchor in the place of the last",
        lambda folder: _replay(folder, 1, 3),
        of(Chain.anchors, 3, Flaw.moved),
    )
    yield _file(
        "two anchors exchanged", _exchange_anchors, of(Chain.anchors, 1, Flaw.moved), of(Chain.anchors, 2, Flaw.moved)
    )
    yield Way(
        "an anchor made anew with the key",
        _forge_anchor,
        frozenset({of(Chain.anchors, 2, Flaw.rewritten), of(Chain.anchors, 3, Flaw.unlinked)}),
    )
    yield Way(
        "the last anchor made anew with the key",
        lambda one: _forge_anchor(one, 3),
        frozenset({of(Chain.anchors, 3, Flaw.rewritten)}),
    )


def _file(name: str, change: Callable[[Path], Any], *found: Named) -> Way:
    return Way(name, lambda one: change(one.anchors), frozenset(found))


def _edit(folder: Path, number: int, change: Callable[[dict[str, Any]], None]) -> None:
    path = anchors.file_of(folder, number)
    said = json.loads(path.read_bytes())
    change(said)
    path.write_bytes(canonical(said) + b"\n")


def _flip_heads(folder: Path) -> None:
    path = anchors.heads_file_of(folder, 2)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _cut_heads(folder: Path) -> None:
    path = anchors.heads_file_of(folder, 1)
    path.write_bytes(path.read_bytes()[:-30])


def _remove(folder: Path, number: int) -> None:
    anchors.file_of(folder, number).unlink()
    anchors.heads_file_of(folder, number).unlink()


def _replay(folder: Path, older: int, place: int) -> None:
    shutil.copy(anchors.file_of(folder, older), anchors.file_of(folder, place))
    shutil.copy(anchors.heads_file_of(folder, older), anchors.heads_file_of(folder, place))


def _exchange_anchors(folder: Path) -> None:
    for path in (anchors.file_of, anchors.heads_file_of):
        first, second, aside = path(folder, 1), path(folder, 2), folder / "aside"
        first.rename(aside)
        second.rename(first)
        aside.rename(second)


def _forge_anchor(one: Intruder, number: int = 2) -> None:
    """Signed as it should be, and without case `b`."""
    said = dict(anchors.read(one.anchors, number, vault=one.vault).said)
    kept = [
        head
        for head in anchors.read_heads(one.anchors, anchors.read(one.anchors, number, vault=one.vault))
        if head.case_id != one.kept.case("b")
    ]
    _remove(one.anchors, number)
    entries = anchors.write_heads(one.anchors, number, kept)
    said |= {"heads": {**said["heads"], "lines": entries.lines, "digest": entries.digest}, "erased": said["erased"]}
    said["cases"] = {**said["cases"], "count": 3}
    anchors.write(one.anchors, one.vault, said)


def every() -> tuple[Way, ...]:
    return (*of_cases(), *of_accesses(), *of_administration(), *of_anchors())
