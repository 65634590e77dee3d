"""Scenarios that a trainer brings: checked and played apart, then offered beside those that are shipped.

A room keeps the file that it was made with: a newer version, or a withdrawal, changes nothing in a room that is there.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from school_protocol.config import Settings
from school_protocol.definitions import read as read_protocol
from school_protocol.definitions.book import Finding
from school_protocol.definitions.saying import FaultSaid, fault_said
from school_protocol.definitions.scenarios import located, read
from school_protocol.definitions.scenarios.limits import LARGEST
from school_protocol.domain.errors import BadInput, DefinitionError, Fault, Unseen
from school_protocol.domain.phrases import N_, Phrase, again, str_of, written
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.scenario import Scenario
from school_protocol.services.house import House
from school_protocol.services.loading import account_names
from school_protocol.services.papers.apart import Broken, Crew, Stopped
from school_protocol.services.workshops import scenarios
from school_protocol.services.workshops.scenarios import Versions, shipped_protocol
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.storage.workshops import uploaded
from school_protocol.storage.workshops.uploaded import Told, Upload, UploadState
from school_protocol.wording import Wording

Outcome = Told | tuple[Fault, ...]
"""What a playable file says of itself, or every fault: plain values, that go from one process to another."""
Check = Callable[[House, bytes, str], Outcome]

SECONDS = 900.0
"""How long a process that checks a file may say nothing; one that is stopped then found nothing against the file."""
LEASE = timedelta(seconds=2 * SECONDS)
"""A file that nobody settled by then is checked anew: whoever was at it is gone."""
WAITING_MOST = 3
REFUSED_MOST = 10
"""So many refused files are kept of a trainer, the latest."""
LISTED_MOST = 60
NAME = "scenario.yaml"
_AROUND = 160
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offered:
    """A scenario that a workshop can be made of, with the version of the protocol that it is played on."""

    scenario: Scenario
    data: bytes
    protocol: Protocol
    content: bytes
    upload: Upload | None = None
    """None: it comes with the product."""


@dataclass(frozen=True, slots=True)
class UploadLine:
    upload: Upload
    who: str
    """Empty where nobody's account brought it."""


@dataclass(frozen=True, slots=True)
class UploadView:
    """One file: its faults in the reader's language, or the scenario that it is."""

    line: UploadLine
    faults: tuple[FaultSaid, ...]
    scenario: Scenario | None
    replaced_by: Upload | None


# ---- bringing ------------------------------------------------------------------------------------------------------


def bring(house: House, trainer: Actor | None, content: bytes, file: str) -> str:
    """Keep a file that is to be checked; returns its id. The same file while it waits or is offered is the same.

    Raises BadInput: `required`, `too_large`, `too_many` while others of theirs wait.
    """
    if not content:
        raise BadInput({"file": ("required",)})
    if len(content) > LARGEST:
        raise BadInput({"file": ("too_large",)})
    digest, mine = hashlib.sha256(content).hexdigest(), _id(trainer)
    with house.directory.writing() as session:
        before = uploaded.same(session, mine, digest)
        if before is not None:
            return before
        if uploaded.count(session, mine, UploadState.waiting) >= WAITING_MOST:
            raise BadInput({"file": ("too_many",)})
        uploaded.drop_refused(session, mine, keep=REFUSED_MOST)
        return uploaded.add(
            session, account=mine, file=_named(file), content=content, digest=digest, at=house.now()
        )  # fmt: skip


def _id(trainer: Actor | None) -> str | None:
    return trainer.id if trainer is not None else None


def _named(file: str) -> str:
    """The name of a file without its folders, and without what no screen shows."""
    plain = "".join(each for each in re.split(r"[/\\]", file)[-1] if each.isprintable())
    return plain[-uploaded.FILE_MOST :] or NAME


# ---- checking ------------------------------------------------------------------------------------------------------


def versions_of(house: House) -> Versions:
    """The versions of protocols at hand here: those published, then those that are shipped."""

    def find(key: str, version: int) -> tuple[Protocol, bytes] | None:
        try:
            with house.directory.reading() as session:
                found = directory.definition(session, key, version)
        except Unseen:
            return shipped_protocol(key, version)
        return read_protocol(found.content, f"{key}/{version}.yaml"), found.content

    return find


def checked(house: House, content: bytes, file: str) -> Outcome:
    """What the scenario says of itself that the file holds, if it can be played; else every fault. It takes seconds."""
    found = scenarios.read_uploaded(content, file, versions_of(house))
    if isinstance(found, tuple):
        return found
    return Told(found.scenario, found.version, dict(found.title.root), found.minutes)


def checked_apart(settings: Settings) -> Check:
    """The same in a process of its own, niced and stopped after `SECONDS`."""

    def check(house: House, content: bytes, file: str) -> Outcome:
        with Crew(settings, 1, seconds=SECONDS) as crew:
            return crew.do(checked, content, file, now=house.now())

    return check


def check_next(house: House, check: Check) -> bool:
    """Check the file that has waited longest; whether there was one."""
    with house.directory.writing() as session:
        upload = uploaded.take(session, now=house.now(), left_since=house.now() - LEASE)
        found = uploaded.find(session, upload) if upload is not None else None
    if found is None:
        return False
    try:
        outcome = check(house, found.content, found.file)
    except Stopped:
        _log.warning("the check of scenario %s was stopped: it is begun anew", found.id)
        return True
    except Broken:
        _log.warning("scenario %s could not be checked", found.id, exc_info=True)
        outcome = (Fault(1, Phrase(N_("checking this file broke off: make it smaller"))),)
    with house.directory.writing() as session:
        _settle(session, found, outcome, house.now())
    return True


def _settle(session: Session, found: Upload, outcome: Outcome, now: datetime) -> None:
    faults = outcome if isinstance(outcome, tuple) else _taken(session, found, outcome)
    if isinstance(outcome, Told) and not faults:
        uploaded.offer(session, found, outcome, at=now)
    else:
        uploaded.refuse(session, found.id, [(one.line, written(one.message)) for one in faults], at=now)


def _taken(session: Session, found: Upload, scenario: Told) -> tuple[Fault, ...]:
    """What keeps a playable scenario from standing beside those that are there: its name, or its version."""
    if scenarios.find(scenario.scenario) is not None:
        said = Phrase(
            N_('a scenario that comes with the product is called "%(name)s": choose another name'),
            name=scenario.scenario,
        )
        return located(found.content, [Finding(("scenario",), said)])
    most, digests = uploaded.before(session, found.account, scenario.scenario)
    if scenario.version > most or found.digest in digests:
        return ()
    said = Phrase(
        N_("version %(version)s was uploaded before with other contents: write %(next)s here"),
        version=scenario.version if scenario.version == most else most, next=most + 1,
    )  # fmt: skip
    return located(found.content, [Finding(("version",), said)])


# ---- seeing --------------------------------------------------------------------------------------------------------


def see_own(house: House, trainer: Actor | None) -> tuple[UploadLine, ...]:
    """What this trainer brought, latest first."""
    with house.directory.reading() as session:
        found = uploaded.of_account(session, _id(trainer), limit=LISTED_MOST)
    return tuple(UploadLine(one, _who(house, trainer)) for one in found)


def _who(house: House, trainer: Actor | None) -> str:
    return account_names(house, [trainer.id], trainer.language).get(trainer.id, "") if trainer is not None else ""


def see(house: House, trainer: Actor | None, upload: str, language: str) -> UploadView:
    """One of one's own; raises Unseen for any other."""
    with house.directory.reading() as session:
        found = uploaded.own(session, _id(trainer), upload)
        others = uploaded.of_account(session, _id(trainer), limit=LISTED_MOST)
    lines, w = found.content.decode("utf-8", "replace").splitlines(), Wording(language)
    faults = tuple(
        fault_said(w, Fault(line, str_of(again(said))), _shown(lines[line - 1] if 0 < line <= len(lines) else ""))
        for line, said in found.faults
    )
    by = next(
        (one for one in others if one.scenario == found.scenario and one.state is UploadState.ready), None
    )  # fmt: skip
    scenario = _readable(found) if found.state is UploadState.ready else None
    replaced = by if found.state is UploadState.replaced else None
    return UploadView(UploadLine(found, _who(house, trainer)), faults, scenario, replaced)


def _readable(found: Upload) -> Scenario | None:
    """None: it was taken by an earlier version of the program, whose rules were others."""
    try:
        return read(found.content, found.file)
    except DefinitionError:
        return None


def _shown(line: str) -> str:
    plain = "".join(each if each.isprintable() else "\ufffd" for each in line.strip())
    return plain if len(plain) <= _AROUND else plain[:_AROUND] + "…"


def file_of(house: House, trainer: Actor | None, upload: str) -> Upload:
    """The very bytes that were brought; raises Unseen."""
    with house.directory.reading() as session:
        return uploaded.own(session, _id(trainer), upload)


def withdraw(house: House, trainer: Actor | None, upload: str) -> bool:
    """It is offered no more; rooms that play it go on. False where it was not offered. Raises Unseen."""
    with house.directory.writing() as session:
        uploaded.own(session, _id(trainer), upload)
        return uploaded.withdraw(session, upload, at=house.now())


# ---- offering ------------------------------------------------------------------------------------------------------


def offered(house: House, trainer: Actor | None) -> tuple[Upload, ...]:
    """What this trainer brought and can make workshops of, by its name."""
    with house.directory.reading() as session:
        every = uploaded.of_account(session, _id(trainer), limit=LISTED_MOST * 10)
    return tuple(sorted((one for one in every if one.state is UploadState.ready), key=lambda one: one.scenario))


def choose(house: House, trainer: Actor | None, upload: str) -> Offered:
    """One of one's own that is offered, ready to be played; raises Unseen."""
    found = file_of(house, trainer, upload)
    if found.state is not UploadState.ready:
        raise Unseen(upload)
    scenario = _readable(found)
    at_hand = next(scenarios.protocols_of(scenario, versions_of(house)), None) if scenario is not None else None
    if scenario is None or at_hand is None:
        raise Unseen(upload)
    return Offered(scenario, found.content, *at_hand, upload=found)


def shipped(key: str) -> Offered:
    """A scenario that comes with the product, ready to be played; raises Unseen."""
    scenario = scenarios.find(key)
    if scenario is None:
        raise Unseen(key)
    protocol, content = next(iter(scenarios.protocols_of(scenario)))
    return Offered(scenario, scenarios.content_of(key), protocol, content)


def titles(house: House, trainer: Actor | None) -> Mapping[str, Mapping[str, str]]:
    """What scenarios are called, by their names: one's own of any time, and those that are shipped."""
    with house.directory.reading() as session:
        every = uploaded.of_account(session, _id(trainer), limit=LISTED_MOST * 10)
    own = {one.scenario: one.title for one in reversed(every) if one.title}
    return {**own, **{one.scenario: one.title.root for one in scenarios.shipped()}}
