"""No secret of an export comes through, wherever it stands; what is no secret stays readable."""

import base64
import copy
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from handlers.comparison import HIDDEN, Status, normalise, packed
from handlers.comparison.normalise import canonical
from tests.unit.comparison.conftest import compared

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
    diffs = [compared(export, bare), compared(bare, export)]
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
        ({"note": "the password is s3same"}, "s3same"),
        ({"pass": "sesame"}, "sesame"),
        ({"tokens": ["sesame"]}, "sesame"),
        ({"DD-APPLICATION-KEY": "sesame"}, "sesame"),
        ({"session_id": "sesame"}, "sesame"),
        ({"pass\u200bword": "sesame"}, "sesame"),
        ({"note": "**Password**: `sesame`"}, "sesame"),
        ({"note": "x-functions-key: sesame"}, "sesame"),
        ({"url": "https://hooks.x.example/hooks/catch/123/sesame/"}, "sesame"),
        ({"client_secret_v2": "sesame"}, "sesame"),
        ({"apiKeyValue": "sesame"}, "sesame"),
        ({"data[password]": "sesame"}, "sesame"),
        ({"Pass Word:": "sesame"}, "sesame"),
        ({"\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44": "sesame"}, "sesame"),
        ({"basic_auth": ["ana", "sesame"]}, "sesame"),
        ({"basic_auth": "ana:sesame"}, "sesame"),
        ({"headers": {"X-Auth": "sesame"}}, "sesame"),
        ({"headers": "Authorization: sesame\nAccept: x"}, "sesame"),
        ({"headers": [["Authorization", "sesame"]]}, "sesame"),
        ({"headers": [{"k": "password", "v": "sesame"}]}, "sesame"),
        ({"headers": {"Authorization": '<<DEFAULT(CREDENTIAL.x, "a\\"sesame")>>'}}, "sesame"),
        ({"headers": {"Authorization": "=CONCAT('Basic ', BASE64_ENCODE(`ana:sesame`))"}}, "sesame"),
        ({"arguments": ["--password", "sesame"]}, "sesame"),
        ({"curl": "curl -u ana:sesame x"}, "sesame"),
        ({"code": "get(url, auth=('ana', 'sesame'))"}, "sesame"),
        ({"code": "headers = {'Authorization': 'sesame'}"}, "sesame"),
        ({"code": "'password' => 'sesame'"}, "sesame"),
        ({"code": "export OPENAI_KEY=sesame"}, "sesame"),
        ({"formula": "=SET(body, 'password', 'sesame')"}, "sesame"),
        ({"payload": json.dumps({"password": 'a"sesame'})}, "sesame"),
        ({"payload": json.dumps({"password": 918273645})}, "918273645"),
        ({"payload": json.dumps({"tokens": ["sesame"]})}, "sesame"),
        ({"payload": json.dumps({"name": "Authorization", "value": "sesame"})}, "sesame"),
        ({"payload": json.dumps(json.dumps(json.dumps({"Cookie": "a=sesame"})))}, "sesame"),
        ({"payload": 'before {"password": "a\\"sesame"} after'}, "sesame"),
        ({"payload": "client_assertion=sesame&x=1"}, "sesame"),
        ({"payload": "password=a(sesame"}, "sesame"),
        ({"payload": "<wsse:Password Type='x'>sesame</wsse:Password>"}, "sesame"),
        ({"dsn": "AccountName=a;AccountKey=sesame==;Suffix=x"}, "sesame"),
        ({"dsn": "jdbc:oracle:thin:ana/sesame@//db:1521/x"}, "sesame"),
        ({"url": "https://ana:se@same@x.example/"}, "same@"),
        ({"url": "https://ana:se/same@x.example/"}, "/same"),
        ({"url": "https://sesame-sesame@x.example/"}, "sesame"),
        ({"url": "https://x.example/?b=1&key=sesame"}, "sesame"),
        ({"url": "https://x.example/?sv=2&sig=sesame%3D"}, "sesame"),
        ({"url": "https://x.example/api/webhooks/123/sesame-Sesame"}, "sesame"),
        ({"url": "https://x.example/webhook/sesame"}, "sesame"),
        ({"url": "https://x.example/bot123:AAsesame-Sesame-sesame-Sesame/send"}, "sesame"),
        ({"note": f"see {base64.b64encode(b'ana:sesame-sesame').decode()}"}, "YW5hOn"),
        ({"note": f"see {base64.b64encode(b'x: password=sesame').decode()}"}, "cGFzc3"),
        ({"note": "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,X\n\nsesame"}, "sesame"),
        ({"note": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nsesame\n-----END PGP PRIVATE KEY BLOCK-----"}, "sesame"),
        ({"note": "PuTTY-User-Key-File-2: x\nPrivate-Lines: 1\nsesame"}, "sesame"),
        ({"password": "first line\nsecond line", "note": "a second line"}, "second line"),
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
        "https://x.example:8443/@someone/about",
        "git@x.example:some/repository.git",
        '{"id": "<<a.id>>", "max_tokens": 4096, "token_url": "https://x.example/oauth"}',
        "token: <<CREDENTIAL.reputation>>",
        "password={{ .CREDENTIAL.reputation }}&x=1",
        "Authorization: Bearer <<CREDENTIAL.reputation>>",
        '{"headers": {"Authorization": "Bearer <<CREDENTIAL.reputation>>"}}',
        "getTheResponseOfTheReputationService",
    ],
)
def test_what_is_no_secret_stays(export: dict[str, Any], text: str) -> None:
    """Addresses, formulas, ids, names and sentences stay as they are, so that a change of them is seen."""
    export["agents"][2]["options"] = {"headers": {"Authorization": text} if text.startswith("Bearer") else {"X": text}}
    assert text in shown(export) or json.dumps(text)[1:-1] in shown(export).replace("\\\\", "\\")


SHAPES: dict[str, Callable[[str], dict[str, Any]]] = {
    "key": lambda secret: {"password": secret},
    "list": lambda secret: {"api_keys": [secret, {"x": secret}]},
    "header": lambda secret: {"headers": {"Authorization": f"Bearer {secret}"}},
    "pair": lambda secret: {"headers": [{"name": "X-Api-Key", "value": secret}]},
    "JSON": lambda secret: {"payload": json.dumps({"deep": [{"client_secret": secret}]})},
    "JSON in JSON": lambda secret: {"payload": json.dumps({"x": json.dumps({"passwd": secret})})},
    "script": lambda secret: {"code": f"token = {json.dumps(secret)}"},
    "form": lambda secret: {"payload": f"a=1&password={quote(secret, safe='')}&b=2"},
    "address": lambda secret: {"url": f"https://ana:{quote(secret, safe='')}@x.example/"},
    "formula": lambda secret: {"headers": {"Authorization": f"<<DEFAULT(CREDENTIAL.a, {json.dumps(secret)})>>"}},
    "PEM": lambda secret: {"x": f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----"},
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    secrets=st.lists(
        st.text(
            st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="<>{}"), min_size=9, max_size=30
        ),
        min_size=2,
        max_size=2,
    ),
    shape=st.sampled_from(list(SHAPES)),
    place=st.sampled_from(["action", "story"]),
)
def test_a_secret_leaves_no_trace(export: dict[str, Any], secrets: list[str], shape: str, place: str) -> None:
    """A secret is neither stored nor hashed nor shown: with another one in its place, everything is the same."""
    stories = []
    for secret in secrets:
        changed = copy.deepcopy(export)
        (changed["agents"][2]["options"] if place == "action" else changed).update(SHAPES[shape](secret))
        stories.append(changed)
    one, other = (normalise(story) for story in stories)
    assert canonical(packed(one)) == canonical(packed(other))
    diff = compared(*stories)
    assert (diff.status, diff.unified) == (Status.UNCHANGED, "")


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
