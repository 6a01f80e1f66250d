"""Block Kit's rules as pure functions: what Slack would say to a message's blocks or to a view.

The limits are those of https://docs.slack.dev/reference/block-kit and, where Slack's documentation and measurements
differ, the stricter of the two. They prevent a form or a message that works until the first long name.
"""

from bot.playground.slack.blocks.surfaces import (
    blocks_text_length,
    home_faults,
    message_faults,
    modal_faults,
    view_bytes,
)

__all__ = ["blocks_text_length", "home_faults", "message_faults", "modal_faults", "view_bytes"]
