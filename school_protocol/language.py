"""Everything said to people, in the reader's language: texts of definitions, times, answers, refusals, problems.

English is the language of the message ids; French and Arabic come from the catalogues in `translations/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError, dates, lists, numbers
from babel.support import NullTranslations, Translations

from school_protocol.config import CATALOGUES, LANGUAGES, known_languages
from school_protocol.config import ZONE as ZONE
from school_protocol.engine.clock import TimeUnit
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.intents import Reason
from school_protocol.engine.texts import N_ as N_
from school_protocol.engine.texts import Text

PRINTED = ("zgh",)
"""What blank forms and sheets speak beside the languages of pages, where a definition does."""
_REGIONS = {"fr": "fr_MA", "ar": "ar_MA", "en": "en_GB"}
"""In which country's way a language writes days and numbers; any other in its own."""
_HTML = {"ar": "ar-MA"}
_COMMAS = {"ar": "، "}
_SEMICOLONS = {"ar": "؛ ", "fr": "\u00a0; "}
_COLONS = {"fr": "\u00a0:"}
_QUESTIONS = {"ar": "؟"}
_ENOUGH = frozenset("?؟!:….")
"""A label that ends so leads to its value by itself."""
_FRENCH_SPACE = re.compile(r" (?=[:;?!»])|(?<=«) ")


NEVER_SAID = {
    "fr": r"harceleu(?:r|se)|agresseu|coupable|délinquant|bourreau|criminel|complice|victime(?!s? présumée)",
    "ar": r"معتدي|معتد(?!ل|ا)|\bالجاني|\bجناة|متنمر|مجرم|مذنب|متواطئ|الضحية(?! المفترضة)|الضحايا(?! المفترضين)",
    "en": r"\bbull(?:y|ies)\b|harasser|aggressor|attacker|culprit|guilty|perpetrator|delinquent|accomplice",
}
"""Words that judge a pupil: no page, paper or definition says them. See docs/glossary.md."""
_VOWEL_SIGNS = re.compile("[\u064b-\u0652\u0640]")


def stigma(language: str, text: str) -> list[str]:
    """The words in `text` that judge a pupil, whatever their vowel signs and capitals."""
    never = NEVER_SAID.get(language)
    return re.findall(never, _VOWEL_SIGNS.sub("", text), re.IGNORECASE) if never else []


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(_REGIONS.get(language, language))


def language_name(language: str) -> str:
    """What a language calls itself; its key where CLDR doesn't know it."""
    try:
        found = _locale(language).get_language_name() or language
    except (UnknownLocaleError, ValueError):
        return language
    return found[:1].upper() + found[1:]


def direction_of(language: str) -> str:
    return str(_locale(language).text_direction)


def printed_languages() -> tuple[str, ...]:
    """What can be printed: every language of pages, and PRINTED."""
    return tuple(dict.fromkeys([*LANGUAGES, *PRINTED, *known_languages()]))


def html_language(language: str) -> str:
    """What HTML calls a language."""
    return _HTML.get(language, language)


@lru_cache(maxsize=8)
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(CATALOGUES, [language])


@lru_cache(maxsize=4096)
def _dated(value: date, pattern: str, language: str, locale: Locale) -> str:
    said = str(dates.format_date(value, pattern, locale=locale))
    return re.sub(r"\b1(?= [^\W\d])", "1er", said, count=1) if language == "fr" and value.day == 1 else said


@lru_cache(maxsize=4096)
def _spaced(text: str) -> str:
    """A French text, no line of which begins with a mark that belongs to the line before."""
    return _FRENCH_SPACE.sub("\u00a0", text)


class Wording:
    """The voice of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = _locale(language)
        self._catalogue = _catalogue(language)

    @property
    def direction(self) -> str:
        return direction_of(self.language)

    @property
    def html_language(self) -> str:
        return html_language(self.language)

    # ---- catalogues ------------------------------------------------------------------------------------------

    def _(self, message: str, **values: Any) -> str:
        found = self._catalogue.gettext(message)
        return found % values if values else found

    gettext = _

    def ngettext(self, one: str, many: str, number: int, **values: Any) -> str:
        return self._catalogue.ngettext(one, many, number) % {"num": number, **values}

    def plural(self, one: str, many: str, number: int) -> str:
        """The message for `number`, its placeholders still in it."""
        return self._catalogue.ngettext(one, many, number)

    # ---- values ----------------------------------------------------------------------------------------------

    def text(self, text: Text | Mapping[str, str] | str | None) -> str:
        """A text of a definition or directory, in this language."""
        if text is None:
            return ""
        if isinstance(text, str):
            return text
        if isinstance(text, Text):
            found = text.in_language(self.language)
        else:
            found = text.get(self.language) or next(iter(text.values()), "")
        return _spaced(found) if self.language == "fr" else found

    def dated(self, value: date, pattern: str) -> str:
        """A day by a pattern of CLDR; in French the first of a month is its “1er”."""
        return _dated(value, pattern, self.language, self.locale)

    def day(self, value: date | str) -> str:
        return self.dated(_local_day(value), "d MMM y")

    def numeric_day(self, value: date | str) -> str:
        return _local_day(value).strftime("%d/%m/%Y")

    def moment(self, value: datetime | str) -> str:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        local = value.astimezone(ZONE)
        if (local.hour, local.minute, local.second) == (0, 0, 0):
            return self.day(local.date())
        return f"{self.dated(local.date(), 'd MMM y')}{self.comma}{local:%H:%M}"

    def clock(self, value: datetime) -> str:
        return f"{value.astimezone(ZONE):%H:%M}"

    def due(self, value: datetime, now: datetime) -> str:
        """When something is due, as one says it: late by, today at, tomorrow, on."""
        local, today = value.astimezone(ZONE), now.astimezone(ZONE).date()
        if value < now:
            return self.late_by(now - value)
        if local.date() == today:
            return self._("Today, %(time)s", time=f"{local:%H:%M}")
        if local.date() == today + timedelta(days=1):
            return self._("Tomorrow, %(time)s", time=f"{local:%H:%M}")
        return self._("By %(day)s", day=self.day(local.date()))

    def late_by(self, delay: timedelta) -> str:
        if delay < timedelta(hours=1):
            minutes = max(1, int(delay.total_seconds() // 60))
            return self.ngettext("%(num)d minute late", "%(num)d minutes late", minutes)
        if delay < timedelta(days=1):
            return self.ngettext("%(num)d hour late", "%(num)d hours late", int(delay.total_seconds() // 3600))
        return self.ngettext("%(num)d day late", "%(num)d days late", delay.days)

    def within(self, value: int, unit: TimeUnit) -> str:
        """How long there is for something."""
        match unit:
            case TimeUnit.clock_hours:
                return self.ngettext("within one hour", "within %(num)d hours", value)
            case TimeUnit.school_hours:
                return self.ngettext("within one hour of school time", "within %(num)d hours of school time", value)
            case TimeUnit.school_days:
                return self.ngettext("within one school day", "within %(num)d school days", value)
            case TimeUnit.calendar_days:
                return self.ngettext("within one day", "within %(num)d days", value)

    @property
    def comma(self) -> str:
        """With the space after it."""
        return _COMMAS.get(self.language, ", ")

    @property
    def question_mark(self) -> str:
        return _QUESTIONS.get(self.language, "?")

    def colon(self, label: str) -> str:
        """What stands between a label and its value: nothing after a question mark."""
        return "" if label.rstrip()[-1:] in _ENOUGH else _COLONS.get(self.language, ":")

    def pair(self, label: str, value: object) -> str:
        return f"{label}{self.colon(label)} {value}"

    def series(self, items: Iterable[str]) -> str:
        """Things that may hold commas, one after the other."""
        return _SEMICOLONS.get(self.language, "; ").join(items)

    def listed(self, items: Iterable[str]) -> str:
        return lists.format_list(list(items), locale=self.locale)

    def titles(self, items: Iterable[str]) -> str:
        """Titles or names beside each other. Arabic parts them with commas: many hold a و of their own."""
        return self.comma.join(items) if self.language == "ar" else self.listed(items)

    def percent(self, value: int) -> str:
        return str(numbers.format_percent(value / 100, locale=self.locale))

    def yes_no(self, value: bool | str) -> str:
        if value in (True, "yes"):
            return self._("Yes")
        return self._("Not known") if value == "unknown" else self._("No")

    def role(self, protocol: Protocol, key: str) -> str:
        """Title of a role or a seat."""
        found = protocol.seats.get(key) or protocol.roles.get(key)
        return self.text(found.title) if found else key

    def answer(self, protocol: Protocol, field: FormField, value: Any, names: Mapping[str, str]) -> str:
        """One answer in words. `names` maps people of the case and accounts to what this reader may see of them."""
        speak = _ANSWERS.get(field.type)
        if speak is not None:
            return speak(self, protocol, field, value, names)
        if isinstance(value, list | tuple):
            return self.titles(names.get(str(item), str(item)) for item in value)
        return names.get(str(value), str(value))

    def _option(self, field: FormField, key: str) -> str:
        return next((self.text(option.title) for option in field.options if option.key == key), key)

    # ---- refusals and problems ---------------------------------------------------------------------------------

    def reason(self, protocol: Protocol, reason: Reason) -> str:
        """Why something isn't open, as one sentence."""
        if reason.to_sign:
            return self._("It is written, and waits for a signature.")
        if reason.code == "need" and reason.need:
            return self.text(protocol.needs[reason.need].sentence)
        return self._(
            _REASONS.get(reason.code, reason.code),
            states=_states(self, protocol, reason),
            roles=self.who(protocol, reason.roles),
            persons=_persons(self, protocol, reason),
            seconds=reason.seconds,
        )

    def who(self, protocol: Protocol, roles: Iterable[str]) -> str:
        """The roles that can lift a reason, as a list."""
        named = [self._("anyone on the team") if role == "everyone" else self.role(protocol, role) for role in roles]
        return self.titles(dict.fromkeys(named))

    def spoken(self, protocol: Protocol, code: str) -> str:
        """The code of a problem, with the roles that it names, or the definition's own sentence, in words."""
        key, *roles = code.split(":")
        if key == "refused":
            form, number = roles
            return f"{key}:{self.text(protocol.forms[form].refuses[int(number)].sentence)}"
        if "roles" not in _PROBLEMS.get(key, ("", ()))[1]:
            return code
        return f"{key}:{self.who(protocol, roles)}"

    def problem(self, code: str) -> str:
        """What is wrong with a field, as one sentence."""
        key, *figures = code.split(":")
        if key in ("refused", "said"):
            return code.partition(":")[2]
        message, names = _PROBLEMS.get(key, (N_("This answer is not understood."), ()))
        said = {name: self._figure(name, figure) for name, figure in zip(names, figures, strict=False)}
        return self._(message, **said) if names else self._(message)

    def _figure(self, name: str, figure: str) -> str:
        if name in _MOMENTS:
            return self.moment(figure)
        return self.day(figure) if _ISO_DAY.fullmatch(figure) else figure


_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
"""A day among what a problem's code says."""
_Answer = Callable[[Wording, Protocol, FormField, Any, Mapping[str, str]], str]


def _covers(w: Wording, protocol: Protocol, value: Any) -> str:
    named = [
        w.text(protocol.dangers[key].title) if key in protocol.dangers else w._("a need without a danger")
        for key in value
    ]
    return w.titles(named)


def _grid(w: Wording, protocol: Protocol, field: FormField, value: Any) -> str:
    grid = protocol.grids[field.grid or next(iter(protocol.grids))]
    return w.series(w.pair(w.text(grid.items[key].title), score) for key, score in value.items() if key in grid.items)


def _rows(w: Wording, protocol: Protocol, field: FormField, value: Any, names: Mapping[str, str]) -> str:
    return "\n".join(
        w.series(
            w.pair(w.text(column.label), w.answer(protocol, column, row[column.key], names))
            for column in field.fields
            if column.key in row
        )
        for row in value
    )


def _danger_answers(w: Wording, protocol: Protocol, value: Any) -> str:
    return w.series(
        w.pair(w.text(protocol.dangers[key].title), w.yes_no(value[key])) for key in protocol.dangers if key in value
    )


_ANSWERS: Mapping[FieldType, _Answer] = {
    FieldType.choice: lambda w, p, f, v, n: w._option(f, v),
    FieldType.choices: lambda w, p, f, v, n: w.titles(w._option(f, key) for key in v),
    FieldType.yes_no: lambda w, p, f, v, n: w.yes_no(v),
    FieldType.check: lambda w, p, f, v, n: w.yes_no(v),
    FieldType.tri: lambda w, p, f, v, n: w.yes_no(v),
    FieldType.date: lambda w, p, f, v, n: w.day(v),
    FieldType.moment: lambda w, p, f, v, n: w.moment(v),
    FieldType.grid: lambda w, p, f, v, n: _grid(w, p, f, v),
    FieldType.rows: _rows,
    FieldType.danger: lambda w, p, f, v, n: w.text(p.dangers[v].title),
    FieldType.dangers: lambda w, p, f, v, n: _covers(w, p, v),
    FieldType.covers: lambda w, p, f, v, n: _covers(w, p, v),
    FieldType.danger_answers: lambda w, p, f, v, n: _danger_answers(w, p, v),
    FieldType.target: lambda w, p, f, v, n: w.text(p.targets[v].title),
    FieldType.seat: lambda w, p, f, v, n: w.text(p.seats[v].title),
    FieldType.slot: lambda w, p, f, v, n: w.text(p.slots[v].title),
    FieldType.side: lambda w, p, f, v, n: w.text(p.sides[v].title),
    FieldType.duty: lambda w, p, f, v, n: w.text(p.duties[v].title),
    FieldType.referral: lambda w, p, f, v, n: w._("referral %(number)s", number=v),
    FieldType.record: lambda w, p, f, v, n: w._("entry %(number)s", number=v),
    FieldType.hold: lambda w, p, f, v, n: w._("hold %(number)s", number=v),
}


def _states(w: Wording, protocol: Protocol, reason: Reason) -> str:
    return w.titles(w.text(protocol.states[key].title) for key in reason.states if key in protocol.states)


def _persons(w: Wording, protocol: Protocol, reason: Reason) -> str:
    words = {"mover": w._("who makes this step"), "proposer": w._("who proposed it")}
    named = [
        words.get(name) or (w.text(protocol.acts[name].title) if name in protocol.acts else name)
        for name in reason.persons
    ]
    return w.listed(named)


_REASONS: Mapping[str, str] = {
    "not_open_here": N_("This is open in another part of the protocol: %(states)s."),
    "not_from_here": N_("This step starts elsewhere in the protocol: %(states)s."),
    "not_your_role": N_("This is for: %(roles)s."),
    "follows_by_itself": N_("This step is made by itself when a danger is raised."),
    "same_person": N_("These must be different people: %(persons)s."),
    "sent_back": N_(
        "This was refused, and nothing has been written since. Write down what has changed, then propose it again."
    ),
    "reason_missing": N_("Write the reason for this step."),
    "signature_missing": N_("Type your password again to sign."),
    "wrong_password": N_("This password is not yours. Nothing was signed; your text is kept."),
    "too_many_tries": N_(
        "Too many wrong passwords were typed: none is read for %(seconds)s seconds. Nothing was signed; "
        "your text is kept."
    ),
    "signed_already": N_("You have signed this already. The second signature is another person's."),
    "not_yours_to_sign": N_("This signature is for: %(roles)s. A current training certificate may be needed."),
    "seat_not_yours_to_give": N_("This place is given by: %(roles)s."),
    "letter_not_yours": N_("A letter to this service is sent by: %(roles)s. Anybody may call."),
    "reads_no_case": N_(
        "This person works with no case: name somebody of the school, of a team beside it, or above it."
    ),
    "not_trained": N_(
        "This place asks for a current training certificate, which this colleague has not. Whoever administers "
        "accounts enters a new one."
    ),
    "never_came_in": N_("This colleague has never signed in, and could do nothing in the case: call them first."),
    "overseer_stays": N_(
        "Whoever stands above the school stays, unless others who stand above it decide so; they can stand aside "
        "themselves."
    ),
    "nobody_left": N_(
        "Nobody above the school could read this case any more. First let somebody else be given that office: call "
        "whoever administers accounts."
    ),
    "excluded": N_("This colleague stands aside from the case."),
    "not_from_paper": N_("This isn’t typed in from paper: whoever decides or signs does it here."),
    "nothing_to_sign": N_("Nothing there waits for a signature."),
    "not_correctable": N_("This entry isn't corrected: record what is right as a new entry."),
    "undo_over": N_("The minutes in which an entry can be taken back are over: correct it instead."),
    "undo_other_version": N_("The case has moved to another version of the protocol since: correct it instead."),
    "undo_not_yours": N_("Only whoever wrote an entry can take it back."),
    "undo_not_offered": N_("Entries of this kind aren't taken back: record what is right as a new entry."),
    "undo_rested_on": N_("A step, a signature or a later entry rests on this one: correct it instead."),
    "undo_handed_out": N_("A copy was handed out since: correct it instead."),
    "undo_danger_opened": N_(
        "This danger opened the case: it isn’t taken back. If there is none, lift it, with the reason."
    ),
    "undo_danger_restricts": N_(
        "Only those above the school read the case since: they alone can end this danger, with the reason."
    ),
    "undo_danger_since": N_(
        "Something was written or handed out in the case since this danger was raised: it isn’t taken back. "
        "If there is none, lift it, with the reason."
    ),
    "undo_danger_over": N_(
        "The minutes in which a danger can be taken back are over: if there is none, lift it, with the reason."
    ),
    "undone_already": N_("This entry was taken back already."),
    "grid_rested_on": N_("Another entry took its level from this grid: fill in a new grid instead."),
    "no_such_entry": N_("This entry was not found."),
    "summary_first": N_("This copy prints the summary without names: confirm it first for the case as it is now."),
    "guardian_on_hold": N_(
        "The information of this guardian is on hold: nothing is sent, and nothing was issued. "
        "Who can review the hold: %(roles)s."
    ),
    "nothing_to_print": N_("There is nothing to print on it yet: write it first."),
    "no_recipient": N_("Nobody in the case can be sent this: add the person first."),
    "no_letter": N_("No letter is written to this service, or there is no such referral."),
    "no_service_told": N_(
        "This copy goes to a service that receives names, and this case was referred to none. Refer it first."
    ),
    "no_guardian": N_("No guardian of the targeted pupil is known to this case: add the person first."),
    "choose_reader": N_("Choose for whom this copy is."),
    "no_such_reader": N_("This copy can’t be made out to this reader."),
    "guardian_two_sides": N_(
        "This guardian stands in this case in another place too: what concerns the targeted pupil isn’t handed to "
        "them as a copy. Talk it over with whoever answers for the schools."
    ),
    "guardian_of_whom": N_(
        "The case doesn’t say which targeted pupil this guardian answers for: none is named, or several are."
    ),
    "no_term_over": N_("The first term of this year is not over yet: its first report can be made after that."),
    "contribution_answered": N_("This request has been answered already, or what became of it is noted."),
    "transfer_answered": N_("No request for transfer waits for an answer: none was made, or it is answered."),
    "contribution_settled": N_("What became of this contribution is noted already."),
    "no_such_act": N_("The protocol has no such act."),
    "no_such_move": N_("The protocol has no such step."),
    "no_case": N_("There is no case yet."),
    "no_files": N_("No file can be kept here: describe it in words."),
}

_MOMENTS = frozenset({"received", "sent"})
"""Figures of problems that are moments."""
_PROBLEMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "required": (N_("An answer is needed here."), ()),
    "unsaid": (N_("Answer in a sentence: what was done, or why not."), ()),
    "observed_before": (
        N_("You have made this very observation here already, and it waits for an answer: it is not recorded twice."),
        (),
    ),
    "not_asked": (N_("This box goes with another answer above: move this text, or empty the box."), ()),
    "tick": (N_("Tick this box to go on."), ()),
    "too_long": (N_("Too long: at most %(most)s characters."), ("most", "found")),
    "too_short": (N_("Too short: at least %(least)s characters."), ("least",)),
    "too_many": (N_("Too many here: at most %(most)s."), ("most",)),
    "too_few": (N_("Too few here: at least %(least)s."), ("least",)),
    "not_a_date": (N_("This is not a date. Write it as day/month/year, for example 25/11/2026."), ()),
    "not_a_moment": (N_("This is not a date and time. Example: 25/11/2026 10:30."), ()),
    "in_the_future": (N_("This date is in the future."), ()),
    "in_the_past": (N_("This date is in the past."), ()),
    "too_far_ahead": (N_("This day is more than a year away."), ()),
    "stale_page": (N_("This page was open for too long: everything you typed is still here, send it once more."), ()),
    "wrong_answer": (N_("That is not the answer. Try once more: nothing you typed is lost."), ()),
    "not_a_code": (N_("This is no code: it has 17 digits. Look at the last ones again."), ()),
    "unknown_code": (N_("No message of this school goes with this code. Look at the digits again."), ()),
    "too_many_messages": (N_("There are too many messages here already: no more can be written."), ()),
    "other_school": (N_("This case belongs to another school."), ()),
    "less_restricted": (N_("More people read this case than may read this report: choose another one."), ()),
    "stays_restricted": (N_("An adult of the school is concerned: the case stays with those above the school."), ()),
    "taken": (N_("This user name is taken already."), ()),
    "not_a_username": (N_("Latin letters, digits, dots and hyphens only."), ()),
    "not_your_unit": (N_("This is not one of the places that you administer."), ()),
    "works_there": (N_("Somebody with this address works in this school already, or is invited there."), ()),
    "no_such_place": (N_("A province or a region: other systems read no single school."), ()),
    "day_between": (N_("A day between %(first)s and %(last)s is needed here."), ("first", "last")),
    "not_an_address": (N_("This e-mail address is not complete."), ()),
    "not_a_web_address": (N_("This is not the address of a page: copy it from the browser’s address bar."), ()),
    "phone_or_address": (N_("A telephone number or the address of a page is needed: one of the two."), ()),
    "not_a_time": (N_("This is not a time of day. Example: 08:30."), ()),
    "closes_first": (N_("It would close before it opens: the later time goes here."), ()),
    "not_a_phone": (N_("This is not a telephone number: digits, with + before them at most."), ()),
    "turn_entered": (N_("This very turn is entered already: nothing was recorded."), ()),
    "turn_ends_first": (N_("It would end before it begins: the later moment goes here."), ()),
    "turn_too_long": (N_("At most %(most)s days at once: enter another turn after it."), ("most",)),
    "ends_before_it_starts": (N_("The last day can’t come before the first."), ()),
    "days_most": (N_("At most %(most)s days: name the stand-in again if it lasts longer."), ("most",)),
    "other_than_grid": (
        N_("The grid gives level %(level)s. To agree on another one, fill in the grid again, with the reason."),
        ("level",),
    ),
    "grid_first": (N_("Fill in the grid first: the level is the one that it gives."), ()),
    "not_days": (N_("Write whole numbers of days, upwards, with commas between them: 7, 15, 30."), ()),
    "days_fixed": (N_("These days have to stay: %(days)s."), ("days",)),
    "unchanged": (N_("Nothing is different yet: change at least one of these."), ()),
    "not_a_number": (N_("A whole number is needed here."), ()),
    "range": (N_("Between %(least)s and %(most)s."), ("least", "most")),
    "unknown_option": (N_("Choose one of the answers offered."), ()),
    "not_of_this_service": (
        N_(
            "This contact belongs to another service than the one chosen above, or is no longer in the directory: "
            "choose another one, or leave it empty."
        ),
        (),
    ),
    "unknown_field": (N_("This question does not exist."), ()),
    "no_such_person": (N_("This person is not in the case."), ()),
    "on_hold": (
        N_(
            "This person’s information is on hold: nothing is told, asked or handed over. Who can review the hold: "
            "%(roles)s. If it has happened already, say so in a note."
        ),
        ("roles",),
    ),
    "on_hold_which": (
        N_(
            "A guardian’s information is on hold: say here which guardian this is about, and never that one. "
            "Who can review the hold: %(roles)s."
        ),
        ("roles",),
    ),
    "on_hold_new": (
        N_(
            "A guardian’s information is on hold: choose somebody whom the case names already. "
            "Who can review the hold: %(roles)s."
        ),
        ("roles",),
    ),
    "no_such_slot": (N_("Say which place this person has in the case."), ()),
    "no_such_colleague": (N_("This colleague was not found."), ()),
    "no_such_referral": (N_("This referral was not found, or is settled already."), ()),
    "no_such_hold": (N_("This hold was not found, or has ended."), ()),
    "no_such_record": (N_("This entry was not found."), ()),
    "no_such_case": (N_("No open case of your school has this number."), ()),
    "paper_too_old": (
        N_("This is more than %(most)s days ago: say today, in a note, what the paper says."),
        ("most",),
    ),
    "before_the_case": (N_("There was no case yet at that time: say in a note what the paper says."), ()),
    "later_than_paper": (N_("This is later than the date on the paper."), ()),
    "writer_stands_aside": (N_("This colleague stands aside from the case."), ()),
    "writer_shut_out": (N_("This case is open to few people now: this colleague is not among them."), ()),
    "writer_without_role": (N_("On that day this was not this colleague’s to do. It is for: %(roles)s."), ("roles",)),
    "signs_themselves": (N_("Whoever signs this records it here: nobody’s signature is typed in."), ()),
    "names": (
        N_("“%(typed)s” names somebody of this case, and this text names nobody: write %(sign)s."),
        ("typed", "sign"),
    ),
    "names_somebody": (N_("This text names somebody of this case: leave the name out."), ()),
    "reaches": (
        N_("“%(typed)s” looks like a pupil’s code, a telephone number or an address: leave it out of this text."),
        ("typed",),
    ),
    "case_number": (N_("“%(number)s” is the number of a case: write of no case here."), ("number",)),
    "before_its_referral": (
        N_("This was received on %(received)s, but the referral was sent on %(sent)s: one of the two is mistaken."),
        ("received", "sent"),
    ),
    "massar": (N_("A Massar code is one letter and nine digits, for example G123456789."), ()),
    "school_not_here": (N_("No school of this installation has this GRESA code."), ()),
    "school_own": (N_("This is the school that leads: name another one."), ()),
    "school_own_transfer": (N_("This is the school that the case belongs to: name the one that takes it over."), ()),
    "school_unknown": (
        N_(
            "No school with this code is known here: check it. If it is right, record it once more: whoever oversees "
            "the schools then decides."
        ),
        (),
    ),
    "school_asked": (N_("This school has been asked already."), ()),
    "school": (N_("A GRESA code is five digits and one letter, for example 01234A."), ()),
}


def _local_day(value: date | datetime | str) -> date:
    """The day it was, there: of a moment, in Casablanca."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
    return value.astimezone(ZONE).date() if isinstance(value, datetime) else value


def utc(value: str) -> datetime:
    """An ISO moment, aware; one without a zone is Casablanca's."""
    found = datetime.fromisoformat(value)
    return (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(UTC)
