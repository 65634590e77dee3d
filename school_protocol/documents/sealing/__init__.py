"""A document's last step, and the way back: stamped, its copy attached, signed; then verified, without any server.

Bytes in, bytes out: no database, no page, no clock of its own. `issuing.issue` and `verifying.verify` are what others
call; `saying` puts their answers into words. pyHanko is loaded at the first signature, never at import.
"""
