"""The words of a notice: that something waits, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from school_protocol.post import Letter
from school_protocol.services.digests import over
from school_protocol.services.house import House
from school_protocol.services.receivers import REPORTER
from school_protocol.storage import index
from school_protocol.storage.directory import Account
from school_protocol.storage.told import Channel, Notice
from school_protocol.wording import Wording


def letter_of(house: House, account: Account, notices: Sequence[Notice]) -> Letter:
    """One person's notices as one message: all urgent, or none."""
    first, is_mail = notices[0], notices[0].channel is Channel.mail
    offered = account.language in house.settings.languages
    w = Wording(account.language if offered else house.settings.default_language)
    subject, lines = _urgent(w, house, notices) if first.urgent else _calm(w, notices)
    if house.settings.address:
        lines.append(house.settings.address)
    if is_mail:
        lines.append(w._("This message says no more on purpose: the rest is read on the desk, signed in."))
        lines.append(w._("A machine sent it: nobody reads an answer."))
    text = "\n\n".join(lines) + "\n" if is_mail else "\n".join(lines)
    return Letter(_id_of(notices), house.now(), w.html_language, subject, text)


def _urgent(w: Wording, house: House, notices: Sequence[Notice]) -> tuple[str, list[str]]:
    """Subject and lines of what is urgent, or of an alert that was taken back."""
    taken_back = [notice for notice in notices if over.is_taken_back(notice)]
    if not taken_back:
        return w._("Urgent: open the desk now"), [w._("Urgent: open the desk now, or call the school.")]
    lines = [w._("An alert was taken back by the person who raised it.")]
    if len(taken_back) < len(notices) or any(_danger_stands(house, notice) for notice in taken_back):
        return w._("Urgent: open the desk now"), [
            *lines,
            w._("Another one stands: open the desk now, or call the school."),
        ]
    return w._("An alert was taken back"), [*lines, w._("If you have a doubt, call the school.")]


def _calm(w: Wording, notices: Sequence[Notice]) -> tuple[str, list[str]]:
    thanks = [notice for notice in notices if notice.role == REPORTER]
    subject = w._("Thank you") if len(thanks) == len(notices) else w._("Something waits for you")
    waiting = len({notice.case_id for notice in notices if notice not in thanks})
    lines = [how_many(w, waiting)] if waiting else []
    if thanks:
        lines.append(w._("Thank you for your attention. Nothing more is asked of you."))
    return subject, lines


def _danger_stands(house: House, notice: Notice) -> bool:
    """Whether something urgent stands in the case, whatever was taken back."""
    with house.realm.reading() as session:
        row = index.row_of(session, notice.case_id)
    return row is not None and (row.raised > 0 or row.urgent)


def how_many(w: Wording, waiting: int) -> str:
    return w.ngettext("One thing waits for you on the desk.", "%(num)d things wait for you on the desk.", waiting)


def _id_of(notices: Sequence[Notice]) -> str:
    """What a letter is known by: the same when it is tried again, whatever has joined it meanwhile."""
    most = max(notice.attempts for notice in notices)
    return min(notice.id for notice in notices if notice.attempts == most)
