"""What can go wrong in the product, as one tree.

SchoolProtocolError
├── DefinitionError      a definition cannot be used: every fault with its place
├── Refused              the engine's answer to an intent: reasons, never a blank no
├── Conflict             somebody else wrote first: the expected number of the case has passed
├── SentBefore           a form's one-time token was used up with other words: those just sent are not recorded
├── Unseen               absent, or not for this person: the two are never told apart
├── NotOpenYet           this installation takes nothing about real pupils yet: its go-live list is not signed
├── BadInput             a value that the form's own field refuses, by field
├── Sealed               a sealed value cannot be opened: key destroyed or wrong
└── Tampered             a chain, a commitment or a signature does not hold
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from school_protocol.engine.intents import Reason
    from school_protocol.engine.texts import Text


class SchoolProtocolError(Exception):
    """Base of every error that the product raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a definition file: 1-based line, message in English; a `Phrase` can be said in other languages."""

    line: int
    message: str


class DefinitionError(SchoolProtocolError):
    """A definition cannot be used; `faults` holds all of them, in the order of their lines."""

    def __init__(self, file: str, faults: tuple[Fault, ...]) -> None:
        self.file = file
        self.faults = faults
        super().__init__("\n".join(f"{file}:{fault.line}: {fault.message}" for fault in faults))


class Refused(SchoolProtocolError):
    """An intent is not open now; `reasons` say why, who can lift each, and where."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reason.code for reason in reasons))


class Conflict(SchoolProtocolError):
    """The case moved on since the form was opened: `expected` and `found` are event numbers."""

    def __init__(self, expected: int, found: int) -> None:
        self.expected = expected
        self.found = found
        super().__init__(f"expected event {expected}, found {found}")


class SentBefore(SchoolProtocolError):
    """This form was recorded already, but it said something else then; `outcome` is where that led."""

    def __init__(self, outcome: Mapping[str, Any]) -> None:
        self.outcome = outcome
        super().__init__("the form was recorded before, with other words")


class Unseen(SchoolProtocolError):
    """The thing does not exist, or this person may not know that it does."""


class NotOpenYet(SchoolProtocolError):
    """No case is opened here, and no report taken, before those who answer for this installation have signed."""


class BadInput(SchoolProtocolError):
    """Values refused by their fields: field path → message codes; `sentences`: what a definition says of some codes."""

    def __init__(self, problems: dict[str, tuple[str, ...]], sentences: Mapping[str, Text] | None = None) -> None:
        self.problems = problems
        self.sentences = sentences or {}
        super().__init__(", ".join(sorted(problems)))


class Sealed(SchoolProtocolError):
    """A sealed value cannot be opened."""


class Tampered(SchoolProtocolError):
    """Kept data do not agree with their chain, commitment or signature."""
