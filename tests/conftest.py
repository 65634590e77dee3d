"""What every room's tests share: the two definitions, read once."""

from pathlib import Path

import pytest

from school_protocol.definitions import read_file
from school_protocol.domain.protocol import Protocol

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def moroccan() -> Protocol:
    """The whole Moroccan protocol."""
    return read_file(ROOT / "protocol_definitions" / "ma-cyberharassment" / "1.yaml")


@pytest.fixture(scope="session")
def small() -> Protocol:
    """A protocol deliberately unlike it: lost things, three stages."""
    return read_file(ROOT / "tests" / "definitions" / "small.yaml")
