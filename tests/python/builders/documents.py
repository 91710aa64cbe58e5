"""What of the documents is made from something else: figures and tables from the demo, the index from its pages.

A query in a document (a block of SQL, or of Python that asks `.sql(…)`) is run on a published demo, and the table
beneath it is its answer; so is the table beneath a block that says `.venv/bin/keizoku ask <name>`. "The first 6 of 33
rows" above a table says how many of them it shows. Figures inside sentences are described in tests/figures.yml.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import yaml

from orchestration.reports.analyses import analyses, ask

PROJECT = Path(__file__).resolve().parents[3]
INDEX = PROJECT / "DECISIONS.md"
FIGURES = PROJECT / "tests" / "figures.yml"
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])

# Pages of decisions in the order in which they are read, with their Japanese titles.
THEMES = {
    "time-and-customers": "時間と顧客",
    "mrr": "MRR と増減",
    "retention": "継続と解約",
    "ltv": "LTV と獲得費用",
    "surveys": "アンケート",
    "onboarding-and-usage": "オンボーディングと利用",
    "health": "ヘルススコア",
    "finance": "経理との突き合わせ",
    "closing": "月次の締め",
    "acceptance": "元データの受け入れ",
    "proof": "二重計算と公開",
    "operation": "運用",
}

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^\|.*\|\n\|[-:| ]+\|\n(?:\|.*\|\n)*", re.MULTILINE)
SHOWN_OF = re.compile(r"(The first (\d+) of |最初の (\d+) 行（全 )[\d,]+( rows:| 行）：)")


# Decisions


def page(theme: str) -> Path:
    """The page of a theme."""
    return PROJECT / "docs" / "decisions" / f"{theme}.md"


def decisions(theme: str) -> dict[str, str]:
    """Title and text of each decision of a theme."""
    _, *parts = re.split(r"^### (.+)\n", page(theme).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def anchor(title: str) -> str:
    """The address of a heading within its page."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def index_of_decisions() -> str:
    """DECISIONS.md as it should be: its own opening, then every decision under its theme."""
    lines = [INDEX.read_text(encoding="utf-8").partition("\n## ")[0].rstrip()]
    for theme, title_ja in THEMES.items():
        title = page(theme).read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        where = page(theme).relative_to(PROJECT).as_posix()
        lines += ["", f"## [{title}]({where}) {title_ja}", ""]
        lines += [f"- [{decision}]({where}#{anchor(decision)})" for decision in decisions(theme)]
    return "\n".join(lines) + "\n"


# Queries and the tables beneath them


def with_answers(text: str, published: Path) -> str:
    """A document as it should be: each query's table is what the published file answers."""
    made, place = [], 0
    for block in BLOCK.finditer(text):
        answers = [_ask(question, published) for question in _questions(*block.groups())]
        if not answers:
            continue
        beneath = re.split(r"^(?:```|#)", text[block.end() :], maxsplit=1, flags=re.MULTILINE)[0]
        table = TABLE.search(beneath)
        if table is None:
            continue
        columns, rows = answers[-1]
        before = beneath[: table.start()]
        shown = SHOWN_OF.search(before)
        if shown:
            before = SHOWN_OF.sub(rf"\g<1>{len(rows):,}\g<4>", before)
            rows = rows[: int(shown[2] or shown[3])]
        made += [text[place : block.end()], before, _table(columns, rows)]
        place = block.end() + table.end()
    return "".join([*made, text[place:]])


def _questions(language: str, code: str) -> list[str]:
    asked = re.fullmatch(r"\.venv/bin/keizoku ask (\w+)\n", code)
    if asked:
        return [f"ask {asked[1]}"]
    return [code] if language == "sql" else [sql for _, sql in re.findall(r"\.sql\(('''|')(.*?)\1\)", code, re.DOTALL)]


def _ask(question: str, published: Path) -> tuple[list[str], list[tuple]]:
    if question.startswith("ask "):
        answer = ask(analyses()[question.removeprefix("ask ")], published)
        return answer.columns, answer.rows
    with duckdb.connect(str(published), read_only=True) as connection:
        found = connection.execute(question)
        return [column[0] for column in found.description], found.fetchall()


def _table(columns: list[str], rows: list[tuple]) -> str:
    is_number = [
        any(isinstance(row[place], int | float | Decimal) and not isinstance(row[place], bool) for row in rows)
        for place in range(len(columns))
    ]
    return _markdown(columns, is_number, [[_cell(cell) for cell in row] for row in rows])


def _markdown(head: list[str], is_number: list[bool], rows: list[list[str]]) -> str:
    rule = "|".join("--:" if number else "---" for number in is_number)
    body = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"|{'|'.join(f' {name} ' if name else ' ' for name in head)}|\n|{rule}|\n{body}"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        text = f"{value:,f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


# Figures inside sentences


def with_figures(file: Path, text: str, published: Path) -> str:
    """A document as it should be: each sentence of tests/figures.yml holds what the published file says."""
    with duckdb.connect(str(published), read_only=True) as connection:
        for entry in yaml.safe_load(FIGURES.read_text(encoding="utf-8")).get(file.relative_to(PROJECT).as_posix(), []):
            found = connection.execute(entry["sql"])
            names = [column[0] for column in found.description]
            rows = found.fetchall()
            assert len(rows) == 1, f"{entry['sql']}: {len(rows)} rows"
            for sentence in entry["says"]:
                text = _put(text, sentence, dict(zip(names, rows[0], strict=True)), file)
    return text


def _put(text: str, sentence: str, figures: dict[str, object], file: Path) -> str:
    pieces = re.split(r"\{[^}]+\}", sentence)
    pattern = r"\S+?".join(re.escape(piece) for piece in pieces)
    assert len(re.findall(pattern, text)) == 1, f"{file.name} does not hold once: {sentence}"
    return re.sub(pattern, lambda _: sentence.format(**figures), text)


# The headline table of the READMEs


def with_headlines(text: str, printed: str) -> str:
    """A README as it should be: its first table is what `make run` printed."""
    head, *lines = re.search(r"^ +\d{4}-\d\d.*\n(?:.+\n)+", printed, re.MULTILINE)[0].splitlines()
    rows = [re.split(r" {2,}", line.strip()) for line in lines]
    made = _markdown(["", "", *head.split()], [False, False, True, True], rows)
    return TABLE.sub(lambda _: made, text, count=1)


def as_it_should_be(file: Path, demo: Path) -> str:
    """A document with every figure as the published demo has it."""
    published = demo / "home" / "published" / "keizoku.duckdb"
    steps: list[Callable[[str], str]] = [
        lambda text: with_answers(text, published),
        lambda text: with_figures(file, text, published),
    ]
    if file.name.startswith("README"):
        steps.append(lambda text: with_headlines(text, (demo / "output.txt").read_text(encoding="utf-8")))
    text = file.read_text(encoding="utf-8")
    for step in steps:
        text = step(text)
    return text
