"""Who somebody is, asked of Slack and remembered for a minute: fulfils `handlers.people.People`.

directory  the person behind an id
home       whether a user is from here: proven, never assumed
groups     the members of user groups, by one question for all
asking     one question to Slack, and what its answer means
memory     answers that are shared, bounded, and asked for once however many want them
"""

from bot.people.directory import SlackPeople

__all__ = ["SlackPeople"]
