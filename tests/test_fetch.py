"""Fetching: every byte verified, origins in order, interrupted downloads, one member of a zip."""

from __future__ import annotations

import hashlib
import http.server
import io
import re
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform == "emscripten":
    pytest.skip("it opens sockets", allow_module_level=True)

from external import origins
from external.fetch import Fetcher, FetchError, main
from external.origins import index_file_url, pyodide_package_url
from external.sources import Origin, Source, read_sources

DATA = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(DATA).hexdigest()
WRONG = "0" * 64


class Registry(http.server.ThreadingHTTPServer):
    """A package index with files; remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.listed: dict[str, str] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.ranges = True
        self.break_after: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, name: str, data: bytes, sha256: str | None = None) -> str:
        self.files[name] = data
        self.listed[name] = sha256 or hashlib.sha256(data).hexdigest()
        return self.listed[name]

    def sent(self, name: str) -> list[str | None]:
        """The range headers of the requests for a file."""
        return [wanted for path, wanted in self.requests if path.endswith(name)]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        if self.path.startswith("/simple/"):
            links = [
                f'<a href="/files/{name}#sha256={sha256}">{name}</a>'
                for name, sha256 in self.server.listed.items()
            ]
            return self._send(200, "\n".join(links).encode())
        data = self.server.files.get(self.path.rpartition("/")[2])
        if data is None:
            return self._send(404, b"")
        if wanted and self.server.ranges:
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
            assert found
            begin, end = int(found[1]), int(found[2] or len(data) - 1) + 1
            if begin >= len(data):
                return self._send(416, b"")
            span = f"bytes {begin}-{min(end, len(data)) - 1}/{len(data)}"
            return self._send(206, data[begin:end], span)
        return self._send(200, data)

    def _send(self, status: int, data: bytes, span: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        cut = self.server.break_after
        self.wfile.write(data if cut is None or len(data) < cut else data[:cut])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    registry = Registry()
    threading.Thread(target=registry.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("PIP_INDEX_URL", f"{registry.url}/simple")
    origins.pip_index.cache_clear()
    yield registry
    registry.shutdown()
    registry.server_close()
    origins.pip_index.cache_clear()


PYPI = Origin("pypi", "Data.Set", "1")


def source(sha256: str = SHA256, *places: Origin, **extra: object) -> Source:
    fields = {"name": "data", "version": "1", "licence": "MIT", "why": "", "file": "data.bin"}
    return Source(**{**fields, **extra}, sha256=sha256, origins=places or (PYPI,))  # type: ignore[arg-type]


def test_brings_a_file_once(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA)
    fetcher = Fetcher(tmp_path)
    place = fetcher.fetch(source())
    assert (place / "data.bin").read_bytes() == DATA
    assert fetcher.failures == []
    before = len(registry.requests)
    assert registry.requests[0][0] == "/simple/data-set/"
    Fetcher(tmp_path).fetch(source())
    assert len(registry.requests) == before


def test_a_deleted_folder_comes_from_the_cache(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA)
    place = Fetcher(tmp_path).fetch(source())
    (place / "data.bin").unlink()
    before = len(registry.requests)
    assert (Fetcher(tmp_path).fetch(source()) / "data.bin").read_bytes() == DATA
    assert len(registry.requests) == before


def test_a_wrong_hash_stops_and_names_the_file(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA + b"!", SHA256)
    second = Origin("pypi", "another", "1")
    with pytest.raises(FetchError, match=rf"data\.bin has the sha256 \w+, not the pinned {SHA256}"):
        Fetcher(tmp_path).fetch(source(SHA256, PYPI, second))
    assert not (tmp_path / "data").exists()
    assert [path.name for path in (tmp_path / "downloads").iterdir()] == [".lock"]
    assert not any("another" in path for path, _ in registry.requests)


def test_the_index_lists_another_hash(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA)
    with pytest.raises(FetchError, match=r"data\.bin has the sha256 \w+ in the package index"):
        Fetcher(tmp_path).fetch(source(WRONG))


def test_a_spoilt_cache_is_fetched_again(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA)
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "data.bin").write_bytes(b"spoilt")
    assert (Fetcher(tmp_path).fetch(source()) / "data.bin").read_bytes() == DATA


def test_a_missing_origin_is_passed_over_with_its_reason(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add("data.bin", DATA)
    fetcher = Fetcher(tmp_path)
    fetcher.fetch(source(SHA256, Origin("pyodide"), PYPI))
    assert len(fetcher.failures) == 1
    assert "data.bin from Pyodide's own address" in fetcher.failures[0]
    assert fetcher.failures[0] in capsys.readouterr().out


def test_no_origin_has_it(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"data\.bin could not be fetched: .*does not list data"):
        Fetcher(tmp_path).fetch(source())


def test_an_unreachable_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    origins.pip_index.cache_clear()
    with pytest.raises(FetchError, match=r"could not be fetched: .*Connection refused"):
        Fetcher(tmp_path).fetch(source())
    origins.pip_index.cache_clear()


def test_an_interrupted_download_is_continued(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA)
    registry.break_after = 300_000
    with pytest.raises(FetchError, match="300000 of 1048576 bytes"):
        Fetcher(tmp_path).fetch(source())
    assert not (tmp_path / "data").exists()
    registry.break_after = None
    assert (Fetcher(tmp_path).fetch(source()) / "data.bin").read_bytes() == DATA
    assert registry.sent("/data.bin") == [None, "bytes=300000-"]


def test_a_part_of_another_file_is_started_over(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA)
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "data.bin.part").write_bytes(b"of an older version")
    assert (Fetcher(tmp_path).fetch(source()) / "data.bin").read_bytes() == DATA


def test_a_complete_part_is_taken(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA)
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "data.bin.part").write_bytes(DATA)
    assert (Fetcher(tmp_path).fetch(source()) / "data.bin").read_bytes() == DATA


@pytest.mark.parametrize("ranges", [True, False])
def test_one_member_of_a_zip(registry: Registry, tmp_path: Path, ranges: bool) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ballast", b"x" * 3_000_000)
        archive.writestr("inner/data.bin", DATA)
    whole = buffer.getvalue()
    registry.ranges = ranges
    sha256 = registry.add("outer-1-py3-none-any.whl", whole)
    origin = Origin("pypi", "outer", "1", "outer-1-py3-none-any.whl", sha256, "inner/data.bin")
    assert (Fetcher(tmp_path).fetch(source(SHA256, origin)) / "data.bin").read_bytes() == DATA
    if ranges:
        spans = registry.sent(".whl")
        assert all(spans)
        total = sum(int(b) - int(a) + 1 for a, b in (s[6:].split("-") for s in spans if s))
        assert total < len(whole) / 2


def test_a_member_with_a_wrong_hash(registry: Registry, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.bin", DATA + b"!")
    sha256 = registry.add("outer.whl", buffer.getvalue())
    origin = Origin("pypi", "outer", "1", "outer.whl", sha256, "data.bin")
    with pytest.raises(FetchError, match="not the pinned"):
        Fetcher(tmp_path).fetch(source(SHA256, origin))
    assert not (tmp_path / "data").exists()


def test_takes_parts_of_an_archive(registry: Registry, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("top/code/a.h", "top/code/deep/b.h", "top/codex", "top/LICENSE", "other"):
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
        link = tarfile.TarInfo("top/code/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    sha256 = registry.add("data.bin", buffer.getvalue())
    take = {"top/code": "code", "top/LICENSE": "LICENCE"}
    place = Fetcher(tmp_path).fetch(source(sha256, take=take))
    files = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert files == {".source.json", "code/a.h", "code/deep/b.h", "LICENCE"}
    with pytest.raises(FetchError, match=r"data\.bin has no top/none"):
        Fetcher(tmp_path).fetch(source(sha256, name="more", take={"top/none": "none"}))


def test_takes_parts_of_a_debian_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, registry: Registry
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        entry = tarfile.TarInfo("./usr/share/word")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"word"))
    parts = {"debian-binary": b"2.0", "data.tar.xz": buffer.getvalue()}  # an odd size is padded
    package = b"!<arch>\n"
    for name, content in parts.items():
        package += f"{name:16}{0:<12}{0:<6}{0:<6}{'100644':8}{len(content):<10}`\n".encode()
        package += content + b"\n" * (len(content) % 2)
    asked: list[str] = []

    def bring(origin: Origin, file: str, target: Path) -> None:
        asked.append(f"{origin.package}={origin.version} {file}")
        target.write_bytes(package)

    monkeypatch.setattr("external.fetch.apt_download", bring)
    sha256 = hashlib.sha256(package).hexdigest()
    origin, take = Origin("debian", "words", "1"), {"./usr/share/word": "word"}
    place = Fetcher(tmp_path).fetch(source(sha256, origin, take=take))
    assert (place / "word").read_bytes() == b"word"
    assert asked == ["words=1 data.bin"]

    package = b"!<arch>\n"
    sha256 = hashlib.sha256(package).hexdigest()
    with pytest.raises(FetchError, match=r"has no data\.tar"):
        Fetcher(tmp_path / "empty").fetch(source(sha256, origin, take=take))


def test_a_link_in_its_place_is_replaced(registry: Registry, tmp_path: Path) -> None:
    registry.add("data.bin", DATA)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "elsewhere")
    place = Fetcher(tmp_path).fetch(source())
    assert not place.is_symlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_index_finds_files_of_any_platform(registry: Registry) -> None:
    sha256 = registry.add("a_b-1-cp399-cp399-win_arm64.whl", DATA)
    url = index_file_url("A.b", "a_b-1-cp399-cp399-win_arm64.whl", sha256, 5)
    assert url == f"{registry.url}/files/a_b-1-cp399-cp399-win_arm64.whl"


def test_pyodides_own_address(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"version": "1.2.3"}')
    loader = "a.cdnUrl=b(a.base??`https://example.org/p/v${U}/full/`)"
    (tmp_path / "pyodide.mjs").write_text(loader)
    url = pyodide_package_url(tmp_path, "x.whl")
    assert url == "https://example.org/p/v1.2.3/full/x.whl"
    (tmp_path / "pyodide.mjs").write_text("nothing")
    with pytest.raises(FetchError, match="does not say where"):
        pyodide_package_url(tmp_path, "x.whl")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "a"', "not well formed"),
        ('name = "a"\nversion = "1"\nlicence = ""\nwhy = ""\nfile = "f"\nsha256 = "12"\n'
         'origin = []', "has the sha256 '12'"),
        (f'name = "a"\nversion = "1"\nlicence = ""\nwhy = ""\nfile = "../f"\nsha256 = "{WRONG}"\n'
         'origin = []', "outside its folder"),
        (f'name = "a"\nversion = "1"\nlicence = ""\nwhy = ""\nfile = "f"\nsha256 = "{WRONG}"\n'
         'origin = [{registry = "ftp"}]', "registry 'ftp'"),
    ],
)  # fmt: skip
def test_a_description_that_is_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(f"[[source]]\n{text}\n")
    with pytest.raises(FetchError, match=sentence):
        read_sources(path)


def test_an_unknown_name_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing-of-that-name"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("fetch: no source is named 'nothing-of-that-name'; known are pyodide")
    assert error.count("\n") == 1


def test_the_projects_own_list() -> None:
    sources = read_sources(Path(__file__).resolve().parents[1] / "external" / "sources.toml")
    assert len(sources["numpy"].origins) == 2
    assert all(entry.why and entry.licence for entry in sources.values())
