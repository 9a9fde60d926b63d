"""A stand-in for GitHub on this machine that misbehaves as told."""

from __future__ import annotations

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `files`, by path; the n-th request meets the n-th of `faults`, later ones none.

    Faults: None; "truncate" (close half-way), "stall" (say nothing more half-way), "corrupt" (one byte is wrong),
    "trickle" (a byte now and then), "longer" (bytes without end), or a
    status such as 404. With `ranges` false, a Range is ignored. `asked` lists the Range of every request.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: list[str | int | None] = []
        self.ranges = True
        self.asked: list[str | None] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:  # the name that the base class asks for
        wanted = self.headers["Range"]
        self.server.asked.append(wanted)
        fault = self.server.faults.pop(0) if self.server.faults else None
        content = self.server.files.get(self.path)
        if content is None or isinstance(fault, int):
            self.send_error(fault if isinstance(fault, int) else 404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        self._send(content, start, fault)

    def _send(self, content: bytes, start: int, fault: str | None) -> None:
        body = content[start:]
        self.send_response(206 if start else 200)
        if fault != "longer":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault in ("trickle", "longer"):
            with suppress(OSError):
                while not self.server.over.wait(0.05 if fault == "trickle" else 0):
                    self.wfile.write(b"x" if fault == "trickle" else body[::-1])
            return
        if fault == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.wfile.write(body[: len(body) // 2] if fault in ("truncate", "stall") else body)
        self.wfile.flush()
        if fault == "stall":
            self.server.over.wait(20)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
