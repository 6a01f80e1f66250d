"""What the page asks for: the bodies of its requests, checked before anything happens."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.playground.slack import MessageRef, ViewRef

Values = dict[str, dict[str, dict[str, Any]]]
"""What is typed and chosen on a surface, in the shape of Slack's `state.values`."""


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Persons(_Ask):
    user: str = Field(alias="as")  # user id of whoever does it


class CommandAsk(_Persons):
    """A slash command typed in a channel."""

    channel: str
    command: str
    text: str = ""


class SayAsk(_Persons):
    """Something written in a channel, or in the thread of a message."""

    channel: str
    text: str
    thread: str = ""  # timestamp of the thread's first message


class ShortcutAsk(_Persons):
    """A global shortcut picked from the menu."""

    callback_id: str


class Where(_Ask):
    """A message, or a view (a modal or the Home tab)."""

    channel: str = ""
    ts: str = ""
    view_id: str = ""

    def ref(self) -> MessageRef | ViewRef:
        """Return it in the local Slack's words."""
        return ViewRef(self.view_id) if self.view_id else MessageRef(self.channel, self.ts)


class Choice(_Ask):
    """What an element was set to: one of these, by the kind of element."""

    type: str = ""
    value: str | None = None
    selected_option: dict[str, Any] | None = None
    selected_options: list[dict[str, Any]] | None = None

    def chosen(self) -> object:
        """Return the value for the local Slack: options, an option, or a text."""
        if self.selected_options is not None:
            return self.selected_options
        return self.selected_option if self.selected_option is not None else self.value


class ClickAsk(_Persons):
    """A button pressed, or another element changed that tells the app at once."""

    where: Where
    block_id: str
    action_id: str
    type: str
    value: Choice
    values: Values  # of the other fields, as far as the app was not told of them


class OptionsAsk(_Persons):
    """Typing in a modal's field whose options the app provides."""

    view_id: str
    block_id: str
    action_id: str
    query: str
    values: Values


class SubmitAsk(_Persons):
    """A modal's submit button."""

    view_id: str
    values: Values


class CloseAsk(_Persons):
    """A modal closed: the top one, or with `all` the whole stack."""

    view_id: str
    all: bool = False


class FaultAsk(_Ask):
    """A switch for something that goes wrong: a preset by name, or a story whose syncs fail."""

    owner: str  # a tenant's name, or "slack"
    name: str = ""
    story: int | None = None
    on: bool


class TenantAsk(_Ask):
    """Something that people do in a tenant, outside of the API."""

    owner: str  # the tenant's name
    action: Literal["add_credential", "remove_credential", "edit_copy", "hold_change", "push_change"]
    slug: str = Field(default="", max_length=100)  # of a credential
    story: int | None = None
