"""Where SQL and Python disagree in a build, in words."""

from collections import defaultdict
from pathlib import Path

from orchestration.warehouse.database import attached


def find_differences(build_file: Path, most: int = 10) -> list[str]:
    """Where SQL and Python disagree, a line a row: grain, table and both values; at most `most` a table.

    The newest total that readers would have seen wrong says most, so it comes first.
    """
    with attached(build_file, read_only=True) as connection:
        cells = connection.execute(
            """
            select table_name, grain, column_name, value, recomputed_value
            from reconciliation.recomputed_differences
            order by
                table_name <> 'metric_values', grain not like '% total total',
                regexp_extract(grain, '[0-9]{4}-[0-9]{2}-[0-9]{2}') desc, table_name, grain,
                column_name not like '%value', column_name
            """
        ).fetchall()
    by_table: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for table, grain, column, value, recomputed_value in cells:
        by_table[table][grain].append(f"{column}: SQL {value}, Python {recomputed_value}")
    lines = [
        f"{grain} of {table}: " + "; ".join(both)
        for table, rows in by_table.items()
        for grain, both in list(rows.items())[:most]
    ]
    if (total := sum(map(len, by_table.values()))) > len(lines):
        lines.append(f"... and {total - len(lines)} more; see reconciliation.recomputed_differences in {build_file}")
    return lines
