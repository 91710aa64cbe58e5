"""`keizoku ask <name>`: a question of analyses/ answered from the published file; without a name, the list of them."""

import argparse
import csv
import io
import shutil
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

from orchestration.cli.output import complain, say
from orchestration.reports.analyses import Analysis, AnalysisError, Answer, analyses, ask
from orchestration.settings import SettingsError, read_settings

TOTAL = "total"


def main(arguments: list[str]) -> int:
    """Answer a question; 0 when it was answered, 2 when there is none of that name."""
    parser = argparse.ArgumentParser(prog="keizoku ask", description=__doc__)
    parser.add_argument("name", nargs="?", help="which question; without it they are listed")
    parser.add_argument("--csv", action="store_true", help="as CSV, exact and without a total")
    options = parser.parse_args(arguments)
    known = analyses()
    if options.name is None:
        for analysis in known.values():
            say(f"{analysis.name}\n    {analysis.question_en}\n    {analysis.question_ja}")
        say("\nkeizoku ask <name> answers one from the published file; --csv gives it to another program.")
        return 0
    if options.name not in known:
        complain(f"keizoku ask: there is no question {options.name!r}; there are {', '.join(known)}.")
        return 2
    analysis = known[options.name]
    try:
        published = read_settings().published_file
        if not published.is_file():
            complain(f"Nothing is published: there is no {published}. `make run` publishes; KEIZOKU_HOME says where.")
            return 1
        answer = ask(analysis, published)
    except (SettingsError, AnalysisError) as error:
        complain(error)
        return 1
    if options.csv:
        say(as_csv(answer).removesuffix("\n"))
    else:
        say(f"{analysis.question_en}\n{analysis.question_ja}\n")
        say("\n".join(as_text(answer, analysis, shutil.get_terminal_size((160, 24)).columns)))
    return 0


def as_csv(answer: Answer) -> str:
    """An answer as CSV: a header and every row, values as they are published."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(answer.rows)
    return text.getvalue()


def as_text(answer: Answer, analysis: Analysis, width: int) -> Iterator[str]:
    """An answer to read, with every column: a table where the lines fit, else a block a row."""
    if not answer.rows:
        yield "No rows."
        return
    rows = [[_shown(value) for value in row] for row in answer.rows]
    total = _total(answer, analysis.adds_up)
    if total:
        rows.append(total)
    is_number = [all(isinstance(row[place], int | Decimal | None) for row in answer.rows) for place in _places(answer)]
    widths = [max(_width(row[place]) for row in [answer.columns, *rows]) for place in _places(answer)]
    if sum(widths) + 2 * len(widths) <= width:
        for number, line in enumerate([answer.columns, *rows]):
            if total and number == len(rows):
                yield "  ".join("-" * wide for wide in widths)
            cells = zip(line, widths, is_number, strict=True)
            yield "  ".join(_pad(text, wide, to_the_right) for text, wide, to_the_right in cells).rstrip()
    else:
        longest = max(len(column) for column in answer.columns)
        for number, line in enumerate(rows, 1):
            is_total = bool(total) and number == len(rows)
            yield f"{'' if number == 1 else chr(10)}{TOTAL if is_total else f'{number} of {len(answer.rows)}'}"
            for column, text in zip(answer.columns, line, strict=True):
                if not is_total or (text and text != TOTAL):
                    yield f"  {column:<{longest}}  {text}".rstrip()
    yield f"\n{len(answer.rows):,} row{'' if len(answer.rows) == 1 else 's'}"


def _total(answer: Answer, adds_up: tuple[str, ...]) -> list[str] | None:
    """The line that adds up the rows, where something adds up."""
    if not adds_up:
        return None
    line = [""] * len(answer.columns)
    line[0] = TOTAL
    for column in adds_up:
        place = answer.columns.index(column)
        values = [row[place] for row in answer.rows]
        line[place] = _shown(sum((value for value in values if isinstance(value, int | Decimal)), Decimal(0)))
    return line


def _shown(value: object) -> str:
    """A value for people: thousands apart, no zeros behind the last digit, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        whole, _, digits = f"{value:,f}".partition(".")
        digits = digits.rstrip("0")
        return f"{whole}.{digits}" if digits else whole
    return str(value)


def _places(answer: Answer) -> range:
    return range(len(answer.columns))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _pad(text: str, width: int, to_the_right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if to_the_right else text + blanks
