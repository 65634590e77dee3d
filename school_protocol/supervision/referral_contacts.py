"""Service of the directory of contacts: what changes is written down, and no case is touched by it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.definition import Target
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Appointment, Permission, Unit, UnitKind
from school_protocol.people import repository
from school_protocol.people import repository as people_repository
from school_protocol.people.contacts import ALWAYS, HOLIDAYS, is_of_town, is_stale
from school_protocol.people.models import ContactRow
from school_protocol.people.spreadsheets import CITY_MOST
from school_protocol.people.teams import Obstacle, TeamRefused, plain
from school_protocol.storage import administration_log, idempotency
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session
from school_protocol.supervision import referral_repository

# ---- what is typed of a contact: a number as it is dialled, an address, hours; what is wrong in each box -----------

NAME_MOST, PHONE_MOST, URL_MOST = 120, 30, 300
HOURS = ("unknown", ALWAYS, "weekdays", "weekdays_and_holidays", "as_before")
"""When somebody answers: not known, day and night, Monday to Friday between two times (resting on public holidays, or
not), or as it was said before."""
WEEKDAYS = ("0", "1", "2", "3", "4")
_PHONE = re.compile(r"\+?[0-9](?:[ .()-]*[0-9]){1,14}")
_TIME = re.compile(r"([01]?[0-9]|2[0-3])(?:[:hH]([0-5][0-9])?)?")
NO_NAMES: Mapping[str, str] = MappingProxyType({})

Problems = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was typed of a contact, as it is kept."""

    names: Mapping[str, str]
    city: Mapping[str, str]
    phone: str
    url: str
    hours: Mapping[str, Any]
    is_verified: bool

    @property
    def shown(self) -> str:
        return self.phone or self.url


def in_order(said: Mapping[str, str | None]) -> list[list[str]]:
    """The same words always in one order, to tell one press from another."""
    return [[key, said[key] or ""] for key in sorted(said)]


def checked(
    said: Mapping[str, str | None], before: Mapping[str, Any], problems: Problems, names: Mapping[str, str] = NO_NAMES
) -> Checked:
    """What was typed, as it is kept; `before`, `names`: the hours and the names as they stood.

    A name that nobody asked about stays. What is wrong is noted by its question.
    """
    names = {key: name for key, name in names.items() if f"name_{key}" not in said}
    for key in ("fr", "ar", "en"):
        name = plain(said.get(f"name_{key}"))
        if len(name) > NAME_MOST:
            problems[f"name_{key}"] = (f"too_long:{NAME_MOST}",)
        if name:
            names[key] = name
    if not names and "name_fr" not in problems:
        problems["name_fr"] = ("required",)
    phone, url = phone_of(said.get("phone")), (said.get("url") or "").strip()
    if phone is None:
        problems["phone"] = ("not_a_phone",)
    if url and not _is_address(url):
        problems["url"] = ("not_a_web_address",)
    if not phone and not url and "phone" not in problems:
        problems["phone"] = ("phone_or_address",)
    hours = _hours(said, before, problems)
    return Checked(names, _city(said, problems), phone or "", url, hours, said.get("verified") == "today")


def _city(said: Mapping[str, str | None], problems: Problems) -> dict[str, str]:
    """The town, as each language writes it."""
    found = {key: plain(said.get(f"city_{key}")) for key in ("fr", "ar")}
    for key, town in found.items():
        if len(town) > CITY_MOST:
            problems[f"city_{key}"] = (f"too_long:{CITY_MOST}",)
    return {key: town for key, town in found.items() if town}


def phone_of(said: str | None) -> str | None:
    """A telephone number as it was typed, in Latin digits: 19, 2511, 0537 71 20 00, +212 …; None: it is none."""
    folded = "".join(
        str(unicodedata.digit(each)) if each.isdigit() and unicodedata.digit(each, None) is not None else each
        for each in plain(said).replace("\u00a0", " ")
    )
    if not folded:
        return ""
    return folded if len(folded) <= PHONE_MOST and _PHONE.fullmatch(folded) else None


def _is_address(url: str) -> bool:
    if len(url) > URL_MOST or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in parts.netloc and "@" not in parts.netloc


def _hours(said: Mapping[str, str | None], before: Mapping[str, Any], problems: Problems) -> Mapping[str, Any]:
    chosen = said.get("hours") or "unknown"
    if chosen not in HOURS:
        problems["hours"] = ("unknown_option",)
    if chosen == ALWAYS:
        return {ALWAYS: True}
    if chosen == "as_before":
        return before
    if not chosen.startswith("weekdays"):
        return {}
    opens, closes = (_time(said.get(key), key, problems) for key in ("opens", "closes"))
    if opens and closes and opens >= closes:
        problems["closes"] = ("closes_first",)
    besides = {HOLIDAYS: True} if chosen == "weekdays_and_holidays" else {}
    return {day: [[opens, closes]] for day in WEEKDAYS} | besides


def _time(said: str | None, key: str, problems: Problems) -> str:
    found = _TIME.fullmatch((said or "").strip())
    if found is None:
        problems[key] = ("not_a_time" if (said or "").strip() else "required",)
        return ""
    return f"{int(found[1]):02}:{found[2] or '00'}"


def spans_of(hours: Mapping[str, Any]) -> tuple[str, str, str]:
    """How a form opens for these hours: which of `HOURS`, and the two times where it is Monday to Friday."""
    if not hours:
        return "unknown", "", ""
    if hours.get(ALWAYS):
        return ALWAYS, "", ""
    monday: Sequence[Sequence[str]] = hours.get(WEEKDAYS[0], ())
    if set(hours) - {HOLIDAYS} == set(WEEKDAYS) and len(monday) == 1 and all(hours[day] == monday for day in WEEKDAYS):
        return "weekdays_and_holidays" if hours.get(HOLIDAYS) else "weekdays", monday[0][0], monday[0][1]
    return "as_before", "", ""


LOG = 20
PLACES_MOST = 31


# ---- what pages are given ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContactView:
    """A contact as whoever keeps the directory sees it. `unit` None: it serves the whole country."""

    id: str
    target: Target | None
    unit: Unit | None
    names: Mapping[str, str]
    city: Mapping[str, str]
    phone: str
    url: str
    hours: Mapping[str, Any]
    verified_on: date | None
    verified_by: str
    is_stale: bool
    may_change: bool
    """Else it is kept by somebody above: this reader notes only that it was found right."""
    revision: int


@dataclass(frozen=True, slots=True)
class PlaceContacts:
    """The contacts of one place, by target and in their order."""

    unit: Unit | None
    contacts: tuple[ContactView, ...]


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A change of the directory: what, by whom, when; `target` is None where no definition names it any more."""

    kind: str
    at: datetime
    actor: str
    target: Target | None
    sentence: str


@dataclass(frozen=True, slots=True)
class ContactsView:
    """The whole directory of one keeper."""

    places: tuple[PlaceContacts, ...]
    city: str
    """The town that the list is narrowed to; empty: all."""
    cities: tuple[str, ...]
    stale: int
    """Of those that this person keeps, as the desk counts them."""
    stale_above: int
    """Of those that are kept further up."""
    changes: tuple[ChangeView, ...]
    days: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a press wrote down, by its id; `repeated` where an earlier press had done it."""

    id: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Keeper:
    """Somebody who keeps the directory of `units` and of all below them."""

    actor: Actor
    posts: tuple[Appointment, ...]
    units: Mapping[str, Unit]
    """The units of these posts, by id."""

    @property
    def is_top(self) -> bool:
        """Whether nobody is above: then the country's contacts are theirs too."""
        return any(not unit.parents for unit in self.units.values())

    def post_for(self, unit: Unit | None) -> Appointment | None:
        """The post by which a contact of that place is theirs to change."""
        for post in self.posts:
            within = unit is not None and post.unit in (unit.id, *unit.parents)
            if within or (unit is None and not self.units[post.unit].parents):
                return post
        return None


# ---- seeing --------------------------------------------------------------------------------------------------------


def keeper_of(ctx: AppContext, actor: Actor) -> Keeper:
    """This person as one who keeps contacts; raises Unseen."""
    known = declared(ctx)
    posts = tuple(one for one in actor.appointments if one.role in known and known[one.role][1].keeps_contacts)
    if not posts:
        raise Unseen("contacts")
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, {post.unit for post in posts})
    return Keeper(actor, posts, units)


def see_contacts(ctx: AppContext, actor: Actor, city: str = "") -> ContactsView:
    """The contacts of one's units, of all below and above them, and of the country; with the latest changes.

    `city`: those of that town alone, however it is written; where no contact is there, all.
    """
    keeper = keeper_of(ctx, actor)
    with ctx.directory.reading() as session:
        found = _reached(session, keeper)
        units = auth_repository.find_units(session, {one.unit for one in found if one.unit})
        changes = administration_log.changes(
            session, list(keeper.units), limit=LOG, kinds=administration_log.OF_CONTACTS
        )
        people = auth_repository.accounts(session, _named(found, changes))
    names = {key: account.name(actor.language) for key, account in people.items()}
    views = [_view(ctx, keeper, one, units, names) for one in found]
    order = list(targets_of(ctx))
    places: dict[str, list[ContactView]] = {}
    towns = {_town(view, actor.language) for view in views} - {""}
    known = any(is_of_town(view.city, city) for view in views)
    shown = [view for view in views if not known or is_of_town(view.city, city)]
    for view in sorted(shown, key=lambda one: order.index(one.target.key) if one.target else len(order)):
        places.setdefault(view.unit.id if view.unit else "", []).append(view)
    storeys = sorted(places, key=lambda key: _storey(keeper, units.get(key)))
    log = tuple(_change(ctx, one, names) for one in changes)
    return ContactsView(
        tuple(PlaceContacts(units.get(key), tuple(places[key])) for key in storeys),
        city if known else "",
        tuple(sorted(towns)),
        sum(view.is_stale and view.may_change for view in views),
        sum(view.is_stale and not view.may_change for view in views),
        log,
        ctx.settings.contact_days,
    )


def _town(view: ContactView, language: str) -> str:
    return view.city.get(language) or next(iter(view.city.values()), "")


def _storey(keeper: Keeper, unit: Unit | None) -> tuple[bool, int, str]:
    """One's own places first, from the widest to the narrowest; then what is kept further up."""
    return keeper.post_for(unit) is None, len(unit.parents) if unit else 0, unit.code if unit else ""


def see_contact(ctx: AppContext, actor: Actor, contact_id: str) -> ContactView:
    """One contact that this person keeps, or may note as right; raises Unseen."""
    keeper = keeper_of(ctx, actor)
    with ctx.directory.reading() as session:
        found = _seen(session, keeper, contact_id)
        units = auth_repository.find_units(session, [found.unit] if found.unit else [])
        people = auth_repository.accounts(session, _named([found], ()))
    return _view(ctx, keeper, found, units, {key: one.name(actor.language) for key, one in people.items()})


def was_retired(ctx: AppContext, actor: Actor, contact_id: str) -> bool:
    """Whether that was a contact of this person's places, and is retired; raises Unseen for whoever keeps none."""
    keeper = keeper_of(ctx, actor)
    with ctx.directory.reading() as session:
        found = referral_repository.retired(session, contact_id)
        return found is not None and keeper.post_for(_unit(session, found)) is not None


@dataclass(frozen=True, slots=True)
class Places:
    """Where a keeper's contacts may serve: units, where they are few; else a code is typed."""

    units: tuple[Unit, ...]
    may_be_country: bool


def places_for(ctx: AppContext, actor: Actor) -> Places:
    """The places for which this person may add a contact, from the widest to the narrowest."""
    keeper = keeper_of(ctx, actor)
    with ctx.directory.reading() as session:
        ids = people_repository.places(session, list(keeper.units), limit=PLACES_MOST)
        found = auth_repository.find_units(session, ids).values() if len(ids) < PLACES_MOST else ()
    return Places(tuple(sorted(found, key=lambda unit: (len(unit.parents), unit.code))), keeper.is_top)


def stale_contacts(ctx: AppContext, actor: Actor) -> int:
    """How many contacts of this person's own units are due to be checked; 0 for whoever keeps none."""
    if not permissions.may(ctx, actor, Permission.keep_contacts):
        return 0
    keeper = keeper_of(ctx, actor)
    with ctx.directory.reading() as session:
        found = _reached(session, keeper)
        units = auth_repository.find_units(session, {one.unit for one in found if one.unit})
    own = (one for one in found if keeper.post_for(units.get(one.unit or "")))
    return sum(is_stale(ctx, one.verified_on) for one in own)


def targets_of(ctx: AppContext) -> dict[str, Target]:
    """Whom cases may be referred to, by key, in the order of the definitions."""
    found: dict[str, Target] = {}
    for protocol in ctx.library.current():
        for key, target in protocol.targets.items():
            found.setdefault(key, target)
    return found


def _reached(session: Session, keeper: Keeper) -> tuple[ContactRow, ...]:
    above = {parent for unit in keeper.units.values() for parent in unit.parents}
    return referral_repository.kept_contact(session, list(keeper.units), above=above)


def _seen(session: Session, keeper: Keeper, contact_id: str) -> ContactRow:
    found = next((one for one in _reached(session, keeper) if one.id == contact_id), None)
    if found is None:
        raise Unseen(contact_id)
    return found


def _named(found: Iterable[ContactRow], changes: Iterable[Change]) -> set[str]:
    return {one.verified_by for one in found if one.verified_by} | {one.actor for one in changes}


def _view(
    ctx: AppContext, keeper: Keeper, one: ContactRow, units: Mapping[str, Unit], names: Mapping[str, str]
) -> ContactView:
    unit = units.get(one.unit or "")
    return ContactView(
        id=one.id,
        target=_target(ctx, one.target),
        unit=unit,
        names=one.names,
        city=one.city,
        phone=one.phone,
        url=one.url,
        hours=one.hours,
        verified_on=one.verified_on,
        verified_by=names.get(one.verified_by or "", ""),
        is_stale=is_stale(ctx, one.verified_on),
        may_change=keeper.post_for(unit) is not None,
        revision=one.revision,
    )


def _target(ctx: AppContext, key: str) -> Target | None:
    for protocol in ctx.library.current():
        found = protocol.targets.get(protocol.resolve("targets", key))
        if found is not None:
            return found
    return None


def _change(ctx: AppContext, one: Change, names: Mapping[str, str]) -> ChangeView:
    target, _, said = one.sentence.partition(":")
    return ChangeView(one.kind.value, one.at, names.get(one.actor, "–"), _target(ctx, target), said.strip())


# ---- changing ------------------------------------------------------------------------------------------------------


def add_contact(
    ctx: AppContext, actor: Actor, *, target: str | None, unit: str | None, token: str, **said: str | None
) -> Kept:
    """A new contact of one of one's places (`unit`: its code; empty: the whole country, for whoever is at the top)."""
    keeper = keeper_of(ctx, actor)

    def change(session: Session) -> str:
        problems: Problems = {}
        if target not in targets_of(ctx):
            problems["target"] = ("unknown_option" if target else "required",)
        place, post = _place(session, keeper, unit, problems)
        contact = checked(said, {}, problems)
        if problems or post is None:
            raise BadInput(problems)
        added = repository.add_contact(
            session, target=str(target), unit=place.id if place else None,
            position=referral_repository.next_position(session),
            names=contact.names, city=contact.city, phone=contact.phone, url=contact.url, hours=contact.hours,
        )  # fmt: skip
        if contact.is_verified:
            repository.verify_contact(session, added, on=today_for(ctx), by=actor.id)
        _write_down(ctx, session, keeper, post, Kind.contact_added, added, str(target), contact.shown)
        return added

    return kept_once(ctx, actor, token, ["contact-add", [target, unit, in_order(said)]], "contact", change)


def correct(ctx: AppContext, actor: Actor, contact_id: str, *, expected: int, token: str, **said: str | None) -> Kept:
    """Put a contact right; raises TeamRefused where somebody changed it since it was shown."""
    keeper = keeper_of(ctx, actor)

    def change(session: Session) -> str:
        before, post = _own(session, keeper, contact_id)
        problems: Problems = {}
        contact = checked(said, before.hours, problems, before.names)
        if problems:
            raise BadInput(problems)
        if before.revision != expected:
            raise TeamRefused(Obstacle("changed_meanwhile"))
        today = today_for(ctx)
        was = before.phone or before.url
        same = (before.phone, before.url) == (contact.phone, contact.url)
        stays = (before.verified_on, before.verified_by) if same else (None, None)
        verified_on, verified_by = (today, actor.id) if contact.is_verified else stays
        referral_repository.correct(
            session, contact_id, names=contact.names, city=contact.city, phone=contact.phone, url=contact.url,
            hours=contact.hours, verified_on=verified_on, verified_by=verified_by,
        )  # fmt: skip
        shown = contact.shown if was == contact.shown else f"{was or '–'} → {contact.shown or '–'}"
        _write_down(ctx, session, keeper, post, Kind.contact_corrected, contact_id, before.target, shown)
        return contact_id

    return kept_once(ctx, actor, token, ["contact-correct", [contact_id, expected, in_order(said)]], "contact", change)


def verify(ctx: AppContext, actor: Actor, contact_id: str, *, expected: int, token: str) -> Kept:
    """Somebody called today, and it is right; also of a contact that is kept further up."""
    keeper = keeper_of(ctx, actor)

    def change(session: Session) -> str:
        found = _seen(session, keeper, contact_id)
        if referral_repository.contact(session, contact_id).revision != expected:
            raise TeamRefused(Obstacle("changed_meanwhile"))
        repository.verify_contact(session, contact_id, on=today_for(ctx), by=actor.id)
        post = keeper.post_for(_unit(session, found)) or keeper.posts[0]
        shown = found.phone or found.url or _name_of(found)
        _write_down(ctx, session, keeper, post, Kind.contact_verified, contact_id, found.target, shown)
        return contact_id

    return kept_once(ctx, actor, token, ["contact-verify", [contact_id, expected]], "contact", change)


def retire(ctx: AppContext, actor: Actor, contact_id: str, *, expected: int, token: str) -> Kept:
    """A contact that is right no more is shown nowhere from now on."""
    keeper = keeper_of(ctx, actor)

    def change(session: Session) -> str:
        found, post = _own(session, keeper, contact_id)
        if found.revision != expected:
            raise TeamRefused(Obstacle("changed_meanwhile"))
        referral_repository.retire(session, contact_id, at=ctx.now())
        shown = found.phone or found.url or _name_of(found)
        _write_down(ctx, session, keeper, post, Kind.contact_retired, contact_id, found.target, shown)
        return contact_id

    return kept_once(ctx, actor, token, ["contact-retire", [contact_id, expected]], "contact", change)


def _name_of(found: ContactRow) -> str:
    """How a contact without number and address is told of in the log."""
    return next((name for name in found.names.values() if name), "–")


def _own(session: Session, keeper: Keeper, contact_id: str) -> tuple[ContactRow, Appointment]:
    """A contact that is this keeper's to change, with the post that gives the right; raises Unseen."""
    found = referral_repository.contact(session, contact_id)
    post = keeper.post_for(_unit(session, found))
    if post is None:
        raise Unseen(contact_id)
    return found, post


def _unit(session: Session, found: ContactRow) -> Unit | None:
    return auth_repository.unit(session, found.unit) if found.unit else None


def _place(
    session: Session, keeper: Keeper, code: str | None, problems: Problems
) -> tuple[Unit | None, Appointment | None]:
    said = (code or "").strip().upper()
    place = auth_repository.unit_coded(session, said) if said else None
    if said and place is None:
        problems["unit"] = ("not_your_unit",)
        return None, None
    if place is not None and place.kind is UnitKind.country:
        place = None
    post = keeper.post_for(place)
    if post is None:
        problems["unit"] = ("not_your_unit" if said else "required",)
    return place, post


def kept_once(
    ctx: AppContext, actor: Actor, token: str, said: Sequence[object], of: str, change: Callable[[Session], str]
) -> Kept:
    """Make a change of the directory once, however often its form is sent; both it and the form's token, or neither."""
    press = idempotency.press(ctx.vault, actor.id, token, *said)
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return Kept(str(before[of]), repeated=True)
        with ctx.directory.writing() as written:
            changed = change(written)
        idempotency.use(session, press, {of: changed}, at=ctx.now())
    return Kept(changed)


def _write_down(
    ctx: AppContext,
    session: Session,
    keeper: Keeper,
    post: Appointment,
    kind: Kind,
    contact: str,
    target: str,
    shown: str,
) -> None:
    held = next(
        (
            one
            for one in auth_repository.posts(session, [post.unit], since=today_for(ctx))
            if (one.account.id, one.role) == (keeper.actor.id, post.role)
        ),
        None,
    )
    if held is None:
        raise Unseen("contacts")
    administration_log.write_entry(
        session,
        Change(
            at=ctx.now(), actor=keeper.actor.id, kind=kind, unit=post.unit, account=keeper.actor.id, role=post.role,
            appointment=held.id, reason="contacts", sentence=plain(f"{target}: {shown}")[:200], draft=contact,
        ),
    )  # fmt: skip
