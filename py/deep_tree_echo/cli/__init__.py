"""The command line, ``dte``: one command a module.

A command is a module with ``NAME``, ``SUMMARY``, ``add_arguments(parser)`` and
``run(arguments) -> int``. It prints its answer to standard output and raises `EchoError` for what
goes wrong; `main` prints the sentence. What is slow to import is imported in ``run``.
"""

from .main import main

__all__ = ["main"]
