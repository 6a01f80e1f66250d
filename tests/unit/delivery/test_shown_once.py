from datetime import timedelta

import pytest

from bot.playground.slack import Fault, FaultKind
from bot.slack_errors import BlocksError, SlackError
from bot.views.text import Message
from handlers.jobs import DELIVER, Job

from .harness import CHANNEL, KEY, DeliveryHarness, Happening, Process, at, no_answer, rate_limited, texts

WORDS = [f"word-{number:04}" for number in range(900)]


def too_long(*words: str) -> Message:
    """Return a message whose only block is longer than Slack takes."""
    block = {"type": "section", "text": {"type": "mrkdwn", "text": " ".join(words)}}
    return Message(text="Much to read", blocks=[block])


async def ready(harness: DeliveryHarness) -> Process:
    """Start a process for which one message is ordered."""
    process = await harness.process()
    await harness.orders(process.store, "Hello")
    return process


async def test_refused_blocks_go_out_as_text_in_full(harness: DeliveryHarness) -> None:
    """What Slack refuses as blocks is posted as text, in as many messages as that takes, with every word of it."""
    process = await ready(harness)
    await harness.shows(process, [too_long(*WORDS), *texts("The end")])
    *pages, end = harness.seen()
    assert len(pages) > 1
    assert " ".join(pages).split() == WORDS
    assert end == "The end"
    row = await harness.row(process.store)
    assert (row.delivered_version, row.posting_at, [each.ts for each in row.messages]) == (1, None, harness.heads())


async def test_text_in_place_of_blocks_is_edited_in_place(harness: DeliveryHarness) -> None:
    """Shown anew, the pages are edited where they stand; what is too many by then is deleted."""
    process = await ready(harness)
    await harness.shows(process, [too_long(*WORDS)])
    before = harness.heads()
    backwards = WORDS[::-1]
    await harness.orders_anew(process.store)
    await harness.shows(process, [too_long(*backwards)])
    assert harness.heads() == before
    assert " ".join(harness.seen()).split() == backwards
    await harness.orders_anew(process.store)
    await harness.shows(process, texts("Short"))
    assert (harness.heads(), harness.seen()) == (before[:1], ["Short"])


@pytest.mark.parametrize("what", [rate_limited, no_answer], ids=["rate limited", "answer lost, not applied"])
async def test_trouble_between_two_pages_doubles_none(harness: DeliveryHarness, what: Happening) -> None:
    """When Slack turns a page away, the next try goes on with that page: none is missing, none is there twice."""
    process = await ready(harness)
    process.poster.before_post = at(f"{KEY}#1", what)
    with pytest.raises(SlackError):
        await harness.shows(process, [too_long(*WORDS)])
    assert len(harness.seen()) == 1
    await harness.shows(process, [too_long(*WORDS)])
    assert " ".join(harness.seen()).split() == WORDS


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_post_whose_answer_was_lost_is_found(harness: DeliveryHarness, number: int) -> None:
    """A message that Slack took without saying so is found by its key, shows the newest text, and is not posted again."""
    process = await ready(harness)
    process.poster.after_post = at(f"{KEY}#{number}", no_answer)
    with pytest.raises(SlackError):
        await harness.shows(process, texts("One", "Two", "Three"))
    assert (await harness.row(process.store)).posting_at == harness.harness.now
    harness.harness.now += timedelta(hours=1)
    await harness.shows(process, texts("Eins", "Zwei", "Drei"))
    assert harness.seen() == ["Eins", "Zwei", "Drei"]
    assert process.poster.posts == [f"{KEY}#{each}" for each in range(3)]


async def test_a_deleted_message_is_shown_anew_with_what_follows(harness: DeliveryHarness) -> None:
    """When a person deletes one part of three, it and what comes after it are posted again, in order, none twice."""
    process = await ready(harness)
    await harness.shows(process, texts("One", "Two", "Three"))
    first, second, _ = harness.heads()
    harness.slack.delete_message(CHANNEL, second)
    await harness.orders_anew(process.store)
    await harness.shows(process, texts("One", "Zwei", "Three"))
    assert harness.seen() == ["One", "Zwei", "Three"]
    assert harness.heads()[0] == first
    row = await harness.row(process.store)
    assert [each.ts for each in row.messages] == harness.heads()


@pytest.mark.parametrize("shown", [("One",), ("Eins", "Two", "Three")], ids=["fewer", "the first was deleted"])
async def test_a_lost_answer_and_another_change_at_once(harness: DeliveryHarness, shown: tuple[str, ...]) -> None:
    """What was posted without an answer is neither left over nor doubled, whatever else has to be changed by then."""
    process = await ready(harness)
    process.poster.after_post = at(f"{KEY}#1", no_answer)
    with pytest.raises(SlackError):
        await harness.shows(process, texts("One", "Two"))
    if len(shown) > 1:
        harness.slack.delete_message(CHANNEL, harness.heads()[0])
    await harness.shows(process, texts(*shown))
    assert harness.seen() == list(shown)


async def test_trouble_while_looking_for_a_lost_post(harness: DeliveryHarness) -> None:
    """As long as Slack does not let look for a lost post, it is not posted again."""
    process = await ready(harness)
    process.poster.after_post = at(f"{KEY}#0", no_answer)
    with pytest.raises(SlackError):
        await harness.shows(process, texts("One"))
    harness.slack.faults.inject("conversations.history", Fault(FaultKind.RATE_LIMITED, times=2))
    for _ in range(2):
        with pytest.raises(SlackError):
            await harness.shows(process, texts("One"))
    await harness.shows(process, texts("One"))
    assert harness.seen() == ["One"]
    assert len(process.poster.posts) == 1


async def test_trouble_while_showing_anew_what_was_deleted(harness: DeliveryHarness) -> None:
    """The same, when Slack turns the posts away halfway: what was taken down already is not looked for again."""
    process = await ready(harness)
    await harness.shows(process, texts("One", "Two", "Three"))
    harness.slack.delete_message(CHANNEL, harness.heads()[1])
    await harness.orders_anew(process.store)
    process.poster.before_post = at(f"{KEY}#2", rate_limited)
    with pytest.raises(SlackError):
        await harness.shows(process, texts("One", "Zwei", "Three"))
    assert harness.seen() == ["One", "Zwei"]
    await harness.shows(process, texts("One", "Zwei", "Three"))
    assert harness.seen() == ["One", "Zwei", "Three"]


async def test_only_what_was_posted_since_is_looked_through(harness: DeliveryHarness) -> None:
    """A message that waited long in a busy channel is looked for only since its post, so that looking ends."""
    process = await ready(harness)
    for number in range(2100):  # more than is looked through
        harness.slack.say("U1", CHANNEL, f"Chatter {number}")
    harness.harness.now += timedelta(hours=3)
    process.poster.before_post = at(f"{KEY}#0", no_answer)
    with pytest.raises(SlackError):
        await harness.shows(process, texts("Hello"))
    await harness.shows(process, texts("Hello"))
    assert harness.seen().count("Hello") == 1


async def test_absurd_waits_are_not_waited_for(harness: DeliveryHarness) -> None:
    """A conversation that Slack asks to wait for years is served again after an hour."""
    process = await ready(harness)
    harness.slack.faults.inject("chat.postMessage", Fault(FaultKind.RATE_LIMITED, retry_after=10**9))
    await process.deliverer.deliver(CHANNEL)

    harness.harness.now += timedelta(minutes=59, seconds=59)
    assert await process.store.due() == ()
    harness.harness.now += timedelta(seconds=1)
    assert await process.store.due() == (Job(DELIVER, CHANNEL),)
    await process.deliverer.deliver(CHANNEL)
    assert harness.seen() == ["Hello"]


async def test_what_is_refused_as_text_as_well_is_not_sent_for_ever(harness: DeliveryHarness) -> None:
    """Text that Slack refuses for its shape is given up: no endless turning of text into text."""
    process = await ready(harness)
    harness.slack.faults.inject("chat.postMessage", Fault(FaultKind.ERROR, code="invalid_blocks", times=None))
    with pytest.raises(BlocksError):
        await harness.shows(process, [too_long(*WORDS)])
    await process.deliverer.deliver(CHANNEL)
    assert (await harness.row(process.store)).failure == "invalid_blocks"
