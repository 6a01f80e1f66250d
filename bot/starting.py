"""Why the bot cannot start, in words for whoever started it."""


class StartError(Exception):
    """The bot cannot start; the text says why and what to do."""
