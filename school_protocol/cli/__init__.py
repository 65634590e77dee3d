"""The `school-protocol` command: what the desk does, for scripts; and running an installation."""

from school_protocol.cli import (  # noqa: F401 - each adds its commands
    case_commands,
    case_file_commands,
    integrity_commands,
    privacy_commands,
    scenario_commands,
    serve_commands,
    setup_commands,
    storage_commands,
)
from school_protocol.cli.group import REFUSED, main

__all__ = ["REFUSED", "main"]
