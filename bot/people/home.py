"""Who is from here: the workspace of the token, or its organisation. Proven, never assumed.

What Slack tells of a user differs: `team_id` may be missing, a person of the organisation may have another workspace,
and somebody who comes through a shared channel (Slack Connect) looks much like a colleague. So a person is from here
only where something says so and nothing says otherwise; of whom nothing is told is from elsewhere.
"""

from typing import Any, Self

from pydantic import model_validator

from handlers.models import Frozen


class _Told(Frozen):
    """Something that Slack tells of a user; what is null there was not told."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, told: Any) -> Any:  # noqa: ANN401 - whatever Slack answers; the fields check it
        return {key: value for key, value in told.items() if value is not None} if isinstance(told, dict) else told


class Home(Frozen):
    """Whose people are from here, as `auth.test` tells."""

    team_id: str | None = None  # of the workspace; none for an app that is installed in the whole organisation
    enterprise_id: str | None = None

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not (self.team_id or self.enterprise_id):
            message = "neither a workspace nor an organisation"
            raise ValueError(message)
        return self


class _EnterpriseUser(_Told):
    id: str = ""  # of the person in the organisation
    enterprise_id: str = ""
    teams: tuple[str, ...] = ()


class _Profile(_Told):
    team: str = ""


class User(_Told):
    """A user object, as https://docs.slack.dev/reference/objects/user-object describes it."""

    id: str
    team_id: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_workflow_bot: bool = False
    is_restricted: bool = False  # multi-channel guest
    is_ultra_restricted: bool = False  # single-channel guest
    is_stranger: bool = False  # of another workspace, and in no channel shared with this app
    enterprise_user: _EnterpriseUser = _EnterpriseUser()
    profile: _Profile = _Profile()
    teams: tuple[str, ...] = ()  # the workspaces of the organisation that the person is a member of

    @property
    def is_guest(self) -> bool:
        """Whether the user is a guest by the account's own kind."""
        return self.is_restricted or self.is_ultra_restricted

    def is_from(self, home: Home) -> bool:
        """Whether the user is proven to be from the home."""
        if self.is_stranger:
            return False
        member = home.team_id is not None and home.team_id in self.teams
        if self.enterprise_user.enterprise_id:
            if home.enterprise_id:
                return self.enterprise_user.enterprise_id == home.enterprise_id
            return member or home.team_id in self.enterprise_user.teams
        told = {self.team_id, self.profile.team} - {""}
        return member or (bool(told) and told <= {home.team_id, home.enterprise_id})
