"""Documents of a case that are handed out: which ones, made ahead or on the spot, numbered, stamped and signed."""

from school_protocol.services.papers.choosing import CaseFileOptions, SummaryAsked, see_case_file
from school_protocol.services.papers.copies import Issued
from school_protocol.services.papers.issuing import issue_case_file
from school_protocol.services.papers.readers import SELF, Reader

__all__ = ["SELF", "CaseFileOptions", "Issued", "Reader", "SummaryAsked", "issue_case_file", "see_case_file"]
