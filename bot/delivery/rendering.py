"""What an announcement looks like now: the request's row through the views, at the moment of delivery.

Nothing rendered is stored. An approval message that waited an hour for Slack shows how the request stands after that
hour, and ten changes in a second are one edit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.operations import Presentation, presentation_of
from bot.views.approval import approval_message
from bot.views.health import health_message, summary_message, tenant_message
from bot.views.lists import notice_message
from bot.views.notes import direct_message, note_message, notify_message, route_note_message
from bot.views.presentation import repairing
from bot.views.statuses import status_messages
from bot.views.text import Message
from handlers import announcements
from handlers.models import Request
from handlers.policy import Freeze, quorum
from handlers.routes import Route, Topology
from handlers.store import Announcement


@dataclass(frozen=True, slots=True)
class Scene:
    """What an announcement is about."""

    announcement: Announcement
    request: Request | None
    route: Route | None
    freeze: Freeze | None
    permalink: str | None  # of the thread


def render(scene: Scene, presentations: Mapping[str, Presentation], topology: Topology) -> list[Message]:
    """Return the messages of an announcement, in order; empty when there is nothing to show any more."""
    announcement, request, route = scene.announcement, scene.request, scene.route
    kind = str(announcement.data.get("kind", ""))
    repair = repairing(presentations.values())
    if announcement.request_id is None:
        return [_about_no_request(announcement, kind, topology, repair)]
    if request is None or route is None:
        return []
    return _about(scene, request, route, presentation_of(presentations, request), kind, repair)


def _about_no_request(announcement: Announcement, kind: str, topology: Topology, repair: str) -> Message:
    if announcement.kind == announcements.HEALTH:
        origins = {alias: tenant.url for alias, tenant in topology.tenants.items()}
        return health_message(announcement.data, origins, routes=topology.routes, repair=repair)
    if announcement.kind == announcements.SUMMARY:
        return summary_message(announcement.data)
    if announcement.kind == announcements.TENANT:
        return tenant_message(announcement.data)
    if announcement.kind == announcements.NOTE:
        return route_note_message(kind, announcement.data)
    return notice_message(str(announcement.data.get("text", "")))


def _about(
    scene: Scene, request: Request, route: Route, presentation: Presentation, kind: str, repair: str
) -> list[Message]:
    match scene.announcement.kind:
        case announcements.APPROVAL:
            return [
                approval_message(
                    request,
                    route,
                    quorum(route, request.approvals()),
                    presentation,
                    repair=repair,
                    freeze=scene.freeze,
                )
            ]
        case announcements.STATUSES:
            return status_messages(request, route, presentation, repair=repair)
        case announcements.NOTIFY:
            return [notify_message(request, route, presentation, scene.permalink)]
        case announcements.DIRECT:
            return [
                direct_message(
                    request,
                    route,
                    presentation,
                    scene.permalink,
                    repair=repair,
                    kind=kind,
                    data=scene.announcement.data,
                )
            ]
        case _:
            return [note_message(kind, scene.announcement.data, request)]
