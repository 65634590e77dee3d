"""`./run mutants`: every mutant of every shipped definition is judged, and docs/mutants.md says what became of them."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from tests.definitions.editing import written
from tests.definitions.judging import REASONS, Judged, judged, reason
from tests.definitions.mutating import KINDS, Mutant, Tree, mutants

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "mutants.md"
KEPT = ROOT / "build" / "mutants"
"""What was judged before, so that an interrupted run goes on where it was."""
SHIPPED = sorted((ROOT / "protocol_definitions").glob("*/[0-9]*.yaml"))
SEED = 20261125


@dataclass(frozen=True)
class Chapter:
    """One definition in the table: its name, the digest of what is proven of it, how many mutants there are, and those
    that were judged.

    `reasons`: why each that lives does no harm.
    """

    name: str
    digest: str
    many: int
    found: tuple[Judged, ...]
    reasons: Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    chapters = [_chapter(path, asked.sample, asked.jobs) for path in asked.definition or SHIPPED]
    asked.output.write_text(page(chapters), "utf-8")
    print(asked.output)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("./run mutants", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes beside each other (1)")
    parser.add_argument("--sample", type=int, metavar="N", help="of each definition N mutants at most, drawn by kind")
    parser.add_argument("-o", "--output", type=Path, default=TABLE, help="the page (docs/mutants.md)")
    parser.add_argument("definition", type=Path, nargs="*", help="definitions (all that are shipped)")
    return parser


# ---- judging ---------------------------------------------------------------------------------------------------------


def sampled(every: Sequence[Mutant], wanted: int | None) -> list[Mutant]:
    """At most so many, each kind in turn, drawn from a fixed seed; in the order of the file."""
    if wanted is None or wanted >= len(every):
        return list(every)
    rng = random.Random(SEED)
    kinds = {kind: [one for one in every if one.kind == kind] for kind in KINDS}
    for found in kinds.values():
        rng.shuffle(found)
    picked: list[Mutant] = []
    while len(picked) < wanted:
        for found in kinds.values():
            if found and len(picked) < wanted:
                picked.append(found.pop())
    return [one for one in every if one in picked]


_at_work: dict[str, Tree] = {}


def _judge(task: tuple[str, str]) -> Judged:
    path, name = task
    data = _at_work.setdefault(path, written(Path(path)))
    return judged(data, next(one for one in mutants(data) if one.name == name))


def _chapter(path: Path, sample: int | None, jobs: int) -> Chapter:
    data = written(path)
    every = list(mutants(data))
    wanted = sampled(every, sample)
    kept = KEPT / f"{path.parent.name}-{path.stem}-{_code_digest(path)}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    known = {one.name: one for one in map(Judged.of, kept.read_text("utf-8").splitlines())} if kept.exists() else {}
    left = [(str(path), one.name) for one in wanted if one.name not in known]
    with Pool(jobs) as pool, kept.open("a", encoding="utf-8") as rows:
        for number, one in enumerate(pool.imap_unordered(_judge, left), start=1):
            known[one.name] = one
            print(one.row(), file=rows, flush=True)
            said = ", ".join(one.properties) or one.message or "lives"
            print(f"{path.parent.name} {number}/{len(left)} {one.name}: {one.by}: {said}", file=sys.stderr)
    found = tuple(known[one.name] for one in wanted)
    reasons = {one.name: reason(data, one) for one in wanted if known[one.name].by == "nobody"}
    return Chapter(f"{path.parent.name}/{path.stem}", bones(path), len(every), found, reasons)


_UNPROVEN = {
    "administers", "documents", "figures", "invites", "keeps_contacts", "letterhead", "pieces", "retention", "review",
    "second_factor", "signalement", "sources", "notice", "teams", "title", "trains", "visits", "editable", "code",
    "provenance", "for_figures",
}  # fmt: skip
_SAYS = {"fr", "ar", "en"}


def bones(path: Path) -> str:
    """The digest of a definition without its words, its documents, and what else no proof looks at."""
    return hashlib.sha256(json.dumps(_bare(_recorded(written(path))), sort_keys=True).encode()).hexdigest()


def _recorded(data: Tree) -> Tree:
    """Without the forms that no act records: they lie outside every case; nor who goes along, whom no fact reads."""
    used = {act["form"] for act in data["acts"].values()}
    forms = {key: form for key, form in data["forms"].items() if key in used}
    return {**data, "forms": {key: {**form, "fields": _staying(form["fields"])} for key, form in forms.items()}}


def _staying(fields: Tree) -> Tree:
    return {key: one for key, one in fields.items() if not one.get("goes_along")}


def _bare(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _bare(one) for key, one in data.items() if key not in _UNPROVEN and not _is_text(one)}
    return [_bare(one) for one in data if not _is_text(one)] if isinstance(data, list) else data


def _is_text(data: Any) -> bool:
    return isinstance(data, dict) and bool(data) and data.keys() <= _SAYS


def _code_digest(path: Path) -> str:
    """Of the definition, and of all that makes and judges its mutants."""
    rooms = (ROOT / "school_protocol" / room for room in ("definitions", "domain"))
    own = (Path(__file__).with_name(name) for name in ("mutating.py", "judging.py"))
    judging = [path, *(file for room in rooms for file in sorted(room.rglob("*.py"))), *own]
    return hashlib.sha256(b"".join(one.read_bytes() for one in judging)).hexdigest()[:16]


# ---- the page --------------------------------------------------------------------------------------------------------

INTRODUCTION = """# Mutants

The proof of a definition (`school_protocol/proof`) is itself tested by mutation: one need, role, trigger,
deadline, signature or move of a shipped definition is removed or weakened at a time, and the faulty definition is read
and proven. A mutant is refused by the **checker** (`definitions check` would not even read it), refused by the
**proof** (the properties that do not hold, or could not be proven, are named), or **lives**: then the reason why it
does no harm is named, worked out from the definition as it is written, not from the proof. What must be refused, and by
which property, is written down in `tests/definitions/test_mutants.py`.

This page is made by `./run mutants [--jobs N] [--sample N]`, which goes on where it was interrupted; it is not edited
by hand.
"""


def page(chapters: Iterable[Chapter]) -> str:
    return "\n".join([INTRODUCTION, *(line for one in chapters for line in _said(one))]).rstrip() + "\n"


def _said(chapter: Chapter) -> Iterator[str]:
    found = chapter.found
    yield f"## {chapter.name}\n"
    yield f"Bones (all but words and documents) `{chapter.digest}`. " + (
        f"All {chapter.many} mutants." if len(found) == chapter.many
        else f"{len(found)} of {chapter.many} mutants, drawn by kind from a fixed seed."
    ) + "\n"  # fmt: skip
    yield "| Kind | Mutants | Checker | Proof | Live |\n| --- | --: | --: | --: | --: |"
    for kind, what in KINDS.items():
        yield _row(f"{kind}: {what}", [one for one in found if one.kind == kind])
    yield _row("**all**", found) + "\n"
    stories, replayed = sum(one.stories for one in found), sum(one.replayed for one in found)
    yield f"Of {stories} stories of refused mutants, the engine took every step of {replayed}.\n"
    yield from _refusals(found)
    yield from _survivors(chapter)


def _row(what: str, found: Sequence[Judged]) -> str:
    by = Counter(one.by for one in found)
    return f"| {what} | {len(found)} | {by['checker']} | {by['proof']} | {by['nobody']} |"


def _refusals(found: Sequence[Judged]) -> Iterator[str]:
    yield "| Refused by the property | Mutants |\n| --- | --: |"
    counted = Counter(name for one in found for name in one.properties)
    yield from (f"| `{name}` | {count} |" for name, count in sorted(counted.items(), key=lambda one: (-one[1], one[0])))
    unproven = [one for one in found if one.faults and all(verdict != "failed" for _n, verdict, _s in one.faults)]
    yield f"\n{len(unproven)} of them only because a property could not be proven, which is never taken for proven.\n"


def _survivors(chapter: Chapter) -> Iterator[str]:
    for name, sentence in REASONS.items():
        alive = [mutant for mutant, why in chapter.reasons.items() if why == name]
        if alive:
            yield f"**Live, {name}** ({len(alive)}). {sentence}\n"
            yield from (f"- {mutant}" for mutant in alive)
            yield ""


if __name__ == "__main__":
    sys.exit(main())
