"""The sheets that hold a month against invoices, revenue, what was reported and what was locked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from xlsxwriter.utility import xl_rowcol_to_cell

from orchestration.reports.finance.labels import (
    CLASSES,
    CUSTOMER_HEAD,
    INVOICE_HEAD,
    REASONS,
    REPORTED_HEAD,
    RESTATEMENT_HEAD,
    REVENUE_HEAD,
)
from orchestration.reports.finance.ledger import Cell
from orchestration.reports.finance.pages import FIRST, Pages, add_up

NOTHING = "Nothing is published for this month. この月の公開データはありません。"
WITHIN, BEYOND = "within 範囲内", "BEYOND 超過"


class TieOutPages(Pages):
    """Tie-outs and restatements: what does not tie warns, what the warehouse itself says otherwise is NG."""

    def _within(self, sheet: str, row: int, column: int, size: str, tolerance: str, is_breach: bool) -> None:
        formula = f'=IF(ABS({size})>{tolerance},"{BEYOND}","{WITHIN}")'
        self._put(sheet, row, column, Cell(formula, BEYOND if is_breach else WITHIN), "status")

    def _tie_outs(self) -> None:
        self._begin("tie_outs", [24, 32, 30, 18, 18, 18, 14, 40], 3)
        row = self._invoices(3)
        row = self._revenue(row + 2)
        row = self._reported(row + 2)
        self._invoiced_customers(row + 2)

    def _section(self, row: int, en: str, ja: str, head: Sequence[object]) -> int:
        self._put("tie_outs", row, 0, f"{en} {ja}", "bold")
        self._heads("tie_outs", row + 1, head)
        return row + 2

    def _invoices(self, row: int) -> int:
        """Write the walk from what invoices bill to MRR, class by class, over the customers' rows below."""
        sheet, totals, checks = "tie_outs", self.figures.invoice_classes, []
        first = self._section(row, "MRR to invoices", "請求との照合", INVOICE_HEAD)
        if not totals:
            self._put(sheet, first, 0, NOTHING, "note")
            return first + 1
        amounts, sizes = defaultdict(Decimal), defaultdict(Decimal)
        for _, _, kind, amount, _ in self.figures.invoice_customers:
            amounts[kind] += amount
            sizes[kind] += abs(amount)
        steps = [kind for kind in CLASSES if kind != "mrr"]
        for row, kind in enumerate(CLASSES, start=first):
            key, here = xl_rowcol_to_cell(row, 0), xl_rowcol_to_cell(row, 3)
            cell = Cell(f"=SUMIFS(tie_amount,tie_class,{key})", amounts[kind])
            style = "money"
            if kind == "mrr":
                cells = {step: xl_rowcol_to_cell(first + position, 3) for position, step in enumerate(steps)}
                cell = Cell(add_up(dict.fromkeys(steps, 1), cells), sum(amounts[step] for step in steps))
                style = "sum money"
            for column, text in enumerate((kind, *CLASSES[kind])):
                self._put(sheet, row, column, text, "sum text" if kind == "mrr" else "text")
            self._put(sheet, row, 3, cell, style)
            self._put(sheet, row, 4, Cell(f"=SUMPRODUCT((tie_class={key})*ABS(tie_amount))", sizes[kind]), "money")
            self._put(sheet, row, 5, totals[kind], style)
            checks.append(self._agree(cell, totals[kind], "money"))
            self._status(sheet, row, 6, (here, xl_rowcol_to_cell(row, 5)), checks[-1], "money")
        last, unexplained = first + len(CLASSES) - 1, first + len(CLASSES) - 2
        self._check(
            "MRR by invoices and classes",
            "請求と区分によるMRR",
            Cell(f"={self._ref(sheet, last, 3)}", cell.value),
            totals["mrr"],
        )
        self._check_statuses(
            "Tie-out to invoices, every class", "請求との照合 (全区分)", sheet, f"$G${first + 1}:$G${last + 1}", checks
        )
        self._colour(sheet, first, 6, last, 6)
        self._put(sheet, last + 1, 1, "Tolerance for what is unexplained")
        self._put(sheet, last + 1, 2, "説明のつかない差の許容額")
        self._put(sheet, last + 1, 4, self.figures.invoice_tolerance, "money")
        size, tolerance = xl_rowcol_to_cell(unexplained, 4), xl_rowcol_to_cell(last + 1, 4)
        self._within(sheet, last + 1, 6, size, tolerance, sizes["unexplained"] > self.figures.invoice_tolerance)
        self.total["unexplained"] = Cell(f"={self._ref(sheet, unexplained, 4)}", sizes["unexplained"])
        return last + 2

    def _revenue(self, row: int) -> int:
        sheet = "tie_outs"
        first = row = self._section(row, "MRR to recognised revenue", "計上売上との照合", REVENUE_HEAD)
        for currency, weighted, recognised, difference, tolerance, is_breach in self.figures.revenue:
            ours, theirs, gap, most = (xl_rowcol_to_cell(row, column) for column in range(3, 7))
            self._put(sheet, row, 0, currency)
            self._put(sheet, row, 3, weighted, "money")
            self._put(sheet, row, 4, recognised, "money")
            self._put(sheet, row, 5, Cell(f'=IF({theirs}="","",{ours}-{theirs})', difference), "money")
            self._put(sheet, row, 6, tolerance, "money")
            if currency == "total" and difference is not None:
                self._within(sheet, row, 7, gap, most, is_breach)
            row += 1
        if row == first:
            self._put(sheet, row, 0, NOTHING, "note")
        return max(row, first + 1)

    def _reported(self, row: int) -> int:
        sheet = "tie_outs"
        first = row = self._section(row, "Metrics to what was reported", "報告済み数値との照合", REPORTED_HEAD)
        for key, unit, value, reported, difference, tolerance, _, reported_by in self.figures.reported:
            style = "ratio" if unit == "ratio" else "money"
            ours, theirs = xl_rowcol_to_cell(row, 3), xl_rowcol_to_cell(row, 4)
            for column, text in enumerate((key, *self.figures.names.get(key, ("", "")))):
                self._put(sheet, row, column, text)
            self._put(sheet, row, 3, value, style)
            self._put(sheet, row, 4, reported, style)
            self._put(sheet, row, 5, Cell(f'=IF({ours}="","",{ours}-{theirs})', difference), style)
            self._put(sheet, row, 6, tolerance, style)
            self._put(sheet, row, 7, reported_by)
            row += 1
        if row == first:
            self._put(sheet, row, 0, NOTHING, "note")
        return max(row, first + 1)

    def _invoiced_customers(self, row: int) -> None:
        first = self._section(row, "Customer by customer", "顧客別", CUSTOMER_HEAD)
        rows = self.figures.invoice_customers
        for row, (account_id, name, kind, amount, explanation) in enumerate(rows, start=first):
            for column, (value, style) in enumerate(
                ((kind, "text"), (account_id, "text"), (name, "text"), (amount, "money"), (explanation, "text"))
            ):
                self._put("tie_outs", row, column, value, style)
        last = first + max(len(rows), 1)
        self.book.define_name("tie_class", f"='{self.names['tie_outs']}'!$A${first + 1}:$A${last}")
        self.book.define_name("tie_amount", f"='{self.names['tie_outs']}'!$D${first + 1}:$D${last}")

    def _restatements(self) -> None:
        """Write what was locked, what changed since, and that both make what is there now."""
        sheet, figures = "restatements", self.figures
        self._begin(sheet, [12, 18, 28, 20, 22, 18, 18, 18, 9, 28], 2, RESTATEMENT_HEAD)
        first = FIRST + 6 if figures.locked_mrr is not None else FIRST
        last = first + max(len(figures.restatements), 1)
        for row, (month, account_id, name, reason, locked, now, difference, items, build) in enumerate(
            figures.restatements, start=first
        ):
            values = (
                month,
                account_id,
                name,
                *REASONS.get(reason, (reason, "")),
                locked,
                now,
                difference,
                items,
                build,
            )
            styles = ("month", "text", "text", "text", "text", "money", "money", "money", "count", "text")
            for column, (value, style) in enumerate(zip(values, styles, strict=True)):
                self._put(sheet, row, column, value, style)
        if not figures.restatements:
            self._put(sheet, first, 0, "No closed month of this window has moved. 締め後の変更はありません。", "note")
        self.total["restated"] = Cell(
            f"=COUNT('{self.names[sheet]}'!$F${first + 1}:$F${last})", len(figures.restatements)
        )
        if figures.locked_mrr is None:
            return
        moved = sum((row[6] for row in figures.restatements if row[0] == figures.month), Decimal(0))
        locked, changes, live = (xl_rowcol_to_cell(FIRST + at, 7) for at in range(3))
        dates, amounts = f"$A${first + 1}:$A${last}", f"$H${first + 1}:$H${last}"
        now = self.ledger.sum("now")
        changed = Cell(f"=SUMIFS({amounts},{dates},$A${FIRST + 2})", moved)
        lines = (
            (("Locked MRR of the month", "締め時の当月MRR"), figures.locked_mrr, "money"),
            (("Restatements of the month", "当月分の修正"), changed, "money"),
            (("Both together", "合計"), Cell(f"={locked}+{changes}", figures.locked_mrr + moved), "sum money"),
            (("MRR by the ledger", "顧客台帳のMRR"), now, "money"),
        )  # fmt: skip
        for row, (names, value, style) in enumerate(lines, start=FIRST):
            self._put(sheet, row, 0, figures.month, "month")
            self._put(sheet, row, 1, " ".join(names), "bold" if style == "sum money" else "text")
            self._put(sheet, row, 7, value, style)
        is_good = self._agree(Cell("", figures.locked_mrr + moved), now.value, "money")
        self._status(sheet, FIRST + 3, 8, (live, xl_rowcol_to_cell(FIRST + 3, 7)), is_good, "money")
        self._colour(sheet, FIRST + 3, 8, FIRST + 3, 8)
        both = Cell(f"={self._ref(sheet, FIRST + 2, 7)}", figures.locked_mrr + moved)
        self._check(
            "Locked MRR and restatements",
            "締め時のMRRと修正の合計",
            both,
            figures.metrics["mrr"]["total", "total"].numerator,
        )
