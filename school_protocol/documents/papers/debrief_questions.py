"""Questions to talk about after a table has played: one sentence for each kind of finding, with the rule's name."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.domain.findings import Kind, Question
from school_protocol.domain.protocol import Protocol
from school_protocol.wording import N_, Wording

_ASKED: Mapping[str, str] = {
    Kind.upload.value: N_(
        "A file was to be kept though none may be. What made it seem needed, and how can words do the same?"
    ),
    Kind.left_out.value: N_(
        "“%(what)s” was left out. Who could have thought of it, and what would have reminded the team?"
    ),
    Kind.late.value: N_("“%(what)s” came late. What took its place, and what did the pupil live through meanwhile?"),
    Kind.wrong_role.value: N_("“%(what)s” was tried by: %(role)s. Why does the protocol keep it for: %(roles)s?"),
    Kind.other_role.value: N_(
        "“%(what)s” was done by: %(role)s. The duty names: %(roles)s. Who was there, and who was told?"
    ),
    Kind.wrong_order.value: N_(
        "“%(what)s” was tried before its time. What does the protocol protect by asking this first: %(needs)s?"
    ),
    Kind.against_rule.value: N_("A form refused “%(what)s” by a rule. Whom does this rule protect?"),
    Kind.departure.value: N_("You went on with “%(what)s” without: %(needs)s. Would you write the same reason today?"),
    Kind.despite.value: N_(
        "“%(what)s” was done although its form warns against it. What did the pupil risk, and who could have been "
        "asked?"
    ),
    Kind.trap.value: N_(
        "The table fell into a trap: “%(what)s”. What made it tempting, and what would you say to a colleague who "
        "proposes it?"
    ),
    "danger_unseen": N_("Nobody raised: “%(what)s”. Which sign was there, and from when on?"),
    "guardians": N_("Telling the guardians: how did you decide whom to tell, when, and what did the pupil want?"),
    "note": N_("What did “%(what)s” change for the pupil?"),
}
_ELSEWHERE = N_("what comes before it")


def asked(w: Wording, protocol: Protocol, one: Question, what: str) -> str:
    """The question, in that language."""
    found = [protocol.needs[key] for key in one.needs if key in protocol.needs]
    needs = [w.text(need.title or need.sentence).rstrip(" .") for need in found]
    return w._(
        _ASKED[one.kind],
        what=what,
        role=w.role(protocol, one.role) if one.role else "",
        roles=w.who(protocol, one.roles),
        needs=w.titles(needs) if needs else w._(_ELSEWHERE),
    )
