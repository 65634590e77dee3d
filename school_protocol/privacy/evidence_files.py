"""Service of evidence files: a piece as a use case finds it, a file put to it, one put there by mistake destroyed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, keep, load
from school_protocol.cases.service import Done, repeated, tell_file
from school_protocol.cases.showing import seeing_of
from school_protocol.cases.view_models import RecordView
from school_protocol.context import AppContext, take_away
from school_protocol.engine import evidence_pieces
from school_protocol.engine.actors import role_for
from school_protocol.engine.case_parts import FileLife, Record, acts_as
from school_protocol.engine.definition_parts import Pieces
from school_protocol.engine.errors import Unseen
from school_protocol.engine.events import Event, FileHandled, FileStep
from school_protocol.engine.evidence_pieces import FileRefused, Format, Refusal
from school_protocol.engine.visibility import Actor
from school_protocol.privacy import evidence_scan, repository
from school_protocol.privacy.evidence_scan import Examined
from school_protocol.privacy.repository import DERIVATIVE, ORIGINAL
from school_protocol.privacy.scan_process import examined_apart
from school_protocol.storage import access_log, idempotency, work_queue
from school_protocol.storage.engines import Session


@dataclass(slots=True)
class AtHand:
    """One piece, for one person, in one transaction."""

    loaded: Loaded
    seeing: Seeing
    rules: Pieces
    record: Record
    shown: RecordView

    @property
    def file(self) -> FileLife | None:
        return evidence_pieces.file_of(self.loaded.case, self.record.seq)

    @property
    def number(self) -> int:
        return int(self.record.derived.get("piece", 0))

    def against(self) -> Refusal | None:
        """What forbids a file here now, whoever asks."""
        loaded = self.loaded
        return evidence_pieces.against_files(loaded.protocol, loaded.case, self.shown.form, self.record.answers)

    # ---- who -------------------------------------------------------------------------------------------------------

    @property
    def is_readable(self) -> bool:
        """Whether this person reads the piece whole, names and words: nobody else does anything with its file."""
        return self.shown.hidden is None

    def attaching_role(self) -> str | None:
        return self._role(self.loaded.protocol.acts[self.rules.act].by)

    def opening_role(self, *, original: bool) -> str | None:
        return self._role(self.rules.originals if original else self.rules.openers)

    def settling_role(self) -> str | None:
        return self._role(self.rules.mistake.by)

    def shutting_role(self) -> str | None:
        """Whoever may put a file here or open one may say that it must not be here."""
        return self.attaching_role() or self.opening_role(original=False) or self.settling_role()

    def _role(self, allowed: tuple[str, ...]) -> str | None:
        return role_for(self.loaded.protocol, allowed, self.loaded.roles) if self.is_readable else None

    @property
    def is_open(self) -> bool:
        """Whether pieces may be registered now, so that files may be put to them."""
        return any(one.kind == "act" and one.key == self.rules.act and one.is_open for one in self.seeing.choices)


def piece_at(loaded: Loaded, seeing: Seeing, entry: int) -> AtHand:
    """The piece that this entry registered. Raises Unseen where there is none, or it is not for this person."""
    declared, record = loaded.protocol.pieces, loaded.case.record(entry)
    if declared is None or record is None or record not in evidence_pieces.pieces_of(loaded.case):
        raise Unseen(f"{loaded.case.number}/{entry}")
    found = AtHand(loaded, seeing, declared, record, seeing.record(record))
    if found.shown.hidden == "side":
        raise Unseen(f"{loaded.case.number}/{entry}")
    return found


def check_may_attach(ctx: AppContext, piece: AtHand) -> str:
    """The role in which this person puts a file to the piece. Raises Unseen, FileRefused."""
    role = piece.attaching_role()
    if role is None:
        raise Unseen(f"{piece.loaded.case.number}/{piece.record.seq}")
    if not ctx.settings.evidence_files:
        raise FileRefused(Refusal.off)
    if (refusal := piece.against()) is not None:
        raise FileRefused(refusal)
    if not piece.is_open:
        raise FileRefused(Refusal.closed)
    if piece.file is not None:
        raise FileRefused(Refusal.has_file)
    return role


# ---- a file put to a piece: examined in memory, sealed, kept with its event, or wholly absent ----------------------
# Whether it may be kept is asked before a byte of it is looked at, and again inside the transaction that keeps it:
# what an answer or a danger forbids meanwhile never reaches the disk, sealed or not.

MEGABYTE = 1024 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept(Done):
    """What a press kept, and what it was taken for by its content; None: an earlier press kept it."""

    format: Format | None = None


def most_of(ctx: AppContext) -> int:
    """The largest file that is taken, in bytes."""
    return ctx.settings.evidence_megabytes * MEGABYTE


def check_may(ctx: AppContext, actor: Actor, number: str, entry: int) -> None:
    """Whether a file may be put to this piece, before anything of it is read. Raises Unseen, FileRefused."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        check_may_attach(ctx, piece_at(loaded, seeing_of(ctx, loaded), entry))


def attach_file(
    ctx: AppContext, actor: Actor, number: str, entry: int, data: bytes, *, is_attested: bool, token: str
) -> Kept:
    """Keep a file for the piece that `entry` registered; pressed twice, it is kept once.

    Raises Unseen, FileRefused with the reason, StorageFull, FilesAway, SentBefore.
    """
    try:
        return _attached(ctx, actor, number, entry, data, is_attested=is_attested, token=token)
    except (FileRefused, Unseen) as error:
        tell_file(ctx, actor, number, error)
        raise


def _attached(
    ctx: AppContext, actor: Actor, number: str, entry: int, data: bytes, *, is_attested: bool, token: str
) -> Kept:
    digest = hashlib.sha256(data).hexdigest()
    press = idempotency.press(ctx.vault, actor.id, token, number, "file", entry, digest)
    if (before := _kept_before(ctx, press)) is not None:
        return before
    check_may(ctx, actor, number, entry)
    if not is_attested:
        raise FileRefused(Refusal.not_attested)
    found = _examined(ctx, data)
    parts = {ORIGINAL: data} | ({DERIVATIVE: found.derivative} if found.derivative is not None else {})
    places: list[str] = []
    try:
        with ctx.realm.writing(together=True) as session:
            loaded = load(ctx, session, actor, number)  # held from here on: a press at the same time comes after
            if (again := idempotency.spent(session, press)) is not None:
                return Kept.again(again)
            piece = piece_at(loaded, seeing_of(ctx, loaded), entry)
            role = check_may_attach(ctx, piece)
            file_id = repository.keep(session, ctx.vault, ctx.blobs, loaded.case_id, parts, at=ctx.now(), places=places)
            event = FileHandled(
                actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, file=file_id, entry=entry,
                piece=piece.number, step=FileStep.kept, sha256=digest, size=len(data), format=found.format.value,
            )  # fmt: skip
            kept = keep(ctx, session, loaded, [event]).events[-1]
            access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what="file.kept")
            idempotency.use(session, press, {"seq": kept.seq, "raised": False, "number": number}, at=ctx.now())
            return Kept(kept.seq, number=number, format=found.format)
    except BaseException:
        _tidy(ctx, places)
        raise


def _kept_before(ctx: AppContext, press: idempotency.Press) -> Kept | None:
    with ctx.realm.reading() as session:
        before = idempotency.spent(session, press)
    return Kept.again(before) if before is not None else None


def _examined(ctx: AppContext, data: bytes) -> Examined:
    if not data:
        raise FileRefused(Refusal.empty)
    if len(data) > most_of(ctx):
        raise FileRefused(Refusal.too_large, str(ctx.settings.evidence_megabytes))
    if ctx.settings.clamav:
        _check_clean(ctx.settings.clamav, data)
    return examined_apart(data)


def _check_clean(address: str, data: bytes) -> None:
    try:
        is_clean = evidence_scan.is_clean(address, data)
    except evidence_scan.NotScanned as error:
        _log.error("the virus scanner gave no clean bill: %s", error)
        raise FileRefused(Refusal.not_scanned) from error
    if not is_clean:
        _log.warning("the virus scanner refused a file of evidence")
        raise FileRefused(Refusal.unclean)


def _tidy(ctx: AppContext, places: Sequence[str]) -> None:
    """Remove what no row names, where that can be known now; else the sweep does it."""
    if not places:
        return
    try:
        with ctx.realm.reading() as session:
            stray = repository.unnamed(session, places)
    except Exception as error:
        _log.warning("files of a transaction that failed are left to the sweep: %s", type(error).__name__)
    else:
        take_away(ctx, stray)


# ---- something that must not be kept: shut at one press, told, asked about, destroyed; never looked at -------------
# Whether it waits for an authority's word, or is destroyed at once, is a setting of the installation.

DESTROY = "destroy"
_LEAD = timedelta(hours=4)
"""How long before an authority must have been asked people are told once more."""

Steps = Sequence[tuple[FileStep, str]]
_Decided = tuple[str, Steps]


def shut_file(ctx: AppContext, actor: Actor, number: str, entry: int, *, token: str) -> Done:
    """Nobody opens this file any more, and whoever must know is told at once. Raises Unseen, SentBefore."""

    def decide(piece: AtHand, life: FileLife) -> _Decided:
        role = piece.shutting_role()
        if role is None:
            raise Unseen(f"{number}/{entry}")
        steps = [] if life.shut_at else [(FileStep.shut, "")]
        if ctx.settings.prohibited == DESTROY:
            steps.append((FileStep.destroyed, ""))
        return role, steps

    return _handled(ctx, actor, number, entry, token, "shut", decide)


def note_asked(ctx: AppContext, actor: Actor, number: str, entry: int, target: str, *, token: str) -> Done:
    """A service was asked what is to become of it. Raises Unseen, SentBefore."""

    def decide(piece: AtHand, life: FileLife) -> _Decided:
        role = piece.settling_role()
        if role is None or life.shut_at is None or target not in piece.rules.mistake.ask:
            raise Unseen(f"{number}/{entry}")
        return role, [(FileStep.asked, target)]

    return _handled(ctx, actor, number, entry, token, f"asked {target}", decide)


def destroy_file(ctx: AppContext, actor: Actor, number: str, entry: int, *, token: str) -> Done:
    """Destroy what was shut, past recovery; that it was there stays. Raises Unseen, SentBefore, FileRefused.

    Where the installation locks, a service must have been asked first (`not_asked`).
    """

    def decide(piece: AtHand, life: FileLife) -> _Decided:
        role = piece.settling_role()
        if role is None or life.shut_at is None:
            raise Unseen(f"{number}/{entry}")
        if not life.asked and ctx.settings.prohibited != DESTROY:
            raise FileRefused(Refusal.not_asked)
        return role, [(FileStep.destroyed, "")]

    return _handled(ctx, actor, number, entry, token, "destroyed", decide)


def _handled(
    ctx: AppContext, actor: Actor, number: str, entry: int, token: str, said: str,
    decide: Callable[[AtHand, FileLife], _Decided],
) -> Done:  # fmt: skip
    press = idempotency.press(ctx.vault, actor.id, token, number, "mistake", entry, said)
    places: tuple[str, ...] = ()
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return repeated(before)
        loaded = load(ctx, session, actor, number)
        piece = piece_at(loaded, seeing_of(ctx, loaded), entry)
        life = piece.file
        if life is None:
            raise Unseen(f"{number}/{entry}")
        role, steps = decide(piece, life)
        events: list[Event] = [
            FileHandled(
                actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, file=life.id, entry=entry,
                piece=piece.number, step=step, target=target,
            )
            for step, target in steps
        ]  # fmt: skip
        seq = loaded.case.last_seq
        if events:
            seq = keep(ctx, session, loaded, events).last_seq
        for step, _target in steps:
            access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what=f"file.{step.value}")
            _tell(ctx, session, piece, life, step)
            if step in (FileStep.shut, FileStep.destroyed):
                cases_repository.forget_what_was_made(session, loaded.case_id)
            if step is FileStep.destroyed:
                places = repository.destroy(session, loaded.case_id, life.id)
        idempotency.use(session, press, {"seq": seq, "raised": False, "number": number}, at=ctx.now())
    take_away(ctx, places)
    return Done(seq, number=number)


# ---- who is told -----------------------------------------------------------------------------------------------------


def _tell(ctx: AppContext, session: Session, piece: AtHand, life: FileLife, step: FileStep) -> None:
    """At once; once more where nobody has looked in time; and before an authority must have been asked."""
    now, rule, case_id = ctx.now(), piece.rules.mistake, piece.loaded.case_id
    if step is FileStep.shut:
        for place, role in enumerate(rule.tell):
            payload: work_queue.Payload = {"case": case_id, "to": role, "move": "file", "urgent": True}
            work_queue.put_message(session, "notify", payload, at=now)
            for name, until in (
                ("t", now + timedelta(hours=rule.tell_hours)),
                ("a", now + max(timedelta(0), timedelta(hours=rule.ask_hours) - _LEAD)),
            ):
                message = _reminder(life, name, place)
                work_queue.put_once(session, message, "notify", payload, at=now)
                work_queue.put_off_message(session, message, until)
    for place in range(len(rule.tell)):
        if step in (FileStep.asked, FileStep.destroyed):
            work_queue.settle_messages(session, _reminder(life, "a", place), at=now)
            work_queue.settle_messages(session, _reminder(life, "t", place), at=now)


def note_seen(ctx: AppContext, session: Session, piece: AtHand, life: FileLife) -> None:
    """Whoever is told of it has seen it: they are not told once more that it waits."""
    protocol, held = piece.loaded.protocol, piece.loaded.roles
    for place, role in enumerate(piece.rules.mistake.tell):
        if any(acts_as(protocol, one, role) for one in held):
            work_queue.settle_messages(session, _reminder(life, "t", place), at=ctx.now())


def _reminder(life: FileLife, name: str, place: int) -> str:
    return f"{life.id}{name}{place}"
