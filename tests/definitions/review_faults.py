"""The reviews of the Moroccan definition, changed in one place, each with what is said about it."""

from __future__ import annotations

from domain.telling import MOROCCAN

FAULTS: tuple[tuple[tuple[str, str], str], ...] = (
    (
        ("  by: [directorate, academy]\n  asked_by", "  by: [directrate, academy]\n  asked_by"),
        'did you mean "directorate"',
    ),
    (("  by: [directorate, academy]\n  asked_by", "  by: []\n  asked_by"), "nobody reviews: name roles under by"),
    (("  by: [directorate, academy]\n  asked_by", "  by: [directorate, head]\n  asked_by"), '"head" makes no remarks'),
    (
        ("  asked_by: [team_coordinator, head]", "  asked_by: [team_cordinator, head]"),
        'did you mean "team_coordinator"',
    ),
    (
        ('{entered: closure_proposed, when: "level >= 3"}', "{entered: closure_propsed}"),
        'did you mean "closure_proposed"',
    ),
    (('{entered: closure_proposed, when: "level >= 3"}', '{entered: closure_proposed, when: "levl >= 3"}'), "levl"),
    (("  visa: directorate_visa\n", "  visa: note\n"), 'act "note" is no visa'),
    (("answers: {decision: refused}", "answers: {decision: refusd}"), '"refusd" is no answer here'),
    (("answers: {decision: refused}", "answers: {remark: refused}"), "choice is needed here"),
    (("reason: remark, moves:", "reason: decision, moves:"), "long is needed here"),
    (("moves: [refuse_close, refuse_unfollowed]", "moves: [close]"), 'move "close" does not go back with a reason'),
    (("  visa: directorate_visa\n", "  visa: directorate_visa\n  visas: x\n"), 'unknown key "visas"'),
)
"""What is written otherwise, and a part of what is said."""
_REMARKS = """      for: [directorate, academy]
      to: [lead, team_coordinator, head]
"""
WHOLE: tuple[tuple[str, str], ...] = (
    ("start: [{review: waits}]", 'a review "waits" where a count starts'),
    ("without reviews", "nobody reviews a case: say under review who does"),
    ("without remarks", "nobody answers: the case file says under remarks who does"),
)
ALONE = frozenset(FAULTS[place][1] for place in (1, 2, 6, 10))
"""Sentences that no other file leads to: the whole definition takes a while to be read."""


def with_review(change: tuple[str, str]) -> str:
    """The whole definition with that one change."""
    text = MOROCCAN.read_text("utf-8")
    assert change[0] in text
    return text.replace(*change, 1)


def whole(name: str) -> str:
    """The whole definition without a block, or with a count that hangs on the wrong turn."""
    text = MOROCCAN.read_text("utf-8")
    if name == "without reviews":
        begin, end = text.index("\nreview:\n") + 1, text.index("# Ours, for the CNDP to fix.")
    elif name == "without remarks":
        begin = text.index("    remarks:\n      title:")
        end = text.index(_REMARKS, begin) + len(_REMARKS)
        text = text.replace("      - {kind: remarks,", "      # {kind: remarks,", 1)
    else:
        return text.replace(name, "start: [{review: answered}]", 1)
    assert begin < end
    return text[:begin] + text[end:]
