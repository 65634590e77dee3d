"""What a copy lacks of the case, in words: computed from what was dropped, never guessed."""

from __future__ import annotations

from collections.abc import Iterator

from school_protocol.documents.model import CaseFile
from school_protocol.wording import Wording

_SIGNS = 8
"""So many signs are still told one by one."""


def parts(view: CaseFile, wording: Wording) -> Iterator[str]:
    """The parts of `This copy leaves out: …`."""
    left = view.left_out
    if left.names:
        told = wording.ngettext("the name of one person", "the names of %(num)d people", len(left.names))
        yield f"{told} ({wording.listed(left.names)})" if len(left.names) <= _SIGNS else told
    if left.words:
        yield wording.ngettext(
            "somebody’s own words in one place", "somebody’s own words in %(num)d places", left.words
        )
    if left.answers:
        yield wording.ngettext("other answers in one entry", "other answers in %(num)d entries", left.answers)
    if left.addresses:
        yield wording.ngettext("one address or account", "%(num)d addresses or accounts", left.addresses)
    if left.entries:
        yield wording.ngettext("one whole entry", "%(num)d whole entries", left.entries)
    if left.others:
        yield wording._("what concerns other pupils and their families, their number too")
    if left.sides:
        yield wording.ngettext(
            "one entry that is kept for others in the case",
            "%(num)d entries that are kept for others in the case",
            left.sides,
        )
    if left.decision:
        yield wording._("the team’s decision and its reasons")
    if left.sections:
        titles = [wording.text(view.document.sections[place].title) for place in left.sections]
        yield wording._("these parts: %(titles)s", titles=wording.titles(titles))


def entries_here(wording: Wording, number: int) -> str:
    """How many entries are lacking at this place; 0: not told."""
    if not number:
        return wording._("Some entries are left out in this copy.")
    return wording.ngettext("One entry is left out in this copy.", "%(num)d entries are left out in this copy.", number)
