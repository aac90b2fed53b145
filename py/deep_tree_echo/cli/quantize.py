"""``dte quantize``: an rwkv.cpp file in a smaller type."""

from __future__ import annotations

import argparse

from .convert import add_requantize, report
from .progress import bar
from .types import TYPE_NAMES, tensor_type

NAME = "quantize"
SUMMARY = "write an FP32 or FP16 file of rwkv.cpp in another type"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describes what the command takes."""
    parser.add_argument("source", metavar="IN", help="the file to read")
    parser.add_argument("destination", metavar="OUT", help="the file to write")
    parser.add_argument("type", metavar="TYPE", type=tensor_type, help=TYPE_NAMES)
    add_requantize(parser)


def run(arguments: argparse.Namespace) -> int:
    """Quantises; prints one line on what was written."""
    from ..convert import quantize_file

    with bar(arguments.destination) as progress:
        done = quantize_file(
            arguments.source,
            arguments.destination,
            arguments.type,
            allow_requantize=arguments.allow_requantize,
            progress=progress,
        )
    report(done, arguments.destination)
    return 0
