"""Write the demo company: `keizoku demo [--size 1] [--out FOLDER] [--force]`."""

import argparse
import os
from pathlib import Path

from orchestration.cli.output import complain, say
from orchestration.demo.company import write_demo
from orchestration.landing.contract import PROJECT_ROOT


def main(arguments: list[str]) -> int:
    """Read the command line, write the company, say what was written."""
    default = Path(os.environ.get("KEIZOKU_RAW") or PROJECT_ROOT / "data" / "raw")
    parser = argparse.ArgumentParser(prog="keizoku demo", description="Write the demo company as parquet.")
    parser.add_argument("--size", type=float, default=1.0, help="1 = about 400 customers; 250 = 100,000 (default: 1)")
    parser.add_argument("--out", type=Path, default=default, help="folder to write (default: KEIZOKU_RAW or data/raw)")
    parser.add_argument("--force", action="store_true", help="replace a folder that was not made by this command")
    options = parser.parse_args(arguments)
    if not 0 < options.size <= 1000:
        parser.error("--size must be above 0 and at most 1000")
    try:
        company = write_demo(options.out, options.size, options.force)
    except FileExistsError as error:
        complain(f"error: {error}")
        return 1
    say(
        f"{options.out}: {company['accounts']:,} accounts, {company['rows']['usage_events']:,} usage events,"
        f" as of {company['as_of_date']}"
    )
    return 0
