"""What a definition says to pupils and parents on posters, on leaflets and on the page of what happens afterwards."""

from __future__ import annotations

from school_protocol.domain.texts import Model, Text


class AfterStep(Model):
    """One thing that happens after somebody has reported."""

    title: Text
    text: Text | None = None
    deadline: str | None = None
    """The deadline whose own time is printed beside it."""


class Material(Model):
    motto: Text
    """The campaign's own words, largest on the poster."""
    call: Text
    """One line to a child: what this is about."""
    promise: Text
    """The promise in one short line, as a poster can carry it."""
    adult: Text | None = None
    """Who reads where an adult of the school is part of it."""
    what: Text
    """What cyberharassment is, in a child's words."""
    do: tuple[Text, ...]
    never: tuple[Text, ...]
    family: tuple[Text, ...]
    """What parents can do."""
    after: tuple[AfterStep, ...]
