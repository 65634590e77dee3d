"""The journal: chains verified, accesses closed, anchors taken, printed heads looked up; and the index made from it."""

from school_protocol.services.journal.indexing import rebuild_index
from school_protocol.services.journal.verifying import Verdict, verify, verify_chains, verify_journal

__all__ = ["Verdict", "rebuild_index", "verify", "verify_chains", "verify_journal"]
