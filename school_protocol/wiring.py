"""What all packages add to the app context, said once, at the top: their tables, and what they keep of a case.

Nothing below imports this: `Settings.wiring` names it, and `House.wiring` is what it says.
"""

from __future__ import annotations

from school_protocol.services.digests.feeding import end_calendar
from school_protocol.services.figures.counting import keep_count
from school_protocol.services.house import Wiring
from school_protocol.services.notices import bring_what_was_missed
from school_protocol.services.referrals import seeing
from school_protocol.services.retention.limits import at_the_end
from school_protocol.services.review import reasons
from school_protocol.services.sight import breaking
from school_protocol.storage import (
    bulk_tables,
    chains_tables,
    evidence_tables,
    identity_tables,
    index_tables,
    paper_tables,
    retention_tables,
    seats,
    sight_tables,
    staff_tables,
    tables,
    tallies,
    yearly_tables,
)
from school_protocol.storage.api import tables as api_tables
from school_protocol.storage.blobs import tables as blob_tables
from school_protocol.storage.digests import tables as digest_tables
from school_protocol.storage.figures import release_tables as figure_release_tables
from school_protocol.storage.figures import tables as figure_tables
from school_protocol.storage.referrals import tables as referral_tables
from school_protocol.storage.review import tables as review_tables
from school_protocol.storage.sharing import tables as sharing_tables
from school_protocol.storage.signalement import tables as signalement_tables
from school_protocol.storage.visits import tables as visit_tables
from school_protocol.storage.workshops import attestation_tables, room_tables
from school_protocol.storage.workshops import tables as workshop_tables

MODELS = (
    api_tables,
    attestation_tables,
    blob_tables,
    bulk_tables,
    chains_tables,
    digest_tables,
    evidence_tables,
    figure_release_tables,
    figure_tables,
    identity_tables,
    index_tables,
    paper_tables,
    referral_tables,
    retention_tables,
    review_tables,
    room_tables,
    sharing_tables,
    sight_tables,
    signalement_tables,
    staff_tables,
    tables,
    tallies,
    visit_tables,
    workshop_tables,
    yearly_tables,
)
"""Every module that declares tables."""

WIRING = Wiring(
    tables={
        "directory": tables.DirectoryBase.metadata,
        "realm": tables.RealmBase.metadata,
        "room": room_tables.RoomBase.metadata,
    },
    projections=(breaking.beside, seeing.beside, reasons.beside),
    following=(keep_count,),
    endings=(at_the_end,),
    settled=(breaking.is_reviewed,),
    apart=(seats.excluded_from,),
    access_ended=(end_calendar,),
    address_changed=(bring_what_was_missed,),
)
