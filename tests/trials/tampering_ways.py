"""Ways to tamper with what is kept, each with what the database or the verifier must answer."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from services.journaling import Kept, moment

from school_protocol.storage import journal
from school_protocol.storage.journal import Chain, Flaw
from school_protocol.storage.vault import Vault

Named = tuple[Chain, str, int, Flaw]
"""A break as it must be named: chain, the case by its name here, entry, flaw."""


@dataclass
class Intruder:
    """Somebody on the server: the two databases by a client of their own, the folder, the keys where they have them."""

    kept: Kept
    folder: Path
    realm: sqlite3.Connection
    directory: sqlite3.Connection
    vault: Vault

    def on(self, statement: str, *values: Any) -> None:
        """In the realm; `:a`, `:b` … stand for the ids of cases."""
        more = {f"v{place}": value for place, value in enumerate(values)}
        self.realm.execute(statement, {**self.kept.cases, **more})

    @property
    def anchors(self) -> Path:
        return self.folder / "anchors"


@dataclass(frozen=True)
class Way:
    """`tamper` is done with the guards dropped; `found` must be named, and nothing of another case."""

    name: str
    tamper: Callable[[Intruder], None]
    found: frozenset[Named]


@dataclass(frozen=True)
class Refusal:
    """A statement that the database itself must refuse, from any client. `part`: which database."""

    name: str
    statement: str
    part: str = "realm"


def case(name: str, seq: int, flaw: Flaw) -> Named:
    return Chain.case, name, seq, flaw


def of(chain: Chain, seq: int, flaw: Flaw) -> Named:
    return chain, "", seq, flaw


def by_sql(name: str, statements: str | list[str], *found: Named) -> Way:
    lines = [statements] if isinstance(statements, str) else statements

    def tamper(one: Intruder) -> None:
        for line in lines:
            one.on(line)

    return Way(name, tamper, frozenset(found))


# ---- refused by the database -----------------------------------------------------------------------------------------

_LAST = (
    "SELECT case_id, {seq}, kind, actor, role, at, occurred_at, sealed, body_commitment, NULL, {prev}, hash FROM event"
)

REFUSALS = (
    Refusal("an event is changed", "UPDATE event SET actor = 'other' WHERE seq = 2"),
    Refusal("an event is deleted", "DELETE FROM event WHERE seq = 6"),
    Refusal("all events are deleted", "DELETE FROM event"),
    Refusal("an event is replaced", "REPLACE INTO event SELECT * FROM event WHERE case_id = :a AND seq = 2"),
    Refusal(
        "an event is upserted",
        "INSERT INTO event SELECT * FROM event WHERE case_id = :a AND seq = 2 "
        "ON CONFLICT (case_id, seq) DO UPDATE SET actor = 'x'",
    ),
    Refusal(
        "an event after a gap",
        f"INSERT INTO event {_LAST.format(seq=9, prev='hash')} WHERE case_id = :a AND seq = 6",
    ),
    Refusal(
        "an event not linked",
        f"INSERT INTO event {_LAST.format(seq=7, prev='prev_hash')} WHERE case_id = :a AND seq = 6",
    ),
    Refusal("a case's record is changed", "UPDATE case_record SET unit = 'x'"),
    Refusal("a case's record is deleted", "DELETE FROM case_record"),
    Refusal("a tombstone is changed", "UPDATE tombstone SET actor = 'x'"),
    Refusal("a tombstone is deleted", "DELETE FROM tombstone"),
    Refusal("an access is changed", "UPDATE access SET account = 'x' WHERE place = 2"),
    Refusal("an access is deleted", "DELETE FROM access WHERE place = 2"),
    Refusal("all accesses are deleted", "DELETE FROM access"),
    Refusal("an access is replaced", "REPLACE INTO access SELECT * FROM access WHERE place = 2"),
    Refusal(
        "an access among the closed ones",
        "INSERT INTO access (id, case_id, account, at, what, reason, place) "
        "SELECT 'x', case_id, account, at, what, reason, 0 FROM access WHERE place = 2",
    ),
    Refusal("a batch is changed", "UPDATE access_batch SET leaves = x'00'"),
    Refusal("a batch is deleted", "DELETE FROM access_batch WHERE seq = 3"),
    Refusal(
        "a batch not linked",
        "INSERT INTO access_batch SELECT 4, 13, 13, closed_at, leaves, prev_hash, hash FROM access_batch WHERE seq = 2",
    ),
    Refusal("an anchor's note is changed", "UPDATE anchor_taken SET file_digest = zeroblob(32)"),
    Refusal("an anchor's note is deleted", "DELETE FROM anchor_taken"),
    Refusal("administration is changed", "UPDATE administration SET reason = 'x'", "directory"),
    Refusal("administration is deleted", "DELETE FROM administration", "directory"),
    Refusal(
        "administration is replaced", "REPLACE INTO administration SELECT * FROM administration LIMIT 1", "directory"
    ),
    Refusal("a link is changed", "UPDATE administration_link SET hash = zeroblob(32)", "directory"),
    Refusal("a link is deleted", "DELETE FROM administration_link WHERE seq = 5", "directory"),
    Refusal(
        "a link is replaced",
        "REPLACE INTO administration_link SELECT * FROM administration_link WHERE seq = 3",
        "directory",
    ),
)


# ---- cases -----------------------------------------------------------------------------------------------------------

_CLEAR = {
    "kind": "'VisaGiven'",
    "actor": "'other'",
    "role": "'head'",
    "at": "'2026-11-25 09:30:00.000001'",
    "occurred_at": "'2020-01-01 00:00:00.000000'",
    "body_commitment": "zeroblob(32)",
    "words_commitment": "zeroblob(32)",
    "prev_hash": "zeroblob(32)",
    "hash": "zeroblob(32)",
}
_OPENED = {
    "number": "'0000000000000'",
    "protocol": "'other'",
    "version": "2",
    "unit": "'elsewhere'",
    "digest": f"'{'e' * 64}'",
    "opened_at": "'2020-01-01 00:00:00.000000'",
}
_SHIFT_UP = [
    "UPDATE event SET seq = seq + 1000 WHERE case_id = :a AND seq >= 3",
    "UPDATE event SET seq = seq - 999 WHERE case_id = :a AND seq > 1000",
]
_FORGED = (
    "INSERT INTO event SELECT case_id, {seq}, kind, 'forger', role, at, occurred_at, sealed, body_commitment, NULL, "
    "hash, zeroblob(32) FROM event WHERE case_id = :a AND seq = {after}"
)
_TABLES_OF_A_CASE = ("object_key", "case_key", "event_words", "identity_mark", "identity", "tombstone")
_FORGET_INDEX = "DELETE FROM case_index WHERE case_id = :{name}"
_REMOVED = [f"DELETE FROM {table} WHERE case_id = :b" for table in (*_TABLES_OF_A_CASE, "access", "event")]


def _whole(name: str, *, marks: bool) -> list[str]:
    tables = (*_TABLES_OF_A_CASE, "event", "case_index", *(("anchored_head",) if marks else ()))
    return [
        *(f"DELETE FROM {table} WHERE case_id = :{name}" for table in tables),
        f"DELETE FROM case_record WHERE id = :{name}",
    ]


def of_cases() -> Iterator[Way]:
    for column, value in _CLEAR.items():
        yield by_sql(
            f"event: {column} changed",
            f"UPDATE event SET {column} = {value} WHERE case_id = :a AND seq = 2",
            case("a", 2, Flaw.altered),
        )
    for column, value in _OPENED.items():
        yield by_sql(
            f"record: {column} changed",
            f"UPDATE case_record SET {column} = {value} WHERE id = :a",
            case("a", 1, Flaw.unlinked),
        )
    yield Way("a byte of a sealed body", _flip_body, frozenset({case("a", 2, Flaw.body)}))
    for place, seq in (("first", 1), ("middle", 3)):
        yield by_sql(
            f"the {place} event deleted",
            f"DELETE FROM event WHERE case_id = :a AND seq = {seq}",
            case("a", seq, Flaw.missing),
        )
    forgotten = "UPDATE case_index SET last_seq = {last} WHERE case_id = :a"
    yield by_sql(
        "the last event deleted", "DELETE FROM event WHERE case_id = :a AND seq = 6", case("a", 6, Flaw.cut_off)
    )
    for last in (5, 2):
        yield by_sql(
            f"the tail cut off after {last}, index and marks too",
            [
                f"DELETE FROM event WHERE case_id = :a AND seq > {last}",
                forgotten.format(last=last),
                f"DELETE FROM event_words WHERE case_id = :a AND seq > {last}",
                "DELETE FROM anchored_head WHERE case_id = :a",
            ],
            case("a", last + 1, Flaw.cut_off),
        )
    yield by_sql(
        "an event replaced",
        [
            "UPDATE event SET actor = 'forger', hash = zeroblob(32), sealed = zeroblob(60) "
            "WHERE case_id = :a AND seq = 6",
        ],
        case("a", 6, Flaw.inserted),
    )
    yield by_sql("an event forged at the end", _FORGED.format(seq=7, after=6), case("a", 7, Flaw.inserted))
    yield by_sql(
        "an event slipped in, the rest renumbered",
        [*_SHIFT_UP, _FORGED.format(seq=3, after=2)],
        case("a", 3, Flaw.inserted),
        case("a", 4, Flaw.moved),
        case("a", 7, Flaw.moved),
    )
    yield by_sql(
        "an event taken out, the rest renumbered",
        [
            "DELETE FROM event WHERE case_id = :a AND seq = 3",
            "UPDATE event SET seq = seq + 1000 WHERE case_id = :a AND seq > 3",
            "UPDATE event SET seq = seq - 1001 WHERE case_id = :a AND seq > 1000",
        ],
        case("a", 3, Flaw.moved),
        case("a", 3, Flaw.unlinked),
        case("a", 5, Flaw.moved),
    )
    yield by_sql(
        "two events exchanged",
        [
            "UPDATE event SET seq = 1002 WHERE case_id = :a AND seq = 2",
            "UPDATE event SET seq = 2 WHERE case_id = :a AND seq = 3",
            "UPDATE event SET seq = 3 WHERE case_id = :a AND seq = 1002",
        ],
        case("a", 2, Flaw.moved),
        case("a", 3, Flaw.moved),
    )
    yield by_sql("two bodies exchanged", _exchange("sealed"), case("a", 2, Flaw.body), case("a", 4, Flaw.body))
    yield by_sql(
        "events of two cases exchanged",
        [
            "UPDATE event SET case_id = 'x' WHERE case_id = :a AND seq = 4",
            "UPDATE event SET case_id = :a WHERE case_id = :b AND seq = 4",
            "UPDATE event SET case_id = :b WHERE case_id = 'x'",
        ],
        case("a", 4, Flaw.inserted),
        case("b", 4, Flaw.inserted),
    )
    yield by_sql("a case emptied", "DELETE FROM event WHERE case_id = :b", case("b", 0, Flaw.no_events))
    yield by_sql(
        "a case emptied, the index too",
        ["DELETE FROM event WHERE case_id = :b", _FORGET_INDEX.format(name="b")],
        case("b", 0, Flaw.no_events),
        case("b", 1, Flaw.cut_off),
    )
    yield by_sql("a case's record deleted", "DELETE FROM case_record WHERE id = :b", case("b", 0, Flaw.no_record))
    yield by_sql("a case removed with index and keys", _whole("b", marks=False), case("b", 0, Flaw.case_removed))
    yield by_sql("a case removed whole", _whole("b", marks=True), case("b", 0, Flaw.case_removed))
    yield by_sql(
        "every case removed whole",
        [
            f"DELETE FROM {table}"
            for table in (*_TABLES_OF_A_CASE, "event", "case_index", "anchored_head", "case_record")
        ],
        *(case(name, 0, Flaw.case_removed) for name in ("a", "b", "words", "gone")),
    )
    yield Way("rewritten without the key", lambda one: _rewrite(one, None), frozenset({case("a", 2, Flaw.altered)}))
    yield Way("rewritten with the key", lambda one: _rewrite(one, one.vault), frozenset({case("a", 3, Flaw.rewritten)}))
    yield Way("an event added with the journal key alone", _add_with_journal_key, frozenset({case("a", 7, Flaw.body)}))
    yield from _of_words()
    yield from _of_erasure()


def _exchange(column: str) -> list[str]:
    first, second = (f"(SELECT {column} FROM event WHERE case_id = :a AND seq = {seq})" for seq in (2, 4))
    return [
        f"CREATE TEMP TABLE aside AS SELECT {first} AS one, {second} AS other",
        f"UPDATE event SET {column} = (SELECT other FROM aside) WHERE case_id = :a AND seq = 2",
        f"UPDATE event SET {column} = (SELECT one FROM aside) WHERE case_id = :a AND seq = 4",
    ]


def _flip_body(one: Intruder) -> None:
    query = "SELECT sealed FROM event WHERE case_id = ? AND seq = 2"
    ((sealed,),) = one.realm.execute(query, (one.kept.case("a"),)).fetchall()
    one.on(
        "UPDATE event SET sealed = :v0 WHERE case_id = :a AND seq = 2",
        sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:],
    )


def kept_rows(one: Intruder, query: str, *values: Any) -> list[SimpleNamespace]:
    found = one.realm.execute(query, values)
    names = [column[0] for column in found.description]
    rows = [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in found.fetchall()]
    for row in rows:
        for name in ("at", "occurred_at", "closed_at"):
            if hasattr(row, name):
                setattr(row, name, moment(getattr(row, name)))
    return rows


def _rewrite(one: Intruder, vault: Vault | None) -> None:
    """Event 2 is another's from now on, and every later one is linked anew."""
    rows = kept_rows(one, "SELECT * FROM event WHERE case_id = ? ORDER BY seq", one.kept.case("a"))
    before = rows[0].hash
    for row in rows[1:]:
        row.actor = "somebody-else" if row.seq == 2 else row.actor
        row.prev_hash = before
        plain = hashlib.sha256(f"{row.case_id} {row.seq} {row.actor}".encode() + before).digest()
        row.hash = before = journal.link_hash(vault, row) if vault else plain  # type: ignore[arg-type]
        one.on(
            "UPDATE event SET actor = :v0, prev_hash = :v1, hash = :v2 WHERE case_id = :a AND seq = :v3",
            row.actor,
            row.prev_hash,
            row.hash,
            row.seq,
        )


def _add_with_journal_key(one: Intruder) -> None:
    """The chain goes on as it should; what is in it was sealed for another place."""
    (row,) = kept_rows(one, "SELECT * FROM event WHERE case_id = ? AND seq = 6", one.kept.case("a"))
    row.seq, row.prev_hash = 7, row.hash
    own = journal.link_hash(one.vault, row)
    one.on(
        "INSERT INTO event SELECT case_id, 7, kind, actor, role, at, occurred_at, sealed, body_commitment, "
        "words_commitment, hash, :v0 FROM event WHERE case_id = :a AND seq = 6",
        own,
    )


def _of_words() -> Iterator[Way]:
    words = "event_words SET sealed = zeroblob(40) WHERE case_id = :a AND seq = 3"
    yield by_sql("words changed", f"UPDATE {words}", case("a", 3, Flaw.words))
    yield by_sql(
        "words taken away", "DELETE FROM event_words WHERE case_id = :a AND seq = 3", case("a", 3, Flaw.words_missing)
    )
    yield by_sql(
        "words slipped in",
        "INSERT INTO event_words SELECT case_id, 2, object_id, sealed FROM event_words WHERE case_id = :a AND seq = 1",
        case("a", 2, Flaw.words),
    )
    yield by_sql(
        "words taken away under a forged tombstone",
        [
            "DELETE FROM event_words WHERE case_id = :a AND seq = 3",
            "INSERT INTO tombstone VALUES (:a, 3, '2026-11-25 09:30:00.000000', 'me', zeroblob(32))",
        ],
        case("a", 3, Flaw.tombstone),
        case("a", 3, Flaw.words_missing),
    )
    yield by_sql("the key of words taken away", "DELETE FROM object_key WHERE case_id = :a", case("a", 3, Flaw.words))
    yield by_sql(
        "a tombstone of words taken away",
        "DELETE FROM tombstone WHERE case_id = :words",
        case("words", 1, Flaw.words_missing),
    )


def _of_erasure() -> Iterator[Way]:
    yield by_sql(
        "the key of a case taken away", "DELETE FROM case_key WHERE case_id = :a", case("a", 0, Flaw.key_missing)
    )
    yield by_sql(
        "the tombstone of an erased case taken away",
        "DELETE FROM tombstone WHERE case_id = :gone",
        case("gone", 0, Flaw.key_missing),
        case("gone", 0, Flaw.came_back),
    )
    yield Way(
        "the list of erased cases cut",
        lambda one: (one.folder / "erased.jsonl").write_bytes(b""),
        frozenset({of(Chain.anchors, 2, Flaw.erased_list)}),
    )
    yield Way("the list of erased cases changed", _change_erased, frozenset({of(Chain.anchors, 0, Flaw.erased_list)}))


def _change_erased(one: Intruder) -> None:
    path = one.folder / "erased.jsonl"
    path.write_bytes(path.read_bytes().replace(one.kept.case("gone").encode(), one.kept.case("a").encode()))
