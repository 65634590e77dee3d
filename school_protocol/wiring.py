"""What all packages add to the app context, said once, at the top: their tables, and what they keep of a case.

Nothing below imports this: `Settings.wiring` names it, and `House.wiring` is what it says.
"""

from __future__ import annotations

from school_protocol.api import models as api_tables
from school_protocol.auth import models as auth_models
from school_protocol.case_files import models as case_files_models
from school_protocol.cases import lookup_repository
from school_protocol.cases import models as cases_models
from school_protocol.cases import models as sharing_tables
from school_protocol.context import Wiring
from school_protocol.notifications import models as digest_tables
from school_protocol.notifications.digests import end_calendar
from school_protocol.notifications.service import bring_what_was_missed
from school_protocol.people import models as people_models
from school_protocol.privacy import emergency_access
from school_protocol.privacy import models as privacy_models
from school_protocol.privacy.retention import at_the_end
from school_protocol.reports import models as signalement_tables
from school_protocol.statistics import models as figure_release_tables
from school_protocol.statistics import models as figure_tables
from school_protocol.statistics import models as statistics_models
from school_protocol.statistics.counts import keep_count
from school_protocol.storage import models as blob_tables
from school_protocol.storage import models as storage_models
from school_protocol.supervision import models as referral_tables
from school_protocol.supervision import models as review_tables
from school_protocol.supervision import models as visit_tables
from school_protocol.supervision import referral_register, review_queue
from school_protocol.training import models as training_models
from school_protocol.training import models as workshop_tables

MODELS = (
    api_tables,
    people_models,
    blob_tables,
    case_files_models,
    storage_models,
    digest_tables,
    privacy_models,
    figure_release_tables,
    figure_tables,
    auth_models,
    cases_models,
    case_files_models,
    referral_tables,
    privacy_models,
    review_tables,
    training_models,
    sharing_tables,
    privacy_models,
    signalement_tables,
    people_models,
    storage_models,
    lookup_repository,
    visit_tables,
    workshop_tables,
    statistics_models,
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
    address_changed=(bring_what_was_missed,),
)
