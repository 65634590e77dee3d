"""How values and refusals are shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask, render_template_string
from jinja2 import UndefinedError

from school_protocol.engine.definition import Protocol
from school_protocol.engine.intents import Reason
from school_protocol.ui.rendering import bdi

from .conftest import NOW

MACROS = '{% from "ui/page.html" import alert, head, pill, pips, reasons %}'


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-001-07", '<bdi dir="ltr">2026-001-07</bdi>'),
        ("https://x.example/?a=1&b", '<bdi dir="ltr">https://x.example/?a=1&amp;b</bdi>'),
        ("@sara_05", '<bdi dir="ltr">@sara_05</bdi>'),
        ("سلمى", "<bdi>سلمى</bdi>"),
        ("23 نونبر 2026", "<bdi>23 نونبر 2026</bdi>"),
        ("<b>", '<bdi dir="ltr">&lt;b&gt;</bdi>'),
        (17, '<bdi dir="ltr">17</bdi>'),
        ("", '<bdi dir="ltr"></bdi>'),
    ],
)
def test_isolation(value: object, shown: str) -> None:
    assert str(bdi(value)) == shown


def test_what_is_undefined_is_an_error_and_never_blank(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(UndefinedError):
        render_template_string("{{ nothing_of_this_name }}")


def test_values_in_sentences_are_escaped_and_stay_isolated(app: Flask) -> None:
    with app.test_request_context():
        said = render_template_string("{{ _('By %(name)s, %(day)s', name='<i>', day='1/2'|bdi) }}")
    assert said == 'By &lt;i&gt;, <bdi dir="ltr">1/2</bdi>'


def test_a_reason_says_what_who_where_and_when(app: Flask, protocol: Protocol) -> None:
    act = next(iter(protocol.acts))
    fact = next(iter(protocol.facts))
    need = next(iter(protocol.needs))
    reason = Reason("need", need, ("warden",), (act,), unknown=(fact,), from_when=NOW + timedelta(days=2))
    with app.test_request_context():
        shown = render_template_string(MACROS + "{{ reasons(p, all, '123') }}", p=protocol, all=(reason,))
    for part in (
        protocol.needs[need].sentence.in_language("fr"),
        "Surveillant(e) général(e)",
        f'href="/cases/123/acts/{act}"',
        protocol.facts[fact].label.in_language("fr"),
        "27 nov. 2026",
    ):
        assert part in shown


def test_a_reason_without_a_case_names_the_place_without_a_link(app: Flask, protocol: Protocol) -> None:
    act = next(iter(protocol.acts))
    with app.test_request_context():
        shown = render_template_string(MACROS + "{{ reasons(p, all) }}", p=protocol, all=(Reason("need", acts=(act,)),))
    assert "href" not in shown
    assert protocol.acts[act].title.in_language("fr") in shown


def test_times_are_those_of_the_academy(app: Flask) -> None:
    with app.test_request_context():
        said = render_template_string("{{ t|day }}, {{ t|moment }}, {{ t|clock }}, {{ t|due }}", t=NOW)
    assert said.startswith("25 nov. 2026, 25 nov. 2026, 10:41, 10:41, ")
