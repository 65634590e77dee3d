"""A question that hangs on other answers is shown exactly when its condition holds; nothing filled in is hidden.

The page is bare: the answers as radios and boxes, one box a condition, and the definition's own style sheet. What
chromium shows is compared with the condition itself, over every combination of the answers that it names.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.ui.rendering import fold_name, style_of

pytestmark = pytest.mark.exhaustive

SEVERAL = (FieldType.choices, FieldType.dangers)
MOST = 300
Values = dict[str, Any]


def answers_to(item: FormField, protocol: Protocol) -> list[Any]:
    """Every answer that matters, none included."""
    match item.type:
        case FieldType.yes_no | FieldType.check:
            return [None, True, False]
        case FieldType.tri:
            return [None, "yes", "no", "unknown"]
        case FieldType.dangers:
            return [None, *([key] for key in protocol.dangers), list(protocol.dangers)[:2]]
        case FieldType.choices:
            return [None, *([option.key] for option in item.options), [option.key for option in item.options][:2]]
        case FieldType.choice:
            return [None, *(option.key for option in item.options)]
    return []


def sent(value: Any) -> list[str]:
    """An answer as the values that are ticked for it."""
    if value is None:
        return []
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    return list(value) if isinstance(value, list) else [value]


def page_of(form: Form, condition: Condition, protocol: Protocol) -> str:
    parts = []
    for name in sorted(condition.names):
        item = form.by_key[name]
        kind = "checkbox" if item.type in (*SEVERAL, FieldType.check) else "radio"
        values = dict.fromkeys(one for answer in answers_to(item, protocol) for one in sent(answer))
        parts += [f'<input type="{kind}" name="a-{name}" value="{value}">' for value in values]
    asked = '<textarea name="a-words" placeholder=" "></textarea>'
    box = f'<div id="box" class="only-if {fold_name(form, condition)}">{asked}</div>'
    return f"<!doctype html><style>{style_of(protocol)}</style><form>{''.join(parts)}{box}</form>"


TICK = """combinations => combinations.map(wanted => {
    document.querySelectorAll('input').forEach(one => { one.checked = wanted.includes(one.name + '=' + one.value) });
    return getComputedStyle(document.getElementById('box')).display !== 'none';
})"""


def shown(page: Page, combinations: list[Values]) -> list[bool]:
    wanted = [[f"a-{name}={one}" for name, value in values.items() for one in sent(value)] for values in combinations]
    return list(page.evaluate(TICK, wanted))


def folded(protocol: Protocol) -> Iterator[tuple[Form, Condition]]:
    for form in protocol.forms.values():
        for condition in dict.fromkeys(item.when for item in form.fields if item.when is not None):
            yield form, condition


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    made = chromium.new_page()
    yield made
    made.close()


@pytest.mark.parametrize("definition", ["moroccan", "small"])
def test_it_is_shown_when_the_condition_holds(definition: str, page: Page, request: pytest.FixtureRequest) -> None:
    protocol: Protocol = request.getfixturevalue(definition)
    seen = 0
    for form, condition in folded(protocol):
        if fold_name(form, condition) not in style_of(protocol):
            continue
        items = {name: form.by_key[name] for name in sorted(condition.names)}
        choices = [answers_to(item, protocol) for item in items.values()]
        combinations = [
            dict(zip(items, one, strict=True)) for one in itertools.islice(itertools.product(*choices), MOST)
        ]
        page.set_content(page_of(form, condition, protocol))
        holds = [condition.truth(read(values, items)) is True for values in combinations]
        assert shown(page, combinations) == holds, (form.key, condition.source)
        seen += len(set(holds)) == 2
    assert seen > (20 if definition == "moroccan" else 0)


def read(values: Values, items: dict[str, FormField]) -> Values:
    """Answers as the engine reads them: several of them as a tuple, an unticked box as no."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return {
        name: () if value is None and items[name].type in SEVERAL
        else False if value is None and items[name].type is FieldType.check else value
        for name, value in found.items()
    }  # fmt: skip


def child_view(protocol: Protocol) -> tuple[Form, Condition]:
    return next((form, one) for form, one in folded(protocol) if one.source == "child_view == 'given'")


def test_what_is_filled_in_or_wrong_is_never_hidden(page: Page, moroccan: Protocol) -> None:
    form, condition = child_view(moroccan)
    page.set_content(page_of(form, condition, moroccan))
    assert shown(page, [{}]) == [False]
    page.evaluate("document.querySelector('textarea').value = 'words'")
    assert shown(page, [{}]) == [True]
    page.evaluate("document.querySelector('textarea').value = ''; document.querySelector('textarea').className = 'bad'")
    assert shown(page, [{}]) == [True]


def test_a_rule_that_says_the_contrary_is_noticed(page: Page, moroccan: Protocol) -> None:
    """The control: the same page under the rules turned round."""
    form, condition = child_view(moroccan)
    html = page_of(form, condition, moroccan).replace("[value='given']", "[value='declined']")
    page.set_content(html)
    assert shown(page, [{"child_view": "given"}, {"child_view": "declined"}]) != [True, False]
