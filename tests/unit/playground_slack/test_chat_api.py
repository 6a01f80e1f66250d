from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.slack import Json, LocalSlack

Refused = Callable[[Awaitable[Any]], Awaitable[Json]]
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}


async def test_a_posted_message_is_in_the_channel(slack: LocalSlack, web: AsyncWebClient) -> None:
    """A posted message is there with its author, blocks with ids, and metadata."""
    metadata = {"event_type": "note", "event_payload": {"key": "a"}}
    posted = await web.chat_postMessage(channel="C1", text="Hi", blocks=[{"type": "divider"}], metadata=metadata)
    (message,) = slack.messages("C1")
    assert (message["ts"], message["user"], message["text"]) == (posted["ts"], "UBOT", "Hi")
    assert message["blocks"][0]["block_id"]
    assert message["metadata"] == metadata


async def test_a_message_to_a_person_lands_in_their_direct_messages(slack: LocalSlack, web: AsyncWebClient) -> None:
    """A user id in place of a channel reaches the person, as `conversations.open` does."""
    posted = await web.chat_postMessage(channel="U1", text="Psst")
    opened = await web.conversations_open(users="U1")
    assert posted["channel"] == opened["channel"]["id"] == slack.open_dm("U1")


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"channel": "C1"}, "no_text"),
        ({"channel": "C1", "text": "x" * 4001}, "msg_too_long"),
        ({"channel": "C9", "text": "x"}, "channel_not_found"),
        ({"channel": "#general", "text": "x"}, "channel_not_found"),
        ({"channel": "C2", "text": "x"}, "not_in_channel"),
        ({"channel": "G2", "text": "x"}, "channel_not_found"),
        ({"channel": "C1", "text": "x", "thread_ts": "1.2"}, "thread_not_found"),
        ({"channel": "C1", "text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"channel": "C1", "text": "x", "blocks": '{"type": "divider"}'}, "invalid_blocks_format"),
        ({"channel": "C1", "text": "x", "blocks": [{"type": "no"}]}, "invalid_blocks"),
        ({"channel": "C1", "text": "x", "blocks": [SECTION] * 5}, "msg_blocks_too_long"),
        ({"channel": "C1", "text": "x", "metadata": "nonsense"}, "invalid_metadata_format"),
        ({"channel": "C1", "text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        ({"channel": "C1", "text": "x", "metadata": {"event_payload": {}}}, "invalid_metadata_format"),
        (
            {"channel": "C1", "text": "x", "metadata": {"event_type": "a", "event_payload": {"k": "x" * 8000}}},
            "metadata_too_large",
        ),
        ({"channel": "", "text": "x"}, "invalid_arguments"),
        ({"channel": ["C1"], "text": "x"}, "invalid_arguments"),
    ],
)
async def test_a_bad_message_is_refused(
    slack: LocalSlack, web: AsyncWebClient, refused: Refused, what: Json, code: str
) -> None:
    """What Slack does not take is refused with its code, and nothing is posted."""
    answer = await refused(web.api_call("chat.postMessage", json=what))
    assert answer["error"] == code
    assert slack.messages("C1") == []


async def test_faults_of_blocks_are_told_twice(web: AsyncWebClient, refused: Refused) -> None:
    """Block faults come bare in `errors` and marked in `response_metadata`, as Slack sends them."""
    answer = await refused(web.chat_postMessage(channel="C1", text="x", blocks=[{"type": "no"}]))
    assert answer["errors"] == ["unsupported type: no [json-pointer:/blocks/0/type]"]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {answer['errors'][0]}"]


async def test_form_encoded_calls_work_as_well(slack: LocalSlack) -> None:
    """Objects may come as JSON in a form's fields, and the token in the body."""
    async with httpx.AsyncClient(base_url=slack.base_url) as plain:
        answer = await plain.post(
            "/api/chat.postMessage",
            data={"token": slack.app.bot_token, "channel": "C1", "text": "Hi", "blocks": '[{"type": "divider"}]'},
        )
    assert answer.json()["ok"]
    assert slack.messages("C1")[0]["blocks"][0]["type"] == "divider"


async def test_a_thread_counts_its_replies(slack: LocalSlack, web: AsyncWebClient) -> None:
    """Replies stay out of the channel, and their head tells how many there are; a reply leads to the same thread."""
    head = await web.chat_postMessage(channel="C1", text="Head")
    reply = await web.chat_postMessage(channel="C1", text="One", thread_ts=head["ts"])
    await web.chat_postMessage(channel="C1", text="Two", thread_ts=reply["ts"])
    (message,) = slack.messages("C1")
    assert (message["reply_count"], message["reply_users"]) == (2, ["UBOT"])
    assert [m["text"] for m in slack.messages("C1", thread_ts=head["ts"])] == ["Head", "One", "Two"]


async def test_an_update_replaces_and_marks(slack: LocalSlack, web: AsyncWebClient) -> None:
    """An update changes text and blocks, keeps the metadata and marks the message as edited."""
    metadata = {"event_type": "note", "event_payload": {"key": "a"}}
    posted = await web.chat_postMessage(channel="C1", text="Old", blocks=[{"type": "divider"}], metadata=metadata)
    await web.chat_update(channel="C1", ts=posted["ts"], text="New", blocks=[])
    (message,) = slack.messages("C1")
    assert message["text"] == "New"
    assert "blocks" not in message
    assert message["edited"]["user"] == "UBOT"
    assert message["metadata"] == metadata


async def test_an_update_of_the_text_takes_the_blocks_away(slack: LocalSlack, web: AsyncWebClient) -> None:
    """A text alone replaces the blocks; blocks alone keep the text and are not marked as an edit."""
    posted = await web.chat_postMessage(channel="C1", text="Old", blocks=[{"type": "divider"}])
    await web.chat_update(channel="C1", ts=posted["ts"], text="New")
    assert "blocks" not in slack.messages("C1")[0]
    await web.api_call("chat.update", json={"channel": "C1", "ts": posted["ts"], "blocks": [{"type": "divider"}] * 2})
    (message,) = slack.messages("C1")
    assert (message["text"], len(message["blocks"])) == ("New", 2)
    assert "edited" not in message


async def test_only_own_messages_can_be_changed(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """What somebody else wrote, or nobody, is neither updated nor deleted."""
    foreign = slack.say("U1", "C1", "Hello")["ts"]
    assert (await refused(web.chat_update(channel="C1", ts=foreign, text="x")))["error"] == "cant_update_message"
    assert (await refused(web.chat_delete(channel="C1", ts=foreign)))["error"] == "cant_delete_message"
    assert (await refused(web.chat_update(channel="C1", ts="1.2", text="x")))["error"] == "message_not_found"


async def test_nothing_goes_into_an_archived_channel(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """An archived channel takes neither posts nor updates, until it is back."""
    posted = await web.chat_postMessage(channel="C1", text="Hi")
    slack.archive("C1")
    assert (await refused(web.chat_postMessage(channel="C1", text="x")))["error"] == "is_archived"
    assert (await refused(web.chat_update(channel="C1", ts=posted["ts"], text="x")))["error"] == "is_archived"
    slack.archive("C1", archived=False)
    assert (await web.chat_postMessage(channel="C1", text="x"))["ok"]


async def test_a_deleted_head_leaves_a_tombstone(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """A thread outlives its first message, which cannot be changed any more; the last reply takes it along.

    What replies to it after that appears at the channel's root, without an error.
    """
    head = await web.chat_postMessage(channel="C1", text="Head")
    reply = await web.chat_postMessage(channel="C1", text="One", thread_ts=head["ts"])
    slack.delete_message("C1", head["ts"])
    assert slack.messages("C1")[0]["subtype"] == "tombstone"
    assert (await refused(web.chat_update(channel="C1", ts=head["ts"], text="x")))["error"] == "message_not_found"
    assert (await web.chat_postMessage(channel="C1", text="Two", thread_ts=head["ts"]))["ok"]
    for ts in (reply["ts"], slack.messages("C1", thread_ts=head["ts"])[-1]["ts"]):
        await web.chat_delete(channel="C1", ts=ts)
    assert slack.messages("C1") == []
    stray = await web.chat_postMessage(channel="C1", text="x", thread_ts=head["ts"])
    assert "thread_ts" not in stray["message"]
    assert [message["ts"] for message in slack.messages("C1")] == [stray["ts"]]


async def test_a_deleted_message_is_gone(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """A message without replies leaves nothing behind."""
    posted = await web.chat_postMessage(channel="C1", text="Hi")
    await web.chat_delete(channel="C1", ts=posted["ts"])
    assert slack.messages("C1") == []
    assert (await refused(web.chat_delete(channel="C1", ts=posted["ts"])))["error"] == "message_not_found"


async def test_an_ephemeral_message_is_for_one_person(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """An ephemeral message is on one screen only, in no history, and only for members of the channel."""
    await web.chat_postEphemeral(channel="C1", user="U1", text="Psst")
    assert [m["text"] for m in slack.ephemerals("U1", "C1")] == ["Psst"]
    assert slack.ephemerals("U2", "C1") == []
    assert slack.messages("C1") == []
    assert [m["text"] for m in slack.messages("C1", as_user="U1")] == ["Psst"]
    answer = await refused(web.chat_postEphemeral(channel="C1", user="U3", text="Psst"))
    assert answer["error"] == "user_not_in_channel"


async def test_a_permalink_leads_into_the_thread(web: AsyncWebClient, refused: Refused) -> None:
    """A permalink names channel and message, and the thread of a reply."""
    head = await web.chat_postMessage(channel="C1", text="Head")
    reply = await web.chat_postMessage(channel="C1", text="One", thread_ts=head["ts"])
    link = (await web.chat_getPermalink(channel="C1", message_ts=head["ts"]))["permalink"]
    assert link == f"https://local.slack.com/archives/C1/p{head['ts'].replace('.', '')}"
    deeper = (await web.chat_getPermalink(channel="C1", message_ts=reply["ts"]))["permalink"]
    assert deeper.endswith(f"?thread_ts={head['ts']}&cid=C1")
    assert (await refused(web.chat_getPermalink(channel="C1", message_ts="1.2")))["error"] == "message_not_found"


async def test_a_file_is_shared_in_three_steps(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """An upload is asked for, sent, and shared as a message; a length that does not match is refused."""
    ready = await web.files_getUploadURLExternal(filename="a.txt", length=5)
    early = await refused(web.files_completeUploadExternal(files=[{"id": ready["file_id"]}], channel_id="C1"))
    assert early["error"] == "file_not_found"
    async with httpx.AsyncClient() as plain:
        assert (await plain.post(ready["upload_url"], content=b"too much")).json()["error"] == "length_mismatch"
        assert (await plain.post(ready["upload_url"], content=b"hello")).text == "OK - 5"
        assert (await plain.post(f"{slack.base_url}/upload/F0", content=b"x")).json()["error"] == "file_not_found"
    await web.files_completeUploadExternal(
        files=[{"id": ready["file_id"], "title": "A"}], channel_id="C1", initial_comment="Here"
    )
    (message,) = slack.messages("C1")
    assert (message["text"], message["files"][0]["title"]) == ("Here", "A")
    assert (await refused(web.api_call("files.getUploadURLExternal", params={"filename": "a"})))["error"] == (
        "invalid_arguments"
    )
    assert (await refused(web.api_call("files.completeUploadExternal", json={"files": []})))["error"] == (
        "invalid_arguments"
    )
