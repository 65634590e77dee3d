"""What is stale goes, too: reports that never became a case, drafts, used tokens, attempts, sessions that are over.

How old something is, is counted from a day of work some days ago, so that a clock that leaps ahead takes nothing away.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from school_protocol.domain.retention import LEAST_RUNS
from school_protocol.services.house import House
from school_protocol.services.signalement.keeping import erase_over
from school_protocol.storage import keys, once, proving, sign_in
from school_protocol.storage import retention as storage

ANSWERED_REPORTS = timedelta(days=183)
UNTRIAGED_REPORTS = timedelta(days=366)
DRAFTS = timedelta(days=90)
TOKENS = timedelta(days=30)
ATTEMPTS = timedelta(days=2)
UNUSED_KEYS = timedelta(days=2)

_log = logging.getLogger(__name__)


def sweep(house: House) -> dict[str, int]:
    """Delete what is stale; returns how many of each kind that counts for somebody."""
    with house.realm.reading() as session:
        since = storage.settled_since(session, LEAST_RUNS)
    if since is None:
        return {}
    base = min(since, house.now())
    with house.realm.writing() as session:
        reports = storage.stale_reports(session, base - ANSWERED_REPORTS, base - UNTRIAGED_REPORTS)
        storage.drop_reports(session, reports)
        drafts = storage.drop_drafts(session, base - DRAFTS)
        once.drop_tokens(session, base - TOKENS)
        unused = keys.drop_unused_keys(session, base - UNUSED_KEYS)
        exports = storage.drop_exports(session, base)
    public = erase_over(house, base, left_since=base - UNTRIAGED_REPORTS)
    with house.directory.writing() as session:
        sign_in.drop_web_sessions(session, base)
        sign_in.drop_attempts(session, base - ATTEMPTS)
        proving.drop_over(session, base)
    if reports or public:
        _log.warning("%d reports without a case were deleted: their time was over", len(reports) + public)
    return {
        "reports": len(reports), "public_reports": public, "drafts": drafts, "unused_keys": unused, "exports": exports,
    }  # fmt: skip
