"""What pypdf takes out of the pages is what was written: letters, figures, order and spaces, whatever was typed."""

import io
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from programs import needs
from pypdf import PdfReader

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.pages import case_file_html
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.bidi import isolated, plain
from school_protocol.pdf.rendering import render

from . import tags
from .archive import not_accessible, not_archival
from .made_up import MadeUp, profiles
from .printed import case_pdf

LANGUAGES = ("fr", "ar", "en")
MOMENT = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)


def extracted(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def without_artifacts(data: bytes) -> bytes:
    """The same pages, without what runs at their head and foot."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for page in pdf.pages:
            kept, depth = [], 0
            for operands, operator in pikepdf.parse_content_stream(page):
                if str(operator) in ("BDC", "BMC"):
                    depth += bool(depth) or str(operands[0]) == "/Artifact"
                elif str(operator) == "EMC":
                    depth -= bool(depth)
                if not depth or str(operator) not in ("Tj", "TJ"):
                    kept.append((operands, operator))
            page.Contents = pdf.make_stream(pikepdf.unparse_content_stream(kept))
        pdf.save(written := io.BytesIO())
    return written.getvalue()


def words(text: str) -> list[str]:
    return text.split()


def whole(body: str, language: str, direction: str) -> str:
    head = f'<!DOCTYPE html><html lang="{language}" dir="{direction}"><head><title>T</title></head>'
    return f"{head}<body>{body}</body></html>"


def page(lines: list[str], direction: str) -> str:
    language = "ar-MA" if direction == "rtl" else "fr"
    body = "".join(f"<p>{isolated(line, direction)}</p>" for line in lines)
    return whole(body, language, direction)


def made(html: str) -> bytes:
    return render(html, title="T", language="fr", identifier="x", moment=MOMENT)


# ---- lines -----------------------------------------------------------------------------------------------------------

LINES = [
    "بروتوكول الأولى، لا إله، المدرسة",
    "لا",
    "قال: لا",
    "أوّلاً ثمّ مثلاً، الموقِّع (ة)",
    "مدرِّسةٌ ومدرسة",
    "السيد L. Amrani لا",
    "قال: «لا» 2026-001-07 لا",
    "EV1 · سلمى الإدريسي الوزاني",
    "[EV1 · سلمى] قال: «ها!» (2) ثم؟",
    "الهاتف 0661-23-45-67، ثم WhatsApp 2.26.",
    "الهاتف 05 37 00 00 00 أو +212 5 37 00 00 00",
    "الحساب @user_01.x على Instagram",
    "6 أكتوبر 2026 · 10:41 · لا",
    "25/11/2026 10:41",
    "إعدادية ابن خلدون (المغرب)",
    "لأنّ الله أكبر ﷺ",
    "ڤيديو گاع چ پ ١٢٣",
    "الخط 2511 و19",
    "https://www.instagram.com/p/C9x_Aa-12/ (محفوظ)",
    "2026-001-07",
]


@pytest.mark.parametrize("direction", ["rtl", "ltr"])
def test_each_line_is_read_back_as_it_was_written(direction: str) -> None:
    lines = LINES if direction == "rtl" else [f"Il dit : « {line} » (puis) rien." for line in LINES]
    got = extracted(made(page(lines, direction))).splitlines()
    assert [words(line) for line in got] == [words(line) for line in lines]


@pytest.mark.parametrize("direction", ["rtl", "ltr"])
def test_the_stock_lines_were_not(direction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "in_our_hand", nullcontext)
    got = extracted(made(page(LINES, direction))).splitlines()
    assert sum(words(line) != words(wanted) for line, wanted in zip(got, LINES, strict=False)) > 3


_VOWELS = re.compile("[\u064b-\u0655\u0670]")
"""No reader finds a word that has them: in every typeface."""


STOCK = "font-feature-settings: normal"


def unfound(arabic: list[str], look: str = "", *, page: str = 'lang="ar" dir="rtl"') -> list[str]:
    """The words, one a line, that poppler doesn't take out of their page as they were written."""
    lines = "".join(f"<p>{one}</p>" for one in arabic)
    head = "<head><title>x</title></head>"
    html = f'<!doctype html><html {page} style="{look}">{head}<body>{lines}</body></html>'
    ran = subprocess.run(["pdftotext", "-", "-"], input=made(html), capture_output=True, check=True)
    found = set(re.sub("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", ran.stdout.decode()).split())
    return [one for one in arabic if one not in found]


NAMES = ["الودغيري", "ريم", "ياسمين", "بنجلون", "الإدريسي", "نادية", "كريم", "مريم", "زينب"]
WEIGHTS = ("400", "600")
PAGES = ('lang="ar" dir="rtl"', 'lang="fr"')


@pytest.fixture(scope="module")
def arabic(moroccan: Protocol) -> list[str]:
    """Words of the definition, and names."""
    written = re.findall("[\u0621-\u064a]+", _VOWELS.sub("", str(moroccan.model_dump())))
    return sorted({*written, *NAMES})


@pytest.mark.exhaustive
@needs("pdftotext")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_every_arabic_word_is_found_by_whoever_searches(arabic: list[str], weight: str, page: str) -> None:
    assert len(arabic) > 2_000
    assert unfound(arabic, f"font-weight: {weight}", page=page) == []


@needs("pdftotext")
def test_a_childs_name_is_found_in_bold_on_a_french_page() -> None:
    assert unfound(NAMES, "font-weight: 600", page=PAGES[1]) == []
    assert "مريم" in unfound(NAMES, "font-weight: 600; font-kerning: auto", page=PAGES[1]), "the control"


@needs("pdftotext")
def test_the_control_with_two_letters_in_a_glyph_they_are_not(arabic: list[str]) -> None:
    assert "الودغيري" in unfound(["الودغيري", *arabic[:200]], STOCK)


def test_bare_lines_of_both_directions_are_read_back_too() -> None:
    """No isolate parts what goes one way from what goes the other."""
    for direction, language in (("rtl", "ar"), ("ltr", "fr")):
        lines = [line for line in LINES if not re.search(r"\d-\d|/|\d \d", line)]
        body = "".join(f"<p>{line}</p>" for line in lines)
        html = whole(body, language, direction)
        assert [words(line) for line in extracted(made(html)).splitlines()] == [words(line) for line in lines]


def test_one_vowelled_letter_vowels_no_other() -> None:
    text = "ثُمَّ ثم مُدَرِّس مدرس e\u0300\u0323x ex"
    assert words(extracted(made(page([text], "rtl")))) == words(plain(text))


# ---- the case file ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=["small", "moroccan"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.getfixturevalue(request.param)
    return found


@pytest.mark.exhaustive(but=("small-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_pages_say_what_was_written_and_nothing_else(protocol: Protocol, language: str) -> None:
    view, w = MadeUp(protocol).file(profiles(protocol)[True]), Wording(language)
    data = case_pdf(view, w)
    wanted = "".join(text for text, _language in tags.spoken(tags.read_tags(data), case_file_html(view, w)))
    seen = extracted(without_artifacts(data))
    assert tags.squeezed(seen) == tags.squeezed(wanted)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_says_its_part(moroccan: Protocol, language: str) -> None:
    view, w = MadeUp(moroccan).file(profiles(moroccan)[True]), Wording(language)
    data = case_pdf(view, w)
    said = tags.spoken(tags.read_tags(data), case_file_html(view, w))
    whole = tags.squeezed("".join(text for text, _language in said))
    place = 0
    for part in PdfReader(io.BytesIO(without_artifacts(data))).pages:
        text = tags.squeezed(part.extract_text())
        assert whole[place : place + len(text)] == text
        place += len(text)
    assert place == len(whole)


# ---- whatever was typed ----------------------------------------------------------------------------------------------

HARD = {
    "turned round": "\u202etxet\u202c a\u2066b\u2069 \u200fc\u200e",
    "markup": "<img src='file:///etc/passwd' onerror=x> <style>*{display:none}</style> <script>alert(1)</script>",
    "styles": "</td></table> @page { size: A0 } body::before { content: url(http://127.0.0.1:9/x) }",
    "templates": "{{ 7*7 }} {% raw %} ${x} %(y)s %s",
    "addresses": "http://127.0.0.1:9/a.png file:///etc/passwd data:text/html,x javascript:alert(1)",
    "entities": "&lt;b&gt; &amp; &#x1F600; &nbsp; <!-- x --> <![CDATA[y]]>",
    "faces": "😂😂🤡 ❤️ 👨‍👩‍👧 👍🏽 🇲🇦 ☠ ✓",
    "Tifinagh": "ⵜⴰⵎⴰⵣⵉⵖⵜ ⴰⵣⵓⵍ (azul)",
    "other scripts": "中文 кириллица Ελληνικά עברית हिन्दी ไทย",
    "Darija": "ما بغيتش نمشي l lycée، 3yit! كلشي كيضحك عليّا",
    "vowels": "قُرِئَ الكِتابُ، ثُمَّ أُغلِقَ",
    "marks": "Z\u0335\u0322\u0321a\u0334l\u0336g\u0337o\u0338 Z a l g o",
    "controls": "a\x00b\x07c\x1bd\ufeffe",
    "figures": "2026-001-07 · 0661-23-45-67 · +212 661 23 45 67 · 25/11/2026 10:41 · 1 234,50 · 50 %",
    "odd": "\ue000 \u2028 \u3164 \U000e0041 \ufffd",
}


def with_answer(view: CaseFile, text: str) -> CaseFile:
    """The case with this text in the place of each long answer."""
    records = []
    for record in view.records:
        long = [field.key for field in record.form.fields if field.type is FieldType.long]
        records.append(replace(record, answers={**record.answers, **dict.fromkeys(long, text)}))
    return replace(view, records=tuple(records))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that the typesetter was asked for since it was ready."""
    rendering._typesetter()
    found: list[str] = []
    kept = rendering.locked_fetcher

    def recording(assets: Any) -> Any:
        fetcher = kept(assets)
        fetch = fetcher.fetch

        def noted(url: str, headers: Any = None) -> Any:
            found.append(url)
            return fetch(url, headers)

        fetcher.fetch = noted
        return fetcher

    monkeypatch.setattr(rendering, "locked_fetcher", recording)
    rendering._typesetter.cache_clear()
    rendering._typesetter()
    found.clear()
    yield found
    rendering._typesetter.cache_clear()


@pytest.mark.exhaustive(but=("odd-ar",))
@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize("kind", HARD)
def test_whatever_was_typed_is_printed_as_text(
    small: Protocol, tmp_path: Path, asked: list[str], kind: str, language: str
) -> None:
    view, w = with_answer(MadeUp(small).file(profiles(small)[True]), HARD[kind]), Wording(language)
    data = case_pdf(view, w)
    wanted = tags.squeezed(plain(HARD[kind]))
    assert wanted
    assert wanted in tags.squeezed(extracted(data))
    assert [url for url in asked if not url.startswith("asset:")] == []
    assert set(asked) <= {"asset:stand-in.ttf", *rendering.own_assets()}
    assert tags.faults(data, case_file_html(view, w)) == {}
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()


def test_the_recording_fetcher_would_have_noted_it(asked: list[str]) -> None:
    with pytest.raises(rendering.AddressRefused):
        made("<p>x</p><img src='http://127.0.0.1:9/a.png'>")
    assert "http://127.0.0.1:9/a.png" in asked


def test_a_letter_of_no_typeface_is_seen_and_breaks_no_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    html = page(["avant 🤡 après 𓀀"], "ltr")
    data = made(html)
    assert words(extracted(data)) == ["avant", "🤡", "après", "𓀀"]
    assert not_archival(data, tmp_path) == set()
    monkeypatch.setattr(
        rendering.Typesetter, "_with_stand_ins", lambda self, _strange: rendering.Typesetter(self._assets, ended=True)
    )
    assert any("notdef" in message for _kind, message in not_archival(made(html), tmp_path))


def test_turning_signs_turn_nothing_round(small: Protocol) -> None:
    """The letters after an override stand in the order in which they were typed, for the eye too."""
    data = made(page(["\u202etxet fo", "text of"], "ltr"))
    first, second = tags.read_tags(data).root.all("P")
    assert (first.text, second.text) == ("txet fo", "text of")
    assert not re.search(
        "[\u202a-\u202e\u2066-\u2069]",
        case_file_html(with_answer(MadeUp(small).file(profiles(small)[True]), HARD["turned round"]), Wording("fr")),
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_word_without_end_stays_within_the_page(small: Protocol, language: str) -> None:
    word = "".join(chr(ord("a") + place % 26) for place in range(5000))
    view, w = MadeUp(small).file(profiles(small)[True]), Wording(language)
    records = list(view.records)
    key = next(field.key for field in records[0].form.fields if field.type is FieldType.long)
    records[0] = replace(records[0], answers={**records[0].answers, key: word})
    data = case_pdf(replace(view, records=tuple(records)), w)
    assert word in tags.squeezed(extracted(without_artifacts(data)))
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for leaf in pdf.pages:
            left, _bottom, right, _top = (float(edge) for edge in leaf.MediaBox)
            for operands, operator in pikepdf.parse_content_stream(leaf):
                if str(operator) == "Tm":
                    assert left <= float(operands[4]) * 0.75 <= right


# ---- how much --------------------------------------------------------------------------------------------------------

_LARGE = """
import sys
from dataclasses import replace
from pathlib import Path
from pdf.made_up import MadeUp, profiles
from pdf.test_reading_back import with_one
from school_protocol.protocol.reader import read_file
from pdf.printed import case_pdf
from school_protocol.language import Wording
protocol = read_file(Path("protocol/small.yaml"))
rows, letters = int(sys.argv[1]), int(sys.argv[2])
view = MadeUp(protocol).file(profiles(protocol)[True], steps=rows or None)
sys.stdout.buffer.write(case_pdf(with_one(view, letters), Wording("ar")))
held = next(one for one in open("/proc/self/status", encoding="ascii") if one.startswith("VmHWM:"))
print(int(held.split()[1]) // 1024, file=sys.stderr)
"""


def with_one(view: CaseFile, letters: int) -> CaseFile:
    """One long answer of so many letters, in paragraphs of some lines."""
    said = "وصلتني رسالة من حساب مجهول على Instagram يوم 25/11/2026 على الساعة 10:41، ثم من الرقم 0661-23-45-67. "
    text = "\n".join([(said * 5).strip()] * (letters // (5 * len(said)) + 1))[:letters]
    records = list(view.records)
    key = next(field.key for field in records[0].form.fields if field.type is FieldType.long)
    records[0] = replace(records[0], answers={**records[0].answers, key: text})
    return replace(view, records=tuple(records))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("rows", "letters", "megabytes"), [(3000, 100, 1200), (0, 200_000, 800)], ids=["rows", "letters"]
)
def test_a_large_case_costs_no_more_than_its_share(rows: int, letters: int, megabytes: int) -> None:
    """The most memory that a process which makes nothing else says it has used."""
    tests = Path(__file__).parents[1]
    made = subprocess.run(
        [sys.executable, "-c", _LARGE, str(rows), str(letters)], cwd=tests, capture_output=True, check=True
    )
    assert 20 < int(made.stderr.decode().splitlines()[-1]) < megabytes
    pages = PdfReader(io.BytesIO(made.stdout)).pages
    assert len(pages) > (80 if rows else 40)
    assert not rows or any(str(rows + 99) in one.extract_text() for one in pages[-30:])


# ---- the same bytes --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_same_case_at_the_same_moment_gives_the_same_bytes_in_another_process(small: Protocol) -> None:
    script = "import sys; from pdf.test_reading_back import hard_case; sys.stdout.buffer.write(hard_case())"
    tests = Path(__file__).parents[1]
    first = hard_case()
    case_pdf(MadeUp(small).file(profiles(small)[False]), Wording("fr"))
    assert hard_case() == first
    other = subprocess.run(
        [sys.executable, "-c", script], cwd=tests, capture_output=True, check=True, env=_another_environment()
    )
    assert other.stdout == first


def _another_environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LANG": "C"}


def hard_case() -> bytes:
    """A case with everything hard in it, in Arabic."""
    from school_protocol.protocol.reader import read_file

    protocol = read_file(Path(__file__).parents[1] / "protocol" / "small.yaml")
    view = MadeUp(protocol).file(profiles(protocol)[True])
    return case_pdf(with_answer(view, "\n".join(HARD.values())), Wording("ar"))
