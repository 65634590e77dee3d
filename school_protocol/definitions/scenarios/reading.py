"""From a scenario's bytes to a `Scenario`, or every fault of how it is written; and from a finding to its line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from school_protocol.definitions.book import Finding
from school_protocol.definitions.explaining import explain, unknown_key
from school_protocol.definitions.scenarios.limits import LARGEST, too_much
from school_protocol.definitions.tree import Entries, Path, Scalar, Unreadable, follow, grow, placed, plain
from school_protocol.domain.errors import DefinitionError, Fault
from school_protocol.domain.phrases import N_, Phrase
from school_protocol.domain.scenario import Scenario

_LONGEST = 400
MOST_FAULTS = 200
"""Of a file that is too large in many places: nobody reads more."""
PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""What a protocol is called: it names a folder, and never leads out of one."""


def read(data: bytes, file: str) -> Scenario:
    """The scenario that `data` holds; `file` is its name in messages. Raises DefinitionError with every fault."""
    if len(data) > LARGEST:
        said = Phrase(N_("the file is larger than %(size)s KiB"), size=LARGEST // 1024)
        raise DefinitionError(file, (Fault(1, said),))
    try:
        root, faults, _lost = grow(data)
    except Unreadable as error:
        raise DefinitionError(file, (error.fault,)) from None
    hostile = tuple(_at(root, finding.path, finding) for finding in (*too_much(root), *_astray(root)))
    if hostile:
        raise DefinitionError(file, in_order((*faults, *hostile)[:MOST_FAULTS]))
    if "digest" in root.nodes:
        faults.append(Fault(root.nodes["digest"].line, unknown_key("digest", (), (), Scenario)))
    values = {key: plain(node) for key, node in root.nodes.items() if key != "digest"}
    values |= {"format": 1} if values.get("format") == "1" else {}
    scenario = None
    try:
        scenario = Scenario.model_validate(values)
    except ValidationError as error:
        faults += _refused(root, error)
    if faults or scenario is None:
        raise DefinitionError(file, in_order(faults))
    return scenario.model_copy(update={"digest": hashlib.sha256(data).hexdigest()})


def _astray(root: Entries) -> Iterator[Finding]:
    """A protocol whose name would lead elsewhere than to a protocol."""
    named = root.nodes.get("protocol")
    if isinstance(named, Scalar) and not named.flawed and not PLAIN_NAME.fullmatch(named.text):
        said = Phrase(N_('"%(name)s" is not a name: small letters, digits and hyphens'), name=named.text)
        yield Finding(("protocol",), said)


def located(data: bytes, findings: Iterable[Finding]) -> tuple[Fault, ...]:
    """What was found of a scenario that can be read, each with its line."""
    root, _faults, _lost = grow(data)
    return in_order(_at(root, finding.path, finding) for finding in findings)


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each fault once, by its line."""
    return tuple(dict.fromkeys(sorted(faults, key=lambda fault: (fault.line, fault.message))))


def _at(root: Entries, path: Path, finding: Finding) -> Fault:
    nodes, walked = follow(root, path)
    shown = walked[:-1] if walked and isinstance(walked[-1], int) and isinstance(nodes[-1], Scalar) else walked
    return Fault(nodes[-1].line, placed(shown, finding.message).shortened(_LONGEST))


def _refused(root: Entries, error: ValidationError) -> list[Fault]:
    """What the model refuses, in an author's words; what is flawed already is not said again."""
    faults = []
    for details in error.errors(include_url=False):
        loc = tuple(details["loc"])
        nodes, walked = follow(root, loc)
        if any(node.flawed for node in nodes):
            continue
        if details["type"] == "too_short":
            said = placed(walked, Phrase(N_("one at least must stand here")))
        else:
            path = (*walked, *loc[-1:]) if details["type"] == "missing" else walked
            said = explain(details, loc, path, Scenario)
        faults.append(Fault(nodes[-1].line if walked else 1, said.shortened(_LONGEST)))
    return faults
