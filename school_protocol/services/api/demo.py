"""What the demo knows of other systems: one that reads an academy’s figures, one for which agreement is awaited."""

from __future__ import annotations

from datetime import datetime, timedelta

from school_protocol.domain.policy import Actor
from school_protocol.services.api import tokens
from school_protocol.services.house import House
from school_protocol.wording import ZONE


def seed(house: House, asking: Actor, agreeing: Actor, *, region: str, province: str, now: datetime) -> None:
    """Nobody has the first one's token: it was drawn, and shown to nobody."""
    ends = (now.astimezone(ZONE).date() + timedelta(days=180)).isoformat()
    reading = tokens.ask(
        house, asking, name="Observatoire régional", unit=region, rights=["figures:read"], ends=ends,
        purpose="Rapport annuel de l’académie", token="demo-figures",  # noqa: S106 (of a press, no secret)
    )  # fmt: skip
    tokens.agree(house, agreeing, reading.token)
    tokens.draw(house, asking, reading.token)
    tokens.ask(
        house, asking, name="Tableau de bord provincial", unit=province, rights=["cases:read", "figures:read"],
        ends=ends, purpose="Suivre les délais, sans aucun nom", token="demo-cases",  # noqa: S106 (of a press, no secret)
    )  # fmt: skip
