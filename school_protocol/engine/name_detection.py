"""Where somebody of a case is named in a text, and the text with their sign in its place: `[EV1]`.

Words are compared without accents, case, tashkeel, tatweel, forms of alef, ى for ي or ه for ة; in Arabic also behind
a one-letter prefix and ال. Known limits: a first name of which a diminutive or another spelling is written, a handle
that runs a name into other letters, a name told in one script and written in the other, and a name that nobody has
told the case are not found; a name that is a word of every day (`Rose`, `نور`) may be found where the word was meant.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

Identity = Mapping[str, str]

PART_LEAST = 3
"""Letters that a part of a name has, to be looked for by itself."""
HANDLE_MOST = 40
RUN_MOST = 40
"""Words that are looked at from one place on: a name has fewer."""
ELSEWHERE = "[…]"
"""In place of a pupil's code, a telephone or an address of somebody who has no sign in the case."""

_ARABIC = (
    r"\u0610-\u061a\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06df-\u06e8\u06ea-\u06ef\u06fa-\u06ff"
    r"\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufefc"
)
_UNSEEN = r"\u00ad\u200b-\u200f\u2060"
_LETTER = rf"[^\W\d_{_ARABIC}]"
_WORD = re.compile(rf"[{_ARABIC}][{_ARABIC}{_UNSEEN}]*|{_LETTER}(?:{_LETTER}|[\u0300-\u036f{_UNSEEN}])*")
_IS_ARABIC = re.compile(rf"[{_ARABIC}]")
_SAME = str.maketrans("ٱىیکةہۀ", "اييكههه")
_TATWEEL = "\u0640"
_BETWEEN = re.compile(r"[ \t\u00a0\u202f'’ʼ\-‐‑–]{0,3}")
_PREFIX = re.compile(r"[وف]?[بلك]?")
_HANDLE_BEFORE, _HANDLE_AFTER = re.compile(r"(?:(?<=@)[\w.]+|\w*[\d_])$"), re.compile(r"[\d_]\w*")

_PARTICLES = """
    ben bin ibn bent bint ait ould abd abdel abdul abou abu oum umm del van von der des les the dit née
    sidi lalla haj hajj mme mlle mrs monsieur madame père mère fils fille tante oncle soeur frère
    بن ابن بنت أبو أبي آيت عبد سيدي لالة الحاج حاج السيد السيدة الأستاذ الأستاذة أستاذ أستاذة والد والدة ولي ولية
"""
"""Parts of names that name nobody by themselves: they count only beside another part."""

_EVERYDAY = """
    rose marie pierre jean france claire marguerite violette victoire constance olive ange iris prudence aime desire
    noir blanc grand petit bon sage nour rime don sana faith hope grace joy will mark may june april summer dawn art
    bill rich bell king young brown white
"""
"""Words of every day that are names too: in Latin letters they are taken for a name only with a capital."""

_ON = re.compile("[وف]?على")
"""A word of every sentence, which is compared like the name علي: as it is spelled, it names nobody alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place where somebody is named: what was typed there, and the signs of whom it may mean."""

    start: int
    end: int
    typed: str
    signs: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        return f"[{'/'.join(self.signs)}]" if self.signs else ELSEWHERE


class _Word(NamedTuple):
    start: int
    end: int
    typed: str
    forms: Mapping[str, int]
    """What it may say, and how many of its letters stand before that."""


class _Known(NamedTuple):
    sign: str
    name: tuple[str, ...]
    """The parts of the name, each in the forms in which it may stand."""
    words: tuple[str, ...]
    massar: str
    phone: str


class Naming:
    """The people of one case, by the sign that each has there (`EV1`), ready to be looked for in texts."""

    def __init__(self, people: Mapping[str, Identity]) -> None:
        self._people = tuple(_known(sign, identity) for sign, identity in people.items())

    def find(self, text: str) -> tuple[Found, ...]:
        """Names, parts of names and pupils' codes, from left to right: what a sign is offered for."""
        return apart([*self._codes(text), *self._names(text, strictly=False)])

    def find_all(self, text: str) -> tuple[Found, ...]:
        """The same where nobody may be named at all: words of every day too, telephones and mail addresses."""
        return apart([*self._codes(text), *self._reached(text), *self._names(text, strictly=True)])

    def signed(self, text: str) -> str:
        """The text with the signs of these people alone, wherever they are named or can be reached."""
        if not self._people:
            return text
        return with_tokens(text, (one for one in self.find_all(text) if one.signs))

    def only(self, signs: Collection[str]) -> Naming:
        """These people of the case alone."""
        return self._with(one for one in self._people if one.sign in signs)

    def without(self, signs: Collection[str]) -> Naming:
        """All others of the case."""
        return self._with(one for one in self._people if one.sign not in signs)

    def _with(self, people: Iterable[_Known]) -> Naming:
        naming = Naming({})
        naming._people = tuple(people)
        return naming

    # ---- codes and addresses ---------------------------------------------------------------------------------

    def _codes(self, text: str) -> Iterator[Found]:
        plain = _figures(text)
        for match in _MASSAR.finditer(plain):
            code = re.sub(r"[ .-]", "", match[0]).upper()
            signs = tuple(one.sign for one in self._people if one.massar == code)
            yield Found(*match.span(), text[match.start() : match.end()], signs)
        for one in self._people:
            digits = one.massar[1:]
            for match in re.finditer(rf"(?<!\d){digits}(?!\d)", plain) if digits else ():
                yield Found(*match.span(), text[match.start() : match.end()], (one.sign,))

    def _reached(self, text: str) -> Iterator[Found]:
        plain = _figures(text)
        for match in _PHONE.finditer(plain):
            number = _significant(match[0])
            signs = tuple(one.sign for one in self._people if one.phone and one.phone == number)
            yield Found(*match.span(), text[match.start() : match.end()], signs)
        for match in _MAIL.finditer(text):
            yield Found(*match.span(), match[0])

    # ---- names -----------------------------------------------------------------------------------------------

    def _names(self, text: str, *, strictly: bool) -> Iterator[Found]:
        words = list(_words(text))
        place = 0
        while place < len(words):
            runs = [(self._run(one, text, words, place, strictly), one.sign) for one in self._people]
            longest = max((len(run) for run, _sign in runs), default=0)
            if not longest:
                place += 1
                continue
            best = [run for run, _sign in runs if len(run) == longest]
            signs = tuple(dict.fromkeys(sign for run, sign in runs if len(run) == longest))
            first, last = words[place], words[place + longest - 1]
            start = first.start + min(_before(run[0][0], run[0][1]) for run in best)
            start, end = _whole_handle(text, start, last.end)
            yield Found(start, end, text[start:end], signs)
            place += longest

    def _run(
        self, one: _Known, text: str, words: Sequence[_Word], place: int, strictly: bool
    ) -> list[tuple[_Word, str]]:
        """The words from `place` on that are parts of this person's name, without particles at its ends."""
        run: list[tuple[_Word, str]] = []
        for word in words[place : place + RUN_MOST]:
            between = text[run[-1][0].end : word.start] if run else ""
            if run and _is_small(run[-1][1]):
                between = between.replace(".", "")
            part = next((form for form in word.forms if form in one.name), None)
            if part is None or part in (said for _word, said in run):
                break
            if run and (word.forms[part] or not _BETWEEN.fullmatch(between)):
                break
            run.append((word, part))
        while run and _is_small(run[-1][1]) and not run[-1][0].typed[0].isupper():
            run.pop()
        parts = [part for _word, part in run]
        if not run or (_is_small(parts[0]) and not _stand_together(one, parts[:2])):
            return []
        is_whole = len(run) > 1 and len(run) >= len(one.words)
        return run if is_whole or any(_names_alone(word, part, strictly) for word, part in run) else []


def is_same_person(one: Identity | None, other: Identity | None) -> bool:
    """Whether two identities are one person's, as far as can be told.

    They have the same parts of a name; or one telephone, and names that can't be compared: none, or of two scripts.
    """
    if not one or not other:
        return False
    names = [frozenset(parts_of(each.get("name", ""))) for each in (one, other)]
    if len(names[0]) > 1 and names[0] == names[1]:
        return True
    phones = [_significant(each.get("phone", "")) for each in (one, other)]
    scripts = {bool(_IS_ARABIC.match(part)) for name in names for part in name}
    return phones[0] == phones[1] != "" and (not all(names) or len(scripts) > 1)


def with_tokens(text: str, found: Iterable[Found]) -> str:
    """The text with the sign of whoever is named in place of their name."""
    for one in sorted(found, key=lambda one: one.start, reverse=True):
        text = text[: one.start] + one.token + text[one.end :]
    return text


def uncounted(text: str, signs: Collection[str]) -> str:
    """The text with one `[…]` for each place where some of these signs stand, with brackets or without: whoever reads
    it can't tell them apart, nor count them."""
    if not signs:
        return text
    sign = rf"(?:{'|'.join(map(re.escape, sorted(signs, key=len, reverse=True)))})"
    among = rf"\[(?:\w{{1,20}}/)*{sign}(?:/\w{{1,20}})*\]"
    one = rf"(?:{among}|(?<![\w\[]){sign}(?!\w)|{re.escape(ELSEWHERE)})"
    return re.sub(rf"{one}(?:{_AND}{one})*", ELSEWHERE, text)


def signs_apart(text: str) -> list[tuple[str, bool]]:
    """A text in pieces: as it was typed, and (True) whatever in it looks like a sign."""
    pieces = [(piece, place % 2 == 1) for place, piece in enumerate(_SIGN.split(text))]
    return [piece for piece in pieces if piece[0]]


def shown(text: str, labels: Mapping[str, str]) -> list[tuple[str, bool]]:
    """A text in pieces: as it was typed, and (True) the signs that stand in it, as `labels` says how they are read.

    What stands in brackets and is no sign of the case stays as it was typed.
    """
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in _TOKEN.finditer(text):
        signs = match[1].split("/")
        if all(sign in labels for sign in signs):
            pieces += [(text[end : match.start()], False), (f"[{' / '.join(labels[sign] for sign in signs)}]", True)]
            end = match.end()
    return [piece for piece in (*pieces, (text[end:], False)) if piece[0]]


_AND = r"(?:\s*[,،;؛/&+]\s*|\s+(?:et|ou|ni|and|or|و|أو)\s+|\s+(?:و|أو)|\s*[,،]\s*(?:et|and|و)\s*|\s+)"
_TOKEN = re.compile(r"\[(\w{1,20}(?:/\w{1,20}){0,9})\]")
_SIGN = re.compile(rf"({_TOKEN.pattern.replace('(', '(?:', 1)})")
_MASSAR = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][ .-]?(?:\d[ .-]?){8}\d(?!\d)")
_PHONE = re.compile(r"(?<![\d+])(?:(?:\+|00)\d{1,3}(?:[ .()-]{0,2}\d){7,11}|0[ .-]?[5-8](?:[ .-]?\d){8})(?!\d)")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


# ---- folding -----------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """Letters as they are compared: no accents, no case, one form of each Arabic letter."""
    return _spelled(text).translate(_SAME).casefold()


def _spelled(text: str) -> str:
    """Marks go first: Unicode puts a long row of them in order by comparing each with all."""
    return _without_marks(unicodedata.normalize("NFKD", _without_marks(text)))


def _without_marks(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) not in ("Mn", "Cf") and char != _TATWEEL)


def parts_of(name: str) -> tuple[str, ...]:
    """The folded parts of a name that name somebody by themselves."""
    parts = (fold(match[0]) for match in _WORD.finditer(name))
    return tuple(dict.fromkeys(part for part in parts if not _is_small(part)))


def _figures(text: str) -> str:
    """Letter for letter, figures of every script as 0 to 9."""
    return "".join(str(unicodedata.digit(char)) if char.isdigit() and char.isdecimal() else char for char in text)


def _significant(number: str) -> str:
    """A telephone number's last nine figures: the same with and without the country's code."""
    return re.sub(r"\D", "", _figures(number))[-9:]


def _known(sign: str, identity: Identity) -> _Known:
    typed = [match[0] for match in _WORD.finditer(identity.get("name", ""))]
    forms = tuple(form for word in typed for form in _own_forms(word))
    massar = _figures(identity.get("massar", "")).upper()
    return _Known(sign, forms, tuple(map(fold, typed)), massar, _significant(identity.get("phone", "")))


def _own_forms(typed: str) -> Iterator[str]:
    folded = fold(typed)
    yield folded
    if folded.startswith("ال") and len(folded) - 2 >= PART_LEAST:
        yield folded[2:]


def _words(text: str) -> Iterator[_Word]:
    for match in _WORD.finditer(text):
        folded = fold(match[0])
        if folded:
            yield _Word(match.start(), match.end(), match[0], _forms(match[0], folded))


def _forms(typed: str, folded: str) -> dict[str, int]:
    """What a word may say: itself; in Arabic also what follows one-letter prefixes and ال."""
    forms = {folded: 0}
    if not _IS_ARABIC.match(typed):
        return forms
    for length in range(3):
        prefix, rest = folded[:length], folded[length:]
        if not _PREFIX.fullmatch(prefix):
            continue
        bare = [rest]
        if rest.startswith("ال"):
            bare.append(rest[2:])
        if prefix.endswith("ل") and rest.startswith("ل"):
            bare += [rest[1:], f"ا{rest}"]
        for form in bare:
            if len(form) >= PART_LEAST:
                forms.setdefault(form, length)
    return forms


def _before(word: _Word, part: str) -> int:
    """How many typed letters stand before the part: the prefixes, with the marks on them."""
    wanted = word.forms[part]
    taken = 0
    for place, char in enumerate(word.typed):
        if taken == wanted and fold(char):
            return place
        taken += len(fold(char))
    return len(word.typed)


@lru_cache(maxsize=1)
def _small_words() -> frozenset[str]:
    return frozenset(map(fold, _PARTICLES.split()))


@lru_cache(maxsize=1)
def _everyday() -> frozenset[str]:
    return frozenset(map(fold, _EVERYDAY.split()))


def _is_small(part: str) -> bool:
    return len(part) < PART_LEAST or part in _small_words()


def _stand_together(one: _Known, parts: Sequence[str]) -> bool:
    """Whether a particle stands before that part in the name itself: El Idrissi, عبد السلام."""
    pairs = zip(one.words, one.words[1:], strict=False)
    return len(parts) == 2 and any(small == parts[0] and parts[1] in _own_forms(next_) for small, next_ in pairs)


def _names_alone(word: _Word, part: str, strictly: bool) -> bool:
    """Whether this part of a name, standing alone, means the person."""
    if _is_small(part) or _ON.fullmatch(_spelled(word.typed)):
        return False
    return strictly or part not in _everyday() or word.typed[0].isupper()


def _whole_handle(text: str, start: int, end: int) -> tuple[int, int]:
    """`@yassine_07` names somebody with all that belongs to it."""
    after = _HANDLE_AFTER.match(text, end, end + HANDLE_MOST)
    near = max(0, start - HANDLE_MOST)
    before = _HANDLE_BEFORE.search(text[near:start])
    return (near + before.start() if before else start), (after.end() if after else end)


def apart(found: Iterable[Found], more: Iterable[Found] = ()) -> tuple[Found, ...]:
    """From left to right; where two overlap, the first and longest; of `more`, what stands free of all those."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    ends = [one.end for one in kept]
    free = []
    for one in more:
        place = bisect_right(ends, one.start)
        if place == len(kept) or one.end <= kept[place].start:
            free.append(one)
    return tuple(sorted([*kept, *free], key=lambda one: one.start))
