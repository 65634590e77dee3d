"""The register of evidence of the Moroccan definition, changed in one place, each with what is said about it."""

from __future__ import annotations

from domain.telling import MOROCCAN

FAULTS: tuple[tuple[tuple[str, str], str], ...] = (
    (("  act: evidence\n  named_after", "  act: note\n  named_after"), 'act "note" registers no evidence'),
    (("named_after: [platform, handle]", "named_after: [platfrm, handle]"), 'has no field "platfrm"'),
    (("  captured: captured_at\n", "  captured: handle\n"), "moment or date is needed here"),
    (("  openers: [team_member,", "  openers: [team_membr,"), 'did you mean "team_member"'),
    (("    channel: channel\n", "    channel: result_of\n"), '"result_of" is no column of "takedowns" of type choice'),
    (("    waits: waiting\n", "    waits: wating\n"), '"wating" is no answer here'),
    (("{channels: platform}", "{channels: platfrm}"), '"platfrm" is no answer here'),
    (("ask: [prosecutor, police]", "ask: [prosecutr, police]"), 'did you mean "prosecutor"'),
    (("    remind_days: 3\n", "    remind_days: 0\n"), "remind_days"),
    (('        forbids_files: ["yes", doubt]\n', ""), "no answer forbids files"),
)
"""What is written otherwise, and a part of what is said."""
ALONE = frozenset(FAULTS[place][1] for place in (0, 4, 9))
"""Sentences that no other file leads to: the whole definition takes a while to be read."""


def with_pieces(change: tuple[str, str]) -> str:
    """The whole definition with that one change."""
    text = MOROCCAN.read_text("utf-8")
    assert change[0] in text
    return text.replace(*change, 1)
