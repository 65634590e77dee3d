"""`python -m school_protocol.cli`."""

from school_protocol.cli.group import main

main()
