"""Whom people are told to ask is named wherever our texts name the admin, and nowhere in what others wrote."""

import json

import pytest

from bot.views import kit
from bot.views.contact import ADMIN, with_contact
from bot.views.dialogs import refused_view
from bot.views.fallback_text import message
from bot.views.lists import error_message, refusal_message
from bot.views.note_kinds import Note, note_lines
from bot.views.options import note_options
from handlers.people import Person
from handlers.policy import may_request, may_use
from handlers.routes import Route
from tests.unit.views.harness import a_request

_SAID = (f"You cannot use dev-to-prod. Ask {ADMIN} to add you.",)


@pytest.mark.parametrize(
    ("contact", "blocks", "text"),
    [
        ("", ADMIN, f"Ask {ADMIN} to"),
        ("the platform team", "the platform team", "Ask the platform team to"),
        ("U0ADA", {"type": "user", "user_id": "U0ADA"}, "Ask <@U0ADA> to"),
        ("C0HELP", {"type": "channel", "channel_id": "C0HELP"}, "Ask <#C0HELP> to"),
        ("<!channel> *now*", "<!channel> *now*", "Ask &lt;!channel&gt; \N{ASTERISK OPERATOR}now"),
    ],
    ids=["none", "words", "a person", "a channel", "hostile words"],
)
def test_a_message_names_the_contact(contact: str, blocks: object, text: str) -> None:
    """A person and a channel are mentioned, words are said as they are; without a contact it is the admin."""
    said = refusal_message(_SAID)
    sent = with_contact({"channel": "C1", "text": said.text, "blocks": said.blocks}, contact)
    assert json.dumps(blocks)[1:-1] in json.dumps(sent["blocks"])
    assert text in sent["text"]


def test_every_kind_of_text_names_it() -> None:
    """Views, errors at fields, notes in a search and in a thread, and what to do about an error name the contact."""
    note = kit.rich(*note_lines(Note.BOT_ERROR, {"error_id": "1"}, a_request()))
    payloads = [
        {"response_action": "update", "view": refused_view(_SAID)},
        {"response_action": "errors", "errors": {"reason": _SAID[0]}},
        note_options(f"Ask {ADMIN}."),
        {"blocks": error_message("1").blocks},
        {"blocks": [note, kit.context(f"Ask {ADMIN}.")]},
    ]
    for payload in payloads:
        sent = json.dumps(with_contact(payload, "the platform team"))
        assert ADMIN not in sent
        assert "the platform team" in sent
        assert ADMIN in json.dumps(with_contact(payload, "")), "without a contact it stays the admin"


def test_what_others_wrote_stays() -> None:
    """A name, a quotation or code that reads like our words is shown as it is: nobody is mentioned by it."""
    blocks = message(kit.rich(kit.para(kit.name(f"Ask {ADMIN}"), kit.mono(ADMIN)), kit.quote(ADMIN))).blocks
    assert with_contact({"blocks": blocks}, "U0ADA") == {"blocks": blocks}


def test_a_long_contact_makes_no_text_too_long() -> None:
    """Where the contact does not fit what Slack allows, the admin is named instead."""
    option = kit.option(f"Ask {ADMIN}.", "x")
    assert with_contact(option, "x" * 90) == option


def test_rulings_name_the_admin() -> None:
    """What a rule advises names the admin with the words that the edge looks for."""
    stranger = Person(id="U0TOM")
    route = Route(
        name="r", source="dev", destination="prod", requesters=("U1",), approvers=("U2",), approval_channel="C1"
    )
    for ruling in (may_request(route, stranger), may_use(route, stranger)):
        assert ADMIN in " ".join(ruling.reasons)
