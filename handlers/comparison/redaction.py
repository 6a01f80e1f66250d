"""Replace secrets in an export, before anything of it is stored, hashed or shown. Pure.

The path and the secret of a webhook action are credentials: whoever has them can post into the story. People also write
keys into headers, scripts and notes. Formulas stay readable, because they name a credential and do not hold it.
"""

import base64
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

HIDDEN: Final = "[secret]"
_DEEPEST: Final = 100  # levels of an export; those of real ones are about ten
_LARGEST: Final = 2**64  # larger whole numbers are shown in hexadecimal digits
_SHORTEST_KNOWN: Final = 6  # letters; a shorter secret is replaced where it stands only, not everywhere
_FORMULA: Final = re.compile(r"<<(?:(?!<<|>>).)*>>|\{\{(?:(?!\{\{|\}\}).)*\}\}|\{%(?:(?!\{%|%\}).)*%\}", re.DOTALL)
_WHOLE_FORMULA: Final = re.compile(r"=\s*[A-Za-z_]\w*\s*[.(]")
_QUOTED: Final = re.compile(r"""(?<!\[)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|\b\d{4,}\b""", re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_KINDS_OF_KEYS: Final = (
    r"(?:api|access|secret|private|signing|encryption|shared|master|auth|account|subscription|client|service|"
    r"integration|routing|license|consumer|webhook|app|application|functions?|storage|ssh|deploy|admin|personal|user)"
)
# What a key ends with when its value is secret: anywhere in a word, or as a word of its own
_SECRET_KEY: Final = re.compile(
    r"(?:passw(?:or)?d|passwort|kennwort|passphrase|passcode|pwd|secret|token|authorization|cookie|signature|bearer|"
    r"assertion|credential|basicauth|"
    rf"sessionid|{_KINDS_OF_KEYS}key(?:id)?)s?$"
)
_SECRET_WORDS: Final = frozenset({"pass", "sig", "auth", "jwt", "hmac", "psk", "otp", "pin"})
_WORDS_OF_A_KEY: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NO_MATTER: Final = frozenset({"value", "values", "v", "text", "string", "raw", "input", "field", "new", "old"})
_NUMBERS_OF: Final = frozenset({"max", "min", "num", "number", "count", "total", "limit"})  # as in "max_tokens"
_SCHEMES: Final = frozenset({"bearer", "basic", "token", "digest", "apikey", "negotiate", "splunk", "sso-key", "genie"})
_KEY_WORDS: Final = (
    r"(?<!max_)(?<!output_)(?<!total_)"  # of which the tokens are counted
    r"(?:passw(?:or)?d|passwort|kennwort|passphrase|passcode|pwd|secret|token|signature|assertion|"
    rf"{_KINDS_OF_KEYS}[ _-]?key|(?<![a-z])pw|"
    r"(?-i:[A-Z0-9]_KEY))s?\d{0,2}"
)
_HINTS: Final = ("pass", "pw", "kennwort", "secret", "token", "sign", "assertion", "key", "auth", "cookie")
_SLASHES: Final = r"\\{0,15}"  # before a quote in JSON within JSON
# Each hides its last group, or all of it.
_IN_TEXT: Final = (
    re.compile(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----(?:(?!-----).)*(?:-----END [A-Z0-9 ]{0,50}-----)?",
        re.DOTALL,
    ),
    re.compile(r"Private-Lines:[\s\d]{1,20}([A-Za-z0-9+/=\s]+)"),
    re.compile(
        r"(?<![A-Za-z0-9])(?:(?:xox[a-z]-|xapp-|gh[pousr]_|github_pat_|glpat-|[sr]k_(?:live|test)_|whsec_|dop_v1_)[\w-]{6,}"
        r"|(?:AKIA|ASIA)[0-9A-Z]{8,}|(?:AIza|ya29\.|SG\.|sk-|hf_|npm_|pypi-|shp[a-z]{2}_)[\w.-]{20,}"
        r"|(?<![\w-])eyJ[\w-]{6,}(?:\.[\w-]+){0,4})"
    ),
    re.compile(r"(?<=://)[^\s/:@<>]{0,256}:[^\s/<>]{1,256}(?=@)"),
    re.compile(r"(?<=://)[^\s/:@<>]{0,256}:(?!\d{1,5}/)[^\s@<>]{1,256}(?=@)"),
    re.compile(r"(?<=://)[^\s/:@<>]{8,256}(?=@)"),
    re.compile(r"\bjdbc:oracle:thin:[^\s/@]{1,100}/([^\s@]{1,100})(?=@)"),
    re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]+)"),
    re.compile(r"/api/webhooks/\d{1,30}/([\w-]+)"),
    re.compile(r"/hooks/catch/\d{1,30}/(\w+)"),
    re.compile(r"/bot(\d{1,20}:[\w-]{20,})"),
    re.compile(r"/webhook/([^\s/\"'<>?]+(?:/[^\s/\"'<>?]+)?)"),
    re.compile(r"[?&;](?:key|sig|code|auth|pass|pw|jwt|hmac)=(?!\{\{)([^&\s#\"'<>]{4,})", re.IGNORECASE),
    re.compile(r"\b(?:bearer|basic|token|digest)\s{1,3}(?=[^\s\d=<>]{0,256}[\d=])([\w.~+/=-]{8,})", re.IGNORECASE),
    re.compile(r"\s(?:-u|--user)(?:=|\s{1,3})[\"']?[^\s:\"']{1,100}:([^\s\"']+)"),
    re.compile(r"\bauth\s?=\s?\(\s?[\"'][^\"'\n]{0,100}[\"']\s?,\s?[\"']([^\"'\n]+)", re.IGNORECASE),
    re.compile(
        r"<(?:\w{1,30}:)?\w{0,30}(?:password|secret|token|apikey)(?:\s[^<>]{0,200})?>(?!<)([^<]+)", re.IGNORECASE
    ),
)
# Each names the group in which a text that is secret by its place stands; formulas in it stay.
_NAMED_IN_TEXT: Final = (
    re.compile(
        rf"\b(?:authorization|cookie){_SLASHES}[\"']?\s{{0,3}}:\s{{0,3}}{_SLASHES}[\"']?(?P<secret>[^\r\n\"'\\]+)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:{_KEY_WORDS}|authorization|cookie)(?:{_SLASHES}[\"']\]?\s{{0,3}}(?::=|=>|[:=,])|\s{{0,3}}(?::=|=>|[:=]))\s{{0,3}}"
        rf"(?P<slashes>{_SLASHES})(?P<quote>[\"'])(?P<secret>(?:(?!(?<!\\)(?P=slashes)(?P=quote))[^\n])*)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_KEY_WORDS}(?:(?:{_SLASHES}[\"'])?[*_`]{{0,3}}:[*_`]{{0,3}}\s{{0,3}}(?!\s|(?:true|false|null|none)\b)(?=[^\s\"'&,;]{{4}})|=|\s?:=\s{{0,3}})"
        r"(?P<secret>(?:<<(?:(?!>>).){0,200}>>|\{\{(?:(?!\}\}).){0,200}\}\}|[^\s\"'&,;<>\\])+)",
        re.IGNORECASE,
    ),
    re.compile(rf"\b{_KEY_WORDS}\s+is:?\s+(?P<secret>(?=\w*\d)(?=\w*[a-z])\w{{6,}})", re.IGNORECASE),
)
_NAMES_OF_A_PAIR: Final = ("key", "name", "header", "field", "k", "id", "param", "parameter", "label")
_VALUES_OF_A_PAIR: Final = frozenset(
    written
    for name in ("value", "content", "v", "val", "text", "data", "default")
    for written in (name, name.title(), name.upper())
)
_PLAIN_WORD: Final = re.compile(r"[A-Z]?[a-z]{1,8}")  # such as "string"; it is replaced where it stands only
_LONGEST_KEY: Final = 64  # characters of a key that are looked at, its last ones
_PAIR: Final = 2
_LONG_LINE: Final = 8  # characters
_NESTED: Final = 6  # levels of JSON within JSON
_USER_AND_PASSWORD: Final = re.compile(r"[\w.@+-]{1,100}:[!-~]{4,200}")
_BASE64: Final = re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{14,}={0,2}(?![\w+/=])", re.ASCII)
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
        for literal in _literals(text):
            if len(literal) >= _SHORTEST_KNOWN and not _PLAIN_WORD.fullmatch(literal):
                known.add(literal)
                known.update(line for line in map(str.strip, literal.splitlines()) if len(line) >= _LONG_LINE)
        return text

    _Rewriting(note, lambda text: text).of(plain)
    anywhere = _any_of(known) if known else None

    def scrub(text: str) -> str:
        return _without_tokens(anywhere.sub(HIDDEN, text) if anywhere else text)

    redacted = _Rewriting(_hidden, scrub).of(plain)
    assert isinstance(redacted, dict)  # noqa: S101 - as it was a mapping
    return redacted


def _any_of(texts: Iterable[str]) -> "re.Pattern[str]":
    """Return what finds any of the texts, the longest first: one may be the beginning of another.

    They are grouped by their first letter, which makes it ten times as fast where there are hundreds.
    """
    ordered = sorted(texts, key=lambda text: (text[0], -len(text), text))
    groups = groupby(ordered, key=itemgetter(0))
    return re.compile(
        "|".join(f"{re.escape(first)}(?:{'|'.join(re.escape(text[1:]) for text in same)})" for first, same in groups)
    )


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

    def of(self, value: Json, *, secret: bool = False, webhook: bool = False, within: int = 0) -> Json:
        """Return the copy of a value; `webhook`: it is the options of a webhook action; `within`: so many texts."""
        match value:
            case str():
                return self._scrub(self._hide(value) if secret else self._unfolded(value, within))
            case dict():
                paired = self._names_a_secret(value)
                kind = value.get("type")
                opens = "options" in value and (not isinstance(kind, str) or "webhook" in kind.casefold())
                copy: dict[str, Json] = {}
                for key, each in value.items():
                    inner = secret or self._is_secret_key(key) or (webhook and key == "path")
                    inner = inner or (paired and key in _VALUES_OF_A_PAIR)
                    copy[_unused(self._scrub(key), copy)] = self.of(
                        each, secret=inner, webhook=opens and key == "options", within=within
                    )
                return copy
            case list():
                if secret or str not in map(type, value):
                    return [self.of(each, secret=secret, within=within) for each in value]
                names = [secret, *(self._is_name_of_next(each, len(value)) for each in value)]
                return [
                    self.of(each, secret=secret or named, within=within)
                    for each, named in zip(value, names, strict=False)
                ]
            case int() | float() if secret and not isinstance(value, bool):
                return self._hide(str(value))
            case _:
                return value

    def _unfolded(self, text: str, within: int) -> str:
        """Return a text that is JSON with what is secret in it replaced; any other text as it is."""
        if within >= _NESTED or text.lstrip()[:1] not in {"{", "[", '"'}:
            return text
        try:
            plain = _plain(json.loads(text), 0)
        except (ValueError, RecursionError, NotComparableError):
            return text
        copy = self.of(plain, within=within + 1)
        return text if copy == plain else json.dumps(copy, ensure_ascii=False)

    def _names_a_secret(self, record: Mapping[str, Json]) -> bool:
        """Whether the record is a pair whose name says that its value is secret, as a header or a form field may be."""
        if _VALUES_OF_A_PAIR.isdisjoint(record):
            return False
        names = (record.get(key) for key in _NAMES_OF_A_PAIR)
        return any(isinstance(name, str) and self._is_secret_key(name) for name in names)

    def _is_name_of_next(self, value: Json, of: int) -> bool:
        """Whether a member of a list says that the next one is secret, as `--password` of a command, or of a pair does."""
        return isinstance(value, str) and (of == _PAIR or value.startswith("-")) and self._is_secret_key(value)


def _is_secret_key(key: str) -> bool:
    words = [word.casefold() for word in _WORDS_OF_A_KEY.findall(unicodedata.normalize("NFKC", key[-_LONGEST_KEY:]))]
    while words and words[-1] in _NO_MATTER:
        words.pop()
    if not words or not _NUMBERS_OF.isdisjoint(words):
        return False
    return _SECRET_KEY.search("".join(words)) is not None or words[-1] in _SECRET_WORDS


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
            yield from (quoted.group().strip("\"'`") for quoted in _QUOTED.finditer(part))
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
    lower = text.casefold()
    if any(hint in lower for hint in _HINTS):  # the patterns below are slow where nothing is found
        for pattern in _NAMED_IN_TEXT:
            text = pattern.sub(_named_hidden, text)
    text = _BASE64.sub(_base64_hidden, text)
    return _PIECE.sub(_piece_hidden, text)


def _last_group_hidden(found: "re.Match[str]") -> str:
    if not found.re.groups:
        return HIDDEN
    begin, end = found.start(1) - found.start(), found.end(1) - found.start()
    return found.group()[:begin] + HIDDEN + found.group()[end:]


def _named_hidden(found: "re.Match[str]") -> str:
    begin, end = (place - found.start() for place in found.span("secret"))
    text = found.group()
    return text[:begin] + _hidden(text[begin:end]) + text[end:]


def _base64_hidden(found: "re.Match[str]") -> str:
    text = found.group()
    return HIDDEN if (("+" in text or text.endswith("=")) and _is_token(text)) or _holds_a_secret(text) else text


def _holds_a_secret(text: str) -> bool:
    """Whether a text is the Base64 form of a user with a password, or of another text with a secret."""
    try:
        inner = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True).decode("ascii")
    except ValueError:
        return False
    if not inner.isprintable():
        return False
    return _USER_AND_PASSWORD.fullmatch(inner) is not None or any(pattern.search(inner) for pattern in _NAMED_IN_TEXT)


def _piece_hidden(found: "re.Match[str]") -> str:
    return HIDDEN if _is_token(found.group()) else found.group()


def _is_token(text: str) -> bool:
    """Whether a run of letters and digits is one that no person would have written."""
    if _HEX.fullmatch(text):
        return True
    return len(text) >= _LONG and not _UUID.fullmatch(text) and len(_CHANGES.findall(text)) > _RESTLESS
