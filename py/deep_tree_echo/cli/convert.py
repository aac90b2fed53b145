"""``dte convert``: a model file of any kind into one of rwkv.cpp."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .progress import bar
from .types import TYPE_NAMES, tensor_type

if TYPE_CHECKING:
    from ..convert import Conversion

NAME = "convert"
SUMMARY = "turn a .pth, .safetensors, GGUF or rwkv.cpp file into one of rwkv.cpp"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describes what the command takes."""
    parser.add_argument("source", metavar="IN", help="the file to read")
    parser.add_argument("destination", metavar="OUT", help="the file to write")
    parser.add_argument(
        "--format",
        type=tensor_type,
        default="FP16",
        metavar="TYPE",
        help=f"type of the matrices: {TYPE_NAMES} (default: FP16)",
    )
    parser.add_argument(
        "--head",
        type=tensor_type,
        metavar="TYPE",
        help="type of the head, which quantised files otherwise keep in FP16",
    )
    add_requantize(parser)


def add_requantize(parser: argparse.ArgumentParser) -> None:
    """The option that lets rounded numbers be rounded again."""
    parser.add_argument(
        "--allow-requantize",
        action="store_true",
        help="start from a quantised file; the result is worse than one made from FP16",
    )


def run(arguments: argparse.Namespace) -> int:
    """Converts; prints one line on what was written."""
    from ..convert import convert_file

    with bar(arguments.destination) as progress:
        done = convert_file(
            arguments.source,
            arguments.destination,
            arguments.format,
            head=arguments.head,
            allow_requantize=arguments.allow_requantize,
            progress=progress,
        )
    report(done, arguments.destination)
    return 0


def report(done: Conversion, destination: str) -> None:
    """Prints what was written, and on standard error what to know about it."""
    for warning in done.warnings:
        print(f"dte: warning: {warning}", file=sys.stderr)
    size = f"{done.n_bytes / 1e6:.1f} MB"
    print(f"{destination}: RWKV {done.architecture}, {done.type.name}, {size}")
