"""The finance workbook of a month: figures by live formulas over a customer ledger, held against the warehouse.

Every formula carries its value too, computed here from the ledger's rows and not copied from the warehouse: a workbook
of which a control fails is never written.
"""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from decimal import Decimal
from math import prod
from pathlib import Path

from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from orchestration.reports.finance.figures import BRIDGE, FLOWS, TOTAL, WATERFALL, YEAR, Figures, months_to_write, read
from orchestration.reports.finance.labels import (
    COLUMNS,
    CONTENTS,
    LINES,
    NRR_AMOUNTS,
    NRR_RATIOS,
    ROLL,
    SEGMENT_HEAD,
    SEGMENT_NAMES,
    STATUS,
    STEPS,
)
from orchestration.reports.finance.ledger import (
    COHORT,
    LOST,
    OF_THE_MONTH,
    OUTSIDE,
    PAYING,
    ROLLED,
    STAYED,
    Cell,
    Slice,
    Value,
)
from orchestration.reports.finance.pages import FIRST, HEAD, add_up, value_of
from orchestration.reports.finance.tie_outs import TieOutPages
from orchestration.warehouse.database import attached

FOLDER = "finance"


class WorkbookError(Exception):
    """A workbook that contradicts the warehouse."""


def write_workbooks(folder: Path, published_file: str, earlier: Path) -> None:
    """Write the workbooks of a publication into its folder, from the file that stands there.

    That of a closed month is taken from the `earlier` publication as it was, while none of its figures has moved.
    """
    with attached(folder / published_file, read_only=True) as connection:
        months = months_to_write(connection)
        for month in months:
            (folder / FOLDER).mkdir(exist_ok=True)
            file = folder / FOLDER / f"keizoku-{month:%Y-%m}.xlsx"
            written, figures = earlier / FOLDER / file.name, read(connection, month)
            if month != months[-1] and written.is_file() and _fingerprint_in(written) == figures.fingerprint:
                shutil.copyfile(written, file)
            else:
                write_workbook(figures, file)


def _fingerprint_in(file: Path) -> str | None:
    """Read of which figures a workbook was made; None when it does not say, or is torn."""
    try:
        with zipfile.ZipFile(file) as parts:
            is_whole = parts.testzip() is None
            found = re.search(rb"<vt:lpwstr>([0-9a-f]{64})</vt:lpwstr>", parts.read("docProps/custom.xml"))
    except (OSError, KeyError, EOFError, zlib.error, zipfile.BadZipFile):
        return None
    return found[1].decode() if found and is_whole else None


def write_workbook(figures: Figures, file: Path) -> None:
    """Write one month's workbook; raise WorkbookError when a control of it would say NG."""
    _Workbook(figures, file).write()


class _Workbook(TieOutPages):
    def write(self) -> None:
        self._ledger()
        self._nrr()
        self._waterfall()
        self._bridge()
        self._tie_outs()
        self._restatements()
        self._sensitivity()
        self._control()
        self._summary()
        self._sign_off()
        failed = [control.name_en for control in self.controls if not self._agree(*control[2:])]
        if failed:
            raise WorkbookError(f"The workbook of {self.figures.month:%Y-%m} contradicts the warehouse: {failed}")
        self.book.close()

    def _ledger(self) -> None:
        rows, last = self.ledger.rows, FIRST + max(len(self.ledger.rows), 1) - 1
        widths = [{"text": 16, "money": 15, "count": 10}[kind] for _, _, kind in COLUMNS.values()]
        self._begin("ledger", widths, 2, [(en, ja) for en, ja, _ in COLUMNS.values()], height=78)
        self.sheets["ledger"].set_column(1, 1, 28)
        self._put("ledger", HEAD - 1, 1, "Sum of the rows shown 表示行の合計", "note")
        for column, (name, (_, _, kind)) in enumerate(COLUMNS.items()):
            letter = xl_col_to_name(column)
            cells = f"${letter}${FIRST + 1}:${letter}${last + 1}"
            self.book.define_name(f"ledger_{name}", f"='{self.names['ledger']}'!{cells}")
            if kind == "money":
                total = Cell(f"=SUBTOTAL(109,ledger_{name})", self.ledger.sum(name).value)
                self._put("ledger", HEAD - 1, column, total, "sum money")
            for row, customer in enumerate(rows, start=FIRST):
                self._put("ledger", row, column, customer[name], kind)
        self.sheets["ledger"].autofilter(HEAD, 0, last, len(COLUMNS) - 1)

    def _nrr(self) -> None:
        amounts, ratios, metrics = list(NRR_AMOUNTS), list(NRR_RATIOS), self.figures.metrics
        last = 2 + len(amounts) + len(ratios)
        theirs = [(f"Warehouse: {en}", f"DWH: {ja}") for en, ja in NRR_AMOUNTS.values()]
        names = [(en, ja) for _, en, ja in NRR_RATIOS.values()]
        head = [*SEGMENT_HEAD, *NRR_AMOUNTS.values(), *names, STATUS, *theirs]
        self._begin("nrr", [6, 17, 18] + [14] * (len(head) - 3), 3, head, height=64)
        self.sheets["nrr"].print_area(0, 0, FIRST + len(self.ledger.numbers), last + 1)
        self.nrr_rows = FIRST + 1  # where the segments begin
        checks, where = [], {name: 3 + column for column, name in enumerate([*amounts, *ratios])}
        for row, within, segment in self._segment_rows("nrr", FIRST):
            ours = {
                "customers": self.ledger.count(COHORT, within=within),
                "opening": self.ledger.sum("opening", within=within),
                "now": self.ledger.sum("now", COHORT, within=within),
                "now_stayed": self.ledger.sum("now", COHORT, STAYED, within=within),
                "uplift": self.ledger.sum("uplift", within=within),
                "retained": self.ledger.sum("retained", within=within),
                "retained_stayed": self.ledger.sum("retained", STAYED, within=within),
            }
            of_segment: dict[str, Value] = {
                key: metrics[key].get(segment) for key in (*NRR_RATIOS, "logo_churn_rate_ttm")
            }
            nrr, strict, ex_price, grr, grr_strict, churn = of_segment.values()
            expected: list[Value] = [0] * len(amounts)
            if nrr and nrr.numerator is not None:
                uplift = nrr.numerator - ex_price.numerator
                expected = [churn.denominator, nrr.denominator, nrr.numerator, strict.numerator, uplift]
                expected += [grr.numerator, grr_strict.numerator]
            styles = ["count"] + ["money"] * (len(amounts) - 1)
            checks.append(self._block("nrr", row, list(ours.values()), expected, last, styles))
            opening = (xl_rowcol_to_cell(row, where["opening"]), ours["opening"].value)
            for name, (parts, *_) in NRR_RATIOS.items():
                above = "-".join(xl_rowcol_to_cell(row, where[part]) for part in parts)
                value = ours[parts[0]].value - sum(ours[part].value for part in parts[1:])
                cell = self._ratio((above, value), opening)
                self._put("nrr", row, where[name], cell, "ratio")
                if segment == TOTAL:
                    self.total[name] = Cell(f"={self._ref('nrr', row, where[name])}", cell.value)
            if segment == TOTAL:
                self.total |= {
                    name: Cell(f"={self._ref('nrr', row, where[name])}", cell.value) for name, cell in ours.items()
                }
                for name, figure in zip(amounts, expected, strict=True):
                    self._check(
                        *NRR_AMOUNTS[name], self.total[name], figure, "count" if name == "customers" else "money"
                    )
                for name, (_, en, ja) in NRR_RATIOS.items():
                    self._check(en, ja, self.total[name], metrics[name][TOTAL].value, "ratio")
        self._colour("nrr", FIRST, last + 1, FIRST + len(checks), last + 1)
        status = xl_col_to_name(last + 1)
        cells = f"${status}${FIRST + 1}:${status}${FIRST + len(checks)}"
        self._check_statuses("NRR, every segment", "NRR (全セグメント)", "nrr", cells, checks)

    def _waterfall(self) -> None:
        """Write twelve months side by side, the last and their sum from the ledger; then the month's segments."""
        months, count = self.figures.waterfall_months, len(self.figures.waterfall_months)
        last, year, summed, theirs = 1 + count, 2 + count, 4 + count, 6 + count
        head = [
            ("Line", "項目"), "", *(month for month, _ in months), ("12 months", "12か月"), "",
            ("Sum of the months", "各月の合計"), STATUS, ("Warehouse, month", "DWH (当月)"), STATUS,
        ]  # fmt: skip
        self._begin("waterfall", [26, 26] + [13] * (len(head) - 2), 2, head, height=50)
        self.sheets["waterfall"].print_area(0, 0, FIRST + len(WATERFALL) + 9 + len(self.ledger.numbers), theirs + 1)
        rows = {line: FIRST + position for position, line in enumerate(WATERFALL)}
        for line, row in rows.items():
            for column, text in enumerate(LINES[line]):
                self._put("waterfall", row, column, text, "sum text" if line == "closing" else "text")
        columns: dict[int, dict[str, Value]] = {}
        for column, (_, amounts) in enumerate(months, start=2):
            columns[column] = {line: amounts[line] for line in ROLL}
        columns[last] = {line: self.ledger.sum(f"month_{line}") for line in ROLL}
        columns[year] = {line: self.ledger.sum("rolled_opening" if line == "opening" else line) for line in ROLL}
        closings = {}
        for column, lines in columns.items():
            for line, figure in lines.items():
                self._put("waterfall", rows[line], column, figure, "money")
            closings[column] = self._closing(column, rows, lines)
            self._put("waterfall", rows["closing"], column, closings[column], "sum money")
        self._waterfall_checks(rows, columns, closings, summed, theirs)
        self._waterfall_segments(FIRST + len(WATERFALL) + 8)

    def _closing(self, column: int, rows: dict[str, int], lines: dict[str, Value | Cell]) -> Cell:
        cells = {line: xl_rowcol_to_cell(rows[line], column) for line in ROLL}
        return Cell(add_up(ROLL, cells), sum(ROLL[line] * value_of(figure) for line, figure in lines.items()))

    def _waterfall_checks(
        self, rows: dict[str, int], columns: dict[int, dict], closings: dict[int, Cell], summed: int, theirs: int
    ) -> None:
        months = self.figures.waterfall_months
        first, last, year, checks = 2, 1 + len(months), 2 + len(months), []
        for line in WATERFALL:
            row = rows[line]
            cells = f"{xl_rowcol_to_cell(row, first)}:{xl_rowcol_to_cell(row, last)}"
            if line in ("opening", "closing"):  # of the first month, of the last
                at = first if line == "opening" else last
                value = value_of(columns[at][line]) if line == "opening" else closings[at].value
                total = Cell(f"={xl_rowcol_to_cell(row, at)}", value)
            else:
                total = Cell(
                    f"=SUM({cells})", sum(value_of(columns[column][line]) for column in range(first, last + 1))
                )
            ours = closings[year] if line == "closing" else columns[year][line]
            month = closings[last] if line == "closing" else columns[last][line]
            expected = months[-1][1][line]
            self._put("waterfall", row, summed, total, "money")
            self._put("waterfall", row, theirs, expected, "money")
            for column, pair, is_good in (
                (summed + 1, (year, summed), self._agree(ours, total.value, "money")),
                (theirs + 1, (last, theirs), self._agree(month, expected, "money")),
            ):
                references = tuple(xl_rowcol_to_cell(row, at) for at in pair)
                self._status("waterfall", row, column, references, is_good, "money")
                checks.append(is_good)
            self._check(
                f"{LINES[line][0]}, month", f"{LINES[line][1]} (当月)",
                Cell(f"={self._ref('waterfall', row, last)}", month.value), expected,
            )  # fmt: skip
            self._check(
                f"{LINES[line][0]}, 12 months", f"{LINES[line][1]} (12か月)",
                Cell(f"={self._ref('waterfall', row, year)}", ours.value),
                months[0][1]["opening"] if line == "opening"
                else expected if line == "closing" else sum(amounts[line] for _, amounts in months),
            )  # fmt: skip
        self._colour("waterfall", FIRST, summed + 1, FIRST + len(rows), theirs + 1)
        self._chain(rows, closings, first, last)
        self._rates(rows, columns, first, last)

    def _chain(self, rows: dict[str, int], closings: dict[int, Cell], first: int, last: int) -> None:
        """Write, month by month, whether the opening is the closing before and the closing the warehouse's."""
        row, months, checks = rows["closing"] + 1, self.figures.waterfall_months, []
        for at, names in enumerate(
            (
                ("Closing in the warehouse", "DWHの期末MRR"),
                ("Closing agrees", "期末の一致"),
                ("Opening = closing before", "期首=前月末"),
            )
        ):
            for column, text in enumerate(names):
                self._put("waterfall", row + at, column, text, "note")
        for column in range(first, last + 1):
            amounts = months[column - first][1]
            self._put("waterfall", row, column, amounts["closing"], "money")
            pair = (xl_rowcol_to_cell(rows["closing"], column), xl_rowcol_to_cell(row, column))
            checks.append(self._agree(closings[column], amounts["closing"], "money"))
            self._status("waterfall", row + 1, column, pair, checks[-1], "money")
            if column > first:
                pair = (xl_rowcol_to_cell(rows["opening"], column), xl_rowcol_to_cell(rows["closing"], column - 1))
                checks.append(self._agree(closings[column - 1], amounts["opening"], "money"))
                self._status("waterfall", row + 2, column, pair, checks[-1], "money")
        self._colour("waterfall", row + 1, first, row + 2, last)
        cells = f"${xl_col_to_name(first)}${row + 2}:${xl_col_to_name(last)}${row + 3}"
        self._check_statuses("Waterfall, month to month", "増減表 (月次のつながり)", "waterfall", cells, checks)

    def _rates(self, rows: dict[str, int], columns: dict[int, dict], first: int, last: int) -> None:
        """Write the monthly NRRs, which the compounded policies multiply."""
        row = rows["closing"] + 4
        self.rates = {}
        for at, (key, gains, names) in enumerate(
            (
                ("compounded", ("expansion",), ("NRR of the month", "月次NRR")),
                (
                    "compounded_with_reactivation",
                    ("expansion", "reactivation"),
                    ("The same with reactivation", "同 (復活を含む)"),
                ),
            )
        ):
            for column, text in enumerate(names):
                self._put("waterfall", row + at, column, text)
            values = []
            for column in range(first, last + 1):
                signs = {"opening": 1, "fx": 1, **dict.fromkeys(gains, 1), "contraction": -1, "churned": -1}
                cells_of = {line: xl_rowcol_to_cell(rows[line], column) for line in signs}
                lines = {line: value_of(columns[column][line]) for line in signs}
                above = add_up(signs, cells_of).removeprefix("=")
                below = lines["opening"] + lines["fx"]
                value = sum(sign * lines[line] for line, sign in signs.items())
                cell = self._ratio((above, value), (f"({cells_of['opening']}+{cells_of['fx']})", below))
                self._put("waterfall", row + at, column, cell, "ratio")
                values.append(cell.value)
            cells = f"{self._ref('waterfall', row + at, first)}:{xl_rowcol_to_cell(row + at, last, True, True)}"
            is_whole = len(values) == YEAR and None not in values
            self.rates[key] = Cell(
                f'=IF(COUNT({cells})<{YEAR},"",PRODUCT({cells}))', prod(values) if is_whole else None
            )

    def _waterfall_segments(self, head_row: int) -> None:
        lines = [LINES[line] for line in WATERFALL]
        last, checks = 2 + len(lines), []
        self._put("waterfall", head_row - 1, 0, "The month by segment of its start 当月・月初のセグメント別", "bold")
        theirs = [(f"Warehouse: {en}", f"DWH: {ja}") for en, ja in lines]
        self._heads("waterfall", head_row, [*SEGMENT_HEAD, *lines, STATUS, *theirs], height=64)
        for row, within, segment in self._segment_rows("waterfall", head_row + 1):
            within = within and within._replace(is_month=True)
            cells = {line: self.ledger.sum(f"month_{line}", within=within) for line in ROLL}
            at = {line: xl_rowcol_to_cell(row, 3 + position) for position, line in enumerate(WATERFALL)}
            cells["closing"] = Cell(add_up(ROLL, at), sum(sign * cells[line].value for line, sign in ROLL.items()))
            expected = self.figures.waterfall.get(segment) or dict.fromkeys(WATERFALL, Decimal(0))
            figures = [expected[line] for line in WATERFALL]
            checks.append(self._block("waterfall", row, list(cells.values()), figures, last, ["money"] * len(lines)))
        self._check_segments(
            "Waterfall, every segment", "増減表 (全セグメント)", "waterfall", (head_row + 1, last + 1), checks
        )

    def _check_segments(self, en: str, ja: str, sheet: str, at: tuple[int, int], checks: list[bool]) -> None:
        """Colour a column of statuses from a cell down, and hold them all on the control sheet."""
        row, column = at
        self._colour(sheet, row, column, row + len(checks), column)
        letter = xl_col_to_name(column)
        self._check_statuses(en, ja, sheet, f"${letter}${row + 1}:${letter}${row + len(checks)}", checks)

    def _bridge_cells(self, within: Slice | None) -> dict[str, Cell]:
        """Give the lines of the bridge from the ledger; the closing straight from it, not from the lines."""
        opening, rolled = self.ledger.sum("opening", within=within), self.ledger.sum("rolled_opening", within=within)
        moved = ("expansion", "contraction", "churned")
        return {
            "opening": rolled,
            **{line: self.ledger.sum(line, within=within) for line in moved},
            **{f"outside_{line}": self.ledger.sum(line, OUTSIDE, within=within) for line in moved},
            **{f"cohort_{line}": self.ledger.sum(line, ROLLED, within=within) for line in ("reactivation", "fx")},
            "cohort_closing": self.ledger.sum("now", ROLLED, within=within),
            "opening_revaluation": Cell(f"{opening.formula}-{rolled.formula[1:]}", opening.value - rolled.value),
        }

    def _bridge(self) -> None:
        head = [("Sign", "符号"), ("Line", "項目"), "", ("Ledger", "顧客台帳"), ("Warehouse", "DWH"), STATUS]
        segment_row = FIRST + len(BRIDGE) + 7
        last = 2 + len(BRIDGE)
        self._begin("bridge", [7, 42, 42] + [15] * (2 * len(BRIDGE) + 1), 3, head)
        self.sheets["bridge"].print_area(0, 0, segment_row + 1 + len(self.ledger.numbers), last + 1)
        if not self.figures.bridge:
            self._put("bridge", FIRST, 1, "Twelve months of history are needed. 12か月分の履歴が必要です。", "note")
            return
        lines, expected, checks = self._bridge_cells(None), self.figures.bridge[TOTAL], []
        cells = {line: xl_rowcol_to_cell(FIRST + position, 3) for position, line in enumerate(STEPS)}
        stepped = Cell(add_up(STEPS, cells), sum(sign * lines[line].value for line, sign in STEPS.items()))
        rows = [(line, cell, {1: "+", -1: "-"}.get(STEPS.get(line, 0), "")) for line, cell in lines.items()]
        rows[len(STEPS)] = ("cohort_closing", stepped, "=")
        for row, (line, cell, sign) in enumerate(rows, start=FIRST):
            style = "sum money" if line == "cohort_closing" else "money"
            self._put("bridge", row, 0, sign)
            for column, text in enumerate(LINES[line], start=1):
                self._put("bridge", row, column, text, "sum text" if line == "cohort_closing" else "text")
            self._put("bridge", row, 3, cell, style)
            self._put("bridge", row, 4, expected[line], style)
            checks.append(self._agree(cell, expected[line], "money"))
            self._status("bridge", row, 5, (xl_rowcol_to_cell(row, 3), xl_rowcol_to_cell(row, 4)), checks[-1], "money")
            name_en, name_ja = LINES[line]
            here = Cell(f"={self._ref('bridge', row, 3)}", cell.value)
            self._check(f"Bridge: {name_en}", f"橋渡し: {name_ja}", here, expected[line])
        row = FIRST + len(rows) + 1
        ends = (
            (
                ("The cohort's MRR now, straight from the ledger", "顧客台帳から直接求めた現在のMRR"),
                lines["cohort_closing"],
            ),
            (("MRR now on the sheet NRR", "NRRシートの現在のMRR"), self.total["now"]),
        )
        for at, (names, cell) in enumerate(ends):
            for column, text in enumerate(names, start=1):
                self._put("bridge", row + at, column, text, "note")
            self._put("bridge", row + at, 3, cell, "money")
            pair = (xl_rowcol_to_cell(row + at, 3), xl_rowcol_to_cell(FIRST + len(STEPS), 3))
            checks.append(self._agree(cell, stepped.value, "money"))
            self._status("bridge", row + at, 5, pair, checks[-1], "money")
        statuses = f"$F${FIRST + 1}:$F${row + 2}"
        self._colour("bridge", FIRST, 5, row + 1, 5)
        self._check_statuses("Bridge, every line and both ends", "橋渡し (全項目と両端)", "bridge", statuses, checks)
        self._bridge_segments(segment_row, last)

    def _bridge_segments(self, head_row: int, last: int) -> None:
        checks, names = [], [LINES[line] for line in BRIDGE]
        self._put("bridge", head_row - 1, 1, "By segment of the window's start 期首のセグメント別", "bold")
        theirs = [(f"Warehouse: {en}", f"DWH: {ja}") for en, ja in names]
        self._heads("bridge", head_row, [*SEGMENT_HEAD, *names, STATUS, *theirs], height=64)
        for row, within, segment in self._segment_rows("bridge", head_row + 1):
            cells = self._bridge_cells(within)
            at = {line: xl_rowcol_to_cell(row, 3 + position) for position, line in enumerate(BRIDGE)}
            value = sum(sign * cells[line].value for line, sign in STEPS.items())
            cells["cohort_closing"] = Cell(add_up(STEPS, at), value)
            expected = self.figures.bridge.get(segment) or dict.fromkeys(BRIDGE, Decimal(0))
            figures = [expected[line] for line in BRIDGE]
            checks.append(self._block("bridge", row, list(cells.values()), figures, last, ["money"] * len(BRIDGE)))
        self._check_segments(
            "Bridge, every segment", "橋渡し (全セグメント)", "bridge", (head_row + 1, last + 1), checks
        )

    def _sensitivity(self) -> None:
        head = [
            ("Policy", "方針"), "", ("Numerator", "分子"), ("Denominator", "分母"), "NRR",
            ("Difference to the headline", "代表値との差"), ("Warehouse", "DWH"), STATUS, ("Why empty", "空欄の理由"),
        ]  # fmt: skip
        self._begin("sensitivity", [34, 30, 16, 16, 12, 16, 12, 8, 18], 2, head)
        checks, headline = [], Cell(f"=$E${FIRST + 1}", self.total["nrr"].value)
        parts = self._policy_parts()
        for row, policy in enumerate(self.figures.policies, start=FIRST):
            key, name_en, name_ja, numerator, denominator, value, _, null_reason = policy
            self._put("sensitivity", row, 0, name_en, "bold" if key == "headline" else "text")
            self._put("sensitivity", row, 1, name_ja)
            above, below = parts.get(key, (numerator, denominator))
            if key in self.rates:
                cell = self.rates[key]
            else:
                self._put("sensitivity", row, 2, above, "money")
                self._put("sensitivity", row, 3, below, "money")
                references = (xl_rowcol_to_cell(row, 2), xl_rowcol_to_cell(row, 3))
                cell = self._ratio((references[0], value_of(above)), (references[1], value_of(below)))
            difference = None if None in (cell.value, headline.value) else cell.value - headline.value
            rate = xl_rowcol_to_cell(row, 4)
            self._put("sensitivity", row, 4, cell, "ratio")
            self._put("sensitivity", row, 5, Cell(f'=IFERROR({rate}-{headline.formula[1:]},"")', difference), "points")
            self._put("sensitivity", row, 6, value, "ratio")
            checks.append(self._agree(cell, value, "ratio"))
            self._status("sensitivity", row, 7, (rate, xl_rowcol_to_cell(row, 6)), checks[-1], "ratio")
            self._put("sensitivity", row, 8, null_reason)
        self._colour("sensitivity", FIRST, 7, FIRST + len(checks), 7)
        cells = f"$H${FIRST + 1}:$H${FIRST + len(checks)}"
        self._check_statuses("NRR under every policy", "方針ごとのNRR", "sensitivity", cells, checks)

    def _policy_parts(self) -> dict[str, tuple[Cell, Cell]]:
        """Give what the policies divide that the ledger knows; the others come from the warehouse."""
        opening, now, uplift = self.total["opening"], self.total["now"], self.total["uplift"]
        expansion, contraction, churned, back = (
            self.ledger.sum(line) for line in ("expansion", "contraction", "churned", "reactivation")
        )
        moved = f"{expansion.formula[1:]}-{contraction.formula[1:]}-{churned.formula[1:]}"
        rolled = opening.value + expansion.value - contraction.value - churned.value if opening.value else 0
        returned = rolled + back.value if opening.value else 0
        where = f"IF({opening.formula[1:]}=0,0,{opening.formula[1:]}+"
        return {
            "headline": (now, opening),
            "strict": (self.total["now_stayed"], opening),
            "ex_price": (Cell(f"{now.formula}-{uplift.formula[1:]}", now.value - uplift.value), opening),
            "rollforward": (Cell(f"={where}{moved})", rolled), opening),
            "rollforward_with_reactivation": (Cell(f"={where}{moved}+{back.formula[1:]})", returned), opening),
        }

    def _row_checks(self) -> None:
        """Hold every row of the ledger against itself, so that two errors cannot cancel out."""
        digits, rows = self.figures.digits, self.ledger.rows

        def count_bad(name_en: str, name_ja: str, formula: str, bad: Iterable[bool]) -> None:
            self._check(name_en, name_ja, Cell(f"=SUMPRODUCT(--({formula}))", sum(bad)), 0, "count")

        for prefix, first, name_en, name_ja in (
            ("", "rolled_opening", "12 months", "12か月"), ("month_", "month_opening", "month", "当月"),
        ):  # fmt: skip
            flows = {f"ledger_{prefix}{line}": ROLL[line] for line in FLOWS}
            text = add_up({f"ledger_{first}": 1, **flows}, {name: name for name in (f"ledger_{first}", *flows)})[1:]
            count_bad(
                f"Customers whose {name_en} do not add up"
                if prefix == ""
                else f"Customers whose {name_en} does not add up",
                f"増減が合わない顧客 ({name_ja})",
                f"ROUND({text}-ledger_now,{digits})<>0",
                (row[first] + sum(ROLL[line] * row[prefix + line] for line in FLOWS) != row["now"] for row in rows),
            )
        smaller = "(ledger_opening+ledger_now-ABS(ledger_opening-ledger_now))/2"
        count_bad(
            "Customers whose smaller of both is another", "小さい方が合わない顧客",
            f"ROUND(ledger_retained-{smaller},{digits})<>0",
            (row["retained"] != min(row["opening"], row["now"]) for row in rows),
        )  # fmt: skip
        top, count = self.nrr_rows, len(self.ledger.numbers)
        numbers = f"{self._ref('nrr', top, 0)}:$A${top + count}"
        labels = f"{self._ref('nrr', top, 2)}:$C${top + count}"
        for kind in (*SEGMENT_NAMES, *(f"month_{kind}" for kind in OF_THE_MONTH)):
            en, ja = SEGMENT_NAMES[kind.removeprefix("month_")]
            month = (", month", " (当月)") if kind.startswith("month_") else ("", "")
            names = (
                f"Customers whose {en.lower()}{month[0]} is not its number's",
                f"{ja}{month[1]}と番号が合わない顧客",
            )
            if rows:
                count_bad(*names, f"NOT(EXACT(LOOKUP(ledger_no_{kind},{numbers},{labels}),ledger_{kind}))", [])

    def _control(self) -> None:
        metrics = self.figures.metrics
        lost, churn = self.ledger.count(COHORT, LOST), metrics["logo_churn_rate_ttm"][TOTAL]
        self.total |= {"mrr": self.ledger.sum("now"), "paying": self.ledger.count(PAYING), "lost": lost}
        for name, names, expected in (
            ("mrr", ("MRR", "MRR"), metrics["mrr"][TOTAL].numerator),
            ("paying", ("Paying customers", "課金中の顧客数"), metrics["arpa"][TOTAL].denominator),
            ("lost", ("Customers of the cohort without MRR now", "離脱した顧客数"), churn.numerator),
        ):  # fmt: skip
            self._check(*names, self.total[name], expected, "money" if name == "mrr" else "count")
        count = len(self.ledger.rows)
        self._check(
            "Customers in the ledger", "顧客台帳の行数", Cell("=COUNTA(ledger_account_id)", count), count, "count"
        )
        self._row_checks()
        head = [
            ("No.", "番号"), ("Control", "検証"), "", ("By formula", "数式による値"), ("Expected", "期待値"),
            ("Difference", "差"), STATUS,
        ]  # fmt: skip
        self._begin("control", [6, 44, 36, 18, 18, 14, 9], 1, head)
        for row, control in enumerate(self.controls, start=FIRST):
            ours, theirs = xl_rowcol_to_cell(row, 3), xl_rowcol_to_cell(row, 4)
            self._put("control", row, 0, row - FIRST + 1, "number")
            self._put("control", row, 1, control.name_en)
            self._put("control", row, 2, control.name_ja)
            self._put("control", row, 3, control.cell, control.kind)
            self._put("control", row, 4, control.expected, control.kind)
            both = None not in (control.cell.value, control.expected)
            gap = Decimal(control.cell.value) - Decimal(control.expected) if both else None
            self._put("control", row, 5, Cell(f'=IFERROR({ours}-{theirs},"")', gap), control.kind)
            self._status("control", row, 6, (ours, theirs), self._agree(*control[2:]), control.kind)
        last = FIRST + len(self.controls)
        self._colour("control", 2, 6, last, 6)
        bad = sum(not self._agree(*control[2:]) for control in self.controls)
        self._put("control", 2, 1, "All controls すべての検証", "bold")
        self.overall = Cell(
            f'=IF(COUNTIF($G${FIRST + 1}:$G${last},"OK")={len(self.controls)},"OK","NG")', "NG" if bad else "OK"
        )
        self._put("control", 2, 6, self.overall, "status")

    def _summary(self) -> None:
        metrics = self.figures.metrics
        head = [
            ("Figure", "指標"), "", ("Headline", "代表値"), ("Live, by formula", "現在の値 (数式)"),
            ("Locked at the close", "締め時の値"), ("Live - locked", "差"),
        ]  # fmt: skip
        self._begin("summary", [34, 30, 20, 20, 20, 16], 2, head)
        self._put("summary", 2, 0, "All controls すべての検証", "bold")
        self._put("summary", 2, 2, Cell(f"={self._ref('control', 2, 6)}", self.overall.value), "status")
        self._colour("summary", 2, 2, 2, 2)
        mrr, paying, lost, customers = (self.total[name] for name in ("mrr", "paying", "lost", "customers"))
        live = {
            "nrr": self.total["nrr"], "grr": self.total["grr"], "nrr_strict": self.total["nrr_strict"],
            "nrr_ex_price": self.total["nrr_ex_price"], "grr_strict": self.total["grr_strict"],
            "logo_churn_rate_ttm": self._ratio(
                (lost.formula[1:], lost.value), (customers.formula[1:], customers.value)
            ),
            "mrr": mrr, "arr": Cell(f"=12*{mrr.formula[1:]}", 12 * mrr.value),
            "arpa": self._ratio((mrr.formula[1:], mrr.value), (paying.formula[1:], paying.value)),
        }  # fmt: skip
        for row, (key, cell) in enumerate(live.items(), start=FIRST):
            kind = "money" if key in ("mrr", "arr", "arpa") else "ratio"
            closed = metrics[key][TOTAL].closed_value
            is_empty = metrics[key][TOTAL].headline_value is None
            for column, text in enumerate(self.figures.names[key]):
                self._put("summary", row, column, text, "bold" if key == "nrr" else "text")
            here, locked = xl_rowcol_to_cell(row, 3), xl_rowcol_to_cell(row, 4)
            headline = Cell(f"={here}", cell.value) if closed is None else Cell(f"={locked}", closed)
            gap = None if None in (closed, cell.value) else cell.value - closed
            self._put("summary", row, 2, None if is_empty else headline, kind)
            self.total |= {
                f"{key} headline": Cell(f"={self._ref('summary', row, 2)}", None if is_empty else headline.value),
                f"{key} live": Cell(f"={self._ref('summary', row, 3)}", cell.value),
            }
            self._put("summary", row, 3, cell, kind)
            self._put("summary", row, 4, closed, kind)
            self._put(
                "summary",
                row,
                5,
                Cell(f'=IF({locked}="","",{here}-{locked})', gap),
                {"ratio": "points"}.get(kind, kind),
            )
        row = FIRST + len(live) + 1
        counts = (
            (("Paying customers", "課金中の顧客数"), paying),
            (("Customers with MRR 12 months ago", "12か月前にMRRがあった顧客数"), customers),
            (("Of them without MRR now", "うち現在MRRのない顧客数"), lost),
        )  # fmt: skip
        for at, (names, cell) in enumerate(counts, start=row):
            for column, text in enumerate(names):
                self._put("summary", at, column, text)
            self._put("summary", at, 3, cell, "count")
        row += len(counts) + 1
        facts = (
            ("unexplained", ("Unexplained against invoices", "請求との説明のつかない差"), "money"),
            ("restated", ("Restatements of closed months in the window", "締め済み月の修正件数"), "count"),
        )
        for key, names, kind in facts:
            if key in self.total:
                for column, text in enumerate(names):
                    self._put("summary", row, column, text)
                self._put("summary", row, 3, self.total[key], kind)
                row += 1
        row += 1
        self._put("summary", row, 0, "Sheets シート", "bold")
        for at, (key, (en, ja, says_en, says_ja)) in enumerate(CONTENTS.items(), start=row + 1):
            self.sheets["summary"].write_url(at, 0, f"internal:'{self.names[key]}'!A1", string=f"{en} {ja}")
            self._put("summary", at, 1, says_en, "note")
            self._put("summary", at, 3, says_ja, "note")

    def _sign_off(self) -> None:
        self._begin("sign_off", [30, 30, 26, 20, 44], 0)
        self._put("sign_off", 2, 0, "What is signed 承認の対象", "bold")
        figures, close = self.figures, self.figures.close
        facts = [
            (("Month", "対象月"), figures.month, "month"),
            (("Net revenue retention", "売上継続率"), self.total["nrr headline"], "ratio"),
            (("MRR", "月次経常収益"), self.total["mrr headline"], "money"),
            (("All controls", "すべての検証"), Cell(f"={self._ref('control', 2, 6)}", self.overall.value), "status"),
        ]
        if close:
            self._put("sign_off", 2, 2, "Locked at the close 締め時の値", "bold")
            self._put("sign_off", 2, 3, "Today 現在の値", "bold")
            self._put("sign_off", 4, 3, self.total["nrr live"], "ratio")
            self._put("sign_off", 5, 3, self.total["mrr live"], "money")
            facts += [
                (("Closed by", "締めた人"), close.made_by, "text"),
                (("Approved by", "締めの承認者"), close.approved_by, "text"),
                (("Closed on (UTC)", "締めた日 (UTC)"), close.made_at.date(), "date"),
                (("Data through", "データの到達日"), close.data_through, "date"),
            ]
        signed = close or figures
        facts += [
            (("Data as of", "データ基準日"), signed.as_of_date, "date"),
            (("Policy", "方針の版"), signed.policy_version, "text"),
            (("Build", "ビルド"), signed.build_id, "text"),
        ]
        for row, (names, value, style) in enumerate(facts, start=3):
            for column, text in enumerate(names):
                self._put("sign_off", row, column, text)
            self._put("sign_off", row, 2, value, style)
        self._colour("sign_off", 3, 2, 3 + len(facts), 2)
        row = 4 + len(facts)
        self._heads(
            "sign_off",
            row,
            [("Role", "役割"), ("Name", "氏名"), ("Signature", "署名"), ("Date", "日付"), ("Remarks", "備考")],
        )
        for at, names in enumerate(
            (("Prepared by", "作成"), ("Reviewed by", "確認"), ("Approved by", "承認")), start=row + 1
        ):
            self.sheets["sign_off"].set_row(at, 40)
            self._put("sign_off", at, 0, "\n".join(names), "box")
            for column in range(1, 5):
                self._put("sign_off", at, column, None, "box")
