"""Another machine on the web: model files behind addresses, good and bad."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time


class Elsewhere:
    """A server of another origin; `files` maps paths to bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                outer.requests.append(self.path)
                outer.answer(self)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The address, with a name that makes it another origin than the site's."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Plays the part that the path asks for."""
        part, _, name = handler.path.lstrip("/").partition("/")
        data = self.files.get(name)
        if data is None:
            handler.send_response(404)
            handler.send_header("Access-Control-Allow-Origin", "*")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(200)
        if part != "no-cors":
            handler.send_header("Access-Control-Allow-Origin", "*")
        kind = "text/html" if part == "web-page" else "application/octet-stream"
        handler.send_header("Content-Type", kind)
        # A file without end: whoever asks for it must know from its beginning to stop.
        length = 15_000_000_000 if part == "endless" else len(data)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        if part == "endless":
            with contextlib.suppress(ConnectionError):
                handler.wfile.write(data)
                for _ in range(2000):
                    handler.wfile.write(bytes(1 << 16))
                    time.sleep(0.05)
            handler.close_connection = True
        elif part == "dropped":
            handler.wfile.write(data[: len(data) // 2])
            handler.wfile.flush()
            handler.close_connection = True
        elif part == "slow":
            for begin in range(0, len(data), 1 << 14):
                handler.wfile.write(data[begin : begin + (1 << 14)])
                time.sleep(0.1)
        else:
            handler.wfile.write(data)
