"""Small wrong changes of the SQL and of the second opinion, and who notices them.

A mutant is a model or a module of `orchestration/recompute` with one operator, branch, join or constant changed. It is
built in companies made up at random. A refresh notices it when SQL and Python come to differ, when a data test fails
that held before, or when it cannot be built.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Timer

from builders import identities, inventions
from builders.company import Company
from builders.dirt import COUNTS, invent_dirty
from builders.warehouse import PROJECT, Judged, Settings, Warehouse, World, compiled, seeds_with
from orchestration.closing import close as closing
from orchestration.closing import store as state
from orchestration.recompute.sample import chosen
from orchestration.warehouse.manifest import PRIVATE_GRAINS

LONGEST = 60  # seconds that a mutant may take in one company
LAYERS = ("staging", "core", "intermediate", "marts", "metrics", "reconciliation", "audit")
LARGEST = "crooked"  # of the companies: most is noticed there
COMPARISON = ("recomputed_differences", "recomputed_coverage", "recomputed_metric_differences")
RECOMPUTE = PROJECT / "orchestration" / "recompute"
# Kept whole: templates, comments, texts, types, and pairs that belong to `between`.
KEPT = r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|--[^\n]*|'(?:[^']|'')*'|decimal\(\d+, ?\d+\)|between\s.*?\sand\s"
CHANGES = {
    r"<=": "<", r">=": ">", r"<>": "=", r"(?<![<>!])=": "<>", r"<(?![=>])": "<=", r"(?<![<-])>(?!=)": ">=",
    r"\band\b": "or", r"\bor\b": "and", r"\bleft join\b": "inner join", r"\bfull outer join\b": "left join",
    r"\bsum(?=\()": "max", r"\bmax(?=\()": "min", r"\bmin(?=\()": "max", r"\bis not null\b": "is null",
    r"\bis null\b": "is not null", r"\basc\b": "desc", r"\bdesc\b": "asc", r"\btrue\b": "false", r"\bfalse\b": "true",
    r"\bwhen(?= )": "when not", r"(?<= )\+(?= )": "-", r"(?<= )-(?= )": "+", r"(?<= )(?<!select )\*(?= )": "+",
}  # fmt: skip
SITE = re.compile(
    f"(?P<kept>{KEPT})|(?P<number>(?<![\\w.])\\d+(?![\\w.]))|"
    + "|".join(f"(?P<change{index}>{pattern})" for index, pattern in enumerate(CHANGES)),
    re.DOTALL,
)
OPPOSITES = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A file of the project with one piece of it changed."""

    file: str
    line: int
    was: str
    text: str

    @property
    def name(self) -> str:
        """The model, or the module of the second opinion."""
        return Path(self.file).stem

    @property
    def change(self) -> str:
        """What it says now: the line of a model, or the piece of a module before and after."""
        return self.text.splitlines()[self.line - 1].strip() if self.file.endswith(".sql") else self.was

    def __str__(self) -> str:
        """Say what was changed where."""
        return f"{self.file}:{self.line}: {self.change}"

    def write(self, project: Path) -> None:
        """Change the file in a copy of the project."""
        (project / self.file).write_text(self.text, encoding="utf-8")


def sql_mutants(file: Path) -> Iterator[Mutant]:
    """Give every mutant of a model, its templates left as they are."""
    text = file.read_text(encoding="utf-8")
    for site in SITE.finditer(text):
        kind = site.lastgroup
        if kind == "kept":
            continue
        was = site.group()
        now = str(int(was) + 1) if kind == "number" else list(CHANGES.values())[int(kind.removeprefix("change"))]
        changed = text[: site.start()] + now + text[site.end() :]
        yield Mutant(str(file.relative_to(PROJECT)), text.count("\n", 0, site.start()) + 1, f"{was} -> {now}", changed)


def python_sites(file: Path) -> list[int]:
    """Give the pieces of a module that can be changed, numbered as the tree is walked."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [place for place, node in enumerate(ast.walk(tree)) if _is_changeable(node)]


def python_mutant(file: Path, place: int) -> Mutant:
    """Give the mutant of a module in which one piece is changed."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    node = next(node for at, node in enumerate(ast.walk(tree)) if at == place)
    said = ast.unparse(node)
    if isinstance(node, ast.Compare):
        node.ops[0] = OPPOSITES[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.BoolOp):
        node.op = OPPOSITES[type(node.op)]()
    elif isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
    elif isinstance(node, ast.Call):
        node.func.id = {"min": "max", "max": "min"}[node.func.id]
    else:
        node.value += 1
    change = f"{said} -> {ast.unparse(node)}"
    return Mutant(str(file.relative_to(PROJECT)), getattr(node, "lineno", 1), change, ast.unparse(tree))


def of_file(file: Path) -> list[Mutant]:
    """Give every mutant of a model or of a module of the second opinion."""
    if file.suffix == ".sql":
        return list(sql_mutants(file))
    return [python_mutant(file, place) for place in python_sites(file)]


def _is_changeable(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        return type(node.ops[0]) in OPPOSITES
    if isinstance(node, ast.BinOp | ast.BoolOp):
        return type(node.op) in OPPOSITES
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") in ("min", "max")
    return isinstance(node, ast.IfExp) or (isinstance(node, ast.Constant) and type(node.value) is int)


def drawn(seed: int, sql: int, python: int) -> list[Mutant]:
    """Draw mutants, each of another model, some of every layer, and of modules of the second opinion.

    What is drawn of a file depends on that file alone, so that a change elsewhere leaves the others as they were.
    """

    def order(file: Path) -> str:
        return sha256(f"{seed} {file.relative_to(PROJECT)}".encode()).hexdigest()

    first, others = [], []
    folders = (PROJECT / "models", PROJECT / "macros")
    read = "".join(file.read_text(encoding="utf-8") for folder in folders for file in folder.rglob("*.sql"))
    for layer in LAYERS:
        files = [file for file in (PROJECT / "models" / layer).rglob("*.sql") if file.stem not in COMPARISON]
        if layer == "staging":  # a raw table that no model reads yet
            files = [file for file in files if f"ref('{file.stem}')" in read]
        files = sorted((file for file in files if next(sql_mutants(file), None)), key=order)
        first.append(files[0])
        others += files[1:]
    chosen = [*first, *sorted(others, key=order)][:sql]
    found = [Random(order(file)).choice(list(sql_mutants(file))) for file in chosen]
    sites = {file: python_sites(file) for file in RECOMPUTE.rglob("*.py")}
    modules = sorted((file for file, places in sites.items() if places), key=order)
    for number in range(python):
        file = modules[number % len(modules)]
        places = Random(order(file)).sample(sites[file], len(sites[file]))
        found.append(python_mutant(file, places[number // len(modules) % len(places)]))
    return found


@dataclass
class Ground:
    """A company on which mutants are tried, with what its data tests say of the honest project."""

    name: str
    judged: Judged
    world: World
    expected: dict[str, list[tuple]]
    honest: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)


class Bench:
    """Tries mutants on companies made up at random: crooked ones, with closed months, dirty, sampled."""

    def __init__(self, warehouse: Warehouse, folder: Path, customers: int = 200) -> None:
        """Build the companies with the honest project."""
        self.warehouse, self.folder = warehouse, folder
        self.nodes = {node["name"]: node for node in warehouse.models}
        self._reads = {
            node["name"]: set(node["depends_on"]["nodes"])
            for node in warehouse.tests
            if node["name"] in warehouse.data_tests and PRIVATE_GRAINS not in node["tags"]
        }
        # Who notices most is asked first.
        self.grounds = [self._crooked(customers), self._edges(), self._closed(), self._dirty(), self._sampled()]

    def _ground(self, name: str, judged: Judged, expected: dict[str, list[tuple]] | None = None) -> Ground:
        ground = Ground(name, judged, self.warehouse.build_judged(judged), expected or {})
        ground.honest = self._failing(ground, set(self._reads))
        ground.broken = self._broken(ground)
        return ground

    def _edges(self) -> Ground:
        """Customers told one by one, each for what seldom comes about at random."""
        told = Company(self.warehouse, "2025-04-15", policy=inventions.SMALL_POLICY)
        # Its discount alone changes, and it uses the product on the as-of day alone.
        yearly = {"billing_interval": "year", "discount_kind": "recurring", "discount_amount": 100}
        told.change(told.sell("acme", 1000, "2025-01-10", **yearly), "2025-03-05", discount_amount=118)
        told.use("acme", "2025-04-15 03:00")
        # The least that a customer can pay, until after the as-of date; it uses the product on the first day of those
        # that count at a month's end.
        told.sell("least", 1, "2023-06-01", "2025-06-20")
        told.use("least", "2024-12-04 12:00")
        # Nobody else is there yet when it asks for help.
        told.add("support_tickets", account_id="least", opened_at="2024-03-10 10:00", resolved_at="2024-03-12 10:00")
        # The least, nothing and much in the months of one quarter.
        told.sell("grown", 1, "2024-10-05", "2024-11-10")
        told.sell("grown", 10**7, "2024-12-05")
        # Prices of twelve decimals, of very many units.
        told.sell("many", "0.000099999999", "2024-06-01", quantity=10**13)
        told.sell("more", "0.000100000001", "2024-06-01", quantity=10**12)
        # Its price is nothing, in one of the plan rates.
        told.sell("faint", "0.01", "2024-06-01", "2024-12-20", currency="USD")
        for month, rate in (("2024-06", 100), ("2024-09", 10), ("2024-12", 100)):
            told.add("exchange_rates", base_currency="USD", rate_date=f"{month}-01", rate=rate)
        # Invoices: paid long after they were due; paid, nobody knows when.
        told.sell("late", 5000, "2024-06-01")
        told.sell("undated", 5000, "2024-06-01")
        due = {"issued_at": "2024-11-01", "due_at": "2024-11-30", "status": "paid"}
        told.add("invoice_lines", account_id="late", paid_at="2025-02-10", **due)
        told.add("invoice_lines", account_id="undated", **due)
        # Credited in part, and adjusted twice in that month.
        item = told.sell("credited", 1000, "2024-06-01")
        billed = {"account_id": "credited", "subscription_item_id": item, "issued_at": "2025-02-01"}
        billed |= {"service_from": "2025-02-01", "service_to": "2025-02-28"}
        line = told.add("invoice_lines", amount_ex_tax=1000, **billed)["invoice_line_id"]
        told.add("invoice_lines", amount_ex_tax=-400, credit_note_of=line, **billed)
        for amount in (-100, -50):
            told.add(
                "manual_adjustments", account_id="credited", period="2025-02-01", amount=amount, currency="JPY",
                reason="Agreed", approved_by="Somebody",
            )  # fmt: skip
        # One item is held and not billed, another one of its family billed and not held.
        told.sell("swapped", 1000, "2024-06-01")
        left = told.sell("swapped", 1000, "2024-06-01", "2024-12-31")
        told.add(
            "invoice_lines", amount_ex_tax=1000, **billed | {"account_id": "swapped", "subscription_item_id": left}
        )
        # Gone in a month of which margin and cost are known, as they are not of earlier ones.
        told.sell("gone", 5000, "2024-06-01", "2025-03-10")
        for month in ("2024-12", "2025-01", "2025-02", "2025-03"):
            margin = {"gross_margin_rate": "0.65125", "sales_and_marketing_cost": 1234}
            told.add("unit_economics", period=f"{month}-01", **margin)
        for month in ("2025-02", "2025-03"):
            told.add(
                "revenue_ledger", period=f"{month}-01", ledger_account="4100 subscription revenue", currency="JPY",
                amount=5000,
            )  # fmt: skip
        # Signed, but not begun; and a version that lasted no time in the last minute of a month.
        told.sell("soon", 1, "2025-05-01", recorded_at="2025-04-01")
        moment = {"valid_from": "2025-01-31 23:59:30", "valid_to": "2025-01-31 23:59:30"}
        told.item(told.subscription("brief", "2024-06-01"), 500, **moment)
        # Looked after by one person, and by another for no time at all.
        told.add("csm_assignments", account_id="late", csm_id="sato", valid_from="2024-01-01")
        moment = {"valid_from": "2024-11-01", "valid_to": "2024-11-01"}
        told.add("csm_assignments", account_id="late", csm_id="kato", **moment)
        # What is read with an opinion.
        told.item(told.subscription("brief", "2024-06-01", status="paused", subscription_id="paused"), 500)
        heir = told.subscription("brief", "2024-06-01", replaces_subscription_id="nobody")
        told.item(heir, 500)
        told.add("subscription_replacements", subscription_id="paused", replaces_subscription_id="nothing")
        warned = [
            ("subscription_replacements", "paused | nothing", "unknown_replaced_subscription"),
            ("subscriptions", heir, "unknown_replaced_subscription"),
            ("subscriptions", "paused", "paused_without_pause"),
        ]
        judged = self.warehouse.judge(told.tables, told.settings, self.folder / "edges")
        expected = {
            "select table_name, row_key, warning from audit.row_warnings": warned,
            "select table_name, row_key, rule from audit.quarantined_rows": [],
        }
        return self._ground("edges", judged, expected)

    def _crooked(self, customers: int) -> Ground:
        settings = Settings(date(2025, 7, 20), policy=inventions.SMALL_POLICY, delivered_at=datetime(2025, 7, 21))
        rows = inventions.invent(Random(0), settings, customers)
        return self._ground(LARGEST, self.warehouse.judge(rows, settings, self.folder / "crooked"))

    def _sampled(self) -> Ground:
        policy = inventions.SMALL_POLICY | {"recompute_all_accounts": 3, "recompute_sample_customers": 6}
        settings = Settings(date(2025, 6, 15), policy=policy)
        rows = inventions.invent(Random(4), settings, 12)
        # Every event of the sample comes back later with a customer outside of it, and counts there alone.
        roots = {
            row["account_id"] for row in rows["accounts"] if not row["parent_account_id"] and not row["is_internal"]
        }
        sampled = chosen(roots, int(policy["recompute_sample_customers"]))
        theirs = [row for row in rows["usage_events"] if row["account_id"] in sampled]
        outside = {"account_id": min(roots - sampled), "_updated_at": "2025-01-01 00:00:00"}
        rows["usage_events"] += [row | outside for row in theirs]
        return self._ground("sampled", self.warehouse.judge(rows, settings, self.folder / "sampled"))

    def _closed(self) -> Ground:
        random, home = Random(0), self.folder / "home"
        home.mkdir(parents=True)
        settings = Settings(date(2025, 5, 20), policy=inventions.SMALL_POLICY, home=home)
        rows = inventions.invent(random, settings, 12)
        # One has ended, and its renewal is heard of when the month in between is closed.
        told = Company(self.warehouse, "2025-05-20")
        ended = told.subscription("bridge", "2025-01-05", "2025-04-10", subscription_id="ended")
        told.item(ended, 400, item_version_id="ended")
        world = self.warehouse.build(_together(rows, told), settings)
        world.connection.execute(
            "update reconciliation.mrr_to_invoices set is_breach = false; "
            "update reconciliation.mrr_to_revenue set is_breach = false; "
            "update reconciliation.reported_metric_differences set is_breach = false"
        )
        signed = closing.Signature("Sato Yui", "Tanaka Ken", "sato")
        for month in (date(2025, 2, 1), date(2025, 3, 1), date(2025, 4, 1)):
            closing.lock(world.connection, home, state.verify(home), month, signed, date(2100, 1, 1))
        inventions.disturb(random, rows)
        renewal = told.subscription("bridge", "2025-05-05", subscription_id="renewal", replaces_subscription_id=ended)
        told.item(renewal, 400, item_version_id="renewal")
        settings = Settings(date(2025, 6, 20), policy=inventions.SMALL_POLICY, home=home)
        judged = self.warehouse.judge(_together(rows, told), settings, self.folder / "closed")
        return self._ground("closed", judged)

    def _dirty(self) -> Ground:
        random = Random(0)
        dirty = invent_dirty(random, inventions.invent_settings(random), 20)
        judged = self.warehouse.judge(dirty.raw(), dirty.settings, self.folder / "dirty")
        counted = f"select {COUNTS} from audit.row_counts order by table_name"
        quarantined = "select table_name, row_key, rule from audit.quarantined_rows order by all"
        return self._ground(
            "dirty", judged, {counted: dirty.counts(), quarantined: sorted(dirty.quarantine().elements())}
        )

    def _failing(self, ground: Ground, tests: set[str]) -> set[str]:
        """Give the checks of a refresh that do not hold: the comparison, and of these data tests."""
        sqls = {name: sql for name, sql in self.warehouse.data_tests.items() if name in tests}
        failing = {name for name, sql in sqls.items() if ground.world.query(f"select 1 from ({sql}) limit 1")}
        if ground.world.query("select 1 from reconciliation.recomputed_differences limit 1"):
            failing.add("sql_and_python_agree")
        return failing

    def _broken(self, ground: Ground) -> set[str]:
        """Give the sentences of the Python tests on such companies that do not hold."""
        broken = {sentence for sentence in identities.IDENTITIES if identities.breaks(ground.world, sentence)}
        return broken | {
            query
            for query, rows in ground.expected.items()
            if sorted(map(str, ground.world.query(query))) != sorted(map(str, rows))
        }

    def write_build(self, file: Path) -> None:
        """Write the largest company, as the honest project has built it, to a file."""
        (ground,) = (ground for ground in self.grounds if ground.name == LARGEST)
        connection = ground.world.connection
        connection.execute(f"attach '{file}' as written; copy from database keizoku to written; detach written")

    def notices(self, mutant: Mutant, sql: str | None) -> str | None:
        """Say who notices a mutant: `refresh` with the first check, `python tests` with the first sentence, or None."""
        told: list[str] = []
        for ground in self.grounds:
            connection = ground.world.connection
            connection.execute("begin")
            # A join that has lost its condition may take for ever: whoever waits for that publishes nothing.
            limit = Timer(LONGEST, connection.interrupt)
            limit.start()
            try:
                changed = (
                    self._recompute(mutant, ground) if sql is None else self._rebuild(mutant.name, sql, connection)
                )
                tests = {name for name, reads in self._reads.items() if reads & changed}
                if failing := self._failing(ground, tests) - ground.honest:
                    first = min(failing, key=lambda name: (name != "sql_and_python_agree", name))
                    return f"refresh: {first} ({ground.name})"
                if broken := self._broken(ground) - ground.broken:
                    told.append(f"python tests: {sorted(broken)[0]} ({ground.name})")
            except Exception as error:
                return f"refresh: {type(error).__name__} {str(error).splitlines()[0][:80]} ({ground.name})"
            finally:
                limit.cancel()
                connection.execute("rollback")
        return told[0] if told else None

    def _rebuild(self, model: str, sql: str, connection: object) -> set[str]:
        """Build a mutated model, and everything that reads it, anew; give what that is."""
        changed = {self.nodes[model]["unique_id"]}
        for node in self.warehouse.in_order(()):
            if node["resource_type"] != "model" or node["name"] in COMPARISON[1:]:
                continue
            if node["name"] == model or changed & set(node["depends_on"]["nodes"]):
                changed.add(node["unique_id"])
                kind = "view" if node["config"]["materialized"] == "view" else "table"
                code = sql if node["name"] == model else node["compiled_code"]
                connection.execute(
                    f"drop {kind} {node['relation_name']} cascade; create {kind} {node['relation_name']} as {code}"
                )
        return changed

    def _recompute(self, mutant: Mutant, ground: Ground) -> set[str]:
        """Ask a mutated second opinion, in a process of its own, and compare anew."""
        project = self.folder / "opinion"
        shutil.rmtree(project, ignore_errors=True)
        shutil.copytree(
            PROJECT / "orchestration", project / "orchestration", ignore=shutil.ignore_patterns("__pycache__")
        )
        (project / "models").symlink_to(PROJECT / "models")
        seeds = PROJECT / "seeds"
        if ground.judged.settings.policy:
            seeds = seeds_with(ground.judged.settings.policy, project / "seeds_here")
        (project / "seeds").symlink_to(seeds)
        mutant.write(project)
        settings = ground.judged.settings
        about = [
            settings.as_of_date.isoformat(),
            settings.time_zone,
            settings.currency,
            settings.home and str(settings.home),
        ]
        code = (
            "import json, sys; from datetime import date; from pathlib import Path\n"
            "from orchestration.recompute import Settings, World, write_all\n"
            "raw, out, (as_of, zone, currency, home) = json.loads(sys.argv[1])\n"
            "settings = Settings(date.fromisoformat(as_of), zone, currency, home=home and Path(home))\n"
            "write_all(World(Path(raw), settings), Path(out))"
        )
        arguments = json.dumps([str(ground.judged.raw_folder), str(project / "recomputed"), about])
        subprocess.run(
            [sys.executable, "-c", code, arguments], cwd=project, check=True, capture_output=True, timeout=300
        )
        connection = ground.world.connection
        for table in ground.judged.recomputed:
            file = project / "recomputed" / f"{table}.parquet"
            connection.execute(f"delete from recomputed.{table}; insert into recomputed.{table} select * from '{file}'")
        return self._rebuild("recomputed_differences", self.warehouse.sql("recomputed_differences"), connection)


def _together(rows: inventions.Tables, told: Company) -> inventions.Tables:
    """A company made up at random with customers told one by one, who buy what it sells."""
    others = {table: entries for table, entries in told.tables.items() if table != "products"}
    return {table: [*rows.get(table, []), *others.get(table, [])] for table in {**rows, **others}}


def compile_all(mutants: Iterable[Mutant], folder: Path) -> dict[Mutant, str]:
    """Give the compiled SQL of mutants of models."""
    found: dict[Mutant, str] = {}
    for batch, project in in_place(mutants, folder / "mutated"):
        nodes = compiled(project / "target", project)["nodes"].values()
        code = {node["name"]: node["compiled_code"] for node in nodes if node["resource_type"] == "model"}
        found |= {mutant: code[mutant.name] for mutant in batch}
    return found


def in_place(mutants: Iterable[Mutant], folder: Path) -> Iterator[tuple[list[Mutant], Path]]:
    """Give mutants of models, as many at once as are of different ones, and a copy of the project that holds them."""
    waiting = [mutant for mutant in mutants if mutant.file.endswith(".sql")]
    while waiting:
        batch = list({mutant.name: mutant for mutant in waiting}.values())
        waiting = [mutant for mutant in waiting if mutant not in batch]
        project = copy_project(folder)
        for mutant in batch:
            mutant.write(project)
        yield batch, project


def copy_project(folder: Path) -> Path:
    """Copy what dbt reads of the project to a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("models", "macros", "seeds", "tests/sql", "tests/generic", "analyses", "profiles"):
        shutil.copytree(PROJECT / name, folder / name)
    shutil.copy(PROJECT / "dbt_project.yml", folder)
    return folder
