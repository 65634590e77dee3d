"""Frozen. The case file as PDF the straightforward way: page, styles and fonts are read anew for each copy."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from fontTools import subset
from weasyprint import HTML

HERE = Path(__file__).resolve().parent
LANGUAGES = ("fr", "ar")
_FONTS = {400: "IBMPlexSansArabic-Regular.ttf", 600: "IBMPlexSansArabic-SemiBold.ttf"}
_CHARACTERS = "U+0-36F,U+2000-22FF,U+2713,U+600-6FF,U+750-77F,U+25CC,U+FB50-FDFF,U+FE70-FEFC"


def lay_out(folder: Path) -> dict[str, Path]:
    """The frozen pages beside their styles and cut fonts, as any printer finds them; language → page."""
    import fontpkg_ibm_plex_sans_arabic

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "case_file.css", folder)
    sources = Path(fontpkg_ibm_plex_sans_arabic.__file__).parent / "files"
    for weight, name in _FONTS.items():
        options = subset.Options(layout_features=["*"], hinting=True, notdef_outline=True)
        options.drop_tables = [*options.drop_tables, "meta"]
        font = subset.load_font(sources / name, options)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=subset.parse_unicodes(_CHARACTERS))
        cutter.subset(font)
        subset.save_font(font, folder / f"plex-{weight}.ttf", options)
    return {language: Path(shutil.copy(HERE / f"case_file.{language}.html", folder)) for language in LANGUAGES}


def print_page(page: Path) -> bytes:
    """The PDF of a page, as WeasyPrint's first example has it."""
    written = HTML(filename=page).write_pdf()
    assert isinstance(written, bytes)
    return written


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for found in lay_out(target).values():
        (target / f"{found.stem}.pdf").write_bytes(print_page(found))
