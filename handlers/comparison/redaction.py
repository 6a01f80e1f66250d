"""Replace secrets in an export, before anything of it is stored, hashed or shown. Pure.

The path and the secret of a webhook action are credentials: whoever has them can post into the story. People also write
keys into headers, scripts and notes. Formulas stay readable, because they name a credential and do not hold it.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

HIDDEN: Final = "[secret]"
_DEEPEST: Final = 100  # levels of an export; those of real ones are about ten
_LARGEST: Final = 2**64  # larger whole numbers are shown in hexadecimal digits
_SHORTEST_KNOWN: Final = 6  # letters; a shorter secret is replaced where it stands only, not everywhere
_FORMULA: Final = re.compile(r"<<(?:(?!<<|>>).)*>>|\{\{(?:(?!\{\{|\}\}).)*\}\}|\{%(?:(?!\{%|%\}).)*%\}", re.DOTALL)
_WHOLE_FORMULA: Final = re.compile(r"=\s*[A-Za-z_]\w*\s*[.(]")
_QUOTED: Final = re.compile(r"""(?<!\[)("[^"]*"|'[^']*')""")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SECRET_KEY: Final = re.compile(
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|authorization|cookie|signature|bearer|"
    r"(?:api|access|secret|private|signing|encryption|shared|master|auth|account|subscription)[\s_-]?key)\s*$",
    re.IGNORECASE,
)
_SCHEMES: Final = frozenset({"bearer", "basic", "token", "digest", "apikey", "negotiate", "splunk", "sso-key", "genie"})
_KEY_WORDS: Final = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|signature|(?:api|access|private|secret|signing)[_-]?key)"
)
# Each hides its last group, or all of it.
_IN_TEXT: Final = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}-----)?"),
    re.compile(
        r"(?<![A-Za-z0-9])(?:(?:xox[a-z]-|xapp-|gh[pousr]_|github_pat_|glpat-|[sr]k_(?:live|test)_|whsec_|dop_v1_)[\w-]{6,}"
        r"|(?:AKIA|ASIA)[0-9A-Z]{8,}|(?:AIza|ya29\.|SG\.|sk-|hf_|npm_|pypi-|shp[a-z]{2}_)[\w.-]{20,}"
        r"|(?<![\w-])eyJ[\w-]{6,}(?:\.[\w-]+){0,4})"
    ),
    re.compile(r"(?<=://)[^\s/:@<>]{0,256}:[^\s/@<>]{1,256}(?=@)"),
    re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]+)"),
    re.compile(r"/webhook/([^\s/\"'<>?]+/[^\s/\"'<>?]+)"),
    re.compile(r"\b(?:bearer|basic|token|digest)\s{1,3}(?=[^\s\d=<>]{0,256}[\d=])([\w.~+/=-]{8,})", re.IGNORECASE),
    re.compile(
        rf"{_KEY_WORDS}\s{{0,3}}(?:\\?[\"']\s{{0,3}})?[:=]\s{{0,3}}\\?[\"']([^\"'<>{{}}\\]{{4,}})", re.IGNORECASE
    ),
    re.compile(rf"{_KEY_WORDS}(?:=|:\s{{0,3}})([^\s\"'&,;<>{{}}()]{{4,}})", re.IGNORECASE),
)
_BASE64: Final = re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{20,}={0,2}(?![\w+/=])", re.ASCII)
_PIECE: Final = re.compile(r"[A-Za-z0-9_-]{16,}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEX: Final = re.compile(r"(?=[^0-9]*[0-9])(?=[^a-f]*[a-f])[0-9a-f]{32,}", re.IGNORECASE)
_CHANGES: Final = re.compile(r"(?<=[0-9])(?=[A-Za-z])|(?<=[A-Za-z])(?=[0-9])")  # between a letter and a digit
_LONG: Final = 20  # letters and digits
_RESTLESS: Final = 3  # changes between letters and digits: "phase_2of3" is a name, "x7Kq2m9R" is none


class NotComparableError(Exception):
    """An export that cannot be compared; its text says why, to people."""


def redact(export: object) -> dict[str, Json]:
    """Return a copy of an export without secrets, with plain JSON values only. Raises `NotComparableError`."""
    if not isinstance(export, Mapping):
        message = "The export is not a JSON object."
        raise NotComparableError(message)
    plain = _plain(export, 0)
    known: set[str] = set()

    def note(text: str) -> str:
        known.update(literal for literal in _literals(text) if len(literal) >= _SHORTEST_KNOWN)
        return text

    _Rewriting(note, lambda text: text).of(plain)
    # the longest first: one secret may be the beginning of another
    ordered = sorted(known, key=lambda secret: (-len(secret), secret))
    anywhere = re.compile("|".join(map(re.escape, ordered))) if known else None

    def scrub(text: str) -> str:
        return _without_tokens(anywhere.sub(HIDDEN, text) if anywhere else text)

    redacted = _Rewriting(_hidden, scrub).of(plain)
    assert isinstance(redacted, dict)  # noqa: S101 - as it was a mapping
    return redacted


def _plain(value: object, depth: int) -> Json:
    """Return the value with JSON's types only, such as can be written, compared and hashed."""
    if depth > _DEEPEST:
        message = f"The export is nested more than {_DEEPEST} levels deep."
        raise NotComparableError(message)
    match value:
        case None | bool():
            return value
        case int():
            return int(value) if abs(value) < _LARGEST else f"{value:#x}"
        case float():
            if not math.isfinite(value):
                return str(value)
            return int(value) if value.is_integer() and abs(value) < _LARGEST else value
        case Mapping():
            record: dict[str, Json] = {}
            for key, each in value.items():
                record[_unused(_text(str(key)), record)] = _plain(each, depth + 1)
            return record
        case list() | tuple():
            return [_plain(each, depth + 1) for each in value]
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    """Return the text with what cannot be encoded replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _SURROGATE.search(text) else text


class _Rewriting:
    """Makes copies in which texts that are secret by their place went through `hide`, and all others through `scrub`.

    Keys and many texts of an export are the same again and again: each is looked at once.
    """

    def __init__(self, hide: Callable[[str], str], scrub: Callable[[str], str]) -> None:
        self._hide = hide
        self._scrub = lru_cache(maxsize=None)(scrub)
        self._is_secret_key = lru_cache(maxsize=None)(_is_secret_key)

    def of(self, value: Json, *, secret: bool = False, webhook: bool = False) -> Json:
        """Return the copy of a value; `webhook`: it is the options of a webhook action."""
        match value:
            case str():
                return self._scrub(self._hide(value) if secret else value)
            case dict():
                paired = "value" in value and _names_a_secret(value)
                kind = value.get("type")
                opens = "options" in value and (not isinstance(kind, str) or "webhook" in kind.casefold())
                copy: dict[str, Json] = {}
                for key, each in value.items():
                    inner = secret or self._is_secret_key(key)
                    inner = inner or (paired and key == "value") or (webhook and key == "path")
                    copy[_unused(self._scrub(key), copy)] = self.of(
                        each, secret=inner, webhook=opens and key == "options"
                    )
                return copy
            case list():
                return [self.of(each, secret=secret) for each in value]
            case int() | float() if secret and not isinstance(value, bool):
                return self._hide(str(value))
            case _:
                return value


def _is_secret_key(key: str) -> bool:
    return _SECRET_KEY.search(key[-64:]) is not None


def _names_a_secret(record: Mapping[str, Json]) -> bool:
    """Whether the record is a pair whose name says that its value is secret, as a header or a form field may be."""
    names = (record.get(key) for key in ("key", "name", "header", "field"))
    return any(isinstance(name, str) and _is_secret_key(name) for name in names)


def _unused(key: str, record: Mapping[str, Json]) -> str:
    """Return the key, with a number when two keys have become the same."""
    number, unused = 1, key
    while unused in record:
        number += 1
        unused = f"{key} {number}"
    return unused


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text in order, and whether each is a formula."""
    if _WHOLE_FORMULA.match(text):
        yield text, True
        return
    end = 0
    for formula in _FORMULA.finditer(text):
        yield text[end : formula.start()], False
        yield formula.group(), True
        end = formula.end()
    yield text[end:], False


def _literals(text: str) -> Iterator[str]:
    """Yield what is secret in a text that is secret by its place."""
    for part, formula in _parts(text):
        if formula:
            yield from (quoted.group()[1:-1] for quoted in _QUOTED.finditer(part))
        else:
            first, *rest = part.strip().split(maxsplit=1) or [""]
            yield "".join(rest) if first.casefold() in _SCHEMES else part.strip()


def _hidden(text: str) -> str:
    """Return a text that is secret by its place with its literal parts replaced, and its formulas as they are."""
    parts = list(_parts(text))
    mixed = any(formula for _, formula in parts)
    shown = []
    for part, formula in parts:
        if formula:
            shown.append(_QUOTED.sub(f'"{HIDDEN}"', part))
        elif not part.strip() or (mixed and not any(map(str.isalnum, part))):
            shown.append(part)  # nothing, or what stands between formulas
        else:
            first, *rest = part.split(maxsplit=1)
            scheme = first.casefold() in _SCHEMES and (rest or mixed)
            shown.append((f"{first} {HIDDEN}" if rest else f"{first} ") if scheme else HIDDEN)
    return "".join(shown)


def _without_tokens(text: str) -> str:
    """Return the text with what looks like a key or token replaced."""
    if len(text) < 8:  # noqa: PLR2004 - the shortest that any pattern finds
        return text
    for pattern in _IN_TEXT:
        text = pattern.sub(_last_group_hidden, text)
    text = _BASE64.sub(_base64_hidden, text)
    return _PIECE.sub(_piece_hidden, text)


def _last_group_hidden(found: "re.Match[str]") -> str:
    if not found.re.groups:
        return HIDDEN
    begin, end = found.start(1) - found.start(), found.end(1) - found.start()
    return found.group()[:begin] + HIDDEN + found.group()[end:]


def _base64_hidden(found: "re.Match[str]") -> str:
    text = found.group()
    return HIDDEN if ("+" in text or text.endswith("=")) and _is_token(text) else text


def _piece_hidden(found: "re.Match[str]") -> str:
    return HIDDEN if _is_token(found.group()) else found.group()


def _is_token(text: str) -> bool:
    """Whether a run of letters and digits is one that no person would have written."""
    if _HEX.fullmatch(text):
        return True
    return len(text) >= _LONG and not _UUID.fullmatch(text) and len(_CHANGES.findall(text)) > _RESTLESS
