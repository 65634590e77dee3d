"""Settings within the law: what a definition marks `editable` is changed in a form, and each change is a new draft.

The file is changed in those scalars alone and goes the same way as any other: proof, difference, a second person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from school_protocol.context import AppContext
from school_protocol.engine.definition import Deadline, Need, Protocol
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.check_context import Path
from school_protocol.protocol.reader import read
from school_protocol.protocol.settings import MOST, Part, Setting, Value, locked, rewritten, settings
from school_protocol.publishing import repository
from school_protocol.publishing.service import check_may, upload

TEXT_MOST = 4000
DAYS_MOST = 40
BY_ENTRY = (Part.words, Part.forms)
"""Parts of many texts: a page for each entry."""


@dataclass(frozen=True, slots=True)
class PartLine:
    """One page of settings: how many there are, and for texts of which entries."""

    part: Part
    count: int
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsView:
    """What can be changed in one version, or in a draft of the next; and what can't, with why."""

    protocol: Protocol
    draft: str
    """Id of the draft that is changed further; empty: the current version is."""
    parts: tuple[PartLine, ...]
    deadlines: tuple[Deadline, ...]
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class PartView:
    """The settings of one part, or of one entry of it."""

    protocol: Protocol
    draft: str
    part: Part
    entry: str
    settings: tuple[Setting, ...]
    locked: tuple[Deadline, ...]


def see_settings(ctx: AppContext, actor: Actor, key: str, draft: str = "") -> SettingsView:
    """What can be changed in this protocol; raises Unseen."""
    protocol, _content = _base(ctx, actor, key, draft)
    return SettingsView(
        protocol=protocol,
        draft=draft,
        parts=tuple(_part(protocol, part) for part in Part),
        deadlines=locked(protocol),
        needs=tuple(need for need in protocol.needs.values() if need.lock),
    )


def _part(protocol: Protocol, part: Part) -> PartLine:
    found = settings(protocol, part)
    entries = dict.fromkeys(str(one.path[1]) for one in found) if part in BY_ENTRY else {}
    return PartLine(part, len(found), tuple(entries))


def see_part(ctx: AppContext, actor: Actor, key: str, part: str, entry: str = "", draft: str = "") -> PartView:
    """The settings of one page; raises Unseen where there are none."""
    protocol, _content = _base(ctx, actor, key, draft)
    return _of_part(protocol, part, entry, draft)


def _of_part(protocol: Protocol, part: str, entry: str, draft: str) -> PartView:
    if part not in set(Part) or (part in BY_ENTRY) != bool(entry):
        raise Unseen(part)
    found = tuple(one for one in settings(protocol, Part(part)) if not entry or one.path[1] == entry)
    if not found:
        raise Unseen(entry or part)
    fixed = locked(protocol) if part == Part.deadlines else ()
    return PartView(protocol, draft, Part(part), entry, found, fixed)


def change_settings(
    ctx: AppContext, actor: Actor, key: str, part: str, entry: str, draft: str, answers: Mapping[str, Any]
) -> str:
    """The draft of a next version with these settings changed; returns its id.

    Raises BadInput with every problem, by setting; `unchanged` where nothing would be different.
    """
    protocol, content = _base(ctx, actor, key, draft)
    view = _of_part(protocol, part, entry, draft)
    problems: dict[str, tuple[str, ...]] = {}
    changes: dict[Path, Value] = {}
    for setting in view.settings:
        value = _value(setting, answers.get(setting.key), problems)
        if value is not None and value != setting.value:
            changes |= dict(_written(setting, value))
    if not problems and not changes:
        problems[view.settings[0].key] = ("unchanged",)
    if problems:
        raise BadInput(problems)
    changes["version",] = _next(ctx, protocol)
    new = rewritten(content, changes)
    return upload(ctx, actor, new, f"{protocol.protocol}-{changes['version',]}.yaml")


def _written(setting: Setting, value: Value) -> Iterator[tuple[Path, Value]]:
    yield setting.path, value
    if setting.also and isinstance(value, int):
        yield setting.also, value - 1


def _next(ctx: AppContext, protocol: Protocol) -> int:
    """The number of the version: one more than any that was published; a draft of that number keeps it."""
    with ctx.directory.reading() as session:
        return repository.latest_version(session, protocol.protocol) + 1


def _base(ctx: AppContext, actor: Actor, key: str, draft: str) -> tuple[Protocol, bytes]:
    """What is changed: the version under which cases open now, or an open draft that can be read."""
    check_may(ctx, actor)
    with ctx.directory.reading() as session:
        if draft:
            found = repository.draft(session, draft)
            if found.protocol != key or not found.is_open:
                raise Unseen(draft)
            return read(found.content, found.file), found.content
        for one in protocol_repository.current_definitions(session):
            if one.protocol == key:
                return ctx.library.protocol(key, one.version), one.content
    raise Unseen(key)


# ---- answers -------------------------------------------------------------------------------------------------------


def _value(setting: Setting, said: Any, problems: dict[str, tuple[str, ...]]) -> Value | None:
    """What was answered, as it will stand in the file; None, and what is wrong with it."""
    if said is None or (isinstance(said, str) and not said.strip()):
        problems[setting.key] = ("required",)
        return None
    if isinstance(setting.value, tuple):
        return _days(setting, str(said), problems)
    if isinstance(setting.value, int):
        return _figure(setting, said, problems)
    return _text(setting, str(said), problems)


def _figure(setting: Setting, said: Any, problems: dict[str, tuple[str, ...]]) -> int | None:
    most = MOST if setting.most is None else setting.most
    if not isinstance(said, int):
        problems[setting.key] = ("not_a_number",)
    elif not setting.least <= said <= most:
        problems[setting.key] = (f"range:{setting.least}:{most}",)
    else:
        return said
    return None


def _days(setting: Setting, said: str, problems: dict[str, tuple[str, ...]]) -> tuple[int, ...] | None:
    parts = said.replace("،", " ").replace(",", " ").replace(";", " ").split()
    if not all(part.isdecimal() and len(part) < 6 for part in parts):
        problems[setting.key] = ("not_days",)
        return None
    days = tuple(int(part) for part in parts)
    missing = [str(day) for day in setting.fixed if day not in days]
    if len(days) > DAYS_MOST or list(days) != sorted(set(days)) or days[-1] > MOST:
        problems[setting.key] = ("not_days",)
    elif missing:
        problems[setting.key] = (f"days_fixed:{' '.join(missing)}",)
    else:
        return days
    return None


def _text(setting: Setting, said: str, problems: dict[str, tuple[str, ...]]) -> str | None:
    assert isinstance(setting.value, str)
    plain = "\n".join(line.rstrip() for line in said.replace("\r\n", "\n").replace("\r", "\n").split("\n")).strip()
    ends = "\n" if setting.value.endswith("\n") else ""
    if len(plain) > TEXT_MOST:
        problems[setting.key] = (f"too_long:{TEXT_MOST}:{len(plain)}",)
        return None
    return f"{plain}{ends}"
