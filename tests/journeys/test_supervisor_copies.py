"""No supervisor's copy names anybody: every story's cases, in every language, are looked through for every name."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress

import pikepdf
import pytest
from engine.telling import NOW, REPORT
from handing import forget_prepared, hand_out_as
from pypdf import PdfReader

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.copy_scope import see_case_file
from school_protocol.case_files.pages import case_file_html
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import service as cases_service
from school_protocol.cases.loading import names_in
from school_protocol.cases.pseudonyms import Pseudonymiser
from school_protocol.cases.story_player import Played, Player, throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Profile
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.protocol.reader import read

from .test_stories import DEFINITION, START, STORIES, place, story

LANGUAGES = ("fr", "ar", "en")
PRINTED = "joining"
"""The story of which real PDFs are made: a short one."""
NAMED = "Yasmine Berrada-Ouali"

_SAME = str.maketrans("ىة", "يه")
_ARABIC = re.compile("[\u0621-\u064a]")


def folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    kept = "".join(char for char in plain if not unicodedata.combining(char) and char != "\u0640")
    return kept.translate(_SAME).lower()


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", folded(text)))


def kept_out(player: Player, case_id: str, content: bytes = DEFINITION) -> tuple[set[str], set[str]]:
    """Parts of the names of everybody in the case, and the figures of their codes and telephones."""
    with player.ctx.realm.reading() as session:
        people = names_in(player.ctx, session, case_id).values()
    parts = {part for one in people for part in words_of(one.get("name", "")) if len(part) >= 3}
    figures = {re.sub(r"\D", "", one.get(key, ""))[-9:] for one in people for key in ("massar", "phone")} - {""}
    return parts - words_of(content.decode()), figures


def found_in(text: str, parts: Iterable[str], figures: Iterable[str]) -> list[str]:
    """Those that stand in the text: Latin names as whole words, Arabic ones behind prefixes too."""
    words, digits = words_of(text), re.sub(r"[\s.-]", "", text)
    arabic = [word for word in words if _ARABIC.search(word)]
    found = [part for part in parts if part in words or (_ARABIC.search(part) and any(part in one for one in arabic))]
    return sorted([*found, *(one for one in figures if one in digits)])


def copies(protocol: Protocol, *, pseudonymised: bool) -> list[Profile]:
    every = (profile for document in protocol.documents.values() for profile in document.profiles.values())
    return [one for one in every if one.identities is not pseudonymised and not one.named]


def issued(player: Player, number: str, profile: Profile, language: str) -> bytes:
    """That copy, issued by somebody who may to somebody to whom it may go."""
    for actor, about in issuable(player, number, profile):
        with suppress(Refused):
            return issue_case_file(player.ctx, actor, number, profile.key, language, about=about).data
    raise AssertionError(f"nobody may issue {profile.key} of {number}")


def issuable(player: Player, number: str, profile: Profile) -> Iterator[tuple[Actor, str]]:
    """Who may issue such a copy, and to whom."""
    for actor in [*map(player.actor, profile.for_), *player.actors.values()]:
        with suppress(Unseen):
            for reader in see_case_file(player.ctx, actor, number).possible(profile.key):
                yield actor, reader.about


def said_in(player: Player, number: str, profile: Profile, language: str) -> str:
    return re.sub(r"<[^>]+>", " ", issued(player, number, profile, language).decode())


@pytest.fixture
def as_html(monkeypatch: pytest.MonkeyPatch) -> None:
    def page(view: CaseFile, wording: Wording) -> bytes:
        return case_file_html(view, wording).encode()

    hand_out_as(monkeypatch, page)


@pytest.fixture(scope="module")
def until() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def definition_of(name: str) -> tuple[Protocol, bytes]:
    """The protocol that a story is told on, and its bytes."""
    content = (place(name) / "1.yaml").read_bytes()
    return read(content, name), content


def played(protocol: Protocol, name: str, until: ExitStack, content: bytes = DEFINITION) -> Player:
    player = until.enter_context(throwaway(protocol, content, START))
    player.watching = False
    player.play(story(name).steps)
    return player


@pytest.mark.exhaustive(
    but=(
        "fi-kiva/screened_out",
        "fr-phare/autre_reponse",
        "ma-cyberharassment/transfer",
    )
)
@pytest.mark.usefixtures("as_html")
@pytest.mark.parametrize("name", STORIES)
def test_no_supervisors_copy_of_a_story_names_anybody(until: ExitStack, name: str) -> None:
    protocol, content = definition_of(name)
    player = played(protocol, name, until, content)
    [supervised], [identified, *_others] = (copies(protocol, pseudonymised=wanted) for wanted in (True, False))
    for case, number in player.numbers.items():
        parts, figures = kept_out(player, player.case_id(case) or "", content)
        for language in LANGUAGES:
            said = said_in(player, number, supervised, language)
            assert found_in(said, parts, figures) == [], (case, language)
        control = said_in(player, number, identified, "fr")
        assert set(found_in(control, parts, figures)) >= figures
        assert len(found_in(control, parts, figures)) >= min(2, len(parts))


@pytest.mark.exhaustive(but=("en",))
@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_the_pdf_names_anybody(moroccan: Protocol, until: ExitStack, language: str) -> None:
    player = played(moroccan, PRINTED, until)
    case, number = next(iter(player.numbers.items()))
    parts, figures = kept_out(player, player.case_id(case) or "")
    [supervised] = copies(moroccan, pseudonymised=True)
    data = issued(player, number, supervised, language)
    reader = PdfReader(io.BytesIO(data))
    with pikepdf.open(io.BytesIO(data)) as pdf:
        metadata = pdf.Root.Metadata.read_bytes().decode()
        attached = {name: one.get_file().read_bytes().decode() for name, one in pdf.attachments.items()}
    assert set(attached) == {"record.json", "copy.json"}
    told = json.loads(attached["record.json"])
    del told["versions"]
    record = json.dumps(told, ensure_ascii=False)
    text = "\n".join(
        [*(page.extract_text() for page in reader.pages), metadata, str(reader.metadata), record, attached["copy.json"]]
    )
    assert number in re.sub(r"[^\w]", "", text)
    assert found_in(text, parts, figures) == []


# ---- the locks, each by itself -------------------------------------------------------------------------------------


SUMMARY = {"summary": f"{NAMED} n’est plus seule.", "names_nobody": "true"}


@pytest.fixture
def reported(moroccan: Protocol) -> Iterator[Player]:
    with throwaway(moroccan, DEFINITION, NOW) as player:
        player.watching = False
        people = [{"slot": "targeted_pupil", "name": NAMED, "massar": "G123456789"}]
        player.play([{"as": "team_member", "do": "report", "answers": {**REPORT, "about_whom": people}}])
        yield player


def confirm(player: Player, **answers: str) -> Played:
    [step] = player.play([{"as": "head", "do": "nameless_summary", "answers": {**SUMMARY, **answers}}])[-1:]
    return step


@pytest.mark.usefixtures("as_html")
def test_the_search_finds_a_name_that_got_past_both_locks(
    moroccan: Protocol, reported: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    [number], [supervised] = reported.numbers.values(), copies(moroccan, pseudonymised=True)
    parts, figures = kept_out(reported, reported.case_id("") or "")
    assert dict(confirm(reported).problems) == {"summary": (f"names:{NAMED}:[EV1]",)}

    monkeypatch.setattr(cases_service, "refuse_names", lambda *_args, **_more: None)
    assert not confirm(reported).problems
    masked = said_in(reported, number, supervised, "fr")
    assert "[EV1] n’est plus seule." in " ".join(masked.split())
    assert found_in(masked, parts, figures) == []

    monkeypatch.setattr(Pseudonymiser, "_masked", lambda _self, text: text)
    forget_prepared(reported.ctx)
    assert found_in(said_in(reported, number, supervised, "fr"), parts, figures) == sorted(parts)


@pytest.mark.parametrize(
    "typed",
    [
        "yasmine a parlé",
        "BERRADA",
        "Massar G 123 456 789",
        "123456789",
        "06 61 23 45 67",
        "+212 661234567",
        "m@school.ma",
    ],
)
def test_a_summary_that_names_or_reaches_somebody_is_refused(reported: Player, typed: str) -> None:
    assert set(confirm(reported, summary=f"Vu : {typed}.").problems) == {"summary"}
    assert not confirm(reported, summary="Vu : [EV1], le 25/11/2026 à 10:30, dossier 4821 0937 5512-4.").problems
