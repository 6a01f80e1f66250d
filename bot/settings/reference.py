"""`docs/configuration.md`, written from the settings' own models, so that it can say nothing else than they do.

`python -m bot.settings.reference > docs/configuration.md` writes it anew; a test compares the two.
"""

import re
import sys
from datetime import time, timedelta
from enum import Enum
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.settings.environment import Environment
from bot.settings.tables import CalendarTable, DiffTable, OperationTable, RouteTable, TenantTable, WatchTable
from bot.settings.topology import ADMIN_CONTACT, ADMIN_CONTACT_EXPECTED
from handlers.network import CA_EXPECTED, HTTPS_PROXY, NO_PROXY, PROXY_EXPECTED, SSL_CERT_FILE
from handlers.operations.registry import all_operations

EXAMPLE: Final = Path(__file__).parents[2] / "tines-sync.example.toml"

_HEAD: Final = """\
# Configuration

Secrets and what belongs to the machine come from environment variables; tenants, routes and their policy from one TOML
file. [The example](../tines-sync.example.toml) is a file to copy. `tines-sync check` names every fault in both, with its
line and what to type, and tries what has none.

<!-- Written by `python -m bot.settings.reference`; a test compares it with the settings. Change those, not this. -->

## Environment variables

An empty variable counts as not set. A value stands without quotes.

"""
_NETWORK: Final = (
    (HTTPS_PROXY, PROXY_EXPECTED, "none: directly"),
    (NO_PROXY, "hosts that are reached directly: names, addresses or networks with commas between them, or *", "none"),
    (SSL_CERT_FILE, CA_EXPECTED, "those of the system"),
)
_TABLES: Final = (
    ("[tenants.ALIAS]", "A Tines tenant. The alias is what people see: small letters, digits, - and _.", TenantTable),
    ("[routes.NAME]", "An allowed direction between two tenants, and who may do what on it.", RouteTable),
    (
        "[routes.NAME.operations.OPERATION]",
        "The policy of one operation: {operations}. What it does not say is the route's.",
        OperationTable,
    ),
    ("[routes.NAME.diff]", "What is shown of the difference between a story and its copy.", DiffTable),
    ("[calendar]", "When people may be reminded.", CalendarTable),
    ("[watch]", "How sync destinations are watched, so that a sync that fails is noticed.", WatchTable),
)


def reference(example: str) -> str:
    """Return the page; `example` is the text of the example file, whose comments say what a key is for."""
    rows = [_row(name.upper(), field) for name, field in Environment.model_fields.items()]
    rows += [f"| `{name}` | {_cell(expected)} | {default} |" for name, expected, default in _NETWORK]
    parts = [_HEAD, "| Variable | Value | Default |\n|---|---|---|\n", "\n".join(rows), "\n\n## The TOML file\n\n"]
    parts.append(f"| Key | Value | Default |\n|---|---|---|\n| `{ADMIN_CONTACT}` | whom people are told to ask: ")
    parts.append(f"{_cell(ADMIN_CONTACT_EXPECTED)} | none |\n")
    operations = ", ".join(all_operations())
    for title, about, table in _TABLES:
        parts.append(
            f"\n### `{title}`\n\n{about.format(operations=operations)}\n\n| Key | Value | Default | |\n|---|---|---|---|\n"
        )
        none = "the route's" if table is OperationTable else "none"
        for name, field in table.model_fields.items():
            parts.append(f"{_row(field.alias or name, field, none)} {_purpose(example, table, name)} |\n")
    return "".join(parts)


def _row(name: str, field: FieldInfo, none: str = "none") -> str:
    return f"| `{name}` | {_cell(field.description or '')} | {_cell(_default(field, none))} |"


def _default(field: FieldInfo, none: str) -> str:
    if field.is_required():
        return "**required**"
    match field.default:
        case None | ():
            return none
        case bool() as value:
            return f"`{str(value).lower()}`"
        case timedelta() as value:
            hours, rest = divmod(value, timedelta(hours=1))
            return f'`"{value // timedelta(minutes=1)}m"`' if rest else f'`"{hours}h"`'
        case time() as value:
            return f'`"{value:%H:%M}"`'
        case Enum() as value:
            return f"`{value.value}`"
        case tuple():
            return "Monday to Friday"  # the only list with a default
        case value:
            return f"`{value}`"


def _purpose(example: str, table: type[BaseModel], name: str) -> str:
    """Return the comment beside a key in the example file, with the lines below it that go on with it."""
    key = table.model_fields[name].alias or name
    line = re.compile(rf"^(?:# )?{key} = [^#\n]*?# (?P<said>[^\n]*(?:\n {{20,}}# [^\n]*)*)", re.MULTILINE)
    found = line.search(_part(example, table)) or line.search(example)
    return _cell(" ".join(part.strip(" #") for part in found["said"].splitlines())) if found else ""


def _part(example: str, table: type[BaseModel]) -> str:
    """Return the part of the example in which a table stands."""
    marks = {
        TenantTable: "[tenants.prod]",
        RouteTable: "[routes.",
        OperationTable: ".operations.",
        DiffTable: ".diff]",
        CalendarTable: "[calendar]",
        WatchTable: "[watch]",
    }
    return example[example.index(marks[table]) :]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference(EXAMPLE.read_text(encoding="utf-8")))
