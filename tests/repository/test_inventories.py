"""The lists of docs/inventories.md are those of the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "school_protocol"
PAGE = (ROOT / "docs" / "inventories.md").read_text("utf-8")
CRYPTOGRAPHY = frozenset(
    {"argon2", "authlib", "cryptography", "hashlib", "hmac", "itsdangerous", "joserfc", "pyhanko", "pyotp", "webauthn"}
)
EITHER = {"school_protocol/cases/routes.py", "school_protocol/cases/intake_routes.py",
          "school_protocol/auth/sign_in_routes.py"}  # fmt: skip
"""Pages that take a value from their form or from their address: a school, where to go on, what follows."""


def imported(path: Path) -> set[str]:
    """The libraries that a module imports, by their first name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@cache
def users_of_cryptography() -> list[str]:
    return sorted(
        str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if imported(path) & CRYPTOGRAPHY
    )  # fmt: skip


def listed(page: str) -> tuple[str, ...]:
    """Files and folders in the last column of the table of keys and algorithms."""
    table = page.split("## Keys and algorithms")[1].split("\n## ")[0]
    cells = [line.split("|")[4] for line in table.splitlines() if line.startswith("| ")]
    return tuple(name for cell in cells for name in re.findall(r"`([\w/]+(?:\.py|/))`", cell))


def missing(page: str) -> list[str]:
    known = listed(page)
    return [path for path in users_of_cryptography() if not any(path == one or path.startswith(one) for one in known)]


def test_whatever_makes_use_of_cryptography_stands_in_the_table() -> None:
    assert missing(PAGE) == [], "say in docs/inventories.md what it is for"
    assert len(users_of_cryptography()) > 40
    assert [name for name in listed(PAGE) if not (SOURCE / name).exists()] == []


def test_one_that_is_left_out_is_told() -> None:
    assert missing(PAGE.replace("`auth/second_factor.py`", "")) == ["auth/second_factor.py"]


def test_every_locked_package_has_its_hashes() -> None:
    text = "\n".join(file.read_text("utf-8") for file in (ROOT / "requirements").glob("*.lock"))
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    locked = [block for block in blocks if re.match(r"[A-Za-z0-9][\w.\[\]-]*==", block)]
    assert len(locked) > 50
    assert [block.split()[0] for block in locked if "--hash=sha256:" not in block] == []
    assert "--index-url" not in "".join(blocks)
    assert "@ " not in "".join(block.split("--hash")[0] for block in locked)
    assert '--require-hashes -r "requirements/$layer.lock"' in (ROOT / "run").read_text("utf-8")


def test_a_value_is_read_from_the_form_or_from_the_address() -> None:
    """Not from whichever has it, but for those pages: they decide by it what they show, or where they lead."""
    mixed = {
        str(path.relative_to(ROOT)) for path in SOURCE.rglob("*.py")
        if re.search(r"\brequest\.(values|get_json|json|data)\b", path.read_text("utf-8"))
    }  # fmt: skip
    assert mixed == EITHER
