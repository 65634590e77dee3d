"""What an academy may see: which counts are told, and the gate that asks whether any other can be found out."""

from school_protocol.figures.auditing import Finding, audit
from school_protocol.figures.release import Key, NotReleasable, Release, Said, as_data, from_data
from school_protocol.figures.suppressing import suppress

__all__ = ["Finding", "Key", "NotReleasable", "Release", "Said", "as_data", "audit", "from_data", "suppress"]
