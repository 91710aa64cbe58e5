"""What a machine can hold the project to, beside its linters: how models are described, written and named."""

import csv
import re
from pathlib import Path

import pytest
from builders import Company

from orchestration.landing import load_contract
from orchestration.recompute.metrics import METRIC_KEYS
from orchestration.warehouse.checks import words

PROJECT = Path(__file__).resolve().parents[3]
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
PUBLISHED = ("marts", "metrics", "reconciliation", "audit")
PREFIXES = {"staging": ("base_", "stg_"), "intermediate": ("int_",), "marts": ("dim_", "fct_")}

# What one of the three engines lacks or reads in its own way, and what the project leaves to its macros.
BANNED = {
    "cast with ::": r"::",
    "qualify": r"\bqualify\b",
    "filter (where)": r"\bfilter\s*\(",
    "lists and structs": r"\[|\bstruct|\blist\(|\barray\b|\bunnest\b",
    "select * exclude": r"\*\s*exclude\b",
    "group by all": r"\bgroup by all\b",
    "group by ordinals": r"\bgroup by \d",
    "try_cast": r"\btry_cast\b",
    "pivot": r"\b(un)?pivot\b",
    "division outside the exact macros": r"/",
    "avg": r"\bavg\(",
    "date arithmetic outside the macros": r"\binterval\b|\bdate_?diff\b|\bdate_?add\b",
    "the clock": r"\bcurrent_(date|timestamp|time)\b|\bnow\(|\btoday\(",
    "text types but dbt.type_string()": r"\b(varchar|text|string)\b",
    "sign, a float on Spark": r"\bsign\(",
    "floats": r"\b(float|double|real)\b",
    "reading files": r"\bread_(parquet|csv|json)",
}


def bare_sql(file: Path) -> str:
    """Give a model's SQL in lower case without comments, texts and templating."""
    text = re.sub(
        r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|--[^\n]*|'[^']*'", " ", file.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return text.lower()


def repository_files() -> list[Path]:
    """Give the files of the repository: everything that git does not ignore."""
    lines = (PROJECT / ".gitignore").read_text(encoding="utf-8").split()
    ignored = {line.strip("/") for line in lines} | {".git"}
    return [
        file for file in PROJECT.rglob("*") if file.is_file() and not ignored & set(file.relative_to(PROJECT).parts)
    ]


# Descriptions


def test_every_model_says_what_a_row_of_it_is(warehouse):
    described = {node["name"]: node["description"] for node in warehouse.models}
    grained = {node["name"] for node in warehouse.models if node["schema"] != "staging"}
    assert [name for name, text in described.items() if not text] == []
    assert [name for name in grained if not described[name].startswith("One row per")] == []


def test_every_model_holds_its_grain(warehouse):
    held = {
        test["attached_node"]
        for test in warehouse.tests
        if test.get("test_metadata", {}).get("name") == "unique_grain" and test["config"]["severity"].lower() == "error"
    }
    assert [node["name"] for node in warehouse.models if node["unique_id"] not in held] == []


def test_published_models_have_an_enforced_contract(warehouse):
    assert [
        node["name"]
        for node in warehouse.models
        if (node["schema"] in PUBLISHED) != node["config"]["contract"]["enforced"]
    ] == []


def test_exactly_the_columns_that_a_model_has_are_described(warehouse, company):
    acme: Company = company("2025-06-30")
    world = acme.build()
    found = {}
    for schema, table, column in world.query("select schema_name, table_name, column_name from duckdb_columns()"):
        found.setdefault((schema, table), set()).add(column)
    differences = {
        node["name"]: described ^ found[node["schema"], node["name"]]
        for node in warehouse.models
        if (described := {name for name, column in node["columns"].items() if column["description"]})
        != found[node["schema"], node["name"]]
    }
    assert differences == {}


# Names

# Reserved in PostgreSQL, Spark (ANSI), BigQuery, Snowflake or MySQL, so that a reader there would have to quote them.
RESERVED = re.compile(
    r"all|and|any|array|as|asc|between|both|by|case|cast|check|column|condition"
    r"|constraint|create|cross|cube|current|default|desc|describe|distinct|else|end|"
    r"except|exists|explain|false|fetch|first|for|foreign|from|full|function|group|"
    r"grouping|having|in|index|inner|insert|intersect|interval|into|is|join|key|"
    r"keys|lateral|left|like|limit|lead|match|merge|natural|not|null|of|offset|"
    r"on|option|or|order|outer|over|partition|primary|range|rank|references|right|"
    r"row|rows|schema|select|set|some|system|table|tables|then|to|treat|true|"
    r"trigger|union|unique|unnest|update|usage|user|using|values|when|where|window|"
    r"with|within",
    re.IGNORECASE,
)


def test_no_column_is_called_by_a_reserved_word(warehouse):
    named = {(node["name"], name) for node in warehouse.models for name in node["columns"]}
    assert sorted((model, name) for model, name in named if RESERVED.fullmatch(name)) == []


# Style


@pytest.mark.parametrize("construct", BANNED)
def test_no_model_uses(construct):
    found = [file.stem for file in MODELS if re.search(BANNED[construct], bare_sql(file))]
    assert found == []


# 40 lines are usual and 60 a smell. What is longer is one thought all the same, and says which.
LONG = {
    "row_warnings": "one branch for each warning, in one list",
    "int_invoice_lines": "what a bill's line is, read once from the item, its neighbours and its credits",
    "int_paid_spans": "where a span is worth nothing at the rate of a month",
    "int_retention_by_segment": "windows by the segments of their starts, and what was sold in those of one month",
    "nrr_evidence": "both ends of a window, item by item",
    "fct_scheduled_mrr": "what will end and what will begin, side by side",
    "base_subscription_item_versions": "one branch for each rule that a version can break",
    "metric_values": "the list of all metrics, and what was locked of them",
    "metric_cac_payback_months": "cost, new customers and margin of three months, and why there is none",
    "int_contract_renewals": "what follows a contract, and its part of what follows several",
    "restated_items": "both sides of a restatement, item by item",
    "int_item_billings": "one item's bills beside its MRR",
    "int_rejected_claims": "one branch for each table that a customer can be rejected in",
    "int_item_lines": "the versions of an item, cut to its subscription",
    "int_item_spans": "pauses and renewals taken from the lines of an item",
    "mrr_at_stake": "what rejected rows would carry, and the share of those that nobody can value",
    "int_item_changes": "one pair of items, and what changed in it",
    "mrr_to_invoices": "one branch for each class of the walk",
}


def test_a_model_of_more_than_eighty_lines_says_why():
    lines = {file.stem: sum(bool(line.strip()) for line in file.read_text().splitlines()) for file in MODELS}
    assert {name for name, count in lines.items() if count > 80} == set(LONG)


def test_every_model_ends_with_its_final_step():
    assert [file.stem for file in MODELS if not file.read_text().rstrip().endswith("\n)\n\nselect * from final")] == []


def test_a_models_prefix_is_its_layers():
    for layer, prefixes in PREFIXES.items():
        files = (PROJECT / "models" / layer).rglob("*.sql")
        assert [file.stem for file in files if not file.stem.startswith(prefixes)] == [], layer


def test_every_singular_test_opens_with_what_its_failure_means():
    tests = list((PROJECT / "tests" / "sql").glob("*.sql"))
    assert tests
    assert [file.name for file in tests if not file.read_text(encoding="utf-8").startswith(("-- ", "{#"))] == []
    assert [file.name for file in tests if not file.name.startswith("assert_")] == []


# Agreement


def test_exposures_name_exactly_what_their_queries_read(warehouse):
    published = {node["name"] for node in warehouse.models if node["schema"] in PUBLISHED}
    assert warehouse.exposures
    for exposure in warehouse.exposures:
        named = {name.rsplit(".", 1)[1] for name in exposure["depends_on"]["nodes"]}
        paths = [PROJECT / path for path in exposure["config"]["meta"]["reads"]]
        files = [file for path in paths for file in (path.rglob("*.*") if path.is_dir() else [path])]
        text = "\n".join(file.read_text(encoding="utf-8") for file in files if file.suffix in (".md", ".py", ".sql"))
        read = set(re.findall(rf"\b(?:{'|'.join(PUBLISHED)})\.(\w+)|\bref\('(\w+)'\)", text))
        assert {name for pair in read for name in pair} & published - named == set(), exposure["name"]
        assert {name for name in named if not re.search(rf"\b{name}\b", text)} == set(), exposure["name"]


def test_every_check_of_a_refresh_says_in_both_languages_what_it_means_and_whom_it_concerns(warehouse):
    for node in warehouse.tests:
        for text in words(node):
            assert text.strip(), node["name"]


def test_metrics_are_the_same_in_sql_in_python_and_in_the_catalogue(warehouse):
    in_sql = {file.stem.removeprefix("metric_") for file in (PROJECT / "models" / "metrics").glob("metric_*.sql")}
    with (PROJECT / "seeds" / "metrics_listed.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["metric_key"] for row in csv.DictReader(file)}
    assert in_sql - {"values", "catalog"} == listed == set(METRIC_KEYS)
    (together,) = (node for node in warehouse.models if node["name"] == "metric_values")
    united = {name.rsplit(".metric_", 1)[1] for name in together["depends_on"]["nodes"] if ".metric_" in name}
    assert united == listed


def test_every_table_of_the_contract_is_counted_where_rows_are_read_and_where_they_are_accepted(warehouse):
    contract = list(load_contract())
    for model in ("row_counts", "int_accepted_rows"):
        named = re.findall(r"'(\w+)' as table_name", warehouse.sql(model))
        assert list(dict.fromkeys(named)) == contract, model


def test_nothing_names_a_path_of_some_machine():
    machine_path = re.compile(rb"(?<![\w.:/$}~-])/(?:home|Users|root|work|mnt|workspace|private)/\w|[A-Z]:\\\\?Users")
    assert [file for file in repository_files() if machine_path.search(file.read_bytes())] == []
