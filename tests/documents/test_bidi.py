"""Foreign runs, each in an isolate of its own."""

import re

import pytest
from markupsafe import Markup

from school_protocol.documents.bidi import code, isolated, paragraphs, plain


def runs(markup: Markup) -> list[str]:
    return [str(Markup(found).unescape()) for found in re.findall(r"<bdi[^>]*>(.*?)</bdi>", markup)]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("الهاتف 0661-23-45-67، ثم WhatsApp 2.26.", ["0661-23-45-67", "WhatsApp 2.26"]),
        ("الهاتف +212 5 37 00 00 00", ["+212 5 37 00 00 00"]),
        ("25/11/2026 10:41", ["25/11/2026", "10:41"]),
        ("25 نونبر 2026", ["25", "2026"]),
        ("الملف 2026-001-07", ["2026-001-07"]),
        ("الملف 4821 0937 5512-4", ["4821 0937 5512-4"]),
        ("السيد L. Amrani، EV1 · Y. Bennis", ["L. Amrani", "EV1", "Y. Bennis"]),
        ("«Facebook Messenger»", ["Facebook Messenger"]),
        ("تطبيق Instagram (Meta) ثم", ["Instagram (Meta)"]),
        ("N4 - حرج", ["N4"]),
        ("رابط: https://www.instagram.com/p/C9x_Aa-12/ (محفوظ)", ["https://www.instagram.com/p/C9x_Aa-12/"]),
    ],
)
def test_foreign_runs_in_an_arabic_line(line: str, wanted: list[str]) -> None:
    assert runs(isolated(line, "rtl")) == wanted
    assert isolated(line, "rtl").striptags().split() == line.split()


def test_foreign_runs_in_a_latin_line() -> None:
    said = isolated("Elle a dit : « ما بغيتش نرجع، خايفة. » puis (2 fois)", "ltr")
    assert runs(said) == ["ما بغيتش نرجع، خايفة"]
    assert '<bdi dir="rtl" lang="ar">' in said


def test_paragraphs_run_in_their_own_direction() -> None:
    said = paragraphs("ما بغيتش\n\nElle pleure (عيط)", "rtl")
    assert said == Markup('<p>ما بغيتش</p><p dir="ltr">Elle pleure (<bdi dir="rtl" lang="ar">عيط</bdi>)</p>')


def test_markup_is_printed_as_text() -> None:
    assert "<b>" not in isolated("<b>x</b> & 'y'", "ltr") + isolated("<b>x</b>", "rtl") + code("<b>")


def test_direction_overrides_and_controls_are_taken_out() -> None:
    assert plain("a\u202eb\u2066c\u0000d\u200fe\r\nf\tg") == "abcde\nf\tg"
