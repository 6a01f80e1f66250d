import re
from pathlib import Path

from bot.settings.environment import Environment
from bot.settings.reference import reference
from bot.settings.tables import CalendarTable, DiffTable, OperationTable, RouteTable, TenantTable, WatchTable
from bot.settings.topology import read_parts
from handlers.operations.registry import all_operations

EXAMPLE = Path(__file__).parents[3] / "tines-sync.example.toml"


def test_example_is_valid() -> None:
    """The example file can be copied as it is: it loads once the variables that it names are set."""
    text = EXAMPLE.read_text()
    environ = {name: f"value-of-{name}" for name in re.findall(r'"env:(\w+)"', text)}
    topology, faults = read_parts(text, environ, EXAMPLE.parent, all_operations())
    assert not faults
    assert topology.routes["dev-to-prod"].approvers == ("S0APPROVERS", "U0ADA")
    assert topology.tenants["prod"].key_for_publishing.get_secret_value() == "value-of-TINES_PROD_PUBLISH"


def test_example_is_complete() -> None:
    """Every key that can be set stands in the example file."""
    text = EXAMPLE.read_text()
    for table in (TenantTable, RouteTable, OperationTable, DiffTable, CalendarTable, WatchTable):
        for name, field in table.model_fields.items():
            assert re.search(rf"^(# )?{field.alias or name} = ", text, re.MULTILINE), name


def test_the_reference_says_what_the_settings_are() -> None:
    """`docs/configuration.md` is what the settings' own models say; `python -m bot.settings.reference` writes it anew."""
    written = (EXAMPLE.parent / "docs" / "configuration.md").read_text()
    assert written == reference(EXAMPLE.read_text())


def test_the_reference_is_complete() -> None:
    """Every variable and every key has a row, with what is expected."""
    text = reference(EXAMPLE.read_text())
    for name in Environment.model_fields:
        assert re.search(rf"^\| `{name.upper()}` \| [^|]+ \|", text, re.MULTILINE), name
    for table in (TenantTable, RouteTable, OperationTable, DiffTable, CalendarTable, WatchTable):
        for name, field in table.model_fields.items():
            assert re.search(rf"^\| `{field.alias or name}` \| [^|]+ \|", text, re.MULTILINE), name
