#!/bin/sh
# The dbt command of a run. -P: the modules beside child.py are not dbt's.
exec "${KEIZOKU_PYTHON:-python3}" -P "$(dirname "$0")/child.py" "$@"
