"""Which subscription item is in force when, and what it is worth: every item looked at again at every month end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from orchestration.recompute.clock import EPOCH, FAR, Clock, date_of, first_day, month_of
from orchestration.recompute.files import PLAIN
from orchestration.recompute.raw import Accepted
from orchestration.recompute.settings import MissingRateError, Seeds, rounded

FOREVER = 1 << 62
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


class Piece(NamedTuple):
    """A time in which a version is the one of its item that counts; FOREVER while it holds."""

    version: dict
    start: int
    end: int

    @property
    def starts_plainly(self) -> bool:
        """Whether it starts with a day that was written without a clock."""
        return self.start == self.version["valid_from"] and is_plain(self.version, "valid_from")

    @property
    def ends_plainly(self) -> bool:
        """Whether it ends with a day that was written without a clock."""
        return self.end == self.version["valid_to"] and is_plain(self.version, "valid_to")


def is_plain(row: dict, column: str) -> bool:
    """Say whether an instant came as a day without a clock."""
    return row[PLAIN] is not None and column in row[PLAIN].split()


def pieces_by_item(accepted: Accepted) -> dict[str, list[Piece]]:
    """Give what counts of the versions of every item: at each instant the version that became known last."""
    by_item = defaultdict(list)
    for row in accepted["subscription_item_versions"].to_pylist():
        by_item[row["subscription_item_id"]].append(row)
    return {item: _what_counts(versions) for item, versions in by_item.items()}


def _what_counts(versions: list[dict]) -> list[Piece]:
    whole = [Piece(row, row["valid_from"], FOREVER if row["valid_to"] is None else row["valid_to"]) for row in versions]
    empty = [piece for piece in whole if piece.start >= piece.end]
    lasting = sorted((piece for piece in whole if piece.start < piece.end), key=lambda piece: piece.start)
    if all(piece.end <= following.start for piece, following in pairwise(lasting)):
        return lasting + empty
    found: list[Piece] = []
    for start, end in pairwise(sorted({moment for piece in lasting for moment in (piece.start, piece.end)})):
        holding = [piece for piece in lasting if piece.start <= start and end <= piece.end]
        if not holding:
            continue
        known = max(holding, key=lambda piece: _recorded(piece.version)).version
        if found and found[-1].version is known and found[-1].end == start:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Piece(known, start, end))
    return found + empty


def _recorded(version: dict) -> int:
    return -FOREVER if version["recorded_at"] is None else version["recorded_at"]


def _read_end(end: int, is_plain_day: bool, followers: Iterable[Piece], clock: Clock) -> int:
    """Read an end: the day before a next start, when both were written as days, means that start; one in the last
    minute of a day means midnight, unless something of it starts before that."""
    nexts = [piece for piece in followers if piece.start >= end]
    next_start = min((piece.start for piece in nexts), default=FOREVER)
    day_after = clock.start_of(clock.local_day(end) + 1)
    if is_plain_day and next_start == day_after and any(p.starts_plainly for p in nexts if p.start == next_start):
        return next_start
    midnight = clock.next_midnight_if_inclusive(end)
    return end if midnight is None or next_start < midnight else midnight


def service_ends(accepted: Accepted, clock: Clock) -> dict[str, int]:
    """Give the end of every subscription, an inclusive one read as what it means."""
    of_subscription = defaultdict(list)
    for pieces in pieces_by_item(accepted).values():
        for subscription in {piece.version["subscription_id"] for piece in pieces}:
            of_subscription[subscription] += pieces
    return {
        row["subscription_id"]: FOREVER
        if row["ended_at"] is None
        else _read_end(row["ended_at"], is_plain(row, "ended_at"), of_subscription[row["subscription_id"]], clock)
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


def _lines(accepted: Accepted, clock: Clock) -> Iterator[tuple[dict, dict, dict, int, int]]:
    """Give subscription, version and product of what is served when, trials not looked at: recurring items alone."""
    products = {row["product_id"]: row for row in accepted["products"].to_pylist()}
    subscriptions = {row["subscription_id"]: row for row in accepted["subscriptions"].to_pylist()}
    ends = service_ends(accepted, clock)
    for pieces in pieces_by_item(accepted).values():
        for piece in pieces:
            product, subscription = (
                products[piece.version["product_id"]],
                subscriptions[piece.version["subscription_id"]],
            )
            if not product["is_recurring"] or product["is_metered"]:
                continue
            end = piece.end
            if end != FOREVER and end == piece.version["valid_to"]:
                others = (other for other in pieces if other is not piece)
                read = _read_end(end, piece.ends_plainly, others, clock)
                # A version of no length may be one of a single day, and never one of a last minute.
                end = read if piece.start < end or piece.ends_plainly else end
            start = max(piece.start, subscription["started_at"])
            end = min(end, ends[subscription["subscription_id"]])
            if start < end:
                yield subscription, piece.version, product, start, end


def trial(subscription: dict, first_paid: int, clock: Clock, longest_days: int) -> tuple[int, int] | None:
    """Give start and end of a subscription's trial, FOREVER when it has no end; None without a trial.

    What is given to who paid before, or is too long without a start of its own, is an offer and no trial.
    """
    start, end = subscription["trial_started_at"], subscription["trial_ended_at"]
    if end is None and subscription["status"] != "trialing":
        return None
    end = FOREVER if end is None else end
    if start is not None:
        return None if start >= end or first_paid < start else (start, end)
    start = subscription["started_at"]
    if end != FOREVER and clock.local_day(end) - clock.local_day(start) > longest_days:
        return None
    return start, end


def in_force(accepted: Accepted, root_of: dict[str, str], clock: Clock, seeds: Seeds) -> list[Span]:
    """Give what every version of a customer's recurring item says, before renewals are looked at."""
    lines = list(_lines(accepted, clock))
    first_paid: dict[str, int] = {}
    for subscription, version, _, start, _ in lines:
        if _line(version) > 0:
            key = subscription["subscription_id"]
            first_paid[key] = min(first_paid.get(key, start), start)
    spans, longest_days = [], seeds.whole("longest_trial_days")
    for subscription, version, product, start, end in lines:
        if subscription["account_id"] not in root_of:
            continue
        paid = first_paid.get(subscription["subscription_id"], FOREVER)
        tried = trial(subscription, paid, clock, longest_days)
        terms = _terms(version, product, root_of[subscription["account_id"]])
        for begins, ends in (
            [(start, end)] if tried is None else [(start, min(end, tried[0])), (max(start, tried[1]), end)]
        ):
            if begins < ends:
                spans.append(Span(terms, begins, ends, 0, 0, terms.line))
    return spans


def _recurring_discount(row: dict) -> Fraction:
    is_recurring = row["discount_kind"] == "recurring" and row["discount_amount"] is not None
    return Fraction(row["discount_amount"]) if is_recurring else Fraction(0)


def _line(row: dict) -> Fraction:
    return Fraction(row["quantity"]) * Fraction(row["unit_amount"]) - _recurring_discount(row)


def _terms(row: dict, product: dict, customer_id: str) -> Terms:
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
        discount=_recurring_discount(row),
        factor=INTERVALS[row["billing_interval"]] / row["interval_count"],
    )


class Stay(NamedTuple):
    """The time in which a subscription has items in force, and since when it is paid for; None: never."""

    start: int
    end: int
    paid: int | None


def _stays(accepted: Accepted, spans: list[Span], clock: Clock) -> dict[str, Stay]:
    """Give the stay of every subscription that has begun; one without an item stays as its own dates say."""
    found = {}
    for span in spans:
        if clock.local_day(span.start) > clock.as_of:
            continue
        key = span.terms.subscription_id
        start, end, paid = found.get(key, (span.start, span.end, None))
        if span.line > 0:
            paid = span.start if paid is None else min(paid, span.start)
        found[key] = Stay(min(start, span.start), max(end, span.end), paid)
    ends = service_ends(accepted, clock)
    for row in accepted["subscriptions"].to_pylist():
        key, start = row["subscription_id"], row["started_at"]
        is_withdrawn = row["status"] == "canceled" and row["ended_at"] < start
        if key not in found and not is_withdrawn and clock.local_day(start) <= clock.as_of:
            found[key] = Stay(start, ends[key], None)
    return found


def renewals(accepted: Accepted, spans: list[Span], clock: Clock, grace_days: int) -> dict[str, tuple[int, int]]:
    """Give the end of every subscription that another one has replaced, and the first paid instant of that one."""
    stays, lineage = _stays(accepted, spans, clock), defaultdict(set)
    for name in ("subscriptions", "subscription_replacements"):
        for row in accepted[name].to_pylist():
            lineage[row["replaces_subscription_id"]].add(row["subscription_id"])

    def followers(old: str) -> Iterator[str]:
        """Give what renews a subscription: nothing that began before it, nor what it renews itself at that instant."""
        for new in lineage.get(old, ()):
            if new in stays and new != old:
                is_mutual = old in lineage.get(new, ())
                if stays[new].start > stays[old].start or (stays[new].start == stays[old].start and not is_mutual):
                    yield new

    def gap(end: int, start: int) -> int:
        return 0 if end == FOREVER else max(0, clock.local_day(start) - clock.local_day(end))

    found = {}
    for old in lineage.keys() & stays.keys():
        # The least of the gaps on the way to each link without a price.
        ways, reached, starts = [(0, old)], {old: 0}, []
        while ways:
            so_far, link = ways.pop()
            for new in followers(link):
                stay = stays[new]
                total = so_far + gap(stays[link].end, stay.start if stay.paid is None else stay.paid)
                if total > grace_days:
                    continue
                if stay.paid is not None:
                    starts.append(stay.paid)
                elif total < reached.get(new, total + 1):
                    reached[new] = total
                    ways.append((total, new))
        if starts:
            found[old] = (stays[old].end, min(starts))
    return found


def build_spans(accepted: Accepted, root_of: dict[str, str], clock: Clock, seeds: Seeds) -> list[Span]:
    """Give every time in which a customer's item is in force, as known at the as-of date; pauses not yet taken out."""
    spans = in_force(accepted, root_of, clock, seeds)
    replaced = renewals(accepted, spans, clock, seeds.whole("late_renewal_grace_days"))
    finished = []
    for span in spans:
        end = span.end
        if span.terms.subscription_id in replaced:
            service_end, renewal = replaced[span.terms.subscription_id]
            # Over a gap the old one goes on up to the renewal; from a renewal before its end it carries nothing.
            end = renewal if end == service_end else min(end, renewal)
        start_day = clock.local_day(span.start)
        end_day = FAR if end == FOREVER else clock.local_day(end)
        if start_day <= clock.as_of and span.start < end:
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
        self._inverse: set[str] = set()
        for row in accepted["exchange_rates"].to_pylist():
            if row["rate_type"] == rate_type and row["base_currency"] == currency:
                self._inverse.add(row["quote_currency"])
            if row["rate_type"] == rate_type and row["quote_currency"] == currency:
                self._dated[row["base_currency"]].append((row["rate_date"].toordinal(), Fraction(row["rate"])))

    def known(self, currency: str, month: int) -> Fraction | None:
        """Give the latest rate dated on or before a month's end, None when there is none."""
        try:
            return self.at(currency, month)
        except MissingRateError:
            return None

    def at(self, currency: str, month: int) -> Fraction:
        """Give the latest rate dated on or before a month's end."""
        if currency == self.currency:
            return Fraction(1)
        if (currency, month) not in self._known:
            last = date_of(self.clock.end_of(month))
            dated = [entry for entry in self._dated[currency] if entry[0] <= last.toordinal()]
            if not dated:
                self.require([(currency, month)])
            self._known[currency, month] = max(dated)[1]
        return self._known[currency, month]

    def require(self, needed: Iterable[tuple[str, int]]) -> None:
        """Stop, with a line for each currency, when any has no rate by the end of a month that needs it."""
        missing = defaultdict(list)
        for currency, month in sorted(set(needed)):
            last = self.clock.end_of(month) + EPOCH
            if currency != self.currency and not any(day <= last for day, _ in self._dated[currency]):
                missing[currency].append(month)
        if missing:
            raise MissingRateError("\n".join(self._about(*one) for one in missing.items()))

    def _about(self, currency: str, months: list[int]) -> str:
        last = date_of(self.clock.end_of(months[0]))
        return (
            f"{currency}: {in_words(months)}. No {self.rate_type.replace('_', '-')} rate from {currency} to "
            f"{self.currency} on or before {last:%Y-%m-%d}, which {last:%Y-%m} needs: add one to exchange_rates "
            f"(rate_type {self.rate_type}, base_currency {currency}, quote_currency {self.currency})."
            + self._about_inverse(currency)
        )

    def _about_inverse(self, currency: str) -> str:
        if currency not in self._inverse:
            return ""
        return (
            f" The rate from {self.currency} to {currency} is there, the other way round: it is not turned over, since "
            "its digits are too few for that. Write how much one unit of the base currency costs in the other."
        )


def in_words(months: list[int]) -> str:
    """Name months that are in order by the spans without a gap between them, and how many they are."""
    spans: list[list[int]] = []
    for month in months:
        if spans and month == spans[-1][-1] + 1:
            spans[-1].append(month)
        else:
            spans.append([month])
    names = [
        " to ".join(f"{date_of(first_day(month)):%Y-%m}" for month in dict.fromkeys([span[0], span[-1]]))
        for span in spans
    ]
    return f"{', '.join(names)} ({len(months)} month{'s' if len(months) > 1 else ''})"


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
            if any(not holding.is_paused and self.pays(holding.span, month) for holding in held)
        ]
        self.months = range(min(priced, default=clock.as_of_month), clock.as_of_month + 1)
        self._abroad = {span.terms.customer_id for span in spans if span.terms.currency != rates.currency}
        self._mrr: dict[tuple[str, int, int], int] = {}

    def needed_rates(self) -> Iterator[tuple[str, int]]:
        """Give the currencies that anybody pays in, with each published month."""
        for months in self.holdings.values():
            for month, held in months.items():
                for holding in held if month in self.months else ():
                    if holding.span.line > 0 and not holding.is_paused:
                        yield holding.span.terms.currency, month

    def pays(self, span: Span, month: int) -> bool:
        """Say whether an item is worth anything, as rounded at a month's plan rate; without a rate, by its price."""
        rate = self.rates.known(span.terms.currency, month) if span.line > 0 else None
        return span.line > 0 if rate is None else span.mrr(rate, self.minor_units) > 0

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
