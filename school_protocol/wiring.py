"""What all packages add to the app context, said once, at the top: their tables, and what they keep of a case.

Nothing below imports this: `Settings.wiring` names it, and `AppContext.wiring` is what it says.
"""

from __future__ import annotations

from school_protocol.api import models as api_models
from school_protocol.auth import models as auth_models
from school_protocol.case_files import models as case_files_models
from school_protocol.cases import lookup_repository
from school_protocol.cases import models as cases_models
from school_protocol.context import Wiring
from school_protocol.notifications import models as notifications_models
from school_protocol.notifications.digests import end_calendar
from school_protocol.notifications.service import bring_what_was_missed
from school_protocol.people import models as people_models
from school_protocol.privacy import emergency_access, evidence
from school_protocol.privacy import models as privacy_models
from school_protocol.privacy.retention import at_the_end
from school_protocol.protocol import models as protocol_models
from school_protocol.reports import models as reports_models
from school_protocol.statistics import models as statistics_models
from school_protocol.statistics.counts import keep_count
from school_protocol.storage import models as storage_models
from school_protocol.supervision import models as supervision_models
from school_protocol.supervision import referral_register, review_queue
from school_protocol.training import models as training_models

MODELS = (
    api_models,
    people_models,
    storage_models,
    case_files_models,
    notifications_models,
    privacy_models,
    statistics_models,
    auth_models,
    cases_models,
    supervision_models,
    training_models,
    reports_models,
    protocol_models,
)
"""Every module that declares tables."""

WIRING = Wiring(
    tables={
        "directory": storage_models.DirectoryBase.metadata,
        "realm": storage_models.RealmBase.metadata,
        "room": training_models.RoomBase.metadata,
    },
    projections=(emergency_access.beside, referral_register.beside, review_queue.beside),
    following=(keep_count,),
    endings=(at_the_end,),
    settled=(emergency_access.is_reviewed,),
    apart=(lookup_repository.excluded_from,),
    access_ended=(end_calendar,),
    pictures=(evidence.pictures_to_hand_out,),
    address_changed=(bring_what_was_missed,),
)
