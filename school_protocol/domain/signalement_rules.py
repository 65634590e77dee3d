"""What a definition says of public reports: their form, who reads them, how they rise, where else one is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from school_protocol.domain.conditions import Condition
from school_protocol.domain.signalement_material import Material
from school_protocol.domain.texts import Keys, Model, Named, Text


class Becomes(Model):
    """What stands in one field of the opening act's form as a public report is opened as a case."""

    from_: Keys = Field(default=(), alias="from")
    """Answers of the public form; of several, words one under the other."""
    values: Mapping[str, str] = {}
    """For a choice: answer → option."""
    otherwise: str | None = None
    """The option where the answer is none of these."""
    received: bool = False
    """For a moment: the hour at which the report came in."""
    barred: bool = False
    """For accounts: whom the reporter does not want to read it, as far as they were recognised."""


class Rise(Model):
    """Who is told of a public report that nobody has looked at since it came."""

    tell: Keys
    after: int = Field(default=0, ge=0, le=1000)
    unit: Literal["clock_hours", "school_hours", "school_days"] = "school_hours"


class Orientation(Named):
    """Why a public report is not for the school, and who is there for it."""

    targets: Keys
    sentence: Text
    """Told to the reporter."""


class Sheet(Named):
    """What a family does about one kind of content: advice, whom it turns to, and a request that is ready to copy."""

    advice: tuple[Text, ...]
    targets: Keys
    request: Text | None = None
    """With places: `%(address)s` and the like, filled in by who copies it."""


class Promise(Model):
    """What is promised to some of those who report, in place of what everybody is."""

    when: Condition
    """Over the answers."""
    say: Text


class Voice(Model):
    """How the door speaks of whoever reads above the school, where the school reads nothing."""

    name: Text
    """Above an answer."""
    read: Text
    """It was read."""
    in_hand: Text
    """A case was opened."""
    over: Text
    """It was read, and nothing is open."""
    hours: Text
    """When they answer."""


class SignalementRules(Model):
    form: str
    """The form that anybody fills in, in the words of a child."""
    staff_form: str | None = None
    """The same questions in an adult's words, behind the address for staff."""
    act: str
    """The act by which one is opened as a case."""
    as_: str = Field(alias="as")
    """In which of the roles that may record that act it is opened, whoever presses: for what the reporter says."""
    becomes: Mapping[str, Becomes]
    """Field of that act's form → where its answer comes from."""
    alike: Keys = ()
    """Words by which two reports of a school are recognised as alike."""
    contact: Keys = ()
    """How the reporter can be reached: what they can take back."""
    not_for: str | None = None
    """Words in which the reporter says who must not read it."""
    called: Mapping[str, tuple[str, ...]] = {}
    """Role → the words by which a reporter means there whoever holds it."""
    restricted_when: Condition | None = None
    """Over the answers: who reads restricted ones, alone, reads it."""
    unsure_when: Condition | None = None
    """Over the answers of a restricted one: whoever reads it first may say that the school reads it."""
    urgent_when: Condition | None = None
    hints: tuple[str, ...] = ()
    """Phrases that speak perhaps of despair or violence: they mark a report, and decide nothing."""
    never_send: Condition | None = None
    """Over the answers: the receipt says again that an image is never sent, and what to do instead."""
    instead: Text | None = None
    """What to do instead of sending an image."""
    reads: Keys
    restricted_reads: Keys
    doors: Keys
    """Roles that make the school's address, and renew it."""
    rises: tuple[Rise, ...]
    urgent: tuple[Rise, ...] = ()
    restricted: tuple[Rise, ...]
    out_of_hours: Keys = ()
    """Roles told at once, too, of an urgent one that comes while the school is closed: those on duty."""
    numbers: Keys
    """Services that stand first on the page, for a danger."""
    orientations: Mapping[str, Orientation]
    sheets: Mapping[str, Sheet] = {}
    keeps: int = Field(ge=1, le=120)
    """Months that one without a case is kept once it was answered, sent elsewhere or closed."""
    promise: Text
    """What is promised to whoever reports, above the form."""
    promises: tuple[Promise, ...] = ()
    """What the receipt promises instead: the first that holds."""
    staff_promise: Text | None = None
    """What is promised instead behind the address for staff."""
    hours: Text
    """When the school answers."""
    above: Voice | None = None
    anonymous: Text
    """What staying without a name means."""
    material: Material | None = None
    """What posters and leaflets say, and the page of what happens afterwards."""

    def promised(self, answers: Mapping[str, Any], *, by_staff: bool) -> Text:
        """What is promised to whoever answers so; `answers` as conditions read them."""
        if by_staff and self.staff_promise:
            return self.staff_promise
        return next((one.say for one in self.promises if one.when.holds(answers)), self.promise)

    def hours_of(self, *, above: bool) -> Text | None:
        """When what came is read: by the school, or by those above it alone."""
        if not above:
            return self.hours
        return self.above.hours if self.above else None

    def steps(self, *, restricted: bool, urgent: bool) -> tuple[Rise, ...]:
        """The steps by which such a report rises while nobody looks at it."""
        if restricted:
            return self.restricted
        return self.urgent if urgent and self.urgent else self.rises
