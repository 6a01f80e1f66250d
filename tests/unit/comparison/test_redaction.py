"""No secret of an export comes through, wherever it stands; what is no secret stays readable."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from handlers.comparison import HIDDEN, compare_exports, normalise

PATH, SECRET = "c0ffee11c0ffee22c0ffee33c0ffee44", "5ea5e11a5ea5e11a5ea5e11a5ea5e11a"
TOKENS = [
    "xoxb-123456789012-abcdefABCDEF",
    "ghp_0123456789abcdefABCDEF0123456789abcd",
    "glpat-abcDEF123456",
    "AKIAIOSFODNN7EXAMPLE",
    "sk-proj-abcdefghijklmnop1234",
    "AIzaSyA1234567890abcdefghijklmnopqrstu",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "kQ7x2Lm9Rt4Vb8Wn3Zp6Yc1D",
    "Zm9vYmFy+2Jhei9xdXg4MTIzNDU2Nzg5MA==",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKj34Gkx\n-----END RSA PRIVATE KEY-----",
]


def shown(export: dict[str, Any]) -> str:
    """Return everything that a story and its diffs, new, changed and removed, can show."""
    bare = {"name": "Bare", "agents": [{"name": "Mail reported", "type": "x", "options": {}}], "links": []}
    diffs = [compare_exports(export, bare), compare_exports(bare, export)]
    story = normalise(export)
    parts = [story.name, story.slug, story.origin, story.versions, story.settings, story.actions, story.links]
    return repr(parts) + "".join(diff.model_dump_json() + diff.unified for diff in diffs)


def test_path_and_secret_of_a_webhook_are_replaced_everywhere(export: dict[str, Any]) -> None:
    """The credentials of a webhook are replaced where they belong and wherever else somebody wrote them."""
    export["agents"][2]["options"]["url"] = f"https://dev.example/webhook/{PATH}/{SECRET}?x=1"
    export["diagram_notes"][0]["content"] = f"the path is {PATH}."
    export["description"] = f"secret {SECRET}"
    export["agents"][1]["name"] = f"Headers {SECRET}"
    assert PATH not in shown(export)
    assert SECRET not in shown(export)
    assert HIDDEN in shown(export)


@pytest.mark.parametrize(
    "value", ["short", "two words", "Bearer", "=abc123", "ab<<cd>>ef", "ümläut", "x" * 500, "!!--!!", 12345678]
)
@pytest.mark.parametrize("key", ["path", "secret"])
def test_any_literal_of_a_webhook_is_replaced(export: dict[str, Any], key: str, value: object) -> None:
    """However the path or the secret of a webhook is written, nothing of it stays."""
    export["agents"][0]["options"][key] = value
    options = next(action for action in normalise(export).actions if action.name == "Mail reported").content["options"]
    assert isinstance(options, dict)
    assert str(options[key]).replace("<<cd>>", "").replace(HIDDEN, "") == ""
    assert options["verbs"] == "get,post"


@pytest.mark.parametrize(
    "formula", ["<<CREDENTIAL.hook>>", "{{ .RESOURCE.path }}", "=CREDENTIAL.hook", " <<RESOURCE.a>>/<<RESOURCE.b>> "]
)
@pytest.mark.parametrize("key", ["path", "secret"])
def test_formulas_stay(export: dict[str, Any], key: str, formula: str) -> None:
    """A formula is no secret: it stays, and a change of it is a change."""
    before = normalise(export).source_hash
    export["agents"][0]["options"][key] = formula
    assert json.dumps(formula)[1:-1] in shown(export).replace("\\\\", "\\")
    assert normalise(export).source_hash != before


def test_a_literal_inside_a_formula_is_replaced(export: dict[str, Any]) -> None:
    """What stands in quotes in the formula of a secret is secret."""
    export["agents"][0]["options"]["secret"] = "<<IF(RESOURCE.live, 'hunter2hunter', \"other\")>>"
    assert "hunter2" not in shown(export)
    assert "RESOURCE.live" in shown(export)


def test_the_path_of_another_action_is_compared(export: dict[str, Any]) -> None:
    """Only webhooks have a path that is secret: what an action takes out of an event is not."""
    assert "body.mail.headers" in shown(export)


PLACES = {
    "description": lambda export, text: export.update(description=text),
    "setting": lambda export, text: export.update(llm_product_instructions=[{"a": [text]}]),
    "key of a setting": lambda export, text: export.update(more={text: 1}),
    "note": lambda export, text: export["diagram_notes"][0].update(content=text),
    "tag": lambda export, text: export["tags"].append(text),
    "story name": lambda export, text: export.update(name=text),
    "slug": lambda export, text: export.update(slug=text),
    "action name": lambda export, text: export["agents"][2].update(name=text),
    "action type": lambda export, text: export["agents"][2].update(type=text),
    "action description": lambda export, text: export["agents"][2].update(description=text),
    "option": lambda export, text: export["agents"][2]["options"].update(payload={"deep": [[text]]}),
    "key of an option": lambda export, text: export["agents"][2]["options"].update({text: "x"}),
    "header": lambda export, text: export["agents"][2]["options"]["headers"].update({"X-Key": text}),
    "formula": lambda export, text: export["agents"][2]["options"].update(url=f'<<CONCAT("{text}")>>'),
    "address": lambda export, text: export["agents"][2]["options"].update(url=f"https://x.example/?a=1&k={text}&b"),
    "version": lambda export, text: export.update(schema_version=text),
    "origin": lambda export, text: export.update(origin_story_identifier=text),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("token", TOKENS)
def test_tokens_are_replaced_in_every_place(export: dict[str, Any], place: str, token: str) -> None:
    """What looks like a key or token comes through nowhere, also with words around it."""
    for text in (token, f"use {token}, please"):
        PLACES[place](export, text)
        for part in token.split("\n"):
            assert part.strip("-") not in shown(export).replace(json.dumps(token)[1:-1], token)


@pytest.mark.parametrize(
    ("options", "secret"),
    [
        ({"password": "correct horse"}, "correct horse"),
        ({"basic_auth": {"user": "ana", "Password": "hunter2"}}, "hunter2"),
        ({"api_key": 918273645}, "918273645"),
        ({"headers": {"X-Api-Key": "sesame"}}, "sesame"),
        ({"headers": {"Authorization": "Bearer sesame"}}, "sesame"),
        ({"headers": {"authorization": "Basic c2VzYW1l"}}, "c2VzYW1l"),
        ({"headers": {"Cookie": "session=sesame; a=b"}}, "sesame"),
        ({"headers": [{"key": "Authorization", "value": "sesame"}]}, "sesame"),
        ({"fields": [{"name": "client_secret", "value": ["sesame"]}]}, "sesame"),
        ({"payload": '{"password": "sesame"}'}, "sesame"),
        ({"payload": "grant_type=x&client_secret=sesame&y=1"}, "sesame"),
        ({"url": "https://ana:sesame@x.example/"}, "sesame"),
        ({"url": "https://x.example/?access_token=sesame"}, "sesame"),
        ({"url": "https://hooks.slack.com/services/T01/B02/sesame"}, "sesame"),
        ({"code": "password = 'sesame'"}, "sesame"),
        ({"curl": "curl -H 'Authorization: Bearer s3same-open' x"}, "s3same-open"),
        ({"note": "Password: sesame"}, "sesame"),
    ],
)
def test_secrets_by_their_place(export: dict[str, Any], options: dict[str, Any], secret: str) -> None:
    """What a key, a header, a form field or an address says to be secret is replaced, however it looks."""
    export["agents"][2]["options"] = options
    assert secret not in shown(export)


@pytest.mark.parametrize(
    "text",
    [
        "https://reputation.example/v2/senders/<<headers.sender>>/long_path_segment_of_version_2",
        "Bearer <<CREDENTIAL.reputation>>",
        "123e4567-e89b-12d3-a456-426614174000",
        "get_the_tickets_of_the_last_24_hours_and_notify",
        "application/vnd.example.v2+json; charset=utf-8",
        "https://x.example/?next_token=<<page.token>>",
        "2026-11-20T08:00:00.000Z",
        "The token is asked for once",
    ],
)
def test_what_is_no_secret_stays(export: dict[str, Any], text: str) -> None:
    """Addresses, formulas, ids, names and sentences stay as they are, so that a change of them is seen."""
    export["agents"][2]["options"] = {"headers": {"Authorization": text} if text.startswith("Bearer") else {"X": text}}
    assert text in shown(export)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    secret=st.text(
        st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\"'\\<>{}="), min_size=10, max_size=40
    ),
    key=st.sampled_from(["path", "secret"]),
    place=st.sampled_from(list(PLACES)),
)
def test_a_secret_of_a_webhook_comes_through_nowhere(export: dict[str, Any], secret: str, key: str, place: str) -> None:
    """Whatever the secret of a webhook is, and wherever it is written once more, it does not come through."""
    export = copy.deepcopy(export)
    assume(secret == secret.strip())
    export["agents"][0]["options"][key] = secret
    PLACES[place](export, f"it is {secret} or so")
    assert secret not in shown(export)
