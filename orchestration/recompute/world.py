"""Everything that a run's metrics are computed from, each part built when it is first asked for."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from orchestration.recompute import currency, customers, hierarchy, ledger, lives, movements, retention, sample
from orchestration.recompute.clock import Clock, day_of, month_of
from orchestration.recompute.closed import Closed
from orchestration.recompute.health import Health, HealthBook
from orchestration.recompute.ledger import Ledger, Rates, Span
from orchestration.recompute.lives import Life
from orchestration.recompute.onboarding import Milestones
from orchestration.recompute.raw import TABLES, Accepted, accept
from orchestration.recompute.restatements import Restatements
from orchestration.recompute.rows import Cell, Row, Tally
from orchestration.recompute.segments import SegmentBook
from orchestration.recompute.settings import SEEDS, Seeds, Settings
from orchestration.recompute.surveys import Surveys
from orchestration.recompute.tie_outs import TieOuts
from orchestration.recompute.touch import TouchModels
from orchestration.recompute.usage import Feed, Usage
from orchestration.recompute.withheld import NEEDS, USAGE, Withheld

YEAR = 12


class Revenue(NamedTuple):
    """MRR and paying customers, and those of them who had never paid before; amounts in minor units."""

    mrr: int
    customers: int
    new: int
    new_mrr: int


class Window(NamedTuple):
    """What became of a window's cohort; amounts in minor units at the plan rates of its last month."""

    customers: int
    lost: int
    opening: int
    closing: int
    retained: int
    closing_strict: int
    retained_strict: int
    closing_ex_price: int


class Sales(NamedTuple):
    """Customers of a month's opening and who of them took more; amounts in minor units at the month's plan rates."""

    customers: int
    opening: int
    upsold: int
    cross_sold: int
    sold: int
    upsell: int
    cross_sell: int


class Scores(NamedTuple):
    """Customers with a health score, their scores in ten-thousandths, who is healthy, and MRR at risk."""

    customers: int
    score: int
    healthy: int
    at_risk: int


class World:
    """One company as known at one as-of date."""

    def __init__(self, raw_folder: Path, settings: Settings, seeds_folder: Path = SEEDS) -> None:
        """Take note of where to read; settings need as_of_date, time_zone, currency and home."""
        self.raw_folder, self.settings = Path(raw_folder), settings
        self.seeds = Seeds(seeds_folder, settings.currency)
        self.clock = Clock(settings.time_zone, settings.as_of_date)
        self._withheld = Withheld(self.seeds, settings.accept_rejects)
        self._rows: dict[str, list[Row]] = {}

    @cached_property
    def everybodys(self) -> Accepted:
        """The accepted raw rows of the whole company, but for the usage events."""
        names = [name for name in TABLES if name != sample.EVENTS]
        return accept(self.raw_folder, self.clock, self.seeds, self._withheld, names)

    @cached_property
    def is_sample(self) -> bool:
        """Whether a fixed sample of the customers stands for all, because there are so many accounts."""
        return self.everybodys["accounts"].num_rows > self.seeds.whole("recompute_all_accounts")

    @cached_property
    def everybodys_root(self) -> dict[str, str]:
        """The customer of every account of the whole company that counts."""
        return customers.roots(self.everybodys["accounts"])

    @cached_property
    def root_of(self) -> dict[str, str]:
        """The customer of every account that counts; in a sample, of the sample's accounts."""
        if not self.is_sample:
            return self.everybodys_root
        roots = set(self.everybodys_root.values())
        chosen = sample.chosen(roots, self.seeds.whole("recompute_sample_customers"))
        return {account: root for account, root in self.everybodys_root.items() if root in chosen}

    @cached_property
    def accepted(self) -> Accepted:
        """The accepted raw rows; in a sample, as far as they concern its accounts."""
        if self.is_sample:
            events, _ = self._sampled_events
            accepted = sample.restrict(self.everybodys, self.root_of) | {sample.EVENTS: events}
        else:
            names = [sample.EVENTS]
            accepted = accept(self.raw_folder, self.clock, self.seeds, self._withheld, names, self.everybodys)
        if self._withheld.reason(*USAGE):  # who is internal and what is core decide as much as the events do
            accepted[sample.EVENTS] = accepted[sample.EVENTS].slice(0, 0)
        return accepted

    def withheld(self, *tables: str) -> str | None:
        """Give why what needs any of these raw tables is withheld; None when it is not."""
        _ = self.accepted  # all have been read
        return self._withheld.reason(*tables)

    @cached_property
    def _sampled_events(self) -> tuple[pa.Table, Feed]:
        return sample.events_of(self.raw_folder, self.clock, self.seeds, self._withheld, self.everybodys, self.root_of)

    @cached_property
    def customers(self) -> dict[str, customers.Customer]:
        """The customers."""
        return customers.customers(self.accepted["accounts"], self.root_of)

    @cached_property
    def service_ends(self) -> dict[str, int]:
        """The end of every subscription."""
        return ledger.service_ends(self.accepted, self.clock)

    @cached_property
    def ledger(self) -> Ledger:
        """What every customer holds at every month end."""
        spans = ledger.build_spans(self.accepted, self.everybodys_root, self.clock, self.seeds)
        # A subscription of a customer outside the sample may renew one of a customer inside.
        spans = [span for span in spans if span.terms.customer_id in self.customers]
        rates = Rates(self.accepted, self.settings.currency, self.clock)
        return Ledger(spans, ledger.pauses(self.accepted, self.clock), rates, self.clock, self.seeds)

    def require_rates(self) -> None:
        """Stop, with all of them at once, when plan rates of what is paid, contracted or booked are missing."""
        needed = set(self.ledger.needed_rates())
        for table, day in (("contracts", "end_date"), ("revenue_ledger", "period")):
            for row in self.accepted[table].to_pylist():
                month, owner = month_of(day_of(row[day])), row.get("account_id")
                has_begun = "start_date" not in row or day_of(row["start_date"]) <= self.clock.as_of
                if month in self.months and has_begun and (owner is None or owner in self.root_of):
                    needed.add((row["currency"], month))
        self.ledger.rates.require(needed)

    def ledger_of(self, accepted: Accepted) -> Ledger:
        """Give the ledger of other accounts than those looked at."""
        spans = ledger.build_spans(accepted, self.everybodys_root, self.clock, self.seeds)
        rates = Rates(accepted, self.settings.currency, self.clock)
        return Ledger(spans, ledger.pauses(accepted, self.clock), rates, self.clock, self.seeds)

    @cached_property
    def account_of_subscription(self) -> dict[str, str]:
        """The account, customer or child of one, of every subscription of the whole company."""
        names = ("subscription_id", "account_id")
        return dict(zip(*(self.everybodys["subscriptions"].column(name).to_pylist() for name in names), strict=True))

    @cached_property
    def months(self) -> range:
        """The published months."""
        return self.ledger.months

    @cached_property
    def payers(self) -> list[str]:
        """Customers that hold anything at any month end."""
        return sorted(self.ledger.holdings)

    def paying(self, month: int) -> list[str]:
        """Give the customers with MRR at a month's end."""
        return self._paying[month]

    @cached_property
    def _paying(self) -> dict[int, list[str]]:
        return {
            month: [customer_id for customer_id in self.payers if self.ledger.mrr(customer_id, month) > 0]
            for month in self.months
        }

    @cached_property
    def first_paid(self) -> dict[str, int]:
        """The first month with MRR of every customer that has one."""
        found = {}
        for month in self.months:
            for customer_id in self.paying(month):
                found.setdefault(customer_id, month)
        return found

    def mrr_of(self, month: int) -> int:
        """Give everybody's MRR at a month's end, in minor units."""
        return sum(self.ledger.mrr(customer_id, month) for customer_id in self.paying(month))

    @cached_property
    def touch_models(self) -> TouchModels:
        """The touch model of every customer and month."""
        return TouchModels(self)

    @cached_property
    def versions(self) -> dict[str, dict]:
        """The accepted versions of items, as they are written."""
        return {row["item_version_id"]: row for row in self.accepted["subscription_item_versions"].to_pylist()}

    @cached_property
    def spans_in_force(self) -> list[Span]:
        """Every time of a version by its own dates, renewals and the as-of date left aside."""
        return ledger.in_force(self.accepted, self.everybodys_root, self.clock, self.seeds)

    @cached_property
    def own_spans(self) -> dict[str, list[tuple[int, int]]]:
        """Start and end of every time of a version by its own dates, renewals and the as-of date left aside."""
        found = defaultdict(list)
        for span in self.spans_in_force:
            found[span.terms.version_id].append((span.start, span.end))
        return found

    @cached_property
    def renewals(self) -> dict[str, tuple[int, int]]:
        """Service end and renewal's start of every subscription that another one carries on."""
        grace_days = self.seeds.whole("late_renewal_grace_days")
        return ledger.renewals(self.accepted, self.spans_in_force, self.clock, grace_days)

    @cached_property
    def segments(self) -> SegmentBook:
        """The segments of every customer and month."""
        return SegmentBook(self.ledger, self.customers, self.seeds)

    @cached_property
    def account_months(self) -> list[movements.AccountMonth]:
        """The roll-forward of every customer."""
        return movements.roll_forward(self.ledger, self.payers)

    @cached_property
    def reported_months(self) -> list[movements.AccountMonth]:
        """The roll-forward of every customer at month-end rates."""
        return list(currency.as_reported(self))

    @cached_property
    def hierarchy_differences(self) -> list[hierarchy.Difference]:
        """What customers pay more or less at a window's end by the hierarchy of its start."""
        return list(hierarchy.differences(self))

    @cached_property
    def lives(self) -> dict[str, Life]:
        """Start and first zero of every customer that ever paid."""
        return lives.lives(self.ledger)

    @cached_property
    def starters(self) -> dict[int, list[str]]:
        """The customers that started in a month."""
        found = defaultdict(list)
        for customer_id, life in sorted(self.lives.items()):
            found[month_of(life.start_day)].append(customer_id)
        return found

    @cached_property
    def usage(self) -> Usage:
        """The usage events."""
        feed = self._sampled_events[1] if self.is_sample and not self.withheld(*USAGE) else None
        return Usage(self.accepted, self.root_of, self.clock, feed)

    @cached_property
    def surveys(self) -> Surveys:
        """The survey answers."""
        return Surveys(self.accepted, self.root_of, self.clock)

    @cached_property
    def milestones(self) -> Milestones:
        """The onboarding milestones."""
        return Milestones(self.accepted, self.root_of, self.clock)

    @cached_property
    def closed(self) -> Closed:
        """The closed months; none where the settings name no KEIZOKU_HOME."""
        home = self.settings.home
        folder = None if home is None else Path(home) / "state" / "closes"
        return Closed(folder if folder and folder.is_dir() else None, self.clock.as_of)

    @cached_property
    def restatements(self) -> Restatements:
        """What is another thing today than was locked."""
        return Restatements(self)

    @cached_property
    def tie_outs(self) -> TieOuts:
        """MRR beside invoices and the ledger."""
        found = TieOuts(self)
        found.require_ledger_rates()
        return found

    @cached_property
    def health(self) -> list[Health]:
        """The health of every paying customer at every month end."""
        book = HealthBook(self)
        return [health for month in self.months for health in book.at(month)]

    @cached_property
    def revenue_cells(self) -> list[Cell]:
        """Revenue by the segments of each month's start."""
        tally = Tally(self.months, Revenue)
        for row in self.account_months:
            if row.closing:
                won = (1, row.closing) if row.movement_type == "new" else (0, 0)
                tally.add(row.month, self.segments.of(row.customer_id, row.month), row.closing, 1, *won)
        return tally.cells()

    @cached_property
    def monthly_cells(self) -> list[Cell]:
        """The monthly windows, by the segments of their starts."""
        return self._window_cells(self.monthly_windows, 1)

    @cached_property
    def sales_cells(self) -> list[Cell]:
        """Who of a month's opening took more seats, a higher tier or another product, by the segments of its start."""
        tally = Tally(self.months, Sales)
        for kept in self.monthly_windows:
            upsell, cross_sell = movements.sold_more(self.ledger, kept)
            segments = self.segments.at_window_start(kept.customer_id, kept.month, 1)
            customers = (1, kept.opening, int(upsell > 0), int(cross_sell > 0), int(upsell > 0 or cross_sell > 0))
            tally.add(kept.month, segments, *customers, upsell, cross_sell)
        return tally.cells()

    @cached_property
    def yearly_cells(self) -> list[Cell]:
        """The windows of twelve months, by the segments of their starts."""
        return self._window_cells(self.yearly_windows, YEAR)

    @cached_property
    def monthly_windows(self) -> list[retention.Kept]:
        """What became of every customer in every window of one month."""
        return retention.cohort(self.ledger, self.payers, 1)

    @cached_property
    def yearly_windows(self) -> list[retention.Kept]:
        """What became of every customer in every window of twelve months."""
        return retention.cohort(self.ledger, self.payers, YEAR)

    def _window_cells(self, windows: list[retention.Kept], months: int) -> list[Cell]:
        tally = Tally(self.months, Window)
        for kept in windows:
            stayed = 0 if kept.has_lapsed else 1
            tally.add(
                kept.month,
                self.segments.at_window_start(kept.customer_id, kept.month, months),
                1,
                1 if kept.closing == 0 else 0,
                kept.opening,
                kept.closing,
                kept.retained,
                kept.closing * stayed,
                kept.retained * stayed,
                kept.closing - kept.uplift,
            )
        return tally.cells()

    @cached_property
    def health_cells(self) -> list[Cell]:
        """Scores by the segments of each month's start."""
        tally = Tally(self.months, Scores)
        for health in self.health:
            if health.score is not None:
                segments = self.segments.of(health.customer_id, health.month)
                mrr = self.ledger.mrr(health.customer_id, health.month) if health.tier == "at_risk" else 0
                tally.add(health.month, segments, 1, health.score, 1 if health.tier == "healthy" else 0, mrr)
        return tally.cells()

    def money(self, minor: int) -> Fraction:
        """Turn minor units into major ones."""
        return Fraction(minor, self.seeds.minor_units)

    def rows(self, metric_key: str) -> list[Row]:
        """Give the rows of a metric, computed once."""
        if metric_key not in self._rows:
            module = import_module(f"orchestration.recompute.metrics.{metric_key}")
            rows, reason = module.compute(self), self.withheld(*NEEDS.get(metric_key, ()))
            nothing = {"numerator": None, "denominator": None, "value": None, "null_reason": reason}
            self._rows[metric_key] = [row._replace(**nothing) for row in rows] if reason else list(rows)
        return self._rows[metric_key]
