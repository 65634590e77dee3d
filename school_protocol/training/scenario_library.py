"""The library of scenarios: shipped ones and those that trainers bring, each proven before it is offered.

What is wrong is kept as phrases, and said in the language of whoever reads it.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from school_protocol.case_files.prepare_process import Broken, Crew, Stopped
from school_protocol.cases.loading import account_names
from school_protocol.config import Settings
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, DefinitionError, Fault, Unseen
from school_protocol.engine.texts import N_, Phrase, again, str_of, written
from school_protocol.engine.visibility import Actor
from school_protocol.language import Wording
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.check_context import Finding
from school_protocol.protocol.presenters import FaultMessage, fault_message
from school_protocol.protocol.reader import read as read_protocol
from school_protocol.storage.engines import Session
from school_protocol.training import repository
from school_protocol.training.models import UploadRow
from school_protocol.training.repository import Told, UploadState
from school_protocol.training.scenario import Scenario
from school_protocol.training.scenario_reader import LARGEST, PLAIN_NAME, located, read_scenario
from school_protocol.training.table_play import prove

Versions = Callable[[str, int], tuple[Protocol, bytes] | None]
"""Finds a version of a protocol with its bytes, or None."""


def shipped_scenarios() -> tuple[Scenario, ...]:
    """The scenarios that come with the product, by their names."""
    return tuple(_shipped().values())


def find_scenario(key: str) -> Scenario | None:
    """A scenario that comes with the product."""
    return _shipped().get(key)


def content_of(key: str) -> bytes:
    """The file of a shipped scenario. Raises KeyError."""
    return _files()[key]


def shipped_protocol(key: str, version: int) -> tuple[Protocol, bytes] | None:
    """A version of a protocol that comes with the product; None for any other, and for what is no plain name."""
    if not PLAIN_NAME.fullmatch(key) or version < 1:
        return None
    place = _folder() / key / f"{version}.yaml"
    return _protocol(place) if place.is_file() else None


def protocols_of(scenario: Scenario, versions: Versions = shipped_protocol) -> Iterator[tuple[Protocol, bytes]]:
    """The versions of its protocol that a scenario names, of those that are at hand."""
    found = (versions(scenario.protocol, number) for number in dict.fromkeys(scenario.versions))
    return (one for one in found if one is not None)


def read_uploaded(data: bytes, name: str, versions: Versions = shipped_protocol) -> Scenario | tuple[Fault, ...]:
    """The scenario that `data` holds, if it can be played on each version of its protocol; else every fault.

    `name` is the file's own. It may take as long as proving may: not for a request that somebody waits for.
    """
    try:
        scenario = read_scenario(data, name)
    except DefinitionError as error:
        return error.faults
    at_hand = tuple(protocols_of(scenario, versions))
    if not at_hand:
        text = N_('no version of the protocol "%(name)s" that this scenario names is at hand')
        return (Fault(1, Phrase(text, name=scenario.protocol)),)
    found = (prove(scenario, data, protocol, content) for protocol, content in at_hand)
    return next((faults for faults in found if faults), scenario)


@lru_cache(maxsize=8)
def _protocol(place: Path) -> tuple[Protocol, bytes]:
    content = place.read_bytes()
    return read_protocol(content, place.name), content


@lru_cache(maxsize=1)
def _files() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((_folder() / "scenarios").glob("*.yaml"))}


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Scenario]:
    return {key: read_scenario(data, f"{key}.yaml") for key, data in _files().items()}


def _folder() -> Path:
    return Path(str(files("school_protocol.protocol_definitions")))


# ---- scenarios that a trainer brings: checked and played apart, then offered ---------------------------------------
# A room keeps the file that it was made with: a newer version, or a withdrawal, changes nothing there.

Outcome = Told | tuple[Fault, ...]
"""What a playable file says of itself, or every fault: plain values, that go from one process to another."""
Check = Callable[[AppContext, bytes, str], Outcome]

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
    upload: UploadRow | None = None
    """None: it comes with the product."""


@dataclass(frozen=True, slots=True)
class UploadView:
    """One file: its faults in the reader's language, or the scenario that it is."""

    upload: UploadRow
    faults: tuple[FaultMessage, ...]
    scenario: Scenario | None
    replaced_by: UploadRow | None


# ---- bringing ------------------------------------------------------------------------------------------------------


def bring(ctx: AppContext, trainer: Actor | None, content: bytes, file: str) -> str:
    """Keep a file that is to be checked; returns its id. The same file while it waits or is offered is the same.

    Raises BadInput: `required`, `too_large`, `too_many` while others of theirs wait.
    """
    if not content:
        raise BadInput({"file": ("required",)})
    if len(content) > LARGEST:
        raise BadInput({"file": ("too_large",)})
    digest, mine = hashlib.sha256(content).hexdigest(), _id(trainer)
    with ctx.directory.writing() as session:
        before = repository.same(session, mine, digest)
        if before is not None:
            return before
        if repository.count_uploads(session, mine, UploadState.waiting) >= WAITING_MOST:
            raise BadInput({"file": ("too_many",)})
        repository.drop_refused(session, mine, keep=REFUSED_MOST)
        return repository.add_upload(
            session, account=mine, file=_named(file), content=content, digest=digest, at=ctx.now()
        )  # fmt: skip


def _id(trainer: Actor | None) -> str | None:
    return trainer.id if trainer is not None else None


def _named(file: str) -> str:
    """The name of a file without its folders, and without what no screen shows."""
    plain = "".join(each for each in re.split(r"[/\\]", file)[-1] if each.isprintable())
    return plain[-repository.FILE_MOST :] or NAME


# ---- checking ------------------------------------------------------------------------------------------------------


def versions_of(ctx: AppContext) -> Versions:
    """The versions of protocols at hand here: those published, then those that are shipped."""

    def find(key: str, version: int) -> tuple[Protocol, bytes] | None:
        try:
            with ctx.directory.reading() as session:
                found = protocol_repository.definition(session, key, version)
        except Unseen:
            return shipped_protocol(key, version)
        return read_protocol(found.content, f"{key}/{version}.yaml"), found.content

    return find


def checked(ctx: AppContext, content: bytes, file: str) -> Outcome:
    """What the scenario says of itself that the file holds, if it can be played; else every fault. It takes seconds."""
    found = read_uploaded(content, file, versions_of(ctx))
    if isinstance(found, tuple):
        return found
    return Told(found.scenario, found.version, dict(found.title.root), found.minutes)


def checked_apart(settings: Settings) -> Check:
    """The same in a process of its own, niced and stopped after `SECONDS`."""

    def check(ctx: AppContext, content: bytes, file: str) -> Outcome:
        with Crew(settings, 1, seconds=SECONDS) as crew:
            return crew.do(checked, content, file, now=ctx.now())

    return check


def check_next(ctx: AppContext, check: Check) -> bool:
    """Check the file that has waited longest; whether there was one."""
    with ctx.directory.writing() as session:
        upload = repository.take_upload(session, now=ctx.now(), left_since=ctx.now() - LEASE)
        found = repository.find_upload(session, upload) if upload is not None else None
    if found is None:
        return False
    try:
        outcome = check(ctx, found.content, found.file)
    except Stopped:
        _log.warning("the check of scenario %s was stopped: it is begun anew", found.id)
        return True
    except Broken:
        _log.warning("scenario %s could not be checked", found.id, exc_info=True)
        outcome = (Fault(1, Phrase(N_("checking this file broke off: make it smaller"))),)
    with ctx.directory.writing() as session:
        _settle(session, found, outcome, ctx.now())
    return True


def _settle(session: Session, found: UploadRow, outcome: Outcome, now: datetime) -> None:
    faults = outcome if isinstance(outcome, tuple) else _taken(session, found, outcome)
    if isinstance(outcome, Told) and not faults:
        repository.offer(session, found, outcome, at=now)
    else:
        repository.refuse(session, found.id, [(one.line, written(one.message)) for one in faults], at=now)


def _taken(session: Session, found: UploadRow, scenario: Told) -> tuple[Fault, ...]:
    """What keeps a playable scenario from standing beside those that are there: its name, or its version."""
    if find_scenario(scenario.scenario) is not None:
        said = Phrase(
            N_('a scenario that comes with the product is called "%(name)s": choose another name'),
            name=scenario.scenario,
        )
        return located(found.content, [Finding(("scenario",), said)])
    most, digests = repository.before(session, found.account, scenario.scenario)
    if scenario.version > most or found.digest in digests:
        return ()
    said = Phrase(
        N_("version %(version)s was uploaded before with other contents: write %(next)s here"),
        version=scenario.version if scenario.version == most else most, next=most + 1,
    )  # fmt: skip
    return located(found.content, [Finding(("version",), said)])


# ---- seeing --------------------------------------------------------------------------------------------------------


def see_own(ctx: AppContext, trainer: Actor | None) -> tuple[UploadRow, ...]:
    """What this trainer brought, latest first."""
    with ctx.directory.reading() as session:
        return repository.of_account(session, _id(trainer), limit=LISTED_MOST)


def name_of(ctx: AppContext, trainer: Actor | None) -> str:
    """Who brought them; empty where nobody's account did."""
    return account_names(ctx, [trainer.id], trainer.language).get(trainer.id, "") if trainer is not None else ""


def see_upload(ctx: AppContext, trainer: Actor | None, upload: str, language: str) -> UploadView:
    """One of one's own; raises Unseen for any other."""
    with ctx.directory.reading() as session:
        found = repository.own(session, _id(trainer), upload)
        others = repository.of_account(session, _id(trainer), limit=LISTED_MOST)
    lines, w = found.content.decode("utf-8", "replace").splitlines(), Wording(language)
    faults = tuple(
        fault_message(w, Fault(line, str_of(again(said))), _shown(lines[line - 1] if 0 < line <= len(lines) else ""))
        for line, said in found.faults
    )
    by = next(
        (one for one in others if one.scenario == found.scenario and one.state == UploadState.ready), None
    )  # fmt: skip
    scenario = _readable(found) if found.state == UploadState.ready else None
    replaced = by if found.state == UploadState.replaced else None
    return UploadView(found, faults, scenario, replaced)


def _readable(found: UploadRow) -> Scenario | None:
    """None: it was taken by an earlier version of the program, whose rules were others."""
    try:
        return read_scenario(found.content, found.file)
    except DefinitionError:
        return None


def _shown(line: str) -> str:
    plain = "".join(each if each.isprintable() else "\ufffd" for each in line.strip())
    return plain if len(plain) <= _AROUND else plain[:_AROUND] + "…"


def file_of(ctx: AppContext, trainer: Actor | None, upload: str) -> UploadRow:
    """The very bytes that were brought; raises Unseen."""
    with ctx.directory.reading() as session:
        return repository.own(session, _id(trainer), upload)


def withdraw(ctx: AppContext, trainer: Actor | None, upload: str) -> bool:
    """It is offered no more; rooms that play it go on. False where it was not offered. Raises Unseen."""
    with ctx.directory.writing() as session:
        repository.own(session, _id(trainer), upload)
        return repository.withdraw(session, upload, at=ctx.now())


# ---- offering ------------------------------------------------------------------------------------------------------


def offered(ctx: AppContext, trainer: Actor | None) -> tuple[UploadRow, ...]:
    """What this trainer brought and can make workshops of, by its name."""
    with ctx.directory.reading() as session:
        every = repository.of_account(session, _id(trainer), limit=LISTED_MOST * 10)
    return tuple(sorted((one for one in every if one.state == UploadState.ready), key=lambda one: one.scenario))


def choose(ctx: AppContext, trainer: Actor | None, upload: str) -> Offered:
    """One of one's own that is offered, ready to be played; raises Unseen."""
    found = file_of(ctx, trainer, upload)
    if found.state != UploadState.ready:
        raise Unseen(upload)
    scenario = _readable(found)
    at_hand = next(protocols_of(scenario, versions_of(ctx)), None) if scenario is not None else None
    if scenario is None or at_hand is None:
        raise Unseen(upload)
    return Offered(scenario, found.content, *at_hand, upload=found)


def offer_shipped(key: str) -> Offered:
    """A scenario that comes with the product, ready to be played; raises Unseen."""
    scenario = find_scenario(key)
    if scenario is None:
        raise Unseen(key)
    protocol, content = next(iter(protocols_of(scenario)))
    return Offered(scenario, content_of(key), protocol, content)


def titles(ctx: AppContext, trainer: Actor | None) -> Mapping[str, Mapping[str, str]]:
    """What scenarios are called, by their names: one's own of any time, and those that are shipped."""
    with ctx.directory.reading() as session:
        every = repository.of_account(session, _id(trainer), limit=LISTED_MOST * 10)
    own = {one.scenario: one.title for one in reversed(every) if one.title}
    return {**own, **{one.scenario: one.title.root for one in shipped_scenarios()}}
