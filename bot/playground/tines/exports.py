"""Stories as documents: what their actions do, how they are linked, and how an export shows them.

Actions are drawn from what a story refers to, so that every story of a local tenant has a document. What differs between
a story and its copy (ids, guids, the path and secret of a webhook) is no part of the actions: it is worked out for the
tenant and the story that are exported.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime

from bot.playground.tines.records import Action, StoryRow


def actions_of(story: StoryRow) -> tuple[Action, ...]:
    """Return a story's actions: those that were edited, or the ones drawn from what it refers to."""
    return story.content or tuple(_drawn(story))


def edited(story: StoryRow, name: str, **options: object) -> tuple[Action, ...]:
    """Return a story's actions with some options of one of them set. Raises `KeyError` when it has no such action."""
    actions = actions_of(story)
    if name not in {action.name for action in actions}:
        raise KeyError(name)
    return tuple(
        replace(action, options={**action.options, **options}) if action.name == name else action for action in actions
    )


def _drawn(story: StoryRow) -> Sequence[Action]:
    actions = [
        Action("Agents::WebhookAgent", "Receive Events", {"verbs": "get,post"}),
        Action(
            "Agents::EventTransformationAgent",
            "Pick What Matters",
            {"mode": "message_only", "payload": {"id": "<<receive_events.body.id>>", "story": story.name}},
        ),
        Action(
            "Agents::TriggerAgent",
            "Only New Ones",
            {"rules": [{"type": "regex", "value": ".+", "path": "<<pick_what_matters.id>>"}]},
        ),
    ]
    actions += [
        Action(
            "Agents::HTTPRequestAgent",
            f"Ask {_title(slug)}",
            {
                "url": f"https://api.{slug.replace('_', '-')}.example/v1/events",
                "content_type": "application_json",
                "method": "get",
                "headers": {"Authorization": f"Bearer <<CREDENTIAL.{slug}>>"},
            },
        )
        for slug in story.credentials
    ]
    for slug in story.resources:
        payload = {"listed": f"<<RESOURCE.{slug}>>", "found": f"=INCLUDES(RESOURCE.{slug}, pick_what_matters.id)"}
        actions.append(Action("Agents::EventTransformationAgent", f"Compare With {_title(slug)}", {"payload": payload}))
    actions += [
        Action(
            "Agents::SendToStoryAgent",
            f"Hand Over To {_title(slug)}",
            {"story": f"<<STORY.{slug}>>", "payload": {"id": "<<pick_what_matters.id>>"}},
        )
        for slug in story.sub_stories
    ]
    return actions


def export(
    tenant: str, story: StoryRow, now: datetime, *, randomize_urls: bool, clear_recipients: bool
) -> dict[str, object]:
    """Return the document of a story: credentials and resources are named in it, never contained."""
    actions = actions_of(story)
    return {
        "schema_version": 25,
        "standard_lib_version": 80,
        "action_runtime_version": 42,
        "name": story.name,
        "description": story.description or None,
        "guid": story_guid(tenant, story.id),
        "slug": slug_of(story.name),
        "exported_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "recipients": [] if clear_recipients else ["owner@example.com"],
        "keep_events_for": 604800,
        "reporting_status": True,
        "send_to_story_enabled": story.send_to_story,
        "entry_agent_guid": None,
        "exit_agent_guids": [],
        "origin_story_identifier": story.origin_identifier or None,
        "tags": [{"name": tag, "color": "#dcc9c3"} for tag in story.tags],
        "agents": [
            _agent(tenant, story, position, action, now if randomize_urls else None)
            for position, action in enumerate(actions)
        ],
        # the first three follow one another, all others follow the third
        "links": [{"source": min(number - 1, 2), "receiver": number} for number in range(1, len(actions))],
        "diagram_notes": [],
        "diagram_layout": json.dumps(
            {_guid(tenant, story.id, action.name): [120, 60 * at] for at, action in enumerate(actions)}
        ),
    }


def _agent(
    tenant: str, story: StoryRow, position: int, action: Action, random_at: datetime | None
) -> dict[str, object]:
    options = deepcopy(dict(action.options))
    if action.type == "Agents::WebhookAgent":
        seed = "" if random_at is None else random_at.isoformat()
        secret = {what: _digest(tenant, story.id, action.name, what, seed) for what in ("path", "secret")}
        options = secret | options
    return {
        "type": action.type,
        "name": action.name,
        "disabled": action.disabled,
        "description": None,
        "guid": _guid(tenant, story.id, action.name),
        "origin_story_identifier": None,
        "options": options,
        "reporting": {"monitor_all_events": False, "monitor_failures": False, "monitor_no_events_emitted": None},
        "monitoring": {"monitor_all_events": False},
        "template": {"created_from_template_guid": None, "template_tags": []},
        "position": position,
    }


def story_guid(tenant: str, story_id: int) -> str:
    """Return the guid of a story, another one for each copy."""
    return _guid(tenant, story_id, "")


def slug_of(name: str) -> str:
    """Return the slug that Tines makes of a story's name."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def _title(slug: str) -> str:
    return slug.replace("_", " ").title()


def _guid(tenant: str, story_id: int, name: str) -> str:
    return _digest(tenant, story_id, name, "guid", "")


def _digest(tenant: str, story_id: int, name: str, what: str, seed: str) -> str:
    return hashlib.md5(f"{tenant}/{story_id}/{name}/{what}/{seed}".encode(), usedforsecurity=False).hexdigest()
