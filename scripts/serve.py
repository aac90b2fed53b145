"""A small static server for the site, with the headers that the page needs."""

from __future__ import annotations

import argparse
import contextlib
import email.utils
import http.server
import re
import shutil
import sys
import urllib.parse
from http import HTTPStatus
from io import BufferedIOBase
from pathlib import Path
from typing import IO

__all__ = ["Handler", "Server", "serve"]

TYPES = {
    ".bin": "application/octet-stream",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".so": "application/wasm",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".whl": "application/zip",
    ".zip": "application/zip",
}
# The page is isolated from other origins: it may use shared memory and exact clocks.
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# Vite writes a hash of the content into these names, so they never change.
HASHED = re.compile(r"^assets/.+-[\w-]{8,}\.\w+$")


class Server(http.server.ThreadingHTTPServer):
    """Serves one folder, each request in a thread of its own.

    Parameters
    ----------
    address : tuple of str and int
        Host and port; port 0 takes a free one.
    folder : Path
        What to serve.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], folder: Path) -> None:
        self.folder = folder.resolve()
        super().__init__(address, Handler)

    @property
    def url(self) -> str:
        """The address for a browser."""
        host, port = self.server_address[:2]
        name = "localhost" if host in ("0.0.0.0", "127.0.0.1", "::") else str(host)
        return f"http://{name}:{port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent about visitors who left in the middle; report everything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET and HEAD: types, isolation, caching, ranges, compressed copies."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "deep-tree-echo"
    sys_version = ""

    def do_GET(self) -> None:
        """Send a file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send a file's headers."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal quiet; the page lists its own requests."""

    def _answer(self, with_body: bool) -> None:
        path = self._file()
        if path is None:
            self._plain(HTTPStatus.NOT_FOUND, f"There is no {self.path.split('?')[0]} here.\n")
            return
        name = path.relative_to(self.server.folder).as_posix()
        status = path.stat()
        version = f"{status.st_mtime_ns:x}-{status.st_size:x}"
        packed = path.with_name(path.name + ".gz")
        wanted = self.headers.get("Range")
        if wanted is not None and self.headers.get("If-Range", f'"{version}"') != f'"{version}"':
            wanted = None
        compressed = (
            wanted is None
            and _accepts_gzip(self.headers.get("Accept-Encoding", ""))
            and _is_current(packed, status.st_mtime_ns)
        )
        etag = f'"{version}-gzip"' if compressed else f'"{version}"'
        kept = "public, max-age=31536000, immutable" if HASHED.match(name) else "no-cache"
        headers = {
            "Cache-Control": kept,
            "ETag": etag,
            "Last-Modified": email.utils.formatdate(status.st_mtime, usegmt=True),
            "Vary": "Accept-Encoding",
        }
        if etag in self.headers.get("If-None-Match", ""):
            self._begin(HTTPStatus.NOT_MODIFIED, headers)
            return
        headers["Content-Type"] = TYPES.get(path.suffix, "application/octet-stream")
        if wanted is not None:
            self._range(path, status.st_size, wanted, headers, with_body)
            return
        if compressed:
            headers["Content-Encoding"] = "gzip"
            path = packed
        else:
            headers["Accept-Ranges"] = "bytes"
        with path.open("rb") as file:
            headers["Content-Length"] = str(file.seek(0, 2))
            file.seek(0)
            self._begin(HTTPStatus.OK, headers)
            if with_body:
                shutil.copyfileobj(file, self.wfile)

    def _range(
        self, path: Path, size: int, wanted: str, headers: dict[str, str], with_body: bool
    ) -> None:
        span = _span(wanted, size)
        if span is None:
            headers["Content-Range"] = f"bytes */{size}"
            headers["Content-Length"] = "0"
            self._begin(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
            return
        begin, end = span
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        headers["Content-Length"] = str(end - begin)
        self._begin(HTTPStatus.PARTIAL_CONTENT, headers)
        if with_body:
            with path.open("rb") as file:
                file.seek(begin)
                _copy(file, self.wfile, end - begin)

    def _file(self) -> Path | None:
        name = urllib.parse.unquote(self.path.split("?")[0].split("#")[0])
        if "\0" in name:
            return None
        path = (self.server.folder / name.lstrip("/")).resolve()
        if not path.is_relative_to(self.server.folder):
            return None
        if path.is_dir():
            path /= "index.html"
        return path if path.is_file() else None

    def _plain(self, status: HTTPStatus, text: str) -> None:
        data = text.encode()
        self._begin(
            status,
            {
                "Content-Type": "text/plain; charset=utf-8",
                "Content-Length": str(len(data)),
                "Cache-Control": "no-store",
            },
        )
        if self.command != "HEAD":
            self.wfile.write(data)

    def _begin(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in (headers | ISOLATION).items():
            self.send_header(key, value)
        self.end_headers()


def _is_current(packed: Path, since_ns: int) -> bool:
    """Return whether there is a compressed copy that is not older than its file."""
    try:
        return packed.stat().st_mtime_ns >= since_ns
    except FileNotFoundError:
        return False


def _accepts_gzip(header: str) -> bool:
    for part in header.split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """Return the first and the one-past-last byte of a single range, or ``None``."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted.strip())
    if not found or found[1] == found[2] == "":
        return None
    if found[1] == "":
        begin, end = max(0, size - int(found[2])), size
    else:
        begin = int(found[1])
        end = min(size, int(found[2]) + 1) if found[2] else size
    return (begin, end) if begin < end else None


def _copy(source: IO[bytes], target: BufferedIOBase, count: int) -> None:
    while count > 0 and (block := source.read(min(count, 1 << 18))):
        target.write(block)
        count -= len(block)


def serve(folder: Path, host: str, port: int) -> int:
    """Serve a folder until interrupted.

    Parameters
    ----------
    folder : Path
        What to serve.
    host : str
        The address to listen at.
    port : int
        The port; 0 takes a free one.

    Returns
    -------
    int
        0, or 1 after one sentence on standard error.
    """
    try:
        server = Server((host, port), folder)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        print(
            f"Port {port} of {host} cannot be used ({reason}); choose another with --port.",
            file=sys.stderr,
        )
        return 1
    with server, contextlib.suppress(KeyboardInterrupt):
        print(f"Deep Tree Echo is at {server.url}  (Ctrl-C ends it)", flush=True)
        server.serve_forever()
    print()
    return 0


def main() -> int:
    """Serve what the command line names."""
    parser = argparse.ArgumentParser(prog="scripts.serve", description="Serve a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    return serve(options.folder, options.host, options.port)


if __name__ == "__main__":
    sys.exit(main())
