"""The case file's pages: what stands on them, what must not, in every language, for any definition."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pikepdf
import pytest
from pypdf import PdfReader

from school_protocol.case_files.content import CaseFile, SummaryLine
from school_protocol.case_files.pages import Pages, case_file_html
from school_protocol.case_files.presenters import outcome_label
from school_protocol.engine.case_summary import AskedLine
from school_protocol.engine.deadlines import Pause
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.language import Wording

from .made_up import NAMES, NUMBER, SPOKEN, MadeUp, planted, profiles
from .printed import case_pdf

LANGUAGES = ("fr", "ar", "en")
_PRINTED: dict[tuple[str, str, str], bytes] = {}


def printed(view: CaseFile, language: str) -> bytes:
    """The made-up case as it is, printed once for all tests that only read it."""
    key = (view.head.protocol.protocol, view.profile, language)
    if key not in _PRINTED:
        _PRINTED[key] = case_pdf(view, Wording(language))
    return _PRINTED[key]


def text_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def everything_in(pdf: bytes) -> str:
    """Every page's text, bookmark, title, the metadata, and what is attached."""
    reader = PdfReader(io.BytesIO(pdf))
    with pikepdf.open(io.BytesIO(pdf)) as opened, opened.open_outline() as outline:
        titles: list[str] = []
        waiting = list(outline.root)
        while waiting:
            item = waiting.pop()
            titles.append(item.title)
            waiting += item.children
        metadata = opened.Root.Metadata.read_bytes().decode()
        inside = [one.get_file().read_bytes().decode() for one in opened.attachments.values()]
    return "\n".join(
        [*inside, *(page.extract_text() for page in reader.pages), *titles, metadata, str(reader.metadata)]
    )


@pytest.fixture(params=["small", "moroccan"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def supervised(protocol: Protocol) -> CaseFile:
    return MadeUp(protocol).file(profiles(protocol)[False])


@pytest.fixture
def identified(protocol: Protocol) -> CaseFile:
    return MadeUp(protocol).file(profiles(protocol)[True])


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def unread(text: str, whole: str) -> list[str]:
    """Words of `text` that were not read back."""
    return [word for word in (one.strip("()،.:«»") for one in text.split()) if word not in whole]


@pytest.mark.exhaustive(but=("small-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_written_is_what_is_read_back(identified: CaseFile, language: str) -> None:
    protocol, pages = identified.head.protocol, text_of(printed(identified, language))
    whole = squeezed("\n".join(pages))
    for section in Pages(identified, Wording(language)).printed():
        assert unread(section.title.in_language(language), whole) == []
    for stage in protocol.stages.values():
        assert unread(stage.title.in_language(language), whole) == []
    assert squeezed(NUMBER) in squeezed(pages[0])
    assert unread(protocol.title.in_language(language), whole) == []
    assert unread(SPOKEN, whole) == []
    assert identified.content_head in whole
    assert protocol.digest in whole


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_of_every_form_is_on_the_identified_pages(moroccan: Protocol, language: str) -> None:
    view = MadeUp(moroccan).file(profiles(moroccan)[True])
    whole = squeezed("".join(text_of(printed(view, language))))
    acts = {act for section in view.document.sections for act in section.acts}
    fields = [
        (act, field)
        for act in acts
        for field in moroccan.form_of(act).fields
        if field.type in (FieldType.text, FieldType.long)
    ]
    assert len(fields) > 40
    assert [f"{act}.{field.key}" for act, field in fields if planted(act, field.key) not in whole] == []


@pytest.mark.exhaustive(but=("small-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_copy_without_names_holds_no_name_and_no_words(
    supervised: CaseFile, identified: CaseFile, language: str
) -> None:
    protocol = supervised.head.protocol
    without = squeezed(everything_in(printed(supervised, language)))
    control = squeezed(everything_in(printed(identified, language)))
    kept_out = [squeezed(name) for name in NAMES[: len(protocol.slots)]] + ["G135792468", squeezed(SPOKEN)]
    kept_out += [
        planted(act.key, field.key)
        for act in protocol.acts.values()
        for field in protocol.form_of(act).fields
        if field.may_name or field.names
    ]
    assert [word for word in kept_out if word in without] == []
    assert sum(word in control for word in kept_out) >= len(protocol.slots) + 2


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_stands_near_the_decision_in_the_copy_without_names(moroccan: Protocol, language: str) -> None:
    w, act = Wording(language), "nameless_summary"
    text = planted(act, "summary")
    view = MadeUp(moroccan).file(profiles(moroccan)[False])
    assert view.summary is not None
    _cover, second, *_rest = text_of(printed(view, language))
    assert text in squeezed(second)
    assert f"[{view.people[0].label}]" in squeezed(second)
    assert unread(w.role(moroccan, view.summary.role), squeezed(second)) == []
    assert text not in squeezed("".join(text_of(printed(MadeUp(moroccan).file(profiles(moroccan)[True]), language))))
    for summary, said in (
        (replace(view.summary, stands=False), w._("Confirmed by: %(role)s, %(moment)s. The case has moved on since.")),
        (SummaryLine(), w._("No summary was confirmed yet.")),
    ):
        html = case_file_html(replace(view, summary=summary), w)
        assert unread(said.rpartition("%(moment)s")[2], squeezed(re.sub("<[^>]+>", "", html))) == []


def test_signs_in_words_stand_with_the_names_that_a_copy_may_show(moroccan: Protocol) -> None:
    made = MadeUp(moroccan)
    view, person = made.file(profiles(moroccan)[True]), made.people[0]
    typed = f"Vu avec [{person.label}], [{person.label}/{made.people[1].label}] et [XX9]."
    records = tuple(
        replace(
            record, answers={key: typed if key == "what_happened" else said for key, said in record.answers.items()}
        )
        for record in view.records
    )
    html = re.sub("<[^>]+>", "", case_file_html(replace(view, records=records), Wording("fr")))
    assert f"Vu avec [{person.label} · {person.name}], [{person.label} · {person.name} / " in html
    assert "et [XX9]." in html


@pytest.mark.exhaustive(but=("small-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cover_names_no_one_and_shows_no_points(identified: CaseFile, language: str) -> None:
    cover = squeezed(text_of(printed(identified, language))[0])
    people = [squeezed(name) for name in (*NAMES, "L. Amrani", "Y. Bennis")]
    assert [name for name in people if name in cover] == []
    assert identified.grid_total is not None
    html = case_file_html(identified, Wording(language))
    assert "pips" not in html[: html.index("</section>")]


@pytest.mark.exhaustive(but=("small-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_decision_stands_on_page_one(identified: CaseFile, language: str) -> None:
    w, cover = Wording(language), squeezed(text_of(printed(identified, language))[0])
    assert unread(w.text(identified.head.state.title), cover) == []
    assert identified.head.level is not None
    assert unread(w.text(identified.head.level.title), cover) == []
    assert identified.decision is not None
    for field in identified.decision.form.fields:
        if field.type is FieldType.choice and not {option.key for option in field.options} <= {"1", "2", "3", "4"}:
            assert unread(w.text(field.label), cover) == []
            assert unread(w.text(field.options[0].title), cover) == []


@pytest.mark.exhaustive(but=("small-ar", "small-fr"))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cover_is_one_page(supervised: CaseFile, language: str) -> None:
    pages = text_of(printed(supervised, language))
    first = next(section for section in supervised.document.sections if section.kind not in ("decision", "checks"))
    assert unread(first.title.in_language(language), squeezed(pages[1])) == []
    essentials = Wording(language)._("Essentials")
    assert unread(essentials, squeezed(pages[0])) == []
    assert unread(essentials, squeezed(pages[1])) != []


@pytest.mark.exhaustive(but=("small-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_numbered_and_name_the_case(supervised: CaseFile, language: str) -> None:
    pages = text_of(printed(supervised, language))
    assert len(pages) > 3
    for number, page in enumerate(pages, start=1):
        figures = re.findall(r"\d+", page.replace("\n", " "))
        assert str(number) in figures
        assert str(len(pages)) in figures
        assert squeezed(NUMBER) in squeezed(page)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_copy_gives_the_same_bytes(small: Protocol, language: str) -> None:
    view = MadeUp(small).file(profiles(small)[False])
    first = case_pdf(view, Wording(language))
    assert case_pdf(view, Wording(language)) == first
    assert case_pdf(replace(view, as_of=view.as_of + timedelta(minutes=1)), Wording(language)) != first
    assert case_pdf(view, Wording(language), b"{}") != first


def test_what_was_typed_is_printed_as_text(small: Protocol) -> None:
    view = MadeUp(small).file(profiles(small)[True])
    typed = "<img src='file:///etc/passwd'> <style>*{display:none}</style> {{ 7*7 }} \u202etxet"
    records = tuple(
        replace(
            record,
            answers={
                key: typed if isinstance(value, str) and "Mot" in value else value
                for key, value in record.answers.items()
            },
        )
        for record in view.records
    )
    whole = squeezed("".join(text_of(case_pdf(replace(view, records=records), Wording("fr")))))
    assert squeezed("<img src='file:///etc/passwd'> <style>*{display:none}</style> {{ 7*7 }} txet") in whole


@pytest.mark.exhaustive
def test_an_empty_case_prints_too(small: Protocol) -> None:
    made = MadeUp(small).file(profiles(small)[False])
    view = replace(
        made, decision=None, records=(), grid=(), grid_total=None, grid_detail={}, dangers=(), referrals=(),
        follow_ups=(), evidence=(), events=made.events[:1], head=replace(made.head, level=None, live_dangers=()),
    )  # fmt: skip
    for language in LANGUAGES:
        assert len(text_of(case_pdf(view, Wording(language)))) >= 2


@pytest.mark.exhaustive
def test_a_long_case_prints(small: Protocol) -> None:
    view = MadeUp(small).file(profiles(small)[False], steps=300)
    assert len(view.events) > 300
    assert len(text_of(case_pdf(view, Wording("ar")))) > 8


def test_hidden_sides_are_said(small: Protocol) -> None:
    view = MadeUp(small).file(profiles(small)[True])
    records = tuple(replace(record, hidden="side", answers={}) for record in view.records)
    said = squeezed(Wording("en")._("This entry is kept for others in the case."))
    assert said in squeezed("".join(text_of(case_pdf(replace(view, records=records), Wording("en")))))


def test_a_deadline_says_when_no_time_ran_and_why(moroccan: Protocol) -> None:
    since, until = datetime(2026, 11, 25, 9, tzinfo=UTC), datetime(2026, 12, 2, 9, tzinfo=UTC)

    def said(*pauses: Pause, outcome: str = "open", deadline: str = "others_listened") -> str:
        line = AskedLine("deadlines", deadline, "", outcome, pauses=pauses)
        return outcome_label(Wording("fr"), line, until, moroccan)[2]

    assert said() == "Encore à faire"
    assert said(Pause(since, until)) == (
        "Encore à faire · délai suspendu du 25 nov. 2026 au 2 déc. 2026\xa0: Une autorité demande d’attendre"
    )
    assert said(Pause(since, None), outcome="suspended") == (
        "Suspendu depuis le 25 nov. 2026\xa0: Une autorité demande d’attendre"
    )
    assert said(Pause(since, None), outcome="suspended", deadline="guardians_informed") == (
        "Suspendu depuis le 25 nov. 2026"
    )
