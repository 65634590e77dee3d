"""The typeface of pages and PDFs, cut from the packaged IBM Plex Sans Arabic at set-up.

Pages get WOFF2 files, Latin and Arabic apart, so that a French reader never loads the Arabic half; PDFs get one TTF
for each weight with both scripts in it. Nothing of it is committed: the package in the lock is the source.
"""

import hashlib
import sys
from importlib.resources import as_file, files
from pathlib import Path

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "web" / "static" / "fonts"

STAMP = ".stamp"
"""Beside the files: what they were cut from."""
LICENSE = "LICENSE"
"""Beside them, too: under which licence they are handed on."""
_PACKAGE = "fontpkg_ibm_plex_sans_arabic"
_WEIGHTS = {400: "Regular", 600: "SemiBold"}
# As in the @font-face rules of the pages. The check mark is there because pages and documents use it.
_RANGES = {
    "latin": "U+0-36F,U+2000-22FF,U+2713",
    "arabic": "U+600-6FF,U+750-77F,U+25CC,U+FB50-FDFF,U+FE70-FEFC",
}


def build(folder: Path) -> None:
    """Write six fonts and their licence into `folder`, unless they stand there already, cut from the same sources."""
    stamp = folder / STAMP
    recipe = _recipe()
    names = [name for weight in _WEIGHTS for name, _, _ in _cuts(weight)]
    if stamp.is_file() and stamp.read_text() == recipe and all((folder / name).is_file() for name in [*names, LICENSE]):
        return
    folder.mkdir(parents=True, exist_ok=True)
    for weight in _WEIGHTS:
        with as_file(files(_PACKAGE) / "files" / _source_name(weight)) as source:
            for name, unicodes, flavor in _cuts(weight):
                _cut(source, folder / name, unicodes, flavor)
    (folder / LICENSE).write_bytes((files(_PACKAGE) / LICENSE).read_bytes())
    stamp.write_text(recipe)


def _cuts(weight: int) -> list[tuple[str, str, str | None]]:
    """File name, characters and flavour of each file made for one weight."""
    web = [(f"plex-{weight}-{script}.woff2", unicodes, "woff2") for script, unicodes in _RANGES.items()]
    return [*web, (f"plex-{weight}.ttf", ",".join(_RANGES.values()), None)]


def _cut(source: Path, target: Path, unicodes: str, flavor: str | None) -> None:
    from fontTools import subset

    options = subset.Options(layout_features=["*"], flavor=flavor, hinting=flavor is None, notdef_outline=True)
    options.drop_tables = [*options.drop_tables, "meta"]
    font = subset.load_font(source, options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=subset.parse_unicodes(unicodes))
    cutter.subset(font)
    unfinished = target.with_suffix(".part")
    subset.save_font(font, unfinished, options)
    unfinished.replace(target)


def _source_name(weight: int) -> str:
    return f"IBMPlexSansArabic-{_WEIGHTS[weight]}.ttf"


def _recipe() -> str:
    """Changes when a source font or this module does."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for weight in _WEIGHTS:
        digest.update((files(_PACKAGE) / "files" / _source_name(weight)).read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER)
