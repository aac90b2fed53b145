"""The peers of the benchmarks: fetched, built for this machine, kept in ``build/bench/``."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from scripts import tools
from scripts.recipe import EXTERNAL, JOBS, PYTHON, STEPS, fetch
from scripts.steps import BUILD, ROOT, Log, Step

__all__ = ["LLAMA_PYTHON", "PEER_STEPS"]

FOLDER = BUILD / "bench"
LLAMA = FOLDER / "llama"
LLAMA_PYTHON = LLAMA / "venv" / "bin" / "python"
SDIST = EXTERNAL / "llama-cpp-python"
BENCH = ROOT / "tests" / "bench"
PROGRAMS = BENCH / "web"
RESERVOIRPY = FOLDER / "reservoirpy"
# Without OpenMP its one thread is the caller's, and idle workers do not spin.
COMMON = ("-DGGML_OPENMP=OFF", "-DLLAVA_BUILD=OFF", "-DLLAMA_CURL=OFF")
AVX2 = (
    "-DGGML_NATIVE=OFF",
    "-DGGML_AVX=ON",
    "-DGGML_AVX2=ON",
    "-DGGML_FMA=ON",
    "-DGGML_F16C=ON",
    "-DGGML_BMI2=ON",
)
LLD = tools.Tool("LLVM's linker", ("lld-14",), lambda: shutil.which("wasm-ld-14") is not None)
CLANG = tools.Tool("clang", ("clang-14",), lambda: shutil.which("clang-14") is not None)


def sdist() -> Path:
    """Return the archive of llama-cpp-python."""
    return next(SDIST.glob("*.tar.gz"))


def llama(log: Log) -> None:
    """Build llama-cpp-python with AVX2 and without AVX-512, in an environment of its own."""
    log.run(PYTHON, "-m", "venv", "--clear", LLAMA / "venv")
    install = (LLAMA_PYTHON, "-m", "pip", "install", "--no-input")
    log.run(*install, "-r", BENCH / "requirements.txt")
    env = {
        "CMAKE_ARGS": " ".join((*COMMON, *AVX2)),
        "CMAKE_GENERATOR": "Unix Makefiles",
        "CMAKE_BUILD_PARALLEL_LEVEL": JOBS,
    }
    log.run(*install, "--no-deps", "--no-build-isolation", "-v", sdist(), env=env)


def llama_full(log: Log) -> None:
    """Build its kernels once more, for everything that this processor has."""
    source = LLAMA / "source"
    shutil.rmtree(source, ignore_errors=True)
    with tarfile.open(sdist()) as archive:
        archive.extractall(source, filter="data")
    project = next(source.glob("*/vendor/llama.cpp"))
    parts = ("TESTS", "TOOLS", "EXAMPLES", "SERVER", "COMMON")
    options = [f"-DLLAMA_BUILD_{part}=OFF" for part in parts]
    options += ["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON", "-DGGML_NATIVE=ON"]
    built = LLAMA / "full-build"
    log.run("cmake", "-S", project, "-B", built, *COMMON, *options)
    log.run("cmake", "--build", built, "--target", "ggml-cpu", "--parallel", JOBS)
    # All of the AVX2 build but for the library with the kernels.
    full = LLAMA / "full"
    shutil.rmtree(full, ignore_errors=True)
    libraries = next((LLAMA / "venv").glob("lib/python3*/site-packages/llama_cpp/lib"))
    shutil.copytree(libraries, full)
    for path in built.rglob("libggml-cpu.so*"):
        shutil.copy(path, full / path.name)


def reservoirpy(log: Log) -> None:
    """Install reservoirpy in an environment of its own."""
    log.run(PYTHON, "-m", "venv", "--clear", RESERVOIRPY)
    python = RESERVOIRPY / "bin" / "python"
    log.run(python, "-m", "pip", "install", "--no-input", "-r", BENCH / "reservoirpy.txt")


def programs(log: Log) -> None:
    """Compile the small WebAssembly programs of the benchmarks."""
    tools.install((CLANG, LLD), log)
    folder = FOLDER / "wasm"
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(PROGRAMS.glob("*.c")):
        shared = "matomics" in source.read_text(encoding="utf-8")
        compiled = folder / f"{source.stem}.o"
        options = ("-matomics", "-mbulk-memory") if shared else ()
        target = ("--target=wasm32", "-O3", "-msimd128", "-ffreestanding")
        log.run("clang-14", *target, *options, "-c", source, "-o", compiled)
        memory = ("--shared-memory", f"--max-memory={1 << 29}") if shared else ()
        linked = folder / f"{source.stem}.wasm"
        log.run("wasm-ld-14", "--no-entry", "--import-memory", *memory, compiled, "-o", linked)
        compiled.unlink()


PEER_STEPS = (
    *STEPS,
    fetch("wllama/3.8.1", "wllama/2.4.0", "llama-cpp-python"),
    Step(
        "llama",
        "building llama.cpp for AVX2, which takes some minutes",
        llama,
        lambda: [BENCH / "requirements.txt", SDIST / ".source.json", *COMMON, *AVX2],
        (LLAMA_PYTHON,),
        ("tools", "venv", "fetch-wllama"),
    ),
    Step(
        "llama-full",
        "building llama.cpp's kernels for this very processor",
        llama_full,
        lambda: [SDIST / ".source.json", *COMMON, str(os.cpu_count())],
        (LLAMA / "full" / "libggml-cpu.so",),
        ("llama",),
    ),
    Step(
        "reservoirpy",
        "installing reservoirpy",
        reservoirpy,
        lambda: [BENCH / "reservoirpy.txt"],
        (RESERVOIRPY / "bin" / "python",),
        ("tools", "venv"),
    ),
    Step(
        "bench-programs",
        "compiling the benchmarks' own WebAssembly",
        programs,
        lambda: [PROGRAMS, Path(__file__)],
        (FOLDER / "wasm" / "bandwidth.wasm",),
        ("tools",),
    ),
)
