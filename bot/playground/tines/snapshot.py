"""A tenant at a glance, as JSON data for a page to draw."""

from dataclasses import asdict

from bot.playground.tines import answers
from bot.playground.tines.tenant import LocalTines


def snapshot(tines: LocalTines) -> dict[str, object]:
    """Return what a person may want to see of a tenant now: no secret is in it.

    Times are ISO 8601 in UTC. A story's `copied_from` is "tenant/story id" when a sync brought it.
    """
    tines.world.settle()
    return {
        "name": tines.name,
        "url": tines.url,
        "teams": [{"id": team.id, "name": team.name} for team in tines.teams.values()],
        "stories": [
            {
                "id": story.id,
                "name": story.name,
                "team_id": story.team_id,
                "tags": list(story.tags),
                "change_control": story.change_control,
                "edited_at": answers.timestamp(story.edited_at),
                "copied_from": story.copied_from,
                "failing": tines.failing.get(story.id, ""),
            }
            for story in tines.stories.values()
        ],
        "destinations": [answers.destination(row, tines.switches) for row in tines.destinations.values()],
        "copies": [{**asdict(copy), "at": answers.timestamp(copy.at)} for copy in tines.copies],
        "keys": [{"name": key.name, "right": key.right.value, "revoked": key.revoked} for key in tines.keys.values()],
        "faults": [
            {"number": number, "kind": fault.kind.value, "label": fault.label, "calls": f"{fault.method} {fault.path}"}
            for number, fault in tines.faults.active().items()
        ],
    }
