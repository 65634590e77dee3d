"""`python -m school_protocol.cli`."""

from school_protocol.cli import main

main()
