"""Customers: root accounts that are not left out, and what is known of them today."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Customer:
    """One root account."""

    customer_id: str
    industry: str
    country: str
    employee_count: int | None


def roots(accounts: pa.Table) -> dict[str, str]:
    """Give the customer of every account that is not internal and has no internal ancestor."""
    rows = {
        row["account_id"]: row
        for row in accounts.select(["account_id", "parent_account_id", "is_internal"]).to_pylist()
    }
    found = {}
    for account in rows:
        way = [account]
        while (parent := rows[way[-1]]["parent_account_id"]) is not None:
            way.append(parent)
        if not any(rows[step]["is_internal"] for step in way):
            found[account] = way[-1]
    return found


def customers(accounts: pa.Table, root_of: dict[str, str]) -> dict[str, Customer]:
    """Give every customer."""
    wanted = set(root_of.values())
    return {
        row["account_id"]: Customer(
            row["account_id"], row["industry"] or "unknown", row["country"] or "unknown", row["employee_count"]
        )
        for row in accounts.to_pylist()
        if row["account_id"] in wanted
    }
