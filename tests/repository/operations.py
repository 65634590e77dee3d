"""The command lines of docs/operations.md: of its blocks, of its running text, and of its table of commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import takewhile

from repository.test_docs import OPERATIONS

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `(school-protocol [^`]*)` \|", re.MULTILINE)
_WORD = re.compile(r"[a-z][a-z-]*")
_REMARK = re.compile(r"\s{2,}#\s.*$")


def in_blocks(text: str = OPERATIONS) -> list[str]:
    """Each line of a block without a language, and without its remark."""
    blocks = [block for language, block in _BLOCK.findall(text) if not language]
    return [_REMARK.sub("", line).rstrip() for block in blocks for line in block.splitlines() if line.strip()]


def in_the_text(text: str = OPERATIONS) -> list[str]:
    """What stands in running text as code, and has more than one word; each once."""
    rest = _ROW.sub("", _BLOCK.sub("", text))
    said = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest))
    return [one for one in dict.fromkeys(said) if " " in one]


def in_the_table(text: str = OPERATIONS) -> list[str]:
    """Each command of the table, without `school-protocol` and what comes behind it."""
    return [" ".join(takewhile(_WORD.fullmatch, row.split()[1:])) for row in _ROW.findall(text)]


def documented(begins: str) -> str:
    """The one line that begins so, as it stands."""
    found = {line for line in (*in_blocks(), *in_the_text()) if line.startswith(begins)}
    assert len(found) == 1, f"{begins}: {len(found)} lines of docs/operations.md begin so"
    return found.pop()


def block_of(begins: str) -> str:
    """The whole block whose first line begins so, as it stands."""
    [found] = [block for language, block in _BLOCK.findall(OPERATIONS) if not language and block.startswith(begins)]
    return str(found)


def put(line: str, places: Mapping[str, object]) -> str:
    """The line with places of here instead of those that it names; each of them is named there."""
    for named, ours in places.items():
        assert named in line, f"{named} does not stand in: {line}"
        line = line.replace(named, str(ours))
    return line
