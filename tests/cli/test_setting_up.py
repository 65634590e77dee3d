"""`./run` sets itself up: what stops it is said in words of ours, and what was broken off begins anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from engine.telling import ROOT

from cli.building import environment

NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1", "PIP_FIND_LINKS": ""}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As it was cloned, with one package locked that nobody has."""
    for name in ("run", "setup.cfg", "setup.py", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "runtime.lock").write_text(f"nobodys-own==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    return tmp_path


def set_up(checkout: Path, **environ: str) -> str:
    """What it says as it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    ran = subprocess.run(
        ["./run", "cli", "--help"], cwd=checkout, env={**kept, **environ}, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    return ran.stderr


@pytest.mark.exhaustive
def test_without_a_network_it_says_so_and_what_stood_stands(checkout: Path) -> None:
    said = set_up(checkout, **NOWHERE)

    assert "The packages could not be fetched: a start that installs needs the network." in said
    assert "nobodys-own" not in said
    assert "ERROR" not in said
    assert "Making a virtual environment" in said
    assert "Making a virtual environment" not in set_up(checkout, **NOWHERE)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("left", "made"), [(".unfinished", True), (".made", False)], ids=["in layers", "at once"])
def test_a_start_that_was_killed_begins_anew(checkout: Path, left: str, made: bool) -> None:
    """Killed as packages were laid out, or before the environment itself stood."""
    set_up(checkout, **NOWHERE)
    if made:
        (checkout / ".venv" / left).touch()
    else:
        (checkout / ".venv" / left).unlink()

    assert "Making a virtual environment" in set_up(checkout, **NOWHERE)


def test_a_package_that_is_not_the_locked_one_is_not_installed(checkout: Path, tmp_path: Path) -> None:
    """Into an environment that stands, with the pip that the tests have: to make one takes seconds."""
    stands = environment(checkout / ".venv")
    (stands.folder / ".made").touch()
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "nobodys_own-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nobodys_own-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: nobodys-own\nVersion: 1.0\n")
        wheel.writestr(
            "nobodys_own-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("nobodys_own-1.0.dist-info/RECORD", "")

    said = set_up(checkout, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))

    assert "A package that was fetched is not the one that is locked. It was not installed" in said
    assert "ERROR" not in said
    assert "Making a virtual environment" not in said
    assert not list(checkout.glob(".venv/lib/python3*/site-packages/nobodys_own*"))
