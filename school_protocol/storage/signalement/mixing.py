"""What came lately at any school, put in another order once more: rows of all schools then carry one transaction."""

from __future__ import annotations

from datetime import datetime

from school_protocol.storage.engines import Store
from school_protocol.storage.signalement import order


def mix(store: Store, since: datetime) -> int:
    """Put what came since that hour in another order; how many rows. What was written before is let go."""
    with store.writing() as session:
        order.hold(session)
        mixed = order.mix_all(session, since)
    if mixed:
        order.let_go(store.engine)
    return mixed


def clean(store: Store) -> None:
    """Let go what was written before and could not be let go at once: readers were there, or dead rows are left."""
    with store.reading() as session:
        is_any = order.is_any(session)
    if is_any:
        order.let_go(store.engine)
