"""What is wrong with a definition, said in French and Arabic: every sentence, every bad file, nothing left in English.

What the files are told in English is in test_definition_reading.py and faults.yaml; here the same files, and as many
more as it takes to have every sentence said.
"""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from pydantic import BaseModel

from protocol.test_definition_reading import CASES, SYNTAX, WRITING, changed, text_of
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import DefinitionError, Fault
from school_protocol.engine.texts import Listing, Phrase, recognised
from school_protocol.language import Wording
from school_protocol.protocol.check_context import KINDS
from school_protocol.protocol.presenters import fault_line, fault_message
from school_protocol.protocol.reader import EXPLAINED, read

ROOT = Path(__file__).parents[2]
CONTEXT_KEY = ROOT / "school_protocol"
DRAWN = {"drawing_svg.py"}
"""Pictures: what stands in them is SVG."""
SAYING = (
    *(path for path in sorted((CONTEXT_KEY / "protocol").glob("*.py")) if path.name not in DRAWN),
    CONTEXT_KEY / "engine" / "conditions.py",
)
LANGUAGES = ("fr", "ar")
OPEN, OWN, SHUT = "\u2066", "\u2068", "\u2069"
"""Around what runs left to right in an Arabic sentence; around Arabic that stands in the file."""


# ---- bad files -----------------------------------------------------------------------------------------------------


def with_condition(condition: str) -> str:
    return changed(('when: "keeper_ready"', f"when: {json.dumps(condition)}"))


def answered(condition: str) -> str:
    """A condition over the answers of a form, some of which are several at once."""
    return changed(("when: \"heard == 'yes'\"", f"when: {json.dumps(condition)}"))


MORE = {
    "very many": "\n".join(f"key_{number}: x" for number in range(2_000)),
    "a tag of its own": "%TAG ! tag:x,2000:\n---\na: b",
    **{condition: with_condition(condition) for condition in (
        "keeper_ready and keeper_ready()", "a.b", "a[1]", "size + 1 == 2", "-size == 1", "fresh if fresh else fresh",
        "(1, 2) == size", "[1, 2]", "{1} == size", "(fresh or fresh) == True", "(size > 1) == True", "0 < size < 3",
        "3", "size in (fresh, 1)", "size is 1", "{1: 2}", "a =", "(a b)", "(a = 1)", "(a", "a)", "(a]", "'a", "'''a",
        "‘a’", "1a", "size == 01", "a if b", "fresh\n  and", "a ==\n b c", "size in ringing", "fresh == 'x'",
        "size == 'x'", "1 < 2", "spoke", "spoke < 'yes'", "spoke == 'maybe'", "spoke == 1", "spoke == fresh",
        "home in 'informed'", "nothing",
        "not " * 600 + "fresh", "(" * 500 + "fresh" + ")" * 500, f"fresh == '{'x' * 2001}'", f"fresh == '{'x' * 1900}'",
    )},
    **{condition: answered(condition) for condition in (
        "places == 'yard'", "feeling in places", "with == 'x'", "own_words == 'x'", "'attic' in places",
    )},
    **{text: text for text in (
        "a: b: c", "a: - x", "a: ? b", "- a\nb: c", "a:\n - b\n c", "a: [b", "{a: b c: d", "a: ]", "a: {[b: ]", "a: 'x",
        'a: "\\q"', 'a: "\\uZZZZ"', 'a: "\\ud800"', "a: |0\n x", "a: |x\n x", "a: !x!y z", "a: *", "a: &", "a: @x",
        'a: "\n--- x\n"', "a: b\n\tc: d", "a: |\n\t x\n", "a: b\n...\nc", "a: [b]]", "a: [x:y:, :]",
        "a: [\n---", "a: !!str,b",
    )},
}  # fmt: skip
"""Bad files beside those of test_definition_reading.py and faults.yaml, by what is the matter with them."""

_ALL: Mapping[str, str | bytes] = {
    **{
        f"{case['faults'][0]['says']} ({number})": text_of(case)
        for number, case in enumerate(CASES)
        if case.get("base") != "moroccan" or case.get("alone")
    },
    **{name: data for name, (data, _expected) in SYNTAX.items()},
    **{written: changed(("working: true", written)) for written, _expected in WRITING},
    **MORE,
}
"""Of changes to the whole Moroccan definition, which takes a while to be read, those that alone lead to a sentence."""
FILES = {
    name: data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass") for name, data in _ALL.items()
}
UNSAID = {
    "a condition is nested too deep": "Python's own parser gives up before",
    "this cannot be taken: %(why)s": "no kind of value in the model leads there, see below",
    "unknown name `%(name)s`": "said as a name that is not declared",
}
"""Texts that no file leads to, and why."""


@cache
def faults_of(name: str) -> tuple[Fault, ...]:
    with pytest.raises(DefinitionError) as caught:
        read(FILES[name], "f")
    return caught.value.faults


def pieces(words: object) -> Iterator[Phrase]:
    """A phrase with all that stands in it."""
    if isinstance(words, Phrase):
        yield words
        for one in words.args.values():
            yield from pieces(one)
    elif isinstance(words, Listing):
        for item in words.items:
            yield from pieces(item)


def values(words: object) -> Iterator[str]:
    """What is said as it is, in any language."""
    if isinstance(words, Phrase):
        for one in words.args.values():
            yield from values(one)
    elif isinstance(words, Listing):
        for item in words.items:
            yield from values(item)
    else:
        yield str(words)


# ---- every sentence is marked, translated, and said of some file ----------------------------------------------------


def marked(source: str) -> set[str]:
    """The texts that are marked in a source."""
    return {
        str(node.args[0].value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and _called(node) == "N_" and isinstance(node.args[0], ast.Constant)
    }


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


TOLD_OTHERWISE = {"presenters.py", "wording_sheet.py"}
"""What they say is no fault of a file."""
TEXTS = set().union(*(marked(path.read_text("utf-8")) for path in SAYING if path.name not in TOLD_OTHERWISE))


def catalogue(language: str) -> Catalog:
    path = CONTEXT_KEY / "translations" / language / "LC_MESSAGES" / "messages.po"
    return read_po(BytesIO(path.read_bytes()), locale=language)


def untranslated(texts: Iterable[str], said: Catalog) -> list[str]:
    found = ((text, said.get(text)) for text in texts)
    return [text for text, message in found if message is None or not str(message.string).strip() or message.fuzzy]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    assert len(TEXTS) > 280
    assert untranslated(TEXTS, catalogue(language)) == []


def test_a_sentence_without_translation_is_found() -> None:
    said = Catalog(locale="fr")
    said.add("missing", "il manque")
    said.add("empty", "")
    said.add("perhaps", "peut-être", flags=["fuzzy"])
    assert untranslated(["missing", "empty", "perhaps", "never heard of"], said) == [
        "empty",
        "perhaps",
        "never heard of",
    ]


@pytest.mark.exhaustive
def test_every_sentence_is_said_of_some_file() -> None:
    """So that each is read, in each language, by the tests below."""
    said = {piece.text for name in FILES for fault in faults_of(name) for piece in pieces(fault.message)}
    assert said <= TEXTS
    assert TEXTS - said - set(KINDS.values()) == set(UNSAID)


# ---- nothing is put together as it runs -----------------------------------------------------------------------------

MAKERS = {
    "say": 1, "Phrase": 0, "Unreadable": 1, "ConditionError": 0, "Fault": 1, "_fault": 2, "among": 4, "_has_field": 3,
    "_only_one": 2,
}  # fmt: skip
"""What says something of a file, and which of its arguments is the text."""
_TWO_WORDS = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")


def unmarked(source: str) -> list[int]:
    """The lines of a source that say something which cannot be said in another language."""
    tree = ast.parse(source)
    found: list[int] = []
    spoken: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _called(node) not in MAKERS:
            continue
        place = MAKERS[_called(node)]
        if len(node.args) > place:
            spoken |= {one.id for one in _either(node.args[place]) if isinstance(one, ast.Name)}
            found += [node.lineno for one in _either(node.args[place]) if _is_written(one)]
        found += [node.lineno for word in node.keywords if _holds_words(word.value)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id in spoken for one in targets) and any(
                map(_is_written, _either(node.value))
            ):
                found.append(node.lineno)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Tuple) and isinstance(node.iter, ast.Tuple):
            rows = [row.elts for row in node.iter.elts if isinstance(row, ast.Tuple)]
            places = [at for at, one in enumerate(node.target.elts) if isinstance(one, ast.Name) and one.id in spoken]
            found += [row[at].lineno for row in rows for at in places if any(map(_is_written, _either(row[at])))]
    return sorted(found)


def _either(node: ast.expr) -> list[ast.expr]:
    return [*_either(node.body), *_either(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def _is_written(node: ast.expr) -> bool:
    """A text that is neither marked nor made elsewhere."""
    if isinstance(node, ast.Call) and _called(node) == "N_":
        return not isinstance(node.args[0], ast.Constant)
    if isinstance(node, ast.BinOp | ast.JoinedStr):
        return True
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _holds_words(node: ast.expr) -> bool:
    """English among what stands in a sentence; codes and examples of the format are none."""
    if isinstance(node, ast.Call) and _called(node) == "N_":
        return False
    written = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    if isinstance(node, ast.JoinedStr):
        return any(re.search("[A-Za-z]{2,}", text) for text in written)
    return any(_TWO_WORDS.search(text) for text in written)


@pytest.mark.parametrize("path", SAYING, ids=lambda path: path.stem)
def test_whatever_is_said_is_marked(path: Path) -> None:
    assert unmarked(path.read_text("utf-8")) == []


def test_what_is_not_marked_is_found() -> None:
    assert unmarked('book.say(path, N_("no %(what)s"), what=name, code=f"U+{n:04X}", example="(\'a\', \'b\')")') == []
    assert unmarked('book.say(path, f"no {name}")') == [1]
    assert unmarked('for name, text in (("a", N_("no a")), ("b", "no b")):\n    book.say(name, text)') == [1]
    assert unmarked('book.say(path, "no name")') == [1]
    assert unmarked('book.say(path, "no " + name)') == [1]
    assert unmarked('book.say(path, N_(f"no {name}"))') == [1]
    assert unmarked('book.say(path, N_("no %(what)s"), what="field or value")') == [1]
    assert unmarked('book.say(path, N_("no %(what)s"), what=f"form {name}")') == [1]
    assert unmarked('book.say(path, "no name" if a else N_("none"))') == [1]
    assert unmarked('text = N_("one")\nbook.say(path, text)') == []
    assert unmarked('text = f"no {name}"\nbook.say(path, text)') == [1]
    assert unmarked('_NONE = "no name"\namong(book, path, names, known, _NONE)') == [1]
    assert unmarked('raise Unreadable(1, "the file is empty")') == [1]
    assert unmarked('raise ConditionError(f"condition {source!r}")') == [1]
    assert unmarked("faults.append(Fault(3, f'no {name}'))") == [1]


# ---- bad files, in the reader's language ----------------------------------------------------------------------------


def left_in_english(fault: Phrase, content: bytes) -> list[str]:
    """Words of the product's own that no language says: in place of a value, where the file doesn't have them."""
    written = content.decode("utf-8", "replace")
    return [value for value in values(fault) if _TWO_WORDS.search(value) and _as_written(value) not in written]


def _as_written(value: str) -> str:
    """A condition as the file has it: values say it quoted, as Python does, and long ones cut."""
    try:
        read_back = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        read_back = value
    return json.dumps(str(read_back).removesuffix("…"))[1:-1] if isinstance(read_back, str) else value


EXAMPLES = {"{fr: …, ar: …, en: …}", "('one', 'two')"}
_WORD = re.compile("[a-zà-ÿ]{3,}")


def words_in(text: str) -> set[str]:
    """The words of a message or a translation: neither places nor words of the format."""
    return set(_WORD.findall(re.sub(r"%\(\w+\)s|`[^`]*`", "", text)))


def bare(words: object) -> Phrase:
    """A phrase without what is the same in every language."""
    if isinstance(words, Listing):
        return Listing((bare(item) for item in words.items), words.joint)  # type: ignore[return-value]
    if isinstance(words, Phrase):
        return Phrase(words.text, **{name: bare(one) for name, one in words.args.items()})
    return ""  # type: ignore[return-value]


@cache
def only_english(language: str) -> frozenset[str]:
    """The words of the English sentences that no translation uses."""
    said = catalogue(language)
    used = set().union(*(words_in(str(said[text].string)) for text in TEXTS))
    return frozenset(set().union(*map(words_in, TEXTS)) - used)


def english_in(language: str, said: str) -> set[str]:
    return words_in(said) & only_english(language)


@pytest.mark.exhaustive(but=("[b-d]*-ar", "fresh*-ar"))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FILES, ids=lambda name: name[:40].encode("ascii", "replace").decode())
def test_a_bad_file_is_told_in_the_readers_language(name: str, language: str) -> None:
    w = Wording(language)
    for fault in faults_of(name)[:200]:
        message = fault.message
        assert isinstance(message, Phrase)
        assert set(left_in_english(message, FILES[name])) <= EXAMPLES
        said = fault_message(w, fault)
        assert (said.line, said.is_english) == (fault.line, False)
        assert said.sentence != message
        assert english_in(language, fault_message(w, Fault(1, bare(message))).sentence) == set(), said.sentence
        assert fault_message(Wording("en"), fault).sentence == str(message)
        if language == "ar":
            assert latin_outside(said.sentence) == ""


def latin_outside(said: str) -> str:
    """Latin letters that an Arabic sentence would turn round: those in no isolate; an isolate left open."""
    depth, found = 0, ""
    for character in said:
        depth += (character in (OPEN, OWN)) - (character == SHUT)
        if depth == 0 and character.isascii() and character.isalpha():
            found += character
    return found if depth == 0 else "unbalanced"


def test_english_that_is_left_is_found() -> None:
    planted = Phrase("%(what)s needs a field", what="a field or a value")
    assert left_in_english(planted, b"a: b") == ["a field or a value"]
    assert left_in_english(planted, b"title: a field or a value") == []
    assert english_in("fr", 'il manque la clé, missing key "x"') == {"missing", "key"}
    assert english_in("fr", fault_message(Wording("fr"), Fault(1, bare(Phrase("missing key of mine")))).sentence)
    assert english_in("ar", "المفتاح must be ناقص") == {"must"}
    assert (
        english_in("fr", fault_message(Wording("fr"), Fault(1, Phrase('missing key "%(name)s"', name=""))).sentence)
        == set()
    )
    assert latin_outside(f"المفتاح {OPEN}needs_when{SHUT} ناقص") == ""
    assert latin_outside("المفتاح needs ناقص") == "needs"
    assert latin_outside(f"المفتاح {OPEN}needs ناقص") == "unbalanced"


TOO_LONG = "deadlines.letter_due.value: 72 is more than its max, 48 ("


def named(says: str) -> str:
    """The file of which that is said first."""
    return next(name for name in FILES if name.startswith(says))


def said_in(language: str, name: str) -> list[str]:
    return [fault_message(Wording(language), fault).sentence for fault in faults_of(name)]


def test_what_stands_in_a_sentence_is_translated_too() -> None:
    text = changed(
        ("kind: note, form: jotting", "kind: note, form: joting"), ("checks: [home_told,", "checks: [home_tol,")
    )
    with pytest.raises(DefinitionError) as caught:
        read(text.encode(), "f")
    french, arabic = (
        [fault_message(Wording(one), fault).sentence for fault in caught.value.faults] for one in LANGUAGES
    )
    assert [line.replace("\u00a0", " ") for line in french] == [
        "acts.jot.form : formulaire « joting » introuvable ; vouliez-vous dire « jotting » ?",
        "documents.dossier.checks : condition, échéance ou obligation « home_tol » introuvable ; "
        "vouliez-vous dire « home_told » ?",
    ]
    assert arabic == [
        f"{OPEN}acts.jot.form{SHUT}: الاستمارة «{OPEN}joting{SHUT}»: لا وجود لهذا الاسم؛ "
        f"هل تقصد «{OPEN}jotting{SHUT}»؟",
        f"{OPEN}documents.dossier.checks{SHUT}: الشرط أو الأجل أو الواجب «{OPEN}home_tol{SHUT}»: لا وجود لهذا الاسم؛ "
        f"هل تقصد «{OPEN}home_told{SHUT}»؟",
    ]


def test_words_of_the_format_stand_apart_in_arabic() -> None:
    (said,) = said_in("ar", named("properties.one.in: `in` or `entering`"))
    assert f"{OPEN}`in`{SHUT}" in said
    (said,) = said_in("ar", named(TOO_LONG))
    assert f"{OPEN}72{SHUT}" in said
    assert f"{OPEN}`max`{SHUT}" in said


def test_what_the_file_says_turns_nothing_round() -> None:
    text = changed(
        ("working: true", 'working: "نعم"'), ("value: 3, unit", "value: -1, unit"), ("code: OBJ-1", 'cod: "\u202ex"')
    )
    with pytest.raises(DefinitionError) as caught:
        read(text.replace("cod:", '"co\u202ed":').encode(), "f")
    key, truth, number = (fault_message(Wording("ar"), fault).sentence for fault in caught.value.faults)
    assert f"«{OPEN}cod{SHUT}»" in key
    assert f"«{OWN}نعم{SHUT}»" in truth
    assert f"{OPEN}-1{SHUT}" in number


def test_a_very_long_sentence_is_cut_in_every_language() -> None:
    name = next(name for name in MORE if name.startswith("fresh == 'xxx") and len(name) < 2000)
    message = faults_of(name)[-1].message
    assert len(message) == 401
    for language in LANGUAGES:
        said = said_in(language, name)[-1]
        assert "…" in said[400:]
        assert latin_outside(said) == ("" if language == "ar" else latin_outside(said))


def test_a_line_for_editors() -> None:
    (fault,) = faults_of(named(TOO_LONG))
    assert fault_line(Wording("en"), "f.yaml", fault) == f"f.yaml:{fault.line}: {fault.message}"
    assert fault_line(Wording("fr"), "f.yaml", fault).startswith(
        f"f.yaml:{fault.line}: deadlines.letter_due.value\u00a0: 72 "
    )
    arabic = fault_line(Wording("ar"), "f.yaml", fault)
    assert re.fullmatch(rf"f\.yaml:{fault.line}: \u2067.*{SHUT}", arabic)


def test_what_is_known_in_english_alone_is_said_to_be() -> None:
    said = fault_message(Wording("ar"), Fault(3, "kept from before"), "a: b")
    assert (said.line, said.sentence, said.text, said.is_english) == (3, "kept from before", "a: b", True)


# ---- phrases ---------------------------------------------------------------------------------------------------------


def test_a_phrase_is_its_english_text_wherever_it_is_kept() -> None:
    like = Phrase('; did you mean "%(name)s"?', name="stamp")
    phrase = Phrase(
        '%(what)s "%(name)s" is not declared%(like)s',
        what=Listing([Phrase("act"), Phrase("move")], "or"),
        name="stmp",
        like=like,
    )
    assert phrase == 'act or move "stmp" is not declared; did you mean "stamp"?'
    assert hash(phrase) == hash(str(phrase))
    assert json.loads(json.dumps({"message": phrase})) == {"message": str(phrase)}
    for again in (copy.deepcopy(phrase), pickle.loads(pickle.dumps(phrase)), phrase.shortened(100)):
        assert again == phrase
        assert fault_message(Wording("fr"), Fault(1, again)) == fault_message(Wording("fr"), Fault(1, phrase))
    short = pickle.loads(pickle.dumps(phrase.shortened(20)))
    assert (str(short), short.longest, short.text) == ('act or move "stmp" i…', 20, phrase.text)


def test_a_listing_is_said_as_english_says_it() -> None:
    assert [Listing(["a", "b", "c"], joint) for joint in ("or", "and", "")] == ["a, b or c", "a and b and c", "a, b, c"]
    assert [Listing(words, "or") for words in ([], ["a"], ["a", "b"])] == ["", "a", "a or b"]


def test_what_a_library_says_is_recognised_whole_or_left() -> None:
    texts = ("invalid syntax", "unmatched '%(mark)s'")
    found = recognised("unmatched ')'", texts)
    assert isinstance(found, Phrase)
    assert (found, found.text, found.args) == ("unmatched ')'", texts[1], {"mark": ")"})
    for words in ("invalid syntax, perhaps", "an unmatched ')'", "unmatched ''"):
        assert not isinstance(recognised(words, texts), Phrase)


# ---- what the model can refuse ---------------------------------------------------------------------------------------

_KINDS_OF_ERROR = {
    "str": {"string_type"},
    "bool": {"bool_type", "bool_parsing"},
    "int": {"int_type", "int_parsing", "int_parsing_size"},
    "tuple": {"tuple_type"},
    "dict": {"dict_type"},
    "model": {"model_type"},
    "model-fields": {"missing", "extra_forbidden", "model_attributes_type"},
    "literal": {"literal_error"},
    "enum": {"enum"},
}
"""A kind of value in the model → the errors that a text, a list or a mapping can raise there."""
_BOUNDS = {"ge": "greater_than_equal", "le": "less_than_equal", "gt": "greater_than", "lt": "less_than",
           "max_length": "too_long", "min_length": "too_short", "pattern": "string_pattern_mismatch"}  # fmt: skip
_AROUND = {
    "model-field",
    "default",
    "no-info",
    "nullable",
    "function-before",
    "definition-ref",
    "function-plain",
    "definitions",
}
"""What only holds other kinds, or calls the installation's own reading: conditions say themselves what is wrong."""


def unexplained(model: type[BaseModel]) -> set[str]:
    """The kinds of error that a model can raise and that have no words."""
    found: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, Mapping):
            kind = node.get("type")
            if isinstance(kind, str) and kind not in _AROUND:
                found.update(_KINDS_OF_ERROR.get(kind, {f"any of {kind}"}))
                found.update(error for bound, error in _BOUNDS.items() if node.get(bound) is not None)
            for key, inner in node.items():
                if key != "metadata":
                    look(inner)
        elif isinstance(node, list | tuple):
            for inner in node:
                look(inner)

    look(model.__pydantic_core_schema__)
    return found - EXPLAINED


def test_whatever_the_model_refuses_has_words() -> None:
    assert unexplained(Protocol) == set()


def test_a_kind_of_error_without_words_is_found() -> None:
    class Odd(BaseModel):
        weight: float
        name: str

    assert unexplained(Odd) == {"any of float"}
