"""From the text of the TOML file to the `Topology`, with every fault on the way.

Each table is read on its own, so that a fault in one hides none in another; what concerns several tables (two
aliases for one tenant, two policies for one direction) is looked at afterwards.
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from bot.settings.faults import Fault, did_you_mean, path_text, problems, shown
from bot.settings.lines import Lines
from bot.settings.syntax import syntax_fault
from bot.settings.tables import (
    CalendarTable,
    Context,
    DiffTable,
    OperationPolicyTable,
    OperationTable,
    PolicyTable,
    RouteTable,
    Table,
    TenantTable,
    WatchTable,
)
from bot.settings.values import NAME
from handlers.routes import Calendar, OperationPolicy, Route, Tenant, Topology, Watch

MAX_ROUTES: Final = 100  # a Slack menu shows no more options
NOTHING: Final = Topology(tenants={}, routes={})
"""What is in a file that cannot be read."""

_TABLES: Final = ("tenants", "routes", "calendar", "watch")
ADMIN_CONTACT: Final = "admin_contact"
_LONGEST_CONTACT: Final = 100  # characters
ADMIN_CONTACT_EXPECTED: Final = 'a Slack user id, a channel id or a few words: "U0ADA", "C0HELP", "the platform team"'

_T = TypeVar("_T", bound=Table)


def read_parts(
    text: str, environ: Mapping[str, str], folder: Path, operations: Collection[str]
) -> tuple[Topology, list[Fault]]:
    """Read the file's text: every tenant and route that is in order by itself, and what is wrong with the others.

    Relative `file:` paths start at `folder`. `operations` are the names that a route can have a policy for.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return NOTHING, [syntax_fault(error, text)]
    return _Reader(document, environ, folder, Lines(text), operations).read()


class _Reader:
    """One reading of one file; collects faults as it goes."""

    def __init__(
        self,
        document: dict[str, object],
        environ: Mapping[str, str],
        folder: Path,
        lines: Lines,
        operations: Collection[str],
    ) -> None:
        self._document = document
        self._lines = lines
        self._known = operations
        self._faults: list[Fault] = []
        aliases = document.get("tenants")
        self._context = Context(environ, folder, tuple(aliases) if isinstance(aliases, dict) else ())

    def read(self) -> tuple[Topology, list[Fault]]:
        for key in self._document.keys() - {*_TABLES, ADMIN_CONTACT}:
            self._fault((key,), "is not a known table", did_you_mean(key, (*_TABLES, ADMIN_CONTACT)))
        tenants = {alias: tenant for alias in self._names("tenants") if (tenant := self._tenant(alias))}
        routes = {name: route for name in self._names("routes") if (route := self._route(name))}
        calendar = self._calendar()
        self._one_alias_a_tenant(tenants)
        self._one_policy_a_direction()
        contact = self._contact()
        faults = sorted(self._faults, key=lambda fault: fault.line or 0)
        topology = Topology(
            tenants=tenants,
            routes=routes,
            calendar=calendar or Calendar(),
            watch=self._watch() or Watch(),
            admin_contact=contact,
        )
        return topology, faults

    def _contact(self) -> str:
        """Return whom people are told to ask, "" when the file does not say."""
        value = self._document.get(ADMIN_CONTACT, "")
        if isinstance(value, str) and len(value) <= _LONGEST_CONTACT and (value.isprintable() or not value):
            return value.strip()
        problem = "is too long or not one line" if isinstance(value, str) else f"has the wrong type: {shown(value)}"
        self._fault((ADMIN_CONTACT,), problem, ADMIN_CONTACT_EXPECTED)
        return ""

    def _tenant(self, alias: str) -> Tenant | None:
        table = self._table(("tenants", alias), TenantTable)
        return Tenant(alias=alias, **dict(table)) if table else None

    def _route(self, name: str) -> Route | None:
        table = self._table(("routes", name), RouteTable, but_for=("operations", "diff"))
        operations = self._operations(name)
        path = ("routes", name, "diff")
        diff = self._table(path, DiffTable) if self._at(*path) is not None else DiffTable()
        if table is None or operations is None or diff is None:
            return None
        misfits = [operation for operation, own in operations.items() if not self._fits(name, table, operation, own)]
        if misfits:
            return None
        policies = {operation: OperationPolicy(**dict(own)) for operation, own in operations.items()}
        return Route(name=name, operations=policies, diff_ignore=diff.ignore, **dict(table))

    def _operations(self, route: str) -> dict[str, OperationTable] | None:
        """Return the tables under `[routes.ROUTE.operations]`; None when anything is wrong in one of them."""
        path = ("routes", route, "operations")
        values = self._at(*path)
        if values is None:
            return {}
        if not isinstance(values, dict):
            self._fault(path, "is not a table", f"[{path_text(path)}.NAME] with keys under it")
            return None
        for unknown in values.keys() - set(self._known):
            self._fault((*path, unknown), "is not a known operation", did_you_mean(unknown, self._known))
        tables: dict[str, OperationTable] = {}
        for name in (known for known in values if known in self._known):
            table = self._table((*path, name), OperationTable, but_for=("denied",))
            if isinstance(values[name], dict) and "denied" in values[name]:
                self._fault((*path, name, "denied"), "cannot differ from the route", f"denied in [routes.{route}] only")
            elif table is not None:
                tables[name] = table
        return tables if len(tables) == len(values) else None

    def _fits(self, route: str, table: RouteTable, operation: str, own: OperationTable) -> bool:
        """Whether the policy of an operation holds together, with what it takes from the route."""
        said = {key: value for key, value in own if value is not None and key != "enabled"}
        inherited = {key: getattr(table, key) for key in PolicyTable.model_fields}
        try:
            OperationPolicyTable.model_validate({**inherited, **said}, context=self._context)
        except ValidationError as error:
            found = problems(error, OperationPolicyTable)
        else:
            return True
        path = ("routes", route, "operations", operation)
        for (key, *_), problem, expected in found:
            if key in said:
                self._fault((*path, key), problem, expected)
            else:
                self._fault(path, f"inherits {key} from the route, which {problem}", f"its own {key}: {expected}")
        return False

    def _calendar(self) -> Calendar | None:
        if "calendar" not in self._document:
            return Calendar()
        table = self._table(("calendar",), CalendarTable)
        return Calendar(**dict(table)) if table else None

    def _watch(self) -> Watch | None:
        if "watch" not in self._document:
            return Watch()
        table = self._table(("watch",), WatchTable)
        return Watch(**dict(table)) if table else None

    def _names(self, kind: str) -> list[str]:
        """Return the names under `[tenants]` or `[routes]`, having reported those that cannot be one."""
        tables = self._document.get(kind, {})
        if not isinstance(tables, dict) or not tables:
            self._fault((kind,), "has no table", f"at least one [{kind}.NAME]")
            return []
        for name in tables:
            if not NAME.fullmatch(name):
                self._fault((kind, name), "is not a name", "small letters, digits, - and _, at most 40")
        if kind == "routes" and len(tables) > MAX_ROUTES:
            self._fault((kind,), f"has {len(tables)} routes", f"at most {MAX_ROUTES}")
        return list(tables)

    def _at(self, *path: str) -> object:
        value: object = self._document
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _table(self, path: tuple[str, ...], model: type[_T], *, but_for: tuple[str, ...] = ()) -> _T | None:
        """Read a table, but for tables or keys within it that are read by themselves."""
        values = self._at(*path)
        if not isinstance(values, dict):
            self._fault(path, "is not a table", f"[{path_text(path)}] with keys under it")
            return None
        try:
            values = {key: value for key, value in values.items() if key not in but_for}
            return model.model_validate(values, context=self._context)
        except ValidationError as error:
            found = problems(error, model, quote=True)
        for place, problem, expected in found:
            self._fault((*path, *place), problem, expected)
        return None

    def _one_alias_a_tenant(self, tenants: Mapping[str, Tenant]) -> None:
        first: dict[str, str] = {}
        for alias, tenant in tenants.items():
            other = first.setdefault(tenant.url, alias)
            if other != alias:
                self._fault(("tenants", alias, "url"), f"is the tenant that {other} is already", "one alias a tenant")

    def _one_policy_a_direction(self) -> None:
        first: dict[tuple[str, str], str] = {}
        routes = self._document.get("routes")
        for name in routes if isinstance(routes, dict) else ():
            source, destination = self._at("routes", name, "source"), self._at("routes", name, "destination")
            if not isinstance(source, str) or not isinstance(destination, str):
                continue
            other = first.setdefault((source, destination), name)
            if other != name:
                self._fault(
                    ("routes", name),
                    f"goes from {source} to {destination} as {other} does: the weaker policy would rule",
                    "one route a direction",
                )

    def _fault(self, path: tuple[str | int, ...], problem: str, expected: str) -> None:
        self._faults.append(Fault(path_text(path), self._lines.of(path), problem, expected))
