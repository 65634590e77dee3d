"""Arabic makes no reader choose between two forms: one «(ة)» on a noun at most, none on a verb or a pronoun."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from versions import read_yaml

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "protocol_definitions").rglob("*.yaml"))
MESSAGES = ROOT / "school_protocol" / "translations" / "ar" / "LC_MESSAGES" / "messages.po"

ENDING = re.compile(r"[ء-ي]\(([ء-ي]{1,6})\)")
"""A letter and, in brackets right behind it, what makes its word feminine: تلميذ(ة), اكتب(ي), وحده(ا)."""
TWINS = re.compile(r"((?:[ء-ي]+ ){0,5}[ء-ي]+) ?\(([ء-ي]+(?: [ء-ي]+){0,5})\)")
"""Words and, in brackets, others: their feminine — كن قويا (كوني قوية) — or an explanation — النسخة (سرية)."""


def alike(before: list[str], inside: list[str]) -> bool:
    """Whether the words in brackets are those before them, each in another form."""
    pairs = list(zip(reversed(before), reversed(inside), strict=False))
    return len(pairs) == len(inside) and all(SequenceMatcher(None, *pair).ratio() >= 0.5 for pair in pairs)


def unlike(text: str) -> list[str]:
    """What in a text has to be read twice."""
    endings = ENDING.findall(text)
    chosen = [f"({ending})" for ending in endings if ending != "ة"]
    twins = [found.group() for found in TWINS.finditer(text) if alike(*(words.split() for words in found.groups()))]
    return chosen + twins + (["two brackets"] if endings.count("ة") > 1 else [])


def arabic(node: object) -> Iterator[str]:
    """Every text in Arabic or darija of a file of texts."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("ar", "ary") and isinstance(value, str):
                yield value
            else:
                yield from arabic(value)
    elif isinstance(node, list):
        for value in node:
            yield from arabic(value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_of_a_protocol_are_read_at_once(path: Path) -> None:
    texts = arabic(read_yaml(path))
    lines = (line for text in texts for line in text.splitlines())
    assert {line: found for line in lines if (found := unlike(line))} == {}


def test_messages_are_read_at_once() -> None:
    catalog = read_po(MESSAGES.open("rb"), locale="ar")
    texts = (text for message in catalog for text in ([message.string] if message.id else []) if text)
    forms = (form for text in texts for form in ((text,) if isinstance(text, str) else text))
    assert {form: found for form in forms if (found := unlike(form))} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "اكتب(ي) الرمز.",
        "لا تترك(ي) الطفل وحده.",
        "هل تريد(ين) جوابا؟",
        "اختر (اختاري) أحد الأخطار",
        "يرغب (ترغب) في ذلك",
        "يبقى وحده(ا)",
        "غادر(ت) المؤسسة",
        "عضو(ة) مشارك(ة)",
        "قولوا ليه (ليها)",
        "كن قويا (كوني قوية)",
        "أخبرني تلميذ آخر (أخبرتني تلميذة أخرى)",
    ],
)
def test_planted_text_is_found(planted: str) -> None:
    assert unlike(planted)


@pytest.mark.parametrize("plain", ["مدير(ة) المؤسسة", "نسخة المؤسسة (سرية)", "إكس (تويتر)", "القانون (09-08)"])
def test_plain_text_is_left_alone(plain: str) -> None:
    assert unlike(plain) == []


def test_every_shipped_protocol_is_looked_at() -> None:
    names = {path.parent.name for path in SHIPPED if path.name == "1.yaml"}
    assert names == {"ma-cyberharassment", "fr-phare", "fi-kiva"}
    assert all(list(arabic(read_yaml(path))) for path in SHIPPED)
