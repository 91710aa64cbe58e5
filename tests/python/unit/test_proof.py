"""How wide the proof is: every published column is computed a second time, or says why it is not and what guards it."""

import csv
from pathlib import Path

import pytest

from orchestration.recompute.contract import recomputed_contract
from orchestration.recompute.tables import TABLES

WIDE = ("marts", "metrics", "reconciliation")
EXEMPTIONS = Path(__file__).resolve().parents[3] / "seeds" / "recompute_exemptions.csv"


@pytest.fixture(scope="module")
def contracts(warehouse) -> dict[str, dict[str, str]]:
    """Columns and types of every published model that the promise is about, text as the raw contract writes it."""
    return {
        node["name"]: {
            name: column["data_type"].replace("string", "varchar") for name, column in node["columns"].items()
        }
        for node in warehouse.models
        if node["schema"] in WIDE
    }


@pytest.fixture(scope="module")
def grains(warehouse) -> dict[str, tuple[str, ...]]:
    """What identifies a row of every model."""
    return {
        node["attached_node"].split(".")[-1]: tuple(node["test_metadata"]["kwargs"]["columns"])
        for node in warehouse.tests
        if node.get("test_metadata", {}).get("name") == "unique_grain"
    }


def exemptions() -> dict[str, set[str]]:
    """The columns of each model that the seed names."""
    found: dict[str, set[str]] = {}
    with EXEMPTIONS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["reason"], row
            assert row["guarded_by"], row
            found.setdefault(row["model"], set()).add(row["column_name"])
    return found


def compared() -> dict[str, dict]:
    """The published tables that are recomputed."""
    return {name: table for name, table in recomputed_contract().items() if table.sample != "whole"}


def test_every_published_column_is_a_grain_or_compared_or_exempt_with_its_reason(contracts):
    exempt, recomputed = exemptions(), compared()
    for model, columns in contracts.items():
        held = set(recomputed[model].columns) if model in recomputed else set()
        left = exempt.get(model, set())
        left = set(columns) if left == {"*"} else left
        assert held | left == set(columns), model
        assert not held & left, model
    assert exempt.keys() | recomputed.keys() <= contracts.keys()


def test_what_is_compared_has_the_types_and_the_grain_of_the_contract(contracts, grains, warehouse):
    sources = {source["name"]: source for source in warehouse.sources if source["source_name"] == "recomputed"}
    for model, table in compared().items():
        types = {name: column["data_type"] for name, column in sources[model]["columns"].items()}
        assert types == {name: contracts[model][name] for name in types}, model
        assert table.key == grains[model], model


def test_the_second_opinion_has_a_module_for_every_table_and_no_other():
    assert set(TABLES) == set(recomputed_contract())


def test_every_table_is_counted_with_all_of_its_columns(contracts, company):
    acme = company("2025-06-30")
    acme.sell("acme", 1000, "2025-01-10")
    rows = acme.build("recomputed_coverage").rows("reconciliation.recomputed_coverage")
    told = {(row.table_name, row.column_name) for row in rows}
    whole = {table for table, column in told if column == "*"}
    assert told == {
        (model, column) for model, columns in contracts.items() for column in (["*"] if model in whole else columns)
    }
    assert {row.proof for row in rows} == {"key", "compared", "exempt"}
