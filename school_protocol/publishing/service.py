"""Versions of protocols: a file is uploaded, looked at, proposed, agreed to by a second person, and then published.

Who may is the definition's to say (`publishes`); nobody sees a case by it. A draft can be proposed once its proof
holds. Publishing takes another account than the one that brought the file, and the very bytes that it agreed to.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.context import AppContext, today_for
from school_protocol.engine.actors import role_for
from school_protocol.engine.definition import START, Act, ActKind, Protocol, Role
from school_protocol.engine.errors import DefinitionError, Fault, Refused, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.proof.state_space import Proof
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.check_context import LARGEST
from school_protocol.protocol.difference import Change as DefinitionChange
from school_protocol.protocol.difference import difference
from school_protocol.protocol.reader import read
from school_protocol.publishing import draft_process, repository
from school_protocol.publishing.handouts import Handout
from school_protocol.publishing.repository import OPEN, DefinitionDraft, DraftState
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session

_AROUND = 160
"""So much of a faulty line is shown."""
LEASE = timedelta(minutes=5)
"""After so long without a word, whoever began to work a draft out is gone."""
_log = logging.getLogger(__name__)


VERSION_MOST = 1_000_000
"""No version has a greater number: see `protocol.checks`."""


class PublishRefused(Refused):
    """A draft that can't go on now; `obstacles` are codes that say why."""

    def __init__(self, *obstacles: str) -> None:
        self.obstacles = obstacles
        super().__init__(tuple(Reason(code) for code in obstacles))


# ---- who may be here -----------------------------------------------------------------------------------------------


def check_may(ctx: AppContext, actor: Actor) -> None:
    if not permissions.may(ctx, actor, Permission.publish):
        raise Unseen("protocols")


# ---- bringing a file -----------------------------------------------------------------------------------------------


def upload(ctx: AppContext, actor: Actor, content: bytes, file: str) -> str:
    """Keep a file as a draft, with all its faults; returns the draft's id.

    The same file brought again by the same person is the same draft. Raises DefinitionError where it is too large.
    """
    check_may(ctx, actor)
    protocol, faults = _read(content)
    if len(content) > LARGEST:
        raise DefinitionError(_named(file), faults)
    digest = hashlib.sha256(content).hexdigest()
    with ctx.directory.writing() as session:
        before = repository.open_with(session, digest, actor.id)
        if before is not None:
            return before
        draft = repository.add(
            session,
            protocol=protocol.protocol if protocol else "",
            version=protocol.version if protocol else 0,
            digest=digest,
            content=content,
            file=_named(file),
            account=actor.id,
            at=ctx.now(),
            faults=faults,
            base=repository.current_digest(session, protocol.protocol) if protocol else "",
        )
        _write(session, ctx, actor, Kind.draft_uploaded, draft)
    return draft


def _read(content: bytes) -> tuple[Protocol | None, tuple[Fault, ...]]:
    try:
        return read(content, "draft"), ()
    except DefinitionError as error:
        return None, error.faults


def _named(file: str) -> str:
    """The name of a file without its folders, and without what no screen shows."""
    plain = "".join(each for each in re.split(r"[/\\]", file)[-1] if each.isprintable())
    return plain[-repository.FILE_MOST :] or "draft.yaml"


# ---- working it out ------------------------------------------------------------------------------------------------


def work_out(ctx: AppContext, examine: draft_process.Examine | None = None) -> int:
    """Work out what is known of no draft yet: its proof, and how the stored cases go; returns of how many.

    Several workers may try: each draft is taken by one, and comes back if that one is gone.
    """
    with ctx.directory.reading() as session:
        waiting = repository.to_work_out(session, now=ctx.now(), left_since=ctx.now() - LEASE)
    return sum(_work_out(ctx, draft, examine) for draft in waiting)


def _work_out(ctx: AppContext, draft_id: str, examine: draft_process.Examine | None) -> bool:
    with ctx.directory.writing() as session:
        draft = repository.for_change(session, draft_id)
        before = _current(session, draft.protocol)
        base = before.digest if before else ""
        if base != draft.base:
            repository.compare_with(session, draft_id, base)
        if not repository.take(session, draft_id, now=ctx.now(), left_since=ctx.now() - LEASE):
            return False
    examine = examine or partial(draft_process.examined_apart, alive=partial(_stay, ctx, draft_id))
    try:
        report = examine(draft.content, before.content if before else None)
    except draft_process.Stopped:
        _log.warning("a draft is worked out anew: its process was stopped")
        return False
    with ctx.directory.writing() as session:
        return repository.keep_report(session, draft_id, report, base=base)


def _stay(ctx: AppContext, draft_id: str) -> None:
    with ctx.directory.writing() as session:
        repository.stay(session, draft_id, now=ctx.now())


def _current(session: Session, protocol: str) -> protocol_repository.Definition | None:
    found = (each for each in protocol_repository.current_definitions(session) if each.protocol == protocol)
    return next(found, None)


def look_again(ctx: AppContext, actor: Actor, draft_id: str) -> None:
    """Work a draft out anew, against the version that is current now; it has to be proposed again."""
    check_may(ctx, actor)
    with ctx.directory.writing() as session:
        draft = repository.for_change(session, draft_id)
        if not repository.compare_with(session, draft_id, repository.current_digest(session, draft.protocol)):
            raise PublishRefused("settled")


# ---- what is known of a draft at one moment ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Looked:
    """A draft, read and compared. `protocol` is None where the file has faults; `before` where there is no version."""

    draft: DefinitionDraft
    protocol: Protocol | None
    before: Protocol | None
    changes: tuple[DefinitionChange, ...]
    proof: Proof | None
    stories: tuple[Mapping[str, Any], ...]
    """How each stored case goes on it, as `draft_process` reports; `step` is there where one goes otherwise."""
    obstacles: tuple[str, ...]
    """Codes of what keeps it from being published, whoever asks."""

    @property
    def faults(self) -> tuple[tuple[Fault, str], ...]:
        """The faults of the file, each with the line as it stands there."""
        lines = self.draft.content.decode("utf-8", "replace").splitlines()
        return tuple(
            (each, _shown(lines[each.line - 1] if 0 < each.line <= len(lines) else ""))
            for each in _found_again(self.draft)
        )

    @property
    def loosened(self) -> tuple[DefinitionChange, ...]:
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
    proof = draft_process.proof_in(report["proof"]) if "proof" in report else None
    changes = difference(before, protocol) if before and protocol else ()
    looked = Looked(draft, protocol, before, changes, proof, tuple(report.get("stories", ())), ())
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


# ---- proposing, agreeing, withdrawing ------------------------------------------------------------------------------


def propose(ctx: AppContext, actor: Actor, draft_id: str) -> None:
    """Ask a second person to agree to one's own draft. Raises PublishRefused with every reason why not."""

    def change(session: Session, draft: DefinitionDraft) -> bool:
        return repository.propose(session, draft_id, at=ctx.now())

    _go_on(ctx, actor, draft_id, Kind.draft_proposed, to_propose, change)


def agree(ctx: AppContext, actor: Actor, draft_id: str, digest: str) -> tuple[str, int]:
    """Agree to these very bytes: they are published, and cases open under them. Returns protocol and version.

    Raises PublishRefused with every reason why not; then nothing is published.
    """

    def change(session: Session, draft: DefinitionDraft) -> bool:
        if draft.digest != digest or hashlib.sha256(draft.content).hexdigest() != digest:
            raise PublishRefused("other_bytes")
        return repository.publish(session, draft, agreed_by=actor.id, at=ctx.now())

    draft = _go_on(ctx, actor, draft_id, Kind.version_published, to_agree, change)
    return draft.protocol, draft.version


def withdraw(ctx: AppContext, actor: Actor, draft_id: str) -> None:
    """It won't be a version; either person may say so. What was done to it stays written down."""
    check_may(ctx, actor)
    with ctx.directory.writing() as session:
        if not repository.withdraw(session, repository.for_change(session, draft_id).id, at=ctx.now()):
            raise PublishRefused("settled")
        _write(session, ctx, actor, Kind.draft_withdrawn, draft_id)


Obstacles = Callable[[Looked, Actor], tuple[str, ...]]


def _go_on(
    ctx: AppContext,
    actor: Actor,
    draft_id: str,
    kind: Kind,
    obstacles: Obstacles,
    change: Callable[[Session, DefinitionDraft], bool],
) -> DefinitionDraft:
    check_may(ctx, actor)
    current = ctx.library.current()
    with ctx.directory.writing() as session:
        draft = repository.for_change(session, draft_id)
        found = obstacles(look_at(session, draft, current), actor)
        if found:
            raise PublishRefused(*found)
        if not change(session, draft):
            raise PublishRefused("moved_on")
        _write(session, ctx, actor, kind, draft_id)
    return draft


def look_at(session: Session, draft: DefinitionDraft, current: tuple[Protocol, ...]) -> Looked:
    """All that decides about a draft, as it stands now. `current`: the definitions under which cases open."""
    before = _current(session, draft.protocol)
    earlier = next((one for one in current if before and one.digest == before.digest), None)
    if earlier is None and before is not None:
        earlier = read(before.content, "current", checks=False)
    others = [one for one in current if one.protocol != draft.protocol]
    looked = looked_at(
        draft,
        earlier,
        latest=repository.latest_version(session, draft.protocol),
        others_publish=any(role.publishes for one in others for role in one.roles.values()),
    )
    takes = draft.is_open and looked.protocol and _takes_over(looked.protocol, earlier, others)
    return replace(looked, obstacles=(*looked.obstacles, "takes_over")) if takes else looked


def _takes_over(new: Protocol, before: Protocol | None, others: list[Protocol]) -> bool:
    """Whether people who report under another protocol would report under `new` from then on, unasked.

    A report goes to the first definition, by its key, in which one of the reporter's roles opens a case.
    """
    taken = {one.protocol for one in others if new.protocol < one.protocol and _shares_opening(new, one)}
    had = {one.protocol for one in others if before and before.protocol < one.protocol and _shares_opening(before, one)}
    return bool(taken - had)


def _shares_opening(new: Protocol, other: Protocol) -> bool:
    """Whether somebody opens a case by the same act, or by a report, in both."""
    return any(
        role_for(new, act.by, [role]) is not None
        and (act.kind is opening.kind is ActKind.report or act.key == opening.key)
        for opening in _openings(other)
        for act in _openings(new)
        for role in other.roles
        if role_for(other, opening.by, [role]) is not None
    )


def _openings(protocol: Protocol) -> Iterator[Act]:
    return (act for act in protocol.acts.values() if START in act.in_)


def to_propose(looked: Looked, actor: Actor) -> tuple[str, ...]:
    """Why this person can't propose it now; nothing: they can."""
    draft = looked.draft
    if draft.state is not DraftState.uploaded:
        return ("proposed" if draft.state is DraftState.proposed else "settled",)
    return (*(() if draft.account == actor.id else ("not_yours",)), *looked.obstacles)


def to_agree(looked: Looked, actor: Actor) -> tuple[str, ...]:
    """Why this person can't agree to it now; nothing: they can."""
    draft = looked.draft
    if draft.state is not DraftState.proposed:
        return ("settled" if draft.state not in OPEN else "not_proposed",)
    return (*(("own",) if draft.account == actor.id else ()), *looked.obstacles)


def _write(session: Session, ctx: AppContext, actor: Actor, kind: Kind, draft: str) -> None:
    """What was done, written down for good, in the appointment that gives the right."""
    today = today_for(ctx)
    post = auth_repository.post_of(session, actor.id, permissions.roles_with(ctx, Permission.publish), today)
    if post is None:
        raise Unseen("protocols")
    administration_log.write_entry(
        session,
        Change(
            at=ctx.now(), actor=actor.id, kind=kind, unit=post.unit, account=actor.id, role=post.role,
            reason="protocol", appointment=post.id, draft=draft,
        ),
    )  # fmt: skip


# ---- out again -----------------------------------------------------------------------------------------------------


def export(ctx: AppContext, actor: Actor, protocol: str, version: int) -> Handout:
    """A published version, byte for byte; raises Unseen."""
    check_may(ctx, actor)
    if version > VERSION_MOST:
        raise Unseen(protocol)
    with ctx.directory.reading() as session:
        content = protocol_repository.definition(session, protocol, version).content
    return Handout(f"{protocol}-{version}.yaml", content)


def export_draft(ctx: AppContext, actor: Actor, draft_id: str) -> Handout:
    """The file of a draft, byte for byte; raises Unseen."""
    check_may(ctx, actor)
    with ctx.directory.reading() as session:
        draft = repository.draft(session, draft_id)
    return Handout(draft.file, draft.content)


# ---- shown ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProtocolLines:
    protocol: Protocol
    versions: tuple[tuple[protocol_repository.DefinitionLine, tuple[str, ...]], ...]
    """Each with who brought it and who agreed, where it came by this way."""


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A draft in a list. `stands`: a code that says what it waits for."""

    draft: DefinitionDraft
    by: str
    is_own: bool
    stands: str


@dataclass(frozen=True, slots=True)
class ProtocolsView:
    protocols: tuple[ProtocolLines, ...]
    drafts: tuple[DraftLine, ...]
    settled: tuple[DraftLine, ...]


@dataclass(frozen=True, slots=True)
class RoleLine:
    """A role of a new protocol that opens cases, or publishes; `elsewhere`: where it opens cases already."""

    role: Role
    opens: bool
    elsewhere: tuple[Protocol, ...]


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft with all that is known of it, and what this person can do with it."""

    looked: Looked
    by: str
    is_own: bool
    to_propose: tuple[str, ...]
    to_agree: tuple[str, ...]
    log: tuple[tuple[Change, str], ...]
    """What was done to it, each time by whom."""
    roles: tuple[RoleLine, ...] = ()
    """Of the first version of a protocol: who could do something by it."""

    @property
    def draft(self) -> DefinitionDraft:
        return self.looked.draft

    @property
    def is_first(self) -> bool:
        """Whether no version of this protocol is in force, or none was when it was published."""
        draft = self.draft
        return self.looked.protocol is not None and not draft.base and (not self.looked.before or not draft.is_open)


HISTORY = 10


def see_protocols(ctx: AppContext, actor: Actor) -> ProtocolsView:
    """Every protocol with its versions, what is under way, and what was settled lately."""
    check_may(ctx, actor)
    with ctx.directory.reading() as session:
        versions = protocol_repository.definition_lines(session)
        came = repository.published_from(session)
        waiting = repository.drafts(session, OPEN, limit=200)
        settled = repository.drafts(session, [DraftState.withdrawn], limit=HISTORY)
        people = {each.account for each in (*came.values(), *waiting, *settled)}
        people |= {each.agreed_by for each in came.values() if each.agreed_by}
        named = {key: one.name(actor.language) for key, one in auth_repository.accounts(session, people).items()}
    by_key: dict[str, list[tuple[protocol_repository.DefinitionLine, tuple[str, ...]]]] = {}
    for line in versions:
        draft = came.get((line.protocol, line.version))
        by = tuple(named.get(each, "—") for each in (draft.account, draft.agreed_by or "")) if draft else ()
        by_key.setdefault(line.protocol, []).insert(0, (line, by))
    return ProtocolsView(
        protocols=tuple(
            ProtocolLines(ctx.library.protocol(key, lines[0][0].version), tuple(lines)) for key, lines in by_key.items()
        ),
        drafts=tuple(_line(each, actor, named) for each in waiting),
        settled=tuple(_line(each, actor, named) for each in settled),
    )


def _line(draft: DefinitionDraft, actor: Actor, named: dict[str, str]) -> DraftLine:
    return DraftLine(draft, named.get(draft.account, "—"), draft.account == actor.id, _stands(draft))


def _stands(draft: DefinitionDraft) -> str:
    if draft.state is not DraftState.uploaded:
        return draft.state.value
    if draft.faults:
        return "faults"
    if draft.report is None:
        return "worked_out"
    if "proof" not in draft.report:
        return "unfinished"
    return "ready" if draft_process.proof_in(draft.report["proof"]).holds else "unproven"


def see_draft(ctx: AppContext, actor: Actor, draft_id: str) -> DraftView:
    """One draft: its faults; or its proof, its difference, how the stored cases go; and what was done to it."""
    check_may(ctx, actor)
    current = ctx.library.current()
    with ctx.directory.reading() as session:
        draft = repository.draft(session, draft_id)
        looked = look_at(session, draft, current)
        log = administration_log.of_draft(session, draft_id)
        people = auth_repository.accounts(session, {draft.account, *(line.actor for line in log)})
    named = {key: one.name(actor.language) for key, one in people.items()}
    view = DraftView(
        looked=looked,
        by=named.get(draft.account, "—"),
        is_own=draft.account == actor.id,
        to_propose=to_propose(looked, actor),
        to_agree=to_agree(looked, actor),
        log=tuple((line, named.get(line.actor, "—")) for line in log),
    )
    if looked.protocol is None or not view.is_first:
        return view
    return replace(view, roles=tuple(_roles(looked.protocol, current)))


def _roles(protocol: Protocol, current: tuple[Protocol, ...]) -> Iterator[RoleLine]:
    for role in protocol.roles.values():
        opens = _opens(protocol, role.key)
        others = tuple(one for one in current if one.protocol != protocol.protocol and _opens(one, role.key))
        if opens or role.publishes:
            yield RoleLine(role, opens, others if opens else ())


def _opens(protocol: Protocol, role: str) -> bool:
    return role in protocol.roles and any(role_for(protocol, act.by, [role]) for act in _openings(protocol))
