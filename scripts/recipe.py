"""The steps that make everything under ``build/`` and ``.venv/``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts import site, snapshot, tools, wheel
from scripts.steps import BUILD, ROOT, Log, Step, StepError

__all__ = ["PYTHON", "STEPS"]

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
EXTERNAL = BUILD / "external"
WEB = ROOT / "web"
CORE = ROOT / "wasm"
UPSTREAM = ROOT / "external" / "rwkv-cpp"
CORE_PARTS = ("include", "ops", "formats", "rwkv", "text", "psystem", "esn")
TEST_WHEELS = tuple(
    f"wheels/{name}"
    for name in (
        "pytest",
        "pluggy",
        "iniconfig",
        "packaging",
        "pygments",
        "hypothesis",
        "sortedcontainers",
        "lark",
    )
)
JOBS = str(os.cpu_count() or 2)


def venv(log: Log) -> None:
    """Make the virtual environment, empty but for pip."""
    log.run(sys.executable, "-m", "venv", "--clear", VENV)


def python_packages(log: Log) -> None:
    """Install the pinned packages, and put the source tree on the environment's path."""
    log.run(PYTHON, "-m", "pip", "install", "--no-input", "-r", ROOT / "requirements.txt")
    folder = next((VENV / "lib").glob("python3*/site-packages"))
    (folder / "deep_tree_echo.pth").write_text(f"{ROOT / 'py'}\n", encoding="utf-8")


def node_packages(log: Log) -> None:
    """Install the page's npm packages as its lock file says."""
    tools.check_node()
    log.run("npm", "ci", "--no-audit", "--no-fund", cwd=WEB)


def fetch(*names: str, called: str = "") -> Step:
    """Return the step that fetches some sources; ``called`` names it, else the first of them."""

    def run(log: Log) -> None:
        if log.code_of(PYTHON, "-m", "external.fetch", *names, show=True) != 0:
            raise StepError(log.last)

    return Step(
        f"fetch-{called or names[0].split('/')[0]}",
        f"fetching {', '.join(names)}",
        run,
        lambda: [ROOT / "external" / "sources.toml", *names],
        tuple(EXTERNAL / name / ".source.json" for name in names),
        ("venv",),
    )


def configure_and_build(log: Log, preset: str, *targets: str) -> None:
    """Run CMake with a preset of ``wasm/``."""
    cache = BUILD / preset / "CMakeCache.txt"
    if cache.exists() and f"CMAKE_HOME_DIRECTORY:INTERNAL={CORE}\n" not in cache.read_text():
        shutil.rmtree(BUILD / preset)  # the checkout was moved
    log.run("cmake", "--preset", preset, cwd=CORE)
    target = ("--target", *targets) if targets else ()
    log.run("cmake", "--build", "--preset", preset, "--parallel", JOBS, *target, cwd=CORE)


def native(log: Log) -> None:
    """Build libecho for this machine."""
    configure_and_build(log, "native", "echo")


def wasm(log: Log) -> None:
    """Build libecho as a side module for Pyodide."""
    tools.check_emscripten()
    configure_and_build(log, "wasm", "echo")


def relaxed(log: Log) -> None:
    """Build libecho for Pyodide in engines with relaxed SIMD."""
    configure_and_build(log, "relaxed", "echo")


def upstream(log: Log) -> None:
    """Build upstream rwkv.cpp natively and for Node."""
    for name in ("native", "wasm"):
        folder = BUILD / "upstream" / name
        shutil.rmtree(folder, ignore_errors=True)
        wasm = name == "wasm"
        options = ("CMAKE_SYSTEM_NAME=Generic", "CMAKE_C_COMPILER=emcc", "CMAKE_CXX_COMPILER=em++")
        env = {"NODE_PATH": "/usr/share/nodejs"} if wasm else {}
        chosen = [f"-D{option}" for option in options] if wasm else []
        log.run("cmake", "-S", UPSTREAM, "-B", folder, *chosen, env=env)
        log.run("cmake", "--build", folder, "--parallel", JOBS, env=env)


def sanitize(log: Log) -> None:
    """Build the fuzz targets with the sanitizers."""
    configure_and_build(log, "sanitize")


def core_inputs() -> Iterator[Path | str]:
    """Give what libecho is built from."""
    yield from sorted(CORE.glob("*.cc"))
    yield from sorted(CORE.glob("*.h"))
    yield from (CORE / name for name in ("CMakeLists.txt", "CMakePresets.json", *CORE_PARTS))
    yield EXTERNAL / "highway" / ".source.json"


def page_script(log: Log) -> None:
    """Build the page."""
    log.run("npm", "run", "build", cwd=WEB)


def web_inputs() -> Iterator[Path | str]:
    """Give what the page is built from."""
    for path in sorted(WEB.iterdir()) if WEB.exists() else ():
        if path.name not in ("node_modules", "test"):
            yield path


def docs(log: Log) -> None:
    """Turn the docs into pages."""
    log.run(PYTHON, "-m", "scripts.docs", BUILD / "docs", cwd=ROOT)


def nothing(log: Log) -> None:
    """Stand for the steps that this one needs."""


STEPS = (
    Step(
        "tools",
        "installing the compilers that are missing",
        lambda log: tools.install(tools.BUILD_TOOLS, log),
        lambda: [str([tool.present() for tool in tools.BUILD_TOOLS])],
    ),
    Step(
        "test-tools",
        "installing the test tools that are missing",
        lambda log: tools.install(tools.TEST_TOOLS, log),
        lambda: [str([tool.present() for tool in tools.TEST_TOOLS])],
        (),
        ("tools",),
    ),
    Step("venv", "making .venv", venv, lambda: [sys.version], (PYTHON,), ("tools",)),
    Step(
        "python-packages",
        "installing the pinned Python packages into .venv",
        python_packages,
        lambda: [ROOT / "requirements.txt", sys.version, str(ROOT)],
        (VENV / "bin" / "pytest",),
        ("venv",),
    ),
    Step(
        "node-packages",
        "installing the page's npm packages",
        node_packages,
        lambda: [WEB / "package-lock.json"],
        (WEB / "node_modules",),
    ),
    fetch("pyodide", "numpy"),
    fetch("highway"),
    fetch("world"),
    fetch("rwkv-cpp"),
    fetch(*TEST_WHEELS),
    fetch("wheels/lark", called="lark"),
    Step(
        "native",
        "building libecho.so for this machine",
        native,
        core_inputs,
        (BUILD / "native" / "libecho.so",),
        ("tools", "fetch-highway"),
    ),
    Step(
        "wasm",
        "building libecho.so for Pyodide",
        wasm,
        lambda: [str(shutil.which("emcc")), *core_inputs()],
        (BUILD / "wasm" / "libecho.so",),
        ("tools", "fetch-highway"),
    ),
    Step(
        "relaxed",
        "building libecho-relaxed.so for Pyodide",
        relaxed,
        lambda: [str(shutil.which("clang++-19")), *core_inputs()],
        (BUILD / "relaxed" / "libecho-relaxed.so",),
        ("tools", "fetch-highway"),
    ),
    Step(
        "upstream",
        "building upstream rwkv.cpp, natively and to WebAssembly",
        upstream,
        lambda: [UPSTREAM, EXTERNAL / "rwkv-cpp" / ".source.json"],
        (
            BUILD / "upstream" / "native" / "evaluate",
            BUILD / "upstream" / "wasm" / "evaluate.js",
        ),
        ("tools", "fetch-rwkv-cpp"),
    ),
    Step(
        "sanitize",
        "building libecho and its fuzz targets with the sanitizers",
        sanitize,
        lambda: [*core_inputs(), CORE / "fuzz"],
        (),
        ("test-tools", "fetch-highway"),
    ),
    Step(
        "wheel",
        "building the page's wheel",
        wheel.build,
        wheel.inputs,
        (BUILD / "wheel",),
        ("wasm", "relaxed", "python-packages", "fetch-world"),
    ),
    Step(
        "snapshot",
        "starting Python once, for a snapshot of its memory",
        snapshot.build,
        snapshot.inputs,
        (snapshot.FOLDER / "snapshot.bin", *(snapshot.FOLDER / name for name in snapshot.ARCHIVES)),
        ("wheel", "fetch-pyodide"),
    ),
    Step(
        "page",
        "building the page",
        page_script,
        web_inputs,
        (BUILD / "web" / "index.html",),
        ("node-packages", "fetch-pyodide"),
    ),
    Step(
        "docs",
        "turning the docs into pages",
        docs,
        lambda: [ROOT / "docs", ROOT / "scripts" / "docs.py", ROOT / "requirements.txt"],
        (BUILD / "docs" / "index.html",),
        ("python-packages",),
    ),
    Step(
        "site",
        "assembling build/site",
        site.assemble,
        site.inputs,
        (site.SITE / "assets.json",),
        ("page", "snapshot", "wasm", "relaxed", "fetch-lark", "docs"),
    ),
)
