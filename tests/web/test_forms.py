"""Every kind of question goes there and back: answers, form, page, what a browser sends, and the same answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, render_template_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from school_protocol.cases.view_models import (
    AccountLine,
    ActView,
    CaseHead,
    Choices,
    DangerLine,
    HoldLine,
    PersonLine,
    RecordView,
    ReferralLine,
)
from school_protocol.engine.answers import References, clean
from school_protocol.engine.definition import Act, Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.errors import BadInput
from school_protocol.language import Wording
from school_protocol.ui.fields import Posted
from school_protocol.ui.forms import answers_of, as_posted, form_for, show_problems
from web.conftest import NOW, SCHOOL
from web.filled import filled

PAGE = """{% from "ui/fields.html" import questions, summary %}{{ summary(form.problems, (), protocol) }}
<form>{{ questions(form) }}</form>"""
LABEL = {"fr": "Question", "ar": "سؤال", "en": "Question"}


def field(key: str, kind: str, **more: Any) -> FormField:
    return FormField.model_validate({"key": key, "type": kind, "label": LABEL, **more})


OPTIONS = [{"key": key, "title": LABEL} for key in ("one", "two", "three")]
MANY = [{"key": f"k{number}", "title": LABEL} for number in range(14)]
FIELDS = (
    field("text", "text", required=True),
    field("long", "long", hint=LABEL),
    field("choice", "choice", options=OPTIONS),
    field("long_choice", "choice", options=MANY),
    field("choices", "choices", options=OPTIONS),
    field("yes_no", "yes_no"),
    field("tri", "tri"),
    field("date", "date"),
    field("moment", "moment"),
    field("integer", "integer", most=5000),
    field("scale", "scale", least=0, most=10),
    field("wide_scale", "scale", least=0, most=100),
    field("check", "check"),
    field("person", "person", slots=["owner"]),
    field("persons", "persons"),
    field("account", "account"),
    field("accounts", "accounts"),
    field("grid", "grid", grid="weighing"),
    field(
        "rows",
        "rows",
        fields=[
            field("what", "text", required=True),
            field("by", "date"),
            field("sure", "tri"),
            field("who", "account"),
            field("done", "check"),
            field("items", "long"),
        ],
    ),
    field("danger", "danger"),
    field("dangers", "dangers"),
    field("danger_answers", "danger_answers"),
    field("target", "target"),
    field("covers", "covers"),
    field("referral", "referral", only=["open"]),
    field("hold", "hold"),
    field("record", "record"),
    field("seat", "seat"),
    field("slot", "slot"),
    field("side", "side"),
    field("duty", "duty"),
    field("case", "case"),
    field("school", "school"),
    field("massar", "massar"),
    field("errors", "text"),  # names that a form's own attributes have
    field("data", "text"),
    field("validate", "choice", options=OPTIONS, when="choice == 'one' or 'two' in choices"),
    field("token", "text", when="yes_no"),
    field("signature", "signature"),
)
WHOLE: dict[str, Any] = {
    "text": 'Une ligne « simple » <b>& "guillemets"</b>',
    "long": "Première ligne\nثانية 😀\n\n  fin",
    "choice": "two",
    "long_choice": "k11",
    "choices": ["one", "three"],
    "yes_no": False,
    "tri": "unknown",
    "date": "2026-11-20",
    "moment": "2026-11-24T08:30:00+00:00",
    "integer": 0,
    "scale": 0,
    "wide_scale": 77,
    "check": True,
    "person": "owner-1",
    "persons": ["owner-1", "holder-1", {"slot": "holder", "name": "إيمان", "grade": "3APIC", "massar": "G123456789"}],
    "account": "acc2",
    "accounts": ["acc1", "acc2"],
    "grid": {"price": 0, "times": 2},
    "rows": [
        {"what": "Parler", "by": "2026-12-01", "sure": "no", "who": "acc1", "done": True, "items": "a\nb"},
        {"what": "Écouter"},
    ],
    "danger": "blade",
    "dangers": ["blade", "fight"],
    "danger_answers": {},
    "target": "gendarmes",
    "covers": ["blade", "need"],
    "referral": "2",
    "hold": "1",
    "record": "7",
    "seat": "keeper",
    "slot": "family",
    "side": "holding",
    "duty": "chase_reply",
    "case": "1234567890123",
    "school": "01234A",
    "massar": "G123456789",
    "errors": "e",
    "data": "d",
    "validate": "three",
    "token": "t",
}


@pytest.fixture
def protocol(protocol: Protocol) -> Protocol:
    """The small protocol, with a danger that is asked again."""
    asked = {key: danger.model_copy(update={"ask_at_closing": True}) for key, danger in protocol.dangers.items()}
    return protocol.model_copy(update={"dangers": asked})


def view_of(protocol: Protocol, *fields: FormField, **prefill: Any) -> ActView:
    form = Form.model_validate({"key": "f", "title": LABEL, "fields": list(fields)})
    act = next(iter(protocol.acts.values()))
    return ActView(protocol, act, form, head_of(protocol), choices_of(protocol, act, form), prefill=prefill)


def head_of(protocol: Protocol) -> CaseHead:
    state = protocol.states["looking"]
    live = tuple(DangerLine(danger, "raised", NOW, "x") for danger in protocol.dangers.values())
    return CaseHead(
        protocol, "1234567890123", 12, SCHOOL, state, protocol.stages[state.stage], None, NOW, NOW, False, False,
        ("mediator",), live, True,
    )  # fmt: skip


def choices_of(protocol: Protocol, act: Act, form: Form) -> Choices:
    people = (
        PersonLine("owner-1", protocol.slots["owner"], "PR1", "سلمى"),
        PersonLine("holder-1", protocol.slots["holder"], "DE1"),
    )
    record = RecordView(7, "form_recorded", act, form, {}, "x", "mediator", NOW, NOW)
    target = protocol.targets["gendarmes"]
    return Choices(
        people=people,
        accounts=(
            AccountLine("acc1", "ليلى", ("mediator",)),
            AccountLine("acc2", "M. Idrissi", ("warden", "principal")),
        ),
        referrals=(
            ReferralLine(1, 3, target, (), NOW, None, "x", "settled"),
            ReferralLine(2, 4, target, ("blade",), NOW, None, "x", "open"),
        ),
        holds=(HoldLine(1, None, NOW, True, True), HoldLine(2, people[0], NOW, True, False)),
        records=(record,),
        cases=("1234567890123",),
    )


def shown(app: Flask, view: ActView, posted: Posted | None = None, language: str = "fr", **more: Any) -> str:
    with app.test_request_context():
        form = form_for(view, Wording(language), posted, now=NOW, **more)
        return render_template_string(PAGE, form=form, protocol=view.protocol)


def back_and_forth(app: Flask, view: ActView, language: str = "fr") -> dict[str, Any]:
    """Prefill, page, what the browser sends, answers."""
    sent = filled(shown(app, view, language=language))
    with app.test_request_context():
        return answers_of(form_for(view, Wording(language), sent, now=NOW))


def test_every_type_has_a_question() -> None:
    assert {item.type for item in FIELDS} == set(FieldType)


@pytest.mark.exhaustive(but=("*-ar",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
@pytest.mark.parametrize("item", FIELDS, ids=lambda item: item.key)
def test_each_type_comes_back_as_it_went(app: Flask, protocol: Protocol, item: FormField, language: str) -> None:
    wanted: Any = {"blade": "no"} if item.type is FieldType.danger_answers else WHOLE.get(item.key)
    expected = {} if item.type is FieldType.signature else {item.key: _as_browsers_send(wanted)}
    assert back_and_forth(app, view_of(protocol, item, **{item.key: wanted}), language) == expected


@pytest.mark.parametrize("item", FIELDS, ids=lambda item: item.key)
def test_nothing_typed_is_no_answer(app: Flask, protocol: Protocol, item: FormField) -> None:
    assert back_and_forth(app, view_of(protocol, item)) == {}


def test_the_whole_form_goes_through_the_domain(app: Flask, protocol: Protocol) -> None:
    whole = {**WHOLE, "danger_answers": {"blade": "yes", "fight": "unknown"}, "validate": "three"}
    view = view_of(protocol, *FIELDS, **{**whole, "choice": "one", "yes_no": True})
    sent = back_and_forth(app, view)
    cleaned = clean(protocol, view.form, sent, references())
    assert set(cleaned.answers) == set(whole)
    assert cleaned.answers["long"] == WHOLE["long"]
    assert cleaned.answers["moment"] == WHOLE["moment"]
    again = back_and_forth(app, replace(view, prefill=dict(cleaned.answers)))
    assert again["rows"] == sent["rows"]
    assert again["grid"] == sent["grid"]


def references() -> References:
    return References(
        now=NOW, today=NOW.date(), people={"owner-1": "owner", "holder-1": "holder"},
        accounts=frozenset({"acc1", "acc2"}),
        referrals={"2": "open"}, holds=frozenset({"1"}), records={"7": "x"}, cases=frozenset({"1234567890123"}),
    )  # fmt: skip


def _as_browsers_send(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\n", "\r\n")
    if isinstance(value, list):
        return [_as_browsers_send(entry) for entry in value]
    return {key: _as_browsers_send(entry) for key, entry in value.items()} if isinstance(value, dict) else value


# ---- defaults, dates, moments ------------------------------------------------------------------------------------


def test_defaults_stand_in_the_form_as_it_opens(app: Flask, protocol: Protocol) -> None:
    items = (
        field("when", "moment", default="now"),
        field("day", "date", default="today"),
        field("kind", "choice", options=OPTIONS, default="two"),
        field("kinds", "choices", options=OPTIONS, default="one"),
    )
    sent = back_and_forth(app, view_of(protocol, *items))
    assert sent == {"when": "2026-11-25T09:41:00+00:00", "day": "2026-11-25", "kind": "two", "kinds": ["one"]}
    assert 'value="2026-11-25T10:41"' in shown(app, view_of(protocol, *items))  # the school's time


@pytest.mark.parametrize("typed", ["20/11/2026", " 20/11/2026 ", "٢٠/١١/٢٠٢٦", "2026-11-20"])
def test_dates_are_read_as_people_write_them(app: Flask, protocol: Protocol, typed: str) -> None:
    assert sent_with(app, protocol, field("day", "date"), **{"a-day": typed}) == {"day": "2026-11-20"}


@pytest.mark.parametrize("typed", ["24/11/2026 09:30", "2026-11-24T09:30", "24/11/2026, 09:30", "2026-11-24 09:30:00"])
def test_moments_are_the_schools_time(app: Flask, protocol: Protocol, typed: str) -> None:
    answers = sent_with(app, protocol, field("at", "moment"), **{"a-at": typed})
    assert answers == {"at": "2026-11-24T08:30:00+00:00"}


@pytest.mark.parametrize(
    "typed", ["31/02/2026", "hier soir", "0001-01-01T00:00", "9999-12-31T23:59", "2026-11-24", "²"]
)
def test_what_is_no_date_stays_as_it_was_typed(app: Flask, protocol: Protocol, typed: str) -> None:
    for kind in ("date", "moment"):
        item = field("at", kind)
        answers = sent_with(app, protocol, item, **{"a-at": typed})
        assert answers == {"at": typed}
        html = shown(app, view_of(protocol, item), Posted({"a-at": typed}))
        assert f'value="{typed}"' in html
        assert ('type="text"' in html) == (kind == "moment" or typed != "2026-11-24")


def sent_with(app: Flask, protocol: Protocol, *items: FormField, **typed: str) -> dict[str, Any]:
    with app.test_request_context():
        return answers_of(form_for(view_of(protocol, *items), Wording("fr"), Posted(typed), now=NOW))


# ---- lines and people --------------------------------------------------------------------------------------------


def test_adding_a_line_keeps_everything(app: Flask, protocol: Protocol) -> None:
    item = next(item for item in FIELDS if item.key == "rows")
    view = view_of(protocol, item, rows=WHOLE["rows"])
    first = filled(shown(app, view))
    again = filled(shown(app, view, first, more="rows"))
    assert (
        len([name for name in again if name.endswith("-what")])
        == len([name for name in first if name.endswith("-what")]) + 1
    )
    assert all(again.getlist(name) == first.getlist(name) for name in first if name.startswith("a-"))
    assert again["token"] == first["token"]
    assert again["expected"] == "12"


def test_blank_lines_count_for_nothing_and_problems_find_their_line(app: Flask, protocol: Protocol) -> None:
    item = next(item for item in FIELDS if item.key == "rows")
    typed = Posted({"a-rows-0-what": " ", "a-rows-1-by": "demain", "a-rows-1-what": "x", "a-rows-3-what": "y"})
    with app.test_request_context():
        form = form_for(view_of(protocol, item), Wording("en"), typed, now=NOW)
        assert answers_of(form) == {"rows": [{"what": "x", "by": "demain"}, {"what": "y"}]}
        show_problems(form, {"rows.0.by": ("not_a_date",), "rows.9.what": ("required",), "rows": ("too_many:2",)})
        html = render_template_string(PAGE, form=form, protocol=protocol)
    assert [problem.id for problem in form.problems] == ["a-rows-1-by", "a-rows-0-what", "a-rows-0-what"]
    assert 'aria-describedby="a-rows-1-by-problem" aria-invalid="true"' in html
    assert 'value="demain"' in html


def test_somebody_new_is_named_by_more_than_a_place(app: Flask, protocol: Protocol) -> None:
    typed = {"a-who-new-0-slot": "owner", "a-who-new-1-slot": "holder", "a-who-new-1-phone": "0612345678"}
    assert sent_with(app, protocol, field("who", "persons"), **typed) == {
        "who": [{"slot": "holder", "phone": "0612345678"}]
    }
    one = sent_with(app, protocol, field("who", "person", slots=["owner"]), **{"a-who-new-0-name": "S", "a-who": ""})
    assert one == {"who": {"name": "S"}}
    both = {"a-who": "owner-1", "a-who-new-0-name": "S", "a-who-new-0-slot": "owner"}
    assert sent_with(app, protocol, field("who", "person"), **both) == {
        "who": ["owner-1", {"slot": "owner", "name": "S"}]
    }
    ticked_beforehand = field("who", "person", slots=["owner"], default="only")
    assert sent_with(app, protocol, ticked_beforehand, **both) == {"who": {"slot": "owner", "name": "S"}}


def test_a_new_person_of_the_only_place_gets_it(app: Flask, protocol: Protocol) -> None:
    view = view_of(protocol, field("who", "person", slots=["owner"]))
    sent = filled(shown(app, view))
    sent["a-who-new-0-name"] = "Salma"
    with app.test_request_context():
        answers = answers_of(form_for(view, Wording("fr"), sent, now=NOW))
    assert answers == {"who": {"slot": "owner", "name": "Salma"}}


# ---- conditions, problems ----------------------------------------------------------------------------------------


def test_a_condition_is_said_in_words(app: Flask, protocol: Protocol) -> None:
    slip = protocol.forms["slip"]
    view = ActView(protocol, protocol.acts["write_slip"], slip, None, Choices())
    assert "Only if “What kind?” is: Money" in shown(app, view, language="en")
    talk = ActView(protocol, protocol.acts["meet"], protocol.forms["talk"], None, Choices())
    assert "Only if “Did they speak?” is: Yes" in shown(app, talk, language="en")


def test_problems_stand_beside_their_fields_and_in_the_summary(app: Flask, protocol: Protocol) -> None:
    items = [item for item in FIELDS if item.key in ("text", "grid", "persons", "choice", "danger_answers")]
    view = view_of(protocol, *items)
    with app.test_request_context():
        form = form_for(view, Wording("fr"), Posted({"a-text": "x" * 600, "a-grid-price": "9"}), now=NOW)
        problems = {
            "text": ("too_long:500:600",), "grid.price": ("range:0:2",), "persons": ("no_such_slot",),
            "choice": ("required",), "made_up": ("unknown_field",), "danger_answers.blade": ("unknown_option",),
        }  # fmt: skip
        show_problems(form, problems)
        html = render_template_string(PAGE, form=form, protocol=protocol)
    assert [one.id for one in form.problems][:2] == ["a-text", "a-grid-price-0"]
    assert "x" * 600 in html
    assert 'href="#a-choice-0"' in html
    assert 'id="a-grid-price-problem"' in html
    assert len(form.problems) == len(problems)
    assert html.count('class="error"') == len(problems) - 1


# ---- hostile and heavy -------------------------------------------------------------------------------------------

NASTY = st.text(max_size=40) | st.sampled_from(["²", "\x00", "-1", "1e9", "[]", "null", "<script>", "'", "9" * 400])


@pytest.mark.exhaustive
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_that_is_sent_breaks_a_form(app: Flask, protocol: Protocol, data: st.DataObject) -> None:
    names = st.sampled_from([f"a-{item.key}" for item in FIELDS]) | st.builds(
        lambda key, rest: f"a-{key}-{rest}",
        st.sampled_from([item.key for item in FIELDS]),
        st.sampled_from(
            ["0-what", "²-what", "999-by", "new-0-name", "new-x-slot", "price", "blade", "-", "00000-what"]
        ),
    )
    typed = Posted(data.draw(st.lists(st.tuples(names, NASTY), max_size=25)))
    view = view_of(protocol, *FIELDS)
    with app.test_request_context():
        form = form_for(view, Wording("ar"), typed, now=NOW)
        answers = answers_of(form)
        json.dumps(answers)
        try:
            clean(protocol, view.form, answers, references())
        except BadInput as error:
            show_problems(form, error.problems)
        assert render_template_string(PAGE, form=form, protocol=protocol)


def test_a_hundred_thousand_arabic_characters_come_back(app: Flask, protocol: Protocol) -> None:
    text = "سلام " * 20_000
    item = field("words", "long")
    assert back_and_forth(app, view_of(protocol, item, words=text)) == {"words": text}


def test_a_crowd_of_lines_is_cut(app: Flask, protocol: Protocol) -> None:
    item = next(item for item in FIELDS if item.key == "rows")
    typed = Posted({f"a-rows-{number}-what": "x" for number in range(999)})
    with app.test_request_context():
        assert len(answers_of(form_for(view_of(protocol, item), Wording("fr"), typed, now=NOW))["rows"]) == 60


def test_a_form_never_reads_the_body_by_itself(app: Flask, protocol: Protocol) -> None:
    for body in ("1", "[1]", '"x"', '{"a-text": 1}', '{"token": {"a": 1}}'):
        with app.test_request_context(method="POST", data=body, content_type="application/json"):
            assert answers_of(form_for(view_of(protocol, *FIELDS), Wording("fr"), now=NOW)) == {}


def test_as_posted_is_what_a_browser_sends(app: Flask, protocol: Protocol) -> None:
    view = view_of(protocol, *FIELDS, **WHOLE)
    sent = filled(shown(app, view))
    posted = as_posted(view.form.fields, WHOLE)
    for name in posted:
        assert [text.replace("\r\n", "\n") for text in sent.getlist(name)] == posted.getlist(name), name


def test_an_arabic_number_is_a_number(app: Flask, protocol: Protocol) -> None:
    assert sent_with(app, protocol, field("sum", "integer"), **{"a-sum": "١٢٣"}) == {"sum": 123}
    assert sent_with(app, protocol, field("sum", "integer"), **{"a-sum": "douze"}) == {"sum": "douze"}


def test_tokens_are_minted_once_and_kept(app: Flask, protocol: Protocol) -> None:
    view = view_of(protocol, field("text", "text"))
    with app.test_request_context():
        one, two = (form_for(view, Wording("fr"), now=NOW) for _ in range(2))
        assert one.sent_token() != two.sent_token()
        assert one.expected_seq() == 12
        again = form_for(
            view, Wording("fr"), Posted({"token": "t" * 32, "expected": "5"}), now=NOW + timedelta(hours=1)
        )
        assert (again.sent_token(), again.expected_seq()) == ("t" * 32, 5)
        odd = form_for(view, Wording("fr"), Posted({"expected": "²"}), now=NOW)
        assert odd.expected_seq() == 0
