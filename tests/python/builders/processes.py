"""Other processes that a test meets: one that holds the lock, a webhook that takes alerts."""

import contextlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator

from builders import refreshes
from builders.refreshes import PROJECT, SECRET


@contextlib.contextmanager
def another_process(code: str, *arguments: object, **settings: object) -> Iterator[subprocess.Popen]:
    """A Python process of the project that runs `code` until killed; entered when it has printed a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=PROJECT,
        env=refreshes.environment(**settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.first_line = process.stdout.readline().strip()
        yield process
    finally:
        process.kill()
        process.communicate()


HOLD_THE_LOCK = """
import sys, time, pathlib
from orchestration.operations import lock
with lock.writing(pathlib.Path(sys.argv[1]), "refresh", build_id="20260101T000000-abcdef"):
    print("held", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def webhook(answer: int = 200) -> Iterator[tuple[str, list[dict]]]:
    """A server on loopback: its address, which holds a secret, and what was posted to it."""
    posted: list[dict] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks/{SECRET}", posted
    finally:
        server.shutdown()
        server.server_close()
