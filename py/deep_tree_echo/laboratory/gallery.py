"""The gallery of membrane systems: what each shows, what can be chosen, and how it is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..dtesn.psystem import PSystem
from ..errors import ArgumentError
from .systems import dissolving, divides, satisfiable, squares, subset_sum

__all__ = ["GALLERY", "Example", "Parameter"]

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a visitor may choose; ``least`` and ``most`` make it an integer."""

    name: str
    label: str
    value: str
    least: int | None = None
    most: int | None = None

    def read(self, text: str) -> Any:
        """The value that a text stands for.

        Raises
        ------
        ArgumentError
            If it is no integer in the range of one that must be.
        """
        if self.least is None or self.most is None:
            return text
        value = int(text) if re.fullmatch(r"\s*[+-]?\d{1,9}\s*", text) else None
        if value is None or not self.least <= value <= self.most:
            raise ArgumentError(
                f"{self.label} is {text!r}; it must be an integer from {self.least} to {self.most}."
            )
        return value

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "label": self.label,
            "value": self.value,
            "least": self.least,
            "most": self.most,
        }


@dataclass(frozen=True, slots=True)
class Example:
    """One system of the gallery."""

    id: str
    title: str
    about: str
    parameters: tuple[Parameter, ...]
    make: Callable[..., tuple[PSystem, str]]

    def open(self, given: Mapping[str, str], **rest: Any) -> tuple[PSystem, str]:
        """The system with the chosen values, and what it is in one line."""
        values = {
            item.name: item.read(given.get(item.name, item.value)) for item in self.parameters
        }
        return self.make(**values, **rest)

    def to_json(self) -> dict[str, Any]:
        """Plain values, but for how it is made."""
        return {
            "id": self.id,
            "title": self.title,
            "about": self.about,
            "parameters": [item.to_json() for item in self.parameters],
        }


def _squares(**rest: Any) -> tuple[PSystem, str]:
    return squares(**rest), "The seed decides n."


def _divides(k: int, n: int, **rest: Any) -> tuple[PSystem, str]:
    return divides(k, n, **rest), f"Does {k} divide {n}?"


def _satisfiable(clauses: str, **rest: Any) -> tuple[PSystem, str]:
    formula = _clauses(clauses)
    n = max(abs(literal) for clause in formula for literal in clause)
    words = [
        " ∨ ".join(("¬" if literal < 0 else "") + _indexed("x", abs(literal)) for literal in clause)
        for clause in formula
    ]
    return satisfiable(n, formula, **rest), " ∧ ".join(f"({word})" for word in words)


def _subset_sum(weights: str, target: int, **rest: Any) -> tuple[PSystem, str]:
    chosen = _integers(weights, "the weights", 1, 99)
    if not 1 <= len(chosen) <= 7:
        raise ArgumentError(f"there are {len(chosen)} weights; give from 1 to 7.")
    listed = ", ".join(map(str, chosen))
    return subset_sum(chosen, target, **rest), f"How many subsets of {listed} sum to {target}?"


def _dissolving(depth: int, copies: int, **rest: Any) -> tuple[PSystem, str]:
    return (
        dissolving(depth, copies, **rest),
        f"{copies} copies of a pass {depth - 1} dissolving membranes.",
    )


def _clauses(text: str) -> list[list[int]]:
    clauses = [_integers(part, "a clause", -6, 6) for part in text.split(",")]
    if not 1 <= len(clauses) <= 12 or not all(clauses) or any(0 in clause for clause in clauses):
        raise ArgumentError(
            f"the clauses are {text!r}; give 1 to 12 clauses with commas between them, each of "
            "literals such as 1 or -2."
        )
    return clauses


def _integers(text: str, what: str, least: int, most: int) -> list[int]:
    found = []
    for word in text.replace(",", " ").split():
        value = int(word) if re.fullmatch(r"[+-]?\d{1,9}", word) else None
        if value is None or not least <= value <= most:
            raise ArgumentError(
                f"{what} has {word!r}; it must be an integer from {least} to {most}."
            )
        found.append(value)
    return found


def _indexed(name: str, index: int) -> str:
    return name + str(index).translate(_SUBSCRIPTS)


GALLERY = (
    Example(
        "squares",
        "Square numbers",
        "Membrane 3 makes one b for each step that it lives, then dissolves; every b sends one c "
        "into membrane 4 in each of as many steps. When it halts, membrane 4 holds n² copies of c.",
        (),
        _squares,
    ),
    Example(
        "divides",
        "Divisibility",
        "Membrane 2 takes k copies of a away, again and again, until none is left; if the last "
        "round came out even, k divides n. The answer, yes or no, appears in membrane 3.",
        (Parameter("k", "k", "3", 1, 99), Parameter("n", "n", "12", 0, 999)),
        _divides,
    ),
    Example(
        "satisfiable",
        "Satisfiability by division",
        "Membrane 2 divides once for each variable, so that all assignments are tried at once, "
        "each in a membrane of its own; k then walks over the clauses. The skin sends yes or no "
        "into the environment after a number of steps that grows only linearly.",
        (Parameter("clauses", "Clauses (1 −2 is x₁ or not x₂)", "1 -2, 2 3, -1 -3"),),
        _satisfiable,
    ),
    Example(
        "subset-sum",
        "Subset sum",
        "Each division decides for one weight whether it is taken; taken weights are copies of s. "
        "A membrane with exactly as many s as the target sends yes into the skin.",
        (
            Parameter("weights", "Weights", "3 5 6 2"),
            Parameter("target", "Target", "8", 1, 999),
        ),
        _subset_sum,
    ),
    Example(
        "dissolving",
        "Dissolution",
        "Each membrane doubles its copies of a and dissolves, so that what it holds goes on in the "
        "membrane around it. Only the skin is left, with all of them.",
        (
            Parameter("depth", "Membranes", "5", 2, 12),
            Parameter("copies", "Copies of a", "3", 1, 99),
        ),
        _dissolving,
    ),
)
"""All of them, in the order of the page."""
