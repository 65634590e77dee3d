"""To whom a copy of the case file can be made out, as its profile says; and why not, where that is so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from school_protocol.domain.document_rules import Profile
from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import Refused
from school_protocol.domain.letters import held_back, own_pupil, refused_target, same_as
from school_protocol.domain.lines import PersonLine
from school_protocol.domain.naming import Identity
from school_protocol.domain.policy import Unit, UnitKind
from school_protocol.domain.protocol import ScopeKind, Target
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, names_in
from school_protocol.services.seeing import Seeing
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.wording import Wording

SELF = "self"
_REFERRAL = "referral-"
NOBODY: Mapping[str, str] = {"referral": "no_service_told", "guardian": "no_guardian"}
"""Why a copy of these kinds can't be made out to anybody."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody to whom a copy can be made out: whoever issues it, a unit above, a service told, or a guardian.

    `about` is `self`, a unit's id, `referral-2` or a person's id; `refused` says why none is made out to them now.
    """

    about: str
    unit: Unit | None = None
    target: Target | None = None
    referral: int = 0
    person: PersonLine | None = None
    refused: Reason | None = None

    def said(self, wording: Wording, issuer: str) -> str:
        """As it stands on the copy; a guardian under the sign that they have in the case."""
        if self.unit is not None:
            return wording.text(self.unit.names)
        if self.target is not None:
            target = wording.text(self.target.title)
            return wording._("%(target)s (referral no. %(number)s)", target=target, number=self.referral)
        if self.person is not None:
            return f"{wording.text(self.person.slot.title)} ({self.person.label})"
        return issuer


def readers_of(house: House, session: Session, loaded: Loaded, profile: Profile) -> tuple[Reader, ...]:
    """Everybody to whom a copy of that profile could be made out, likeliest first."""
    if profile.reader == "referral":
        return tuple(_services(loaded))
    if profile.reader == "guardian":
        return tuple(_guardians(loaded, names_in(house, session, loaded.case_id)))
    if profile.reader == "oversight":
        return _overseers(house, loaded)
    return (Reader(SELF),)


def reader_chosen(profile: Profile, readers: Sequence[Reader], about: str) -> Reader:
    """The one meant; where nobody is named, the only or the likeliest one. Raises Refused."""
    nobody = Refused((Reason(NOBODY.get(profile.reader, "no_such_reader")),))
    if not readers:
        raise nobody
    if about:
        found = next((one for one in readers if one.about == about), None)
        if found is None:
            raise Refused((Reason("no_such_reader"),))
    elif profile.reader in NOBODY and len(readers) > 1:
        raise Refused((Reason("choose_reader"),))
    else:
        found = readers[0]
    if found.refused is not None:
        raise Refused((found.refused,))
    return found


def _services(loaded: Loaded) -> Iterator[Reader]:
    """The services that this case was referred to and that receive identities."""
    protocol, case = loaded.protocol, loaded.case
    for referral in case.referrals:
        target = protocol.targets[referral.target]
        if target.identified and not target.to_guardians:
            refused = refused_target(protocol, case, target, loaded.roles)
            yield Reader(f"{_REFERRAL}{referral.number}", target=target, referral=referral.number, refused=refused)


def _overseers(house: House, loaded: Loaded) -> tuple[Reader, ...]:
    """Those above the school; whoever is one of them may keep it themselves."""
    with house.directory.reading() as session:
        units = directory.units(session, loaded.around.unit.parents).values()
    above = tuple(Reader(one.id, unit=one) for one in units if one.kind in (UnitKind.province, UnitKind.region))
    roles = (loaded.protocol.roles.get(role) for role in loaded.roles)
    is_above = any(role is not None and role.sees in (ScopeKind.province, ScopeKind.region) for role in roles)
    return (Reader(SELF), *above) if is_above or not above else above


def _guardians(loaded: Loaded, names: Mapping[str, Identity]) -> Iterator[Reader]:
    seeing = Seeing(loaded, {})
    for key, person in loaded.case.people.items():
        if loaded.protocol.slots[person.slot].guardian:
            yield Reader(key, person=seeing.person(key), refused=_refused_guardian(loaded, names, key))


def _refused_guardian(loaded: Loaded, names: Mapping[str, Identity], guardian: str) -> Reason | None:
    """A hold on somebody holds wherever they stand in the case; and nobody reads for one side who stands on another."""
    protocol, case = loaded.protocol, loaded.case
    same = same_as(case, names, guardian)
    held = held_back(protocol, case, *same)
    if held is not None:
        return held
    own = protocol.slots[case.people[guardian].slot]
    for key in same:
        other = protocol.slots[case.people[key].slot]
        if other.staff or (other.side not in (None, own.side) and not other.protected):
            return Reason("guardian_two_sides")
    return None if own_pupil(protocol, case, guardian) is not None else Reason("guardian_of_whom")
