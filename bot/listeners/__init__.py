"""What Slack sends, one module a surface: parse → ask a use case → answer.

commands   /tines-sync …                forms    the form, from opening to submitting
options    typing in its fields          reviews  the review and the decision
clicks     single buttons                lists    lists, status, history, App Home
destinations  sync destinations and what can be done with them
deferred   what goes on after "Checking…"        errors   what nobody foresaw
responder  what they share               responses  a use case's answer as a view
"""

from bot.listeners import clicks, commands, destinations, errors, forms, lists, options, reviews
from bot.listeners.errors import PunctualApp
from bot.listeners.responder import Responder

__all__ = ["PunctualApp", "Responder", "register"]


def register(app: PunctualApp, responder: Responder) -> None:
    """Register every listener, once.

    Bolt asks one after the other whether a payload is theirs, so that those come first that people wait for most often.
    """
    form, list_, click = forms.Forms(responder), lists.Lists(responder), clicks.Clicks(responder)
    destination = destinations.Destinations(responder, form)
    commands.register(app, commands.Commands(responder, form, list_, click, destination))
    forms.register_submission(app, form)
    options.register(app, options.Typing(responder))
    forms.register(app, form)
    reviews.register(app, reviews.Reviews(responder))
    clicks.register(app, click)
    lists.register(app, list_)
    destinations.register(app, destination)
    errors.register(app)  # last: it listens for whatever is left
