"""What Slack sends, one module a surface: parse → ask a use case → answer.

commands   /tines-sync …                forms    the form, from opening to submitting
options    typing in its fields          reviews  the review and the decision
clicks     single buttons                lists    lists, status, history, App Home
intents    what goes on after "Checking…"        failing  what nobody foresaw
surface    what they share               answering  a use case's answer as a view
"""

from slack_bolt.async_app import AsyncApp

from bot.listeners import clicks, commands, failing, forms, lists, options, reviews
from bot.listeners.failing import PunctualApp
from bot.listeners.surface import Surface

__all__ = ["PunctualApp", "Surface", "register"]


def register(app: AsyncApp, surface: Surface) -> None:
    """Register every listener, once."""
    for module in (commands, forms, options, reviews, clicks, lists):
        module.register(app, surface)
    failing.register(app, surface)  # last: it listens for whatever is left
