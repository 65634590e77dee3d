"""Letters, notices, notes and sheets of a case: what one says, and its pages."""

from school_protocol.documents.papers.model import (
    Answered,
    Called,
    Exhibit,
    Paper,
    Printed,
    Recipient,
)
from school_protocol.documents.papers.paper import paper, paper_html

__all__ = ["Answered", "Called", "Exhibit", "Paper", "Printed", "Recipient", "paper", "paper_html"]
