"""The register of evidence as one person sees it: pieces with their names, their files, and where removal stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from school_protocol.domain import evidence as rules
from school_protocol.domain.errors import Unseen
from school_protocol.domain.evidence import Format, Incident, Refusal, Standing
from school_protocol.domain.forms import Form, FormField, Option
from school_protocol.domain.parts import FileLife
from school_protocol.domain.pieces_rules import Pieces
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import ActKind, Target
from school_protocol.services.evidence import mistakes
from school_protocol.services.evidence.at_hand import AtHand, piece_at
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, load
from school_protocol.services.seeing import Seeing
from school_protocol.services.showing import seeing_of
from school_protocol.services.views import CaseHead, RecordView
from school_protocol.storage import access, files
from school_protocol.storage.engines import Session
from school_protocol.storage.files import DERIVATIVE
from school_protocol.wording import ZONE


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

    asked: rules.Asked
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


def see_register(house: House, actor: Actor, number: str) -> RegisterView:
    """The register, to whoever sees the case; the reading is recorded. Raises Unseen where the protocol has none."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        declared = loaded.protocol.pieces
        if declared is None or loaded.metadata_only:
            raise Unseen(number)
        access.note(session, case_id=loaded.case_id, account=actor.id, at=house.now(), what="evidence")
        seeing = seeing_of(house, loaded)
        found = tuple(_pieces(house, session, loaded, seeing))
        return _view(house, loaded, seeing, declared, found)


def _view(
    house: House, loaded: Loaded, seeing: Seeing, declared: Pieces, found: tuple[PieceLine, ...]
) -> RegisterView:  # fmt: skip
    protocol, removal = loaded.protocol, declared.removal
    form = protocol.form_of(declared.act)
    channels = options_of(form, removal.rows, removal.channel)
    return RegisterView(
        head=seeing.head(),
        pieces=found,
        is_open=any(one.kind == "act" and one.key == declared.act and one.is_open for one in seeing.choices),
        act=declared.act,
        files_on=house.settings.evidence_files,
        megabytes=house.settings.evidence_megabytes,
        no_files=any(protocol.dangers[life.danger].no_files for life in loaded.case.live_dangers()),
        destroys_at_once=house.settings.prohibited == mistakes.DESTROY,
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


def _pieces(house: House, session: Session, loaded: Loaded, seeing: Seeing) -> Iterator[PieceLine]:
    can_raise = seeing.head().can_raise
    for record in rules.pieces_of(loaded.case):
        try:
            piece = piece_at(loaded, seeing, record.seq)
        except Unseen:
            continue
        yield _line(house, session, piece, can_raise=can_raise)


def _line(house: House, session: Session, piece: AtHand, *, can_raise: bool) -> PieceLine:
    loaded, declared, shown, form = piece.loaded, piece.rules, piece.shown, piece.shown.form
    readable, answers = piece.is_readable, piece.shown.answers
    standing = rules.standing(declared.removal, form, answers, loaded.facts.today) if readable else None
    channels = options_of(form, declared.removal.rows, declared.removal.channel)
    life, refusal = piece.file, piece.against()
    if life is not None and life.shut_at is not None:
        mistakes.note_seen(house, session, piece, life)
    is_attaching = piece.attaching_role() is not None
    return PieceLine(
        record=shown,
        number=piece.number,
        name=rules.name_of(loaded.case.number, piece.number, _parts(declared, answers), _captured(declared, answers)),
        is_intimate=rules.is_intimate(form, piece.record.answers),
        online=_answered(form, declared.online, answers),
        shared=_answered(form, declared.shared, answers),
        removal=standing,
        requests=tuple(_requests(piece, standing)) if standing else (),
        next=tuple(channels[key] for key in standing.next if key in channels) if standing else (),
        file=_file(session, piece, life, refusal) if life is not None else None,
        former=tuple(
            _file(session, piece, one, None) for one in rules.files_of(loaded.case, shown.seq) if not one.is_there
        ),
        refusal=refusal,
        may_attach=is_attaching
        and house.settings.evidence_files
        and refusal is None
        and life is None
        and piece.is_open,
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
        has_derivative=DERIVATIVE in files.parts_of(session, piece.loaded.case_id, life.id),
        incident=rules.incident_of(piece.rules, life),
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


def _parts(declared: Pieces, answers: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(answers[key]) for key in declared.named_after if answers.get(key))


def _captured(declared: Pieces, answers: Mapping[str, Any]) -> datetime | None:
    value = answers.get(declared.captured or "")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value.astimezone(ZONE) if isinstance(value, datetime) and value.tzinfo else None
