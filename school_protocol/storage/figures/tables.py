"""Rows of figures: what each case adds, what that comes to by unit and month, and what stays of erased cases.

Counts are JSON: table → row → how many cases; nothing says when in a month, and of which case.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from school_protocol.storage.tables import Id, Key, Plain, RealmBase

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
