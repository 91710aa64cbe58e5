"""MRR as reported, at month-end rates, and MRR in each currency's own money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from orchestration.recompute import sample
from orchestration.recompute.clock import day_of, month_of
from orchestration.recompute.ledger import Holding, Ledger, Rates
from orchestration.recompute.movements import AccountMonth, movement_type
from orchestration.recompute.settings import rounded

if TYPE_CHECKING:
    from orchestration.recompute.world import World

ACCOUNTS_AT_ONCE = 1_000


def _is_foreign(book: Ledger, currency: str) -> bool:
    """Say whether anybody holds an item of another currency at the end of a published month."""
    return any(
        holding.span.terms.currency != currency
        for months in book.holdings.values()
        for month, held in months.items()
        if month in book.months
        for holding in held
    )


def holds_foreign(world: World) -> bool:
    """Say whether any customer of the whole company, sampled or not, holds another than the reporting currency."""
    currency = world.settings.currency
    if _is_foreign(world.ledger, currency):
        return True
    if not world.is_sample:
        return False
    account_of = world.account_of_subscription
    accounts = sorted(
        {
            account_of[row["subscription_id"]]
            for row in world.everybodys["subscription_item_versions"].to_pylist()
            if row["currency"] != currency
        }
    )
    return any(
        _is_foreign(world.ledger_of(sample.restrict(world.everybodys, accounts[at : at + ACCOUNTS_AT_ONCE])), currency)
        for at in range(0, len(accounts), ACCOUNTS_AT_ONCE)
    )


def first_month(world: World) -> int | None:
    """Give the first month that is reported: the first with any month-end rate; every one where no rate is needed."""
    if not holds_foreign(world):
        return world.months[0]
    months = [
        month_of(day_of(row["rate_date"]))
        for row in world.accepted["exchange_rates"].to_pylist()
        if row["rate_type"] == "month_end"
        and row["quote_currency"] == world.settings.currency
        and row["rate_date"] <= world.settings.as_of_date
    ]
    return max(min(months), world.months[0]) if months else None


def as_reported(world: World) -> Iterator[AccountMonth]:
    """Give the roll-forward of every customer at month-end rates."""
    book, first = world.ledger, first_month(world)
    rates = Rates(world.accepted, world.settings.currency, world.clock, "month_end")

    def worth(holding: Holding, month: int) -> int:
        if holding.is_paused or not holding.span.line:
            return 0
        return holding.span.mrr(rates.at(holding.span.terms.currency, month), book.minor_units)

    if first is None:
        return
    rates.require(
        (holding.span.terms.currency, month)
        for months in book.holdings.values()
        for month, held in months.items()
        for holding in held
        if first <= month <= book.months[-1] and holding.span.line > 0 and not holding.is_paused
    )
    for customer_id in world.payers:
        has_paid = any(book.mrr(customer_id, month) > 0 for month in range(book.months[0], first))
        has_begun, opening = False, None
        for month in range(first, book.months[-1] + 1):
            closing = sum(worth(holding, month) for holding in book.held(customer_id, month))
            previous = sum(worth(holding, month) for holding in book.held(customer_id, month - 1))
            # Nothing was reported before the first month: its opening is valued at its own rates.
            opening = previous if opening is None else opening
            has_begun = has_begun or closing > 0 or previous > 0
            if has_begun:
                kind = movement_type(previous, closing, has_paid)
                yield AccountMonth(customer_id, month, opening, previous - opening, closing, kind)
            has_paid, opening = has_paid or closing > 0 or opening > 0, closing


def native(world: World) -> dict[tuple[str, int, str], int]:
    """Give MRR by customer, month end and currency, in minor units of that currency, without zeros."""
    found: dict[tuple[str, int, str], int] = defaultdict(int)
    for customer_id, months in world.ledger.holdings.items():
        for month, held in months.items():
            for holding in held:
                terms = holding.span.terms
                if not holding.is_paused and month in world.months:
                    found[customer_id, month, terms.currency] += rounded(
                        holding.span.line * terms.factor * world.seeds.minor_units_of(terms.currency)
                    )
    return {key: amount for key, amount in found.items() if amount}


class NativeMonth(NamedTuple):
    """One month of a currency, in its minor units."""

    opening: int
    new: int
    reactivation: int
    expansion: int
    contraction: int
    churned: int
    closing: int


def native_waterfall(world: World) -> dict[tuple[int, str], NativeMonth]:
    """Give the roll-forward of every currency from its first month with MRR on, by month and currency."""
    balances = native(world)
    totals: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for (customer_id, month, currency), amount in balances.items():
        totals[customer_id, month][currency] = amount
    months: dict[tuple[int, str], list[int]] = {}
    for currency in {currency for _, _, currency in balances}:
        first = min(month for _, month, name in balances if name == currency)
        months |= {(month, currency): [0] * 7 for month in range(first, world.months[-1] + 1)}
    for customer_id in world.payers:
        has_paid = False
        for month in world.months:
            before, after = totals.get((customer_id, month - 1), {}), totals.get((customer_id, month), {})
            for currency in before.keys() | after.keys():
                old, new = before.get(currency, 0), after.get(currency, 0)
                row = months[month, currency]
                row[0], row[6] = row[0] + old, row[6] + new
                if new > old:
                    row[3 if before else 2 if has_paid else 1] += new - old
                else:
                    row[4 if after else 5] += old - new
            has_paid = has_paid or bool(after)
    return {key: NativeMonth(*row) for key, row in months.items()}
