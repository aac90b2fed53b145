"""Programs that the build needs: where they are, and installing them on Debian."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.steps import Log, StepError, say

__all__ = ["BUILD_TOOLS", "TEST_TOOLS", "Tool", "check_emscripten", "check_node", "install"]

EMSCRIPTEN = (3, 1, 6)
NODE = (20, 0, 0)


@dataclass(frozen=True)
class Tool:
    """A program or library from the system's package manager.

    Attributes
    ----------
    name : str
        What it is called.
    packages : tuple of str
        The packages of Debian that bring it.
    present : callable
        Whether it is there.
    """

    name: str
    packages: tuple[str, ...]
    present: Callable[[], bool]


def _program(name: str, *packages: str) -> Tool:
    return Tool(name, packages or (name,), lambda: shutil.which(name) is not None)


def _venv_works() -> bool:
    code = "import ensurepip, venv"
    return subprocess.run(["python3", "-c", code], capture_output=True, check=False).returncode == 0


def _fuzzer_runtime() -> bool:
    return any(Path("/usr/lib/llvm-14/lib/clang").glob("*/lib/linux/libclang_rt.fuzzer-*.a"))


BUILD_TOOLS = (
    Tool("Python's venv", ("python3-venv",), _venv_works),
    _program("cmake"),
    _program("g++"),
    _program("make"),
    _program("emcc", "emscripten"),
    _program("clang++-19", "clang-19"),
    _program("wasm-ld-19", "lld-19"),
)
TEST_TOOLS = (
    _program("chromium"),
    _program("clang++-14", "clang-14"),
    _program("clang-tidy-14"),
    Tool("libFuzzer of clang 14", ("libclang-rt-14-dev",), _fuzzer_runtime),
)


def install(tools: Iterable[Tool], log: Log) -> None:
    """Install what is missing, where that can be done.

    Parameters
    ----------
    tools : iterable of Tool
        What is needed.
    log : Log
        The step's log.

    Raises
    ------
    StepError
        If something is missing and this is not Debian, or not root.
    """
    missing = [tool for tool in tools if not tool.present()]
    if not missing:
        return
    names = ", ".join(tool.name for tool in missing)
    packages = [package for tool in missing for package in tool.packages]
    advice = f"on Debian: apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise StepError(f"{names} missing; install it with your package manager ({advice}).")
    if os.geteuid() != 0:
        raise StepError(f"{names} missing, and only root can install it ({advice}).")
    say(f"  {log.name}: apt-get install {' '.join(packages)}")
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=600")
    options = ("install", "-y", "--no-install-recommends", *packages)
    if log.code_of(*apt, *options, env=env) != 0:
        log.run(*apt, "update", env=env)
        log.run(*apt, *options, env=env)
    for tool in missing:
        if not tool.present():
            raise StepError(f"{tool.name} is still missing after {' '.join(packages)} came.")


def _version(command: str, minimum: tuple[int, int, int], advice: str) -> str:
    try:
        done = subprocess.run(
            [command, "--version"], capture_output=True, text=True, check=False, timeout=60
        )
    except FileNotFoundError:
        raise StepError(f"{command} is missing; {advice}.") from None
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", done.stdout)
    if not found or tuple(int(part) for part in found.groups()) < minimum:
        least = ".".join(str(part) for part in minimum)
        what = found[0] if found else "of unknown version"
        raise StepError(f"{command} is {what}, but {least} or newer is needed; {advice}.")
    return found[0]


def check_emscripten() -> str:
    """Return the version of ``emcc``, or raise `StepError` if it is missing or too old."""
    return _version(
        "emcc", EMSCRIPTEN, "install Emscripten (on Debian: apt-get install emscripten)"
    )


def check_node() -> str:
    """Return the version of ``node``, or raise `StepError` if it is missing or too old."""
    return _version("node", NODE, "install Node.js 20 or newer with npm")
