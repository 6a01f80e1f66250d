"""Rows as the API shows them. Field names are Tines's own."""

import hashlib
import re
from datetime import UTC, datetime

from bot.playground.tines.records import Destination, Shared, StoryRow, TeamRow
from bot.playground.tines.switches import ManualSync, Switches


def team(row: TeamRow) -> dict[str, object]:
    """Show a team."""
    return {"id": row.id, "name": row.name, "groups": []}


def story(row: StoryRow, switches: Switches) -> dict[str, object]:
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
        "guid": hashlib.md5(str(row.id).encode(), usedforsecurity=False).hexdigest(),
        "slug": re.sub(r"\W+", "_", row.name.lower()).strip("_"),
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


def export(row: StoryRow, now: datetime) -> dict[str, object]:
    """Export a story: one document in which credentials and resources are named, never contained."""
    references = [*(f"CREDENTIAL.{slug}" for slug in row.credentials), *(f"RESOURCE.{slug}" for slug in row.resources)]
    agents = [
        {
            "type": "Agents::HTTPRequestAgent",
            "name": f"Call {number}",
            "options": {"url": "https://api.example.com", "headers": {"Authorization": f"Bearer <<{reference}>>"}},
        }
        for number, reference in enumerate(references, start=1)
    ]
    return {
        "schema_version": 25,
        "standard_lib_version": 80,
        "name": row.name,
        "description": row.description,
        "exported_at": timestamp(now),
        "tags": [{"name": tag} for tag in row.tags],
        "agents": [{"type": "Agents::WebhookAgent", "name": "Receive Events", "options": {}}, *agents],
        "links": [{"source": 0, "receiver": number} for number in range(1, len(agents) + 1)],
    }


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
        "destination_tenant_url": row.url,
        "destination_team_id": row.destination_team_id,
        "origin_team_id": row.team_id,
        "manual_sync_only": row.manual_only,
        "subscriptions": [
            {"story": {"id": s.story_id, "name": s.name}, "status": s.status, "error_message": s.error_message}
            for s in row.subscriptions.values()
        ],
    }
    if switches.manual_sync is not ManualSync.SUPPORTED:
        del shown["manual_sync_only"]
    return shown


def timestamp(moment: datetime) -> str:
    """Write a time as the API does: UTC, seconds, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
