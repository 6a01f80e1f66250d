"""Two tenants as a security team has them, and any number of stories for measurements.

`dev` is where stories are written, `prod` where they run. The names, tags and awkward characters are the ones that a
product which only ever met "Test story 1" breaks on.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.playground.tines.records import Right, StoryRow
from bot.playground.tines.story_names import DEV_STORIES, MANY_SUBJECTS, MANY_TAGS, MANY_VERBS, Sketch
from bot.playground.tines.switches import Switches
from bot.playground.tines.tenant import LocalTines, World

# Worthless outside of the local tenants.
DEV_KEY: Final = "local-dev-owner-key-4f1c9a"
DEV_READER_KEY: Final = "local-dev-reader-key-77d0e2"
PROD_KEY: Final = "local-prod-owner-key-b83e55"
PROD_PUBLISH_KEY: Final = "local-prod-publish-key-1a6d40"

DEV_TEAMS: Final = ("SecOps", "Detection Engineering", "Threat Intelligence", "Identity", "IT Automation", "Sandbox")
PROD_TEAMS: Final = ("SecOps Production", "Detection Production", "Identity Production", "IT Production")
FAILING_STORY: Final = "Enrich indicators with VirusTotal"  # its credential is missing on prod


@dataclass(frozen=True)
class Seeded:
    """The two tenants; register them with the world at the origins that they are served at."""

    world: World
    dev: LocalTines
    prod: LocalTines

    def register(self, dev_url: str, prod_url: str) -> None:
        """Let both live at their origins."""
        self.world.register(dev_url, self.dev)
        self.world.register(prod_url, self.prod)


def seeded(world: World | None = None, switches: Switches | None = None) -> Seeded:
    """Build both tenants with their teams, keys, credentials and stories; the same ones every time."""
    world = world or World()
    dev = LocalTines("dev", world, switches, first_id=101)
    prod = LocalTines("prod", world, switches, first_id=501)
    dev.add_key(DEV_KEY)
    dev.add_key(DEV_READER_KEY, Right.READER)
    prod.add_key(PROD_KEY)
    prod.add_key(PROD_PUBLISH_KEY, Right.EDITOR)
    teams = {name: dev.add_team(name).id for name in DEV_TEAMS}
    for name in PROD_TEAMS:
        prod.add_team(name)
    slugs = sorted({slug for sketch in DEV_STORIES for slug in sketch.credentials})
    for slug in slugs:
        dev.add_credential(teams["SecOps"], slug, everywhere=True)
    first = next(iter(prod.teams))
    for slug in slugs:
        if slug != "virustotal":
            prod.add_credential(first, slug, everywhere=True)
    for tines, team_id in ((dev, teams["SecOps"]), (prod, first)):
        tines.add_resource(team_id, "blocked_domains", "evil.example, worse.example", everywhere=True)
    for sketch, age in zip(DEV_STORIES, _ages(), strict=False):
        _write(dev, teams[sketch.team], sketch, age)
    prod.add_story(first, "Rotate on-call schedule", tags=("on-call",))
    return Seeded(world, dev, prod)


def many_stories(tines: LocalTines, team_id: int, amount: int, seed: int = 0) -> None:
    """Write that many more stories with varied names, tags and times of editing; the same ones for the same seed."""
    for story in _many(tines, team_id, amount, random.Random(seed)):  # noqa: S311 - varies examples, guards nothing
        tines.put_story(story)


def _many(tines: LocalTines, team_id: int, amount: int, chance: random.Random) -> Iterator[StoryRow]:
    now = tines.world.now()
    for number in range(amount):
        edited = now - timedelta(seconds=chance.randrange(86_400 * 400))
        yield StoryRow(
            id=next(tines.story_ids),
            name=f"{chance.choice(MANY_VERBS)} {chance.choice(MANY_SUBJECTS)} {number:05}",
            team_id=team_id,
            created_at=edited,
            edited_at=edited,
            tags=tuple(chance.sample(MANY_TAGS, chance.randrange(4))),
        )


def _ages() -> Iterator[timedelta]:
    """Yield how long ago each story was edited: from minutes to more than a year."""
    chance = random.Random(7)  # noqa: S311 - varies examples, guards nothing
    while True:
        yield timedelta(minutes=int(10 ** chance.uniform(1, 5.8)))


def _write(tines: LocalTines, team_id: int, sketch: Sketch, age: timedelta) -> None:
    tines.add_story(
        team_id,
        sketch.name,
        edited_at=tines.world.now() - age,
        tags=sketch.tags,
        credentials=sketch.credentials,
        resources=sketch.resources,
        sub_stories=sketch.sub_stories,
        change_control=sketch.change_control,
        disabled=sketch.disabled,
        priority=sketch.priority,
    )
