"""Whose account was it then: retention by the hierarchy in force at a window's start, beside today's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from orchestration.recompute import sample
from orchestration.recompute.clock import Clock
from orchestration.recompute.ledger import Ledger
from orchestration.recompute.raw import Accepted

if TYPE_CHECKING:
    from orchestration.recompute.world import World

WINDOWS = (1, 12)


class Period(NamedTuple):
    """A time in which an account had a parent, in local days; the end is None while it lasts."""

    start: int
    start_day: int
    end_day: int | None
    parent: str


class Difference(NamedTuple):
    """What a customer's closing is more on the basis of then; minor units."""

    customer_id: str
    month: int
    window: int
    amount: int
    cause: str


class Hierarchy:
    """Parents then and today."""

    def __init__(self, accepted: Accepted, clock: Clock) -> None:
        """Read the accounts and what is told of their parents by the as-of date."""
        self.clock = clock
        self._today, self._came = {}, {}
        for row in accepted["accounts"].to_pylist():
            self._today[row["account_id"]] = row["parent_account_id"]
            self._came[row["account_id"]] = clock.local_day(row["created_at"])
        self.periods: dict[str, list[Period]] = defaultdict(list)
        for row in accepted["account_parents"].to_pylist():
            start, end = row["valid_from"], row["valid_to"]
            start_day = clock.local_day(start)
            if start_day > clock.as_of or start == end:
                continue
            end_day = None
            if end is not None:
                midnight = clock.next_midnight_if_inclusive(end)
                end_day = clock.local_day(end if midnight is None else midnight)
            self.periods[row["account_id"]].append(Period(start, start_day, end_day, row["parent_account_id"]))
        for periods in self.periods.values():
            periods.sort()
        self._roots: dict[tuple[str, int], str | None] = {}

    def parent(self, account: str, month: int) -> str | None:
        """Give an account's parent at a month's end; of one that came later, on the day it came."""
        if account not in self.periods:
            return self._today[account]
        day = min(max(self.clock.end_of(month), self._came[account]), self.clock.as_of)
        begun = [period for period in self.periods[account] if period.start_day <= day]
        if not begun or (begun[-1].end_day is not None and begun[-1].end_day <= day):
            return None
        return begun[-1].parent

    def root(self, account: str, month: int) -> str | None:
        """Give an account's root at a month's end, None in a ring of old and new parents."""
        if (account, month) not in self._roots:
            way, current = [account], self.parent(account, month)
            while current is not None and current not in way:
                way.append(current)
                current = self.parent(current, month)
            self._roots[account, month] = way[-1] if current is None else None
        return self._roots[account, month]

    def told(self) -> set[str]:
        """Give the roots, today, of the accounts that a history names."""
        tops = self.periods.keys() | {period.parent for periods in self.periods.values() for period in periods}
        while above := {account for account in tops if self._today[account] is not None}:
            tops = tops - above | {self._today[account] for account in above}
        return tops


class Standings:
    """Accounts that a history can concern, with their customers then and today."""

    def __init__(self, world: World) -> None:
        """Find the accounts of every customer of today that a history names an account of."""
        self.hierarchy = Hierarchy(world.everybodys, world.clock)
        self.today = world.everybodys_root
        customers = self.hierarchy.told()
        self.accounts = [account for account, root in self.today.items() if root in customers]

    def then(self, account: str, month: int) -> str:
        """Give an account's customer at a month's end."""
        return self.hierarchy.root(account, month) or self.today[account]


def _balances(world: World, book: Ledger, accounts: set[str]) -> dict[int, dict[str, int]]:
    """Give what accounts pay, by month and account."""
    found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for months in book.holdings.values():
        for month, held in months.items():
            for holding in held:
                account = world.account_of_subscription[holding.span.terms.subscription_id]
                amount = book.worth(holding, month) if account in accounts else 0
                if amount:
                    found[month][account] += amount
    return found


def _book(world: World, standings: Standings) -> Ledger:
    """Give the ledger; around a sample, also of every account that once stood beside one of the sample."""
    if not world.is_sample:
        return world.ledger
    starts = range(world.months[0] - max(WINDOWS), world.months[-1] + 1)
    near = {
        (standings.then(account, month), month)
        for account in standings.accounts
        if account in world.root_of
        for month in starts
    }
    beside = {
        account
        for account in standings.accounts
        if any((standings.then(account, month), month) in near for month in starts)
    }
    return world.ledger_of(sample.restrict(world.everybodys, beside | world.root_of.keys()))


def _cause(standings: Standings, account: str, then: str, amount: int) -> str:
    today = standings.today[account]
    if then == today:
        return "members_joined" if amount < 0 else "members_left"
    if then == account:
        return "joined"
    if standings.today.get(then) == today:
        return "merged"
    return "left" if today == account else "moved"


def differences(world: World) -> Iterator[Difference]:
    """Give every customer, month and window length whose closing depends on the basis."""
    standings = Standings(world)
    if not standings.accounts:
        return
    balances = _balances(world, _book(world, standings), set(standings.accounts))
    for window in WINDOWS:
        for month in world.months:
            start = month - window
            payers_then = {standings.then(account, start) for account in balances.get(start, ())}
            payers_today = {standings.today[account] for account in balances.get(start, ())}
            found: dict[str, list[tuple[int, str]]] = defaultdict(list)
            for account, amount in balances.get(month, {}).items():
                then, today = standings.then(account, start), standings.today[account]
                if (then in payers_then) != (today in payers_today) and today in world.customers:
                    more = amount if then in payers_then else -amount
                    found[today].append((more, _cause(standings, account, then, more)))
            for customer_id, changes in found.items():
                causes = {cause for _, cause in changes}
                cause = causes.pop() if len(causes) == 1 else "several"
                yield Difference(customer_id, month, window, sum(more for more, _ in changes), cause)
