"""What was typed and could not be recorded yet: kept sealed for the same person, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from school_protocol.services.house import House
from school_protocol.storage import once


def keep_draft(house: House, account: str, key: str, answers: Mapping[str, Any]) -> None:
    """Keep what this person typed at `key`, in place of an earlier draft there."""
    with house.realm.writing(together=True) as session:
        once.keep_draft(session, house.vault, account, key[:200], answers, at=house.now())


def find_draft(house: House, account: str, key: str) -> dict[str, Any] | None:
    """What this person had typed at `key`."""
    with house.realm.reading() as session:
        found = once.draft(session, house.vault, account, key[:200])
    return dict(found.answers) if found else None


def drop_draft(house: House, account: str, key: str) -> None:
    """Forget it: it is recorded now."""
    with house.realm.writing(together=True) as session:
        once.drop_draft(session, account, key[:200])
