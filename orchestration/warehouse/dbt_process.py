"""The dbt of a run: a process of its own, which a run starts with its standard input open.

python -m orchestration.warehouse.dbt_process RESULTS_FILE DBT_ARGUMENT ...

It writes what became of each node to the file, as JSON, and ends with 0 when all went well. It ends at once when its
standard input does: a dbt that outlived its run would go on writing beside the one of the next run.
"""

import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path


def _end_with_the_run() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def main(results_file: str, *arguments: str) -> int:
    """Run dbt with these arguments; give its exit status."""
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    from dbt.cli.main import dbtRunner  # it takes seconds to load

    # dbt keeps nearly all that it makes until it ends: looking for garbage in it takes a tenth of the time.
    gc.disable()
    # Its manifest takes a second to write, and stands in target/ already.
    done = dbtRunner().invoke(["--no-write-json", *arguments])
    results = [
        {
            "node": result.node.unique_id,
            "name": result.node.name,
            "status": result.status,
            "message": result.message,
            "failures": result.failures,
            "sql": result.node.compiled_code if result.node.resource_type == "test" else None,
        }
        for result in getattr(done.result, "results", ())
    ]
    told = {"results": results, "error": done.exception and str(done.exception)}
    Path(results_file).write_text(json.dumps(told), encoding="utf-8")
    return 0 if done.success else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
