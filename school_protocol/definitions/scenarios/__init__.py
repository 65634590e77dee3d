"""Scenarios of workshops: from a YAML file to a `Scenario` that fits its protocol, or every fault with its line.

`read` is the way in; `check` holds a scenario against a protocol. Whether it can be played is found by playing it.
"""

from school_protocol.definitions.scenarios.checking import check
from school_protocol.definitions.scenarios.reading import located, read

__all__ = ["check", "located", "read"]
