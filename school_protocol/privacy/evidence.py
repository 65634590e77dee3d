"""Service of evidence: a file handed out for a reason, the register of pieces, requests for removal, the sweep.

A file is checked each time that it is handed out, and never shown in a page.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from school_protocol.case_files.pieces import Picture
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, keep, load
from school_protocol.cases.service import Done, record_act
from school_protocol.cases.showing import seeing_of
from school_protocol.cases.view_models import CaseHead, RecordView
from school_protocol.context import AppContext
from school_protocol.engine import evidence_pieces
from school_protocol.engine.case_parts import FileLife
from school_protocol.engine.definition import ActKind, Target
from school_protocol.engine.definition_parts import FieldType, Form, FormField, Option, Pieces
from school_protocol.engine.errors import BadInput, Conflict, SchoolProtocolError, Sealed, Unseen
from school_protocol.engine.events import FileOpened
from school_protocol.engine.evidence_pieces import FileLost, FileRefused, Format, Incident, Purpose, Refusal, Standing
from school_protocol.engine.visibility import Actor
from school_protocol.language import ZONE, Wording
from school_protocol.pdf.pictures import for_page
from school_protocol.privacy import evidence_files, repository
from school_protocol.privacy.evidence_files import AtHand, piece_at
from school_protocol.privacy.models import FileAlarmRow
from school_protocol.privacy.repository import DERIVATIVE, ORIGINAL, Fault
from school_protocol.storage import access_log, idempotency
from school_protocol.storage.blobs import FilesAway, refuse_elsewhere_in
from school_protocol.storage.engines import Session

ECHO = timedelta(minutes=2)
"""So long a form pressed twice is one opening: a download that broke off is handed out once more."""

_log = logging.getLogger(__name__)


class OpenedBefore(SchoolProtocolError):
    """That form opened the file a while ago: it is opened again by a new form, and written down again."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What is handed out; `name` says the piece and nothing of what it shows."""

    name: str
    format: Format
    data: bytes


def open_file(
    ctx: AppContext, actor: Actor, number: str, entry: int, *, original: bool, purpose: str, reason: str, token: str
) -> Handed:
    """What was made of the piece's file, or the file itself (`original`); the opening is an event with its reason.

    Every handing out is an access, a second press of the form too. Raises Unseen, FileRefused where it is locked,
    BadInput (`purpose`, `reason`), OpenedBefore, FilesAway, FileLost where it is missing or altered: an alarm is kept
    then.
    """
    with ctx.realm.writing(together=True) as session:
        loaded = load(ctx, session, actor, number)
        piece = piece_at(loaded, seeing_of(ctx, loaded), entry)
        role, life = piece.opening_role(original=original), piece.file
        if role is None or life is None:
            raise Unseen(f"{number}/{entry}")
        _check_open(piece, life)
        said = _checked(purpose, reason)
        press = idempotency.press(ctx.vault, actor.id, token, number, "open", entry, original, purpose, said)
        before: idempotency.Outcome | None = idempotency.spent(session, press)
        if before is not None and not _is_echo(ctx, before):
            raise OpenedBefore(f"{number}/{entry}")
        found = _content(ctx, session, piece, life, ORIGINAL if original else DERIVATIVE)
        if not isinstance(found, Fault):
            if before is None:
                event = FileOpened(
                    actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, file=life.id, entry=entry,
                    piece=piece.number, original=original, purpose=purpose, reason=said,
                )  # fmt: skip
                before = _kept(ctx, session, piece, event, press)
            what = "file.original" if original else "file.derivative"
            reason = str(before["seq"])
            access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what=what, reason=reason)
    if isinstance(found, Fault):
        raise_alarm(ctx, found)
        raise FileLost(f"{number}/{entry}: {found.what}")
    return Handed(f"{number}-{piece.number:02d}.{Format(life.format).suffix}", Format(life.format), found)


def _kept(
    ctx: AppContext, session: Session, piece: AtHand, event: FileOpened, press: idempotency.Press
) -> idempotency.Outcome:
    """The opening as an event, and the press used up; returns where that press led."""
    loaded = piece.loaded
    kept = keep(ctx, session, loaded, [event]).events[-1]
    outcome = {"seq": kept.seq, "raised": False, "number": loaded.case.number, "at": ctx.now().isoformat()}
    idempotency.use(session, press, outcome, at=ctx.now())
    return outcome


def _is_echo(ctx: AppContext, before: idempotency.Outcome) -> bool:
    """Whether that press was just now."""
    at = before.get("at")
    return at is not None and ctx.now() - datetime.fromisoformat(str(at)) <= ECHO


def raise_alarm(ctx: AppContext, fault: Fault) -> bool:
    """Keep that a file is missing or altered, and say it in the log; False where it was known, or is meant to be."""
    with ctx.realm.writing() as session:
        is_new = repository.alarm(session, fault, at=ctx.now())
    if is_new:
        _log.error("a file of evidence is %s: see the alarms of files", fault.what)
    return is_new


def _checked(purpose: str, reason: str) -> str:
    said, problems = reason.strip(), dict[str, tuple[str, ...]]()
    if purpose not in set(Purpose):
        problems["purpose"] = ("required",)
    if not said:
        problems["reason"] = ("required",)
    elif len(said) > evidence_pieces.REASON_MOST:
        problems["reason"] = (f"too_long:{evidence_pieces.REASON_MOST}:{len(said)}",)
    if problems:
        raise BadInput(problems)
    return said


def _check_open(piece: AtHand, life: FileLife) -> None:
    """A file that was shut, or that an answer or a danger forbids by now, is opened by nobody."""
    if life.shut_at is not None:
        raise FileRefused(Refusal.shut)
    if (refusal := piece.against()) is not None:
        raise FileRefused(refusal)


def _content(ctx: AppContext, session: Session, piece: AtHand, life: FileLife, part: str) -> bytes | Fault:
    case_id = piece.loaded.case_id
    if part not in repository.parts_of(session, case_id, life.id):
        if part == DERIVATIVE and repository.parts_of(session, case_id, life.id):
            raise Unseen(f"nothing was made of file {life.id}")
        return Fault(case_id, life.id, "missing")
    try:
        found = repository.open_part(session, ctx.vault, ctx.blobs, case_id, life.id, part)
    except Sealed:
        return Fault(case_id, life.id, "altered")
    if part == ORIGINAL and isinstance(found, bytes) and hashlib.sha256(found).hexdigest() != life.sha256:
        return Fault(case_id, life.id, "altered")
    return found


# ---- pictures that go to a service told, in the copy that is made for it --------------------------------------------


def pictures_to_hand_out(
    ctx: AppContext, session: Session, loaded: Loaded, entries: Collection[int]
) -> Iterator[Picture]:
    """The pictures of these pieces that this person may open now, each with the event that says why it was opened.

    One that can't be had now is kept apart. One that is missing or altered is none, and said to be lost: both what was
    made of the file and the file itself are looked at, since it is the file whose digest the register has.
    """
    seeing = seeing_of(ctx, loaded)
    for record in evidence_pieces.pieces_of(loaded.case):
        if record.seq not in entries or loaded.protocol.pieces is None:
            continue
        try:
            piece = piece_at(loaded, seeing, record.seq)
        except Unseen:
            continue
        role, life = piece.opening_role(original=False), piece.file
        if role is None or life is None or not Format(life.format).is_picture:
            continue
        if life.shut_at is not None or piece.against() is not None:
            continue
        try:
            found = [_content(ctx, session, piece, life, part) for part in (ORIGINAL, DERIVATIVE)]
        except (FilesAway, Unseen):  # the copy leaves all the same
            yield Picture(record.seq, None, None)
            continue
        if any(isinstance(one, Fault) for one in found):
            yield Picture(record.seq, None, None, is_lost=True)
            continue
        reason = Wording(loaded.actor.language)._("For the copy that goes to a service told")
        opened = FileOpened(
            actor=loaded.actor.id, role=role, at=loaded.now, occurred_at=loaded.now, file=life.id, entry=record.seq,
            piece=piece.number, original=False, purpose=Purpose.authority, reason=reason,
        )  # fmt: skip
        assert isinstance(found[1], bytes)
        yield Picture(record.seq, for_page(found[1]), opened)


# ---- the register: pieces with their names, their files, and where removal stands ----------------------------------


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file of a piece. `locked`: why nobody opens it now."""

    format: Format
    sha256: str
    size: int
    kept_at: datetime
    by: str
    opened: int
    locked: Refusal | None
    has_derivative: bool
    incident: Incident | None
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class RemovalLine:
    """One request, as it is said: its channel and result are options of the definition."""

    asked: evidence_pieces.Asked
    channel: Option | None
    result: Option | None
    is_due: bool


@dataclass(frozen=True, slots=True)
class PieceLine:
    """One piece. `refusal`: why no file is taken for it; `next`: the channels that are asked next, any of them."""

    record: RecordView
    number: int
    name: str
    is_intimate: bool
    online: tuple[FormField, Any] | None
    shared: tuple[FormField, Sequence[Mapping[str, Any]]] | None
    removal: Standing | None
    requests: tuple[RemovalLine, ...]
    next: tuple[Option, ...]
    file: FileLine | None
    former: tuple[FileLine, ...]
    refusal: Refusal | None
    may_attach: bool
    may_open: bool
    may_open_original: bool
    may_shut: bool
    may_settle: bool
    may_ask: bool
    is_untold: bool
    """No danger that such content may be stands, or was raised after it, and this person may raise one now."""


@dataclass(frozen=True, slots=True)
class RegisterView:
    """The register of a case."""

    head: CaseHead
    pieces: tuple[PieceLine, ...]
    is_open: bool
    """Whether this person may register another piece now."""
    act: str
    files_on: bool
    megabytes: int
    no_files: bool
    """A danger stands that forbids any file in this case."""
    destroys_at_once: bool
    channels: tuple[tuple[Option, ...], ...]
    """The order in which removal is asked for, of content that is not intimate."""
    every_channel: tuple[Option, ...]
    results: tuple[Option, ...]
    asks: tuple[Target, ...]
    remind_days: int

    def piece(self, entry: int) -> PieceLine:
        """That piece; raises Unseen."""
        found = next((one for one in self.pieces if one.record.seq == entry), None)
        if found is None:
            raise Unseen(f"piece {entry}")
        return found


def see_register(ctx: AppContext, actor: Actor, number: str) -> RegisterView:
    """The register, to whoever sees the case; the reading is recorded. Raises Unseen where the protocol has none."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        declared = loaded.protocol.pieces
        if declared is None or loaded.metadata_only:
            raise Unseen(number)
        access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what="evidence")
        seeing = seeing_of(ctx, loaded)
        found = tuple(_pieces(ctx, session, loaded, seeing))
        return _view(ctx, loaded, seeing, declared, found)


def _view(
    ctx: AppContext, loaded: Loaded, seeing: Seeing, declared: Pieces, found: tuple[PieceLine, ...]
) -> RegisterView:  # fmt: skip
    protocol, removal = loaded.protocol, declared.removal
    form = protocol.form_of(declared.act)
    channels = options_of(form, removal.rows, removal.channel)
    return RegisterView(
        head=seeing.head(),
        pieces=found,
        is_open=any(one.kind == "act" and one.key == declared.act and one.is_open for one in seeing.choices),
        act=declared.act,
        files_on=ctx.settings.evidence_files,
        megabytes=ctx.settings.evidence_megabytes,
        no_files=any(protocol.dangers[life.danger].no_files for life in loaded.case.live_dangers()),
        destroys_at_once=ctx.settings.prohibited == evidence_files.DESTROY,
        channels=tuple(
            tuple(channels[key] for key in step.channels if key in channels)
            for step in removal.order
            if not step.intimate
        ),
        every_channel=tuple(channels.values()),
        results=tuple(options_of(form, removal.rows, removal.result).values()),
        asks=tuple(protocol.targets[key] for key in declared.mistake.ask),
        remind_days=removal.remind_days,
    )


def _is_told(piece: AtHand) -> bool:
    """Whether a danger that such content may be stands, or was raised after the piece."""
    lives = piece.loaded.case.dangers
    such = (life for life in lives if piece.loaded.protocol.dangers[life.danger].no_files)
    return any(life.is_live or life.raised_seq > piece.shown.seq for life in such)


def options_of(form: Form, rows: str, column: str) -> dict[str, Option]:
    """The answers that a column of a table takes, by key."""
    table = form.by_key.get(rows)
    found = next((one for one in table.fields if one.key == column), None) if table else None
    return {option.key: option for option in found.options} if found else {}


def _pieces(ctx: AppContext, session: Session, loaded: Loaded, seeing: Seeing) -> Iterator[PieceLine]:
    can_raise = seeing.head().can_raise
    for record in evidence_pieces.pieces_of(loaded.case):
        try:
            piece = piece_at(loaded, seeing, record.seq)
        except Unseen:
            continue
        yield _line(ctx, session, piece, can_raise=can_raise)


def _line(ctx: AppContext, session: Session, piece: AtHand, *, can_raise: bool) -> PieceLine:
    loaded, declared, shown, form = piece.loaded, piece.rules, piece.shown, piece.shown.form
    readable, answers = piece.is_readable, piece.shown.answers
    standing = evidence_pieces.standing(declared.removal, form, answers, loaded.facts.today) if readable else None
    channels = options_of(form, declared.removal.rows, declared.removal.channel)
    life, refusal = piece.file, piece.against()
    if life is not None and life.shut_at is not None:
        evidence_files.note_seen(ctx, session, piece, life)
    parts = tuple(str(answers[key]) for key in declared.named_after if answers.get(key))
    is_attaching = piece.attaching_role() is not None
    return PieceLine(
        record=shown,
        number=piece.number,
        name=evidence_pieces.name_of(loaded.case.number, piece.number, parts, _captured(declared, answers)),
        is_intimate=evidence_pieces.is_intimate(form, piece.record.answers),
        online=_answered(form, declared.online, answers),
        shared=_answered(form, declared.shared, answers),
        removal=standing,
        requests=tuple(_requests(piece, standing)) if standing else (),
        next=tuple(channels[key] for key in standing.next if key in channels) if standing else (),
        file=_file(session, piece, life, refusal) if life is not None else None,
        former=tuple(
            _file(session, piece, one, None)
            for one in evidence_pieces.files_of(loaded.case, shown.seq)
            if not one.is_there
        ),
        refusal=refusal,
        may_attach=is_attaching and ctx.settings.evidence_files and refusal is None and life is None and piece.is_open,
        may_open=piece.opening_role(original=False) is not None,
        may_open_original=piece.opening_role(original=True) is not None,
        may_shut=piece.shutting_role() is not None,
        may_settle=piece.settling_role() is not None,
        may_ask=readable and _may_correct(piece),
        is_untold=can_raise and not _is_told(piece),
    )


def _may_correct(piece: AtHand) -> bool:
    """Whether this person may say anew what the piece says: requests are noted in it."""
    acts = {act.key for act in piece.loaded.protocol.acts_of(ActKind.correct)}
    return any(one.kind == "act" and one.key in acts and one.is_open for one in piece.seeing.choices)


def _file(session: Session, piece: AtHand, life: FileLife, refusal: Refusal | None) -> FileLine:
    return FileLine(
        format=Format(life.format),
        sha256=life.sha256,
        size=life.size,
        kept_at=life.kept_at,
        by=piece.seeing.name(life.by),
        opened=life.opened,
        locked=Refusal.shut if life.shut_at is not None else refusal,
        has_derivative=DERIVATIVE in repository.parts_of(session, piece.loaded.case_id, life.id),
        incident=evidence_pieces.incident_of(piece.rules, life),
        is_there=life.is_there,
    )


def _requests(piece: AtHand, standing: Standing) -> Iterator[RemovalLine]:
    form, removal = piece.shown.form, piece.rules.removal
    channels = options_of(form, removal.rows, removal.channel)
    results = options_of(form, removal.rows, removal.result)
    for one in standing.asked:
        due = one.is_due(piece.loaded.facts.today)
        yield RemovalLine(one, channels.get(one.channel), results.get(one.result), due)


def _answered(form: Form, key: str | None, answers: Mapping[str, Any]) -> tuple[FormField, Any] | None:
    field = form.by_key.get(key or "")
    return (field, answers[field.key]) if field is not None and answers.get(field.key) not in (None, "", []) else None


def _captured(declared: Pieces, answers: Mapping[str, Any]) -> datetime | None:
    value = answers.get(declared.captured or "")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value.astimezone(ZONE) if isinstance(value, datetime) and value.tzinfo else None


# ---- requests for removal, noted in the piece itself ---------------------------------------------------------------
# A correction like any other, so that papers and records tell it.

_ATTEMPTS = 5


def note_request(
    ctx: AppContext, actor: Actor, number: str, entry: int, *, channel: str, asked_on: str, reference: str = "",
    result: str = "", place: int | None = None, token: str,
) -> Done:  # fmt: skip
    """Note that removal was asked for through `channel`, or, of the request at `place`, what came of it.

    Raises Unseen, BadInput by field (`channel`, `asked_on`, `reference`, `result`), Refused, SentBefore,
    Conflict where others keep writing.
    """
    said = (channel, asked_on, reference.strip(), result)
    for attempt in range(_ATTEMPTS):
        try:
            return _noted(ctx, actor, number, entry, said, place, token)
        except Conflict:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("each attempt returns or raises")


def _noted(
    ctx: AppContext,
    actor: Actor,
    number: str,
    entry: int,
    said: tuple[str, str, str, str],
    place: int | None,
    token: str,
) -> Done:
    """The request put to what the piece says now; a Conflict where somebody wrote meanwhile."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        piece = piece_at(loaded, seeing_of(ctx, loaded), entry)
    if not piece.is_readable:
        raise Unseen(f"{number}/{entry}")
    removal, rows = piece.rules.removal, piece.record.answers.get(piece.rules.removal.rows) or ()
    if place is not None and not 0 <= place < len(rows):
        raise Unseen(f"{number}/{entry}/{place}")
    columns = (removal.channel, removal.asked_on, removal.reference, removal.result)
    row = {key: value for key, value in zip(columns, said, strict=True) if value or place is not None}
    changes = evidence_pieces.with_request(removal, piece.record.answers, row, place)
    act, answers = _correction(piece, said[0])
    if place is None and not said[0] and piece.seeing.choice(act).is_open:
        raise BadInput({"channel": ("required",)})
    try:
        return record_act(
            ctx, actor, number, act, answers, expected=loaded.case.content_seq, token=token, changes=changes,
            said=["removal", entry, place, *said],
        )  # fmt: skip
    except BadInput as error:
        raise _by_column(piece, error, len(rows) if place is None else place) from error


def _correction(piece: AtHand, channel: str) -> tuple[str, dict[str, Any]]:
    """The act that says a record anew, and what it asks: which record, and in words what is otherwise."""
    protocol = piece.loaded.protocol
    act = next(protocol.acts_of(ActKind.correct), None)
    if act is None:
        raise Unseen(str(piece.record.seq))
    w, removal = Wording(piece.loaded.actor.language), piece.rules.removal
    named = options_of(piece.shown.form, removal.rows, removal.channel).get(channel)
    words = w._("Removal requests of piece %(number)s: %(channel)s", number=piece.number,
                channel=w.text(named.title) if named else channel)  # fmt: skip
    answers: dict[str, Any] = {}
    for field in protocol.form_of(act).fields:
        if field.type is FieldType.record:
            answers[field.key] = str(piece.record.seq)
        elif field.required and field.is_words:
            answers[field.key] = words
    return act.key, answers


def _by_column(piece: AtHand, error: BadInput, place: int) -> BadInput:
    """What is wrong with the one row that was typed, by the names that its form has."""
    removal = piece.rules.removal
    names = {
        removal.channel: "channel", removal.asked_on: "asked_on", removal.reference: "reference",
        removal.result: "result",
    }  # fmt: skip
    prefix = f"changes.{removal.rows}.{place}."
    problems = {
        names.get(path.removeprefix(prefix), "channel") if path.startswith(prefix) else "channel": codes
        for path, codes in error.problems.items()
    }
    return BadInput(problems, error.sentences)


# ---- the sweep: each row has its file and each file its row --------------------------------------------------------

NIGHT = time(3, 40)
"""From when on, in the country's time, the files of that night are looked at."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: `lost` files are missing or altered, `fresh` of them were not known; `strays` are removed."""

    lost: int
    fresh: int
    strays: int


def sweep_files(ctx: AppContext, *, night: int | None = None) -> Swept:
    """Every row's file is read and compared; what no row names and is a day old is removed.

    `night`: its number, where a part of what is dear to read is enough. Raises FilesElsewhere, FilesAway.
    """
    store, started_at = ctx.blobs, ctx.now()
    refuse_elsewhere_in(ctx.realm, store)
    lost = repository.faults(ctx.realm, store, night=night)
    strays = repository.remove_strays(ctx.realm, store, ctx.now())
    if lost:
        with ctx.realm.reading() as session:
            gone = repository.unnamed(session, [fault.place for fault in lost])
        lost = tuple(fault for fault in lost if fault.place not in gone)
    fresh = sum(raise_alarm(ctx, fault) for fault in lost)
    with ctx.realm.writing() as session:
        repository.swept(session, started_at, ctx.now())
    return Swept(len(lost), fresh, strays)


def sweep_on(ctx: AppContext) -> Swept | None:
    """The look of the night where it is still to come, by the date alone; None where it was done.

    One that was cut off, or that a busy worker missed, is made up for at the next ring.
    """
    with ctx.realm.reading() as session:
        latest = repository.last_sweep(session)
    if latest is not None and _night_of(latest) == _night_of(ctx.now()):
        return None
    return sweep_files(ctx, night=_night_of(ctx.now()).toordinal())


def _night_of(moment: datetime) -> date:
    """The day whose night it was; before the night's hour, the day before."""
    here = moment.astimezone(ZONE)
    return here.date() if here.time() >= NIGHT else here.date() - timedelta(days=1)


def file_alarms(ctx: AppContext) -> tuple[FileAlarmRow, ...]:
    """What was found missing or altered, the latest first."""
    with ctx.realm.reading() as session:
        return repository.alarms(session)
