"""What the demo knows of visits and duty: one visit with what was agreed, and one night on duty."""

from __future__ import annotations

from datetime import datetime, timedelta

from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.visits import roster, visiting
from school_protocol.wording import ZONE


def seed(house: House, visitor: Actor, school: str, now: datetime) -> None:
    """A visit to that school by `visitor`, who is on duty in the night to come."""
    day = now.astimezone(ZONE).date()
    visiting.record(
        house,
        visitor,
        school,
        token="demo-visit",  # noqa: S106 (of a press, no secret)
        held_on=(day - timedelta(days=20)).isoformat(),
        came=visitor.name,
        remarks="L’équipe se réunit chaque lundi. Elle a un local qui ferme à clé.",
        actions=[
            {
                "what": "Former une quatrième personne",
                "who": "Chef d’établissement",
                "by": (day + timedelta(days=60)).isoformat(),
            },
            {
                "what": "Afficher les numéros d’urgence",
                "who": "Référente de l’équipe",
                "by": (day - timedelta(days=5)).isoformat(),
            },
        ],
    )
    evening = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(hours=18, minutes=30)
    roster.enter(
        house,
        visitor,
        "",
        account=visitor.id,
        starts=evening.isoformat(),
        ends=(evening + timedelta(hours=14)).isoformat(),
        token="demo-duty",  # noqa: S106 (of a press, no secret)
    )
