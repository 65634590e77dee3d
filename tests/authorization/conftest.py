"""One furnished installation for all of these tests, closed again: each asks a copy of its own."""

from __future__ import annotations

import pytest

from authorization.world import World, opened


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> World:
    with opened(tmp_path_factory.mktemp("first")) as found:
        return found
