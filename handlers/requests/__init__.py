"""The use cases: submit, decide, close, and what time does. Each answers with a value for the person.

submit      submit, edit                     decide     approve, reject, withdraw
close       cancel, check again, freeze      timers     remind, expire, policy changes
checking    what a form asks for             advancing  the job that looks at a request
services    the parts they share             answers    what they can answer
rights      what a person may do with a request now
reviewing   what a reviewer is shown of a request
forms       what a form offers a person      searching  what its search fields list
approvals   which approvals still count      refusal_throttle  refusals that typing repeats
overview    what concerns a person, for lists and the App Home
assessing   what the destination lacks, and what would change, before anybody decides
keys        which keys are configured
deferred    forms and decisions finished by a job     destinations  what of Tines a person may see
pinging     whom a request waits for        reading  how a request stands, its history, and where its thread is
health      how a person's sync destinations are, and muting one
"""

from handlers.requests.advancing import advance
from handlers.requests.answers import Answer, Changed, Done, Field, Invalid, NotNow, Refused, Slow
from handlers.requests.assessing import (
    assessed,
    assessed_soon,
    compared,
    keep_assessment,
    record_diff,
    will_be_assessed,
)
from handlers.requests.checking import Submission
from handlers.requests.close import cancel, check_again, close, freeze, unfreeze
from handlers.requests.decide import ReviewedVersion, approve, reject, withdraw
from handlers.requests.deferred import APPROVE, EDIT, SUBMIT, defer, finish_deferred, take_deferred
from handlers.requests.destinations import (
    DestinationPage,
    Mute,
    RequestLine,
    SeenDestination,
    TenantProblem,
    destination_for,
    list_destinations,
    read_destination,
)
from handlers.requests.forms import (
    FormRights,
    existing_at_once,
    form_faults,
    form_rights,
    known_form_rights,
    lists_loading,
    load_lists,
    offered_routes,
    tenant_faults_once_loaded,
)
from handlers.requests.health import HealthOverview, Muted, health, mute, watched_destination
from handlers.requests.keys import note_configured_keys
from handlers.requests.overview import FrozenRoute, Overview, Part, Rights, listed, open_home, overview, rights_of
from handlers.requests.reading import history_of, standing_of, threads_of
from handlers.requests.refusal_throttle import RefusalThrottle
from handlers.requests.reviewing import OUTDATED_REVIEW, Review, look_up_review, review_again, review_for, whole_diff
from handlers.requests.rights import STOPPABLE, Abilities, abilities, able
from handlers.requests.searching import OUTDATED_FORM, Searches
from handlers.requests.services import (
    OUTDATED_BUTTON,
    Services,
    allowed,
    deadline,
    identified,
    looked_up,
    refuse,
    refuse_unread,
    what_happened,
)
from handlers.requests.submit import edit, submit
from handlers.requests.timers import start_sufficient

__all__ = [
    "APPROVE",
    "EDIT",
    "OUTDATED_BUTTON",
    "OUTDATED_FORM",
    "OUTDATED_REVIEW",
    "STOPPABLE",
    "SUBMIT",
    "Abilities",
    "Answer",
    "Changed",
    "DestinationPage",
    "Done",
    "Field",
    "FormRights",
    "FrozenRoute",
    "HealthOverview",
    "Invalid",
    "Mute",
    "Muted",
    "NotNow",
    "Overview",
    "Part",
    "RefusalThrottle",
    "Refused",
    "RequestLine",
    "Review",
    "ReviewedVersion",
    "Rights",
    "Searches",
    "SeenDestination",
    "Services",
    "Slow",
    "Submission",
    "TenantProblem",
    "abilities",
    "able",
    "advance",
    "allowed",
    "approve",
    "assessed",
    "assessed_soon",
    "cancel",
    "check_again",
    "close",
    "compared",
    "deadline",
    "defer",
    "destination_for",
    "edit",
    "existing_at_once",
    "finish_deferred",
    "form_faults",
    "form_rights",
    "freeze",
    "health",
    "history_of",
    "identified",
    "keep_assessment",
    "known_form_rights",
    "list_destinations",
    "listed",
    "lists_loading",
    "load_lists",
    "look_up_review",
    "looked_up",
    "mute",
    "note_configured_keys",
    "offered_routes",
    "open_home",
    "overview",
    "read_destination",
    "record_diff",
    "refuse",
    "refuse_unread",
    "reject",
    "review_again",
    "review_for",
    "rights_of",
    "standing_of",
    "start_sufficient",
    "submit",
    "take_deferred",
    "tenant_faults_once_loaded",
    "threads_of",
    "unfreeze",
    "watched_destination",
    "what_happened",
    "whole_diff",
    "will_be_assessed",
    "withdraw",
]
