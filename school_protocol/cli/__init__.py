"""The `school-protocol` command: what the desk does, for scripts; and running an installation."""

from school_protocol.cli import bulk, bundles, case_files, cases, definitions, keeping, reports, running  # noqa: F401 - each adds its commands
from school_protocol.cli.group import REFUSED, main

__all__ = ["REFUSED", "main"]
