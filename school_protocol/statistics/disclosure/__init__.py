"""What an academy may see: which counts are told, and the gate that asks whether any other can be found out."""

from school_protocol.statistics.disclosure.auditing import Finding, audit
from school_protocol.statistics.disclosure.release import Key, NotReleasable, Release, Said, as_data, from_data
from school_protocol.statistics.disclosure.suppressing import suppress

__all__ = ["Finding", "Key", "NotReleasable", "Release", "Said", "as_data", "audit", "from_data", "suppress"]
