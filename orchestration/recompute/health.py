"""Health scores at month ends."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.recompute.clock import EPOCH, FAR, SECOND
from orchestration.recompute.ledger import FOREVER
from orchestration.recompute.settings import rounded

if TYPE_CHECKING:
    from orchestration.recompute.world import World

SCORE_DIGITS = 4
_UNIT = 10**SCORE_DIGITS


@dataclass(frozen=True, slots=True)
class Health:
    """One customer and month; the score counts ten-thousandths and is None without any component."""

    customer_id: str
    month: int
    version: str
    weights: dict[str, Fraction]
    inputs: dict[str, Fraction | int | None]
    components: dict[str, int | None]
    score: int | None
    coverage: Fraction
    tier: str
    red_flag: str | None
    red_flag_expires_day: int | None
    drivers: dict[str, str | None]  # by language


MOST_DRIVERS = 3


def drivers(
    components: dict[str, int | None],
    weights: dict[str, Fraction],
    coverage: Fraction,
    flag: tuple[str, str] | None,
    words: dict[str, dict[str, dict[str, str]]],
) -> dict[str, str | None]:
    """Say in both languages what made a tier: the red flag and its cap, then what moves the score most."""
    said_by_flag = words["red_flags"][flag[0]]["component"] if flag else None
    moves = {
        name: weights[name] * Fraction(score - 50 * _UNIT, _UNIT) / coverage
        for name, score in components.items()
        if score is not None and score != 50 * _UNIT and name != said_by_flag
    }
    told = {"en": [], "ja": []}
    if flag:
        named, cap = words["red_flags"][flag[0]], words["health_tiers"][flag[1]]
        told["en"].append(f"{named['name_en']} (capped at {cap['name_en']})")
        told["ja"].append(f"{named['name_ja']}あり（上限：{cap['name_ja']}）")
    for name in sorted(moves, key=lambda name: (-abs(moves[name]), name))[:MOST_DRIVERS]:
        way = "up" if moves[name] > 0 else "down"
        tenths = rounded(moves[name], 1)
        sign = "+" if way == "up" else "-" if tenths else ""
        points = f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"
        for language, (before, after) in {"en": (" (", ")"), "ja": ("（", "）")}.items():
            text = words["health_components"][name][f"driver_{way}_{language}"]
            told[language].append(f"{text}{before}{points}{after}")
    return {language: mark.join(told[language]) or None for language, mark in (("en", "; "), ("ja", "、"))}


def component_score(value: Fraction | int, inputs: tuple[Fraction, Fraction, Fraction]) -> int:
    """Read a component's score off the line through its inputs at 0, 50 and 100, rising or falling."""
    low, middle, high = inputs
    if low > high:
        value, low, middle, high = -value, -low, -middle, -high
    if value <= low:
        return 0
    if value >= high:
        return 100 * _UNIT
    if value <= middle:
        return rounded(Fraction(value - low) / (middle - low) * 50, SCORE_DIGITS)
    return rounded(50 + Fraction(value - middle) / (high - middle) * 50, SCORE_DIGITS)


class Component:
    """A component as weighed and measured by one version of the seeds."""

    def __init__(self, weight: Fraction, inputs: tuple[Fraction, Fraction, Fraction]) -> None:
        """Remember scores, since few inputs differ."""
        self.weight, self._inputs = weight, inputs
        self._scores: dict[tuple[int, int], int] = {}

    def score(self, value: Fraction | int | None) -> int | None:
        """Give the score of an input, None for none."""
        if value is None:
            return None
        key = (value.numerator, value.denominator)
        if key not in self._scores:
            self._scores[key] = component_score(value, self._inputs)
        return self._scores[key]


def weighted(components: dict[str, int | None], weights: dict[str, Fraction]) -> tuple[int | None, Fraction]:
    """Give the weighted mean over the components that are there, and the weight that is."""
    # Whole numbers of a common denominator: a hundred thousand fractions would take their time.
    common = lcm(*(weight.denominator for weight in weights.values()))
    coverage = total = 0
    for name, score in components.items():
        if score is not None:
            weight = weights[name].numerator * (common // weights[name].denominator)
            coverage += weight
            total += weight * score
    if not coverage:
        return None, Fraction(0)
    return rounded(Fraction(total, coverage)), Fraction(coverage, common)


class HealthBook:
    """Scores every customer with MRR at every month end, from what was known then."""

    def __init__(self, world: World) -> None:
        """Score nothing yet."""
        self._world = world
        self._components: dict[tuple, Component] = {}

    def _rows(self, table: str) -> list[tuple[str, dict]]:
        """Give the rows of a table with their customers, those of nobody left out."""
        root_of = self._world.root_of
        rows = self._world.accepted[table]
        rows = rows.filter(pc.is_in(rows.column("account_id"), pa.array(list(root_of), pa.string())))
        return [(root_of[row["account_id"]], row) for row in rows.to_pylist()]

    @cached_property
    def _tickets(self) -> dict[str, list[tuple[int, int, int | None]]]:
        clock, found = self._world.clock, defaultdict(list)
        for customer_id, row in self._rows("support_tickets"):
            found[customer_id].append((clock.local_day(row["opened_at"]), row["opened_at"], row["resolved_at"]))
        return found

    @cached_property
    def _contracts(self) -> dict[str, list[tuple[int, int, bool]]]:
        found = defaultdict(list)
        for customer_id, row in self._rows("contracts"):
            days = (row["start_date"].toordinal() - EPOCH, row["end_date"].toordinal() - EPOCH)
            found[customer_id].append((*days, row["auto_renew"]))
        return found

    @cached_property
    def _requests(self) -> dict[str, list[tuple[int, int, int]]]:
        """Days on which customers asked to cancel a subscription, on which that ended, and from which it is known."""
        clock, found = self._world.clock, defaultdict(list)
        for customer_id, row in self._rows("subscriptions"):
            if row["cancel_requested_at"] is not None:
                end = self._world.service_ends[row["subscription_id"]]
                end_day = FAR if end == FOREVER else clock.local_day(end)
                asked_day = clock.local_day(row["cancel_requested_at"])
                found[customer_id].append((asked_day, end_day, asked_day))
        return found

    @cached_property
    def _dues(self) -> dict[str, list[tuple[int, int, int]]]:
        """Days on which invoices were due, paid and issued; void ones and credits left out."""
        clock, found = self._world.clock, defaultdict(list)
        for customer_id, row in self._rows("invoice_lines"):
            is_owed = row["amount_ex_tax"] > 0 and row["status"] != "void" and row["credit_note_of"] is None
            if row["due_at"] is None or not is_owed:
                continue
            if row["paid_at"] is not None:
                paid_day = clock.local_day(row["paid_at"])
            else:
                paid_day = -FAR if row["status"] == "paid" else FAR
            due_day = clock.local_day(row["due_at"])
            if paid_day > due_day:
                found[customer_id].append((due_day, paid_day, clock.local_day(row["issued_at"])))
        return found

    @cached_property
    def _activities(self) -> tuple[np.ndarray, dict[str, list[int]]]:
        """Days of anybody's activities, and of those that customers attended."""
        moments, clock = self._world.accepted["engagement_activities"].column("occurred_at"), self._world.clock
        attended = defaultdict(list)
        for customer_id, row in self._rows("engagement_activities"):
            if row["attended"]:
                attended[customer_id].append(clock.local_day(row["occurred_at"]))
        return np.unique(clock.local_days(moments.combine_chunks().to_numpy(zero_copy_only=False))), attended

    def _support(self, customer_id: str, first: int, day: int, end: int) -> Fraction | None:
        """Give the median hours to resolve the tickets opened in a window, open ones taken up to its end."""
        seconds = sorted(
            ((end if resolved is None else min(resolved, end)) - opened) // SECOND
            for opened_day, opened, resolved in self._tickets.get(customer_id, ())
            if first <= opened_day <= day
        )
        if not seconds:
            return None
        middle = len(seconds) // 2
        median = Fraction(seconds[middle] if len(seconds) % 2 else seconds[middle - 1] + seconds[middle])
        return median / (3600 if len(seconds) % 2 else 7200)

    def _asked_to_cancel(self, customer_id: str, day: int) -> bool:
        """Say whether a request stands on a subscription that has not ended."""
        return any(asked <= day < ended for asked, ended, _ in self._requests.get(customer_id, ()))

    def _contract(self, customer_id: str, day: int) -> int | None:
        renewing = [renews for start, end, renews in self._contracts.get(customer_id, ()) if start <= day <= end]
        if not renewing:
            return None
        if self._asked_to_cancel(customer_id, day):
            return 0
        return 100 if all(renewing) else 50

    def _sentiments(self, first: int, day: int) -> dict[str, Fraction]:
        """Give the mean of customers' answers in a window, NPS times 10 and CSAT brought to 0 to 100."""
        points = defaultdict(list)
        for answer in self._world.surveys.latest_nps(first, day):
            points[answer.customer_id].append(answer.score * 10)
        for answer in self._world.surveys.between("csat", first, day):
            points[answer.customer_id].append((answer.score - 1) * 25)
        return {customer_id: Fraction(sum(scores), len(scores)) for customer_id, scores in points.items()}

    def _raised(self, customer_id: str, day: int, order: list[str], flags: dict) -> tuple[str, str, int] | None:
        """Give name, cap and expiry of the red flag that holds on a day: the lowest cap, then what lasts longest."""
        raised = []
        for flag, (cap, grace_days, valid_days) in flags.items():
            facts = (self._requests if flag == "cancel_requested" else self._dues).get(customer_id, ())
            raised += [
                (-order.index(cap), -(since + grace_days + valid_days), flag, cap)
                for since, until, known in facts
                if max(since + grace_days, known) <= day < min(since + grace_days + valid_days, until)
            ]
        if not raised:
            return None
        _, expiry, flag, cap = min(raised)
        return flag, cap, -expiry

    def at(self, month: int) -> list[Health]:
        """Score every customer with MRR at a month's end."""
        world = self._world
        day = world.clock.end_of(month)
        end = world.clock.start_of(day + 1)
        tiers, flags = world.seeds.health_tiers(day + EPOCH), world.seeds.red_flags(day + EPOCH)
        order, minimum_coverage = [name for _, name in tiers], world.seeds.fraction("minimum_coverage")
        if minimum_coverage is None:
            raise ValueError("seeds/policy.csv gives no minimum_coverage")
        words = world.seeds.health_words(day + EPOCH)
        definitions = {
            name: self._components.setdefault((name, *measures), Component(*measures))
            for name, measures in world.seeds.health_components(day + EPOCH).items()
        }
        weights = {name: component.weight for name, component in definitions.items()}
        version = world.seeds.health_version(day + EPOCH)
        since = {
            window: day - world.seeds.whole(f"{window}_window_days") + 1
            for window in ("active", "support", "engagement", "sentiment")
        }
        has_usage = world.usage.feed_ran(since["active"], day)
        core_days = world.usage.core_days(since["active"], day)
        used, features = world.usage.high_value_features(since["active"], day), world.usage.high_value_count(day)
        sentiments = self._sentiments(since["sentiment"], day)
        everybodys, attended = self._activities
        has_engagement = bool(((everybodys >= since["engagement"]) & (everybodys <= day)).any())

        scored = []
        for customer_id in world.paying(month):
            inputs = {
                "frequency": core_days.get(customer_id, 0) if has_usage else None,
                "depth": Fraction(used.get(customer_id, 0), features) if has_usage and features else None,
                "support": self._support(customer_id, since["support"], day, end),
                "contract": self._contract(customer_id, day),
                "sentiment": sentiments.get(customer_id),
                "engagement": None,
            }
            if has_engagement and world.touch_models.of(customer_id, month) != "tech":
                inputs["engagement"] = sum(
                    since["engagement"] <= activity <= day for activity in attended.get(customer_id, ())
                )
            components = {name: component.score(inputs[name]) for name, component in definitions.items()}
            score, coverage = weighted(components, weights)
            tier, flagged = "unknown", self._raised(customer_id, day, order, flags)
            if score is not None and has_usage and coverage >= minimum_coverage:
                tier = next(name for lower, name in tiers if score >= lower * _UNIT)
                tier = max(tier, flagged[1], key=order.index) if flagged else tier
            told = drivers(components, weights, coverage, flagged and flagged[:2], words)
            about = (customer_id, month, version, weights, inputs, components, score, coverage, tier)
            flag, expires = (flagged[0], flagged[2]) if flagged else (None, None)
            scored.append(Health(*about, flag, expires, told))
        return scored
