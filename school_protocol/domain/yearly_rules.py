"""What a definition says of the yearly report of a school: its terms, what is counted, what may have to be decided."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from school_protocol.domain.texts import Keys, Model, Text


class Term(Model):
    """A part of the school year: the finest date that a report has."""

    ends: int = Field(ge=1, le=12)
    """The month with whose last day it is over."""
    title: Text


class Counted(Model):
    """An answer of closed choice, counted over the cases of the year."""

    act: str
    field: str
    title: Text


class Asked(Model):
    """Something that a reader may want to decide, said where the printed figures call for it."""

    about: Literal["few", "late", "open", "follow_ups", "referrals", "departures", "training"]
    deadlines: Keys = ()
    """Of `late`: those of which it speaks."""
    text: Text


class Yearly(Model):
    begins: int = Field(ge=1, le=12)
    """The month with whose first day the school year begins."""
    terms: tuple[Term, ...]
    counts: tuple[Counted, ...] = ()
    deadlines: Keys = ()
    """Those of which the share met in time is told."""
    waiting: str | None = None
    """The deadline of which the median wait is told."""
    decisions: tuple[Asked, ...] = ()
