"""How the workbook's cells are written: styles, heads, formulas with their values, and OK or NG beside them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from orchestration.reports.finance.figures import TOTAL, Figures, Segment
from orchestration.reports.finance.labels import SEGMENT_NAMES, SHEETS
from orchestration.reports.finance.ledger import Cell, Ledger, Slice, Value

LONGEST_TEXT = 32_767  # a cell takes no more
RATIO_DIGITS = 9
HEAD, FIRST = 4, 5  # rows of a sheet's head and of its first figures, counted from 0


class Control(NamedTuple):
    """A figure by formula, and what the warehouse says it is."""

    name_en: str
    name_ja: str
    cell: Cell
    expected: Value
    kind: str


def quotient(above: Value, below: Value) -> Decimal | None:
    """Divide; None where there is nothing to divide by."""
    return Decimal(above) / Decimal(below) if below else None


def value_of(figure: Cell | Value) -> Value:
    """Give the value of a cell, or of a figure itself."""
    return figure.value if isinstance(figure, Cell) else figure


def add_up(signs: dict[str, int], cells: dict[str, str]) -> str:
    """Add cells up with their signs."""
    return "=" + "".join(f"{'+' if sign > 0 else '-'}{cells[line]}" for line, sign in signs.items()).removeprefix("+")


class Pages:
    """One workbook: its styles, its sheets, and how a cell is written and held against the warehouse."""

    def __init__(self, figures: Figures, file: Path) -> None:
        """Begin a workbook with empty sheets."""
        self.figures, self.file = figures, file
        self.ledger = Ledger(figures)
        self.controls: list[Control] = []
        self.total: dict[str, Cell] = {}  # figures of the total that several sheets show
        # What comes from data is a text whatever it looks like: never a formula, a number or a link.
        self.book = xlsxwriter.Workbook(
            file, {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
        )
        self.book.set_properties(
            {
                "title": f"Keizoku {figures.month:%Y-%m}",
                "comments": f"Build {figures.build_id}",
                # No clock: the same build gives the same bytes.
                "created": datetime.combine(figures.as_of_date, time()),
            }
        )
        self.book.set_custom_property("fingerprint", figures.fingerprint)
        places = f".{'0' * figures.digits}" if figures.digits else ""
        money = f"#,##0{places};[Red]-#,##0{places}"
        styles: dict[str, dict[str, Value]] = {
            "text": {},
            "money": {"num_format": money},
            "ratio": {"num_format": "0.00%"},
            "points": {"num_format": "+0.00%;[Red]-0.00%;0.00%"},
            "count": {"num_format": "#,##0"},
            "number": {"num_format": "0", "align": "center"},
            "month": {"num_format": "yyyy-mm", "align": "left"},
            "date": {"num_format": "yyyy-mm-dd", "align": "left"},
            "title": {"bold": True, "font_size": 16},
            "note": {"font_color": "#57606A"},
            "wrapped": {"text_wrap": True, "valign": "top"},
            "bold": {"bold": True},
            "head": {"bold": True, "bg_color": "#DDF4FF", "bottom": 1, "text_wrap": True, "valign": "top"},
            "month head": {"bold": True, "bg_color": "#DDF4FF", "bottom": 1, "num_format": "yyyy-mm", "align": "right"},
            "status": {"bold": True, "align": "center"},
            "sum money": {"num_format": money, "bold": True, "top": 1},
            "sum text": {"bold": True, "top": 1},
            "box": {"border": 1, "text_wrap": True},
        }
        plain = {"font_name": "Yu Gothic", "font_size": 10, "valign": "vcenter"}
        self.styles = {name: self.book.add_format(plain | style) for name, style in styles.items()}
        self.good = self.book.add_format({"font_color": "#1A7F37", "bg_color": "#DAFBE1"})
        self.bad = self.book.add_format({"font_color": "#CF222E", "bg_color": "#FFEBE9"})
        self.names = {key: " ".join(names) for key, names in SHEETS.items()}
        self.sheets = {key: self.book.add_worksheet(name) for key, name in self.names.items()}

    # Cells

    def _put(self, sheet: str, row: int, column: int, value: object, style: str = "text") -> None:
        worksheet, style = self.sheets[sheet], self.styles[style]
        if isinstance(value, Cell):
            shown = "" if value.value is None else value.value
            worksheet.write_formula(
                row, column, value.formula, style, shown if isinstance(shown, str) else float(shown)
            )
        elif value is None:
            worksheet.write_blank(row, column, None, style)
        elif isinstance(value, bool):
            worksheet.write_string(row, column, "yes" if value else "no", style)
        elif isinstance(value, Decimal | int):
            worksheet.write_number(row, column, float(value), style)
        elif isinstance(value, date):
            worksheet.write_datetime(row, column, value, style)
        else:
            worksheet.write_string(row, column, str(value)[:LONGEST_TEXT], style)

    def _ref(self, sheet: str, row: int, column: int) -> str:
        """Name a cell for the formulas of other sheets."""
        return f"'{self.names[sheet]}'!${xl_col_to_name(column)}${row + 1}"

    def _begin(
        self, sheet: str, widths: Iterable[float], frozen_columns: int, head: Iterable[object] = (), height: float = 34
    ) -> None:
        """Write a sheet's title and head, and make it fit a page."""
        worksheet, figures = self.sheets[sheet], self.figures
        self._put(sheet, 0, 0, f"{self.names[sheet]}  {figures.month:%Y-%m}", "title")
        state = "not closed 締め前"
        if figures.is_closed:
            live = "" if sheet in ("summary", "sign_off") else ", figures of today 現在の値"
            state = f"closed 締め済み{live}"
        about = (
            f"{figures.currency} · {state} · as of {figures.as_of_date} {figures.time_zone} · "
            f"policy {figures.policy_version} · build {figures.build_id}"
        )
        self._put(sheet, 1, 0, about, "note")
        for column, width in enumerate(widths):
            worksheet.set_column(column, column, width)
        if head:
            self._heads(sheet, HEAD, head, height)
        worksheet.freeze_panes(FIRST if head else 2, frozen_columns)
        worksheet.set_landscape()
        worksheet.set_paper(9)
        worksheet.fit_to_pages(1, 0)
        worksheet.hide_gridlines(2)
        worksheet.set_footer(f"&L{figures.build_id}&C&A&R&P / &N")

    def _heads(self, sheet: str, row: int, heads: Iterable[object], height: float = 34) -> None:
        self.sheets[sheet].set_row(row, height)
        for column, text in enumerate(heads):
            if isinstance(text, date):
                self._put(sheet, row, column, text, "month head")
            else:
                self._put(sheet, row, column, "\n".join(text) if isinstance(text, tuple) else text, "head")

    def _ratio(self, above: tuple[str, Value], below: tuple[str, Value]) -> Cell:
        """Divide one cell by another, each a reference and its value."""
        return Cell(f'=IF({below[0]}=0,"",({above[0]})/{below[0]})', quotient(above[1], below[1]))

    def _digits(self, kind: str) -> int:
        return {"money": self.figures.digits, "count": 0}.get(kind, RATIO_DIGITS)

    def _agree(self, cell: Cell, expected: Value, kind: str) -> bool:
        ours = None if cell.value == "" else cell.value
        if ours is None or expected is None:
            return ours is expected
        return round(Decimal(ours) - Decimal(expected), self._digits(kind)) == 0

    def _status(self, sheet: str, row: int, column: int, pair: tuple[str, str], is_good: bool, kind: str) -> None:
        """Write OK where two cells, or all cells of two ranges, say the same, else NG."""
        ours, theirs = pair
        if ":" in ours:
            same = f"ROUND(SUMPRODUCT(ABS({ours}-{theirs})),{self._digits(kind)})=0"
        else:  # two empty cells are the same
            same = f"IF({ours}={theirs},TRUE,ROUND({ours}-{theirs},{self._digits(kind)})=0)"
        formula = f'=IFERROR(IF({same},"OK","NG"),"NG")'
        self._put(sheet, row, column, Cell(formula, "OK" if is_good else "NG"), "status")

    def _colour(self, sheet: str, first_row: int, first_column: int, last_row: int, last_column: int) -> None:
        for word, style in (("OK", self.good), ("NG", self.bad)):
            rule = {"type": "cell", "criteria": "==", "value": f'"{word}"', "format": style}
            self.sheets[sheet].conditional_format(first_row, first_column, last_row, last_column, rule)

    def _check(self, name_en: str, name_ja: str, cell: Cell, expected: Value, kind: str = "money") -> None:
        self.controls.append(Control(name_en, name_ja, cell, expected, kind))

    def _check_statuses(self, name_en: str, name_ja: str, sheet: str, cells: str, values: Iterable[bool]) -> None:
        bad = sum(not is_good for is_good in values)
        self._check(name_en, name_ja, Cell(f"=COUNTIF('{self.names[sheet]}'!{cells},\"NG\")", bad), 0, "count")

    def _segment_rows(self, sheet: str, first: int) -> list[tuple[int, Slice | None, Segment]]:
        """Write the number and the name of the total and of every segment."""
        self._put(sheet, first, 1, "Total 合計", "sum text")
        for row, ((kind, value), number) in enumerate(self.ledger.numbers.items(), start=first + 1):
            self._put(sheet, row, 0, number, "number")
            self._put(sheet, row, 1, " ".join(SEGMENT_NAMES[kind]))
            self._put(sheet, row, 2, value)
        return [
            (row, segment and Slice(segment, f"$A{row + 1}"), segment or TOTAL)
            for row, segment in enumerate([None, *self.ledger.numbers], start=first)
        ]

    def _block(
        self, sheet: str, row: int, cells: list[Cell], expected: list[Value], last: int, styles: list[str]
    ) -> bool:
        """Write figures, whether all of them are the warehouse's, and at the right of that the warehouse's."""
        first, theirs = 3, last + 2
        for column, (cell, figure, style) in enumerate(zip(cells, expected, styles, strict=True)):
            self._put(sheet, row, first + column, cell, style)
            self._put(sheet, row, theirs + column, figure, style)
        is_good = all(self._agree(cell, figure, "money") for cell, figure in zip(cells, expected, strict=True))
        ours, others = (
            f"{xl_rowcol_to_cell(row, start)}:{xl_rowcol_to_cell(row, start + len(cells) - 1)}"
            for start in (first, theirs)
        )
        self._status(sheet, row, last + 1, (ours, others), is_good, "money")
        return is_good
