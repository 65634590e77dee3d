"""The `school-protocol` command: what the desk does, for scripts; and running an installation."""

from school_protocol.cli import (  # noqa: F401 - each adds its commands
    backups,
    beginning,
    bulk,
    bundles,
    case_files,
    cases,
    databases,
    definitions,
    evidence,
    figures,
    files,
    going_live,
    journal,
    keeping,
    keys,
    reports,
    retention,
    running,
    sampling,
    scenarios,
    staff,
    tokens,
    users,
)
from school_protocol.cli.group import REFUSED, main

__all__ = ["REFUSED", "main"]
