"""Where SQL and Python disagree in a build, in words."""

from pathlib import Path

from orchestration.warehouse.database import attached


def find_differences(build_file: Path, most: int = 10) -> list[str]:
    """Where SQL and Python disagree, a line each: metric, month, segment and both values; at most `most` a table."""
    lines: list[str] = []
    with attached(build_file, read_only=True) as connection:
        total = 0
        for table, label, sides in (
            (
                "recomputed_metric_differences",
                "metric_key || ' ' || strftime(month, '%Y-%m') || ' ' || segment_type || '=' || segment_value",
                ("value", "numerator", "denominator", "sample_size", "null_reason"),
            ),
            (
                "recomputed_movement_differences",
                "'movement of ' || account_id || ' ' || strftime(month, '%Y-%m') || ' ' || movement_type "
                "|| ' ' || reason",
                ("amount_mrr",),
            ),
            (
                "recomputed_account_differences",
                "measure || ' of ' || account_id || ' ' || strftime(month, '%Y-%m')",
                ("value",),
            ),
        ):
            values = ", ".join(f"{side}, recomputed_{side}" for side in sides)
            # The newest total that readers would have seen wrong says most.
            order = "value is not distinct from recomputed_value, segment_type <> 'total', month desc, 1"
            rows = connection.execute(
                f"select {label}, {values} from reconciliation.{table} where is_different "
                f"order by {order if 'metric' in table else '1'}"
            ).fetchall()
            total += len(rows)
            for name, *pairs in rows[:most]:
                both = [
                    f"{side}: SQL {pairs[2 * i]}, Python {pairs[2 * i + 1]}"
                    for i, side in enumerate(sides)
                    if i == 0 or pairs[2 * i] != pairs[2 * i + 1]
                ]
                lines.append(f"{name}: " + "; ".join(both))
        if total > len(lines):
            lines.append(f"... and {total - len(lines)} more; see schema reconciliation in {build_file}")
    return lines
