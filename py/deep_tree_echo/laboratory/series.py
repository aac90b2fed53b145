"""Series to learn: those that the field uses, and a reader's own as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..dtesn.tasks import lorenz, mackey_glass, narma
from ..errors import ArgumentError

__all__ = ["TASKS", "Series", "Table", "known", "own", "read_table"]

LEAST_STEPS, MOST_STEPS = 200, 20_000
"""Steps that are learned from and shown."""

MOST_COLUMNS = 16
"""Columns that are learned at once."""

LORENZ_EXPONENT = 0.9056
"""The largest Lyapunov exponent of the system of Lorenz, per unit of time (Sprott 2003)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """What goes in, what is to come out, and in which units."""

    title: str
    inputs: Floats  # (T, n_inputs)
    targets: Floats  # (T, n_outputs), of the same time
    names: tuple[str, ...]  # (n_outputs,)
    unit: str  # of time
    interval: float  # between two steps, in that unit
    exponent: float | None = None  # the largest Lyapunov exponent, per unit of time

    @property
    def autonomous(self) -> bool:
        """Whether the future follows from the series alone, so that it can be run freely."""
        return self.inputs is self.targets


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file's numbers."""

    names: tuple[str, ...]  # (columns,)
    values: Floats  # (rows, columns)


TASKS = (
    {
        "id": "mackey-glass",
        "title": "Mackey-Glass",
        "about": "a delayed feedback, τ = 17: mild chaos",
        "free": True,
        "horizon": 84,
    },
    {
        "id": "narma",
        "title": "NARMA-10",
        "about": "an output of the last ten random inputs: memory and products",
        "free": False,
        "horizon": 0,
    },
    {
        "id": "lorenz",
        "title": "Lorenz",
        "about": "three variables of a convection: strong chaos",
        "free": True,
        "horizon": 1,
    },
    {
        "id": "own",
        "title": "Your own CSV",
        "about": "a file of numbers, read on this machine and kept here",
        "free": True,
        "horizon": 1,
    },
)
"""The tasks in the order of the page; whether they can run freely, and the usual horizon."""


def known(task: str, steps: int, seed: int) -> Series:
    """A series of the field's.

    Parameters
    ----------
    task : {"mackey-glass", "narma", "lorenz"}
        Which one.
    steps : int
        200 to 20000.
    seed : int
        In [0, 2**64).

    Raises
    ------
    ArgumentError
        If there is no such task, or a value is outside.

    Examples
    --------
    >>> series = known("lorenz", 300, seed=1)
    >>> series.targets.shape, series.names, series.autonomous
    ((300, 3), ('x', 'y', 'z'), True)
    """
    if not LEAST_STEPS <= steps <= MOST_STEPS:
        raise ArgumentError(f"{steps} steps; the laboratory takes {LEAST_STEPS} to {MOST_STEPS}.")
    if task == "mackey-glass":
        values = mackey_glass(steps, seed=seed)[:, None]
        return Series("Mackey-Glass", values, values, ("x",), "the equation's units", 1.0)
    if task == "lorenz":
        values = lorenz(steps, seed=seed)
        names = ("x", "y", "z")
        return Series(
            "Lorenz", values, values, names, "the equation's units", 0.02, LORENZ_EXPONENT
        )
    if task == "narma":
        inputs, targets = narma(steps, seed=seed)
        return Series("NARMA-10", inputs[:, None], targets[:, None], ("y",), "steps", 1.0)
    raise ArgumentError(f"there is no task {task!r}.")


def read_table(text: str) -> Table:
    r"""The numbers of a CSV text.

    Commas, semicolons, tabs or spaces divide it; a decimal comma is read where commas do not
    divide. A first line of names is taken as such. A column whose first cell is no number, such
    as a date, is left out.

    Parameters
    ----------
    text : str
        The file.

    Raises
    ------
    ArgumentError
        If a cell is no number or a line has another length, with line and column; or if the
        lines or columns of numbers are too few or too many.

    Examples
    --------
    >>> table = read_table("day;degrees\n" + "monday;12,5\n" * 200)
    >>> table.names, table.values.shape, float(table.values[0, 0])
    (('degrees',), (200, 1), 12.5)
    >>> read_table("1,2\n" * 200 + "3,four\n")
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: line 201, column 2 is 'four'; it must be a number.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    divider = next((mark for mark in ";\t," if mark in first), " ")
    point = "." if divider == "," else ","
    reader = csv.reader(
        io.StringIO(text.lstrip("\ufeff")), delimiter=divider, skipinitialspace=True
    )
    rows: list[list[float]] = []
    names: list[str] = []
    columns: list[int] = []
    width = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not width:
                width = len(cells)
                if all(_value(cell, point) is None for cell in cells):
                    names = [cell.strip() for cell in cells]
                    continue
            if len(cells) != width:
                raise ArgumentError(
                    f"line {reader.line_num} has {len(cells)} columns and the first one {width}; "
                    "all must have as many."
                )
            if not rows:
                columns = [j for j, cell in enumerate(cells) if _value(cell, point) is not None]
                if not 1 <= len(columns) <= MOST_COLUMNS:
                    raise ArgumentError(
                        f"line {reader.line_num} has {len(columns)} columns of numbers; the "
                        f"laboratory takes 1 to {MOST_COLUMNS}."
                    )
            if len(rows) == MOST_STEPS:
                raise ArgumentError(
                    f"the file has more than {MOST_STEPS} lines of numbers; leave out some."
                )
            rows.append([_number(cells[j], point, reader.line_num, j + 1) for j in columns])
    except csv.Error as error:
        raise ArgumentError(f"line {reader.line_num} cannot be read: {error}.") from None
    if len(rows) < LEAST_STEPS:
        raise ArgumentError(
            f"the file has {len(rows)} lines of numbers; at least {LEAST_STEPS} are needed to "
            "learn something."
        )
    known_names = [names[j] if names else "" for j in columns]
    titles = tuple(name or f"column {j + 1}" for name, j in zip(known_names, columns, strict=True))
    return Table(titles, np.array(rows))


def own(table: Table, columns: Sequence[int]) -> Series:
    """The chosen columns of a table as a series that goes on by itself.

    Parameters
    ----------
    table : Table
        The numbers.
    columns : sequence of int
        Which of its columns, from 0.

    Raises
    ------
    ArgumentError
        If there is no such column, or one of them is constant.
    """
    if not columns:
        raise ArgumentError("no column is chosen; choose at least one.")
    for j in columns:
        if not 0 <= j < len(table.names):
            raise ArgumentError(f"there is no column {j}; the last one is {len(table.names) - 1}.")
        if np.ptp(table.values[:, j]) == 0:
            raise ArgumentError(
                f"the column {table.names[j]!r} is the same in every line; choose another one."
            )
    values = np.ascontiguousarray(table.values[:, list(columns)])
    return Series(
        "Your own CSV", values, values, tuple(table.names[j] for j in columns), "lines", 1
    )


def _value(text: str, point: str) -> float | None:
    """The finite number that a cell holds, or ``None``."""
    try:
        value = float(text.strip().replace(",", ".") if point == "," else text.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _number(text: str, point: str, line: int, column: int) -> float:
    value = _value(text, point)
    if value is None:
        raise ArgumentError(
            f"line {line}, column {column} is {text.strip()[:40]!r}; it must be a number."
        )
    return value
