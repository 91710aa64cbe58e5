"""The customer ledger of a workbook: its columns, and sums over it as a formula and as a value."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from orchestration.reports.figures import FLOWS, SEGMENT_TYPES, Customer, Figures, Segment

Value = Decimal | int | str | None
SEGMENT_NAMES = {
    "plan_tier": ("Plan", "プラン"),
    "size_band": ("Size", "規模"),
    "industry": ("Industry", "業種"),
    "country": ("Country", "国"),
}
LINES = {
    "opening": ("Opening MRR", "期首MRR"),
    "new": ("New", "新規"),
    "reactivation": ("Reactivation", "復活"),
    "expansion": ("Expansion", "拡大"),
    "contraction": ("Contraction", "縮小"),
    "churned": ("Churn", "解約"),
    "fx": ("Plan rates (fx)", "為替 (計画レート)"),
    "closing": ("Closing MRR", "期末MRR"),
    "outside_expansion": ("Expansion outside the cohort", "対象外顧客の拡大"),
    "outside_contraction": ("Contraction outside the cohort", "対象外顧客の縮小"),
    "outside_churned": ("Churn outside the cohort", "対象外顧客の解約"),
    "cohort_reactivation": ("Reactivation of the cohort", "対象顧客の復活"),
    "cohort_fx": ("Plan rates (fx) of the cohort", "対象顧客の為替"),
    "cohort_closing": ("MRR now of the cohort", "対象顧客の現在のMRR"),
    "opening_revaluation": (
        "Memo: opening at today's plan rates, difference",
        "備考: 期首を現在の計画レートへ換算した差",
    ),
}
OF_THE_MONTH = ("plan_tier", "size_band")  # segments that can change while a window lasts
# Column: English, Japanese, what it holds. The last ones number the segments, so that no text becomes a criterion.
COLUMNS = {
    "account_id": ("Customer", "顧客ID", "text"),
    "account_name": ("Name", "顧客名", "text"),
    "plan_tier": ("Plan at the window's start", "期首のプラン", "text"),
    "size_band": ("Size at the window's start", "期首の規模", "text"),
    "industry": ("Industry", "業種", "text"),
    "country": ("Country", "国", "text"),
    "opening": ("MRR 12 months ago, at today's plan rates", "12か月前のMRR (現在の計画レート)", "money"),
    "now": ("MRR now", "現在のMRR", "money"),
    "retained": ("The smaller of both", "小さい方", "money"),
    "uplift": ("Of MRR now: price rises", "現在のMRRのうち値上げ", "money"),
    "lapsed": ("Lapsed in between (1 = yes)", "期中に離脱 (1=はい)", "count"),
    "rolled_opening": ("12 months: opening MRR", "12か月: 期首MRR", "money"),
    **{flow: (f"12 months: {LINES[flow][0].lower()}", f"12か月: {LINES[flow][1]}", "money") for flow in FLOWS},
    "month_opening": ("Month: opening MRR", "当月: 期首MRR", "money"),
    **{f"month_{flow}": (f"Month: {LINES[flow][0].lower()}", f"当月: {LINES[flow][1]}", "money") for flow in FLOWS},
    "month_plan_tier": ("Plan at the month's start", "月初のプラン", "text"),
    "month_size_band": ("Size at the month's start", "月初の規模", "text"),
    **{f"no_{kind}": (f"No. of {en.lower()}", f"{ja}の番号", "count") for kind, (en, ja) in SEGMENT_NAMES.items()},
    "no_month_plan_tier": ("No. of plan, month", "プラン(当月)の番号", "count"),
    "no_month_size_band": ("No. of size, month", "規模(当月)の番号", "count"),
}


class Cell(NamedTuple):
    """A formula and its value."""

    formula: str
    value: Value


class Condition(NamedTuple):
    """A condition on the ledger's rows: the column is above 0, or it is 0."""

    column: str
    is_positive: bool

    @property
    def criterion(self) -> str:
        """The condition as SUMIFS takes it."""
        return '">0"' if self.is_positive else "0"


COHORT, ROLLED, OUTSIDE = (
    Condition("opening", True),
    Condition("rolled_opening", True),
    Condition("rolled_opening", False),
)
STAYED, LOST, PAYING = Condition("lapsed", False), Condition("now", False), Condition("now", True)


class Slice(NamedTuple):
    """A segment, the cell that holds its number, and whether customers stand in it by the month or by the window."""

    segment: Segment
    reference: str
    is_month: bool = False


class Ledger:
    """The rows, asked for sums."""

    def __init__(self, figures: Figures) -> None:
        """Number the segments."""
        self.numbers = {segment: number for number, segment in enumerate(figures.segments, start=1)}
        self.rows = [self._row(customer) for customer in figures.customers]
        self._sums: dict[tuple, dict[int | None, Decimal | int]] = {}

    def _row(self, customer: Customer) -> dict[str, Value]:
        row = customer._asdict()
        window = {f"no_{kind}": self.numbers[kind, row[kind]] for kind in SEGMENT_TYPES}
        return row | window | {f"no_month_{kind}": self.numbers[kind, row[f"month_{kind}"]] for kind in OF_THE_MONTH}

    def sum(self, column: str, *conditions: Condition, within: Slice | None = None) -> Cell:
        """Sum a column."""
        return self._aggregate(column, conditions, within)

    def count(self, *conditions: Condition, within: Slice | None = None) -> Cell:
        """Count customers."""
        return self._aggregate(None, conditions, within)

    def _aggregate(self, column: str | None, conditions: tuple[Condition, ...], within: Slice | None) -> Cell:
        by, number = None, None
        criteria = [(test.column, test.criterion) for test in conditions]
        if within:
            kind = within.segment[0]
            by = f"no_month_{kind}" if within.is_month and kind in OF_THE_MONTH else f"no_{kind}"
            number = self.numbers[within.segment]
            criteria.append((by, within.reference))
        text = ",".join(f"ledger_{name},{criterion}" for name, criterion in criteria)
        if column is None:
            formula = f"=COUNTIFS({text})"
        else:
            formula = f"=SUMIFS(ledger_{column},{text})" if criteria else f"=SUM(ledger_{column})"
        return Cell(formula, self._group(column, conditions, by).get(number, 0))

    def _group(
        self, column: str | None, conditions: tuple[Condition, ...], by: str | None
    ) -> dict[int | None, Decimal | int]:
        key = (column, conditions, by)
        if key not in self._sums:
            sums = self._sums[key] = defaultdict(int)
            for row in self.rows:
                if all((row[test.column] > 0) == test.is_positive for test in conditions):
                    sums[row[by] if by else None] += 1 if column is None else row[column]
        return self._sums[key]
