"""Delivers announcements to Slack: in order within a conversation, once as seen by a reader, through outages and rate limits.

    rendering  announcement + request → messages, as the request stands now
    showing    exactly the messages of one announcement
    posting    one message to Slack, and what came of it
    throttle   how fast a conversation may speak
    homes      the job that publishes App Homes
    deliverer  the job: a conversation's queue, what to do when something does not go through

It prevents messages that are lost when Slack is away, and messages that appear twice because a post was repeated
whose answer was lost: each carries its own key as metadata, and is looked for before it is posted again.
"""

from bot.delivery.deliverer import Deliverer
from bot.delivery.homes import HomePublisher
from bot.delivery.posting import SlackPoster
from bot.delivery.throttle import RateLimit, Throttle

__all__ = ["Deliverer", "HomePublisher", "RateLimit", "SlackPoster", "Throttle"]
