"""A piece of evidence as a use case finds it: its record, its form, its file, and who may do what with it."""

from __future__ import annotations

from dataclasses import dataclass

from school_protocol.domain import evidence as rules
from school_protocol.domain.engine import role_for
from school_protocol.domain.errors import Unseen
from school_protocol.domain.evidence import FileRefused, Refusal
from school_protocol.domain.parts import FileLife, Record
from school_protocol.domain.pieces_rules import Pieces
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded
from school_protocol.services.seeing import Seeing
from school_protocol.services.views import RecordView


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
        return rules.file_of(self.loaded.case, self.record.seq)

    @property
    def number(self) -> int:
        return int(self.record.derived.get("piece", 0))

    def against(self) -> Refusal | None:
        """What forbids a file here now, whoever asks."""
        loaded = self.loaded
        return rules.against_files(loaded.protocol, loaded.case, self.shown.form, self.record.answers)

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
    if declared is None or record is None or record not in rules.pieces_of(loaded.case):
        raise Unseen(f"{loaded.case.number}/{entry}")
    found = AtHand(loaded, seeing, declared, record, seeing.record(record))
    if found.shown.hidden == "side":
        raise Unseen(f"{loaded.case.number}/{entry}")
    return found


def check_may_attach(house: House, piece: AtHand) -> str:
    """The role in which this person puts a file to the piece. Raises Unseen, FileRefused."""
    role = piece.attaching_role()
    if role is None:
        raise Unseen(f"{piece.loaded.case.number}/{piece.record.seq}")
    if not house.settings.evidence_files:
        raise FileRefused(Refusal.off)
    if (refusal := piece.against()) is not None:
        raise FileRefused(refusal)
    if not piece.is_open:
        raise FileRefused(Refusal.closed)
    if piece.file is not None:
        raise FileRefused(Refusal.has_file)
    return role
