"""The dbt project as assets: what is published one by one, what lies below by layer and subject, checks beside them."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

import dagster as dg

from orchestration.defs.resources import Writer, step
from orchestration.publication.publish import PUBLISHED_SCHEMAS
from orchestration.warehouse import dbt
from orchestration.warehouse.checks import message_of
from orchestration.warehouse.manifest import refreshed, sources

log = logging.getLogger("keizoku")

OWNERS = {
    "ledger": "team:finance",
    "revenue": "team:finance",
    "retention": "team:finance",
    "finance": "team:finance",
    "billing": "team:finance",
}
OTHERS = "team:customer_success"
MOST_ROWS = 20  # of those that a check found, shown beside its result


def is_published(node: dict[str, Any]) -> bool:
    """Whether readers get a model."""
    return node["resource_type"] == "model" and node["schema"] in PUBLISHED_SCHEMAS


def _folder(node: dict[str, Any]) -> str:
    """The last folder of a model, its subject; its layer where it has none, or is a step of that alone."""
    if node["resource_type"] != "model":
        return "seeds"
    folders: list[str] = [folder for folder in node["path"].split("/")[:-1] if folder != "steps"]
    return folders[-1]


def _parents(name: str) -> list[str]:
    """The models and seeds that a model or check reads; a seed reads nothing."""
    return [parent for parent in refreshed()[name]["depends_on"].get("nodes", ()) if parent in refreshed()]


@cache
def _turn(name: str) -> int:
    """How often one comes from published models back to private ones on the way to a model."""
    is_private = not is_published(refreshed()[name])
    return max(
        (_turn(parent) + (is_private and is_published(refreshed()[parent])) for parent in _parents(name)), default=0
    )


@cache
def _depth(name: str) -> int:
    """The length of the longest way to a model."""
    return max((_depth(parent) + 1 for parent in _parents(name)), default=0)


def _place(name: str) -> tuple[str, ...]:
    """Where a private model or a seed stands: layer and subject."""
    node = refreshed()[name]
    return tuple(node["path"].split("/")[:-1]) if node["resource_type"] == "model" else ("seeds",)


def _graph(keys: dict[str, dg.AssetKey]) -> dict[dg.AssetKey, set[dg.AssetKey]]:
    """What each asset is built from."""
    graph: defaultdict[dg.AssetKey, set[dg.AssetKey]] = defaultdict(set)
    for name, key in keys.items():
        graph[key] |= {keys[parent] for parent in _parents(name)} - {key}
    return graph


@cache
def asset_keys() -> dict[str, dg.AssetKey]:
    """The asset of every model and seed, by dbt's id: its own, or the one of its layer and subject.

    A subject that is returned to from what is built from it is one asset for each turn: assets wait for each other.
    """
    built = {name: node for name, node in refreshed().items() if node["resource_type"] != "test"}
    split: set[tuple[str, ...]] = set()
    while True:
        turns, keys = defaultdict(set), {}
        for name in built:
            turns[_place(name)].add(_turn(name))
        for name, node in built.items():
            nth = sorted(turns[_place(name)]).index(_turn(name)) + 1
            suffix = [f"turn_{nth}"] if _place(name) in split and nth > 1 else []
            keys[name] = dg.AssetKey([node["schema"], node["name"]] if is_published(node) else [*_place(name), *suffix])
        try:
            TopologicalSorter(_graph(keys)).prepare()
        except CycleError as error:
            circle = {tuple(key.path) for key in error.args[1]} & set(turns) - split
            if not circle:  # models that wait for each other: dbt refuses those
                raise
            split |= circle
        else:
            return keys


def _members() -> dict[dg.AssetKey, list[str]]:
    """The models and seeds of each asset; no asset stands before one that it is built from."""
    members: defaultdict[dg.AssetKey, list[str]] = defaultdict(list)
    for name, key in asset_keys().items():
        members[key].append(name)
    return {key: members[key] for key in TopologicalSorter(_graph(asset_keys())).static_order()}


def _checks() -> dict[str, dg.AssetCheckSpec]:
    """The check of each data test, by dbt's id: on what it tests; of several, on the one that is built last."""
    found = {}
    for name, node in refreshed().items():
        if node["resource_type"] == "test":
            tested = node.get("attached_node") or max(_parents(name), key=lambda parent: (_depth(parent), parent))
            found[name] = dg.AssetCheckSpec(
                node["name"], asset=asset_keys()[tested], description=node["description"] or None
            )
    return found


def _spec(key: dg.AssetKey, names: list[str]) -> dg.AssetSpec:
    nodes = [refreshed()[name] for name in names]
    below = {parent for node in nodes for parent in node["depends_on"].get("nodes", ())}
    deps = {asset_keys()[name] for name in below if name in asset_keys()} - {key}
    deps |= {dg.AssetKey(sources()[name]) for name in below if name in sources()}
    subject = _folder(nodes[0])
    metadata: dict[str, Any] = {"models": ", ".join(sorted(node["name"] for node in nodes))}
    description = f"{len(nodes)} private tables and views: {metadata['models']}."
    if is_published(nodes[0]):
        (node,) = nodes
        description = node["description"]
        columns = [
            dg.TableColumn(column["name"], column["data_type"] or "string", column["description"])
            for column in node["columns"].values()
        ]
        metadata = {"dagster/column_schema": dg.TableSchema(columns)}
    elif nodes[0]["resource_type"] == "seed":
        description = f"The constants of the business: {metadata['models']}."
    return dg.AssetSpec(
        key,
        deps=sorted(deps),
        group_name=subject,
        kinds={"dbt", "duckdb"},
        owners=[OWNERS.get(subject, OTHERS)],
        description=description,
        metadata=metadata,
    )


MEMBERS, CHECKS = _members(), _checks()


@dg.multi_asset(
    name="dbt",
    specs=[_spec(key, names) for key, names in MEMBERS.items()],
    check_specs=list(CHECKS.values()),
    can_subset=True,
)
def warehouse(
    context: dg.AssetExecutionContext, writer: Writer
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Build the models, and hold dbt's data tests against them; of a selection, only what was selected."""
    writer.hold()
    keys, checks = context.selected_asset_keys, context.selected_asset_check_keys
    wanted = {name for key in keys for name in MEMBERS[key]}
    wanted |= {name for name, spec in CHECKS.items() if spec.key in checks}
    with step(context, "dbt") as settings:
        log.info("  dbt         staging, marts, metrics, and their checks ...")
        names = None if len(wanted) == len(refreshed()) else [refreshed()[name]["name"] for name in sorted(wanted)]
        results = {result["node"]: result for result in dbt.build(settings, names)}
        built = {name for name, result in results.items() if result["status"] == "success"}
        for key in MEMBERS:
            if key in keys and built.issuperset(MEMBERS[key]):
                yield dg.MaterializeResult(asset_key=key)
        for name, spec in CHECKS.items():
            if spec.key in checks and name in results:
                yield _check_result(spec, results[name], dbt.rows_found(settings, results[name], MOST_ROWS))
        if any(map(dbt.failed, results.values())):
            raise dbt.DbtError("\n".join(dbt.explain_failures(settings, results.values())))


def _check_result(spec: dg.AssetCheckSpec, result: dict[str, Any], rows: list[dict[str, Any]]) -> dg.AssetCheckResult:
    """What a data test said, with the first rows that it found."""
    metadata: dict[str, Any] = {"status": result["status"]}
    if rows:
        shown = [
            dg.TableRecord({column: None if value is None else str(value) for column, value in row.items()})
            for row in rows
        ]
        columns = dg.TableSchema([dg.TableColumn(column) for column in rows[0]])
        metadata["rows"] = dg.MetadataValue.table(shown, schema=columns)
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=result["status"] == "pass",
        severity=dg.AssetCheckSeverity.WARN if result["status"] == "warn" else dg.AssetCheckSeverity.ERROR,
        description=message_of(result),
        metadata=metadata,
    )


def published_models() -> list[dg.AssetKey]:
    """Asset keys of every model that readers get."""
    return [key for name, key in asset_keys().items() if is_published(refreshed()[name])]
