from dataclasses import dataclass

import pytest

from bot.playground.slack import Json
from bot.playground.slack.blocks import home_faults, message_faults, modal_faults


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _option(value: str, text: str = "Option") -> Json:
    return {"text": _plain(text), "value": value}


def _section(text: object, kind: str = "mrkdwn") -> Json:
    return {"type": "section", "text": {"type": kind, "text": text}}


def _actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def _button(action_id: str = "press", **more: object) -> Json:
    return {"type": "button", "action_id": action_id, "text": _plain("Press"), **more}


def _field_of(element: Json, **more: object) -> Json:
    return {"type": "input", "label": _plain("Label"), "element": element, **more}


def _table(rows: list[list[Json]], **more: object) -> Json:
    return {"type": "data_table", "caption": "Stories", "rows": rows, **more}


def _cell(text: str) -> Json:
    return {"type": "raw_text", "text": text}


def _button_cell(action_id: str) -> Json:
    return {"type": "action", "element": _button(action_id), "fallback": _cell("-")}


MENU = {"type": "static_select", "action_id": "menu", "options": [_option("1"), _option("2")]}
RICH = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "Hello", "style": {"bold": True}}]},
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U1"}]}],
        },
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "code"}]},
        {"type": "rich_text_quote", "elements": [{"type": "link", "url": "https://example.com"}]},
    ],
}


@dataclass(frozen=True)
class Case:
    """Blocks, and what Slack says against them; None: nothing."""

    what: str
    blocks: object
    says: str | None


TAKEN = [
    Case("text in mrkdwn", [_section("*Hi*")], None),
    Case("text of 3000 characters", [_section("x" * 3000)], None),
    Case("a section of fields", [{"type": "section", "fields": [_plain("a")] * 10}], None),
    Case("a section with a button", [_section("Hi") | {"accessory": _button(style="primary", value="1")}], None),
    Case("a divider and a header", [{"type": "divider"}, {"type": "header", "text": _plain("H" * 150)}], None),
    Case("25 buttons", [_actions(*(_button(str(n)) for n in range(25)))], None),
    Case("rich text of every part", [RICH], None),
    Case("an overflow menu with a link", [
        _actions({"type": "overflow", "options": [_option("1") | {"url": "https://example.com"}]})
    ], None),
    Case("a table of 100 rows", [_table([[_cell("Name")]] + [[_cell("x")]] * 100, page_size=100)], None),
    Case("numbers in a table", [_table([[_cell("n")], [{"type": "raw_number", "value": 1.5, "text": "1,5"}]])], None),
    Case("the older table", [
        {"type": "table", "rows": [[_cell("a"), RICH]], "column_settings": [{"align": "right"}]}
    ], None),
    Case("markdown", [{"type": "markdown", "text": "# Hi"}], None),
    Case("a context of text and picture", [
        {"type": "context", "elements": [
            _plain("a"), {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"},
        ]}
    ], None),
    Case("50 blocks", [{"type": "divider"}] * 50, None),
    Case("radio buttons with a first choice", [
        _actions({"type": "radio_buttons", "options": [_option("1")], "initial_option": _option("1")})
    ], None),
]  # fmt: skip

REFUSED = [
    Case("51 blocks", [{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    Case("text of 3001 characters", [_section("x" * 3001)], "must be less than 3001 characters"),
    Case("empty text", [_section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    Case("a number for a text", [_section(1)], "must be a string"),
    Case("emoji in mrkdwn", [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
         "invalid additional property: emoji [json-pointer:/blocks/0/text]"),
    Case("a text without its type", [{"type": "section", "text": {"text": "x"}}], "missing required field: type"),
    Case("a text of unknown type", [_section("x", "html")], "unsupported type: html"),
    Case("a type that is no word", [{"type": ["section"]}], "unsupported type: ['section']"),
    Case("a section of nothing", [{"type": "section"}], "must define either `text` or `fields`"),
    Case("11 fields", [{"type": "section", "fields": [_plain("a")] * 11}], "no more than 10 items allowed"),
    Case("a field of 2001 characters", [{"type": "section", "fields": [_plain("x" * 2001)]}], "less than 2001"),
    Case("a header in mrkdwn", [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "unsupported type"),
    Case("a header of 151 characters", [{"type": "header", "text": _plain("x" * 151)}], "less than 151"),
    Case("11 context elements", [{"type": "context", "elements": [_plain("a")] * 11}], "no more than 10 items"),
    Case("26 buttons", [_actions(*(_button(str(n)) for n in range(26)))], "no more than 25 items allowed"),
    Case("no buttons", [_actions()], "no fewer than 1 item allowed"),
    Case("two buttons of one id", [_actions(_button("a"), _button("a"))], "action_id already exists: a"),
    Case("two blocks of one id", [{"type": "divider", "block_id": "a"}] * 2, "block_id already exists: a"),
    Case("a block id of 256 characters", [{"type": "divider", "block_id": "x" * 256}], "less than 256"),
    Case("a button text of 76 characters", [_actions(_button() | {"text": _plain("x" * 76)})], "less than 76"),
    Case("a button in a style of its own", [_actions(_button(style="green"))], "must be one of: primary, danger"),
    Case("a button with half a confirm dialog", [_actions(_button(confirm={"title": _plain("Sure?")}))],
         "missing required field: deny"),
    Case("an input field among actions", [_actions({"type": "plain_text_input"})], "unsupported type"),
    Case("a menu of 101 options", [_actions({"type": "static_select", "options": [_option(str(n)) for n in range(101)]})],
         "no more than 100 items allowed"),
    Case("a menu without options", [_actions({"type": "static_select"})], "either `options` or `option_groups`"),
    Case("two options of one value", [_actions({"type": "static_select", "options": [_option("1"), _option("1")]})],
         "option value already exists: 1"),
    Case("one value in two groups", [_actions({"type": "static_select", "option_groups": [
        {"label": _plain("A"), "options": [_option("1")]}, {"label": _plain("B"), "options": [_option("1")]}]})],
         "option value already exists: 1"),
    Case("an option text of 76 characters", [_actions({"type": "static_select", "options": [_option("1", "x" * 76)]})],
         "less than 76"),
    Case("an option value of 76 characters", [_actions({"type": "static_select", "options": [_option("x" * 76)]})],
         "less than 76"),
    Case("a menu option in mrkdwn", [_actions({"type": "static_select", "options": [
        {"text": {"type": "mrkdwn", "text": "x"}, "value": "1"}]})], "unsupported type: mrkdwn"),
    Case("a first choice that nobody offers", [_actions(MENU | {"initial_option": _option("3")})],
         "initial_option must be one of the options"),
    Case("first choices that nobody offers", [_actions(
        {"type": "checkboxes", "options": [_option("1")], "initial_options": [_option("2")]})],
         "initial_options must be among the options"),
    Case("6 entries in an overflow menu", [_actions(
        {"type": "overflow", "options": [_option(str(n)) for n in range(6)]})], "no more than 5 items allowed"),
    Case("11 radio buttons", [_actions(
        {"type": "radio_buttons", "options": [_option(str(n)) for n in range(11)]})], "no more than 10 items allowed"),
    Case("a table without a caption", [{"type": "data_table", "rows": [[_cell("a")], [_cell("b")]]}],
         "missing required field: caption"),
    Case("a table of a header only", [_table([[_cell("a")]])], "no fewer than 2 items allowed"),
    Case("a table of 101 rows", [_table([[_cell("a")]] * 102)], "no more than 101 items allowed"),
    Case("a table of 21 columns", [_table([[_cell("a")] * 21] * 2)], "no more than 20 items allowed"),
    Case("rows of different lengths", [_table([[_cell("a")], [_cell("a"), _cell("b")]])], "same number of values"),
    Case("an empty cell", [_table([[_cell("a")], [_cell("")]])], "must be more than 0 characters"),
    Case("rich text in the header", [_table([[RICH], [_cell("a")]])], "rich_text is not allowed in the header"),
    Case("a page of 101 rows", [_table([[_cell("a")]] * 2, page_size=101)], "must be between 1 and 100"),
    Case("a header column that is not there", [_table([[_cell("a")]] * 2, row_header_column_index=1)],
         "must be the index of a column"),
    Case("a number cell of text", [_table([[_cell("n")], [{"type": "raw_number", "value": "1"}]])], "must be a number"),
    Case("a button in the header", [_table([[_button_cell("a")], [_cell("a")]])], "action is not allowed in the header"),
    Case("a menu in a cell", [_table([[_cell("a")], [_button_cell("a") | {"element": MENU}]])], "unsupported type"),
    Case("a button in a cell without text for old clients", [_table([[_cell("a")], [
        {"type": "action", "element": _button()}]])], "missing required field: fallback"),
    Case("two buttons of one id in a table", [_table([[_cell("a")], [_button_cell("a")], [_button_cell("a")]])],
         "action_id already exists: a"),
    Case("10,001 characters over two tables", [_table([[_cell("x" * 2500)], [_cell("x" * 2500)]]),
         _table([[_cell("x" * 2500)], [_cell("x" * 2501)]])], "tables must be less than 10001 characters in all"),
    Case("markdown of 12,001 characters", [{"type": "markdown", "text": "x" * 12_001}], "less than 12001"),
    Case("a block of a new kind", [{"type": "hologram"}], "unsupported type: hologram"),
    Case("a word instead of a block", ["section"], "must be an object"),
    Case("an object instead of blocks", {"type": "section"}, "must be an array"),
    Case("truth in a word", [_actions(_button() | {"text": _plain("x") | {"emoji": "yes"}})], "must be a boolean"),
    Case("a page size in a word", [_table([[_cell("a")]] * 2, page_size="5")], "must be an integer"),
]  # fmt: skip


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case.what)
def test_a_message_that_slack_takes_has_no_faults(case: Case) -> None:
    """Whatever Slack documents as allowed in a message is taken."""
    assert message_faults(case.blocks) == []


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.what)
def test_a_message_that_slack_refuses_has_its_fault_named(case: Case) -> None:
    """Each limit is refused in Slack's words, with a pointer to the place."""
    faults = message_faults(case.blocks)
    assert any(str(case.says) in fault for fault in faults), faults
    assert all("[json-pointer:/blocks" in fault for fault in faults)


def _modal(*blocks: Json, **more: object) -> Json:
    return {"type": "modal", "title": _plain("Title"), "blocks": list(blocks), **more}


TEXT_INPUT = {"type": "plain_text_input", "action_id": "text"}
SUBMIT = {"submit": _plain("Send")}

VIEWS_TAKEN = [
    Case("100 blocks", _modal(*[{"type": "divider"}] * 100), None),
    Case("a form", _modal(_field_of(TEXT_INPUT | {"multiline": True, "max_length": 3000}), **SUBMIT), None),
    Case("a form of menus", _modal(
        _field_of({"type": "external_select", "min_query_length": 0, "initial_option": _option("1")}),
        _field_of({"type": "multi_external_select", "initial_options": [_option("1"), _option("2")]}),
        _field_of(MENU, optional=True, dispatch_action=True, hint=_plain("Hint")),
        _field_of({"type": "multi_users_select", "initial_users": ["U1"]}),
        _field_of({"type": "datepicker", "initial_date": "2026-12-24"}),
        _field_of({"type": "number_input", "is_decimal_allowed": False}),
        **SUBMIT), None),
    Case("metadata of 3000 characters", _modal(private_metadata="x" * 3000), None),
    Case("a title of 24 characters", _modal(title=_plain("x" * 24)), None),
]  # fmt: skip
VIEWS_REFUSED = [
    Case("101 blocks", _modal(*[{"type": "divider"}] * 101), "no more than 100 items allowed"),
    Case("a title of 25 characters", _modal(title=_plain("x" * 25)), "less than 25 characters"),
    Case("no title", {"type": "modal", "blocks": []}, "missing required field: title"),
    Case("a submit of 25 characters", _modal(submit=_plain("x" * 25)), "less than 25 characters"),
    Case("metadata of 3001 characters", _modal(private_metadata="x" * 3001), "less than 3001 characters"),
    Case("a callback id of 256 characters", _modal(callback_id="x" * 256), "less than 256 characters"),
    Case("an input without a submit", _modal(_field_of(TEXT_INPUT)), "missing required field: submit"),
    Case("a table", _modal(_table([[_cell("a")]] * 2)), "unsupported type: data_table"),
    Case("markdown", _modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
    Case("a button in a field", _modal(_field_of(_button()), **SUBMIT), "unsupported type: button"),
    Case("two fields with the focus", _modal(
        _field_of(TEXT_INPUT | {"focus_on_load": True}),
        _field_of(TEXT_INPUT | {"focus_on_load": True}), **SUBMIT), "only one element may have focus_on_load"),
    Case("a text longer at least than at most", _modal(
        _field_of(TEXT_INPUT | {"min_length": 5, "max_length": 4}), **SUBMIT), "min_length must not be greater"),
    Case("a first text of 3001 characters", _modal(
        _field_of(TEXT_INPUT | {"initial_value": "x" * 3001}), **SUBMIT), "less than 3001"),
    Case("a home tab as a modal", {"type": "home", "blocks": []}, "unsupported type: home"),
    Case("two blocks of one id", _modal(*[{"type": "divider", "block_id": "a"}] * 2), "block_id already exists"),
    Case("a view that is a list", [], "must be an object"),
]  # fmt: skip


@pytest.mark.parametrize("case", VIEWS_TAKEN, ids=lambda case: case.what)
def test_a_modal_that_slack_takes_has_no_faults(case: Case) -> None:
    """Whatever Slack documents as allowed in a modal is taken."""
    assert modal_faults(case.blocks) == []


@pytest.mark.parametrize("case", VIEWS_REFUSED, ids=lambda case: case.what)
def test_a_modal_that_slack_refuses_has_its_fault_named(case: Case) -> None:
    """Each limit of a view is refused in Slack's words."""
    faults = modal_faults(case.blocks)
    assert any(str(case.says) in fault for fault in faults), faults


def test_a_home_tab_has_no_title_and_no_table() -> None:
    """The App Home takes blocks of views only, and nothing of a modal's frame."""
    assert home_faults({"type": "home", "blocks": [_section("Hi"), _actions(_button())]}) == []
    assert "invalid additional property: title" in home_faults({"type": "home", "blocks": [], "title": _plain("x")})[0]
    assert "unsupported type: table" in home_faults({"type": "home", "blocks": [{"type": "table", "rows": []}]})[0]
    assert "unsupported type: modal" in home_faults(_modal())[0]
