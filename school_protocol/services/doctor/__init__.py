"""What `doctor` finds in an installation: one function a check, each finding with what to do; of no case a word."""

from school_protocol.services.doctor.checks import BEFORE, CHECKS, before, examine
from school_protocol.services.doctor.findings import Asked, Finding, Level
from school_protocol.services.doctor.stores import NOT_OPENED

__all__ = ["BEFORE", "CHECKS", "NOT_OPENED", "Asked", "Finding", "Level", "before", "examine"]
