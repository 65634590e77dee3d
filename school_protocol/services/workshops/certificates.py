"""The certificate of somebody who passed: one copy after the other, each numbered, signed and written down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from school_protocol.documents import rendering
from school_protocol.documents.papers.certificate import Certificate, certificate
from school_protocol.documents.sealing.assembling import assembled
from school_protocol.documents.sealing.copies import Copy
from school_protocol.documents.sealing.overlays import overlay
from school_protocol.domain.errors import SentBefore, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import account_names
from school_protocol.services.papers.signing import signed
from school_protocol.services.workshops import attesting
from school_protocol.services.workshops.attesting import PROTOCOL_TITLE, SCENARIO_TITLE
from school_protocol.storage import directory
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.numbers import format_number
from school_protocol.storage.workshops import attested
from school_protocol.storage.workshops.attested import Attestation, Handed
from school_protocol.wording import Wording

ATTEMPTS = 5
VERIFY = "/verify"


@dataclass(frozen=True, slots=True)
class Issued:
    name: str
    data: bytes
    copy: int


def missing() -> str | None:
    """What typesetting lacks on this machine."""
    return rendering.missing()


def issue(house: House, actor: Actor, workshop: str, attestation: str, language: str, *, token: str) -> Issued:
    """One copy of a certificate that stands, to the trainer who attested it.

    Raises Unseen, also of one that was withdrawn or of somebody who did not pass; SentBefore where that press led to a
    copy already; SealingError where it can't be signed: then nothing was handed out.
    """
    one = attesting.own(house, actor, workshop, attestation)
    if not one.passed or one.withdrawn is not None or not one.name or language not in house.settings.languages:
        raise Unseen(attestation)
    pressed = house.vault.chain("certificate-press-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()
    for _attempt in range(ATTEMPTS):
        with house.directory.reading() as session:
            copy = attested.copies(session, one.id) + 1
            before = attested.pressed(session, pressed)
        if before is not None:
            raise SentBefore({"copy": before})
        data = _made(house, one, copy, Wording(language))
        digest = hashlib.sha256(data).hexdigest()
        with house.directory.writing() as session:
            now = attested.find(session, house.vault, one.id)
            if now is None or now.withdrawn is not None:
                raise Unseen(attestation)
            if attested.write(session, Handed(one.id, copy, language, actor.id, house.now(), digest, pressed)):
                return Issued(f"{one.number}-{copy}-{language}.pdf", data, copy)
    raise StorageBusy(f"{one.number}: handed out each time while a copy was being made")


def _made(house: House, one: Attestation, copy: int, wording: Wording) -> bytes:
    with house.directory.reading() as session:
        academy = directory.unit(session, one.academy)
    assert one.valid_until is not None
    base = house.settings.address.rstrip("/")
    view = Certificate(
        number=format_number(one.number), name=one.name, scenario=one.titles[SCENARIO_TITLE],
        protocol=one.titles[PROTOCOL_TITLE], version=one.protocol_version, held_on=one.held_on, minutes=one.minutes,
        valid_until=one.valid_until, academy=academy.names,
        trainer=account_names(house, [one.attested_by], wording.language).get(one.attested_by, "—"),
        attested_at=one.attested_at, address=f"{base}{VERIFY}" if base else "",
    )  # fmt: skip
    pages = certificate(view, wording)
    line = Copy(copy, one.name, house.now(), "", 0)
    about = wording._("What belongs to this copy alone")
    whole = assembled(pages, overlay(line, wording, landscape=True), line, about, has_record=False)
    return signed(house, academy, whole, house.now(), wording)
