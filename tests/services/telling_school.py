"""Steps of somebody who tells the school without an account, and of whoever reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from school_protocol.context import AppContext
from school_protocol.reports import service as reports_service
from school_protocol.reports import triage
from school_protocol.reports.public_door import Door, Gate, renew
from school_protocol.reports.service import Receipt, come_back
from services.conftest import School

HERE = "203.0.113.9"
WORDS = "Ils ont fait un groupe contre moi, je n’ose plus venir."
TOLD = {"what_happens": WORDS, "danger_now": "no", "adult_concerned": "no"}


@dataclass
class Told:
    """A school with an address, and what comes in there."""

    school: School
    gate: Gate = field(default_factory=Gate)
    places: int = 0

    @property
    def ctx(self) -> AppContext:
        return self.school.ctx

    def door(self, kind: str = "public") -> Door:
        return renew(self.ctx, self.school.person("head"), "00000A", kind)

    def send(self, kind: str = "public", *, address: str = "", **answers: Any) -> Receipt:
        """One report, from a place of its own where none is named, its question answered where one stands."""
        self.places += 1
        door, address = self.door(kind), address or f"198.51.{self.places // 250}.{self.places % 250}"
        view = reports_service.see_form(self.ctx, self.gate, door.code, address=address)
        solved = str(view.challenge.answer) if view.challenge else ""
        return reports_service.receive(
            self.ctx, self.gate, door.code, {**TOLD, **answers}, token=view.token, address=address, language="fr",
            solved=solved,
        )  # fmt: skip

    def ids(self, who: str = "team_member") -> list[str]:
        listed = triage.see_list(self.ctx, self.school.person(who))
        return [one for line in (*listed.waiting, *listed.settled) for one in line.ids]

    def only(self, who: str = "team_member") -> str:
        (found,) = self.ids(who)
        return found

    def back(self, receipt: Receipt, code: str = "") -> Any:
        return come_back(self.ctx, self.gate, receipt.door.code, code or receipt.code, address=HERE)


def digits(receipt: Receipt) -> str:
    return re.sub(r"\D", "", receipt.code)
