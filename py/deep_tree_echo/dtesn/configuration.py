"""Configurations of membrane systems: which membranes there are, and what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from .multiset import EMPTY, Multiset
from .rules import Charge, check_charge, check_label

__all__ = ["Configuration", "Membrane", "parse_structure"]

_TOKEN = re.compile(r"\s*(?:([+-]?)\s*(\[)|(\])\s*(?:'\s*(\w+))?)")


@dataclass(frozen=True, slots=True)
class Membrane:
    """One membrane of a configuration.

    Attributes
    ----------
    id : int
        Its number; the skin is 1, and a membrane has a greater one than the membrane around it.
    parent : int
        The number of the membrane around it; 0, the environment, for the skin.
    label : str
        Which rules it has.
    charge : {"+", "0", "-"}
        Its charge.
    contents : Multiset
        Its objects.
    """

    id: int
    parent: int
    label: str
    charge: Charge
    contents: Multiset

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, strings and numbers."""
        return {
            "id": self.id,
            "parent": self.parent,
            "label": self.label,
            "charge": self.charge,
            "contents": dict(self.contents),
        }


@dataclass(frozen=True, slots=True)
class Configuration:
    """All membranes at one moment.

    Attributes
    ----------
    step : int
        After how many steps.
    environment : Multiset
        The objects outside the skin, without those of infinite supply.
    membranes : tuple of Membrane
        By number, so each comes after the membrane around it.
    next_id : int
        The number of the next new membrane.

    Examples
    --------
    >>> start = Configuration.start("[[]'2 []'2]'1", {"1": Multiset("a"), "2": Multiset("b*2")})
    >>> print(start)
    [a [b*2]'2 [b*2]'2]'1
    """

    step: int
    environment: Multiset
    membranes: tuple[Membrane, ...]
    next_id: int

    @classmethod
    def start(
        cls,
        structure: str,
        contents: Mapping[str, Multiset],
        environment: Multiset = EMPTY,
    ) -> Configuration:
        """The configuration before the first step; ``contents`` by label."""
        membranes = tuple(
            Membrane(id, parent, label, charge, contents.get(label, EMPTY))
            for id, parent, label, charge in parse_structure(structure)
        )
        return cls(0, environment, membranes, len(membranes) + 1)

    def holding(self, label: str) -> Multiset:
        """What all membranes of a label hold together; of ``"environment"``, what it holds."""
        if label == "environment":
            return self.environment
        total: dict[str, int] = {}
        for membrane in self.membranes:
            if membrane.label == label:
                for name, count in membrane.contents.items():
                    total[name] = total.get(name, 0) + count
        return Multiset.trusted(total)

    @property
    def structure(self) -> str:
        """The nested brackets with labels and charges, without objects."""
        return self._brackets(objects=False)

    def __str__(self) -> str:
        inside = self._brackets(objects=True)
        return f"{self.environment} {inside}" if self.environment else inside

    def _brackets(self, objects: bool) -> str:
        children: dict[int, list[Membrane]] = {}
        for membrane in self.membranes:
            children.setdefault(membrane.parent, []).append(membrane)
        words: list[str] = []
        # Closing brackets wait on the stack, as texts, below the membranes that they enclose.
        stack: list[Membrane | str] = list(reversed(children.get(0, ())))
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                words.append(item)
                continue
            sign = "" if item.charge == "0" else item.charge
            held = str(item.contents) if objects and item.contents else ""
            words.append(f" {sign}[{held}")
            stack.append(f"]'{item.label}")
            stack.extend(reversed(children.get(item.id, ())))
        return "".join(words).replace("[ ", "[").strip()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {
            "step": self.step,
            "environment": dict(self.environment),
            "membranes": [membrane.to_json() for membrane in self.membranes],
            "next_id": self.next_id,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Configuration:
        """The configuration of `to_json`.

        Raises
        ------
        ArgumentError
            If the membranes are no tree with the skin at its root.
        """
        try:
            membranes = tuple(
                Membrane(
                    int(item["id"]),
                    int(item["parent"]),
                    item["label"],
                    item["charge"],
                    Multiset(item["contents"]),
                )
                for item in values["membranes"]
            )
            found = cls(
                int(values["step"]),
                Multiset(values["environment"]),
                membranes,
                int(values["next_id"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ArgumentError):
                raise
            raise ArgumentError(f"the configuration cannot be read: {error!r}.") from None
        known = {0}
        last = 0
        for membrane in membranes:
            check_label(membrane.label)
            check_charge(membrane.charge)
            sound = membrane.id > last and membrane.parent in known
            if not sound or (membrane.parent == 0) != (membrane.id == 1):
                raise ArgumentError(
                    f"membrane {membrane.id} of the configuration lies in {membrane.parent}; "
                    "numbers must rise, and each membrane but the skin, 1, must lie in an earlier "
                    "one."
                )
            known.add(membrane.id)
            last = membrane.id
        if not 0 < last < found.next_id < 2**62 or found.step < 0:
            raise ArgumentError(
                f"the configuration has next_id {found.next_id} and step {found.step}; next_id "
                f"must be above {last}, and step at least 0."
            )
        return found


def parse_structure(text: str) -> Iterator[tuple[int, int, str, Charge]]:
    """Number, parent, label and charge of each membrane of nested brackets.

    Parameters
    ----------
    text : str
        Such as ``"[ +[]'2 []'3 ]'1"``; the charge stands before a membrane.

    Raises
    ------
    ArgumentError
        If the brackets do not match, a label is missing, or there is more than one skin.

    Examples
    --------
    >>> list(parse_structure("[+[]'2]'1"))
    [(1, 0, '1', '0'), (2, 1, '2', '+')]
    """
    found: list[tuple[int, str, Charge]] = []
    labels: dict[int, str] = {}
    open_ids: list[int] = []
    at = 0
    end = len(text.rstrip())

    def refuse(why: str) -> ArgumentError:
        return ArgumentError(f"the membrane structure {_short(text)} {why}.")

    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise refuse(f"has {text[at:].strip()[0]!r} at character {at + 1}; it must hold "
                         "brackets and labels only")  # fmt: skip
        sign, opens, _, label = token.groups()
        if opens:
            if not open_ids and found:
                raise refuse("has a second outermost membrane; put one skin around all")
            found.append((open_ids[-1] if open_ids else 0, "", sign or "0"))  # type: ignore[arg-type]
            open_ids.append(len(found))
        else:
            if not open_ids:
                raise refuse(f"closes a bracket at character {token.start(3) + 1} that was never "
                             "opened")  # fmt: skip
            if label is None:
                raise refuse(f"has no label after the bracket at character {token.start(3) + 1}; "
                             "write ]'label")  # fmt: skip
            check_label(label)
            labels[open_ids.pop()] = label
        at = token.end()
    if open_ids:
        raise refuse(f"leaves {len(open_ids)} brackets open; close each with ]'label")
    if not found:
        raise refuse("is empty; write at least the skin, []'1")
    for index, (parent, _, charge) in enumerate(found, 1):
        yield index, parent, labels[index], charge


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
