import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Container, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TypeGuard

import pytest

from bot.operations import all_presentations
from handlers.operations.registry import all_operations

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.relative_to(ROOT) for package in ("bot", "handlers") for path in (ROOT / package).rglob("*.py"))
# Alembic runs these files by itself, as scripts; nothing imports them.
SCRIPTS = frozenset(path for path in MODULES if "migrations" in path.parts and path.name != "__init__.py")

MAKES_SOMETHING_MUTABLE = frozenset(
    {
        *("bytearray", "dict", "list", "set", "Counter", "OrderedDict", "defaultdict", "deque"),
        *("Condition", "Event", "Future", "Lock", "Queue", "RLock", "Semaphore", "ContextVar"),
        *("AsyncClient", "Client", "ClientSession", "AsyncWebClient", "WeakKeyDictionary", "WeakValueDictionary"),
    }
)
# What is asked through a use case alone, by the name that it has in `Services`.
PARTS_OF_USE_CASES = frozenset({"executor", "people", "store"})
# Modules, and names in them: what sends and writes, the rules, and what puts these together.
LEFT_TO_USE_CASES = re.compile(
    r"handlers\.(execution(\.[a-z_]+)*(\.CallJournal|\.Executor)?"
    r"|policy|policy\.rulings|policy\.(rulings\.)?may_\w+|requests\.(rights\.)?abilities)"
)
READ_ONLY = frozenset({"Mapping", "Sequence", "Collection", "Set", "AbstractSet"})

# Imports the modules named on the command line and prints what was done on the way by the project's own code: opening
# files, making sockets, starting processes, and threads that run on. What a library does while it is imported is not
# ours. (Python tells an audit hook of new threads from 3.12 on only: hence the count at the end.)
WATCHED_IMPORT = """
import importlib, json, os, sys, threading

root, *names = sys.argv[1:]
watched = {"open", "socket.__new__", "socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.mkdir",
           "os.remove", "os.rename", "sqlite3.connect"}
stdlib = os.path.dirname(os.__file__)
done = []

def watch(event, arguments):
    if event not in watched:
        return
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib") or "site-packages" in file:
            return
        if file.startswith(root + os.sep):
            done.append(f"{event} at {os.path.relpath(file, root)}:{frame.f_lineno}")
            return
        frame = frame.f_back

sys.addaudithook(watch)
sys.path.insert(0, root)
for name in names:
    importlib.import_module(name)
done += [f"thread {each.name}" for each in threading.enumerate() if each is not threading.main_thread()]
print(json.dumps(done))
"""


@cache
def tree_of(module: Path) -> ast.Module:
    """Read a module's source."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def imports_of(module: Path) -> Iterator[str]:
    """Yield the full name of each module that the module imports, wherever in it."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            yield node.module or ""


def roots_of(module: Path) -> set[str]:
    """Return the packages that a module imports something of."""
    return {name.split(".")[0] for name in imports_of(module)}


def _modules_named_in(module: Path, modules: Container[str]) -> Iterator[str]:
    """Yield those of our modules that a module imports, or takes something from."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in modules or node.module in modules:
                    yield whole if whole in modules else node.module


def dotted(module: Path) -> str:
    """Return the name under which a module is imported."""
    parts = module.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_there_are_modules_to_look_at() -> None:
    """The checks below see both packages, so that they cannot pass for want of anything to check."""
    assert {path.parts[0] for path in MODULES} == {"bot", "handlers"}
    assert len(MODULES) > 20


def test_handlers_know_nothing_of_slack() -> None:
    """What the bot does can be read, run and tested without Slack: `handlers` imports neither `bot` nor Slack's SDK."""
    handlers = [path for path in MODULES if path.parts[0] == "handlers"]
    assert [path for path in handlers if roots_of(path) & {"bot", "slack_sdk", "slack_bolt"}] == []


def test_one_package_knows_the_engine() -> None:
    """Procrastinate can be replaced by changing `handlers/engine` alone, since nothing else imports it."""
    knowing = {path.parts[:2] for path in MODULES if "procrastinate" in roots_of(path)}
    assert knowing == {("handlers", "engine")}


def test_no_module_needs_itself() -> None:
    """No module imports, by whatever way round and for whatever purpose, a module that imports it."""
    modules = {dotted(path): path for path in MODULES}
    needs = {
        name: {each for each in _modules_named_in(path, modules) if each != name} for name, path in modules.items()
    }
    assert list(TopologicalSorter(needs).static_order())  # raises `CycleError`, which names the circle


def test_listeners_and_views_write_nothing_and_decide_nothing() -> None:
    """A listener parses, asks a use case and shows, and a view draws: `handlers` writes, sends and says who may."""
    shallow = [path for path in MODULES if path.parts[:2] in {("bot", "listeners"), ("bot", "views")}]
    assert {path.parts[1] for path in shallow} == {"listeners", "views"}
    assert {path: found for path in shallow if (found := _left_to_use_cases(tree_of(path)))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "async with services.store.transaction() as transaction: pass",
        "async with self._responder.services.store.reading() as reader: pass",
        "from handlers.execution.call_journal import CallJournal",
        "import handlers.execution.call_journal",
        "freezes = await services.store.freezes()",
        "subject = services.executor.subject(request, facts)",
        "someone = await self._services.people.person(actor, groups)",
        "from handlers.policy import Freeze, may_request",
        "from handlers.policy.rulings import may_break_glass as allowed",
        "from handlers import policy",
        "import handlers.policy.rulings",
        "from handlers.requests.rights import abilities",
    ],
)
def test_what_is_left_to_use_cases_is_seen(line: str) -> None:
    """Each way for a listener to write, send, look somebody up or decide is found, so that the check above is awake."""
    assert set(_left_to_use_cases(ast.parse(f"async def listener():\n    {line}"))) == {2}
    harmless = "from handlers.policy import Freeze, quorum\nfrom handlers.execution.call_journal import CALLED"
    assert _left_to_use_cases(ast.parse(harmless)) == []


def test_there_is_one_of_each_listener() -> None:
    """What a listener remembers, such as the latest choice in a form, holds whichever way a click takes to it."""
    trees = [tree_of(path) for path in MODULES if path.parts[:2] == ("bot", "listeners")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    taken = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == "register"]
    classes = {str(each.value) for node in taken if _is_text(each := node.args.args[-1].annotation)}
    made = Counter(_called(node) for node in nodes if isinstance(node, ast.Call))
    assert len(classes) > 6
    assert {name: made[name] for name in classes} == dict.fromkeys(classes, 1)


STORE_PARTS = (
    "audit",
    "conversations",
    "deferred",
    "destinations",
    "freezes",
    "homes",
    "keys",
    "outbox",
    "requests",
    "summaries",
)
SHARED_BY_PARTS = frozenset({"handlers.store", "handlers.store.rows", "handlers.store.jobs_ordered"})


@pytest.mark.parametrize("part", STORE_PARTS)
def test_no_part_of_the_store_knows_another(part: str) -> None:
    """Each part of a transaction has the statements of its own tables; only the unit of work puts parts together."""
    module = Path("handlers/store") / f"{part}.py"
    assert {name for name in imports_of(module) if name.startswith("handlers.store")} <= SHARED_BY_PARTS


@pytest.mark.parametrize("part", STORE_PARTS)
def test_a_transaction_that_reads_has_nothing_that_writes(part: str) -> None:
    """What reads the store cannot insert, update, delete or lock: its parts have no statement that does."""
    readers = [
        node
        for node in tree_of(Path("handlers/store") / f"{part}.py").body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Reader")
    ]
    assert len(readers) == 1
    assert _lines_that_call(readers[0], "insert", "update", "delete", "with_for_update", "values") == []


def test_every_module_and_public_function_says_what_it_is_for() -> None:
    """Each module, public class and public function or method has a docstring."""
    silent = [str(module) for module in MODULES if not ast.get_docstring(tree_of(module))]
    silent += [
        f"{module}: {name}"
        for module in MODULES
        for name, node in _public(tree_of(module))
        if not ast.get_docstring(node)
    ]
    assert silent == []


def test_modules_hold_nothing_that_changes() -> None:
    """No module keeps state: two apps in one process, or two tests, never see each other through one."""
    for module in MODULES:
        if module in SCRIPTS:
            continue
        tree = tree_of(module)
        changing = [ast.unparse(node) for node in _top_level(tree) if _binds_something_mutable(node)]
        assert changing == [], module
        assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)] == [], module


def test_modules_only_define() -> None:
    """At the top of a module nothing is called for its effect, looped over, waited for or tried."""
    working = [
        f"{module}: {ast.unparse(node)}"
        for module in MODULES
        if module not in SCRIPTS
        for node in _top_level(tree_of(module))
        if isinstance(node, ast.For | ast.While | ast.With | ast.Try | ast.Delete | ast.Assert | ast.Raise)
        or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))
    ]
    assert working == []


def test_importing_everything_does_nothing(tmp_path: Path) -> None:
    """Importing every module opens no file, makes no socket and starts no thread or process, and writes nothing."""
    names = [dotted(path) for path in MODULES if path not in SCRIPTS]
    run = subprocess.run(  # noqa: S603 - our own interpreter with our own words
        [sys.executable, "-B", "-c", WATCHED_IMPORT, str(ROOT), *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == []  # and nothing else was printed
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_the_watch_on_imports_sees_what_a_module_does(tmp_path: Path) -> None:
    """A module that opens a file, makes a socket and starts a thread is caught at each, so that the watch is awake."""
    (tmp_path / "busy.py").write_text(
        "import socket, threading\n"
        "open(__file__).close()\n"
        "socket.socket().close()\n"
        "threading.Thread(target=threading.Event().wait, name='busy', daemon=True).start()\n"
    )
    run = subprocess.run(  # noqa: S603 - our own interpreter with our own words
        [sys.executable, "-B", "-c", WATCHED_IMPORT, str(tmp_path), "busy"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(run.stdout) == ["open at busy.py:2", "socket.__new__ at busy.py:3", "thread busy"]


def test_every_operation_is_presented() -> None:
    """What can be done can be asked for and shown: each operation has a presentation, by the same name."""
    operations, presentations = all_operations(), all_presentations()
    assert set(operations) == set(presentations)
    assert {name: each.name for name, each in operations.items()} == {name: name for name in operations}
    assert {name: each.name for name, each in presentations.items()} == {name: name for name in presentations}


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that run on import, those under an `if` among them, but not the script's own part."""
    pending = list(tree.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.If):
            if "__name__" not in ast.unparse(node.test):
                pending = [*node.body, *node.orelse, *pending]
        else:
            yield node


def _binds_something_mutable(node: ast.stmt) -> bool:
    """Whether a statement gives a module something that can be changed in place; `__all__` is Python's own."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
        return False
    if isinstance(node, ast.AnnAssign) and _names_in(node.annotation) & READ_ONLY:
        return False  # mypy sees to it that nobody writes to these
    value = node.value
    literal = isinstance(value, ast.Dict | ast.List | ast.Set | ast.ListComp | ast.SetComp | ast.DictComp)
    return literal or (isinstance(value, ast.Call) and _called(value) in MAKES_SOMETHING_MUTABLE)


def _lines_that_call(within: ast.AST, *methods: str) -> list[int]:
    calls = (node for node in ast.walk(within) if isinstance(node, ast.Call))
    return [node.lineno for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr in methods]


def _left_to_use_cases(tree: ast.AST) -> list[int]:
    """Return the lines that write, send, look somebody up or decide without a use case."""
    lines = _lines_that_call(tree, "transaction", "reading")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            package = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            if any(LEFT_TO_USE_CASES.fullmatch(package + each.name) for each in node.names):
                lines.append(node.lineno)
        elif isinstance(node, ast.Attribute) and node.attr in PARTS_OF_USE_CASES:
            lines.append(node.lineno)
    return lines


def _is_text(node: ast.expr | None) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _names_in(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).partition("[")[0].rpartition(".")[2]


def _public(
    tree: ast.Module | ast.ClassDef, within: str = ""
) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            name = f"{within}{node.name}"
            # An overload and a setter are told of by the function or the property that they belong to.
            decorators = {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
            if not decorators & {"overload", "setter"}:
                yield name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{name}.")
