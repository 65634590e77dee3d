"""Rules of public reports as plain values: what counts, what becomes of answers, floods; and the code of a receipt."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any
from zlib import crc32

from school_protocol.engine.answers import answer_values
from school_protocol.engine.clock import SEARCH_DAYS, Calendar, NoSchoolTime, TimeUnit, later
from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition_parts import Becomes, FieldType, Form, Rise, SignalementRules
from school_protocol.engine.texts import latin
from school_protocol.people.roster_rules import is_school_time

FLOOD = 10
"""More than so many of one hour at one school are a flood: those that are like the others become one line."""
URGENT_MOST = 30
"""More than so many of one hour that tick a danger are a line of their own, and each is told no more."""
ALIKE = 3
"""So many alike are one line, flood or not."""
SAMPLED = 4
"""Of those closed by mistake, those above the school see one in so many."""
NAME_LEAST = 3
"""Letters that a name must have to be recognised by itself among who must not read a report."""
TITLES = frozenset({
    "m", "mr", "mrs", "ms", "mme", "mlle", "monsieur", "madame", "mademoiselle", "prof", "professeur", "professeure",
    "maitre", "maitresse", "surveillant", "surveillante", "directeur", "directrice", "ssi", "sidi", "lalla", "oustad",
    "oustada", "ostad", "ostada", "ustad", "ustada", "teacher", "miss", "sir", "استاذ", "استاذه", "استاد", "استاده",
    "معلم", "معلمه", "سيد", "سيده", "سي", "مدام", "حارس", "حارسه", "مدير", "مديره", "لاله",
})  # fmt: skip
"""Words right before a name."""
ORDINARY = TITLES | {
    "profs", "le", "la", "les", "de", "du", "des", "l", "d", "un", "une", "mon", "ma", "mes", "notre", "qui", "est",
    "pas", "ne", "non", "je", "tu", "il", "elle", "svp", "sil", "vous", "plait", "surtout", "the", "my", "our", "a",
    "an", "not", "is", "who", "استاذي", "استاذتي", "عام", "عامه", "لا", "من", "هو", "هي", "سلام", "صديق", "حبيب", "نور",
    "زين",
}  # fmt: skip
"""Words beside a name that are none."""
PUPILS = frozenset({
    "eleve", "camarade", "copain", "copine", "ami", "amie", "garcon", "fille", "pupil", "friend", "تلميذ", "تلميذه",
    "صديق", "صديقي", "صديقه", "صديقتي", "صاحبي", "صاحبتي", "زميلي", "زميلتي", "ولد", "بنت",
})  # fmt: skip
"""Words before the name of somebody who is none of the staff."""
FAMILY_LEAST = 4
"""Letters of a family name that is recognised by itself in a text."""


class Status(StrEnum):
    """What became of a public report."""

    waiting = "waiting"
    answered = "answered"
    opened = "opened"
    linked = "linked"
    oriented = "oriented"
    closed = "closed"


IN_A_CASE = frozenset({Status.opened, Status.linked})
WITHOUT_CASE = frozenset({Status.answered, Status.oriented, Status.closed})
"""Settled without a case: kept for some months, then erased; taken up again as soon as the reporter adds something."""


class Wrong(StrEnum):
    """Why one is closed; nothing is written of whoever sent it."""

    mistaken = "mistaken"
    abusive = "abusive"


# ---- what its answers say --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weighed:
    """What stands in clear of a report's answers."""

    restricted: bool
    urgent: bool
    to_verify: bool
    fullness: int


def weigh(rules: SignalementRules, form: Form, answers: Mapping[str, Any], *, by_staff: bool) -> Weighed:
    """Who reads it, how pressing it is, whether somebody stands behind it, and how much it says."""
    values = answer_values(form.fields, answers)
    reached = any(answers.get(key) for key in rules.contact if form.by_key[key].is_words)
    return Weighed(
        restricted=_holds(rules.restricted_when, values),
        urgent=_holds(rules.urgent_when, values),
        to_verify=not by_staff and not reached,
        fullness=_fullness(form, answers),
    )


def is_never_to_send(rules: SignalementRules, form: Form, answers: Mapping[str, Any]) -> bool:
    """Whether the receipt says again that an image is never sent."""
    return _holds(rules.never_send, answer_values(form.fields, answers))


def _holds(condition: Condition | None, values: Mapping[str, Any]) -> bool:
    return condition is not None and condition.holds(values)


def _fullness(form: Form, answers: Mapping[str, Any]) -> int:
    """How much was told: an answer that was not asked for counts one, and so does each forty words."""
    free = sum(1 for field in form.fields if not field.required and answers.get(field.key) not in (None, "", []))
    words = sum(len(str(answers.get(field.key, "")).split()) for field in form.fields if field.type is FieldType.long)
    return min(free + min(words // 40, 5), 20)


def alike_texts(rules: SignalementRules, answers: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts whose keyed hashes say that two reports are alike: as it stands, and without repeated letters."""
    said = " ".join(str(answers.get(key, "")) for key in rules.alike)
    letters = "".join(char for char in unicodedata.normalize("NFKD", said.casefold()) if char.isalpha())
    shape = "".join(char for place, char in enumerate(letters) if place == 0 or letters[place - 1] != char)
    return tuple(dict.fromkeys(text for text in (" ".join(said.split()), shape) if text))


def names_said(
    given: Iterable[Sequence[str]], names: Mapping[str, Collection[str]], beside: Collection[str] = ()
) -> frozenset[str]:
    """Which of these people (account → the words of their names) may be meant by who must not read it.

    `given`: the words of each who is named there; `beside`: words that are no names, besides those of any text. Two
    words of a name mean whoever has both, and of those nobody of whom another one has more. One word means whoever
    alone has it; where several do, all of them, unless a further word beside it is a name that none of them has. Rather
    a reader too few: what nobody is left to read goes up.
    """
    found: set[str] = set()
    ordinary = ORDINARY | {form for word in beside for form in _forms(word)}
    for words in given:
        hits = {account: said for account, own in names.items() if (said := _hits(words, own))}
        whole = {account: said for account, said in hits.items() if len(said) > 1}
        if whole:
            found |= {one for one, said in whole.items() if not any(said < other for other in whole.values())}
            continue
        for word in {word for said in hits.values() for word in said if len(word) >= NAME_LEAST}:
            having = {account for account, said in hits.items() if word in said}
            others = [one for one in words if _bare(one) not in ordinary and word not in _forms(one)]
            if len(having) == 1 or not others:
                found |= having
    return frozenset(found)


def named_in(words: Sequence[str], names: Mapping[str, Collection[Sequence[str]]]) -> frozenset[str]:
    """Which of these people (account → their names, each as words) a text may speak of.

    By the whole name; by a family name, its last word, unless it is said to be a pupil's; or by any word of the name
    that follows a title. Whoever is named doesn't read it: rather a reader too few.
    """
    return frozenset(account for account, own in names.items() if any(_is_named(words, name) for name in own))


def _is_named(words: Sequence[str], name: Sequence[str]) -> bool:
    proper = [word for word in name if word not in TITLES]
    if len(proper) > 1 and all(any(_is_said(one, word) for word in words) for one in proper):
        return True
    family = proper[-1:] if len(proper) > 1 and len(_bare(proper[-1])) >= FAMILY_LEAST else []
    for place, word in enumerate(words):
        if _follows_a_title(words, place) and any(_is_said(one, word) for one in proper):
            return True
        of_pupil = place > 0 and not PUPILS.isdisjoint(_forms(words[place - 1]))
        if any(_is_said(one, word) for one in family) and not of_pupil and _bare(word) not in ORDINARY:
            return True
    return False


def _is_said(one: str, word: str) -> bool:
    """Whether a word of a name is said there, “to” and “for” before it in Arabic left away."""
    said = {form for short in (word, word.removeprefix("لل"), word.removeprefix("ل")) for form in _forms(short)}
    return not {one, _bare(one)}.isdisjoint(said)


def _follows_a_title(words: Sequence[str], place: int) -> bool:
    """“prof Hassan”, “prof de maths Hassan”."""
    near = [words[place - 1]] if place > 0 else []
    near += [words[place - 3]] if place > 2 and words[place - 2] in ("de", "des", "du", "d") else []
    return any(not TITLES.isdisjoint(_forms(one)) for one in near)


def says_any(words: Sequence[str], phrases: Iterable[str]) -> bool:
    """Whether one of these phrases stands in a text; letters that are written several times count once. A phrase that
    ends in `*` is the beginning of its last word."""
    said = [_squeezed(_FIRST_AND.sub("", one)) for one in words]
    return any(_stands(said, phrase) for phrase in phrases)


def _stands(said: Sequence[str], phrase: str) -> bool:
    *before, last = (_squeezed(one) for one in phrase.removesuffix("*").split())
    begins = phrase.endswith("*")
    return any(
        (said[place].startswith(last) if begins else said[place] == last)
        and list(said[place - len(before) : place]) == before
        for place in range(len(before), len(said))
    )


_FIRST_AND = re.compile("^و(?=..)")


def _squeezed(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _hits(words: Iterable[str], own: Collection[str]) -> frozenset[str]:
    return frozenset(one for one in own for word in words if not {one, _bare(one)}.isdisjoint(_forms(word)))


def role_labels(given: Iterable[Sequence[str]], called: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The roles of which a word by which they are called (role → words) stands there."""
    words = {form for one in given for word in one for form in _forms(word)}
    return frozenset(role for role, own in called.items() if not words.isdisjoint({*own, *map(_bare, own)}))


def _forms(word: str) -> tuple[str, ...]:
    """A word, and what is left of an Arabic one without “and” and without its article."""
    short = word.removeprefix("و")
    return tuple(dict.fromkeys((word, short, _bare(word), _bare(short))))


def _bare(word: str) -> str:
    return word.removeprefix("ال") if len(word) > len("ال") + 1 else word


def becoming(
    rules: SignalementRules, target: Form, answers: Mapping[str, Any], *, received: datetime, barred: Collection[str]
) -> dict[str, Any]:
    """The answers with which the form of the act opens that makes a case of it."""
    found: dict[str, Any] = {}
    for key, one in rules.becomes.items():
        field = target.by_key[key]
        if one.received:
            found[key] = received.isoformat()
        elif one.barred:
            if barred:
                found[key] = sorted(barred)
        elif field.is_words:
            said = [str(answers[name]) for name in one.from_ if answers.get(name)]
            if said:
                found[key] = "\n\n".join(said)
        elif (value := _option(one, answers.get(one.from_[0]))) is not None:
            several = field.type is FieldType.choices
            found[key] = value if several == isinstance(value, list) else ([value] if several else value[0])
    return found


def _option(one: Becomes, given: Any) -> Any:
    if isinstance(given, list):
        kept = [one.values.get(item, item if not one.values else "") for item in given]
        return [item for item in kept if item] or ([one.otherwise] if one.otherwise else None)
    if given is None:
        return one.otherwise
    return one.values.get(given, one.otherwise if one.values else given)


# ---- how it rises ----------------------------------------------------------------------------------------------------


def falls_due(calendar: Calendar, since: datetime, step: Rise) -> datetime:
    """When a step is told of a report that waits since that hour; a calendar that never opens counts days."""
    try:
        return later(calendar, since, step.after, TimeUnit(step.unit))
    except NoSchoolTime:
        return later(calendar, since, max(step.after, 1), TimeUnit.calendar_days)


def steps_due(calendar: Calendar, steps: Sequence[Rise], since: datetime, now: datetime) -> int:
    """How many of the steps have fallen due: those before one that has, too."""
    due = [number for number, step in enumerate(steps, 1) if falls_due(calendar, since, step) <= now]
    return max(due, default=0)


def is_sampled(report: str, outcome: str) -> bool:
    """Whether those above see one that a school closed: what was closed as sent to annoy, and one in four besides."""
    return outcome == Wrong.abusive or crc32(report.encode()) % SAMPLED == 0


def told_by(steps: Sequence[Rise], step: int) -> frozenset[str]:
    """The roles to which it has risen."""
    return frozenset(role for one in steps[:step] for role in one.tell)


def opens_again(calendar: Calendar, now: datetime) -> datetime | None:
    """When the school opens next, where it is closed now; None while it is open, and where it never opens again."""
    if is_school_time(calendar, now):
        return None
    first = calendar.local(now).date()
    days = (first + timedelta(days=count) for count in range(SEARCH_DAYS))
    return next((opens for day in days for opens, _closes in calendar.spans(day) if opens > now), None)


# ---- floods ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """What collapsing asks of one report."""

    id: str
    hour: datetime
    fullness: int
    urgent: bool
    marks: frozenset[bytes]
    hinted: bool = False


def gather(sent: Sequence[Sent]) -> tuple[tuple[str, ...], ...]:
    """Reports as lines: each by itself, or one line for those alike and for the crowd of a flooded hour.

    What speaks of a danger, or perhaps of despair, is in no crowd; where very many of an hour say that there is a
    danger, they are a line of their own, which nobody closes at once. In a flooded hour some others stand out that are
    like none: those that say most, ten at most; further ones that say more than is usual are a line apart from the
    crowd. Order is kept, by the first of each line.
    """
    line_of = _twins(sent)
    sizes = Counter(line_of.values())
    by_hour: dict[datetime, list[Sent]] = {}
    for one in sent:
        by_hour.setdefault(one.hour, []).append(one)
    urgent = Counter(one.hour for one in sent if one.urgent)
    crowds = {
        hour: _Crowd.of(found, [one for one in found if sizes[line_of[one.id]] == 1]) for hour, found in by_hour.items()
    }
    lines: dict[str, list[str]] = {}
    for one in sent:
        like, crowd = line_of[one.id], crowds[one.hour]
        if sizes[like] >= ALIKE:
            name = f"alike:{like}"
        elif urgent[one.hour] > URGENT_MOST and one.urgent and not one.hinted:
            name = f"urgent:{one.hour.isoformat()}"
        elif crowd.number > FLOOD and not (one.urgent or one.hinted):
            name = crowd.line(one, is_alone=sizes[like] == 1)
        else:
            name = one.id
        lines.setdefault(name, []).append(one.id)
    return tuple(tuple(ids) for ids in lines.values())


@dataclass(frozen=True, slots=True)
class _Crowd:
    """What came within one hour. `most`: how much one must say to stand out."""

    number: int
    usual: float
    most: int

    @classmethod
    def of(cls, found: Sequence[Sent], alone: Sequence[Sent]) -> _Crowd:
        said = sorted((one.fullness for one in alone), reverse=True)
        most = said[FLOOD] + 1 if len(said) > FLOOD else 0
        return cls(len(found), median(one.fullness for one in found), most)

    def line(self, one: Sent, *, is_alone: bool) -> str:
        says_more = one.fullness > self.usual
        if is_alone and says_more and one.fullness >= self.most:
            return one.id
        return f"{'fuller' if says_more else 'crowd'}:{one.hour.isoformat()}"


def _twins(sent: Iterable[Sent]) -> dict[str, str]:
    """Report → the first of those that are alike, one mark in common being enough."""
    first: dict[bytes, str] = {}
    found: dict[str, str] = {}
    for one in sent:
        known = next((first[mark] for mark in one.marks if mark in first), one.id)
        found[one.id] = known
        for mark in one.marks:
            first.setdefault(mark, known)
    return found


# ---- the code of a receipt: seventeen digits, read out in groups, that nobody guesses ------------------------------
# The last one (Damm's) finds any one digit that is wrong, and any two neighbours that changed places, before anything
# is looked for.

DRAWN = 16
LENGTH = DRAWN + 1
_GROUPS = (4, 4, 4, 5)
_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip


def with_check(drawn: str) -> str:
    """The code made of sixteen drawn digits."""
    return drawn + _left_over(drawn)


def in_groups(code: str) -> str:
    """As it is shown and printed: `4821 0093 7715 20468`."""
    parts, rest = [], code
    for length in _GROUPS:
        parts.append(rest[:length])
        rest = rest[length:]
    return " ".join(parts)


def typed(text: str) -> str | None:
    """The code that was typed, however it was grouped and in whatever digits; None where it can't be one."""
    digits = "".join(char for char in latin(text) if char not in " \t\r\n\u00a0\u202f-.‐–")
    if len(digits) != LENGTH or not (digits.isascii() and digits.isdecimal()) or _left_over(digits) != "0":
        return None
    return digits


def _left_over(digits: str) -> str:
    interim = "0"
    for digit in digits:
        interim = _DAMM[int(interim)][int(digit)]
    return interim


def hour_of(moment: datetime) -> datetime:
    """The hour in which a moment lies: all that is kept of when somebody told something."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hours_before(moment: datetime, hours: int) -> datetime:
    """An hour that lies so many hours back."""
    return hour_of(moment) - timedelta(hours=hours)


def months_before(moment: datetime, months: int) -> datetime:
    """The hour so many months back; where that month is shorter, on its last day."""
    hour = hour_of(moment)
    year, month = divmod(hour.year * 12 + hour.month - 1 - months, 12)
    return hour.replace(year=year, month=month + 1, day=min(hour.day, monthrange(year, month + 1)[1]))
