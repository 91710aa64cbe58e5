"""The finance workbook: its formulas, their values, what the warehouse says, and what shows when a row is altered."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

import duckdb
import openpyxl
import pytest
from builders import Settings, Warehouse, World, inventions
from openpyxl.workbook import Workbook

from orchestration.closing import close as closing
from orchestration.closing import store as state
from orchestration.publication import history
from orchestration.reports.finance.figures import Figures, Metric, months_to_write, read
from orchestration.reports.finance.labels import CLASSES, COLUMNS
from orchestration.reports.finance.workbook import WorkbookError, write_workbook, write_workbooks

G1 = Path(__file__).resolve().parents[2] / "golden" / "g1"
MODELS = (
    "metric_values", "metric_catalog", "mrr_waterfall", "nrr_bridge", "nrr_sensitivity", "fct_retention_account_months",
    "dim_account_months", "publication",
)  # fmt: skip
FIRST = 6  # row of a sheet's first figures
AS_OF = date(2025, 7, 20)
# What people call their customers and industries: none of it may become a formula, a criterion or a link.
NAMES = ('=HYPERLINK("http://example.com","x")', "+1+1", "@sum", "-2", "http://example.com", "1e3", "名前\n二行", "'")
INDUSTRIES = (">0", "*", "=1", "retail", "Retail", "RETAIL", "1", "?etail", "~", "<>")


def figures_of(world: World, month: date) -> Figures:
    return read(world.connection, month)


def complete_months(world: World) -> list[date]:
    return [month for (month,) in world.query("select month from marts.dim_months where is_complete_month order by 1")]


@pytest.fixture(scope="module")
def golden(warehouse: Warehouse) -> World:
    return warehouse.build_folder(G1 / "raw", Settings(date(2025, 12, 31)), MODELS)


@pytest.fixture(scope="module", params=["JPY", "USD"])
def crooked(request: pytest.FixtureRequest, warehouse: Warehouse) -> World:
    """A company made up at random, with rates that change, pauses, and names as people write them."""
    settings = Settings(AS_OF, currency=request.param, policy=inventions.SMALL_POLICY)
    random = Random(5)
    tables = inventions.invent(random, settings, 40)
    for row in tables["accounts"]:
        row["account_name"] = random.choice(NAMES)
        row["industry"] = random.choice(INDUSTRIES)
    return warehouse.build(tables, settings, MODELS)


@pytest.fixture(scope="module")
def december(golden: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of the golden year."""
    file = tmp_path_factory.mktemp("workbook") / "keizoku-2025-12.xlsx"
    write_workbook(figures_of(golden, date(2025, 12, 1)), file)
    return file


def sheet(book: Workbook, name: str):
    """Give a sheet by the English half of its name."""
    return next(page for page in book if page.title.split(" ")[0] == name)


def cells(book: Workbook) -> Iterator[tuple[str, str, object]]:
    for page in book:
        for row in page.iter_rows():
            for cell in row:
                if cell.value is not None:
                    yield page.title, cell.coordinate, cell.value


def controls(file: Path) -> dict[str, tuple]:
    """Give what each control says: by formula, expected, OK or NG."""
    page = sheet(openpyxl.load_workbook(file, data_only=True), "Control")
    rows = page.iter_rows(min_row=FIRST, max_col=7, values_only=True)
    return {name: (ours, expected, word) for number, name, _, ours, expected, _, word in rows if number}


def statuses(file: Path) -> set[str]:
    book = openpyxl.load_workbook(file, data_only=True)
    return {value for _, _, value in cells(book) if value in ("OK", "NG")}


# An own reading of the formulas that add the ledger up


def ledger(book: Workbook) -> dict[str, list]:
    page = sheet(book, "Ledger")
    columns = list(page.iter_cols(min_row=FIRST, values_only=True))
    return {f"ledger_{name}": list(column) for name, column in zip(COLUMNS, columns, strict=True)}


AGGREGATE = re.compile(r"(SUM|SUMIFS|COUNTIFS)\(([^()]*)\)")


def evaluated(formula: str, page, columns: dict[str, list]) -> Decimal:
    """Evaluate a formula that adds sums over the ledger up; criteria are ">0", 0 and the number in a cell."""

    def amount(match: re.Match) -> str:
        function, (*arguments,) = match[1], match[2].split(",")
        summed = None if function == "COUNTIFS" else columns[arguments.pop(0)]
        held = [True] * len(columns["ledger_account_id"])
        for name, criterion in zip(arguments[::2], arguments[1::2], strict=True):
            if criterion == '">0"':
                held = [was and value > 0 for was, value in zip(held, columns[name], strict=True)]
            else:
                wanted = 0 if criterion == "0" else page[criterion.replace("$", "")].value
                held = [was and value == wanted for was, value in zip(held, columns[name], strict=True)]
        if summed is None:
            return str(sum(held))
        return str(sum(Decimal(str(value)) for was, value in zip(held, summed, strict=True) if was))

    text = AGGREGATE.sub(amount, formula.removeprefix("="))
    assert re.fullmatch(r"[-+0-9.E]+", text), formula
    return sum(Decimal(term) for term in re.findall(r"[-+]?[0-9.]+", text.replace("--", "+").replace("+-", "-")))


def sums_over_the_ledger(book: Workbook) -> Iterator[tuple]:
    for page in book:
        for row in page.iter_rows():
            for cell in row:
                is_formula = isinstance(cell.value, str) and cell.data_type == "f"
                if is_formula and re.fullmatch(r"=((SUM|SUMIFS|COUNTIFS)\(ledger_[^()]*\)-?)+", cell.value):
                    yield page, cell


# Values


def assert_agrees(world: World, month: date, file: Path) -> None:
    """Hold every control of a month's workbook, as it was written, against the warehouse."""
    write_workbook(figures_of(world, month), file)
    found = controls(file)
    for name, (ours, expected, word) in found.items():
        assert word == "OK", (month, name)
        if ours in (None, ""):
            assert expected is None, (month, name)
        else:
            assert ours == pytest.approx(expected, abs=1e-9), (month, name)
    assert statuses(file) == {"OK"}
    mrr = world.row("metrics.metric_mrr", month=month, segment_type="total").numerator
    assert Decimal(str(found["MRR"][0])) == mrr


def test_every_month_of_the_golden_year_agrees_with_the_warehouse(golden, tmp_path):
    months = complete_months(golden)
    assert len(months) == 13
    for month in months:
        assert_agrees(golden, month, tmp_path / f"{month}.xlsx")


def test_a_crooked_company_agrees_with_the_warehouse(crooked, tmp_path):
    months = complete_months(crooked)
    assert len(months) > 12
    for month in months[::-5]:
        assert_agrees(crooked, month, tmp_path / f"{month}.xlsx")


def test_the_year_reads_as_it_was_worked_out_by_hand(december):
    found = controls(december)
    assert (found["NRR"][0], found["GRR"][0]) == (pytest.approx(570 / 700), pytest.approx(530 / 700))
    assert [found[f"Bridge: {line}"][0] for line in ("Opening MRR", "Expansion", "Churn", "MRR now of the cohort")] == [
        700_000, 70_000, 250_000, 570_000,
    ]  # fmt: skip
    rows = sheet(openpyxl.load_workbook(december, data_only=True), "Sensitivity").iter_rows(min_row=FIRST, max_col=5)
    rates = {row[0].value: round(row[4].value, 4) for row in rows if row[0].value}
    assert rates["Headline NRR"] == 0.8143
    assert rates["Plain roll-forward"] == 0.6714
    assert rates["Roll-forward, with reactivation"] == 0.7857
    assert rates["Compounded"] == 0.7256
    assert rates["Compounded, with reactivation"] == 0.8097


def test_sums_over_the_ledger_are_formulas_whose_values_are_right(crooked, tmp_path):
    file = tmp_path / "crooked.xlsx"
    write_workbook(figures_of(crooked, complete_months(crooked)[-1]), file)
    written, shown = openpyxl.load_workbook(file), openpyxl.load_workbook(file, data_only=True)
    columns, seen = ledger(shown), 0
    for page, cell in sums_over_the_ledger(written):
        value = shown[page.title][cell.coordinate].value
        assert float(evaluated(cell.value, shown[page.title], columns)) == pytest.approx(value, abs=1e-6), cell
        seen += 1
    assert seen > 300
    assert sum(isinstance(value, str) and value.startswith("=SUMIFS") for _, _, value in cells(written)) > 200


def test_a_ledger_row_that_is_altered_moves_a_sum_away_from_what_the_warehouse_says(december):
    """Every number of the ledger, by the smallest amount: LibreOffice says the same in the slow tests."""
    written, shown = openpyxl.load_workbook(december), openpyxl.load_workbook(december, data_only=True)
    columns = ledger(shown)
    formulas = [(shown[page.title], cell.value) for page, cell in sums_over_the_ledger(written)]
    before = [evaluated(formula, page, columns) for page, formula in formulas]
    for name, (_, _, kind) in COLUMNS.items():
        if kind != "text":
            altered = {key: list(values) for key, values in columns.items()}
            altered[f"ledger_{name}"][0] += 1
            assert [evaluated(formula, page, altered) for page, formula in formulas] != before, name


def test_a_workbook_that_contradicts_the_warehouse_is_not_written(golden, tmp_path):
    figures = figures_of(golden, date(2025, 12, 1))
    nrr = figures.metrics["nrr"]["total", "total"]
    wrong = replace(
        figures, metrics=figures.metrics | {"nrr": {("total", "total"): nrr._replace(numerator=nrr.numerator + 1)}}
    )
    file = tmp_path / "wrong.xlsx"
    with pytest.raises(WorkbookError, match=r"2025-12 contradicts the warehouse: .*MRR now"):
        write_workbook(wrong, file)
    assert not file.exists()


def test_a_closed_month_headlines_what_was_locked(golden, tmp_path):
    figures = figures_of(golden, date(2025, 12, 1))
    metrics = {
        key: {segment: metric._replace(closed_value=metric.value) for segment, metric in rows.items()}
        for key, rows in figures.metrics.items()
    }
    locked: Metric = metrics["nrr"]["total", "total"]._replace(closed_value=Decimal("0.8"))
    metrics["nrr"]["total", "total"] = locked
    file = tmp_path / "closed.xlsx"
    write_workbook(replace(figures, is_closed=True, metrics=metrics), file)
    page = sheet(openpyxl.load_workbook(file, data_only=True), "Summary")
    assert [round(cell.value, 4) for cell in page[FIRST][2:6]] == [0.8, 0.8143, 0.8, 0.0143]
    assert "closed" in page["A2"].value


# Tie-outs and restatements


def test_tie_outs_add_the_customers_up_class_by_class_and_say_what_is_beyond_tolerance(golden, tmp_path):
    figures = figures_of(golden, date(2025, 12, 1))
    customers = [
        ("a", "=A1", "invoiced", Decimal(700_000), None),
        ("a", "=A1", "timing", Decimal(-50_000), None),
        ("b", "B", "unexplained", Decimal(123_456), None),
        ("c", "C", "unexplained", Decimal(-113_456), "agreed (a manager)"),
    ]
    totals = dict.fromkeys(CLASSES, Decimal(0)) | {
        "invoiced": Decimal(700_000),
        "timing": Decimal(-50_000),
        "unexplained": Decimal(10_000),
        "mrr": Decimal(660_000),
    }
    revenue = [("JPY", 660_000, 650_000, 10_000, 3300, False), ("total", 660_000, 650_000, 10_000, 3300, True)]
    reported = [("nrr", "ratio", Decimal("0.8143"), Decimal("0.8"), Decimal("0.0143"), Decimal("0.00005"), True, "CFO")]
    tied = replace(
        figures,
        invoice_classes=totals,
        invoice_customers=customers,
        invoice_tolerance=Decimal(100_000),
        revenue=[tuple(map(_decimal, row)) for row in revenue],
        reported=reported,
    )
    file = tmp_path / "tied.xlsx"
    write_workbook(tied, file)
    page = sheet(openpyxl.load_workbook(file, data_only=True), "Tie-outs")
    rows = {row[0]: row[3:8] for row in page.iter_rows(max_col=8, values_only=True) if row[0] in CLASSES}
    rows |= {row[1]: row[3:8] for row in page.iter_rows(max_col=8, values_only=True) if row[1]}
    assert rows["Tolerance for what is unexplained"][1:4] == (100_000, None, "BEYOND 超過")
    assert controls(file)["MRR by invoices and classes"] == (660_000, 660_000, "OK")
    assert statuses(file) == {"OK"}
    texts = {value for _, _, value in cells(openpyxl.load_workbook(file, data_only=True))}
    assert {"agreed (a manager)", "=A1", "CFO"} <= texts

    untied = replace(tied, invoice_classes=totals | {"timing": Decimal(-49_999)})
    with pytest.raises(WorkbookError, match="Tie-out to invoices, every class"):
        write_workbook(untied, tmp_path / "untied.xlsx")


def test_restatements_lead_from_what_was_locked_to_what_is_there_now(golden, tmp_path):
    figures = figures_of(golden, date(2025, 12, 1))
    restatements = [
        (date(2025, 12, 1), "a", "A", "backdated_change", Decimal(100_000), Decimal(70_000), Decimal(-30_000), 1, "b1"),
        (date(2024, 12, 1), "b", "B", "late_data", Decimal(0), Decimal(5), Decimal(5), 2, "b1"),
    ]
    closed = replace(figures, is_closed=True, locked_mrr=Decimal(690_000), restatements=restatements)
    file = tmp_path / "closed.xlsx"
    write_workbook(closed, file)
    assert controls(file)["Locked MRR and restatements"] == (660_000, 660_000, "OK")
    page = sheet(openpyxl.load_workbook(file, data_only=True), "Restatements")
    assert [cell.value for cell in page["H"][FIRST - 1 : FIRST + 3]] == [690_000, -30_000, 660_000, 660_000]
    with pytest.raises(WorkbookError, match="Locked MRR and restatements"):
        write_workbook(replace(closed, restatements=restatements[1:]), tmp_path / "silent.xlsx")


def test_a_month_that_moved_since_its_close_shows_both_figures_and_why(company, tmp_path):
    acme = company("2025-02-10", home=tmp_path / "home", build_id="first")
    item = acme.sell("mover", 1000, "2024-01-10")
    acme.sell("busy", 1, "2025-01-25")
    world = acme.build()
    for month in (date(2024, 12, 1), date(2025, 1, 1)):
        signed = closing.Signature("Sato Yui", "Tanaka Ken", "sato")
        closing.lock(world.connection, tmp_path / "home", state.verify(tmp_path / "home"), month, signed, month.max)
    acme.change(item, "2025-01-15", unit_amount=Decimal(1500))
    acme.settings = replace(acme.settings, build_id="second")
    moved = acme.build()
    file = tmp_path / "moved.xlsx"
    write_workbook(figures_of(moved, date(2025, 1, 1)), file)
    assert statuses(file) == {"OK"}
    assert controls(file)["Locked MRR and restatements"] == (1501, 1501, "OK")
    book = openpyxl.load_workbook(file, data_only=True)
    summary = {row[0]: row[2:6] for row in sheet(book, "Summary").iter_rows(max_col=6, values_only=True)}
    assert summary["Monthly recurring revenue"] == (1001, 1501, 1001, 500)
    assert summary["Restatements of closed months in the window"][1] == 1
    (row,) = (row for row in sheet(book, "Restatements").iter_rows(max_col=10, values_only=True) if row[1] == "mover")
    assert row[3:9] == ("Backdated change", "遡及変更", 1000, 1500, 500, 1)
    # What is signed is what was locked, by whom and from which build; today's figure stands beside it.
    signed = {row[0]: row[2:4] for row in sheet(book, "Sign-off").iter_rows(max_col=4, values_only=True)}
    assert signed["What is signed 承認の対象"] == ("Locked at the close 締め時の値", "Today 現在の値")
    assert signed["MRR"] == (1001, 1501)
    assert signed["Net revenue retention"] == (1, 1.5)
    assert (signed["Closed by"][0], signed["Approved by"][0], signed["Build"][0]) == ("Sato Yui", "Tanaka Ken", "first")


def _decimal(value: object) -> object:
    return Decimal(value) if type(value) is int else value


# Texts


def test_a_text_of_the_data_is_a_text_whatever_it_looks_like(crooked, tmp_path):
    file = tmp_path / "crooked.xlsx"
    figures = figures_of(crooked, complete_months(crooked)[-1])
    write_workbook(figures, file)
    page = sheet(openpyxl.load_workbook(file), "Ledger")
    names = {cell.value for cell in page["B"][FIRST - 1 :]}
    assert names == {customer.account_name for customer in figures.customers}
    assert '=HYPERLINK("http://example.com","x")' in names
    texts = [column for column, (_, _, kind) in enumerate(COLUMNS.values()) if kind == "text"]
    for row in page.iter_rows(min_row=FIRST):
        assert all(row[column].data_type == "s" and row[column].hyperlink is None for column in texts)
    assert len({value.casefold() for kind, value in figures.segments if kind == "industry"}) < len(
        [value for kind, value in figures.segments if kind == "industry"]
    )


def test_it_is_formatted_in_the_currency_frozen_and_in_both_languages(december, crooked, tmp_path):
    book = openpyxl.load_workbook(december)
    assert sheet(book, "NRR")["E6"].number_format.startswith("#,##0;")
    for page in book:
        assert re.search("[ぁ-んァ-ン一-龠]", page.title), page.title
        if page.title.split(" ")[0] not in ("Sign-off", "Tie-outs", "Restatements"):
            assert page.freeze_panes is not None, page.title
    figures = figures_of(crooked, complete_months(crooked)[-1])
    file = tmp_path / "crooked.xlsx"
    write_workbook(figures, file)
    places = {"JPY": "#,##0;", "USD": "#,##0.00;"}[figures.currency]
    assert sheet(openpyxl.load_workbook(file), "NRR")["E6"].number_format.startswith(places)


def test_the_same_build_gives_the_same_bytes(golden, tmp_path):
    for name in ("one.xlsx", "two.xlsx"):
        write_workbook(figures_of(golden, date(2025, 12, 1)), tmp_path / name)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


# Companies at the edge


def test_a_young_company_has_a_workbook_too(company, tmp_path):
    acme = company("2025-02-28")
    acme.sell("only", 1000, "2025-01-10")
    write_workbook(figures_of(acme.build(*MODELS), date(2025, 2, 1)), tmp_path / "young.xlsx")
    assert statuses(tmp_path / "young.xlsx") == {"OK"}


def test_a_company_without_customers_has_a_workbook_too(company, tmp_path):
    world = company("2025-02-28").build(*MODELS)
    write_workbook(figures_of(world, date(2025, 2, 1)), tmp_path / "nobody.xlsx")
    assert statuses(tmp_path / "nobody.xlsx") == {"OK"}


def test_only_the_last_complete_month_is_written_and_those_that_are_closed(golden):
    assert months_to_write(golden.connection) == [date(2025, 12, 1)]
    closed = golden.connection.cursor()
    closed.execute("use keizoku")
    closed.execute(
        "begin; update metrics.metric_values set is_closed = true where month in ('2025-10-01', '2024-12-01')"
    )
    try:
        assert months_to_write(closed) == [date(2025, 10, 1), date(2025, 12, 1)]
    finally:
        closed.execute("rollback")


def publication(world: World, published: Path, build_id: str) -> Path:
    """Begin a publication with the tables of a world, stamped with a build."""
    making = history.begin(published, build_id)
    with duckdb.connect(making / history.FILE) as file:
        for schema in ("marts", "metrics", "reconciliation", "audit"):
            file.execute(f"create schema {schema}")
    world.connection.execute(f"attach '{making / history.FILE}' as made")
    for schema, table in world.query(
        "select schema_name, table_name from duckdb_tables() where database_name = 'keizoku' "
        "and schema_name in ('marts', 'metrics', 'reconciliation', 'audit')"
    ):
        world.connection.execute(f"create table made.{schema}.{table} as select * from keizoku.{schema}.{table}")
    world.connection.execute("update made.audit.publication set build_id = $1", [build_id])
    world.connection.execute("update made.metrics.metric_values set is_closed = month <= '2025-11-01'")
    world.connection.execute("detach made")
    return making


def test_a_closed_month_keeps_its_workbook_while_none_of_its_figures_moves(golden, tmp_path):
    published = tmp_path / "published"
    written = []
    for build_id in ("1", "2", "3"):
        making = publication(golden, published, build_id)
        if build_id == "3":
            with duckdb.connect(making / history.FILE) as file:
                file.execute("update marts.dim_accounts set account_name = account_name || ' KK'")
        write_workbooks(making, history.FILE, published / "current")
        history.commit(making, build_id, keep=3)
        folder = published / "finance"
        assert sorted(file.name for file in folder.iterdir()) == [
            f"keizoku-2025-{month:02}.xlsx" for month in range(1, 13)
        ]
        written.append([(folder / f"keizoku-2025-{month}.xlsx").read_bytes() for month in (11, 12)])
    first, second, third = written
    assert second[0] == first[0]
    assert second[1] != first[1]
    assert third[0] != first[0]


# LibreOffice, which is installed where it is missing: only when KEIZOKU_TEST_SLOW is set

if os.environ.get("KEIZOKU_TEST_SLOW"):
    ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""

    def recalculated(folder: Path, files: list[Path]) -> dict[str, Path]:
        """Let LibreOffice compute every formula of some workbooks anew and save them."""
        if not shutil.which("soffice"):
            for arguments in (
                ["update", "-qq"],
                ["install", "-y", "-qq", "--no-install-recommends", "libreoffice-calc"],
            ):
                subprocess.run(["apt-get", *arguments], check=True, capture_output=True)
        profile, saved = folder / "profile", folder / "saved"
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(ALWAYS, encoding="utf-8")
        command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", "xlsx"]
        subprocess.run([*command, "--outdir", saved, *files], check=True, capture_output=True, timeout=600)
        assert sorted(file.name for file in saved.iterdir()) == sorted(file.name for file in files)
        return {file.stem: file for file in saved.iterdir()}

    def test_libreoffice_computes_every_month_as_the_warehouse_does(golden, crooked, tmp_path):
        worlds, files = {"golden": golden, "crooked": crooked}, []
        for name, world in worlds.items():
            for month in complete_months(world):
                files.append(tmp_path / f"{name}-{month:%Y-%m}.xlsx")
                write_workbook(figures_of(world, month), files[-1])
        computed = recalculated(tmp_path, files)
        for file in files:
            assert statuses(computed[file.stem]) == {"OK"}, file.stem
            for name, (ours, expected, _) in controls(computed[file.stem]).items():
                if ours not in (None, ""):
                    assert ours == pytest.approx(expected, abs=1e-6), (file.stem, name)
            written = openpyxl.load_workbook(file, data_only=True)
            shown = openpyxl.load_workbook(computed[file.stem], data_only=True)
            for title, place, value in cells(written):
                found = shown[title][place].value
                if isinstance(value, float | int):
                    assert found == pytest.approx(value, abs=1e-6), (file.stem, title, place)

    def test_libreoffice_says_ng_when_one_cell_of_the_ledger_is_altered(golden, tmp_path):
        original, altered = tmp_path / "original.xlsx", {}
        write_workbook(figures_of(golden, date(2025, 12, 1)), original)
        for column, (name, (_, _, kind)) in enumerate(COLUMNS.items(), start=1):
            if name not in ("account_id", "account_name"):
                book = openpyxl.load_workbook(original)
                cell = sheet(book, "Ledger").cell(FIRST, column)
                cell.value = "altered" if kind == "text" else cell.value + 1
                altered[name] = tmp_path / f"{name}.xlsx"
                book.save(altered[name])
        computed = recalculated(tmp_path, [original, *altered.values()])
        assert statuses(computed["original"]) == {"OK"}
        for name in altered:
            words = {word for _, _, word in controls(computed[name]).values()}
            assert "NG" in words, name
            page = sheet(openpyxl.load_workbook(computed[name], data_only=True), "Summary")
            assert page["C3"].value == "NG", name
