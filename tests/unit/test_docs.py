"""What the documents name exists: paths, functions, commands, variables, metrics, messages, states.

A document that names what was renamed sends its reader astray, and nobody notices while writing code.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from bot.cli import COMMANDS, main
from bot.operations import all_presentations
from bot.settings.environment import Environment
from bot.views.lists import help_message
from handlers.models import MOVES

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = sorted(
    path.relative_to(ROOT) for pattern in ("*.md", "docs/**/*.md") for path in ROOT.glob(pattern) if path.is_file()
)

_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_PATH: Final = re.compile(r"(?<![\w/.:-])((?:bot|handlers|tests|docs|manifests)/[\w./-]*)(?:::(\w+))?")
_FILE: Final = re.compile(r"`((?:\w[\w-]*\.)+(?:md|toml|txt|py|json)|Makefile|Procfile)`")
_MAKE: Final = re.compile(r"\bmake ([a-z][a-z-]*)\b")
_COMMAND: Final = re.compile(
    r"^(?:[A-Z_]+=\S+ +)*(?:\S*/bin/)?tines-sync +([a-z]+)(?: +([a-z]+))?([^\n#]*)$", re.MULTILINE
)
_TYPED: Final = re.compile(r"(?<![\w.:-])/tines-sync(?: ([a-z]+))?")
_VARIABLE: Final = re.compile(r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b")
_METRIC: Final = re.compile(r"\b(tines_sync_[a-z_]+)\b")
_CODE: Final = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_PLACEHOLDERS: Final = frozenset({"NAME"})


def text_of(document: Path) -> str:
    """Read a document."""
    return (ROOT / document).read_text(encoding="utf-8")


def code_in(text: str) -> str:
    """Return what stands as code in a document, piece by piece on its own line."""
    return "\n".join(found.strip("`") for found in _CODE.findall(text))


def unknown_paths(text: str) -> list[str]:
    """Return the paths that do not exist, and the names that the file does not define."""
    missing = []
    for path, name in _PATH.findall(text):
        if "NAME" in path:
            continue
        target = ROOT / path.rstrip(".")
        if not target.exists():
            missing.append(path)
        elif name and name not in set(defined_in(target)):
            missing.append(f"{path}::{name}")
    return missing + [file for file in _FILE.findall(text) if not known_file(file)]


def known_file(name: str) -> bool:
    """Whether a bare file name is one of the repository's, or one that a person makes beside it."""
    return name in {"tines-sync.toml", "conftest.py"} or (ROOT / name).exists()


def defined_in(file: Path) -> Iterator[str]:
    """Yield the classes, functions and constants of a module, those within classes among them."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def broken_links(document: Path, text: str) -> list[str]:
    """Return the links within the repository that lead nowhere."""
    broken = []
    for link in _LINK.findall(text):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if not target.exists() or (anchor and anchor not in set(anchors_of(target))):
            broken.append(link)
    return broken


def anchors_of(file: Path) -> Iterator[str]:
    """Yield the anchors that a document's headings have."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            words = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            yield words.replace(" ", "-")


def make_targets() -> set[str]:
    """Return the targets that a person may name."""
    phony = re.search(r"^\.PHONY:(.*)$", text_of(Path("Makefile")), re.MULTILINE)
    assert phony is not None
    return set(phony[1].split())


def unknown_targets(text: str) -> list[str]:
    """Return the targets of make, named as code, that are none."""
    return [target for target in _MAKE.findall(code_in(text)) if target not in make_targets()]


def unknown_commands(text: str) -> list[str]:
    """Return the commands and options of `tines-sync`, named as code, that are none."""
    unknown = []
    context = click.Context(main)
    for word, sub, rest in _COMMAND.findall(code_in(text)):
        command = main.get_command(context, word)
        if command is None:
            unknown.append(word)
            continue
        inner = command
        if isinstance(command, click.Group) and sub:
            found = command.get_command(context, sub)
            if found is None:
                unknown.append(f"{word} {sub}")
                continue
            inner = found
        known = {option for each in inner.params for option in each.opts}
        unknown += [f"{word} {option}" for option in re.findall(r"(--[a-z-]+)", rest) if option not in known]
    return unknown


def words_after_the_slash_command() -> set[str]:
    """Return the words that `/tines-sync help` tells of."""
    return set(
        re.findall(
            r"^\W*/tines-sync ([a-z]+)", help_message("/tines-sync", all_presentations().values()).text, re.MULTILINE
        )
    )


def unknown_typed(text: str) -> list[str]:
    """Return the words after the slash command that are none."""
    known = words_after_the_slash_command() | {""}
    return [word for word in _TYPED.findall(code_in(text)) if word not in known]


def variables() -> set[str]:
    """Return the environment variables that the bot reads."""
    return {name.upper() for name in Environment.model_fields}


def unknown_variables(text: str) -> list[str]:
    """Return the names that look like environment variables and are none."""
    elsewhere = text_of(Path("tines-sync.example.toml")) + text_of(Path("handlers/network.py"))
    known = variables() | set(_VARIABLE.findall(elsewhere))
    return [name for name in _VARIABLE.findall(text) if name not in known]


def metrics() -> set[str]:
    """Return the names of the time series that `/metrics` has."""
    names = set()
    for node in ast.walk(ast.parse(text_of(Path("bot/metrics.py")))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
        if isinstance(name, str):
            names |= {
                "Gauge": {name},
                "Counter": {f"{name}_total"},
                "Histogram": {name, f"{name}_bucket", f"{name}_sum", f"{name}_count"},
            }.get(node.func.id, set())
    return names


def unknown_metrics(text: str) -> list[str]:
    """Return the metrics that no process gives."""
    return [name for name in _METRIC.findall(text) if name not in metrics()]


def sentences_of_the_code() -> str:
    """Return every text that the code holds; the parts of one with values in it stand one below the other."""
    found: list[str] = []
    for package in ("bot", "handlers"):
        for file in (ROOT / package).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            found += [
                each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and type(each.value) is str
            ]
    return "\n".join(found)


def unsaid(messages: Iterable[str], sentences: str) -> list[str]:
    """Return the messages that nothing says; `…` stands for what differs."""
    return [
        message
        for message in messages
        if not all(
            part.strip() in sentences or part.strip().lower() in sentences.lower() for part in message.split("…")
        )
    ]


def troubleshooting(text: str) -> list[str]:
    """Return the messages of the table under Troubleshooting."""
    return re.findall(r"^\| `([^`]+)` \|", text.partition("\n## Troubleshooting")[2], re.MULTILINE)


def drawn_moves(text: str) -> set[tuple[str, str]]:
    """Return the moves of the state diagram between two states."""
    diagram = text.partition("stateDiagram-v2")[2].partition("```")[0]
    return set(re.findall(r"^ +(\w+) --> (\w+)", diagram, re.MULTILINE))


def test_there_are_documents_to_look_at() -> None:
    """The checks below see every document, so that they cannot pass for want of anything to check."""
    expected = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/operations.md"}
    assert {str(path) for path in DOCUMENTS} >= expected
    assert sum(len(_PATH.findall(text_of(path))) for path in DOCUMENTS) > 100


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_what_a_document_names_exists(document: Path) -> None:
    """Every path, function, link, make target, command, option, variable and metric that a document names exists."""
    text = text_of(document)
    assert unknown_paths(text) == []
    assert broken_links(document, text) == []
    assert unknown_targets(text) == []
    assert unknown_commands(text) == []
    assert unknown_typed(text) == []
    assert unknown_variables(text) == []
    assert unknown_metrics(text) == []


WRONG = """
See [there](docs/nowhere.md) and [below](#no-such-heading), `bot/nowhere.py`, `bot/cli.py::nothing` and `nowhere.toml`.
Run `make coffee`, `tines-sync brew`, `tines-sync audit forget`, `tines-sync backup --gently FILE`, `/tines-sync brew`.
Set `TINES_SYNC_NOTHING`, and alert on `tines_sync_nothing_total`.
"""


def test_what_does_not_exist_is_noticed() -> None:
    """A document that names one wrong thing of each kind is caught at each, so that the checks are awake."""
    assert unknown_paths(WRONG) == ["docs/nowhere.md", "bot/nowhere.py", "bot/cli.py::nothing", "nowhere.toml"]
    assert broken_links(Path("README.md"), WRONG) == ["docs/nowhere.md", "#no-such-heading"]
    assert unknown_targets(WRONG) == ["coffee"]
    assert unknown_commands(WRONG) == ["brew", "audit forget", "backup --gently"]
    assert unknown_typed(WRONG) == ["brew"]
    assert unknown_variables(WRONG) == ["TINES_SYNC_NOTHING"]
    assert unknown_metrics(WRONG) == ["tines_sync_nothing_total"]
    assert unsaid(["nobody says … this"], sentences_of_the_code()) == ["nobody says … this"]


def test_every_variable_is_explained() -> None:
    """The README explains every environment variable that the bot reads."""
    named = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text_of(Path("README.md"))))
    assert variables() - named == set()


def test_everything_that_make_offers_is_explained() -> None:
    """The contributing guide explains every target of make."""
    assert make_targets() - set(_MAKE.findall(text_of(Path("CONTRIBUTING.md")))) == set()


def test_every_command_is_named() -> None:
    """The README and the operations guide together name every command, on the command line and in Slack."""
    text = text_of(Path("README.md")) + text_of(Path("docs/operations.md"))
    code = code_in(text)
    assert [name for name in COMMANDS if not re.search(rf"(?:tines-sync |\b){name}\b", code)] == []
    assert words_after_the_slash_command() - set(_TYPED.findall(code)) == set()


def test_messages_that_are_explained_are_said() -> None:
    """Every message under Troubleshooting is one that the code says."""
    messages = troubleshooting(text_of(Path("docs/operations.md")))
    assert len(messages) > 10
    assert unsaid(messages, sentences_of_the_code()) == []


def test_the_diagram_of_states_is_the_diagram_of_the_code() -> None:
    """The states and moves that the architecture draws are exactly those that the code allows."""
    moves = {(source.value, target.value) for source, targets in MOVES.items() for target in targets}
    assert drawn_moves(text_of(Path("docs/architecture.md"))) == moves
