"""Some raw tables of a build landed anew, the others as they are."""

from collections.abc import Collection
from pathlib import Path

from orchestration.landing.landing import LandedReport, land
from orchestration.warehouse.database import NAME, attach, in_memory


def land_again(raw_folder: Path, build_file: Path, settings, tables: Collection[str]) -> LandedReport:
    """Replace these tables of a build, and what its state says of their files.

    The whole folder is read, since what is wrong with it may stand in any file; what is not asked for is left alone.
    """
    fresh = build_file.with_name("landed_again.duckdb")
    try:
        report = land(raw_folder, fresh, settings)
        with in_memory() as connection:
            attach(connection, build_file, NAME, read_only=False)
            attach(connection, fresh, "fresh", read_only=True)
            connection.execute("begin")
            for table in tables:
                connection.execute(f'create or replace table {NAME}.raw."{table}" as from fresh.raw."{table}"')
            about_tables = connection.execute(
                "select table_name from duckdb_columns() "
                "where database_name = 'fresh' and schema_name = 'state' and column_name = 'table_name'"
            ).fetchall()
            for (state,) in about_tables:
                of_these = "where list_contains($1, table_name)"
                connection.execute(f"delete from {NAME}.state.{state} {of_these}", [list(tables)])
                connection.execute(
                    f"insert into {NAME}.state.{state} from fresh.state.{state} {of_these}", [list(tables)]
                )
            connection.execute("commit")
    finally:
        fresh.unlink(missing_ok=True)
    return report
