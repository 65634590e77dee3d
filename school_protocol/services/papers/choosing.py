"""Which copies of a case somebody may issue, in which languages, and what must be confirmed before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from school_protocol.documents import rendering
from school_protocol.domain.document_rules import Document, Profile
from school_protocol.domain.engine import Reason, role_for
from school_protocol.domain.errors import Refused, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Act
from school_protocol.domain.summaries import last_summary, stands
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, load
from school_protocol.services.papers.readers import NOBODY, Reader, readers_of
from school_protocol.services.seeing import Seeing
from school_protocol.services.views import CaseHead


@dataclass(frozen=True, slots=True)
class CaseFileOptions:
    """The copies that this person may issue; `missing` says what typesetting lacks on this machine."""

    head: CaseHead
    profiles: tuple[Profile, ...]
    languages: tuple[str, ...]
    missing: str | None
    copies: int
    summaries: tuple[SummaryAsked, ...] = ()
    """For the copies that print a summary: how it stands."""
    readers: Mapping[str, tuple[Reader, ...]] = field(default_factory=dict)
    """Profile → to whom its copies can be made out."""
    is_nameless: bool = False
    """Whoever issues a copy reads no names: none that they issue has any."""

    def possible(self, profile: str) -> tuple[Reader, ...]:
        """To whom a copy of that profile can be made out now."""
        return tuple(one for one in self.readers.get(profile, ()) if one.refused is None)

    def refused(self, profile: str) -> tuple[tuple[Reader | None, Reason], ...]:
        """To whom it can't be made out now, and why; nobody: because there is nobody."""
        if not self.readers.get(profile):
            kind = next(one.reader for one in self.profiles if one.key == profile)
            return ((None, Reason(NOBODY.get(kind, "no_such_reader"))),)
        return tuple((one, one.refused) for one in self.readers[profile] if one.refused is not None)

    def awaits(self, profile: str) -> bool:
        """Whether this person confirms a summary before that copy."""
        return any(one.is_asked and profile in one.profiles for one in self.summaries)


@dataclass(frozen=True, slots=True)
class SummaryAsked:
    """The summary that some copies print: who confirmed it, when; `is_asked`: this person confirms it first."""

    act: Act
    profiles: tuple[str, ...]
    role: str = ""
    at: datetime | None = None
    stands: bool = False
    is_asked: bool = False


def document_of(loaded: Loaded) -> Document:
    """The case file, among the documents of the protocol."""
    return next(document for document in loaded.protocol.documents.values() if document.is_case_file)


def profiles_of(loaded: Loaded) -> tuple[Profile, ...]:
    """The profiles of the case file that this person's roles may hand out."""
    return tuple(
        profile
        for profile in document_of(loaded).profiles.values()
        if role_for(loaded.protocol, profile.for_, loaded.roles) is not None
    )


def see_case_file(house: House, actor: Actor, number: str) -> CaseFileOptions:
    """What copies of the case file this person may issue."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        seeing = Seeing(loaded, {})
        profiles = profiles_of(loaded)
        if not profiles:
            raise Unseen(number)
        languages = tuple(one for one in house.settings.languages if one in loaded.protocol.languages)
        copies = sum(1 for issued in loaded.case.documents if issued.document == document_of(loaded).key)
        summaries = tuple(_summaries(loaded, seeing, profiles))
        return CaseFileOptions(
            seeing.head(),
            profiles,
            languages,
            rendering.missing(),
            copies,
            summaries,
            {profile.key: readers_of(house, session, loaded, profile) for profile in profiles},
            is_nameless=loaded.pseudonymised,
        )


def _summaries(loaded: Loaded, seeing: Seeing, profiles: Sequence[Profile]) -> Iterator[SummaryAsked]:
    for act in dict.fromkeys(profile.summary for profile in profiles if profile.summary is not None):
        printed = tuple(profile.key for profile in profiles if profile.summary == act)
        record = last_summary(loaded.protocol, loaded.case, act)
        is_standing = stands(loaded.case, record)
        yield SummaryAsked(
            loaded.protocol.acts[act],
            printed,
            record.role if record else "",
            record.at if record else None,
            is_standing,
            is_asked=not is_standing and seeing.choice(act).is_open,
        )


def check_summary(loaded: Loaded, profile: Profile) -> None:
    """Whoever could write the summary that a copy prints has confirmed it for the case as it is."""
    if any(one.is_asked for one in _summaries(loaded, Seeing(loaded, {}), [profile])):
        act = profile.summary or ""
        raise Refused((Reason("summary_first", acts=(act,), roles=loaded.protocol.acts[act].by),))
