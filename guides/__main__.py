"""`./run guides`: the quick guide of each role, two pages in each language, made anew with pictures of the demo."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from guides.making import file_name, made
from guides.pictures import browser, served_demo
from guides.plan import DEFINITION, ROOT, GuideFault, faults, read_plan
from school_protocol.protocol.reader import read_file

LANGUAGES = ("fr", "ar", "en")
OUTPUT = ROOT / "build" / "guides"


def main(arguments: Sequence[str] | None = None) -> int:
    plan = read_plan()
    asked = _parser(sorted(plan.guides)).parse_args(arguments)
    asked.output.mkdir(parents=True, exist_ok=True)
    try:
        with served_demo(_say) as shown, browser() as chromium:
            found = faults(plan, read_file(DEFINITION), shown.app)
            if found:
                raise GuideFault("\n".join(found))
            for role in asked.role or plan.guides:
                for language in asked.language or LANGUAGES:
                    path = asked.output / file_name(role, language)
                    path.write_bytes(made(chromium, shown, plan, role, language))
                    print(path, flush=True)
    except GuideFault as fault:
        _say(str(fault))
        return 1
    return 0


def _parser(roles: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("./run guides", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT, help="the folder they are written into")
    parser.add_argument("--role", action="append", choices=roles, help="this role alone; may be repeated")
    parser.add_argument("--language", action="append", choices=LANGUAGES, help="this language alone; may be repeated")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
