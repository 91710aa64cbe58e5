"""The golden year G1: eight customers whose every figure was worked out by hand."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from builders import Settings, Warehouse, World

G1 = Path(__file__).resolve().parents[2] / "golden" / "g1"


def expected(name: str) -> list[dict[str, str]]:
    """Give the rows of a file of expectations."""
    with (G1 / f"expected_{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(text: str) -> Decimal | None:
    """Read a cell; an empty one is null."""
    return Decimal(text) if text else None


@pytest.fixture(scope="module")
def g1(warehouse: Warehouse) -> World:
    """The golden year, built from its raw files."""
    return warehouse.build_folder(G1 / "raw", Settings(date(2025, 12, 31)))


@pytest.mark.parametrize("row", expected("metrics"), ids=lambda row: row["metric_key"])
def test_a_metric_of_the_year_is_exact(g1, row):
    metric = g1.metric(row["metric_key"], row["month"][:7])
    for part in ("numerator", "denominator", "value"):
        assert getattr(metric, part) == number(row[part]), part


@pytest.mark.parametrize("row", expected("months"), ids=lambda row: row["month"][:7])
def test_a_month_of_the_year_is_exact(g1, row):
    month = row.pop("month")[:7]
    waterfall = g1.row("metrics.mrr_waterfall", month=month, segment_type="total")
    churn = g1.metric("logo_churn_rate", month)
    found = {name: value for name, value in vars(waterfall).items() if name.endswith("_mrr")}
    found |= {"opening_customers": churn.denominator, "churned_customers": churn.numerator}
    found |= {key: g1.value(key, month) for key in ("nrr_monthly", "grr_monthly", "logo_churn_rate")}
    assert {name: found[name] for name in row} == {name: number(text) for name, text in row.items()}


def test_nrr_under_every_policy_is_exact(g1):
    found = {row.policy_key: row for row in g1.rows("metrics.nrr_sensitivity", month="2025-12")}
    policies = {row["policy_key"]: row for row in expected("policies")}
    assert {key: (row.numerator, row.denominator, row.value) for key, row in found.items()} == {
        key: tuple(number(row[part]) for part in ("numerator", "denominator", "value")) for key, row in policies.items()
    }
    headline = number(policies["headline"]["value"])
    assert {key: row.difference_to_headline for key, row in found.items()} == {
        key: number(row["value"]) - headline for key, row in policies.items()
    }


def test_the_bridge_to_nrr_is_exact_line_by_line(g1):
    bridge = vars(g1.row("metrics.nrr_bridge", month="2025-12", segment_type="total"))
    lines = {row["line"]: number(row["amount"]) for row in expected("bridge")}
    assert {line: amount for line, amount in bridge.items() if line.endswith("_mrr")} == lines


def test_the_year_is_the_whole_of_what_is_shown(g1):
    months = [f"{row.month:%Y-%m}" for row in g1.rows("marts.dim_months")]
    assert months == ["2024-12", *(row["month"][:7] for row in expected("months"))]
