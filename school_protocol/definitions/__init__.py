"""Definitions: from a YAML file to a `Protocol` that is known to hang together, or every fault with its line.

`read` and `read_file` are the way in; `read_published` is for what cases follow already.
`names` says what conditions may name.
"""

from school_protocol.definitions.reading import read, read_file, read_published

__all__ = ["read", "read_file", "read_published"]
