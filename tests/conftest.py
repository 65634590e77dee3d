"""What every room's tests share: the two definitions, read once."""

from pathlib import Path

import pytest

from school_protocol.definitions import read
from school_protocol.domain.protocol import Protocol

ROOT = Path(__file__).parents[1]
MOROCCAN = ROOT / "protocol_definitions" / "ma-cyberharassment" / "1.yaml"
SMALL = ROOT / "tests" / "definitions" / "small.yaml"


@pytest.fixture(scope="session")
def moroccan() -> Protocol:
    """The whole Moroccan protocol."""
    return read(MOROCCAN.read_bytes(), "ma-cyberharassment/1.yaml")


@pytest.fixture(scope="session")
def small() -> Protocol:
    """A protocol deliberately unlike it: lost things, three stages."""
    return read(SMALL.read_bytes(), "small.yaml")
