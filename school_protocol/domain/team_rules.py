"""What a definition says of teams: how many trained people one has, and when those above look more closely."""

from __future__ import annotations

from pydantic import Field

from school_protocol.domain.texts import Model


class TeamRules(Model):
    size: int = Field(ge=1, le=50)
    """So many trained people belong to a team."""
    quiet_months: int = Field(default=12, ge=1, le=120)
    """A team that has opened no case for so many months may need a visit."""
    ending_days: int = Field(default=90, ge=1, le=730)
    """A certificate that ends within so many days is to be renewed."""
    certificate_months: int = Field(default=24, ge=1, le=120)
    """A certificate that a workshop gives is good for so many months, counted from its day."""
