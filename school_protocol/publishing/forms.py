"""The form of a page of settings: a question for each figure, list of days or text, as it stands."""

from __future__ import annotations

import secrets

from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FormField
from school_protocol.language import Wording, language_name
from school_protocol.protocol.settings import Part, Setting
from school_protocol.publishing.settings import PartView
from school_protocol.ui.fields import Line, Posted, Question, Words
from school_protocol.ui.forms import PREFIX, AnswerForm

_LONG = 70
"""A text from this length on has room for several lines."""


class SettingsForm(AnswerForm):
    """A form of settings: its questions stand in the page's own words."""

    def spoken(self, code: str) -> str:
        """As it is: no definition has a part in it."""
        return code


def settings_form(view: PartView, w: Wording, posted: Posted | None) -> SettingsForm:
    """The settings as they stand, or as they were typed."""
    shown = Posted(posted) if posted is not None else _standing(view)
    if not shown.get("token"):
        shown["token"] = secrets.token_urlsafe(24)
    shown.setdefault("expected", "0")
    questions = {f"{PREFIX}{one.key}": _question(view.protocol, one, w) for one in view.settings}
    kind = type("ActualSettingsForm", (SettingsForm,), dict(questions))
    form: SettingsForm = kind(shown)
    form.questions = [form[name] for name in questions]
    return form


def _standing(view: PartView) -> Posted:
    return Posted({f"{PREFIX}{one.key}": _text(one) for one in view.settings})


def _text(setting: Setting) -> str:
    if isinstance(setting.value, tuple):
        return ", ".join(map(str, setting.value))
    return str(setting.value)


def _question(protocol: Protocol, setting: Setting, w: Wording) -> Question:
    label, hint = _words(protocol, setting, w)
    if isinstance(setting.value, int):
        return Line(label, spec=_spec(setting, "integer"), w=w, hint=hint)
    if isinstance(setting.value, tuple):
        return Line(label, spec=_spec(setting, "text"), w=w, hint=hint)
    is_long = len(setting.value) >= _LONG or "\n" in setting.value
    return (Words if is_long else Line)(label, spec=_spec(setting, "long" if is_long else "text"), w=w, hint=hint)


def _spec(setting: Setting, kind: str) -> FormField:
    values = {"key": setting.key, "type": kind, "label": {"en": setting.key}, "required": True}
    return FormField.model_validate(values)


# ---- what is asked ---------------------------------------------------------------------------------------------------


def _words(protocol: Protocol, setting: Setting, w: Wording) -> tuple[str, str]:
    """The question, and what it is counted in and within what."""
    match setting.part:
        case Part.deadlines:
            return _deadline(protocol, setting, w)
        case Part.follow_up:
            return _schedule(protocol, setting, w)
        case Part.levels:
            return _level(protocol, setting, w)
    return _of_text(protocol, setting, w), ""


def _deadline(protocol: Protocol, setting: Setting, w: Wording) -> tuple[str, str]:
    deadline = protocol.deadlines[str(setting.path[1])]
    title = w.text(deadline.title)
    if len(setting.path) > 3 and isinstance(setting.path[3], int):
        step = deadline.steps[setting.path[3]]
        told = w.who(protocol, step.tell)
        label = w._("%(title)s: after how long is %(who)s told?", title=title, who=told)
        return label, w._("Now: %(time)s.", time=w.within(step.after, step.unit))
    now = w._("Now: %(time)s.", time=w.within(deadline.value, deadline.unit))
    most = w._("At most %(most)s.", most=deadline.max) if deadline.max is not None else ""
    return title, " ".join(part for part in (now, most) if part)


def _schedule(protocol: Protocol, setting: Setting, w: Wording) -> tuple[str, str]:
    level = int(str(setting.path[2]))
    titles = (grid.levels[level].title for grid in protocol.grids.values() if level in grid.levels)
    found = next(titles, None)
    label = w.text(found) if found else w._("Level %(level)s", level=level)
    hint = w._("Days after the start, upwards, with commas between them.")
    if setting.fixed:
        hint += " " + w._("These stay: %(days)s.", days=w.comma.join(map(str, setting.fixed)))
    return w._("Follow-ups, level “%(level)s”", level=label), hint


def _level(protocol: Protocol, setting: Setting, w: Wording) -> tuple[str, str]:
    grid = protocol.grids[str(setting.path[1])]
    level = grid.levels[int(str(setting.path[3]))]
    label = w._("“%(level)s” begins at how many points?", level=w.text(level.title))
    return label, w._("The level below ends one point before.")


def _of_text(protocol: Protocol, setting: Setting, w: Wording) -> str:
    spoken = protocol.spoken.get(setting.language)
    language = w.text(spoken.title) if spoken else language_name(setting.language)
    kind = str(setting.path[2])
    number = setting.path[3] + 1 if len(setting.path) > 3 and isinstance(setting.path[3], int) else 0
    words = {
        "title": w._("Title"),
        "hint": w._("Before it is used"),
        "say": w._("To say, %(number)s", number=number),
        "never": w._("Never to say, %(number)s", number=number),
        "text": w._("Text"),
        "fills": w._("To begin with"),
        "intro": w._("Said above the first question"),
    }
    return f"{words.get(kind, kind)} · {language}"
