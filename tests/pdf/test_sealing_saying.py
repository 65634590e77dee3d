"""Verdicts and errors in words: one sentence for each code, in every language, with nothing left open in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from school_protocol.language import Wording, stigma
from school_protocol.pdf.presenters import ERRORS, FINDINGS, error_message, finding_message, verdict_said
from school_protocol.pdf.verdicts import Code, Finding, SealingError, Verdict

from .sealed import ACADEMY, AROUND, DAY, NOW, issued, issued_with_timestamp, verdict

LANGUAGES = ("fr", "ar", "en")
DETAILS = {
    "size": 300 * 1024 * 1024, "most": 64 * 1024 * 1024, "issuer": "Autorité", "authority": "Horloge",
    "begins": NOW, "ends": NOW + DAY, "signed": NOW, "since": NOW, "names": "x.exe", "problem": "ValueError",
    "seconds": 60, "page": 2, "after": "avant", "wanted": "un mot", "found": "un autre",
}  # fmt: skip


def kinds(kind: type[SealingError] = SealingError) -> Iterator[type[SealingError]]:
    for below in kind.__subclasses__():
        yield below
        yield from kinds(below)


def test_every_code_has_its_sentence() -> None:
    assert set(FINDINGS) == set(Code)
    assert set(ERRORS) == {kind.code for kind in kinds()}
    assert len({kind.code for kind in kinds()}) == len(list(kinds()))
    assert len(set(FINDINGS.values())) == len(FINDINGS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_is_one_whole_sentence(language: str) -> None:
    w = Wording(language)
    said = [finding_message(w, Finding(code, DETAILS)) for code in Code] + [
        error_message(w, kind("x")) for kind in kinds()
    ]
    for sentence in said:
        assert re.fullmatch(r"[^%{}]+[.]", sentence), sentence
        assert 30 < len(sentence) < 230, sentence
        assert not stigma(language, sentence)
    for message in (*FINDINGS.values(), *ERRORS.values()):
        assert not re.search(r"[.] ", w._(message)), message
    if language != "en":
        english = {finding_message(Wording("en"), Finding(code, DETAILS)) for code in Code}
        assert not set(said) & english


@pytest.mark.parametrize("language", LANGUAGES)
def test_moments_names_and_figures_are_said(language: str) -> None:
    w = Wording(language)
    assert w.moment(AROUND.ends) in finding_message(w, Finding(Code.EXPIRED, {"ends": AROUND.ends}))
    assert "64" in finding_message(w, Finding(Code.TOO_LARGE, DETAILS))
    assert "Autorité" in finding_message(w, Finding(Code.UNKNOWN_AUTHORITY, DETAILS))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_verdict_begins_with_whether_the_file_can_be_relied_on(language: str) -> None:
    w = Wording(language)
    sound = verdict_said(w, verdict(issued()))
    assert ACADEMY in sound.title
    assert w.moment(NOW) in sound.title
    assert sound.lines == ()
    late = verdict_said(w, verdict(issued(), AROUND.ends + DAY))
    assert late.title == sound.title
    assert len(late.lines) == 1
    assert verdict_said(w, verdict(issued_with_timestamp())).title == sound.title
    altered = verdict_said(w, verdict(issued()[:-50]))
    assert ACADEMY not in altered.title
    assert altered.title != sound.title
    assert len(altered.lines) == 1
    assert verdict_said(w, Verdict(0, "", ())).title == altered.title, "nobody signed"
