"""Side tables of which too much is rejected: nothing is computed from them, and what needs them says why."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from orchestration.recompute.settings import Seeds

USAGE = ("usage_events", "features", "users")
# What each metric cannot be had without. Of the others a raw table is part of MRR, and its loss stops the run.
NEEDS = {
    "active_account_rate": USAGE,
    "product_usage_rate": USAGE,
    "usage_depth_rate": USAGE,
    "usage_days": USAGE,
    "onboarding_completion_rate": (*USAGE, "onboarding_milestones"),
    "time_to_value_days": ("onboarding_milestones",),
    "nps": ("survey_responses",),
    "csat": ("survey_responses",),
    "ces": ("survey_responses",),
    "ces_mean": ("survey_responses",),
    "health_score": (*USAGE, "survey_responses", "support_tickets", "engagement_activities"),
    "healthy_account_rate": (*USAGE, "survey_responses", "support_tickets", "engagement_activities"),
    "mrr_at_risk": (*USAGE, "survey_responses", "support_tickets", "engagement_activities"),
    "renewal_rate": ("contracts",),
    "renewal_rate_by_count": ("contracts",),
}


class Withheld:
    """The tables that are withheld, with the reason, as far as they have been read."""

    def __init__(self, seeds: Seeds, accept_rejects: bool) -> None:
        """Know the limits; whoever accepts rejected rows has the rest counted."""
        self._seeds, self._accept_rejects = seeds, accept_rejects
        self._reasons: dict[str, str] = {}

    def reason(self, *tables: str) -> str | None:
        """Give why what needs any of these tables is withheld; that nothing is left of one goes before."""
        return min((self._reasons[table] for table in tables if table in self._reasons), default=None)

    def may_be(self, read: int, accepted: int, table: str) -> bool:
        """Say whether so many rows are not accepted that some of them may be too many rejected ones."""
        return self._judge(read, read - accepted, accepted, table) is not None

    def note(self, table: str, read: int, rejected: int, accepted: int) -> bool:
        """Say whether a table is withheld, and remember why."""
        reason = self._judge(read, rejected, accepted, table)
        if reason is not None:
            self._reasons[table] = reason
        return reason is not None

    def _judge(self, read: int, rejected: int, accepted: int, table: str) -> str | None:
        limits = self._seeds.reject_limits(table)
        is_empty = bool(rejected) and not accepted
        if limits.on_breach != "withhold" and not is_empty:
            return None
        if is_empty:
            return "all_rejected"
        is_above = rejected > limits.rows and rejected > limits.share * read
        return "too_many_rejected" if is_above and not self._accept_rejects else None


def rejected_rows(rows: pa.Table, key: tuple[str, ...], stays: np.ndarray, conflicts: np.ndarray, accepted: int) -> int:
    """Count the rows that broke a rule: neither accepted, nor copies or older states, nor deleted."""
    is_deleted = np.array([value is True for value in rows.column("_is_deleted").to_pylist()], dtype=bool)
    has_key = np.ones(rows.num_rows, dtype=bool)
    for name in key:
        has_key &= rows.column(name).is_valid().to_numpy(zero_copy_only=False)
    left = stays & ~(is_deleted & ~conflicts)
    # Without a key only exact copies collapse.
    keyless = rows.filter(pa.array(left & ~has_key)).to_pylist()
    copies = len(keyless) - len({tuple(row.values()) for row in keyless})
    return int(left.sum()) - copies - accepted
