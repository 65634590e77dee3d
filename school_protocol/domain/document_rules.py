"""What a definition says of documents: copies of the case file, letters, reports; and how long all is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from school_protocol.domain.conditions import Condition
from school_protocol.domain.texts import Keys, Model, Named, Text
from school_protocol.domain.yearly_rules import Yearly

SectionKind = Literal[
    "decision", "conformance", "chronology", "people", "records", "grid", "referrals", "follow_ups", "evidence",
    "dangers", "duties", "checks", "summary", "remarks",
]  # fmt: skip


class Profile(Named):
    """One kind of copy: to whom it may be made out, and what of the one document it may contain."""

    reader: Literal["self", "oversight", "referral", "guardian"] = "self"
    """To whom it is made out: whoever issues it, who answers for the schools, a service told, a pupil's guardian."""
    identities: bool = False
    """Everybody is named."""
    named: Keys = ()
    """Slots whose people are named where the others are not: a guardian's copy names those of their own side alone."""
    words: bool = False
    addresses: bool = False
    """Addresses and accounts of intimate content; only a judicial service is ever given them."""
    sections: tuple[SectionKind, ...] = ()
    """The kinds of sections that it has; empty: all of the document."""
    acts: Mapping[str, Keys] = {}
    """The acts of which entries stand in it, each with the answers that it prints; empty: all."""
    watermark: bool = True
    for_: Keys = Field(default=(), alias="for")
    summary: str | None = None
    """The act whose latest nameless summary it prints; whoever could write one confirms it before a copy."""

    def has(self, section: str) -> bool:
        """Whether sections of that kind stand in it."""
        return not self.sections or section in self.sections

    def has_act(self, act: str) -> bool:
        """Whether entries of that act may stand in it."""
        return not self.acts or act in self.acts

    @property
    def is_personal(self) -> bool:
        """Whether its pages differ from reader to reader: never made before it is known for whom."""
        return self.reader == "guardian"

    @property
    def is_for_school(self) -> bool:
        """Whether it stays with whoever issues it, whole."""
        return self.reader == "self" and self.words


class Section(Model):
    kind: SectionKind
    title: Text
    acts: Keys = ()


class Piece(Model):
    """One piece of a letter: a paragraph, points, answers, people, evidence, numbers to call, how long things stay."""

    title: Text | None = None
    when: Condition | None = None
    """Over facts: printed only if this surely holds."""
    text: Text | None = None
    points: tuple[Text, ...] = ()
    act: str | None = None
    """The act whose latest entry (of a letter's own act: the entry of its referral) gives the answers."""
    fields: Keys = ()
    words: bool = False
    """Free text among the fields is printed, names in it under their signs: it was written to be handed on."""
    required: bool = False
    """No copy is issued before there is something to print here."""
    people: Keys = ()
    """Slots: the people of a letter; in a note or a sheet, how many they are."""
    evidence: Keys = ()
    """Fields of the register of evidence: one line for each piece, never a file."""
    services: Keys = ()
    """Targets whose numbers are printed, as the directory has them today."""
    kept: bool = False
    """How long things stay, in the definition's own sentences."""


class Remarks(Model):
    """Remarks of those who oversee, on copies that they read: who makes them, and whom they reach."""

    title: Text
    hint: Text | None = None
    """Said to whoever is about to remark."""
    for_: Keys = Field(default=(), alias="for")
    """Roles and seats that attach remarks."""
    to: Keys = ()
    """Roles and seats that are told, and that say that a remark was dealt with."""


class Document(Named):
    kind: Literal["case_file", "letter", "notice", "note", "sheet", "law_notice", "yearly", "bundle"] = "case_file"
    profiles: Mapping[str, Profile] = {}
    sections: tuple[Section, ...] = ()
    checks: Keys = ()
    for_: Keys = Field(default=(), alias="for")
    """Of what is no case file: roles and seats that may issue it."""
    per: Literal["case", "referral", "guardian", "school"] = "case"
    """What one copy is about."""
    slots: Keys = ()
    """Of what is written per guardian: whose. Empty: those of the targeted pupil."""
    to: Text | None = None
    """To whom it is written, where that is neither a service nor a guardian."""
    subject: Text | None = None
    asks: Text | None = None
    """What its reader is asked first."""
    body: tuple[Piece, ...] = ()
    signed: bool = True
    """Ends with a place for signature and stamp."""
    hint: Text | None = None
    """Said to whoever is about to issue it."""
    remarks: Remarks | None = None
    """Of the case file: whether remarks on its copies come back, and how."""
    yearly: Yearly | None = None
    """Of a yearly report: what it counts."""

    @property
    def is_case_file(self) -> bool:
        return self.kind == "case_file"

    @property
    def is_letter(self) -> bool:
        """Whether it is of one case, beside its file: a letter, notice, note or sheet."""
        return self.kind not in ("case_file", "yearly", "bundle")


class Retention(Model):
    when: Condition | None = None
    states: Keys = ()
    sentence: Text
    months: int
    after: Literal["end", "school_year"] = "end"
    """From when the months count: from the day of the end, or from the end of the school year in which it lies."""
