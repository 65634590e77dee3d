"""The Nu Html Checker of the W3C, asked about pages; `./run check --all` fetches it (requirements/npm)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from programs import ABSENT, where_is

CHECKER = Path(sys.prefix) / "checkers/node_modules/vnu-jar/build/dist/vnu.jar"

needs_checker = pytest.mark.skipif(
    not (CHECKER.exists() and where_is("java")), reason=f"the Nu Html Checker (npm, and Java 17) {ABSENT}"
)


def faults(folder: Path, pages: Mapping[str, bytes]) -> list[str]:
    """Each fault of these pages, by name: what is said of it, and where it stands. They are written to the folder."""
    folder.mkdir(exist_ok=True)
    names = {f"{place}.html": name for place, name in enumerate(pages)}
    for file, name in names.items():
        (folder / file).write_bytes(pages[name])
    command = [where_is("java"), "-jar", str(CHECKER), "--format", "json", "--stdout", "--exit-zero-always"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)["messages"]
    return [
        f"{names.get(Path(one.get('url', '')).name, '')}: {one['type']}: {one['message']}: {one.get('extract', '')}"
        for one in told
    ]
