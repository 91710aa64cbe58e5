"""Which subscription item is in force when, and what it is worth: every item looked at again at every month end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import pyarrow as pa

from orchestration.recompute.clock import FAR, Clock, date_of, month_of
from orchestration.recompute.raw import Accepted
from orchestration.recompute.settings import MissingRateError, Seeds, rounded

FOREVER = 1 << 62
NO_TRIAL = -(1 << 62)
INTERVALS = {"day": Fraction(365, 12), "week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}


@dataclass(frozen=True, slots=True)
class Terms:
    """What one version of a subscription item sells, at what price."""

    item_id: str
    version_id: str
    subscription_id: str
    customer_id: str
    product_id: str
    family: str
    tier_rank: int
    currency: str
    quantity: Fraction
    unit_amount: Fraction
    discount: Fraction
    factor: Fraction

    @property
    def line(self) -> Fraction:
        """Native amount of one billing interval, less the recurring discount."""
        return self.quantity * self.unit_amount - self.discount


@dataclass(frozen=True, slots=True)
class Span:
    """The time in which a version is in force, `[start, end)` in instants and in local days."""

    terms: Terms
    start: int
    end: int
    start_day: int
    end_day: int
    line: Fraction
    worth: dict[tuple[int, int], int] = field(default_factory=dict, compare=False, repr=False)

    def holds(self, day: int) -> bool:
        """Say whether it is in force at the end of a local day."""
        return self.start_day <= day < self.end_day

    def mrr(self, rate: Fraction, minor_units: int) -> int:
        """Net MRR at a rate, in minor units, rounded once."""
        key = (rate.numerator, rate.denominator)
        if key not in self.worth:
            self.worth[key] = rounded(self.line * self.terms.factor * rate * minor_units)
        return self.worth[key]


@dataclass(frozen=True, slots=True)
class Pause:
    """The time in which a subscription is paused."""

    start: int
    end: int
    start_day: int
    end_day: int


@dataclass(frozen=True, slots=True)
class Holding:
    """An item that a customer holds at a month end."""

    span: Span
    is_paused: bool


def _versions_by_item(versions: pa.Table) -> dict[str, list[dict]]:
    by_item = defaultdict(list)
    for row in versions.to_pylist():
        by_item[row["subscription_item_id"]].append(row)
    return by_item


def _read_end(end: int | None, starts: Iterable[int], clock: Clock) -> int:
    """Read an end: one in the last minute of a day means midnight, unless something of it starts before that."""
    if end is None:
        return FOREVER
    midnight = clock.next_midnight_if_inclusive(end)
    if midnight is None or any(end <= start < midnight for start in starts):
        return end
    return midnight


def service_ends(accepted: Accepted, clock: Clock) -> dict[str, int]:
    """Give the end of every subscription, its last minute read as midnight."""
    by_item = _versions_by_item(accepted["subscription_item_versions"])
    starts = defaultdict(list)
    for versions in by_item.values():
        for subscription in {row["subscription_id"] for row in versions}:
            starts[subscription] += [row["valid_from"] for row in versions]
    return {
        row["subscription_id"]: _read_end(row["ended_at"], starts[row["subscription_id"]], clock)
        for row in accepted["subscriptions"].to_pylist()
    }


def pauses(accepted: Accepted, clock: Clock) -> dict[str, list[Pause]]:
    """Give the pauses of every subscription that have begun by the as-of date."""
    found = defaultdict(list)
    for row in accepted["subscription_pauses"].to_pylist():
        start, end = row["paused_from"], FOREVER if row["paused_to"] is None else row["paused_to"]
        if clock.local_day(start) <= clock.as_of and start < end:
            end_day = FAR if end == FOREVER else clock.local_day(end)
            found[row["subscription_id"]].append(Pause(start, end, clock.local_day(start), end_day))
    return found


def in_force(accepted: Accepted, root_of: dict[str, str], clock: Clock) -> list[Span]:
    """Give what every version of a customer's recurring item says, before late renewals are looked at."""
    products = {row["product_id"]: row for row in accepted["products"].to_pylist()}
    subscriptions = {row["subscription_id"]: row for row in accepted["subscriptions"].to_pylist()}
    ends = service_ends(accepted, clock)
    spans = []
    for versions in _versions_by_item(accepted["subscription_item_versions"]).values():
        version_starts = [row["valid_from"] for row in versions]
        for row in versions:
            product, subscription = products[row["product_id"]], subscriptions[row["subscription_id"]]
            trial_end = subscription["trial_ended_at"]
            if (
                subscription["account_id"] not in root_of
                or not product["is_recurring"]
                or product["is_metered"]
                or (subscription["status"] == "trialing" and trial_end is None)
            ):
                continue
            start = max(row["valid_from"], subscription["started_at"], NO_TRIAL if trial_end is None else trial_end)
            end = min(_read_end(row["valid_to"], version_starts, clock), ends[row["subscription_id"]])
            if start < end:
                terms = _terms(row, product, root_of[subscription["account_id"]])
                spans.append(Span(terms, start, end, 0, 0, terms.line))
    return spans


def _terms(row: dict, product: dict, customer_id: str) -> Terms:
    is_recurring = row["discount_kind"] == "recurring" and row["discount_amount"] is not None
    return Terms(
        item_id=row["subscription_item_id"],
        version_id=row["item_version_id"],
        subscription_id=row["subscription_id"],
        customer_id=customer_id,
        product_id=row["product_id"],
        family=product["product_family"],
        tier_rank=product["tier_rank"],
        currency=row["currency"],
        quantity=Fraction(row["quantity"]),
        unit_amount=Fraction(row["unit_amount"]),
        discount=Fraction(row["discount_amount"]) if is_recurring else Fraction(0),
        factor=INTERVALS[row["billing_interval"]] / row["interval_count"],
    )


def late_renewals(accepted: Accepted, spans: list[Span], clock: Clock, grace_days: int) -> dict[str, tuple[int, int]]:
    """Give the service end and the renewal's start of every subscription whose old MRR is carried over the gap."""
    first, last = {}, {}
    for span in spans:
        key = span.terms.subscription_id
        last[key] = max(last.get(key, span.end), span.end)
        # A renewal for nothing renews nothing.
        if span.line > 0:
            first[key] = min(first.get(key, span.start), span.start)
    renewals = defaultdict(list)
    for row in accepted["subscriptions"].to_pylist():
        if row["replaces_subscription_id"] is not None and row["subscription_id"] in first:
            renewals[row["replaces_subscription_id"]].append(first[row["subscription_id"]])
    carried = {}
    for old, starts in renewals.items():
        if old not in last or last[old] == FOREVER:
            continue
        renewal, end = min(starts), last[old]
        renewal_day = clock.local_day(renewal)
        if renewal > end and renewal_day <= clock.as_of and renewal_day - clock.local_day(end) <= grace_days:
            carried[old] = (end, renewal)
    return carried


def build_spans(accepted: Accepted, root_of: dict[str, str], clock: Clock, seeds: Seeds) -> list[Span]:
    """Give every time in which a customer's item is in force, as known at the as-of date; pauses not yet taken out."""
    spans = in_force(accepted, root_of, clock)
    carried = late_renewals(accepted, spans, clock, seeds.whole("late_renewal_grace_days"))
    finished = []
    for span in spans:
        service_end, renewal = carried.get(span.terms.subscription_id, (None, None))
        end = renewal if span.end == service_end else span.end
        start_day = clock.local_day(span.start)
        end_day = FAR if end == FOREVER else clock.local_day(end)
        if start_day <= clock.as_of:
            if end_day > clock.as_of:
                end, end_day = FOREVER, FAR
            finished.append(replace(span, end=end, start_day=start_day, end_day=end_day, worth={}))
    return finished


class Rates:
    """Rates of one type, plan or month_end, into the reporting currency."""

    def __init__(self, accepted: Accepted, currency: str, clock: Clock, rate_type: str = "plan") -> None:
        """Sort the rates of every currency by date."""
        self.currency, self.clock, self.rate_type = currency, clock, rate_type
        self._dated = defaultdict(list)
        self._known: dict[tuple[str, int], Fraction] = {}
        for row in accepted["exchange_rates"].to_pylist():
            if row["rate_type"] == rate_type and row["quote_currency"] == currency:
                self._dated[row["base_currency"]].append((row["rate_date"].toordinal(), Fraction(row["rate"])))

    def at(self, currency: str, month: int) -> Fraction:
        """Give the latest rate dated on or before a month's end."""
        if currency == self.currency:
            return Fraction(1)
        if (currency, month) not in self._known:
            last = date_of(self.clock.end_of(month))
            dated = [entry for entry in self._dated[currency] if entry[0] <= last.toordinal()]
            if not dated:
                kind = self.rate_type.replace("_", "-")
                raise MissingRateError(
                    f"No {kind} rate from {currency} to {self.currency} on or before {last:%Y-%m-%d}, "
                    f"which the month {last:%Y-%m} needs: add one to exchange_rates."
                )
            self._known[currency, month] = max(dated)[1]
        return self._known[currency, month]


class Ledger:
    """What every customer holds at every month end, and its MRR."""

    def __init__(
        self, spans: list[Span], paused: dict[str, list[Pause]], rates: Rates, clock: Clock, seeds: Seeds
    ) -> None:
        """Look at every item at every month end that it reaches."""
        self.spans, self.pauses, self.rates, self.clock = spans, paused, rates, clock
        self.minor_units = seeds.minor_units
        self.holdings: dict[str, dict[int, list[Holding]]] = defaultdict(dict)
        for span in sorted(spans, key=lambda span: (span.terms.item_id, span.terms.version_id)):
            month = month_of(span.start_day)
            while month <= clock.as_of_month and span.holds(clock.end_of(month)):
                holding = Holding(span, self.is_paused(span, clock.end_of(month)))
                self.holdings[span.terms.customer_id].setdefault(month, []).append(holding)
                month += 1
        priced = [
            month
            for months in self.holdings.values()
            for month, held in months.items()
            if any(holding.span.line > 0 and not holding.is_paused for holding in held)
        ]
        self.months = range(min(priced, default=clock.as_of_month), clock.as_of_month + 1)
        self._abroad = {span.terms.customer_id for span in spans if span.terms.currency != rates.currency}
        self._mrr: dict[tuple[str, int, int], int] = {}

    def is_paused(self, span: Span, day: int) -> bool:
        """Say whether an item's subscription is paused at the end of a local day."""
        return any(pause.start_day <= day < pause.end_day for pause in self.pauses.get(span.terms.subscription_id, ()))

    def held(self, customer_id: str, month: int) -> list[Holding]:
        """Give what a customer holds at a month end, paused items included, in the order of the item ids."""
        return self.holdings.get(customer_id, {}).get(month, [])

    def worth(self, holding: Holding, rate_month: int) -> int:
        """Give the MRR of a holding at the plan rate of a month, in minor units."""
        if holding.is_paused or not holding.span.line:
            return 0
        return holding.span.mrr(self.rates.at(holding.span.terms.currency, rate_month), self.minor_units)

    def list_worth(self, holding: Holding, rate_month: int) -> int:
        """Give what a holding would be worth at its list price, in minor units."""
        terms = holding.span.terms
        if holding.is_paused or not terms.quantity * terms.unit_amount:
            return 0
        rate = self.rates.at(terms.currency, rate_month)
        return rounded(terms.quantity * terms.unit_amount * terms.factor * rate * self.minor_units)

    def mrr(self, customer_id: str, month: int, rate_month: int | None = None) -> int:
        """Give a customer's MRR at a month end, at that month's plan rates or at another's, in minor units."""
        if rate_month is None or customer_id not in self._abroad:
            rate_month = month
        key = (customer_id, month, rate_month)
        if key not in self._mrr:
            self._mrr[key] = sum(self.worth(holding, rate_month) for holding in self.held(customer_id, month))
        return self._mrr[key]
