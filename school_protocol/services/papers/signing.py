"""The academy's key: which file it is, and a document signed with it. Where none is set, copies go unsigned."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from school_protocol.documents.sealing.keys import SigningKey, read_key_file
from school_protocol.documents.sealing.signing import sign
from school_protocol.documents.sealing.timestamps import TimestampAuthority, over_http
from school_protocol.documents.sealing.trust import Trust, read_trust
from school_protocol.domain.policy import Unit, UnitKind
from school_protocol.services.house import House
from school_protocol.storage import directory
from school_protocol.wording import Wording

ROOTS, TIMESTAMP_ROOTS, REVOKED = "root.pem", "timestamps.pem", "revoked.crl"
"""Of the folder of keys: certificates of those who sign, of those who stamp the time, the list of revoked ones."""


def signed(house: House, unit: Unit, data: bytes, now: datetime, wording: Wording) -> bytes:
    """The document, signed in the name of the unit's academy.

    As it is where the installation has no keys. Raises SealingError where it has, and the academy's can't be used.
    """
    if house.settings.signing_folder is None:
        return data
    key = key_of(house, unit)
    key.check(now)
    return sign(data, key, now, timestamps_of(house), wording._("The academy’s signature"))


def key_of(house: House, unit: Unit) -> SigningKey:
    """The key of the academy above a school. Raises SealingError."""
    folder = house.settings.signing_folder
    assert folder is not None
    return read_key_file(folder / f"{academy_of(house, unit).code}.pem", house.settings.signing_passphrase)


def academy_of(house: House, unit: Unit) -> Unit:
    """The region that a unit lies in; itself, where it lies in none."""
    with house.directory.reading() as session:
        above = directory.units(session, unit.parents)
    return next((one for one in above.values() if one.kind is UnitKind.region), unit)


def timestamps_of(house: House) -> TimestampAuthority | None:
    """Whom to ask for timestamps, where the installation names somebody."""
    settings, folder = house.settings, house.settings.signing_folder
    if not settings.timestamps or folder is None:
        return None
    return TimestampAuthority(over_http(settings.timestamps), _files(folder, TIMESTAMP_ROOTS))


def trust_in(folder: Path) -> Trust:
    """Whom that folder tells to trust. Raises TrustUnreadable."""
    return read_trust(*(_files(folder, name) for name in (ROOTS, TIMESTAMP_ROOTS, REVOKED)))


def _files(folder: Path, name: str) -> tuple[bytes, ...]:
    path = folder / name
    return (path.read_bytes(),) if path.is_file() else ()
