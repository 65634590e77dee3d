"""Words that are said later, in the reader's language: English now, with the message and what stands in its places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal

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
