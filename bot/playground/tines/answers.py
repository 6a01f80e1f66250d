"""Rows as the API shows them. Field names are Tines's own."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from bot.playground.tines.exports import slug_of, story_guid
from bot.playground.tines.records import ChangeRequest, Destination, Shared, StoryRow, TeamRow
from bot.playground.tines.switches import ManualSync, StatusForm, Switches, UrlForm


def team(row: TeamRow) -> dict[str, object]:
    """Show a team."""
    return {"id": row.id, "name": row.name, "groups": []}


def story(tenant: str, row: StoryRow, switches: Switches) -> dict[str, object]:
    """Show a story; what an older tenant does not tell is left out."""
    shown: dict[str, object] = {
        "id": row.id,
        "name": row.name,
        "user_id": 1,
        "description": row.description,
        "keep_events_for": 604800,
        "disabled": row.disabled,
        "priority": row.priority,
        "send_to_story_enabled": row.send_to_story,
        "api_enabled": row.api_enabled,
        "favorite": row.favorite,
        "guid": story_guid(tenant, row.id),
        "slug": slug_of(row.name),
        "team_id": row.team_id,
        "folder_id": None,
        "tags": list(row.tags),
        "published": row.published,
        "locked": row.locked,
        "change_control_enabled": row.change_control,
        "mode": "LIVE",
        "owners": [],
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.edited_at),
        "edited_at": timestamp(row.edited_at),
    }
    if not switches.shows_change_control:
        del shown["change_control_enabled"]
    if not switches.shows_edited_at:
        del shown["edited_at"]
    return shown


def credential(row: Shared) -> dict[str, object]:
    """Show a credential: never its value."""
    return {
        "id": row.id,
        "name": row.name,
        "slug": row.slug,
        "team_id": row.team_id,
        "mode": "TEXT",
        "read_access": "GLOBAL" if row.everywhere else "TEAM",
        "shared_team_slugs": [],
    }


def resource(row: Shared) -> dict[str, object]:
    """Show a resource: with its value in clear text, as Tines does."""
    shown = credential(row)
    del shown["mode"]
    return {**shown, "value": row.value}


def destination(row: Destination, switches: Switches) -> dict[str, object]:
    """Show a sync destination: never its key."""
    shown: dict[str, object] = {
        "id": row.id,
        "destination_tenant_url": _url(row.url, switches.url_form),
        "destination_team_id": row.destination_team_id,
        "origin_team_id": row.team_id,
        "manual_sync_only": row.manual_only,
        "subscriptions": [
            {
                "story": {"id": s.story_id, "name": s.name},
                "status": _status(s.status, switches.status_form),
                "error_message": s.error_message,
            }
            for s in row.subscriptions.values()
        ],
    }
    if switches.odd_records:
        shown["subscriptions"] = [{"story": None, "status": "synced", "error_message": None}, *_list(shown)]
    if switches.manual_sync is not ManualSync.SUPPORTED:
        del shown["manual_sync_only"]
    return shown


def _list(shown: dict[str, object]) -> list[object]:
    subscriptions = shown["subscriptions"]
    return subscriptions if isinstance(subscriptions, list) else []


def _url(url: str, form: UrlForm) -> str | None:
    """Write a tenant's URL in another way, as Tines may."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    match form:
        case UrlForm.AS_SENT:
            return url
        case UrlForm.DOT:
            host = f"{host}."
        case UrlForm.WWW:
            host = f"www.{host}"
        case UrlForm.CAPITALS:
            host = host.upper()
        case UrlForm.PORT:
            port = port or {"https": ":443", "http": ":80"}[parts.scheme]
        case UrlForm.OTHER_HOST:
            host, port = "tenant-7f3a.tines.example", ""
        case UrlForm.NULL:
            return None
    return f"{parts.scheme}://{host}{port}"


def _status(status: str, form: StatusForm) -> str:
    return {StatusForm.TITLE: status.title, StatusForm.CAPITALS: status.upper}.get(form, lambda: status)()


def change_request(row: ChangeRequest) -> dict[str, object]:
    """Show a change request, without the exports that it compares."""
    return {
        "id": row.id,
        "status": row.status,
        "story_id": row.story_id,
        "user_id": row.user_id,
        "participants": [],
        "created_at": timestamp(row.at),
        "updated_at": timestamp(row.at),
    }


def timestamp(moment: datetime) -> str:
    """Write a time as the API does: UTC, seconds, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
