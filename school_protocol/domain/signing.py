"""What a signature binds to, and who may give it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from school_protocol.domain.case import Record
from school_protocol.domain.errors import Refused
from school_protocol.domain.forms import FieldType
from school_protocol.domain.intents import Reason
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Act, ActKind, Protocol
from school_protocol.domain.weighing import acts_as, own_role


def digest_of(act: str, answers: Mapping[str, Any]) -> str:
    """sha256, in hex, of what a signature binds to: the act and its answers as canonical JSON."""
    return hashlib.sha256(rfc8785.dumps({"act": act, "answers": _plain(answers)})).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def left_to_sign(protocol: Protocol, record: Record) -> tuple[str, ...]:
    """Who may sign an entry, without the roles in which somebody has signed already."""
    act = protocol.acts[record.act]
    allowed = act.signed_by or act.by
    signed = {role for role in allowed for one in record.signatures if acts_as(protocol, one.role, role)}
    return tuple(role for role in allowed if role not in signed) or allowed


@dataclass(frozen=True, slots=True)
class Signing:
    """Somebody with the seats and roles that they `held` in a case."""

    protocol: Protocol
    actor: Actor
    held: tuple[str, ...]

    def signs_first(self, act: Act, role: str) -> bool:
        """Whether whoever records that act in that role signs it at once."""
        if not act.signatures and self.protocol.form_of(act).find(FieldType.signature) is None:
            return False
        return self.may_sign(act, role)

    def may_sign(self, act: Act, role: str) -> bool:
        """Whether this person, in this role or seat, is one whose signature the act takes."""
        allowed = act.signed_by or act.by
        if not any(name == "everyone" or acts_as(self.protocol, role, name) for name in allowed):
            return False
        seat, declared = self.protocol.seats.get(role), own_role(self.protocol, role)
        wants_training = bool(declared and declared.trained)
        offices = [one.role for one in self.actor.appointments]
        wants_training |= seat is not None and not seat.admits(offices, trained=False)
        return self.actor.trained or not wants_training

    def signing_role(self, record: Record) -> str | None:
        """The role or seat in which this person could sign `record` now."""
        act = self.protocol.acts[record.act]
        if record.signed_by(self.actor.id):
            return None
        wanted = [role for role in self.held if self.may_sign(act, role)]
        special = self._lifting_role(record)
        if special is not None:
            wanted.sort(key=lambda role: not acts_as(self.protocol, role, special))
        return wanted[0] if wanted else None

    def check_word(self, act: Act, role: str, *, given: bool) -> None:
        """Raises Refused where the act wants this person's word, and it was not `given`."""
        fields = self.protocol.form_of(act).fields
        wanted = act.kind is ActKind.sign or act.signatures > 0
        wanted = wanted or any(item.type is FieldType.signature and item.required for item in fields)
        if wanted and not given and (act.kind is ActKind.sign or self.signs_first(act, role)):
            raise Refused((Reason("signature_missing"),))

    def check_record(self, record: Record) -> None:
        """Raises Refused where this person can't sign `record` now."""
        act = self.protocol.acts[record.act]
        if not act.signatures and record.effective_seq is not None:
            raise Refused((Reason("nothing_to_sign"),))
        if record.signed_by(self.actor.id):
            raise Refused((Reason("signed_already"),))
        if self.signing_role(record) is None:
            raise Refused((Reason("not_yours_to_sign", roles=act.signed_by or act.by),))

    def _lifting_role(self, record: Record) -> str | None:
        if record.kind is not ActKind.lift_danger:
            return None
        item = self.protocol.form_of(record.act).find(FieldType.danger)
        danger = self.protocol.dangers.get(record.answers.get(item.key, "")) if item else None
        return danger.lifted_with if danger else None
