"""The use cases: asking, deciding, closing, and what time does. Each answers with a value for the person.

asking      submit, edit                     deciding   approve, reject, withdraw
closing     cancel, check again, freeze      timers     remind, expire
checking    what a form asks for             advancing  the job that looks at a request
desk        the parts they share             answers    what they can answer
rights      what a person may do with a request now
seldom      refusals that typing repeats
"""

from handlers.requests.advancing import advance
from handlers.requests.answers import Answer, Changed, Done, Field, Invalid, NotNow, Refused, Slow
from handlers.requests.asking import Submission, edit, submit
from handlers.requests.closing import cancel, check_again, close, freeze, reason_needed, thaw
from handlers.requests.deciding import Shown, approve, reject, withdraw
from handlers.requests.desk import (
    Desk,
    allowed,
    deadline,
    find,
    looked_up,
    refuse,
    refuse_unread,
    ruled,
    what_happened,
)
from handlers.requests.rights import STOPPABLE, Abilities, abilities
from handlers.requests.seldom import Seldom

__all__ = [
    "STOPPABLE",
    "Abilities",
    "Answer",
    "Changed",
    "Desk",
    "Done",
    "Field",
    "Invalid",
    "NotNow",
    "Refused",
    "Seldom",
    "Shown",
    "Slow",
    "Submission",
    "abilities",
    "advance",
    "allowed",
    "approve",
    "cancel",
    "check_again",
    "close",
    "deadline",
    "edit",
    "find",
    "freeze",
    "looked_up",
    "reason_needed",
    "refuse",
    "refuse_unread",
    "reject",
    "ruled",
    "submit",
    "thaw",
    "what_happened",
    "withdraw",
]
