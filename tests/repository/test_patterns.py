"""No pattern of ours takes for ever on a text made for it: each is looked at by regexploit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SLOW = 'import re\n\nSLOW = re.compile(r"^(a|a|b)+$|(x+x+)+y")\nALSO = re.compile(r"\\s*\\s*\\s*$")\n'


def said_of(*paths: Path) -> str:
    command = [str(Path(sys.executable).with_name("regexploit-py")), *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_no_pattern_can_be_made_slow() -> None:
    said = said_of(*sorted((ROOT / "school_protocol").rglob("*.py")))
    assert "Processed" in said
    assert int(said.split("Processed ")[1].split()[0]) > 60
    assert "Vulnerable" not in said, said
    assert "Worst-case" not in said, said


def test_a_slow_pattern_is_seen(tmp_path: Path) -> None:
    """The control."""
    (tmp_path / "slow.py").write_text(SLOW)
    assert "Worst-case complexity" in said_of(tmp_path / "slow.py")
