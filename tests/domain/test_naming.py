"""Who is named in a text, and the same text with signs in place of names."""

import pytest

from school_protocol.domain.naming import Naming, fold, parts_of, shown, with_tokens

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
    assert PEOPLE.masked(typed) == read


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
