"""The workshop kit: all that a room without any network needs of a scenario stands in one PDF, in each language."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pikepdf
import pytest
from click.testing import CliRunner, Result
from pdf import tags
from pdf.archive import not_accessible, not_archival, without_claim
from pdf.printed import pages, squeezed, unsaid

from school_protocol.cli.group import main
from school_protocol.engine.texts import Text
from school_protocol.language import Wording
from school_protocol.pdf import embedding
from school_protocol.pdf.tags import _Tree
from school_protocol.training.kit import NotAsExpected, walked
from school_protocol.training.scenario_reader import ON_A_CARD
from school_protocol.training.table_play import Bound, TooLong
from school_protocol.training.workshop_pages import Kit, kit_html
from training.kits import (
    LANGUAGES,
    MOMENT,
    SHIPPED,
    UNSEEN,
    made,
    own_pages,
    printed,
    scenario_of,
    set_and_written,
    view_of,
)

pytestmark = pytest.mark.files  # scenarios are proven on copies of SQLite files, wherever rooms lie

EVERY = (*SHIPPED, UNSEEN)
WHOLE = (UNSEEN,)
"""Printed with their blank forms, too."""
SOME = pytest.mark.exhaustive(but=("found_phone-ar",))
"""What the quick suite prints: the shortest, in the language that breaks first."""


def own(name: str, language: str) -> str:
    """The text of the kit's own pages, before the blank forms."""
    return "".join(own_pages(name, language))


def cut(name: str, language: str) -> list[str]:
    """The pages that are cut out: those without the foot that the others have."""
    protocol = view_of(name).protocol
    return [page for page in own_pages(name, language) if f"{protocol.protocol}·{protocol.version}" not in page]


# ---- what stands in it ---------------------------------------------------------------------------------------------


@SOME
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EVERY)
def test_everything_of_the_scenario_stands_in_it(name: str, language: str) -> None:
    view, w = view_of(name), Wording(language)
    scenario = view.scenario
    wanted: list[Text | None] = [scenario.title, *scenario.aims, scenario.story, scenario.wellbeing]
    wanted += [words for card in scenario.cast.values() for words in (card.name, card.knows, card.goal)]
    wanted += [words for inject in scenario.injects.values() for words in (inject.text, inject.trainer)]
    wanted += [words for trap in scenario.traps.values() for words in (trap.title, trap.reason, trap.rule)]
    wanted += [words for note in scenario.debrief.values() for words in (note.reason, note.rule)]
    text = own(name, language)
    assert unsaid(text, [w.text(words) for words in wanted if words is not None]) == []
    assert unsaid(text, ["Planté", "الزيتونة"]) == ["Planté", "الزيتونة"]


@SOME
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EVERY)
def test_each_card_and_slip_stands_whole_on_one_page(name: str, language: str) -> None:
    view, w, found = view_of(name), Wording(language), cut(name, language)
    for card in view.scenario.cast.values():
        words = [w.text(text) for text in (card.name, card.knows, card.goal)]
        assert any(unsaid(page, words) == [] for page in found), card.name
    for number, _key, inject in view.injects:
        assert any(f"I-{number}" in page and unsaid(page, [w.text(inject.text)]) == [] for page in found)


@pytest.mark.exhaustive(but=("found_phone",))
@pytest.mark.parametrize("name", EVERY)
def test_what_is_for_the_trainer_alone_is_not_on_what_is_cut_out(name: str) -> None:
    scenario, w = view_of(name).scenario, Wording("fr")
    secret = [inject.trainer for inject in scenario.injects.values() if inject.trainer]
    secret += [trap.title for trap in scenario.traps.values()]
    text = "".join(cut(name, "fr"))
    assert secret
    assert not [words for words in secret if squeezed(w.text(words)) in text]


@SOME
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EVERY)
def test_the_clock_sheet_tells_the_path_and_what_falls_due(name: str, language: str) -> None:
    view, w, text = view_of(name), Wording(language), own(name, language)
    protocol, scenario = view.protocol, view.scenario
    done = [moment for moment in view.moments if moment.kind == "step"]
    assert len(done) == 1 + sum(step.do is not None or step.attach is not None for step in scenario.path.steps)
    keys = [moment.key for moment in done if moment.key in protocol.acts or moment.key in protocol.moves]
    titles = [(protocol.acts.get(key) or protocol.moves[key]).title for key in keys]
    due = [protocol.deadlines[one.deadline].title for moment in view.moments for one in moment.due]
    assert due
    assert unsaid(text, [w.text(title) for title in (*titles, *due)]) == []
    assert [moment.at for moment in view.moments] == sorted(moment.at for moment in view.moments)
    for moment in view.moments:
        assert w.clock(moment.at) in text


@pytest.mark.exhaustive
def test_moments_are_those_of_the_story() -> None:
    view, text = view_of("class-group"), own("class-group", "fr")
    assert {key for key, _at in view.came.items()} == set(view.scenario.injects) - {"mother_waits"}
    assert "T+3:55lun.5oct.13:55" in text
    assert "J+40" in text
    assert view.scores["severity" if "severity" in view.scores else next(iter(view.scores))].low == 18
    assert any(moment.refused for moment in view.moments)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "si le délai de « Information des responsables légaux de l’élève visé(e) » est dépassé"),
        ("ar", "إذا انقضى أجل «إخبار أولياء أمر الطفل المستهدف»"),
        ("en", "if the time for “Guardians of the targeted pupil informed” runs out"),
    ],
)
def test_what_makes_a_slip_come_is_said_in_words(language: str, said: str) -> None:
    if language == "en":
        title = view_of("class-group").protocol.deadlines["guardians_informed"].title.in_language("en")
        said = f"if the time for “{title}” runs out"
    page = kit_html(view_of("class-group"), Wording(language))
    assert squeezed(said) in squeezed(unescape(re.sub("<[^>]+>", "", page)))


@pytest.mark.exhaustive(but=("class-group", "found_phone"))
@pytest.mark.parametrize("name", EVERY)
def test_the_forms_of_the_path_are_its_forms(name: str) -> None:
    view = view_of(name)
    acts = {moment.key for moment in view.moments} & view.protocol.acts.keys()
    signs = {key for key in acts if view.protocol.acts[key].kind.value == "sign"}
    assert set(view.forms) == {view.protocol.acts[key].form for key in acts - signs}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", WHOLE)
def test_blank_forms_stand_behind_the_rest(name: str) -> None:
    view, w, found = view_of(name), Wording("ar"), pages(printed(name, "ar"))
    count = len(own_pages(name, "ar"))
    titles = [w.text(view.protocol.forms[key].title) for key in view.forms]
    assert unsaid("".join(found[count:]), titles) == []
    assert (
        f"{view.protocol.protocol}·{view.protocol.version}·{view.protocol.forms[view.forms[0]].short}" in found[count]
    )
    assert len(found) <= count + 4 * len(view.forms)
    assert all(word in page for page in found for word in ("FORMATION", "تدريب"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", EVERY)
def test_a_debrief_sheet_asks_what_the_protocol_asked(name: str) -> None:
    view, w, text = view_of(name), Wording("fr"), own(name, "fr")
    assert len(view.asked) >= 4
    titles = [getattr(view.protocol, one.part)[one.key].title for one in view.asked]
    assert unsaid(text, [w.text(title) for title in titles]) == []
    for key, scored in view.scores.items():
        assert set(scored.marks) <= set(view.protocol.grids[key].items)
        assert unsaid(text, [w.text(item.title) for item in view.protocol.grids[key].items.values()]) == []
        assert all(f"Table{number}" in text for number in (1, 2, 3, 4))


@pytest.mark.exhaustive
def test_an_inject_that_is_left_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests above look for is really looked for."""
    view = view_of(UNSEEN)
    lost = view.injects[-1]
    shorter = [one for one in view.injects if one != lost]
    monkeypatch.setattr(Kit, "injects", property(lambda _view: tuple(shorter)))
    text = "".join(pages(made(view, "en")))
    assert unsaid(text, ["“Search him!”"]) == ["“Search him!”"]
    assert unsaid(own(UNSEEN, "en"), ["“Search him!”"]) == []


# ---- every page ----------------------------------------------------------------------------------------------------


@SOME
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EVERY)
def test_every_page_is_marked_as_training_and_there_are_few(name: str, language: str) -> None:
    words = ("TRAINING", "تدريب") if language == "en" else ("FORMATION", "تدريب")
    found = own_pages(name, language)
    assert all(word in page for page in found for word in words)
    assert len(found) <= 20


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "language"), [("online-game", "ar"), *((UNSEEN, code) for code in LANGUAGES)])
def test_it_can_be_read_aloud(name: str, language: str, tmp_path: Path) -> None:
    data, html = set_and_written(view_of(name), language)
    found = tags.faults(data, html)
    breaks = [fault for fault in found.pop("breaks", []) if not _ROOM_FOLLOWS.fullmatch(fault)]
    assert breaks == []
    assert found == {}
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()
    assert without_claim(data) != data


_ROOM_FOLLOWS = re.compile(r"the heading .* stands at the foot of page \d+", re.DOTALL)
"""Where a question is followed by nothing but room to write, which is no text, and then by another page."""


@pytest.mark.exhaustive
def test_a_tree_that_is_not_joined_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_join_trees", lambda *_what, **_more: None)
    data, html = set_and_written(view_of(UNSEEN), "fr")
    assert "reading_order" in tags.faults(data, html)


@pytest.mark.exhaustive
def test_header_cells_of_both_parts_keep_their_names_apart() -> None:
    data, html = set_and_written(view_of(UNSEEN), "fr")
    assert tags.tables(tags.read_tags(data)) == []
    with pikepdf.open(io.BytesIO(data)) as pdf:
        names = [str(one) for place, one in enumerate(pdf.Root.StructTreeRoot.IDTree.Names) if place % 2 == 0]
    assert len(names) == len(set(names)) > 10
    assert names == sorted(names)
    assert html


@pytest.mark.exhaustive
def test_each_page_knows_its_elements() -> None:
    """What a reader asks from the other side: of what is a piece of this page a part?"""
    assert lost_on_the_way_up(printed(UNSEEN, "ar")) == []


def lost_on_the_way_up(data: bytes) -> list[str]:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        numbers = pdf.Root.StructTreeRoot.ParentTree.Nums
        known = {int(numbers[place]): numbers[place + 1] for place in range(0, len(numbers), 2)}
        wrong = [] if len(known) * 2 == len(numbers) else ["one number twice"]
        for place, page in enumerate(pdf.pages, 1):
            for element in known[int(page.obj.StructParents)]:
                told = {element.Pg.objgen} if "/Pg" in element else set()
                told |= {kid.Pg.objgen for kid in element.K if isinstance(kid, pikepdf.Dictionary) and "/Pg" in kid}
                if page.obj.objgen not in told:
                    wrong.append(f"page {place}: {element.S}")
    return wrong


@pytest.mark.exhaustive
def test_tables_that_only_put_cards_in_their_place_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Tree, "_only_places", lambda _tree, _element: False)
    data, html = set_and_written(view_of(UNSEEN), "fr")
    assert "tables" in tags.faults(data, html)


# ---- made of any scenario ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_same_view_gives_the_same_bytes() -> None:
    assert made(view_of(UNSEEN), "fr") == printed(UNSEEN, "fr")


def with_cards(view: Kit, **words: Text) -> Kit:
    """The same kit, each of its cards with these words."""
    cards = tuple(replace(one, card=one.card.model_copy(update=words)) for one in view.cards)
    scenario = view.scenario.model_copy(update={"cast": {one.key: one.card for one in cards}, "code": ""})
    return replace(view, cards=cards, scenario=scenario, forms=())


@pytest.mark.exhaustive
def test_a_card_stays_whole_however_much_it_holds() -> None:
    """Three texts as long as a card's may be: no longer four to a page, but none goes on over one."""
    words = {name: Text(dict.fromkeys(LANGUAGES, f"{name} " * 100)) for name in ("naima", "knows", "goals")}
    assert len(words["knows"].in_language("fr")) == ON_A_CARD
    view = with_cards(view_of(UNSEEN), name=words["naima"], knows=words["knows"], goal=words["goals"])
    for language in LANGUAGES:
        found = pages(made(view, language))
        counts = [(page.count("knows"), page.count("goals")) for page in found if "knows" in page or "goals" in page]
        assert sum(known for known, _wanted in counts) == 100 * len(view.cards)
        assert all(known == wanted and known % 100 == 0 for known, wanted in counts)


@pytest.mark.exhaustive
def test_words_that_are_hard_to_set_come_out_as_they_are() -> None:
    hard = Text(dict.fromkeys(LANGUAGES, "<b>Tout</b> & « rien » كل شيء @rim_2026 "))
    text = "".join(pages(made(with_cards(view_of(UNSEEN), name=hard), "ar")))
    assert "<b>Tout</b>&" in text
    assert "@rim_2026" in text
    assert squeezed("كل شيء") in text


def test_a_path_that_goes_astray_makes_no_kit() -> None:
    scenario, _data, protocol, content = scenario_of(UNSEEN)
    steps = [step for step in scenario.path.steps if step.do != "give_chair"]
    astray = scenario.model_copy(update={"path": scenario.path.model_copy(update={"steps": tuple(steps)})})
    with pytest.raises(NotAsExpected, match="start_looking"):
        walked(protocol, content, astray, MOMENT)


def test_a_play_that_takes_too_long_makes_no_kit() -> None:
    scenario, _data, protocol, content = scenario_of(UNSEEN)
    with pytest.raises(TooLong):
        walked(protocol, content, scenario, MOMENT, Bound(3))


@pytest.mark.exhaustive
def test_traps_without_words_of_their_own_are_printed(small_view: Kit) -> None:
    text = "".join(pages(made(small_view, "en")))
    assert "Homebeforethepupil" in text
    assert "Shemusthearitfromyou" not in text


@pytest.fixture
def small_view() -> Kit:
    view = view_of(UNSEEN)
    traps = {key: trap.model_copy(update={"reason": None, "rule": None}) for key, trap in view.scenario.traps.items()}
    return replace(view, scenario=view.scenario.model_copy(update={"traps": traps, "debrief": {}}))


# ---- from the command line -----------------------------------------------------------------------------------------


def command(*words: str) -> Result:
    small = Path(__file__).parents[1] / "protocol" / "small.yaml"
    return CliRunner().invoke(main, ["scenario", "kit", *words, "--protocol", str(small)])


@pytest.mark.exhaustive
def test_a_command_writes_the_pdf(tmp_path: Path) -> None:
    target = tmp_path / "kit.pdf"
    result = command(str(Path(__file__).with_name("found_phone.yaml")), "--language", "ar", "-o", str(target))
    assert result.exit_code == 0
    assert result.stdout == f"{target}\n"
    found = pages(target.read_bytes())
    assert squeezed("الهاتف المفقود") in found[0]
    assert len(found) > len(own_pages(UNSEEN, "ar"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("minutes: 45", "minuts: 45", "minutes"),
        ('10:20", as: warden', '10:20", as: mediator', "scenarios check says more"),
        ("protocol: lost-things", "protocol: ../lost-things", "lettres"),
    ],
)
def test_a_command_says_what_is_wrong_and_writes_nothing(old: str, new: str, said: str, tmp_path: Path) -> None:
    wrong, target = tmp_path / "wrong.yaml", tmp_path / "kit.pdf"
    wrong.write_text(Path(__file__).with_name("found_phone.yaml").read_text("utf-8").replace(old, new), "utf-8")
    result = command(str(wrong), "-o", str(target))
    assert result.exit_code == 1
    assert said in result.output
    assert not target.exists()
