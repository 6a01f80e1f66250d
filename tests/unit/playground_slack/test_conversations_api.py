from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.slack import Json, LocalSlack

Refused = Callable[[Awaitable[Any]], Awaitable[Json]]


async def test_a_channel_tells_what_it_is(web: AsyncWebClient, refused: Refused) -> None:
    """A channel says whether the app is in it; a private one without the app does not exist for it."""
    assert (await web.conversations_info(channel="C1"))["channel"]["is_member"]
    assert not (await web.conversations_info(channel="C2"))["channel"]["is_member"]
    assert (await web.conversations_info(channel="G1"))["channel"]["is_private"]
    assert (await refused(web.conversations_info(channel="G2")))["error"] == "channel_not_found"
    counted = await web.conversations_info(channel="C1", include_num_members=True)
    assert counted["channel"]["num_members"] == 3


async def test_the_list_has_what_the_app_may_know(slack: LocalSlack, web: AsyncWebClient) -> None:
    """The list has public channels by default, private ones with the app on demand, archived ones unless left out."""
    assert [c["id"] for c in (await web.conversations_list())["channels"]] == ["C1", "C2"]
    both = await web.conversations_list(types="public_channel,private_channel")
    assert [c["id"] for c in both["channels"]] == ["C1", "G1", "C2"]
    slack.archive("C2")
    assert [c["id"] for c in (await web.conversations_list(exclude_archived=True))["channels"]] == ["C1"]


async def test_lists_come_in_pages(web: AsyncWebClient, refused: Refused) -> None:
    """A cursor leads to the next page, and a made-up one nowhere."""
    first = await web.conversations_list(limit=1)
    second = await web.conversations_list(limit=1, cursor=first["response_metadata"]["next_cursor"])
    assert [first["channels"][0]["id"], second["channels"][0]["id"]] == ["C1", "C2"]
    assert second["response_metadata"]["next_cursor"] == ""
    for cursor in ("nonsense", "bmV4dDp4", "/w=="):
        assert (await refused(web.conversations_list(cursor=cursor)))["error"] == "invalid_cursor"
    assert (await refused(web.conversations_list(limit=0)))["error"] == "invalid_limit"


async def test_members_include_the_app(slack: LocalSlack, web: AsyncWebClient) -> None:
    """The app's user is a member of the channels it is in, until somebody removes it."""
    assert (await web.conversations_members(channel="C1"))["members"] == ["U1", "U2", "UBOT"]
    slack.kick_bot("C1")
    assert (await web.conversations_members(channel="C1"))["members"] == ["U1", "U2"]


async def test_a_direct_conversation_is_opened_once(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """Opening leads to the same conversation each time, and to nobody who is not there."""
    first = (await web.conversations_open(users="U1"))["channel"]["id"]
    again = (await web.conversations_open(users="U1", return_im=True))["channel"]
    assert (again["id"], again["user"], again["is_im"]) == (first, "U1", True)
    assert (await web.conversations_open(channel=first))["channel"]["id"] == first
    assert (await refused(web.conversations_open(users="U9")))["error"] == "user_not_found"
    assert (await refused(web.conversations_open(users="UBOT")))["error"] == "cannot_dm_bot"
    assert (await refused(web.conversations_open(users="U1,U2")))["error"] == "invalid_user_combination"
    slack.deactivate("U2")
    assert (await refused(web.conversations_open(users="U2")))["error"] == "user_disabled"


async def test_joining_is_for_public_channels(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """The app can join a public channel that is not archived, and read it from then on."""
    assert (await refused(web.conversations_history(channel="C2")))["error"] == "not_in_channel"
    assert (await web.conversations_join(channel="C2"))["channel"]["is_member"]
    assert (await web.conversations_history(channel="C2"))["ok"]
    error = (await refused(web.conversations_join(channel="G1")))["error"]
    assert error == "method_not_supported_for_channel_type"
    slack.archive("C2")
    assert (await refused(web.conversations_join(channel="C2")))["error"] == "is_archived"


async def test_history_is_newest_first_in_pages(web: AsyncWebClient) -> None:
    """History goes back in time, page by page, without the replies."""
    stamps = [(await web.chat_postMessage(channel="C1", text=str(n)))["ts"] for n in range(5)]
    await web.chat_postMessage(channel="C1", text="reply", thread_ts=stamps[0])
    first = await web.conversations_history(channel="C1", limit=3)
    assert [m["text"] for m in first["messages"]] == ["4", "3", "2"]
    assert first["has_more"]
    cursor = first["response_metadata"]["next_cursor"]
    second = await web.conversations_history(channel="C1", limit=3, cursor=cursor)
    assert [m["text"] for m in second["messages"]] == ["1", "0"]
    assert not second["has_more"]


@pytest.mark.parametrize(("inclusive", "found"), [(False, ["2"]), (True, ["3", "2", "1"])])
async def test_history_between_two_times(web: AsyncWebClient, *, inclusive: bool, found: list[str]) -> None:
    """Both ends belong to the range only when asked for."""
    stamps = [(await web.chat_postMessage(channel="C1", text=str(n)))["ts"] for n in range(5)]
    answer = await web.conversations_history(channel="C1", oldest=stamps[1], latest=stamps[3], inclusive=inclusive)
    assert [m["text"] for m in answer["messages"]] == found


async def test_metadata_comes_on_demand(web: AsyncWebClient) -> None:
    """An app's key in the metadata is found again, but only by who asks for metadata."""
    metadata = {"event_type": "note", "event_payload": {"key": "a"}}
    head = await web.chat_postMessage(channel="C1", text="Hi", metadata=metadata)
    await web.chat_postMessage(channel="C1", text="Re", thread_ts=head["ts"], metadata=metadata)
    assert "metadata" not in (await web.conversations_history(channel="C1"))["messages"][0]
    told = await web.conversations_history(channel="C1", include_all_metadata=True)
    assert told["messages"][0]["metadata"] == metadata
    replies = await web.conversations_replies(channel="C1", ts=head["ts"], include_all_metadata=True)
    assert [m["metadata"] for m in replies["messages"]] == [metadata, metadata]


async def test_replies_start_with_their_head(web: AsyncWebClient, refused: Refused) -> None:
    """Each page of a thread has its head and then replies, oldest first."""
    head = (await web.chat_postMessage(channel="C1", text="head"))["ts"]
    for n in range(3):
        await web.chat_postMessage(channel="C1", text=str(n), thread_ts=head)
    first = await web.conversations_replies(channel="C1", ts=head, limit=2)
    assert [m["text"] for m in first["messages"]] == ["head", "0", "1"]
    cursor = first["response_metadata"]["next_cursor"]
    second = await web.conversations_replies(channel="C1", ts=head, limit=2, cursor=cursor)
    assert [m["text"] for m in second["messages"]] == ["head", "2"]
    alone = await web.conversations_replies(channel="C1", ts=second["messages"][1]["ts"])
    assert [m["text"] for m in alone["messages"]] == ["2"]
    assert (await refused(web.conversations_replies(channel="C1", ts="1.2")))["error"] == "thread_not_found"


async def test_people_tell_what_they_are(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """A user's record says guest, deactivated or bot, and a stranger's or deactivated one leaves out what Slack does."""
    assert (await web.users_info(user="U1"))["user"]["real_name"] == "Ada Lovelace"
    slack.make_guest("U1")
    assert (await web.users_info(user="U1"))["user"]["is_restricted"]
    slack.deactivate("U1")
    gone = (await web.users_info(user="U1"))["user"]
    assert gone["deleted"]
    assert "is_restricted" not in gone
    slack.workspace.users[1].is_stranger = True
    assert (await web.users_info(user="U2"))["user"]["is_stranger"]
    assert (await web.users_info(user="UBOT"))["user"]["is_bot"]
    assert (await refused(web.users_info(user="U9")))["error"] == "user_not_found"
    assert len((await web.users_list())["members"]) == 4


async def test_user_groups_have_members(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """Groups list their members, change with the workspace, and hide when switched off."""
    groups = (await web.usergroups_list(include_users=True))["usergroups"]
    assert [(g["id"], g["users"]) for g in groups] == [("S1", ["U2"])]
    assert len((await web.usergroups_list(include_disabled=True))["usergroups"]) == 2
    assert (await web.usergroups_users_list(usergroup="S1"))["users"] == ["U2"]
    slack.set_group("S1", ["U1", "U3"])
    assert (await web.usergroups_users_list(usergroup="S1"))["users"] == ["U1", "U3"]
    slack.disable_group("S1")
    assert (await refused(web.usergroups_users_list(usergroup="S1")))["error"] == "no_such_subteam"
    assert (await web.usergroups_users_list(usergroup="S1", include_disabled=True))["ok"]
