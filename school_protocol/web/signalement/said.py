"""What pages say of public reports: where one stands, hours, languages, what was done with one."""

from __future__ import annotations

from datetime import timedelta

from school_protocol.services.signalement.coming_back import SENTENCES, Standing
from school_protocol.web.rendering import wording
from school_protocol.wording import HTML_LANGUAGE, LANGUAGE_NAMES, N_

DONE = {
    "read": N_("read it"),
    "answered": N_("answered"),
    "oriented": N_("told who can help"),
    "closed": N_("closed it"),
    "to_verify": N_("marked it to be verified"),
    "verified": N_("verified it"),
    "taken_up_again": N_("took it up again"),
    "linked": N_("put it to a case"),
    "opened": N_("opened a case"),
}
"""What was done with one, as it is kept."""


def standing_said(standing: Standing) -> str:
    """Where it stands, as its reporter may know."""
    return wording()._(SENTENCES[standing])


def known() -> dict[str, object]:
    """What each of these templates asks for; of when something came, the hour is all that is known."""
    return {
        "hour_after": lambda hour: hour + timedelta(hours=1),
        "language_names": LANGUAGE_NAMES,
        "html_names": HTML_LANGUAGE,
        "traces_said": {what: wording()._(said) for what, said in DONE.items()},
    }
