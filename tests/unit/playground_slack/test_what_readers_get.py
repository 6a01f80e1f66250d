import pytest

from bot.playground.slack import Json, LocalSlack, live_mentions, render_text
from bot.playground.slack.mrkdwn import date_text


def _mrkdwn(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (
            {"text": "<!channel> and <@U1>, <https://evil.example|ok>"},
            ["<!channel>", "<@U1>", "<https://evil.example|ok>"],
        ),
        ({"text": "&lt;!channel&gt; <!date^0^{date}|x> <b> 1 < 2 > 1"}, []),
        ({"blocks": [_mrkdwn("<!here>")]}, ["<!here>"]),
        ({"blocks": [{"type": "section", "text": {"type": "plain_text", "text": "<!here>"}}]}, []),
        ({"blocks": '[{"type": "section", "text": {"type": "mrkdwn", "text": "<!here>"}}]'}, ["<!here>"]),
        ({"blocks": "{"}, []),
        ({"text": "<!here>", "mrkdwn": False}, []),
        ({"attachments": [{"fallback": "<#C1>"}]}, ["<#C1>"]),
        ({"type": "markdown", "text": "<mailto:a@example.com|a>"}, ["<mailto:a@example.com|a>"]),
        (
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": "<!channel>"},
                            {"type": "user", "user_id": "U1"},
                            {"type": "usergroup", "usergroup_id": "S1"},
                            {"type": "channel", "channel_id": "C1"},
                            {"type": "broadcast", "range": "here"},
                            {"type": "link", "url": "https://example.com"},
                        ],
                    }
                ],
            },
            ["<@U1>", "<!subteam^S1>", "<#C1>", "<!here>", "<https://example.com>"],
        ),
        ({"type": "data_table", "rows": [[{"type": "raw_text", "text": "<!channel>"}]]}, []),
        ({"text": "x", "metadata": {"event_payload": {"text": "<!channel>"}}}, []),
        ({"view": {"private_metadata": "<!channel>", "state": {"text": "<!channel>"}}}, []),
    ],
)
def test_every_live_mention_is_found(payload: Json, found: list[str]) -> None:
    """Whatever would ping or lead somewhere in a reader's Slack is found, and nothing else."""
    assert live_mentions(payload) == found


def test_bare_addresses_are_found_on_demand() -> None:
    """Slack makes links of bare addresses in mrkdwn; a scan may ask for them."""
    payload = {"blocks": [_mrkdwn("see https://evil.example/x and <https://ok.example|this>")]}
    assert live_mentions(payload) == ["<https://ok.example|this>"]
    assert live_mentions(payload, autolinks=True) == ["<https://ok.example|this>", "https://evil.example/x"]


def test_mrkdwn_reads_with_names(slack: LocalSlack) -> None:
    """Mentions, channels, links and dates read as they do in Slack, and escaped text as it was written."""
    text = "<@U1> in <#C1> and <#C9>, <!subteam^S1>, <!here>: <https://a.example|A> <https://b.example> &lt;b&gt; <b>"
    assert slack.render({"text": text}) == (
        "@ada in #general and #C9, @approvers, @here: A (https://a.example) https://b.example <b> <b>"
    )
    assert render_text({"text": "<!date^86400^{date_num} at {time}|later>"}) == "1970-01-02 at 00:00"


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("{date}", "January 2, 1970"),
        ("{date_short_pretty}", "Jan 2, 1970"),
        ("{date_long}, {time_secs}", "Friday, January 2, 1970, 00:00:00"),
    ],
)
def test_dates_read_in_slacks_formats(form: str, shown: str) -> None:
    """The tokens of Slack's date format read as in Slack, in UTC."""
    assert date_text(86_400, form) == shown


def test_a_date_out_of_time_shows_its_fallback() -> None:
    """A time that no calendar knows shows the fallback text."""
    assert render_text({"text": f"<!date^{10**15}^{{date}}|some day>"}) == "some day"


def test_blocks_read_as_on_the_screen() -> None:
    """Every kind of block is drawn, tables with their columns in line."""

    def cell(text: str) -> Json:
        return {"type": "raw_text", "text": text}

    blocks: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": "Sync"}},
        _mrkdwn("*Two* stories")
        | {"accessory": {"type": "button", "text": {"type": "plain_text", "text": "Review"}}},
        {"type": "section", "fields": [{"type": "plain_text", "text": "From"}, {"type": "plain_text", "text": "To"}]},
        {"type": "divider"},
        {
            "type": "context",
            "elements": [
                {"type": "plain_text", "text": "by ada"},
                {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "ada"},
            ],
        },
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Go"}},
                {"type": "overflow", "options": []},
            ],
        },
        {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a graph"},
        {"type": "markdown", "text": "# Notes"},
        {
            "type": "data_table",
            "caption": "Stories",
            "rows": [
                [cell("Name"), cell("n")],
                [cell("A ❌ name"), {"type": "raw_number", "value": 2}],
                [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [cell("x") | {"type": "text"}]}]}, cell("1")],
            ],
        },
        {"type": "hologram"},
    ]  # fmt: skip
    assert render_text({"text": "fallback", "blocks": blocks}).split("\n") == [
        "SYNC",
        "*Two* stories  [Review]",
        "From",
        "To",
        "─" * 40,
        "by ada [image: ada]",
        "[Go] […]",
        "[image: a graph]",
        "# Notes",
        "Stories",
        "Name      │ n",
        "──────────┼──",
        "A ❌ name │ 2",
        "x         │ 1",
        "[hologram]",
    ]


def test_rich_text_reads_with_its_lists_and_quotes() -> None:
    """Lists are numbered or marked and indented, quotes marked, mentions written out, and of links their words, or the address."""

    def line(*elements: Json) -> Json:
        return {"type": "rich_text_section", "elements": list(elements)}

    def word(text: str) -> Json:
        return {"type": "text", "text": text}

    block = {
        "type": "rich_text",
        "elements": [
            line(word("Hi "), {"type": "user", "user_id": "U1"}, {"type": "emoji", "name": "wave"}),
            {"type": "rich_text_list", "style": "ordered", "offset": 2, "elements": [line(word("c"))]},
            {"type": "rich_text_list", "style": "bullet", "indent": 1, "elements": [line(word("d"))]},
            {
                "type": "rich_text_quote",
                "elements": [
                    {"type": "link", "url": "https://a.example", "text": "A"},
                    {"type": "link", "url": "https://b.example"},
                ],
            },
            line({"type": "date", "timestamp": 0, "format": "{date_num}"}, {"type": "color", "value": "#fff"}),
        ],
    }
    assert render_text({"blocks": [block]}, {"U1": "ada"}.__getitem__).split("\n") == [
        "Hi @ada:wave:",
        "3. c",
        "  • d",
        "> Ahttps://b.example",
        "1970-01-01#fff",
    ]


def test_a_modal_reads_with_what_was_filled_in() -> None:
    """A form shows its labels, what stands in its fields or their placeholders, hints and buttons."""

    def field(block_id: str, element: Json, **more: Json) -> Json:
        label = {"type": "plain_text", "text": block_id.title()}
        return {"type": "input", "block_id": block_id, "label": label, "element": element, **more}

    option = {"text": {"type": "plain_text", "text": "A &amp; B"}, "value": "1"}
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Form"},
        "submit": {"type": "plain_text", "text": "Send"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [
            field(
                "why",
                {
                    "type": "plain_text_input",
                    "action_id": "a",
                    "placeholder": {"type": "plain_text", "text": "a reason"},
                },
                hint={"type": "plain_text", "text": "be kind"},
            ),
            field("who", {"type": "multi_external_select", "action_id": "a"}),
        ],
        "state": {"values": {"who": {"a": {"type": "multi_external_select", "selected_options": [option, option]}}}},
    }
    assert render_text(view).split("\n") == [
        "── Form ──",
        "(Why) «a reason» — be kind",
        "(Who) «A & B, A & B»",
        "[Send] [Cancel]",
    ]
