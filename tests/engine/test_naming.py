"""Who is named in a text, and the same text with signs in place of names."""

import unicodedata
from typing import Any

import pytest

from school_protocol.engine import name_detection
from school_protocol.engine.name_detection import (
    HANDLE_MOST,
    Naming,
    fold,
    parts_of,
    shown,
    signs_apart,
    uncounted,
    with_tokens,
)

PEOPLE = Naming(
    {
        "EV1": {"name": "Salma El Idrissi", "massar": "G123456789"},
        "RL1": {"name": "Rachid El Idrissi", "phone": "06 12 34 56 78"},
        "EC1": {"name": "Yassine B."},
        "EC2": {"name": "Nour Rose"},
        "T1": {"name": "سلمى الإدريسي الوزاني"},
        "T2": {"name": "عبد السلام بوعزة"},
        "T3": {"name": "علي كوثر"},
    }
)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Yassine a dit, puis YASSINE et yassine.", "[EC1] a dit, puis [EC1] et [EC1]."),
        ("Vu avec Salma El Idrissi", "Vu avec [EV1]"),
        ("IDRISSI Salma, Salma-El-Idrissi", "[EV1], [EV1]"),
        ("M. El Idrissi est venu", "M. [EV1/RL1] est venu"),
        ("Sàlmà, e\u0301lève", "[EV1], e\u0301lève"),
        ("@yassine_07 et yassine2", "@[EC1] et [EC1]"),
        ("قالyassine", "قال[EC1]"),
        ("وسَلْمـى وبالوزاني", "و[T1] وب[T1]"),
        ("للإدريسي", "ل[T1]"),
        ("الوزانى", "[T1]"),
        ("عبد السلام", "[T2]"),
        ("كوثر لكوثر", "[T3] ل[T3]"),
        ("وعلى علي", "وعلى [T3]"),
        ("Une rose. Rose et Nour", "Une rose. [EC2] et [EC2]"),
        ("nour rose", "[EC2]"),
        ("G123456789, g 123 456 789, ٤ et G١٢٣٤٥٦٧٨٩", "[EV1], [EV1], ٤ et [EV1]"),
        ("Le code K987654321", "Le code […]"),
    ],
)
def test_a_name_gives_way_to_its_sign(typed: str, read: str) -> None:
    assert with_tokens(typed, PEOPLE.find(typed)) == read


@pytest.mark.parametrize(
    "typed",
    [
        "Les yassines, le bois, des idrissides",
        "Ali El Fassi a dit B. et el",
        "على الطاولة، إلى المدرسة",
        "G12345678 et G1234567890",
        "Appel au 06 12 34 56 78, le 25/11/2026 à 10:30, [EV1]",
        "",
    ],
)
def test_where_nobody_is_named_nothing_is_found(typed: str) -> None:
    assert PEOPLE.find(typed) == ()


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("une rose", "une [EC2]"),
        ("06.12.34.56.78 ou +212 612345678", "[RL1] ou [RL1]"),
        ("05 22 00 00 01, a.b@ecole.ma", "[…], […]"),
        ("2026-11-25 10:30, dossier 4821 0937 5512-4, 2511", "2026-11-25 10:30, dossier 4821 0937 5512-4, 2511"),
        ("123456789", "[EV1]"),
    ],
)
def test_where_nobody_may_be_named_more_is_taken_out(typed: str, read: str) -> None:
    assert with_tokens(typed, PEOPLE.find_all(typed)) == read


def test_signs_are_shown_as_they_are_labelled_and_nothing_else_is() -> None:
    labels = {"EV1": "EV1 · Salma", "RL1": "RL1"}
    pieces = shown("Vu [EV1], [EV1/RL1] ; [XX1] et [note]", labels)
    assert pieces == [
        ("Vu ", False),
        ("[EV1 · Salma]", True),
        (", ", False),
        ("[EV1 · Salma / RL1]", True),
        (" ; [XX1] et [note]", False),
    ]


def test_letters_are_compared_without_what_is_written_on_them() -> None:
    assert fold("ÉLÈVE") == "eleve"
    assert fold("أَحْمَـد") == fold("احمد")
    assert fold("فاطمة") == fold("فاطمه")
    assert parts_of("Abd El Karim Aït-Benhaddou") == ("karim", "benhaddou")


# ---- a long text costs as much as it is long -----------------------------------------------------------------------


LONG = 100_000


class Counted(list[Any]):
    """Words that count how many of them are copied."""

    copied = 0

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        Counted.copied += len(found) if isinstance(place, slice) else 0
        return found


def test_from_each_word_only_a_few_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    text = ("le chat " * LONG)[:LONG]
    made = name_detection._words
    monkeypatch.setattr(name_detection, "list", Counted, raising=False)
    monkeypatch.setattr(Counted, "copied", 0)
    people = Naming({"EV1": {"name": "Salma El Idrissi"}})
    assert people.find(text) == ()
    assert 0 < Counted.copied <= name_detection.RUN_MOST * len(list(made(text)))


@pytest.mark.exhaustive
def test_an_address_is_looked_for_where_a_run_of_letters_begins() -> None:
    text = "a." * (LONG // 2) + "a@ecole.ma"
    assert name_detection._MAIL.match(text[-30:], 1) is None
    [found] = Naming({}).find_all(text)
    assert (found.start, found.end) == (0, len(text))
    assert Naming({}).find_all("a." * (LONG // 2)) == ()


@pytest.mark.exhaustive
def test_a_handle_has_an_end() -> None:
    found = Naming({"EC1": {"name": "Omar Tazi"}}).find("omar1" * (LONG // 5))
    assert found
    assert max(one.end - one.start for one in found) <= 2 * HANDLE_MOST + len("omar")


def test_marks_in_a_row_are_never_put_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    normalize, rows = unicodedata.normalize, []

    def looked_at(form: Any, text: str) -> str:
        rows.append(sum(1 for char in text if unicodedata.combining(char)))
        return normalize(form, text)

    monkeypatch.setattr(name_detection.unicodedata, "normalize", looked_at)
    assert fold("e" + "\u0301\u0323" * (LONG // 2)) == "e"
    assert rows
    assert max(rows) == 0


def test_signs_stand_apart_from_the_text() -> None:
    text = "[EV1] بكى ثم [EV1/RL1] و[…]، [non]"
    pieces = signs_apart(text)
    assert [piece for piece, is_sign in pieces if is_sign] == ["[EV1]", "[EV1/RL1]", "[non]"]
    assert "".join(piece for piece, _is_sign in pieces) == text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("[EC1] écrit à [EV1].", "[…] écrit à [EV1]."),
        ("EC1, EC2 et EC12 écrivent ; T1 lit.", "[…] écrivent ; […] lit."),
        ("[EC1], [EC2] and [T1] met [EV1]", "[…] met [EV1]"),
        ("كتب [EC1] و[EC2] و [T1] إلى [EV1]", "كتب […] إلى [EV1]"),
        ("[EV1/EC1] ou [EC2/T1]", "[…]"),
        ("EC1 ; EC2", "[…]"),
        ("EC13 et T10, EV1", "EC13 et T10, EV1"),
        ("[…] et [EC1]", "[…]"),
        ("", ""),
    ],
)
def test_signs_that_nobody_may_count_are_one(text: str, read: str) -> None:
    assert uncounted(text, {"EC1", "EC2", "EC12", "T1"}) == read


def test_with_no_sign_to_hide_a_text_stays_as_it_is() -> None:
    assert uncounted("[EC1] et […]", ()) == "[EC1] et […]"
