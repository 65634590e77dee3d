"""Which danger: a few words a button under five headings, the whole of each as a hint; of each shipped definition."""

from __future__ import annotations

import re
from html import unescape

import pytest
from engine.telling import ROOT

from school_protocol.cases.story_player import Player
from school_protocol.engine.definition import DangerGroup
from school_protocol.protocol.reader import read

from .browser import Browse


@pytest.mark.parametrize("name", ["ma-cyberharassment", "fr-phare", "fi-kiva"])
def test_each_danger_has_its_group_and_few_words_in_each_language(name: str) -> None:
    protocol = read((ROOT / "protocol_definitions" / name / "1.yaml").read_bytes(), "1.yaml")
    for danger in protocol.dangers.values():
        assert danger.group is not None
        assert danger.in_short is not None
        assert {*danger.in_short.root} == {"fr", "ar", "en"}
    for language in ("fr", "ar", "en"):
        said = [danger.in_short.in_language(language) for danger in protocol.dangers.values() if danger.in_short]
        assert len({*said}) == len(protocol.dangers), "no two read alike"


def test_the_page_has_each_danger_once_under_its_heading(player: Player, browse: Browse) -> None:
    html = unescape(browse("team_member").open("/reports/danger").html)
    dangers = player.protocol.dangers.values()
    order = [danger.key for group in DangerGroup for danger in dangers if danger.group is group]
    assert re.findall(r'name="danger" value="(\w+)"', html) == order
    assert html.count("<h3>") == len({danger.group for danger in dangers})
    button = html[html.index('value="grooming"') :]
    button = button[: button.index("</button>")]
    assert "Adulte ou inconnu qui sollicite<small>Adulte ou inconnu qui sollicite l’élève (grooming)</small>" in button
