"""The server of the site: types, isolation, caching, ranges, compression, bad requests."""

from __future__ import annotations

import gzip
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

if sys.platform == "emscripten":
    pytest.skip("it is a server for a computer's files", allow_module_level=True)

from scripts.serve import Server  # noqa: E402

SCRIPT = b"console.log('hello');\n" * 200


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    site = tmp_path / "site"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html>a page")
    (site / "assets" / "index-a1B2c3D4.js").write_bytes(SCRIPT)
    (site / "assets" / "index-a1B2c3D4.js.gz").write_bytes(gzip.compress(SCRIPT))
    (site / "core.wasm").write_bytes(bytes(range(256)) * 4)
    for name in ("module.mjs", "package.whl", "libecho.so", "model.bin", "empty.txt"):
        (site / name).write_bytes(b"")
    (tmp_path / "secret").write_text("not for visitors")
    server = Server(("127.0.0.1", 0), site)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    host, port = server.server_address[:2]
    connection = http.client.HTTPConnection(str(host), port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    response = connection.getresponse()
    answer = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/core.wasm", "application/wasm"),
        ("/module.mjs", "text/javascript; charset=utf-8"),
        ("/package.whl", "application/zip"),
        ("/libecho.so", "application/wasm"),
        ("/model.bin", "application/octet-stream"),
    ],
)
def test_types_and_isolation(server: Server, path: str, type: str) -> None:
    status, headers, _ = ask(server, path)
    assert status == 200
    assert headers["content-type"] == type
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_changed_file_shows_at_once(server: Server) -> None:
    _, headers, _ = ask(server, "/")
    assert headers["cache-control"] == "no-cache"
    etag = headers["etag"]
    status, _, body = ask(server, "/", If_None_Match=etag)
    assert (status, body) == (304, b"")
    page = server.folder / "index.html"
    page.write_text("<!doctype html>another page")
    status, _, body = ask(server, "/", If_None_Match=etag)
    assert (status, body) == (200, b"<!doctype html>another page")


def test_names_with_a_hash_are_kept(server: Server) -> None:
    _, headers, _ = ask(server, "/assets/index-a1B2c3D4.js")
    assert "immutable" in headers["cache-control"]


def test_compressed_copy(server: Server) -> None:
    path = "/assets/index-a1B2c3D4.js"
    _, headers, body = ask(server, path, Accept_Encoding="br, gzip")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == SCRIPT
    assert headers["vary"] == "Accept-Encoding"
    for header in ("", "identity", "gzip;q=0"):
        _, headers, body = ask(server, path, Accept_Encoding=header)
        assert "content-encoding" not in headers
        assert body == SCRIPT


def test_an_older_compressed_copy_is_not_sent(server: Server) -> None:
    path = "/assets/index-a1B2c3D4.js"
    _, headers, _ = ask(server, path, Accept_Encoding="gzip")
    status, _, _ = ask(server, path, Accept_Encoding="gzip", If_None_Match=headers["etag"])
    assert status == 304
    copy = server.folder / "assets" / "index-a1B2c3D4.js.gz"
    os.utime(copy, ns=(0, copy.with_suffix("").stat().st_mtime_ns - 1))
    old = headers["etag"]
    status, headers, body = ask(server, path, Accept_Encoding="gzip", If_None_Match=old)
    assert (status, body) == (200, SCRIPT)
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    ("wanted", "begin", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-4", 1020, 1024),
        ("bytes=5-99999", 5, 1024),
    ],
)
def test_ranges(server: Server, wanted: str, begin: int, end: int) -> None:
    whole = (server.folder / "core.wasm").read_bytes()
    status, headers, body = ask(server, "/core.wasm", Range=wanted)
    assert status == 206
    assert body == whole[begin:end]
    assert headers["content-range"] == f"bytes {begin}-{end - 1}/1024"


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=9-3", "bytes=-", "rows=1-2", "bytes=-0"])
def test_ranges_that_cannot_be(server: Server, wanted: str) -> None:
    status, headers, _ = ask(server, "/core.wasm", Range=wanted)
    assert status == 416
    assert headers["content-range"] == "bytes */1024"


def test_a_range_of_an_older_file_gives_the_whole(server: Server) -> None:
    status, _, body = ask(server, "/core.wasm", Range="bytes=0-9", If_Range='"older"')
    assert (status, len(body)) == (200, 1024)


@pytest.mark.parametrize(
    "path", ["/none", "/../secret", "/%2e%2e/secret", "//etc/passwd", "/assets", "/a%00b", "/%ff"]
)
def test_what_is_not_there(server: Server, path: str) -> None:
    status, headers, body = ask(server, path)
    assert status == 404
    assert b"secret" in body or b"There is no" in body
    assert b"not for visitors" not in body
    assert headers["cross-origin-embedder-policy"] == "require-corp"


def test_head_has_no_body(server: Server) -> None:
    status, headers, body = ask(server, "/core.wasm", "HEAD")
    assert (status, headers["content-length"], body) == (200, "1024", b"")
    status, _, body = ask(server, "/none", "HEAD")
    assert (status, body) == (404, b"")


def test_empty_file(server: Server) -> None:
    assert ask(server, "/empty.txt")[::2] == (200, b"")


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.serve", str(folder), "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_prints_its_address_and_ends_cleanly(tmp_path: Path) -> None:
    process = start(tmp_path, 0)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "http://localhost:" in line
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(tmp_path, port)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert f"Port {port}" in errors
    assert "--port" in errors
