"""Which copies of a case file are made already, in words."""

from __future__ import annotations

from school_protocol.domain.errors import Unseen
from school_protocol.services.papers import CaseFileOptions, ahead
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.wording import LANGUAGE_NAMES


def ready(options: CaseFileOptions) -> list[str]:
    """Copies that are handed out at once: their profile, and the language in its own name."""
    try:
        found = ahead.ready(sessions.house(), sessions.actor(), options.head.number)
    except Unseen:  # the case was closed to this person meanwhile
        return []
    w = wording()
    return [
        f"{w.text(profile.title)} ({LANGUAGE_NAMES.get(language, language)})"
        for profile in options.profiles
        for language in options.languages
        if (profile.key, language) in found
    ]
