"""The wheel, built from the source tree's own files alone, and an empty environment that it is installed into."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from repository.operations import documented, put

ROOT = Path(__file__).parents[2]
SHIPPED = ("school_protocol", "templates", "protocol_definitions")
BESIDE = (
    "setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "requirements/runtime.lock",
    "requirements/scale.lock",
)  # fmt: skip
MADE = shutil.ignore_patterns("__pycache__", "*.pyc", "*.mo", "fonts")
TYPEFACES = [f"plex-{weight}{end}" for weight in (400, 600) for end in ("-latin.woff2", "-arabic.woff2", ".ttf")]


def copied_tree(folder: Path) -> Path:
    """What is committed of the program, without anything that `./run` makes of it."""
    for name in SHIPPED:
        shutil.copytree(ROOT / name, folder / name, ignore=MADE)
    for name in BESIDE:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


@dataclass(frozen=True)
class Built:
    """What is built of `source` in `folder`, each as it is first asked for, and without any network."""

    source: Path
    folder: Path

    @cached_property
    def archive(self) -> Path:
        """The archive of the source."""
        pack = f"from setuptools.build_meta import build_sdist; build_sdist({str(self.folder)!r})"
        said(sys.executable, "-W", "ignore", "-c", pack, cwd=self.source)
        [archive] = self.folder.glob("*.tar.gz")
        return archive

    @cached_property
    def wheel(self) -> Path:
        """The wheel built of the archive."""
        return wheel_of(self.archive, self.folder / "of-archive")

    @cached_property
    def in_place(self) -> Path:
        """The wheel built in the tree itself, as a checkout is."""
        return wheel_of(self.source, self.folder / "in-place")


def wheel_of(source: Path, folder: Path) -> Path:
    """By the line of the docs, without any network."""
    places = {" dist .": f" {shlex.quote(str(folder))} {shlex.quote(str(source))}"}
    words = shlex.split(put(documented("python -m pip wheel"), places))
    said(sys.executable, *words[1:], "-q", "--no-index", "--no-build-isolation", "--no-cache-dir", cwd=folder.parent)
    [wheel] = folder.glob("*.whl")
    return wheel


def said(*command: str, cwd: Path, **environ: str) -> str:
    """What a command prints that goes well, in an environment that names nothing of the checkout."""
    done = subprocess.run(
        command, cwd=cwd, env=bare(**environ), capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def bare(**environ: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "SOURCE_DATE_EPOCH": "1790000000", **environ}


# ---- what is in it -------------------------------------------------------------------------------------------------


def wanted(source: Path) -> set[str]:
    """Every file that an installation needs: all of the three folders, catalogues compiled, typefaces cut."""
    found = set()
    for name in SHIPPED:
        for path in (source / name).rglob("*"):
            if path.is_file():
                inside = path.relative_to(source / name).as_posix()
                found.add(f"{'school_protocol' if name == 'school_protocol' else f'school_protocol/{name}'}/{inside}")
    catalogues = {one for one in found if one.endswith(".po")}
    fonts = {f"school_protocol/web/static/fonts/{name}" for name in [*TYPEFACES, "LICENSE"]}
    return (found - catalogues) | {one.removesuffix(".po") + ".mo" for one in catalogues} | fonts


def held(wheel: Path) -> set[str]:
    """Every file in it, without what describes it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@dataclass(frozen=True)
class Difference:
    missing: list[str]
    besides: list[str]


def difference(needed: Iterable[str], there: Iterable[str]) -> Difference:
    needed, there = set(needed), set(there)
    return Difference(sorted(needed - there), sorted(there - needed))


# ---- an environment ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Environment:
    """A virtual environment that sees the libraries of the tests' own, and nothing of the checkout."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    @property
    def command(self) -> str:
        return str(self.folder / "bin" / "school-protocol")

    @property
    def packages(self) -> Path:
        [found] = self.folder.glob("lib/python*/site-packages")
        return found

    @property
    def package(self) -> Path:
        return self.packages / "school_protocol"

    def see_libraries(self) -> None:
        """Those of the tests' own. A `.pth` file names folders; one in those, as of an editable install, isn't read."""
        libraries = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
        (self.packages / "libraries.pth").write_text("\n".join(libraries) + "\n")

    def install(self, wheel: Path) -> None:
        pip = (sys.executable, "-m", "pip", "--python", self.python)
        said(*pip, "install", "-q", "--no-deps", "--no-index", str(wheel), cwd=self.folder)


def environment(folder: Path) -> Environment:
    """A new one."""
    venv.create(folder, with_pip=False, symlinks=True)
    made = Environment(folder)
    made.see_libraries()
    return made
