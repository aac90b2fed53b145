"""Level sequences of rooted trees, checked, and read from brackets."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Final

from ..errors import ArgumentError

__all__ = ["MAX_VERTICES", "check_count", "integers", "levels_of_text"]

MAX_VERTICES: Final = 512
"""The most vertices of a tree that is read from a text, a list or a level sequence."""


def check_count(count: int, name: str) -> None:
    """Raises `ArgumentError` unless a tree may have so many vertices."""
    if not 1 <= count <= MAX_VERTICES:
        raise ArgumentError(
            f"{name} describes {count} vertices; a tree has from 1 to {MAX_VERTICES}."
        )


def integers(values: Sequence[int], name: str) -> list[int]:
    """The values as integers of Python, at least one and at most `MAX_VERTICES`."""
    check_count(len(values), name)
    found = []
    for i, value in enumerate(values):
        try:
            found.append(index(value))
        except TypeError:
            raise ArgumentError(f"{name}[{i}] is {value!r}; it must be an integer.") from None
    return found


def levels_of_text(text: str) -> list[int]:
    """The levels that a bracket notation has; `RootedTree.parse` describes it."""
    if not isinstance(text, str):
        raise ArgumentError(f"text is {text!r}; it must be a tree such as '[[•],•]'.")
    levels: list[int] = []
    depth = 0
    for position, letter in enumerate(text):
        if depth == 0 and levels and not letter.isspace():
            raise ArgumentError(
                f"text goes on with {letter!r} at position {position}; the tree has ended before."
            )
        if letter in "[•*":
            levels.append(depth)
            depth += letter == "["
        elif letter == "]" and depth:
            depth -= 1
        elif not (letter.isspace() or (letter == "," and depth)):
            raise ArgumentError(
                f"text has {letter!r} at position {position}; only brackets, '•', '*', commas and "
                "blanks make a tree."
            )
    if depth:
        raise ArgumentError(f"text ends within {depth} open brackets; close them with ']'.")
    check_count(len(levels), "text")
    return levels
