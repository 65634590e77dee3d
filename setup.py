"""What setup.cfg cannot say: every package found, the two top-level folders that ship inside it, and what is made."""

import importlib.util
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

SOURCE = Path(__file__).resolve().parent


class BuildWhole(build_py):
    """Nothing of an earlier build; catalogues compiled and typefaces cut, whatever the source tree holds of them."""

    def run(self):
        if self.editable_mode:  # `./run` makes them in the tree itself
            super().run()
            return
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        built = Path(self.build_lib) / "school_protocol"
        compile_catalogues(built)
        cut_typefaces(built)


def compile_catalogues(built):
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for source in sorted(SOURCE.glob("school_protocol/translations/*/LC_MESSAGES/*.po")):
        target = built / source.relative_to(SOURCE / "school_protocol").with_suffix(".mo")
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as words, target.open("wb") as compiled:
            write_mo(compiled, read_po(words))


def cut_typefaces(built):
    spec = importlib.util.spec_from_file_location("fonts", SOURCE / "school_protocol" / "pdf" / "fonts.py")
    fonts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fonts)
    folder = built / "web" / "static" / "fonts"
    shutil.rmtree(folder, ignore_errors=True)
    fonts.build(folder)
    (folder / fonts.STAMP).unlink()


setup(
    cmdclass={"build_py": BuildWhole},
    packages=[
        *find_packages(include=["school_protocol", "school_protocol.*"]),
        "school_protocol.templates",
        "school_protocol.protocol_definitions",
    ],
    package_dir={
        "school_protocol": "school_protocol",
        "school_protocol.templates": "templates",
        "school_protocol.protocol_definitions": "protocol_definitions",
    },
)
