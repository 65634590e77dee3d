"""What the API answers, as models: the very ones that are written out describe it in OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """A part of an answer: its keys are these and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, populate_by_name=True)


Number = Annotated[str, Field(pattern=r"^[0-9]{13}$", description="Number of a case: thirteen digits.")]


class Titled(Answer):
    """A part of a definition by its key, which stays, and in words."""

    key: str
    words: str


class Place(Answer):
    """A school, a province or a region, by its code."""

    code: str
    name: str


class ProtocolVersion(Answer):
    """The version of a protocol that something follows."""

    protocol: str
    version: int


class NextDue(Answer):
    """What falls due next in a case; without a key, a follow-up that was planned."""

    key: str
    words: str
    at: datetime


class ListedCase(Answer):
    """Where one case stands, in facts that identify nobody."""

    number: Number
    protocol: ProtocolVersion
    school: Place
    stage: Titled
    state: Titled
    level: Titled | None = Field(description="Null: it is not assessed yet.")
    ended: bool
    opened_at: datetime
    moved_at: datetime = Field(description="When it entered the state in which it stands.")
    changed_at: datetime = Field(description="When something was last written to it, whether its state changed or not.")
    next_due: NextDue | None


class Cases(Answer):
    """A page of cases by number. `after`: what to ask the next page with; null: this was the last."""

    cases: list[ListedCase]
    after: Number | None


class Release(Answer):
    """Figures as they were issued: frozen, small numbers withheld."""

    id: str
    protocol: ProtocolVersion
    definition: str = Field(description="SHA-256 of the definition by which it was counted.")
    unit: Place = Field(description="For which it was issued.")
    number: int
    year: int = Field(description="In which the school year begins.")
    months: list[str]
    counted_at: datetime
    issued_at: datetime
    former: str | None = Field(description="The release that it replaces.")
    is_latest: bool


class Releases(Answer):
    """The releases that tell of the token's place, newest first; `after` as for cases."""

    releases: list[Release]
    after: str | None


class FigureRow(Answer):
    """One figure. Withheld: fewer than five, or kept back so that nothing can be worked out.

    A median has no number: its class is `row` (in words `row_title`), `value` is null and `withheld` false.
    """

    unit: str
    unit_name: str
    begins: str = Field(alias="from")
    until: str
    month: str | None = Field(description="Null: the whole period.")
    table: str
    table_title: str
    row: str = Field(description="Of a median: the class in which it lies, by its upper bound; empty: withheld.")
    row_title: str
    what: Literal["count", "share", "median"]
    value: int | None = Field(description="Null: withheld, or of a median, which is told by its class alone.")
    upper: int | None = Field(description="Of a share: the end of the range in which it lies, in per cent.")
    withheld: bool
    as_before: bool = Field(
        description="A count of an earlier release, repeated so that nothing small can be worked out: it may no longer "
        "be exact, and sums may differ."
    )


class Figures(Answer):
    """One release, of the token's place or of one below it: its totals, and those of the places right below it."""

    release: Release
    unit: Place
    rows: list[FigureRow]


class ProblemDetails(Answer):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    parameter: str | None = Field(description="The parameter of the address that is meant, where one is.")


ANSWERS: tuple[type[Answer], ...] = (Cases, Releases, Figures, ProblemDetails)
