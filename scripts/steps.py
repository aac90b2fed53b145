"""Steps of a build: what each needs, whether it is fresh, and running them side by side."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

__all__ = ["BUILD", "ROOT", "Log", "Step", "StepError", "fingerprint", "run_steps", "say"]

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
SKIPPED = {"__pycache__", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
WORKERS = 4
# A sign of life from steps that take long.
BEAT_S = 10.0
# Nothing takes so long; what does hangs.
LIMIT_S = 1800.0


class StepError(Exception):
    """A step cannot be done; the message is one sentence for the user."""


def say(text: str) -> None:
    """Print a line at once, whole even when several threads print."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Log:
    """The log file of one step, and the processes that the step starts.

    Parameters
    ----------
    name : str
        The step's name; the file is ``build/log/NAME.log``.

    Attributes
    ----------
    path : Path
        The log file.
    last : str
        The last line that was printed.
    cpu_s : float
        Processor time of the processes that have ended, seconds.
    """

    _running: ClassVar[set[subprocess.Popen[str]]] = set()
    _guard = threading.Lock()
    _stopping = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = BUILD / "log" / f"{name}.log"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("", encoding="utf-8")
        self.last = ""
        self.cpu_s = 0.0

    def run(
        self,
        *command: str | Path,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        show: bool = False,
    ) -> None:
        """Run a command and keep what it prints.

        Parameters
        ----------
        *command : str or Path
            The program and its arguments.
        cwd : Path
            Where it runs.
        env : mapping, optional
            Variables beside those of this process.
        show : bool
            Print its lines as they come, too.

        Raises
        ------
        StepError
            If it cannot be started or ends with another code than 0.
        """
        code = self.code_of(*command, cwd=cwd, env=env, show=show)
        if code != 0:
            tool = Path(command[0]).name
            where = self.path.relative_to(ROOT)
            raise StepError(f"{self.name}: {tool} ended with code {code}; see {where}.")

    def code_of(
        self,
        *command: str | Path,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        show: bool = False,
        limit_s: float = LIMIT_S,
    ) -> int:
        """Run a command as `run` does, and return its exit code instead of raising.

        After ``limit_s`` seconds it is ended, and that is a `StepError`.
        """
        words = [str(word) for word in command]
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(words)}\n")
            file.flush()
            with self._guard:
                if Log._stopping:
                    raise StepError(f"{self.name}: stopped.")
                try:
                    process = subprocess.Popen(
                        words,
                        cwd=cwd,
                        env={**os.environ, **(env or {})},
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        text=True,
                        errors="replace",
                        start_new_session=True,
                    )
                except FileNotFoundError:
                    raise StepError(f"{self.name}: there is no {words[0]}.") from None
                self._running.add(process)
            late = threading.Event()
            timer = threading.Timer(limit_s, self._end, (process, late))
            timer.daemon = True
            timer.start()
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    file.write(line)
                    file.flush()
                    if line.strip():
                        self.last = line.strip()
                        if show:
                            say(f"  {self.name} | {line.rstrip()}")
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_s += usage.ru_utime + usage.ru_stime
                if late.is_set():
                    raise StepError(f"{self.name}: {words[0]} did not end within {limit_s:.0f} s.")
                return process.returncode
            finally:
                timer.cancel()
                with self._guard:
                    self._running.discard(process)

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        text = self.path.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    @staticmethod
    def _end(process: subprocess.Popen[str], late: threading.Event) -> None:
        late.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)

    @classmethod
    def stop_all(cls) -> None:
        """End every process that a step has started and that still runs."""
        with cls._guard:
            cls._stopping = True
            for process in cls._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)

    @classmethod
    def allow(cls) -> None:
        """Let steps start processes again after `stop_all`."""
        with cls._guard:
            cls._stopping = False


@dataclass(frozen=True)
class Step:
    """One thing to build.

    Attributes
    ----------
    name : str
        Its name.
    title : str
        What it does, for the user.
    run : callable
        Does it; told the log.
    inputs : callable
        The files, folders and values that it depends on, asked for after the steps it needs.
    outputs : tuple of Path
        What must be there afterwards.
    needs : tuple of str
        The steps that come before it.
    """

    name: str
    title: str
    run: Callable[[Log], None]
    inputs: Callable[[], Iterable[Path | str]]
    outputs: tuple[Path, ...] = ()
    needs: tuple[str, ...] = ()

    def stamp(self) -> str:
        """Return the hash of everything that decides what this step makes."""
        try:
            source = inspect.getsource(self.run)
        except OSError:
            source = ""
        return fingerprint([self.name, source, *self.inputs()])


def fingerprint(inputs: Iterable[Path | str]) -> str:
    """Hash files by content, folders by their files, and strings by value.

    Parameters
    ----------
    inputs : iterable of Path or str
        What to hash, in a fixed order; a file that does not exist counts as such.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            digest.update(f"value {item}\n".encode())
            continue
        for path in _files(item):
            name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            content = path.read_bytes() if path.exists() else b"missing"
            digest.update(f"file {name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(set(folders) - SKIPPED)
        found += [Path(folder, name) for name in sorted(names)]
    return found


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the lock of ``build/``: two builds at once wait for one another."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another build is running here; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_steps(steps: Iterable[Step], wanted: Iterable[str]) -> None:
    """Bring steps up to date, side by side where they do not need one another.

    Parameters
    ----------
    steps : iterable of Step
        All that are known.
    wanted : iterable of str
        The names to bring up to date; what they need is added.

    Raises
    ------
    StepError
        If one fails; those beside it are stopped.
    """
    known = {step.name: step for step in steps}
    todo: dict[str, Step] = {}

    def add(name: str) -> None:
        for need in known[name].needs:
            add(need)
        todo.setdefault(name, known[name])

    for name in wanted:
        add(name)
    start = time.monotonic()
    with only_one():
        made = _run_all(todo)
    names = f" ({', '.join(made)})" if made else ""
    say(f"Up to date after {time.monotonic() - start:.1f} s; {len(made)} steps run{names}.")


def _run_all(todo: dict[str, Step]) -> list[str]:
    done: set[str] = set()
    made: list[str] = []
    running: dict[Future[bool], tuple[Step, Log, float]] = {}
    beat = time.monotonic() + BEAT_S
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            while len(done) < len(todo):
                busy = {step.name for step, _, _ in running.values()}
                for step in todo.values():
                    if step.name in done | busy or not done.issuperset(step.needs):
                        continue
                    log = Log(step.name)
                    running[pool.submit(_refresh, step, log)] = (step, log, time.monotonic())
                finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in finished:
                    step, log, began = running.pop(future)
                    try:
                        ran = future.result()
                    except StepError:
                        if tail := log.tail():
                            say(f"{step.name} failed; the end of its log:\n{tail}")
                        raise
                    done.add(step.name)
                    if ran:
                        made.append(step.name)
                        seconds = time.monotonic() - began
                        count = f"[{len(done)}/{len(todo)}]"
                        took = f"{seconds:.1f} s (processor {log.cpu_s:.1f} s)"
                        say(f"{count} {step.name}: done in {took}")
                if running and time.monotonic() > beat:
                    beat = time.monotonic() + BEAT_S
                    for _, log, began in running.values():
                        seconds = time.monotonic() - began
                        say(f"  ... {log.name} {seconds:.0f} s: {log.last[:100]}")
        except BaseException:
            Log.stop_all()
            raise
    return made


def _refresh(step: Step, log: Log) -> bool:
    path = BUILD / "stamps" / f"{step.name}.json"
    stamp = step.stamp()
    if path.exists() and all(output.exists() for output in step.outputs):
        with contextlib.suppress(ValueError):
            if json.loads(path.read_text(encoding="utf-8")) == stamp:
                return False
    say(f"  {step.name}: {step.title}")
    path.unlink(missing_ok=True)
    step.run(log)
    missing = [output for output in step.outputs if not output.exists()]
    if missing:
        raise StepError(f"{step.name} ended without making {missing[0]}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(stamp), encoding="utf-8")
    fresh.replace(path)
    return True
