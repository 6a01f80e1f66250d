"""What is wrong with a configuration, as values a person can act on.

A fault never quotes a value that could be a secret: it names the place instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend."""

    where: str  # path of the key, "routes.dev-to-prod.approvers[1]", or the name of an environment variable
    line: int | None  # 1-based line of the TOML file; None for the environment, or where no line can be named
    problem: str  # what is wrong, as the end of a sentence that starts with `where`
    expected: str  # what would be right, with an example where that helps


def wrong(problem: str, expected: str) -> PydanticCustomError:
    """Return the error that a validator raises for a value that people can mend."""
    return PydanticCustomError("wrong", "{problem}", {"problem": problem, "expected": expected})


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Say which known word was probably meant, or which there are."""
    names = sorted(known)
    close = get_close_matches(word, names, n=1)
    if close:
        return f"{close[0]} (did you mean that?)"
    return f"one of: {', '.join(names)}" if names else "nothing here"


def problems(error: ValidationError, model: type[BaseModel]) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Translate pydantic's errors into (place, problem, expected) for people, without any of the values read."""
    written = {name: field.alias or name for name, field in model.model_fields.items()}
    found = []
    for detail in error.errors(include_url=False, include_input=False):
        key, *inner = detail["loc"]
        found.append(((written.get(str(key), key), *inner), *_in_words(detail, model)))
    return found


def path_text(path: Iterable[str | int]) -> str:
    """Write a path as people do: `routes.dev-to-prod.approvers[1]`, the first entry of a list being 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _in_words(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    kind = detail["type"]
    if kind == "wrong":
        return detail["ctx"]["problem"], detail["ctx"]["expected"]
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    name = str(detail["loc"][0]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return "is not a known key", did_you_mean(name, fields)
    expected = (fields[name].description if name in fields else None) or detail["msg"]
    if kind == "missing":
        return "is missing", expected
    if kind.endswith(("_type", "_parsing")):
        return "has the wrong type", expected
    return "is not accepted", expected
