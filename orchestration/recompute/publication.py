"""The recomputed tables, as data frames and as parquet for the warehouse."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from orchestration.recompute.accounts import account_values
from orchestration.recompute.bridge import bridge
from orchestration.recompute.clock import date_of, first_day
from orchestration.recompute.metrics import METRIC_KEYS
from orchestration.recompute.movements import movement_rows
from orchestration.recompute.rows import VALUE_DIGITS, Row
from orchestration.recompute.sensitivity import sensitivity
from orchestration.recompute.settings import decimal_of
from orchestration.recompute.world import World

_PART, _VALUE, _MONEY = pa.decimal128(38, 4), pa.decimal128(38, VALUE_DIGITS), pa.decimal128(18, 4)
METRICS_SCHEMA = pa.schema(
    {
        "metric_key": pa.string(),
        "month": pa.date32(),
        "segment_type": pa.string(),
        "segment_value": pa.string(),
        "numerator": _PART,
        "denominator": _PART,
        "value": _VALUE,
        "sample_size": pa.int64(),
        "null_reason": pa.string(),
    }
)
_AMOUNTS = ("opening", "new", "reactivation", "expansion", "contraction", "churned", "fx", "closing")
ACCOUNT_MONTHS_SCHEMA = pa.schema(
    {"account_id": pa.string(), "month": pa.date32()}
    | {f"{name}_mrr": _MONEY for name in _AMOUNTS}
    | {"movement_type": pa.string()}
)
MOVEMENTS_SCHEMA = pa.schema(
    {
        "account_id": pa.string(),
        "month": pa.date32(),
        "movement_type": pa.string(),
        "reason": pa.string(),
        "amount_mrr": _MONEY,
    }
)
ACCOUNT_VALUES_SCHEMA = pa.schema(
    {"account_id": pa.string(), "month": pa.date32(), "measure": pa.string(), "value": pa.string()}
)
CUSTOMERS_SCHEMA = pa.schema({"account_id": pa.string()})
COVERAGE_SCHEMA = pa.schema({"accounts": pa.int64(), "customers_recomputed": pa.int64(), "is_sample": pa.bool_()})
_ROWS_AT_ONCE = 200_000


def _frame(rows: Iterable[tuple], schema: pa.Schema) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.names)
    return pd.DataFrame(
        {name: pd.Series(column, dtype=object) for name, column in zip(schema.names, columns, strict=True)}
    )


def metrics(world: World) -> pd.DataFrame:
    """Give every metric by month and segment; none of a sample, which proves nothing about totals."""
    if world.is_sample:
        return _frame((), METRICS_SCHEMA)
    return _frame(
        (_metric_row(metric_key, row) for metric_key in METRIC_KEYS for row in world.rows(metric_key)), METRICS_SCHEMA
    )


def beside_metrics(world: World) -> pd.DataFrame:
    """Give the bridge to NRR and NRR under other policies, in the form of metrics; nothing of a sample."""
    tables = {} if world.is_sample else {"nrr_bridge": bridge(world), "nrr_sensitivity": sensitivity(world)}
    return _frame(
        (_metric_row(f"{table}.{key}", row) for table, rows in tables.items() for key, row in rows), METRICS_SCHEMA
    )


def _metric_row(metric_key: str, row: Row) -> tuple:
    return (
        metric_key,
        date_of(first_day(row.month)),
        row.segment_type,
        row.segment_value,
        None if row.numerator is None else decimal_of(row.numerator, 4),
        None if row.denominator is None else decimal_of(row.denominator, 4),
        row.value,
        row.sample_size,
        row.null_reason,
    )


def account_months(world: World) -> pd.DataFrame:
    """Give the roll-forward of every customer from its first month with MRR."""
    return _frame(
        (
            (
                row.customer_id,
                date_of(first_day(row.month)),
                *(
                    decimal_of(world.money(amount), 4)
                    for amount in (
                        row.opening,
                        row.amount("new"),
                        row.amount("reactivation"),
                        row.amount("expansion"),
                        row.amount("contraction"),
                        row.amount("churn"),
                        row.fx,
                        row.closing,
                    )
                ),
                row.movement_type,
            )
            for row in world.account_months
        ),
        ACCOUNT_MONTHS_SCHEMA,
    )


def movements(world: World) -> pd.DataFrame:
    """Give every movement with its reasons; the amounts of a customer and month sum to closing less opening."""
    return _frame(
        (
            (customer_id, date_of(first_day(month)), movement_type, reason, decimal_of(world.money(amount), 4))
            for customer_id, month, movement_type, reason, amount in movement_rows(world.ledger, world.account_months)
        ),
        MOVEMENTS_SCHEMA,
    )


def write(frame: pd.DataFrame, path: Path, schema: pa.Schema = METRICS_SCHEMA) -> None:
    """Write a recomputed table as parquet."""
    arrays = [pa.array(frame[name].tolist(), schema.field(name).type) for name in schema.names]
    pa.parquet.write_table(pa.table(arrays, schema=schema), path)


def write_all(world: World, folder: Path) -> None:
    """Write the recomputed tables into a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    figures = pd.concat([metrics(world), beside_metrics(world)])
    write(figures, folder / "metric_values.parquet", METRICS_SCHEMA)
    write(account_months(world), folder / "account_months.parquet", ACCOUNT_MONTHS_SCHEMA)
    write(movements(world), folder / "mrr_movements.parquet", MOVEMENTS_SCHEMA)
    _write_account_values(world, folder / "account_values.parquet")
    customers = _frame(((customer_id,) for customer_id in sorted(world.customers)), CUSTOMERS_SCHEMA)
    write(customers, folder / "customers.parquet", CUSTOMERS_SCHEMA)
    coverage = (world.everybodys["accounts"].num_rows, len(world.customers), world.is_sample)
    write(_frame([coverage], COVERAGE_SCHEMA), folder / "coverage.parquet", COVERAGE_SCHEMA)


def _write_account_values(world: World, path: Path) -> None:
    """Write the values of customers piece by piece: there are hundreds of them a customer."""
    values = account_values(world)
    with pa.parquet.ParquetWriter(path, ACCOUNT_VALUES_SCHEMA) as file:
        while rows := list(islice(values, _ROWS_AT_ONCE)):
            account_ids, months, measures, texts = zip(*rows, strict=True)
            columns = (account_ids, [first_day(month) for month in months], measures, texts)
            arrays = [pa.array(column, kind) for column, kind in zip(columns, ACCOUNT_VALUES_SCHEMA.types, strict=True)]
            file.write_table(pa.table(arrays, schema=ACCOUNT_VALUES_SCHEMA))
