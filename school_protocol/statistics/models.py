"""Tables of figures: shares of cases, counters by unit and month, releases, and yearly reports that were handed out."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.statistics.rules import ReleasePeriod
from school_protocol.storage.models import DirectoryBase, HasMac, Id, Key, Plain, RealmBase, Wrapped

# ---- shares and counters -------------------------------------------------------------------------------------------
# Counts are JSON: table → row → how many cases; nothing says when in a month, and of which case.

Month = Plain(7)
"""`2026-09`"""
Part = Plain(41)
"""A unit's id, or `unit~`: what stands at that unit itself."""


class FigureShareRow(RealmBase):
    """What one case adds: to which cells, at which units (the smallest first). It goes with the case."""

    __tablename__ = "figure_share"

    case_id: Mapped[str] = mapped_column(Id, ForeignKey("case_record.id"), primary_key=True)
    protocol: Mapped[str] = mapped_column(Key)
    month: Mapped[str] = mapped_column(Month)
    path: Mapped[list[Any]]
    sealed: Mapped[bytes]
    """The cells."""


class FigureCounterRow(RealmBase):
    """All cases of a unit and of all below it that were opened in a month: what their shares come to."""

    __tablename__ = "figure_counter"

    protocol: Mapped[str] = mapped_column(Key, primary_key=True)
    month: Mapped[str] = mapped_column(Month, primary_key=True)
    unit: Mapped[str] = mapped_column(Part, primary_key=True)
    above: Mapped[str] = mapped_column(Id)
    counts: Mapped[dict[str, Any]]

    __table_args__ = (Index(None, "protocol", "above", "month"), Index(None, "protocol", "unit", "month"))


class FigureFrozenRow(RealmBase):
    """What erased cases of one smallest unit had added: the only trace of them in figures."""

    __tablename__ = "figure_frozen"

    protocol: Mapped[str] = mapped_column(Key, primary_key=True)
    month: Mapped[str] = mapped_column(Month, primary_key=True)
    unit: Mapped[str] = mapped_column(Part, primary_key=True)
    counts: Mapped[dict[str, Any]]


class RetentionShareRow(RealmBase):
    """What erased cases of a school add to a figure: sums over closed choices, of nobody in particular.

    With a `document`: to its yearly report, of the year told up to before `until`. Without: coarse facts
    of a year, as the program wrote them before there were counters.
    """

    __tablename__ = "retention_share"

    unit: Mapped[str] = mapped_column(Id, primary_key=True)
    protocol: Mapped[str] = mapped_column(Key, primary_key=True)
    document: Mapped[str] = mapped_column(Key, primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    until: Mapped[date] = mapped_column(primary_key=True)
    counts: Mapped[dict[str, Any]]


class FigureKeyRow(Wrapped, DirectoryBase):
    """The key of a school year's noise, wrapped by a master key. It goes when the figures of the year are told."""

    __tablename__ = "figure_key"

    release: Mapped[str] = mapped_column(Id, primary_key=True)
    """The school year, by the year in which it begins."""

    @property
    def label(self) -> str:
        return f"figures:{self.release}"


class State(StrEnum):
    counting = "counting"
    issued = "issued"
    refused = "refused"
    stopped = "stopped"


class FigureJobRow(DirectoryBase):
    """Figures that somebody asked to be issued: what became of it.

    Its id becomes the release's. `press`: a digest of the form that asked for it; `again`: in place of one that was
    wrong. `done`, `total`, `sealed` and two of the states are of before.
    """

    __tablename__ = "figure_job"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    protocol: Mapped[str] = mapped_column(Key)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    year: Mapped[int]
    quarter: Mapped[int | None]
    again: Mapped[bool | None]
    account: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(Key)
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Plain(12), index=True)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    fault: Mapped[str] = mapped_column(Plain(40), default="")
    sealed: Mapped[bytes | None] = mapped_column(deferred=True)
    taken_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    press: Mapped[str] = mapped_column(Plain(64), unique=True)

    __table_args__ = (
        CheckConstraint(
            "state IN ('counting', 'choosing', 'checking', 'issued', 'refused', 'stopped')", name="figure_job_known"
        ),
        Index(None, "unit", "protocol", "asked_at"),
    )

    @property
    def is_running(self) -> bool:
        return self.state == State.counting


class FigureReleaseRow(HasMac, DirectoryBase):
    """Figures of a unit and of those below it, as they were issued; append-only. `tables`: their layout.

    `edition`: which of that unit and school year; `drawing`: which of the same period, `former`: the one in whose place
    the second stands. `quarter`: 0: the whole year; NULL: a release of before, of which no page tells any more, and
    whose counts, `sealed`, open no more.
    """

    __tablename__ = "figure_release"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    protocol: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    definition: Mapped[str] = mapped_column(Plain(64))
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    year: Mapped[int]
    quarter: Mapped[int | None]
    edition: Mapped[int]
    drawing: Mapped[int | None]
    months: Mapped[list[Any]] = mapped_column(JSON())
    counted_at: Mapped[datetime]
    issued_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(Key)
    former: Mapped[str | None] = mapped_column(Id, ForeignKey("figure_release.id"))
    tables: Mapped[list[Any]] = mapped_column(JSON())
    sealed: Mapped[bytes] = mapped_column(deferred=True)

    __table_args__ = (
        CheckConstraint("edition >= 1", name="editions_count_from_one"),
        UniqueConstraint("protocol", "unit", "year", "edition"),
        Index("figure_release_drawn_once", "protocol", "unit", "year", "quarter", "drawing", unique=True),
    )

    @property
    def period(self) -> ReleasePeriod:
        return ReleasePeriod(self.year, self.quarter or 0)


class DisclosedFigureRow(HasMac, DirectoryBase):
    """What a release tells of one unit, all that is kept of it; append-only. `told` says in which it was drawn."""

    __tablename__ = "figure_told"

    release: Mapped[str] = mapped_column(Id, ForeignKey("figure_release.id"), primary_key=True)
    unit: Mapped[str] = mapped_column(Part, primary_key=True)
    above: Mapped[str] = mapped_column(Part)
    told: Mapped[dict[str, Any]]

    __table_args__ = (Index(None, "release", "above"), Index(None, "unit"))


class FigurePublicRow(HasMac, DirectoryBase):
    """That a release was put on the page for everybody, or taken from it: the latest counts; append-only."""

    __tablename__ = "figure_public"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    release: Mapped[str] = mapped_column(Id, ForeignKey("figure_release.id"), index=True)
    place: Mapped[int]
    is_public: Mapped[bool]
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))

    __table_args__ = (UniqueConstraint("release", "place"),)


class FigurePaperRow(HasMac, DirectoryBase):
    """One copy of a report of figures: of which unit of which release, to whom; append-only."""

    __tablename__ = "figure_paper"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    release: Mapped[str] = mapped_column(Id, ForeignKey("figure_release.id"))
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    copy: Mapped[int]
    language: Mapped[str] = mapped_column(Plain(8))
    actor: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    at: Mapped[datetime]
    digest: Mapped[str] = mapped_column(Plain(64), index=True)
    press: Mapped[str] = mapped_column(Plain(64), unique=True)

    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="figure_paper_digest_is_sha256"),
        UniqueConstraint("release", "unit", "copy"),
    )


# ---- yearly reports that were handed out ---------------------------------------------------------------------------


class YearlyReportRow(HasMac, DirectoryBase):
    """One copy of a school's yearly report: who was handed it, when, and every figure on it; append-only.

    It belongs to no case. `until`: the last day of which it speaks; `press`: a digest of the form that asked for it.
    """

    __tablename__ = "yearly_report"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    realm: Mapped[str] = mapped_column(Key)
    unit: Mapped[str] = mapped_column(Id, ForeignKey("unit.id"))
    protocol: Mapped[str] = mapped_column(Key)
    version: Mapped[int]
    document: Mapped[str] = mapped_column(Key)
    year: Mapped[int]
    until: Mapped[date]
    copy: Mapped[int]
    language: Mapped[str] = mapped_column(Plain(8))
    actor: Mapped[str] = mapped_column(Id, ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(Key)
    reader: Mapped[str] = mapped_column(Plain(200))
    at: Mapped[datetime]
    digest: Mapped[str] = mapped_column(Plain(64))
    figures: Mapped[dict[str, Any]]
    press: Mapped[str] = mapped_column(Plain(64), unique=True)

    __table_args__ = (
        CheckConstraint("copy >= 1", name="copies_count_from_one"),
        CheckConstraint("length(digest) = 64", name="digest_is_sha256"),
        UniqueConstraint("realm", "unit", "protocol", "document", "year", "copy"),
    )
