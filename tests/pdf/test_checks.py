"""The cover's checks: a met one reads as what holds, never as what was missing."""

import re
from dataclasses import replace

import pytest

from school_protocol.case_files.content import CheckLine
from school_protocol.case_files.pages import Pages, case_file_html
from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording

from .made_up import MadeUp, profiles


def test_every_need_among_the_checks_has_its_title(moroccan: Protocol) -> None:
    for document in (one for one in moroccan.documents.values() if one.is_case_file):
        needs = [moroccan.needs[key] for key in document.checks if key in moroccan.needs]
        assert len(needs) > 10
        assert [need.key for need in needs if need.title is None] == []


@pytest.mark.parametrize(("language", "said"), [("fr", "Saisines réglées"), ("ar", "تمت تسوية الإحالات")])
def test_a_check_is_named_by_what_holds(moroccan: Protocol, language: str, said: str) -> None:
    view = MadeUp(moroccan).file(profiles(moroccan)[False])
    view = replace(view, checks=(CheckLine("needs", "referrals_settled", True),))
    ((_check, name, lacking),) = Pages(view, Wording(language)).checks()
    assert (name.striptags(), lacking) == (said, "")


def test_a_need_without_a_title_is_named_by_what_it_reads(small: Protocol) -> None:
    view = MadeUp(small).file(profiles(small)[False])
    key = next(key for key, need in small.needs.items() if need.title is None)
    view = replace(view, checks=(CheckLine("needs", key, False),))
    ((_check, name, lacking),) = Pages(view, Wording("fr")).checks()
    assert name
    assert lacking


def test_the_level_is_written_as_the_texts_of_the_language_say_it(moroccan: Protocol) -> None:
    view = MadeUp(moroccan).file(profiles(moroccan)[False])
    level = view.head.level
    assert level is not None
    for language, short in (("fr", level.short), ("en", level.short), ("ar", level.key)):
        said = f"{short} · {level.title.in_language(language)}"
        html = re.sub(r"<[^>]+>", "", case_file_html(view, Wording(language)))
        assert said in html
