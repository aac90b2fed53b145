"""``dte ask``: one question, one answer."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from . import talking

NAME = "ask"
SUMMARY = "ask a model one question"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describes what the command takes."""
    parser.add_argument("question", help="the question; '-' reads it from standard input")
    parser.add_argument("--schema", metavar="FILE", help="a JSON Schema that the answer follows")
    parser.add_argument("--grammar", metavar="FILE", help="a grammar (GBNF) that it follows")
    parser.add_argument("--json", action="store_true", help="the whole result, for programs")
    talking.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the answer as it comes."""
    from ..context import CognitiveContext

    question = sys.stdin.read() if arguments.question == "-" else arguments.question
    metadata: dict[str, Any] = {}
    if arguments.schema:
        metadata["json_schema"] = talking.json_file(arguments.schema)
    if arguments.grammar:
        metadata["grammar"] = Path(arguments.grammar).read_text(encoding="utf-8")
    context = CognitiveContext("dte ask", question, metadata=metadata)
    engine = talking.open_engine(arguments)
    try:
        with talking.stopped_by_ctrl_c(lambda: engine.stop(context.session_id)):
            write = _nothing if arguments.json else _shown
            result = talking.show(engine.process(context), write)
    finally:
        engine.close()
    if arguments.json:
        print(json.dumps(result.to_json(), indent=2))
    else:
        print()
    return 0


def _shown(text: str) -> None:
    print(text, end="", flush=True)


def _nothing(text: str) -> None:
    pass
