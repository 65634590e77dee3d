"""Everything said is translated, whole, in words that the protocol allows; each check is tried on a planted fault."""

import ast
import gettext
import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import jinja2
import pytest
import yaml
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from jinja2 import nodes

from school_protocol.language import NEVER_SAID, stigma
from school_protocol.protocol.wording_sheet import values_kept

ROOT = Path(__file__).parents[2]
LANGUAGES = ("fr", "ar")
ARABIC_FORMS = {0: 0, 1: 1, 2: 2, 3: 3, 10: 3, 11: 4, 99: 4, 100: 5, 102: 5, 103: 3, 111: 4}
"""A number → the form it takes. Babel's own rule for Arabic mixes up the last two."""

MARKS = {"_": 1, "gettext": 1, "N_": 1, "ngettext": 2}
"""Calls that say something, and how many of their first words are messages."""
PASSED_ON = {
    "templates/ui/base.html",  # labels of the menu: each marked where its route is registered
    "school_protocol/language.py",
    "school_protocol/ui/rendering.py",
    "school_protocol/protocol/wording_sheet.py",
    "school_protocol/training/scenario_presenters.py",
    "school_protocol/training/presenters.py",
    "school_protocol/training/routes.py",
    "school_protocol/training/workshop_pages.py",
    "school_protocol/cases/presenters.py",
    "school_protocol/pdf/presenters.py",
    "school_protocol/proof/presenters.py",
    "school_protocol/protocol/presenters.py",
    "school_protocol/publishing/move_case.py",
    "school_protocol/reports/public_door.py",
    "school_protocol/people/presenters.py",
    "school_protocol/privacy/presenters.py",
    "school_protocol/reports/presenters.py",
    "school_protocol/api/routes.py",
    "school_protocol/ops/routes.py",
    "templates/ops/index.html",
}
"""Where a message that was marked elsewhere is looked up."""

_NAMES = re.compile(r"%\((\w+)\)[sd]")
TYPOGRAPHY = {
    "fr": re.compile(r"(?<![\u00a0\d])[:;?!»]|(?<!\u00a0)»|«(?!\u00a0)|'|n° |\.\.\."),
    "ar": re.compile(r"[?,;'\"٠-٩]|\.\.\."),
}
"""What a French or Moroccan reader would take for a slip: a space that breaks, a Latin comma, Eastern digits."""


# ---- reading -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every message of pages, papers and sentences, collected as README.md says."""
    collected = tmp_path_factory.mktemp("messages") / "messages.pot"
    extract = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg"]
    subprocess.run([*extract, "-o", str(collected), "."], cwd=ROOT, check=True, capture_output=True)
    return read_po(BytesIO(collected.read_bytes()))


@pytest.fixture(scope="module", params=LANGUAGES)
def said(request: pytest.FixtureRequest) -> Catalog:
    path = ROOT / "school_protocol" / "translations" / request.param / "LC_MESSAGES" / "messages.po"
    return read_po(BytesIO(path.read_bytes()), locale=request.param)


def ids(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple) else (message.id,)


def forms(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, list | tuple) else (message.string,)


def messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


# ---- checks --------------------------------------------------------------------------------------------------------


def gaps(said: Catalog, marked: Catalog) -> list[str]:
    """Messages that are not said, or said though nobody asks for them."""
    wanted = {ids(message) for message in messages(marked)}
    known = {ids(message): message for message in messages(said)}
    return [
        *(f"missing: {one[0]}" for one in wanted - known.keys()),
        *(f"no longer asked: {one[0]}" for one in known.keys() - wanted),
        *(f"obsolete: {ids(message)[0]}" for message in said.obsolete.values()),
        *(f"fuzzy: {one[0]}" for one, message in known.items() if message.fuzzy),
        *(f"empty: {one[0]}" for one, message in known.items() if not all(form.strip() for form in forms(message))),
        *(
            f"{len(forms(message))} forms: {one[0]}"
            for one, message in known.items()
            if len(one) == 2 and len(forms(message)) != said.num_plurals
        ),
    ]


def placeholder_faults(said: Catalog) -> list[str]:
    """Translations that lose a value, or ask for one that nobody gives."""
    return [ids(message)[0] for message in messages(said) if not values_kept(ids(message), forms(message))]


def slips(said: Catalog, language: str) -> list[str]:
    found = TYPOGRAPHY[language]
    return [form for message in messages(said) for form in forms(message) if found.search(_NAMES.sub("X", form))]


def texts(node: object) -> Iterator[tuple[str, str]]:
    """Language and words of every text of a definition."""
    if isinstance(node, dict):
        if "fr" in node and all(isinstance(words, str) for words in node.values()):
            yield from ((key, words) for key, words in node.items() if key in NEVER_SAID)
            return
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from texts(part)


def python_calls(source: str) -> Iterator[list[str | None]]:
    """The messages of every call that says something; `None` for one that is put together as it runs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in MARKS:
                asked = node.args[: MARKS[name]]
                yield [part.value if isinstance(part, ast.Constant) else None for part in asked]


def template_calls(source: str) -> Iterator[list[str | None]]:
    for node in jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(source).find_all(nodes.Call):
        name = getattr(node.node, "attr", getattr(node.node, "name", ""))
        if name in MARKS:
            yield [part.value if isinstance(part, nodes.Const) else None for part in node.args[: MARKS[name]]]


# ---- the catalogues ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("ar",))
def test_every_message_is_said_once_and_whole(said: Catalog, marked: Catalog) -> None:
    assert len(messages(marked)) > 400
    assert not gaps(said, marked), "see README.md, “A wording”: extract, update, translate"


def test_no_value_is_lost_or_made_up(said: Catalog) -> None:
    assert not placeholder_faults(said)
    assert not [(message.id, errors) for message, errors in said.check()]


def test_no_slip_of_typography(said: Catalog) -> None:
    assert not slips(said, said.locale.language)


def test_arabic_has_its_six_forms(said: Catalog) -> None:
    if said.locale.language == "ar":
        assert said.num_plurals == 6
        choose = gettext.c2py(said.plural_expr)
        assert {number: choose(number) for number in ARABIC_FORMS} == ARABIC_FORMS
    else:
        assert said.num_plurals == 2


def test_none_is_never_said_as_one(said: Catalog) -> None:
    """French grammar takes the singular for none; but our singulars say "one"."""
    choose = gettext.c2py(said.plural_expr)
    assert choose(0) != choose(1)


def test_nobody_is_stigmatised(said: Catalog, marked: Catalog) -> None:
    for message in messages(said):
        for form in forms(message):
            assert not stigma(said.locale.language, form), form
    for message in messages(marked):
        for one in ids(message):
            assert not stigma("en", one), one


@pytest.mark.exhaustive(only=("1_2",))
@pytest.mark.parametrize("path", sorted(ROOT.glob("protocol_definitions/*/[0-9]*.yaml")), ids=lambda path: path.stem)
def test_no_definition_stigmatises(path: Path) -> None:
    found = list(texts(yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)))
    assert len(found) > 300
    assert not [(words, stigma(language, words)) for language, words in found if stigma(language, words)]


@pytest.mark.exhaustive
def test_every_call_is_collected(marked: Catalog) -> None:
    collected = {one for message in messages(marked) for one in ids(message)}
    calls = [
        (path.relative_to(ROOT).as_posix(), call)
        for pattern, read in (("school_protocol/**/*.py", python_calls), ("templates/**/*.html", template_calls))
        for path in sorted(ROOT.glob(pattern))
        for call in read(path.read_text("utf-8"))
    ]
    assert len(calls) > 400
    assert not [(path, call) for path, call in calls if None in call and path not in PASSED_ON]
    assert not {one for _, call in calls for one in call if one is not None} - collected


# ---- planted faults ------------------------------------------------------------------------------------------------


def _catalogues(*entries: tuple[str | tuple[str, str], str | tuple[str, ...]]) -> tuple[Catalog, Catalog]:
    said, marked = Catalog(locale="fr"), Catalog()
    for one, words in entries:
        said.add(one, words)
        marked.add(one)
    return said, marked


def test_a_gap_is_found() -> None:
    said, marked = _catalogues(("Yes", "Oui"), (("One", "%(num)d"), ("Un", "%(num)d")))
    assert not gaps(said, marked)
    marked.add("No")
    assert gaps(said, marked) == ["missing: No"]
    said.add("No", "")
    assert gaps(said, marked) == ["empty: No"]
    said["No"].string = "Non"
    said["No"].flags.add("fuzzy")
    assert gaps(said, marked) == ["fuzzy: No"]
    said["No"].flags.clear()
    said.add("Perhaps", "Peut-être")
    assert gaps(said, marked) == ["no longer asked: Perhaps"]


def test_an_obsolete_message_is_found() -> None:
    said = read_po(BytesIO(b'msgid "Yes"\nmsgstr "Oui"\n\n#~ msgid "No"\n#~ msgstr "Non"\n'), locale="fr")
    assert gaps(said, _catalogues(("Yes", "Oui"))[1]) == ["obsolete: No"]


def test_a_missing_plural_is_found() -> None:
    said, marked = Catalog(locale="ar"), Catalog()
    said.add(("One", "%(num)d"), ("واحد", "%(num)d"))
    marked.add(("One", "%(num)d"))
    assert gaps(said, marked) == ["2 forms: One"]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        ("By %(day)s", "Avant"),
        ("By %(day)s", "Avant le %(jour)s"),
        ("By", "Avant le %(day)s"),
        ("By %(day)s", "Avant le %(day)s, %"),
        (("One case", "%(num)d cases"), ("Un dossier", "Des dossiers")),
        (("One %(what)s", "%(num)d %(what)s"), ("Un", "%(num)d %(what)s")),
    ],
)
def test_a_lost_value_is_found(one: str | tuple[str, str], words: str | tuple[str, ...]) -> None:
    assert placeholder_faults(_catalogues((one, words))[0])


def test_a_count_may_be_a_word() -> None:
    assert not placeholder_faults(_catalogues((("One case", "%(num)d cases"), ("Un dossier", "%(num)d dossiers")))[0])


@pytest.mark.parametrize("words", ["Quel danger ?", "L'élève", "« Oui »", "Attendez...", "Dossier: 3"])
def test_a_french_slip_is_found(words: str) -> None:
    assert slips(_catalogues(("x", words))[0], "fr")


@pytest.mark.parametrize("words", ["ما الخطر?", "اليوم, غدا", "الملف ٣", "انتظر..."])
def test_an_arabic_slip_is_found(words: str) -> None:
    assert slips(_catalogues(("x", words))[0], "ar")


def test_what_is_right_is_no_slip() -> None:
    assert not slips(_catalogues(("x", "À 10:30\u00a0: «\u00a0oui\u00a0», n°\u00a03"))[0], "fr")
    assert not slips(_catalogues(("x", "ما الخطر؟ اليوم، 10:30: «نعم»"))[0], "ar")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", "L’agresseur"),
        ("fr", "Harceleuse"),
        ("fr", "La victime"),
        ("ar", "المُعتدي"),
        ("ar", "الجاني"),
        ("ar", "التلميذ المتنمِّر"),
        ("ar", "الضحية"),
        ("en", "the bully"),
    ],
)
def test_a_judging_word_is_found(language: str, words: str) -> None:
    assert stigma(language, words)
    assert list(texts({"forms": [{"title": {"fr": "x", language: words}}]}))[-1] == (language, words)


def test_a_presumption_is_no_judgement() -> None:
    assert not stigma("fr", "victimes présumées") + stigma("fr", "un harcèlement, une agression")
    assert not stigma("ar", "الضحية المفترَضة") + stigma("ar", "التنمر واعتداء جسدي") + stigma("en", "bullying")


def test_an_uncollected_call_is_found() -> None:
    assert list(python_calls('w._("Yes"); ngettext("One", "Many", 3); w._(said); f"{self._(N_(a))}"')) == [
        ["Yes"],
        ["One", "Many"],
        [None],
        [None],
        [None],
    ]
    assert list(template_calls('{{ _("Yes") }}{{ ngettext("One", "Many", 3) }}{{ _("a" ~ b) }}')) == [
        ["Yes"],
        ["One", "Many"],
        [None],
    ]
