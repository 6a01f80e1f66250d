"""`tines-sync check`: tries what the configuration promises, and says what to do about whatever does not work.

It prevents the first request of a team from being the test of the set-up: a missing scope, a channel without the
bot, a key without rights or a group without members is found before anybody waits for an approval.
"""

from bot.check.findings import Finding
from bot.check.run import check

__all__ = ["Finding", "check"]
