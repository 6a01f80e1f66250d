import re
from pathlib import Path

from bot.settings.tables import CalendarTable, OperationTable, RouteTable, TenantTable
from bot.settings.topology import read_parts

EXAMPLE = Path(__file__).parents[3] / "tines-sync.example.toml"


def test_example_is_valid() -> None:
    """The example file can be copied as it is: it loads once the variables that it names are set."""
    text = EXAMPLE.read_text()
    environ = {name: f"value-of-{name}" for name in re.findall(r'"env:(\w+)"', text)}
    topology, faults = read_parts(text, environ, EXAMPLE.parent)
    assert not faults
    assert topology.routes["dev-to-prod"].approvers == ("S0APPROVERS", "U0ADA")
    assert topology.tenants["prod"].key_for_publishing.get_secret_value() == "value-of-TINES_PROD_PUBLISH"


def test_example_is_complete() -> None:
    """Every key that can be set stands in the example file."""
    text = EXAMPLE.read_text()
    for table in (TenantTable, RouteTable, OperationTable, CalendarTable):
        for name, field in table.model_fields.items():
            assert re.search(rf"^(# )?{field.alias or name} = ", text, re.MULTILINE), name
