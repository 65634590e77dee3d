"""Tampering: whatever is changed, taken away, slipped in or moved is refused by the database, or found and named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from services.journaling import Kept, again, client, copied, told

from school_protocol.ops import journal_checks
from school_protocol.ops.journal_checks import Verdict, verify
from school_protocol.storage import access_log, administration_log, anchors, chain_checks, journal
from school_protocol.storage.journal import Chain
from trials.frame import Outcome, Size, Trial
from trials.tampering_more import every
from trials.tampering_ways import REFUSALS, Intruder, Named, Refusal, Way


def run(size: Size, folder: Path) -> Outcome:
    """Each way on a copy of its own; an untouched copy passes, and a verifier that skips a check misses something."""
    kept = told(folder / "data")
    sound = folder / "sound"
    copied(kept, sound)
    ways = every()[::12] if size is Size.short else every()
    faults = [*_untouched(kept, sound, folder)]
    for place, way in enumerate(ways):
        faults += missed(way, kept, sound, folder / f"way-{place}")
    faults += _accepted(REFUSALS, kept, sound)
    more = 0
    if size is Size.whole:
        from trials.tampering_server import on_postgresql

        outcome = on_postgresql(folder / "server")
        faults, more = [*faults, *outcome.faults], outcome.tried
    planted, found = _weakened(size, kept, sound, folder)
    return Outcome(1 + len(ways) + len(REFUSALS) + more, "ways", tuple(faults), planted, found)


def _untouched(kept: Kept, sound: Path, folder: Path) -> Iterator[str]:
    with _copy(sound, folder / "untouched") as own:
        verdict = _verdict(kept, own)
        if not verdict.holds or verdict.seen.anchors != 3 or verdict.erased != 1:
            yield f"an untouched journal does not pass: {verdict.breaks}"


@contextmanager
def _copy(sound: Path, own: Path) -> Iterator[Path]:
    shutil.copytree(sound, own)
    try:
        yield own
    finally:
        shutil.rmtree(own)


def _verdict(kept: Kept, own: Path) -> Verdict:
    with closing(again(kept, own)) as ctx:
        return verify(ctx)


def _tamper(way: Way, kept: Kept, own: Path) -> None:
    with (
        client(own / "realm.sqlite", guarded=False) as realm,
        client(own / "directory.sqlite", guarded=False) as people,
    ):
        way.tamper(Intruder(kept, own, realm, people, kept.ctx.vault))


def missed(way: Way, kept: Kept, sound: Path, own: Path) -> Iterator[str]:
    """What a verdict doesn't name, or names although nobody touched it."""
    with _copy(sound, own):
        _tamper(way, kept, own)
        named = _named(kept, _verdict(kept, own))
    if missing := way.found - named:
        yield f"{way.name}: not named {_said(missing)}; named {_said(named)}"
    touched = {(chain, name) for chain, name, _seq, _flaw in way.found}
    if innocent := {one for one in named if (_kind(one[0]), one[1]) not in {(_kind(c), n) for c, n in touched}}:
        yield f"{way.name}: named, though untouched: {_said(innocent)}"


def _kind(chain: Chain) -> Chain:
    return Chain.access if chain is Chain.access_batch else chain


def _named(kept: Kept, verdict: Verdict) -> frozenset[Named]:
    names = {case_id: name for name, case_id in kept.cases.items()}
    return frozenset((one.chain, names.get(one.case_id, one.case_id), one.seq, one.flaw) for one in verdict.breaks)


def _said(named: frozenset[Named] | set[Named]) -> str:
    return (
        ", ".join(sorted(f"{chain.value} {name} {seq} {flaw.value}" for chain, name, seq, flaw in named)) or "nothing"
    )


def _accepted(refusals: Sequence[Refusal], kept: Kept, sound: Path) -> Iterator[str]:
    """Statements that the guards let through, from a client without any of our settings."""
    for refusal in refusals:
        with client(sound / f"{refusal.part}.sqlite", guarded=True) as connection:
            try:
                connection.execute(refusal.statement, kept.cases)
            except sqlite3.IntegrityError:
                continue
            finally:
                connection.rollback()
        yield f"{refusal.name}: not refused"


# ---- planted: a verifier with one check switched off ----------------------------------------------------------------


def _nothing(*_: Any, **__: Any) -> Iterator[Any]:
    return iter(())


SWITCHED_OFF: tuple[tuple[str, Any, str, Callable[..., Any], str], ...] = (
    ("links of events", journal, "_links", _nothing, "event: actor changed"),
    ("sealed content", journal, "_openable", _nothing, "a byte of a sealed body"),
    ("the index", journal, "_tail", _nothing, ""),
    ("accesses", access_log, "verify", _nothing, "access: account changed"),
    ("rows of a batch", access_log, "_verify_rows", _nothing, "access 7 taken away"),
    ("administration", administration_log, "verify", _nothing, "administration: reason changed"),
    ("entries without link", administration_log, "_without_link", _nothing, "an entry slipped in"),
    ("comparing with anchors", chain_checks, "compare", _nothing, "a case removed whole"),
    ("heads of cases in anchors", chain_checks, "_compare_cases", _nothing, "rewritten with the key"),
    ("accesses in anchors", chain_checks, "_compare_accesses", _nothing, "accesses emptied"),
    ("administration in anchors", chain_checks, "_compare_administration", _nothing, "the end cut off"),
    ("erased cases in anchors", chain_checks, "_compare_erased", _nothing, "the list of erased cases cut"),
    ("anchors noted in the database", chain_checks, "_taken", _nothing, "anchor 3 taken away"),
    (
        "anchors themselves",
        anchors,
        "check",
        lambda folder, **_: anchors.Checked((), ()),
        "an anchor's signature changed",
    ),
    ("cases one by one", journal_checks, "_of_cases", _nothing, "event: role changed"),
)
"""What is switched off, where, and a way that must be missed then. The index shows nothing that anchors don't."""


def _weakened(size: Size, kept: Kept, sound: Path, folder: Path) -> tuple[int, int]:
    """How many checks were switched off, and how often that was seen: the way is no more named as it must be."""
    checks = [one for one in SWITCHED_OFF if one[4]]
    checks = checks[:2] if size is Size.short else checks
    ways = {way.name: way for way in every()}
    found = 0
    for place, (_name, module, attribute, instead, way) in enumerate(checks):
        with patch.object(module, attribute, instead):
            found += any("not named" in fault for fault in missed(ways[way], kept, sound, folder / f"weak-{place}"))
    return len(checks), found


TRIALS = (Trial("tampering", "rows, chains, files and anchors touched: each refused, or found and named", 100, run),)
