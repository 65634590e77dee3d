"""What a definition says of the register of evidence: names of pieces, who opens a file, how content is removed."""

from __future__ import annotations

from pydantic import Field

from school_protocol.domain.texts import Keys, Model


class Channels(Model):
    """One step of asking for removal: any of these channels will do."""

    channels: Keys
    intimate: bool = False
    """For sexual or intimate content alone."""


class Removal(Model):
    """How removal is asked for: the rows of a piece in which requests are noted, and their order."""

    rows: str
    channel: str
    asked_on: str
    reference: str
    result: str
    waits: Keys = ()
    """Results that still wait for an answer; no result waits, too."""
    removed: Keys = ()
    """Results after which nothing is left to be asked."""
    remind_days: int = Field(ge=1, le=90)
    order: tuple[Channels, ...]


class Mistake(Model):
    """What follows when something was put here that must not be kept."""

    tell: Keys
    tell_hours: int = Field(ge=1, le=72)
    ask: Keys
    """Services of which one is asked what is to become of it."""
    ask_hours: int = Field(ge=1, le=72)
    by: Keys
    """Who notes that they were asked, and has it destroyed."""


class Pieces(Model):
    act: str
    named_after: Keys = ()
    """Answers that stand in the name of a piece, after the numbers of its case and its own."""
    captured: str | None = None
    online: str | None = None
    shared: str | None = None
    digest: str | None = None
    """Filled in as a file is kept: its sha256; likewise its bytes, and which of its answers says its format."""
    size: str | None = None
    format: str | None = None
    openers: Keys
    """Roles and seats that open what was made of a file, for a reason."""
    originals: Keys
    """Those that open the file itself."""
    removal: Removal
    mistake: Mistake
