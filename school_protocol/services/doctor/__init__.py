"""What `doctor` finds in an installation: one function a check, each finding with what to do; of no case a word."""

from school_protocol.services.doctor.checks import BEFORE, CHECKS, before, examine
from school_protocol.services.doctor.findings import Asked, Finding, Level

__all__ = ["BEFORE", "CHECKS", "Asked", "Finding", "Level", "before", "examine"]
