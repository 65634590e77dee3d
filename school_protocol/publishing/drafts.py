"""What is known of a draft at one moment: its faults or its meaning, and all that keeps it from being published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import DefinitionError, Fault
from school_protocol.proof.state_space import Proof
from school_protocol.protocol.difference import Change, difference
from school_protocol.protocol.reader import read
from school_protocol.publishing.draft_process import proof_in
from school_protocol.publishing.repository import DefinitionDraft

_AROUND = 160


@dataclass(frozen=True, slots=True)
class FaultLine:
    """A fault of the file, with the line as it stands there."""

    fault: Fault
    text: str

    @property
    def message(self) -> str:
        """In English."""
        return self.fault.message


@dataclass(frozen=True, slots=True)
class StoryLine:
    """How one stored case goes on the draft. `step` is 0 where it goes as before."""

    title: Mapping[str, str] | str
    steps: int
    step: int = 0
    actor: str = ""
    do: str = ""
    how: str = ""
    said: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """A draft, read and compared. `protocol` is None where the file has faults; `before` where there is no version."""

    draft: DefinitionDraft
    protocol: Protocol | None
    before: Protocol | None
    changes: tuple[Change, ...]
    proof: Proof | None
    stories: tuple[StoryLine, ...]
    obstacles: tuple[str, ...]
    """Codes of what keeps it from being published, whoever asks."""

    @property
    def faults(self) -> tuple[FaultLine, ...]:
        lines = self.draft.content.decode("utf-8", "replace").splitlines()
        return tuple(
            FaultLine(each, _shown(lines[each.line - 1] if 0 < each.line <= len(lines) else ""))
            for each in _found_again(self.draft)
        )

    @property
    def loosened(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.is_loosening)

    @property
    def is_worked_out(self) -> bool:
        return self.draft.report is not None

    @property
    def is_unfinished(self) -> bool:
        return self.draft.report is not None and self.proof is None


def _found_again(draft: DefinitionDraft) -> tuple[Fault, ...]:
    """The faults of the kept file, read anew: what is kept of them is their English. That, where none is found now."""
    if draft.faults:
        try:
            read(draft.content, draft.file)
        except DefinitionError as error:
            return error.faults
    return draft.faults


def _shown(line: str) -> str:
    plain = "".join(each if each.isprintable() else "�" for each in line.strip())
    return plain if len(plain) <= _AROUND else plain[:_AROUND] + "…"


def looked_at(draft: DefinitionDraft, before: Protocol | None, *, latest: int, others_publish: bool) -> Looked:
    """All that decides about a draft. `before` is the current version, `latest` the highest number published."""
    protocol = read(draft.content, draft.file) if draft.protocol else None
    report = draft.report or {}
    proof = proof_in(report["proof"]) if "proof" in report else None
    changes = difference(before, protocol) if before and protocol else ()
    looked = Looked(draft, protocol, before, changes, proof, tuple(map(_story, report.get("stories", ()))), ())
    found = tuple(_obstacles(looked, latest, others_publish)) if draft.is_open else ()
    return Looked(draft, protocol, before, changes, proof, looked.stories, found)


def _obstacles(looked: Looked, latest: int, others_publish: bool) -> Iterator[str]:
    draft, protocol = looked.draft, looked.protocol
    if protocol is None:
        yield "faults"
        return
    if looked.before is not None and draft.digest == looked.before.digest:
        yield "same"
        return
    if draft.version <= latest:
        yield "version_taken"
    if (looked.before.digest if looked.before else "") != draft.base:
        yield "moved_on"
    if not looked.is_worked_out:
        yield "worked_out"
    elif looked.proof is None:
        yield "unfinished"
    elif not looked.proof.holds:
        yield "unproven"
    if looked.loosened:
        yield "loosened"
    if not others_publish and not any(role.publishes for role in protocol.roles.values()):
        yield "nobody_left"


def _story(kept: Mapping[str, Any]) -> StoryLine:
    return StoryLine(
        title=kept["title"],
        steps=kept["steps"],
        step=kept.get("step", 0),
        actor=kept.get("as", ""),
        do=kept.get("do", ""),
        how=kept.get("how", ""),
        said=kept,
    )
