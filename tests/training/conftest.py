"""What tests of workshops share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from training.room_browsing import Hall, hall_in


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    """A host with one workshop of two tables."""
    hall = hall_in(tmp_path)
    yield hall
    hall.close()
