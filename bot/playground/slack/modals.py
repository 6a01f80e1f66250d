"""Every open modal, stacked for each person, and everybody's App Home.

A view that was closed is gone: whoever updates it afterwards is told `not_found`, and whoever updates it without
having seen the latest version, `hash_conflict`. Both happen daily in a workspace and never in a naive fake.
"""

from dataclasses import dataclass, field
from typing import Final

from bot.playground.slack.changes import ChangeKind, Changes
from bot.playground.slack.errors import refuse
from bot.playground.slack.formstate import State, state_of
from bot.playground.slack.ids import Ids, with_ids
from bot.playground.slack.installation import AppInstall
from bot.playground.slack.shapes import Json

DEPTH_MOST: Final = 3
_FALSE: Final = ("clear_on_close", "notify_on_close", "submit_disabled")


@dataclass(slots=True)
class View:
    """A modal or a home tab as one person sees it, with what they chose so far."""

    id: str
    user: str
    content: Json  # as the app sent it, ids filled in
    hash: str
    root_id: str
    previous_id: str = ""
    state: State = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)  # after a refused submit: block_id → text

    @property
    def blocks(self) -> list[Json]:
        """Return the blocks, each with an id."""
        blocks: list[Json] = self.content["blocks"]
        return blocks

    @property
    def external_id(self) -> str:
        """Return the id that the app gave, empty when none."""
        return str(self.content.get("external_id") or "")

    def wire(self, team_id: str, app: AppInstall) -> Json:
        """Return the view object as Slack sends it (https://docs.slack.dev/reference/views)."""
        content = self.content
        return {
            "id": self.id,
            "team_id": team_id,
            "type": content["type"],
            "blocks": self.blocks,
            "private_metadata": content.get("private_metadata", ""),
            "callback_id": content.get("callback_id", ""),
            "state": {"values": self.state},
            "hash": self.hash,
            "title": content.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
            **{key: bool(content.get(key, False)) for key in _FALSE},
            "close": content.get("close"),
            "submit": content.get("submit"),
            "previous_view_id": self.previous_id or None,
            "root_view_id": self.root_id,
            "app_id": app.app_id,
            "external_id": self.external_id,
            "app_installed_team_id": team_id,
            "bot_id": app.bot_id,
        }


class Modals:
    """Keeps the stacks of open modals and the home tabs, and tells of every change."""

    def __init__(self, ids: Ids, changes: Changes) -> None:
        self._ids = ids
        self._changes = changes
        self._stacks: dict[str, list[View]] = {}  # user → views, the one on top last
        self._homes: dict[str, View] = {}

    def stack(self, user: str) -> tuple[View, ...]:
        """Return a person's open modals, the one on top last."""
        return tuple(self._stacks.get(user, ()))

    def top(self, user: str) -> View | None:
        """Return the modal that a person sees, or None."""
        stack = self._stacks.get(user)
        return stack[-1] if stack else None

    def home(self, user: str) -> View | None:
        """Return a person's App Home, or None before the app published one."""
        return self._homes.get(user)

    def find(self, view_id: str) -> View | None:
        """Return the open modal or the home tab of that id, or None."""
        return next((view for view in self._all() if view.id == view_id), None)

    def find_external(self, external_id: str) -> View | None:
        """Return the open modal that the app gave this external id, or None."""
        return next((view for view in self._all() if view.external_id == external_id), None)

    def open(self, user: str, content: Json) -> View:
        """Open a modal; it takes the place of any the person had open. Raises `ApiError` (duplicate_external_id)."""
        self._check_external_id(content)
        self.clear(user)
        return self._put(user, content, previous=None)

    def push(self, user: str, content: Json) -> View:
        """Put a modal on top of the one that is open. Raises `ApiError` (push_limit_reached, not_found, …)."""
        stack = self._stacks.get(user)
        if not stack:
            refuse("not_found")
        if len(stack) >= DEPTH_MOST:
            refuse("push_limit_reached")
        self._check_external_id(content)
        return self._put(user, content, previous=stack[-1])

    def update(self, view: View, content: Json, *, expected_hash: str = "") -> View:
        """Replace a view's content; what was chosen stays where the ids stay. Raises `ApiError` (hash_conflict, …)."""
        if expected_hash and expected_hash != view.hash:
            refuse("hash_conflict")
        self._check_external_id(content, view)
        filled = content | {"blocks": with_ids(content["blocks"])}
        view.state = state_of(filled["blocks"], view.state)
        view.content = filled
        view.errors = {}
        view.hash = self._ids.hash()
        is_home = content["type"] == "home"
        self._tell(ChangeKind.HOME_PUBLISHED if is_home else ChangeKind.VIEW_UPDATED, view)
        return view

    def publish(self, user: str, content: Json, *, expected_hash: str = "") -> View:
        """Show a home tab to a person. Raises `ApiError` (hash_conflict)."""
        view = self._homes.get(user)
        if view is not None:
            return self.update(view, content, expected_hash=expected_hash)
        view_id = self._ids.new("V")
        filled = content | {"blocks": with_ids(content["blocks"])}
        view = View(view_id, user, filled, self._ids.hash(), view_id, state=state_of(filled["blocks"]))
        self._homes[user] = view
        self._tell(ChangeKind.HOME_PUBLISHED, view)
        return view

    def close(self, view: View) -> list[View]:
        """Close a modal and whatever lies on top of it. Returns what was closed, the topmost first."""
        stack = self._stacks.get(view.user, [])
        if view not in stack:
            return []
        place = stack.index(view)
        closed = stack[place:][::-1]
        del stack[place:]
        for each in closed:
            self._tell(ChangeKind.VIEW_CLOSED, each, gone=True)
        return closed

    def clear(self, user: str) -> list[View]:
        """Close all of a person's modals. Returns what was closed, the topmost first."""
        stack = self._stacks.get(user)
        return self.close(stack[0]) if stack else []

    def show_errors(self, view: View, errors: dict[str, str]) -> None:
        """Put texts under fields, as after a refused submit."""
        view.errors = errors
        self._tell(ChangeKind.VIEW_UPDATED, view)

    def _put(self, user: str, content: Json, previous: View | None) -> View:
        filled = content | {"blocks": with_ids(content["blocks"])}
        view_id = self._ids.new("V")
        view = View(
            id=view_id,
            user=user,
            content=filled,
            hash=self._ids.hash(),
            root_id=previous.root_id if previous else view_id,
            previous_id=previous.id if previous else "",
            state=state_of(filled["blocks"]),
        )
        self._stacks.setdefault(user, []).append(view)
        self._tell(ChangeKind.VIEW_OPENED, view)
        return view

    def _check_external_id(self, content: Json, view: View | None = None) -> None:
        external_id = content.get("external_id")
        other = self.find_external(external_id) if external_id else None
        if other is not None and other is not view:
            refuse("duplicate_external_id")

    def _all(self) -> list[View]:
        return [view for stack in self._stacks.values() for view in stack] + list(self._homes.values())

    def _tell(self, kind: ChangeKind, view: View, *, gone: bool = False) -> None:
        self._changes.tell(kind, user=view.user, view_id=view.id, body=None if gone else view.content)
