"""The command line of ``build.sh``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from types import FrameType

from scripts import bench, checks, serve, site
from scripts.recipe import STEPS
from scripts.steps import StepError, run_steps


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="./build.sh",
        description="Build, serve, test and measure Deep Tree Echo.",
        epilog="Everything that is made lies under build/ and .venv/.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser("serve", help="build the page and serve it")
    command.add_argument("--port", type=int, default=8080, help="8080; 0 takes a free one")
    command.add_argument("--host", default="127.0.0.1", help="the address to listen at")
    command = commands.add_parser("test", help="run every check and test, or those named")
    command.add_argument("selection", nargs="*", metavar="CHECK", help="names; see the summary")
    commands.add_parser("site", help="build the page into build/site/")
    commands.add_parser("native", help="build libecho for this machine, and .venv")
    command = commands.add_parser("bench", help="measure against the peers")
    command.add_argument("names", nargs="*", metavar="NAME", help="a module of tests/bench/")
    commands.add_parser("oracles", help="make the golden files afresh with the heavy oracles")
    commands.add_parser("clean", help="remove everything that was made, downloads too")
    return parser.parse_args()


def run(options: argparse.Namespace) -> int:
    """Do what the command line says and return the exit code."""
    if options.command == "clean":
        site.clean()
        return 0
    if options.command == "native":
        run_steps(STEPS, ("native", "python-packages", "fetch-world"))
        return 0
    if options.command in ("site", "serve"):
        run_steps(STEPS, ("site",))
        if options.command == "site":
            print(f"The site is in {site.SITE}; any static server with these headers serves it.")
            return 0
        return serve.serve(site.SITE, options.host, options.port)
    if options.command == "test":
        return checks.run(options.selection)
    if options.command == "bench":
        return bench.bench(options.names)
    return bench.oracles()


def main() -> int:
    """Run a command; one sentence and 1 if it cannot be done."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    start = time.monotonic()
    try:
        return run(parse())
    except StepError as error:
        print(f"build.sh: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nInterrupted after {time.monotonic() - start:.0f} s.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
