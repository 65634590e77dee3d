"""Lists as spreadsheets write them: their encoding, their separator, their headings; rows as plain cells by field."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.texts import latin

CITY_MOST = 60
LARGEST = 8 * 1024 * 1024
LINES_MOST = 20_000
CELL_MOST = 300

FIELDS = (
    "kind", "code", "parent", "name_fr", "name_ar", "username", "role", "unit", "starts", "ends", "email", "phone",
    "certified_until", "language", "level", "city",
)  # fmt: skip
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "kind": ("kind", "type", "nature", "النوع", "نوع"),
    "code": ("code", "code gresa", "gresa", "gresa code", "الرمز", "رمز المؤسسة", "رمز"),
    "parent": ("parent", "rattachement", "code parent", "dépend de", "تابع ل", "التبعية", "الجهة الوصية"),
    "name_fr": ("name_fr", "nom", "nom et prénom", "prénom et nom", "nom (français)", "nom fr", "nom_fr", "name",
                "dénomination", "الاسم بالفرنسية"),
    "name_ar": ("name_ar", "nom (arabe)", "nom ar", "nom_ar", "nom en arabe", "الاسم", "الاسم الكامل",
                "الاسم بالعربية", "الاسم والنسب"),
    "username": ("username", "user name", "nom d'utilisateur", "identifiant", "utilisateur", "login",
                 "اسم المستخدم", "المعرف"),
    "role": ("role", "rôle", "fonction", "الدور", "المهمة", "الصفة"),
    "unit": ("unit", "unité", "établissement", "code établissement", "lieu", "school", "المؤسسة",
             "رمز المؤسسة أو المديرية", "الوحدة"),
    "starts": ("starts", "du", "début", "date de début", "from", "من", "تاريخ البداية"),
    "ends": ("ends", "au", "fin", "date de fin", "until", "إلى", "تاريخ النهاية"),
    "email": ("email", "e-mail", "mail", "courriel", "adresse électronique", "البريد الإلكتروني", "البريد"),
    "phone": ("phone", "téléphone", "tél", "tel", "gsm", "الهاتف", "رقم الهاتف"),
    "certified_until": ("certified_until", "certifié jusqu'au", "attestation jusqu'au", "formation valable jusqu'au",
                        "certificate until", "شهادة التكوين صالحة إلى", "التكوين صالح إلى"),
    "language": ("language", "langue", "اللغة"),
    "city": ("city", "town", "ville", "commune", "localité", "المدينة", "الجماعة", "المدينة أو الجماعة"),
    "level": ("level", "niveau", "cycle", "cycle d'enseignement", "السلك", "السلك التعليمي", "المستوى"),
}  # fmt: skip
"""Field → how a heading may say it, in any letter case, with or without accents."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "school": ("school", "établissement", "école", "collège", "lycée", "مؤسسة", "مدرسة", "إعدادية", "ثانوية"),
    "province": ("province", "direction provinciale", "dp", "مديرية", "مديرية إقليمية", "إقليم"),
    "region": ("region", "région", "académie", "aref", "أكاديمية", "جهة"),
    "person": ("person", "personne", "agent", "شخص", "إطار", "موظف"),
}
LEVELS: Mapping[str, tuple[str, ...]] = {
    "primary": ("primary", "primaire", "enseignement primaire", "école primaire", "ابتدائي", "الابتدائي"),
    "lower": ("lower", "collégial", "collège", "secondaire collégial", "إعدادي", "الإعدادي", "الثانوي الإعدادي"),
    "upper": ("upper", "qualifiant", "lycée", "secondaire qualifiant", "تأهيلي", "التأهيلي", "الثانوي التأهيلي"),
}
"""Of which level a school is, as a list may say it."""
ORDER = ("region", "province", "school", "person")
"""In which order lines count: a place before whoever works there."""

_HIDDEN = re.compile("[\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2069\u061c]")
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_RISKY = frozenset("=+-@\t\r\n")
_ARABIC = re.compile(rb"[\xc0-\xd6\xd8-\xdf\xe1\xe3-\xe6\xec\xed\xf0-\xf3\xf5\xf6\xf8\xfa]")
"""Bytes that are Arabic letters in windows-1256 and French ones, or others, in windows-1252."""


_LOST = re.compile(r'(?:^|[;,\t"])\?{2,}(?: \?+)*(?=[;,\t"\r\n]|$)', re.MULTILINE)
"""A cell of question marks alone: what is left of Arabic that was saved in a western encoding."""


class Unreadable(SchoolProtocolError):
    """A list of which nothing can be read; `code` says why, `detail` where."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code} {detail}".strip())


@dataclass(frozen=True, slots=True)
class Row:
    """One line: where it ends in the file, and its cells by field, tidy."""

    line: int
    cells: Mapping[str, str]


def decoded(content: bytes) -> str:
    """The text of a list, whichever way it was saved: UTF-8, UTF-16 with its mark, windows-1256 or windows-1252."""
    if len(content) > LARGEST:
        raise Unreadable("too_large", str(LARGEST // 1024 // 1024))
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _as(content, "utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _as(content, "cp1256" if _looks_arabic(content) else "cp1252")


def _as(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable("encoding") from None


def _looks_arabic(content: bytes) -> bool:
    """Arabic stands letter beside letter; an accent of French stands among plain ones."""
    joined = len(re.findall(_ARABIC.pattern + _ARABIC.pattern, content))
    alone = len(re.findall(rb"[A-Za-z]" + _ARABIC.pattern, content))
    return joined > alone


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a list may be called, field by field; one of `wanted` must be there."""

    known: Mapping[str, str]
    wanted: frozenset[str]


def columns(headings: Mapping[str, Iterable[str]], wanted: Iterable[str]) -> Columns:
    """The columns of a list whose headings say a field in any of these words, in any letter case, accents or not."""
    return Columns({_plain(word): name for name, words in headings.items() for word in words}, frozenset(wanted))


def rows(content: bytes, of: Columns | None = None) -> Iterator[Row]:
    """The lines of a list by field; raises Unreadable before the first, or where the file breaks off.

    `of`: its columns; without it, those of a list of places and people.
    """
    text = decoded(content)
    if "\0" in text:
        raise Unreadable("not_a_list")
    if _LOST.search(text):
        raise Unreadable("letters_lost")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        fields = _fields(_heading(reader), of or _PEOPLE)
        count = 0
        for found in reader:
            if not any(cell.strip() for cell in found):
                continue
            count += 1
            if count > LINES_MOST:
                raise Unreadable("too_many_lines", str(LINES_MOST))
            yield Row(reader.line_num, {name: tidy(cell) for name, cell in zip(fields, found, strict=False) if name})
    except csv.Error:
        raise Unreadable("breaks_off", str(reader.line_num)) from None


def _separator(text: str) -> str:
    """What stands most often in the heading; Excel may say it itself."""
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    said = re.fullmatch(r'"?sep=(.)"?\r?', first.strip("\r"), re.IGNORECASE)
    if said:
        return said[1]
    return max(";,\t", key=first.count)


def _heading(reader: Iterable[list[str]]) -> list[str]:
    for found in reader:
        if found and re.fullmatch(r"sep=.?", found[0].strip("\ufeff").lower()):
            continue
        if any(cell.strip() for cell in found):
            return found
    raise Unreadable("empty")


def _fields(heading: list[str], of: Columns) -> list[str]:
    """Which field each column is; a heading that says nothing is passed over, one said twice is a fault."""
    found = [of.known.get(_plain(cell), "") for cell in heading]
    for name in dict.fromkeys(of.known.values()):
        if found.count(name) > 1:
            raise Unreadable("heading_twice", tidy(heading[found.index(name)]))
    if not of.wanted & set(found):
        raise Unreadable("no_heading")
    return found


def _plain(text: str) -> str:
    """A word as it is compared: no case, no accent, no vowel mark, no difference between the forms of a letter."""
    text = tidy(text).replace("’", "'").replace("_", " ").casefold()
    text = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return " ".join(text.replace("ـ", "").split())


def kind_of(cells: Mapping[str, str]) -> str:
    """What a line is about: as it says, else by whether it names a user; empty where what it says is unknown."""
    said = cells.get("kind", "")
    return _KINDS.get(_plain(said), "") if said else "person" if cells.get("username") else "school"


def level_of(said: str) -> str:
    """The level of a school that a cell says; empty where it is unknown, or nothing is said."""
    return _LEVELS.get(_plain(said), "") if said else ""


def same(one: str, other: str) -> bool:
    """Whether two words are the same but for case and accents."""
    return _plain(one) == _plain(other)


def begins(whole: str, said: str) -> bool:
    """Whether a title begins with these words, its endings in brackets said or not."""
    wholes = (_plain(whole), _plain(re.sub(r"\([^)]*\)", "", whole)))
    return any(one.startswith(f"{_plain(said)} ") for one in wholes)


def tidy(cell: str) -> str:
    """A cell on one line, in one form, without marks that no screen shows."""
    return " ".join(unicodedata.normalize("NFC", _HIDDEN.sub("", cell)).split())


def day_in(cell: str) -> str:
    """A day as year-month-day, if it was written as one; else as it was written."""
    text = latin(cell).replace(" ", "")
    found = _DAY.fullmatch(text)
    return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else text


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would reckon with this cell rather than show it, hidden marks and wide signs included."""
    first = unicodedata.normalize("NFKC", _HIDDEN.sub("", cell)).lstrip(" ")[:1]
    return first in _RISKY and first != ""


def guarded(cell: str) -> str:
    """A cell that a spreadsheet shows as it is."""
    is_number = re.fullmatch(r"[+-]?\d+([.,]\d+)?", cell) is not None
    return f"'{cell}" if is_formula(cell) and not is_number else cell


def written(header: Iterable[str], found: Iterable[Iterable[str]]) -> Iterator[bytes]:
    """A list for a spreadsheet, line by line: UTF-8 with its mark, semicolons, no cell that is a formula."""
    yield codecs.BOM_UTF8
    yield _written(header)
    for cells in found:
        yield _written(cells)


def _written(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow([guarded(cell) for cell in cells])
    return out.getvalue().encode()


_PEOPLE = columns(HEADINGS, ("code", "username"))
_LEVELS = {_plain(word): level for level, words in LEVELS.items() for word in words}
_KINDS = {_plain(word): kind for kind, words in KINDS.items() for word in words}
