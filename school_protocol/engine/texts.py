"""Texts of a definition in several languages, phrases said later, digits as typed, and how a file is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, RootModel

_LATIN = {ord(char): str(digit) for row in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for digit, char in enumerate(row)}


def latin(text: str) -> str:
    """The same text in Latin digits."""
    return text.translate(_LATIN)


# ---- phrases: words said later, in the reader's language -----------------------------------------------------------
# English now, with the message and what stands in its places.

Joint = Literal["", "or", "and"]
_ESCAPED = re.compile(r"%\\\((\w+)\\\)s")


def N_(message: str) -> str:
    """Marks a message to be said later, in the reader's language."""
    return message


class Phrase(str):
    """A sentence, or a piece of one, as the English text that it is; `text` and `args` say it in another language.

    `text` is a marked message with `%(name)s` places. What stands there is translated where it is a phrase or a
    listing; anything else is said as it is.
    """

    __slots__ = ("args", "longest", "text")

    text: str
    args: Mapping[str, Words]
    longest: int
    """Characters, beyond which it is cut in any language; 0: never."""

    def __new__(cls, text: str, /, **args: Words) -> Phrase:
        return _made(text % args if args else text, text, args, 0)

    def __reduce__(self) -> tuple[object, ...]:
        return _made, (str(self), self.text, self.args, self.longest)

    def shortened(self, longest: int) -> Phrase:
        """The same, cut where it is longer than that."""
        return _made(cut(self, longest), self.text, self.args, longest) if len(self) > longest else self


class Listing(str):
    """Words one after the other, as English says them: the last one behind `or`, or `and` between them, or commas."""

    __slots__ = ("items", "joint")

    items: tuple[str, ...]
    joint: Joint

    def __new__(cls, items: Iterable[str], joint: Joint = "") -> Listing:
        words = tuple(items)
        made = super().__new__(cls, _in_english(words, joint))
        made.items, made.joint = words, joint
        return made

    def __reduce__(self) -> tuple[object, ...]:
        return Listing, (self.items, self.joint)


class Translated(str):
    """Words that are known in several languages already; as a text, the English ones."""

    __slots__ = ("by_language",)

    by_language: Mapping[str, str]

    def __new__(cls, by_language: Mapping[str, str]) -> Translated:
        made = super().__new__(cls, by_language["en"])
        made.by_language = by_language
        return made

    def __reduce__(self) -> tuple[object, ...]:
        return Translated, (self.by_language,)


Words = str | int
"""What stands in a phrase: a phrase or a listing, or anything that is the same in every language."""


def cut(text: str, longest: int) -> str:
    """`text`, or its beginning with a sign that there was more."""
    return text if len(text) <= longest else text[:longest] + "…"


def recognised(words: str, texts: tuple[str, ...]) -> str:
    """What a library said, as the phrase of one of these marked `texts` that says the same; else as it was."""
    for text, pattern in zip(texts, _patterns(texts), strict=True):
        found = pattern.fullmatch(words)
        if found:
            return Phrase(text, **found.groupdict())
    return words


@lru_cache(maxsize=8)
def _patterns(texts: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_ESCAPED.sub(lambda place: f"(?P<{place[1]}>.+)", re.escape(text))) for text in texts)


def _made(words: str, text: str, args: Mapping[str, Words], longest: int) -> Phrase:
    made = str.__new__(Phrase, words)
    made.text, made.args, made.longest = text, args, longest
    return made


def _in_english(words: tuple[str, ...], joint: Joint) -> str:
    if joint == "or" and len(words) > 1:
        return f"{', '.join(words[:-1])} or {words[-1]}"
    return (" and " if joint == "and" else ", ").join(words)


# ---- kept until they are said ----------------------------------------------------------------------------------------


def written(words: Words) -> Any:
    """Words as JSON holds them, whatever they are made of."""
    if isinstance(words, Phrase):
        return {"say": words.text, "args": {k: written(one) for k, one in words.args.items()}, "cut": words.longest}
    if isinstance(words, Listing):
        return {"items": [written(one) for one in words.items], "joint": words.joint}
    if isinstance(words, Translated):
        return {"known": dict(words.by_language)}
    return words if isinstance(words, int) else str(words)


def again(kept: Any) -> Words:
    """The words that `written` wrote."""
    if not isinstance(kept, Mapping):
        return kept if isinstance(kept, int) else str(kept)
    if "say" in kept:
        said = Phrase(kept["say"], **{key: again(one) for key, one in kept["args"].items()})
        return said.shortened(kept["cut"]) if kept["cut"] else said
    if "items" in kept:
        return Listing((str_of(again(one)) for one in kept["items"]), kept["joint"])
    return Translated(kept["known"])


def str_of(words: Words) -> str:
    """The words, or a number written out."""
    return words if isinstance(words, str) else str(words)


# ---- durations as a scenario writes them ---------------------------------------------------------------------------

ATTACH = "attach"
"""What a sign names when a file was put to a piece of evidence, or tried to be."""


_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def duration(text: str) -> timedelta | None:
    """`3d`, `2h`, `90m`, or several joined: `1d4h`; None for anything else."""
    rest, found, number = text.replace(" ", ""), timedelta(), ""
    for sign in rest:
        if sign in "0123456789" and len(number) < 5:
            number += sign
        elif sign in _UNITS and number:
            found, number = found + timedelta(**{_UNITS[sign]: int(number)}), ""
        else:
            return None
    return found if rest and not number else None


# ---- what every part of a definition is made of: frozen models, and one text in several languages ------------------


def as_list(value: object) -> object:
    """One value where a list is meant."""
    return [value] if isinstance(value, str | dict) else value


Keys = Annotated[tuple[str, ...], BeforeValidator(as_list)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(RootModel[Mapping[str, str]]):
    """One text in every language of its definition."""

    model_config = ConfigDict(frozen=True)

    def in_language(self, language: str) -> str:
        """The text in `language`, else in the definition's first language."""
        found = self.root.get(language)
        return found if found is not None else next(iter(self.root.values()))


class Named(Model):
    key: str = ""
    code: str = ""
    title: Text
    provenance: str = ""

    @property
    def short(self) -> str:
        return self.code or self.key


# ---- from how a file is written to what the model holds ------------------------------------------------------------
# An entry's key is its place, a mapping of fields a list.

KEYED = (
    "stages", "states", "roles", "seats", "sides", "slots", "forms", "acts", "moves", "facts", "needs", "properties",
    "deadlines", "duties", "grids", "dangers", "targets", "cautions", "documents", "spoken", "audiences", "words",
)  # fmt: skip


def keyed(data: object) -> object:
    """A definition as it was written, with each entry's key in the entry."""
    if not isinstance(data, dict):
        return data
    out = dict(data)
    for part in KEYED:
        if part in out:
            out[part] = _with_keys(out[part])
    for form in _values(out.get("forms")):
        if "fields" in form:
            form["fields"] = _field_list(form["fields"])
    for grid in _values(out.get("grids")):
        for part in ("items", "levels"):
            if part in grid:
                grid[part] = _with_keys(grid[part])
    for document in _values(out.get("documents")):
        if "profiles" in document:
            document["profiles"] = _with_keys(document["profiles"])
    if isinstance(figures := out.get("figures"), dict):
        named = {part: _with_keys(figures[part]) for part in ("tables", "waits") if part in figures}
        out["figures"] = {**figures, **named}
    if isinstance(public := out.get("signalement"), dict):
        named = {part: _with_keys(public[part]) for part in ("orientations", "sheets") if part in public}
        out["signalement"] = {**public, **named}
    return out


def _with_keys(mapping: object) -> object:
    if not isinstance(mapping, dict):
        return mapping
    return {key: {**value, "key": key} if isinstance(value, dict) else value for key, value in mapping.items()}


def _values(mapping: object) -> Iterator[dict[str, Any]]:
    if isinstance(mapping, dict):
        yield from (value for value in mapping.values() if isinstance(value, dict))


def _field_list(fields: object) -> object:
    """Fields are written as a mapping, key → field, in the order in which they are asked."""
    if not isinstance(fields, dict):
        return fields
    listed = []
    for key, value in fields.items():
        if isinstance(value, dict):
            value = {**value, "key": key}
            if "fields" in value:
                value["fields"] = _field_list(value["fields"])
            if isinstance(value.get("options"), dict):
                value["options"] = [_option(option, body) for option, body in value["options"].items()]
        listed.append(value)
    return listed


def _option(key: object, body: object) -> dict[str, Any]:
    if isinstance(body, dict) and "title" in body:
        return {**body, "key": key}
    return {"key": key, "title": body}


# ---- addresses and telephone numbers as people type them -----------------------------------------------------------

_EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


_PHONE = re.compile(r"\+?\d{6,15}")


def is_address(email: str) -> bool:
    """Whether mail can be sent to this address."""
    return len(email) <= 254 and email.isascii() and _EMAIL.fullmatch(email) is not None


def plain_phone(phone: str) -> str:
    """A telephone number as it is kept, without what it is grouped by."""
    return re.sub(r"[\s.()-]", "", phone)


def is_phone(phone: str) -> bool:
    """Whether this is a telephone number as it is kept."""
    return _PHONE.fullmatch(phone) is not None
