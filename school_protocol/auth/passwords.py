"""Passwords: hashing and comparing them, and what makes weak ones: words taken first, lists of known ones.

The words that people here take first (French, darija, Arabic, people, places, school) stand in `common_words.txt`: the
estimator brings its own lists (thirty thousand known passwords, English, names) and knows nothing of these.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

from school_protocol.engine.texts import latin

KEYS = (
    ("²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!"),
    ("²1234567890°+", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!"),
    ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"),
    ("`1234567890-=", "qwertzuiop[]", "asdfghjkl;'", "yxcvbnm,./"),
    ("`1234567890-=", "ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر·ىةوزظ"),
)
"""Keyboards as they are used here, each a row of keys above the other; without what only the shift key gives."""
ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "ابجدهوزحطيكلمنسعفصقرشتثخذضظغ")
"""What follows in an alphabet."""


def common_words() -> dict[str, list[str]]:
    """The words that are taken first, by list."""
    text = Path(__file__).with_name("common_words.txt").read_text("utf-8")
    lists = (block.partition(":") for block in text.split("\n\n"))
    return {name: words.split() for name, _colon, words in lists}


# ---- passwords known from elsewhere: a file of hashes that an installation may have --------------------------------
# A line begins with the SHA-1 of a password in capital hexadecimal figures, in order (`HASH:COUNT`). It may be far
# larger than memory: a lookup reads some forty lines.

FIGURES = 40
_LINE_MOST = 200


class ListUnusable(OSError):
    """The list is not there, or is none."""


def is_known(path: Path, password: str) -> bool:
    """Whether that password is on the list. Raises ListUnusable."""
    typed = password.encode("utf-8", "surrogatepass")
    wanted = hashlib.sha1(typed, usedforsecurity=False).hexdigest().upper().encode()
    try:
        with path.open("rb") as lines:
            return _find(lines, wanted, path.stat().st_size)
    except OSError as error:
        raise ListUnusable(str(error)) from error


def _find(lines: IO[bytes], wanted: bytes, size: int) -> bool:
    first, end = 0, size
    while first < end:
        middle = (first + end) // 2
        start, found = _line_after(lines, middle)
        if not found or start >= end:
            end = middle
        elif found < wanted:
            first = start + 1
        elif found > wanted:
            end = middle
        else:
            return True
    return _line_at(lines, 0) == wanted


def _line_after(lines: IO[bytes], place: int) -> tuple[int, bytes]:
    """Where the first line that begins at `place` or behind it begins, and its hash; empty at the end."""
    if place:
        lines.seek(place - 1)
        lines.readline(_LINE_MOST)
    else:
        lines.seek(0)
    start = lines.tell()
    return start, _line_at(lines, start)


def _line_at(lines: IO[bytes], start: int) -> bytes:
    lines.seek(start)
    line = lines.readline(_LINE_MOST)
    found = line[:FIGURES]
    if line and (len(found) < FIGURES or not all(one in b"0123456789ABCDEF" for one in found)):
        raise ListUnusable("a line does not begin with forty figures of a hash")
    return found


# ---- how passwords are kept and compared ---------------------------------------------------------------------------
# Which new ones are refused: `password_strength`.

MOST = 1024
"""Bytes at most, in UTF-8."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = BoundedSemaphore(4)


def hash_password(password: str) -> str:
    """argon2id, with its own salt."""
    with _AT_ONCE:
        return _HASHER.hash(_bytes(password)[:MOST])


def stretched(code: str, salt: bytes) -> bytes:
    """A code of few bits, at the cost of a password: 32 bytes, the same for the same salt."""
    with _AT_ONCE:
        return hash_secret_raw(
            code.encode(), salt, time_cost=_HASHER.time_cost, memory_cost=_HASHER.memory_cost,
            parallelism=_HASHER.parallelism, hash_len=32, type=_HASHER.type,
        )  # fmt: skip


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("a password that nobody has")


def matches(kept: str | None, password: str) -> bool:
    """Compare at the same cost whether the account exists or not; more than was ever kept is never right."""
    typed = _bytes(password)
    try:
        with _AT_ONCE:
            _HASHER.verify(kept or _nobody(), typed[:MOST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None and len(typed) <= MOST


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


# Which new passwords are refused: those that few guesses find. No rule asks for signs or capitals.
# How many guesses a password takes is estimated by zxcvbn, with words, names, places and keyboards
# of `passwords`, what others know of its owner, and the names of all schools. It is loaded at the
# first new password: 14 MiB, an eighth of a second.

LEAST = 12
"""Characters at least."""
GUESSES = 10**10
"""So many guesses a password must take at least: zxcvbn's highest step; some four words that don't belong together."""
_LOOKED_AT = 40
"""Characters that are looked at: what follows only adds."""
_OF_A_PLACE, _OF_A_NUMBER = 1_000, 10**6
"""Guesses for the name of some school, and for a number that stands in somebody's papers: telephone, date, Massar."""
_NUMBER = re.compile(r"[a-z]{0,2}\d{6,}")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LEET = str.maketrans("013457@$!€", "oieastasie")
_WHY = {"about": "says_who_you_are", "places": "a_place", "schools": "a_place", "walks": "keys_in_a_row",
        "spatial": "keys_in_a_row", "sequence": "keys_in_a_row", "repeat": "easy_to_guess", "number": "a_number",
        "date": "a_number"}  # fmt: skip

Words = Mapping[str, int]
"""Words, each with how many guesses find it."""


def problem_of(password: str, about: Iterable[str] = (), schools: Iterable[str] = ()) -> str | None:
    """Why a new password is refused, as a code; None for one that is taken.

    `about`: what others know of its owner. `schools`: names of schools and of what lies above them.
    """
    if len(password) < LEAST:
        return f"too_short:{LEAST}"
    if len(password.encode("utf-8", "surrogatepass")) > MOST:
        return f"too_long:{MOST}"
    forms = dict(_forms(latin(password)[:_LOOKED_AT]))
    words = {"about": _ranked(_named(about, forms)), "schools": dict.fromkeys(_named(schools, forms), _OF_A_PLACE)}
    guesses, found = min((_guesses(form, words, times) for form, times in forms.items()), key=lambda one: one[0])
    return _why(found) if guesses < GUESSES else None


def _plain(text: str) -> str:
    """Without case, accents, vowel signs, and whatever is only typed between words."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in decomposed if one.isalnum())


def _forms(typed: str) -> Iterator[tuple[str, int]]:
    """The words that a guesser may have come to it by, each with how many ways there are to write them so."""
    core = typed.strip("0123456789 .,;:!?*#-_+")
    signs = {one for one in typed if not one.isalnum()} - {"ـ"}
    if letters := _plain(typed.replace(core, core.translate(_LEET))):
        yield letters, 10 ** len(signs | {one for one in core if one.isdigit()})
    if plain := _plain(typed):
        yield plain, 10 ** len(signs)
    yield typed.lower(), 1


def _guesses(form: str, words: Mapping[str, Words], times: int) -> tuple[int, list[dict[str, Any]]]:
    """How many guesses this takes, and of what it is made up."""
    matching, scoring = _estimator()
    known = matching.RANKED_DICTIONARIES | words
    found = [
        *matching.dictionary_match(form, known), *matching.reverse_dictionary_match(form, known),
        *matching.spatial_match(form), *matching.repeat_match(form), *matching.sequence_match(form),
        *matching.date_match(form), *_figures(form),
    ]  # fmt: skip
    best = scoring.most_guessable_match_sequence(form, found)
    return int(best["guesses"]) * times, best["sequence"]


def _figures(form: str) -> Iterator[dict[str, Any]]:
    for pattern, guesses, expression in (("number", _OF_A_NUMBER, _NUMBER), ("date", 100, _YEAR)):
        for one in expression.finditer(form):
            yield {
                "pattern": pattern, "i": one.start(), "j": one.end() - 1, "token": one.group(), "guesses": guesses,
            }  # fmt: skip


def _why(found: list[dict[str, Any]]) -> str:
    """What most of its letters are; that it tells of its owner goes before."""
    lengths: dict[str, int] = {}
    for one in found:
        why = _WHY.get(one.get("dictionary_name", one["pattern"]), "common")
        if one["pattern"] != "bruteforce":
            lengths[why] = lengths.get(why, 0) + len(one["token"])
    if "says_who_you_are" in lengths:
        return "says_who_you_are"
    return max(lengths, key=lambda why: lengths[why], default="common")


# ---- words -----------------------------------------------------------------------------------------------------------


def _ranked(words: Iterable[str]) -> Words:
    return {word: rank for rank, word in enumerate(dict.fromkeys(words), 1)}


def _named(names: Iterable[str], forms: Iterable[str]) -> Iterator[str]:
    """What of these names stands in a password: a word, or the name to its end from some word on."""
    for name in dict.fromkeys(names):
        parts = [part for part in map(_plain, name.split()) if part]
        ends = ("".join(parts[first:]) for first in range(len(parts)))
        yield from (one for one in (*ends, *parts) if len(one) >= 3 and any(one in form for form in forms))


@lru_cache(maxsize=1)
def _estimator() -> tuple[Any, Any]:
    """zxcvbn's own steps, with our lists beside its own. It keeps both for the whole process; nobody else asks it."""
    from zxcvbn import matching, scoring  # loads its lists, once

    given = {name: [*map(_plain, words)] for name, words in common_words().items()}
    given["arabic"] = [form for word in given["arabic"] for form in (word, f"ال{word}", f"و{word}", f"ب{word}")]
    given["places"] += given.pop("schools")
    matching.add_frequency_lists({name: [*_ranked(words)] for name, words in given.items()} | {"walks": [*_walks()]})
    matching.GRAPHS |= {f"keys {place}": _beside(rows) for place, rows in enumerate(KEYS)}
    # Letters written as signs are one form of ours; all ways at once would take it seconds.
    matching.L33T_TABLE.clear()
    return matching, scoring


def _walks() -> Iterator[str]:
    """To and fro between two rows, column by column, and through an alphabet."""
    runs = list(ALPHABETS)
    for rows in KEYS:
        rows = (rows[0][1:], *rows[1:])
        for upper, lower in ((0, 1), (1, 2), (2, 3), (1, 0), (2, 1), (3, 2)):
            runs.append("".join(a + b for a, b in zip(rows[upper], rows[lower], strict=False)))
        for some in (rows, rows[1:], rows[::-1], rows[:0:-1]):
            runs.append("".join("".join(column) for column in zip(*some, strict=False)))
    yield from dict.fromkeys(
        run[start:end] for run in runs for start in range(len(run)) for end in range(start + 4, len(run) + 1)
    )


def _beside(rows: tuple[str, ...]) -> dict[str, list[str | None]]:
    """What lies around each key, as zxcvbn keeps it: its directions in one order; each row half a key to the right."""
    at = {(x, y): key for y, row in enumerate(rows) for x, key in enumerate(row, y)}
    around = ((-1, 0), (0, -1), (1, -1), (1, 0), (0, 1), (-1, 1))
    return {key: [at.get((x + dx, y + dy)) for dx, dy in around] for (x, y), key in at.items()}
