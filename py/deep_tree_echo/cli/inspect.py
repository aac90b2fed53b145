"""``dte inspect``: what is in a model file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from .types import megabytes

if TYPE_CHECKING:
    from ..convert import Inspection

NAME = "inspect"
SUMMARY = "tell what is in a model file and what memory it needs"

_KINDS = {
    "rwkv.cpp": "rwkv.cpp file",
    "PyTorch": "PyTorch checkpoint",
    "safetensors": "safetensors file",
    "GGUF": "GGUF file",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describes what the command takes."""
    parser.add_argument("source", metavar="FILE", help="a file of any kind that 'convert' reads")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--budget",
        type=megabytes,
        default=600.0,
        metavar="MB",
        help="memory to compare with (default: 600, what the page allows)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints what is in the file."""
    from ..convert import inspect_file

    seen = inspect_file(arguments.source, arguments.budget)
    if arguments.json:
        print(json.dumps(asdict(seen), indent=2))
    else:
        print("\n".join(described(seen)))
    return 0


def described(seen: Inspection) -> Iterator[str]:
    """The lines for a reader."""
    yield f"{seen.name}: RWKV {seen.architecture}, {seen.type}, {_KINDS[seen.kind]}"
    heads = f", {seen.n_head} heads of {seen.head_size}" if seen.n_head else ""
    yield (
        f"  sizes       {seen.n_layer} layers, width {seen.n_embed}, channel mix {seen.n_ffn}"
        f"{heads}, vocabulary {seen.n_vocab}"
    )
    yield f"  parameters  {seen.n_parameters:,}"
    yield f"  file        {_mb(seen.n_bytes)}"
    yield f"  tokenizer   {seen.tokenizer}"
    if seen.memory is not None:
        memory = seen.memory
        yield (
            f"  memory      {_mb(memory.total)}: {_mb(memory.weights)} weights, "
            f"{_mb(memory.state)} state, {_mb(memory.work)} working memory"
        )
    elif not seen.loadable:
        yield "  memory      convert it first: dte convert IN OUT --format TYPE"
    yield ""
    yield f"  {'tensors':<12} {'':>6} {'parameters':>14} {'size':>12}"
    for group in seen.groups:
        types = ", ".join(f"{count} {name}" for name, count in group.types.items())
        yield (
            f"  {group.name:<12} {group.n_tensors:>6} {group.n_parameters:>14,} "
            f"{_mb(group.n_bytes):>12}  {types}"
        )
    yield ""
    yield f"  {'as':<12} {'file':>12} {'memory':>12}  within {seen.budget_mb:g} MB"
    for choice in seen.choices:
        needed = "?" if choice.memory_bytes is None else _mb(choice.memory_bytes)
        fits = {True: "yes", False: "no", None: "?"}[choice.fits]
        now = "  (this file)" if choice.type == seen.type and seen.kind == "rwkv.cpp" else ""
        yield f"  {choice.type:<12} {_mb(choice.file_bytes):>12} {needed:>12}  {fits}{now}"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
