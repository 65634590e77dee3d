"""What is said of jobs of many copies: why a case has none, what a job waits for, what was typed wrong."""

from __future__ import annotations

from school_protocol.wording import Wording


def why_said(w: Wording, code: str) -> str:
    """Why a case has no copy."""
    said = {
        "not_open": w._("It was not open to you, or not in this form, when its turn came."),
        "summary": w._("The summary without names must be confirmed first, on the page of its case file."),
        "refused": w._("The protocol did not allow a copy of it."),
        "sealed": w._("It could not be opened: its key was destroyed, or it is not the right one."),
        "broken": w._("Its pages could not be made. Whoever looks after the server finds the reason in the log."),
        "revoked": w._("Its copy was taken back."),
        "gone": w._("Its copy is kept no longer: something in the case was destroyed since."),
    }
    return said.get(code, said["broken"])


def trouble_said(w: Wording, code: str) -> str:
    """What a job waits for; it goes on by itself once that is mended."""
    said = {
        "busy": w._("The store is busy. It goes on within a minute."),
        "full": w._("No room is left on the disk of the server. It goes on as soon as there is."),
        "keys": w._("The keys of the store cannot be used. It goes on as soon as they are in order."),
        "timestamp": w._("The authority that confirms the time does not answer: it is tried again."),
        "signing": w._("Copies cannot be signed: the academy’s key is missing or cannot be used."),
        "typesetting": w._("Documents cannot be made on the server: something is not installed."),
    }
    return said.get(code, "")


def problem_said(w: Wording, code: str, most: int) -> str:
    """What is wrong with what was asked for."""
    said = {
        "choice": w._("Choose one of these."),
        "unknown_school": w._("A code is not that of a school here."),
        "day": w._("This is not a day."),
        "before_first": w._("This day is before the first one."),
        "no_case": w._("No case that you see is like this."),
        "too_many_cases": w._("These are more than %(most)s cases. Choose fewer schools or days.", most=most),
    }
    return said.get(code, w._("Please check this answer."))
