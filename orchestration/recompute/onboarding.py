"""Onboarding milestones of customers."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

from orchestration.recompute.clock import FAR, Clock
from orchestration.recompute.raw import Accepted


class Milestones:
    """Days on which required and first-value milestones were done; FAR for those open at the as-of date."""

    def __init__(self, accepted: Accepted, root_of: dict[str, str], clock: Clock) -> None:
        """Read the accepted milestones of customers."""
        self.required: dict[str, list[int]] = defaultdict(list)
        self.first_value: dict[str, list[int]] = defaultdict(list)
        self.overdue: Counter[str] = Counter()
        for row in accepted["onboarding_milestones"].to_pylist():
            if row["account_id"] not in root_of:
                continue
            customer_id, done = root_of[row["account_id"]], FAR
            if row["completed_at"] is not None:
                day = clock.local_day(row["completed_at"])
                done = day if day <= clock.as_of else FAR
            if row["is_required"]:
                self.required[customer_id].append(done)
                is_due = row["due_at"] is not None and clock.local_day(row["due_at"]) < clock.as_of
                self.overdue[customer_id] += is_due and done == FAR
            if row["is_first_value"]:
                self.first_value[customer_id].append(done)


def kaplan_meier_median(times: list[tuple[int, bool]]) -> int | None:
    """Give the first day at which the survival curve is at or below one half; a time is a day and if it happened."""
    leaving, happened = Counter(day for day, _ in times), Counter(day for day, value in times if value)
    curve, at_risk = Fraction(1), len(times)
    for day in sorted(leaving):
        curve *= 1 - Fraction(happened[day], at_risk)
        if happened[day] and curve <= Fraction(1, 2):
            return day
        at_risk -= leaving[day]
    return None
