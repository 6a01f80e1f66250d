"""Who somebody is, asked of Slack and remembered for a minute: fulfils `handlers.people.People`.

memory     answers that are shared, bounded, and asked for once however many want them
directory  the questions put to Slack, and what its answers mean
"""

from bot.people.directory import SlackPeople

__all__ = ["SlackPeople"]
