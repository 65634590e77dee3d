"""What the demo knows of public reports: a school's two addresses, and a few messages, one of them answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.signalement import doors, receiving, triage
from school_protocol.services.signalement.known import PUBLIC, STAFF
from school_protocol.services.signalement.limits import Gate

Told = tuple[str, str, Mapping[str, str]]
"""Behind which address, in which language, what was answered."""
_ANSWER = "Merci de nous avoir parlé. Nous vous appelons ce soir après 18 h."


def seed(house: House, head: Actor, school: str, told: Sequence[Told]) -> None:
    """Addresses of that school, made by its head, and what came in there."""
    made = {kind: doors.renew(house, head, school, kind) for kind in (PUBLIC, STAFF)}
    gate = Gate()
    for number, (kind, language, answers) in enumerate(told):
        code, address = made[kind].code, f"192.0.2.{number}"
        token = receiving.see_form(house, gate, code, address=address).token
        receiving.receive(house, gate, code, answers, token=token, address=address, language=language)
    for line in triage.see_list(house, head).waiting:
        seen = triage.see_report(house, head, line.id) if not line.urgent and not line.to_verify else None
        if seen is not None and seen.language == "fr":
            triage.answer(house, head, line.id, _ANSWER, settles=False, token="demo-answer")  # noqa: S106 (of a press)
