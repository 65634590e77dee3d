"""Further versions of a definition, for tests: its file's plain values, edited and numbered anew."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read

Edit = Callable[[dict[str, Any]], None]
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_yaml(path: Path) -> Any:
    """The values of a file that tests are told by."""
    return yaml.load(path.read_bytes(), Loader=_SAFE_LOADER)


@lru_cache
def plain(path: Path) -> dict[str, Any]:
    """Read once: whoever edits it copies it first."""
    data: dict[str, Any] = yaml.load(path.read_bytes(), Loader=_LOADER)
    return data


def next_version(data: dict[str, Any], number: int, *edits: Edit) -> bytes:
    """The file of version `number`, with these edits made."""
    new = copy.deepcopy({**data, "version": str(number)})
    for edit in edits:
        edit(new)
    return bytes(yaml.dump(new, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=10**6, encoding="utf-8"))


def published(ctx: AppContext, content: bytes) -> Protocol:
    """The version that this file is, published as the current one."""
    protocol = read(content, "next.yaml")
    with ctx.directory.writing() as session:
        protocol_repository.publish(
            session, protocol=protocol.protocol, version=protocol.version, digest=protocol.digest, content=content,
            published_at=ctx.now(),
        )  # fmt: skip
    return protocol
