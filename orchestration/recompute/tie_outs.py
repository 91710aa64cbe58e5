"""MRR held against invoices: every invoice line and every item looked at again, customer by customer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

from orchestration.recompute.clock import add_months, day_of, first_day, month_of
from orchestration.recompute.ledger import Span
from orchestration.recompute.settings import divided, rounded

if TYPE_CHECKING:
    from orchestration.recompute.world import World

LAST_DAY = day_of(date(9998, 12, 31))
MOST_MONTHS = 120
Amounts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """An invoice line of a customer, with what its item was last sold as."""

    line_id: str
    invoice_id: str
    customer_id: str
    item_id: str | None
    family: str
    nature: str
    currency: str
    amount: Fraction
    start: int
    end: int
    interval: str
    interval_months: int
    is_proration: bool
    is_credit: bool

    def months(self) -> Fraction:
        """Give the months that the amount pays for: whole ones, else a share of the billing period that it ends."""
        days, after = self.end - self.start + 1, self.end + 1
        if self.interval in ("week", "day"):
            return Fraction(12 * days, 364 if self.interval == "week" else 365)
        whole = month_of(after) - month_of(self.start)
        if whole > 0 and add_months(self.start, whole) == after:
            return Fraction(whole)
        return Fraction(self.interval_months * days, after - add_months(after, -self.interval_months))


class Share(NamedTuple):
    """A line in one month: what it bills in its own money, and in minor units that and a month's worth at two rates."""

    line: Line
    native: Fraction
    invoiced: int
    billed: int
    billed_at_month_end_rate: int
    is_counted: bool


@dataclass(slots=True)
class Item:
    """What a customer holds of an item in a month, and what it is billed for it, in minor units."""

    held_families: set[str]
    billed_families: set[str]
    mrr: int = 0
    limited: int = 0
    billed: int = 0
    invoiced: int = 0
    credited: int = 0
    is_billed: bool = False

    @property
    def family(self) -> str:
        """The family it is matched in."""
        return max(self.held_families or self.billed_families)

    @property
    def is_one_sided(self) -> bool:
        """Whether it is only held or only billed."""
        return not self.is_billed or not self.mrr

    @property
    def unmatched(self) -> int:
        """What bills should come to less what they come to."""
        return self.mrr - self.limited - self.billed

    @property
    def credit(self) -> int:
        """What is billed too little, as far as credits make up for it."""
        return max(0, min(self.unmatched, self.credited))


@cache
def months_gone(day: int) -> Fraction:
    """Give the calendar months gone by when a day begins; the days of a month are equal parts of it."""
    month = month_of(day)
    return month + Fraction(day - first_day(month), first_day(month + 1) - first_day(month))


def _gone(line: Line, day: int) -> Fraction | int:
    """Give the share of a line's months that has gone by when a day begins."""
    if day in (line.start, line.end + 1):  # most lines are of one month
        return int(day > line.start)
    begin = months_gone(line.start)
    return (months_gone(day) - begin) / (months_gone(line.end + 1) - begin)


class TieOuts:
    """The classes of every customer and month."""

    def __init__(self, world: World) -> None:
        """Read the lines and what they are held against."""
        self.world, self.rates, self.minor_units = world, world.ledger.rates, world.seeds.minor_units
        self.month_end_rates = defaultdict(list)
        for row in world.accepted["exchange_rates"].to_pylist():
            if row["rate_type"] == "month_end" and row["quote_currency"] == world.settings.currency:
                self.month_end_rates[row["base_currency"]].append((day_of(row["rate_date"]), Fraction(row["rate"])))
        self.versions = world.versions
        self.rounding = world.seeds.tolerance("invoice_rounding")[1] * world.seeds.minor_units
        self.lines = list(self._lines())
        self.as_wholes = {line.customer_id for line in self.lines if line.nature == "recurring" and not line.item_id}

    def _sold(self) -> dict[str, dict]:
        """Give the latest version of every item that has begun."""
        latest, clock = {}, self.world.clock
        began = {row["subscription_id"]: row["started_at"] for row in self.world.accepted["subscriptions"].to_pylist()}
        for row in sorted(self.versions.values(), key=lambda row: (row["valid_from"], row["item_version_id"])):
            if clock.local_day(max(row["valid_from"], began[row["subscription_id"]])) <= clock.as_of:
                latest[row["subscription_item_id"]] = row
        return latest

    def _lines(self) -> Iterator[Line]:
        clock, sold = self.world.clock, self._sold()
        products = {row["product_id"]: row for row in self.world.accepted["products"].to_pylist()}
        known = [
            row
            for row in self.world.accepted["invoice_lines"].to_pylist()
            if row["status"] != "void" and clock.local_day(row["issued_at"]) <= clock.as_of
        ]
        days_after = _days_after(known)
        for row in known:
            customer_id = self.world.root_of.get(row["account_id"])
            if customer_id is None:
                continue
            start, end = day_of(row["service_from"]), day_of(row["service_to"])
            is_day_after = start < end and end in days_after[row["subscription_item_id"]]
            version = sold.get(row["subscription_item_id"])
            product = products[version["product_id"]] if version else None
            is_yearly = version is not None and version["billing_interval"] == "year"
            count = version["interval_count"] if version else 1
            yield Line(
                line_id=row["invoice_line_id"],
                invoice_id=row["invoice_id"],
                customer_id=customer_id,
                item_id=row["subscription_item_id"],
                family=product["product_family"] if product else "unknown",
                nature=_nature(row, product),
                currency=row["currency"],
                amount=Fraction(row["amount_ex_tax"]),
                start=start,
                end=end - 1 if is_day_after else min(end, LAST_DAY),
                interval=version["billing_interval"] if version else "month",
                interval_months=min(count * (12 if is_yearly else 1), MOST_MONTHS),
                is_proration=row["is_proration"],
                is_credit=_is_credit(row),
            )

    def _minor(self, amount: Fraction, rate: Fraction) -> int:
        # A product of integers, divided once: this is asked tens of thousands of times.
        numerator = amount.numerator * rate.numerator * self.minor_units
        return divided(numerator, amount.denominator * rate.denominator)

    def _month_end_rate(self, currency: str, month: int) -> Fraction:
        if currency != self.rates.currency:
            last = self.world.clock.end_of(month)
            dated = [entry for entry in self.month_end_rates[currency] if entry[0] <= last]
            if dated:
                return max(dated)[1]
        return self.rates.at(currency, month)

    def _periods(self, line: Line) -> Iterator[tuple[int, int, int]]:
        """Give the months that a line serves with first day and day after; all before or after the published in one."""
        first, last = self.world.months[0], self.world.months[-1]
        if line.start < first_day(first):
            yield first - 1, line.start, min(line.end + 1, first_day(first))
        for month in range(max(month_of(line.start), first), min(month_of(line.end), last) + 1):
            yield month, max(line.start, first_day(month)), min(line.end + 1, first_day(month + 1))
        if line.end >= first_day(last + 1):
            yield last + 1, max(line.start, first_day(last + 1)), line.end + 1

    def _shares(self, line: Line) -> Iterator[tuple[int, Share]]:
        """Cut a line by months: what it bills up to a day is rounded to 4 decimals, so that its months sum to it."""
        worth_if_counted = line.amount / line.months() if line.nature == "recurring" else Fraction(0)
        published = self.world.months
        for month, first, after in self._periods(line):
            upto = [rounded(line.amount * _gone(line, day), digits=4) for day in (first, after)]
            native, nearest = Fraction(upto[1] - upto[0], 10**4), min(max(month, published[0]), published[-1])
            plan, month_end = self.rates.at(line.currency, nearest), self._month_end_rate(line.currency, nearest)
            is_counted = (
                line.nature == "recurring"
                and month in published
                and (line.start <= self.world.clock.end_of(month) <= line.end)
            )
            worth = worth_if_counted if is_counted else Fraction(0)
            yield (
                month,
                Share(
                    line,
                    native,
                    self._minor(native, month_end),
                    self._minor(worth, plan),
                    self._minor(worth, month_end),
                    is_counted,
                ),
            )

    def held(self) -> Iterator[tuple[Span, int]]:
        """Give every version and month in which it is in force on some day."""
        clock = self.world.clock
        for span in self.world.ledger.spans:
            for month in range(month_of(span.start_day), clock.as_of_month + 1):
                if span.end_day <= max(span.start_day, first_day(month)):
                    break
                if month in self.world.months:
                    yield span, month

    def limited(self, span: Span, month: int) -> int:
        """Give what a discount for a limited time takes off a version's MRR of a month, in minor units."""
        version = self.versions[span.terms.version_id]
        if version["discount_kind"] == "recurring" or version["discount_amount"] is None:
            return 0
        discount = min(Fraction(version["discount_amount"]), span.terms.quantity * span.terms.unit_amount)
        return self._minor(discount * span.terms.factor, self.rates.at(span.terms.currency, month))

    def _items(self, shares: dict[tuple[str, int], list[Share]]) -> dict[tuple[str, int], dict[str, Item]]:
        """Put what is held beside what is billed, by customer, month and item."""
        items: dict[tuple[str, int], dict[str, Item]] = defaultdict(lambda: defaultdict(lambda: Item(set(), set())))
        ledger, clock = self.world.ledger, self.world.clock
        for span, month in self.held():
            is_whole = span.terms.customer_id in self.as_wholes
            item = items[span.terms.customer_id, month]["" if is_whole else span.terms.item_id]
            item.held_families.add("" if is_whole else span.terms.family)
            last = clock.end_of(month)
            if span.holds(last) and not ledger.is_paused(span, last):
                item.mrr += span.mrr(self.rates.at(span.terms.currency, month), self.minor_units)
                item.limited += self.limited(span, month)
        for key, found in shares.items():
            is_whole = key[0] in self.as_wholes
            for share in found:
                if share.line.nature == "recurring":
                    item = items[key]["" if is_whole else share.line.item_id or ""]
                    item.billed_families.add("" if is_whole else share.line.family)
                    item.billed += share.billed
                    item.credited -= share.billed if share.line.is_credit else 0
                    item.invoiced += share.invoiced
                    item.is_billed = item.is_billed or share.is_counted
        return items

    def _outcomes(self, items: dict[str, Item]) -> dict[str, str]:
        """Say of each item of a customer and month how its bills stand to it."""
        rounding = self.rounding
        outcomes = {}
        for item_id, item in items.items():
            family = [other for other in items.values() if other.family == item.family]
            one_sided = abs(sum(other.unmatched for other in family if other.is_one_sided))
            if not any(other.held_families for other in family):
                is_credited = abs(sum(other.invoiced for other in family)) <= rounding
                outcome = "credit_note" if is_credited else "billed_without_contract"
            elif min(abs(item.unmatched), one_sided if item.is_one_sided else abs(item.unmatched)) <= rounding:
                outcome = "matched"
            elif not item.is_billed:
                outcome = "unbilled"
            elif not item.held_families:
                outcome = "billed_without_contract"
            else:
                outcome = "unexplained" if item.mrr else "timing"
            outcomes[item_id] = outcome
        return outcomes

    def _adjustments(self) -> Iterator[tuple[str, int, int]]:
        for row in self.world.accepted["manual_adjustments"].to_pylist():
            customer_id, month = self.world.root_of.get(row["account_id"]), month_of(day_of(row["period"]))
            if customer_id is not None and month in self.world.months:
                rate = self.rates.at(row["currency"], month)
                yield customer_id, month, self._minor(Fraction(row["amount"]), rate)

    @cached_property
    def _cut(self) -> dict[tuple[str, int], list[Share]]:
        """Every line by customer and month; what lies outside the published months too."""
        shares = defaultdict(list)
        for line in self.lines:
            for month, share in self._shares(line):
                shares[line.customer_id, month].append(share)
        return shares

    @cached_property
    def _judged(self) -> dict[tuple[str, int], tuple[dict[str, Item], dict[str, str]]]:
        """What is held beside what is billed by customer and published month, and how the one stands to the other."""
        published = {key: found for key, found in self._cut.items() if key[1] in self.world.months}
        return {key: (items, self._outcomes(items)) for key, items in self._items(published).items()}

    def judged(self) -> Iterator[tuple[int, Share, str]]:
        """Give every line's share of every month with what becomes of it."""
        for (customer_id, month), found in self._cut.items():
            _, outcomes = self._judged.get((customer_id, month), ({}, {}))
            for share in found:
                outcome = share.line.nature
                if outcome == "recurring":
                    outcome = outcomes.get("" if customer_id in self.as_wholes else share.line.item_id or "", "matched")
                yield month, share, "matched" if outcome == "unbilled" else outcome

    def explanations(self) -> dict[tuple[str, int], str]:
        """Give what was noted beside the manual adjustments of a customer and month; of several the last by name."""
        found: dict[tuple[str, int], str] = {}
        for row in self.world.accepted["manual_adjustments"].to_pylist():
            root = self.world.root_of.get(row["account_id"])
            if root is not None and None not in (row["reason"], row["approved_by"]):
                key = root, month_of(day_of(row["period"]))
                found[key] = max(found.get(key, ""), f"{row['reason']} ({row['approved_by']})")
        return found

    def classes(self) -> dict[tuple[str, int], Amounts]:
        """Give the walk from the invoices of every customer and month to its MRR, in minor units."""
        shares = {key: found for key, found in self._cut.items() if key[1] in self.world.months}
        walks: dict[tuple[str, int], Amounts] = defaultdict(lambda: defaultdict(int))
        for key, (items, outcomes) in self._judged.items():
            walk, is_whole = walks[key], key[0] in self.as_wholes
            for item_id, item in items.items():
                walk["mrr"] += item.mrr
                walk["one_off"] += item.limited
                if outcomes[item_id] in ("matched", "unbilled", "unexplained"):
                    walk["proration" if outcomes[item_id] == "matched" else outcomes[item_id]] += item.unmatched
                if outcomes[item_id] == "unexplained":
                    walk["unexplained"] -= item.credit
                    walk["credit_note"] += item.credit
            for share in shares.get(key, ()):
                if share.line.nature == "recurring":
                    self._walk_recurring(walk, share, outcomes["" if is_whole else share.line.item_id or ""])
        for key, found in shares.items():
            for share in found:
                walks[key]["invoiced"] += share.invoiced
                if share.line.nature != "recurring":
                    walks[key][share.line.nature] -= share.invoiced
        noted: dict[tuple[str, int], int] = defaultdict(int)
        for customer_id, month, amount in self._adjustments():
            noted[customer_id, month] -= amount
            walks[customer_id, month]["manual_adjustment"] -= amount
            walks[customer_id, month]["unexplained"] += amount
        for key, amount in noted.items():
            twice = self._explained_twice(key, amount)
            walks[key]["credit_note"] -= twice
            walks[key]["unexplained"] += twice
        return walks

    def _explained_twice(self, key: tuple[str, int], adjustment: int) -> int:
        """What a credit and an adjustment of a customer and month would both explain."""
        items, outcomes = self._judged.get(key, ({}, {}))
        open_items = [item for item_id, item in items.items() if outcomes[item_id] == "unexplained"]
        credit = sum(item.credit for item in open_items)
        beyond = adjustment + credit - sum(item.unmatched for item in open_items)
        return max(0, min(beyond, adjustment, credit))

    def _walk_recurring(self, walk: Amounts, share: Share, outcome: str) -> None:
        if outcome in ("matched", "unbilled", "unexplained"):
            walk["fx"] += share.billed - share.billed_at_month_end_rate
            is_correction = share.line.is_proration and outcome != "unexplained"
            walk["proration" if is_correction else "timing"] += share.billed_at_month_end_rate - share.invoiced
        else:
            walk[outcome] -= share.invoiced

    def days_served(self, span: Span, month: int) -> int:
        """Count a version's days of a month in which it is in force and not paused."""
        first, last = max(span.start_day, first_day(month)), min(span.end_day - 1, self.world.clock.end_of(month))
        if span.terms.subscription_id in self.world.ledger.pauses:
            return sum(not self.world.ledger.is_paused(span, day) for day in range(first, last + 1))
        return last - first + 1

    def served(self) -> Iterator[tuple[list[Span], int, int]]:
        """Give every version's times of a month in which it is in force on some day, with the days that it serves."""
        versions = defaultdict(list)
        for span, month in self.held():
            versions[span.terms.version_id, month].append(span)
        for (_, month), spans in versions.items():
            yield spans, month, sum(self.days_served(span, month) for span in spans)

    def day_weighted(self, span: Span, month: int, days: int) -> int:
        """Give a version's MRR of so many days of a month, in minor units."""
        share = Fraction(days, first_day(month + 1) - first_day(month))
        return self._minor(span.line * span.terms.factor * share, self.rates.at(span.terms.currency, month))

    def weighted_by_currency(self) -> dict[tuple[int, str], int]:
        """Give everybody's MRR of every day by month and the currency that it is sold in, in minor units."""
        sums: dict[tuple[int, str], int] = defaultdict(int)
        for (span, *_), month, days in self.served():
            sums[month, span.terms.currency] += self.day_weighted(span, month, days)
        return sums

    def recognised(self) -> dict[tuple[int, str], int]:
        """Give the recurring revenue of the ledger by published month and currency, in minor units."""
        sums: dict[tuple[int, str], Fraction] = defaultdict(Fraction)
        for row in self.world.accepted["revenue_ledger"].to_pylist():
            month = month_of(day_of(row["period"]))
            if row["ledger_account"] in self.world.seeds.recurring_ledger_accounts and month in self.world.months:
                sums[month, row["currency"]] += Fraction(row["amount"])
        return {
            (month, currency): self._minor(amount, self.rates.at(currency, month))
            for (month, currency), amount in sums.items()
        }

    def tolerance(self, tie_out: str, figure: int) -> int:
        """Give what a difference may be beside a figure: the larger of a share of it and an amount, in minor units."""
        relative, absolute = self.world.seeds.tolerance(tie_out)
        return max(rounded(absolute * self.minor_units), rounded(abs(figure) * relative))

    def require_ledger_rates(self) -> None:
        """Stop when revenue of a published month is in a currency that has no plan rate by then."""
        for row in self.world.accepted["revenue_ledger"].to_pylist():
            month = month_of(day_of(row["period"]))
            if month in self.world.months:
                self.rates.at(row["currency"], month)


def _nature(row: dict, product: dict | None) -> str:
    if product and product["is_metered"]:
        return "usage"
    if row["is_recurring"] and (product is None or product["is_recurring"]):
        return "recurring"
    return "credit_note" if row["credit_note_of"] is not None or row["amount_ex_tax"] < 0 else "one_off"


def _is_credit(row: dict) -> bool:
    return row["credit_note_of"] is not None or (row["amount_ex_tax"] < 0 and not row["is_proration"])


def _days_after(rows: list[dict]) -> dict[str | None, set[int]]:
    """Give the days, by item, on which a service is said to end though the next one starts on them.

    The last bill of an item is read as the one before it was.
    """
    bills: dict[str | None, set[tuple[int, int]]] = defaultdict(set)
    for row in rows:
        start, end = day_of(row["service_from"]), day_of(row["service_to"])
        is_bill = not row["is_proration"] and not _is_credit(row) and start < end
        if is_bill and row["subscription_item_id"] is not None:
            bills[row["subscription_item_id"]].add((start, end))
    found: dict[str | None, set[int]] = defaultdict(set)
    for item, periods in bills.items():
        starts = {start for start, _ in periods}
        ends = {end for _, end in periods}
        found[item] = starts & ends
        found[item] |= {end for start, end in periods if start == max(starts) and start in ends}
    return found
