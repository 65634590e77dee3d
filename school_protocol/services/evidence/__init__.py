"""The register of evidence: its pieces, the files put to them, requests for removal, and what must not be kept."""
