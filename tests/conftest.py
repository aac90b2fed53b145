"""What all tests share: where data lies, what runs where, and how hypothesis behaves."""

from __future__ import annotations

import sys
from pathlib import Path

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

ON_PYODIDE = sys.platform == "emscripten"
ROOT = Path(__file__).resolve().parents[1]
CONFORMANCE = ROOT.parent / "shared" / "conformance"

set_hypothesis_home_dir(ROOT / "build" / "cache" / "hypothesis")

# Reproducible everywhere: no clock, no database, the same examples each time. Inside Pyodide an
# example costs several times as much, and the same examples have run natively already.
hypothesis.settings.register_profile(
    "echo",
    deadline=None,
    database=None,
    derandomize=True,
    print_blob=False,
    max_examples=8 if ON_PYODIDE else 40,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("echo")

# What the page's wheel or Pyodide lacks; all of it runs natively.
NOT_IN_PYODIDE = {
    "formats/test_blocks.py": "PyPI gguf, its oracle, is not among the wheels",
    "oracles/test_upstream.py": "upstream rwkv.cpp is not built for Pyodide",
    "test_fetch.py": "fetching sources needs sockets and processes",
    "test_serve.py": "the server needs sockets",
    "test_sizes.py": "it measures files of the build",
    "training": "the page's wheel has no training",
}
collect_ignore = list(NOT_IN_PYODIDE) if ON_PYODIDE else []
# Programs of ./build.sh oracles, whose environment has torch and more.
collect_ignore_glob = ["oracles/*_reference.py"]


def pytest_report_header() -> list[str]:
    """Names what is left out, and why."""
    return [f"not in Pyodide: {name} ({NOT_IN_PYODIDE[name]})" for name in collect_ignore]


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "slow: takes long; runs natively, and not inside Pyodide",
        "native(reason): cannot work inside Pyodide, and why",
    ):
        config.addinivalue_line("markers", line)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not ON_PYODIDE:
        return
    for item in items:
        if marker := item.get_closest_marker("native"):
            item.add_marker(pytest.mark.skip(reason=f"not in Pyodide: {marker.args[0]}"))
        elif item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="not in Pyodide: slow, runs natively"))


@pytest.fixture(scope="session")
def tiny_models() -> Path:
    """The folder of rwkv.cpp's own test models and the logits expected of them."""
    folder = CONFORMANCE / "rwkv-tiny"
    if not folder.is_dir():
        pytest.skip(f"the conformance models are not in {CONFORMANCE}")
    return folder
