"""A built world, and how a test asks it."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import duckdb


class World:
    """One company's warehouse, in memory. Months are written 2025-03."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take over a database in which the models are built."""
        self._connection = connection

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The database itself."""
        return self._connection

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:
        """Give the rows of a query."""
        return self._connection.execute(sql, list(parameters)).fetchall()

    def rows(self, relation: str, **having: object) -> list[SimpleNamespace]:
        """Give the rows of a relation that have certain values, in the order of all their columns."""
        where = " and ".join(f"{column} = ${position + 1}" for position, column in enumerate(having)) or "true"
        found = self._connection.execute(
            f"select * from {relation} where {where} order by all", [_value(value) for value in having.values()]
        )
        names = [column[0] for column in found.description]
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in found.fetchall()]

    def row(self, relation: str, **having: object) -> SimpleNamespace:
        """Give the one row of a relation that has certain values."""
        (row,) = self.rows(relation, **having)
        return row

    def mrr(self, account: str) -> dict[str, Decimal]:
        """Give a customer's closing MRR of every month from its first one with MRR."""
        return self._by_month(account, "closing_mrr")

    def movements(self, account: str) -> dict[str, str]:
        """Give the word for what a customer's MRR did in every month from its first one with MRR."""
        return self._by_month(account, "movement_type")

    def reasons(self, account: str, month: str) -> dict[str, Decimal]:
        """Give the amounts of a customer's movement in a month by reason."""
        rows = self.rows("marts.fct_mrr_movements", account_id=account, month=month)
        return {row.reason: row.amount_mrr for row in rows}

    def metric(
        self, key: str, month: str, segment_type: str = "total", segment_value: str = "total"
    ) -> SimpleNamespace:
        """Give a metric's row of a month and segment, its figure as `value`: what metric_values calls it."""
        row = self.row(f"metrics.metric_{key}", month=month, segment_type=segment_type, segment_value=segment_value)
        row.value = row.metric_value
        return row

    def value(self, key: str, month: str) -> Decimal | None:
        """Give a metric's total of a month."""
        return self.metric(key, month).value

    def _by_month(self, account: str, column: str) -> dict:
        rows = self.rows("marts.fct_account_months", account_id=account)
        return {f"{row.month:%Y-%m}": getattr(row, column) for row in rows}


def _value(value: object) -> object:
    """Read 2025-03 as the first day of that month."""
    if isinstance(value, str) and len(value) == 7 and value[4] == "-":
        return date.fromisoformat(f"{value}-01")
    return value
