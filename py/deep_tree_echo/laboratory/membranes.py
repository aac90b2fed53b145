"""The section of membrane systems: a system on the bench, and the steps that it makes."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..dtesn import plingua
from ..dtesn.configuration import Configuration
from ..dtesn.psystem import PSystem
from ..dtesn.records import Step
from ..dtesn.rewriting import Limits
from ..errors import ArgumentError, LimitError
from .gallery import GALLERY

__all__ = ["Membranes"]

LIMITS = Limits(membranes=512, objects=2**53 - 1)
"""What can still be seen; and JavaScript's integers are exact up to there."""

MOST_STEPS = 1000
"""Steps that are made, for the page keeps them all."""

MOST_SHOWN = 60_000
"""Membranes of all steps together."""

Flow = tuple[int, int, dict[str, int]]
"""From which membrane into which, 0 for the environment, and what goes there in a step."""


class Membranes:
    """A bench with one membrane system on it.

    Examples
    --------
    >>> bench = Membranes()
    >>> opened = bench.take("dissolving", {"depth": "3", "copies": "1"}, seed=0)
    >>> opened["frame"]["text"]
    "[[[a, d]'3]'2]'1"
    >>> made = bench.advance(10, seconds=1.0)
    >>> [frame["text"] for frame in made["frames"]], made["halted"]
    (["[[a*2, d]'2]'1", "[a*4, d]'1"], True)
    """

    def __init__(self) -> None:
        self._system: PSystem | None = None
        self._shown = 0

    def gallery(self) -> dict[str, Any]:
        """The systems to choose from, each with its parameters."""
        return {"systems": [example.to_json() for example in GALLERY]}

    def take(self, id: str, values: Mapping[str, str], seed: int) -> dict[str, Any]:
        """Puts a system of the gallery on the bench.

        Parameters
        ----------
        id : str
            Which one.
        values : mapping of str to str
            Its parameters, as texts.
        seed : int
            What decides among several ways.

        Returns
        -------
        dict
            The system, and its ``frame`` before the first step.

        Raises
        ------
        ArgumentError
            If there is none of that name, or a parameter cannot be.
        """
        for example in GALLERY:
            if example.id == id:
                system, line = example.open(values, seed=seed, limits=LIMITS)
                return self._open(system, example.title, line)
        raise ArgumentError(f"the gallery has no system {id!r}.")

    def read(self, text: str, seed: int) -> dict[str, Any]:
        """Puts an own system on the bench, in P-Lingua or as the JSON of `PSystem.to_json`.

        Raises
        ------
        ArgumentError
            If it cannot be read, with line and column where they are known, or is too large.
        BackendError
            If P-Lingua's parser is missing.
        """
        if text.lstrip().startswith("{"):
            with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
                document = json.loads(text)
                given = document.get("limits") or asdict(LIMITS)
                document["limits"] = {
                    name: min(most, given[name]) for name, most in asdict(LIMITS).items()
                }
                text = json.dumps(document | {"seed": seed})
            system = PSystem.from_json(text)
        else:
            system = plingua.read(text, seed=seed, limits=LIMITS)
        return self._open(system, "Own system", "")

    def restart(self, seed: int) -> dict[str, Any]:
        """Back to the start, perhaps with another seed; gives the ``frame`` there."""
        system = self._ready()
        system.reset(seed)
        self._shown = 0
        return {"frame": self._frame(system.configuration, (), ())}

    def advance(self, most: int, seconds: float) -> dict[str, Any]:
        """Makes steps.

        Parameters
        ----------
        most : int
            So many at most.
        seconds : float
            No further one begins after that time.

        Returns
        -------
        dict
            ``frames``, one for each step; ``halted``; and ``limit``, the sentence that says why
            it cannot go on although it has not halted.
        """
        system = self._ready()
        frames: list[dict[str, Any]] = []
        end = time.perf_counter() + seconds
        halted, limit = False, None
        while len(frames) < most and not halted and limit is None:
            before = system.configuration
            limit = self._limit(before)
            if limit is not None:
                break
            try:
                step = system.step()
            except LimitError as error:
                limit = str(error)
                break
            if step.halted:
                halted = True
                break
            flows = self._flows(before, step)
            frames.append(self._frame(system.configuration, self._applied(step), flows))
            if time.perf_counter() >= end:
                break
        return {"frames": frames, "halted": halted, "limit": limit}

    def write(self, form: str) -> dict[str, Any]:
        """The system on the bench, as a text: ``"plingua"`` at its start, or ``"json"`` as it is.

        Raises
        ------
        ArgumentError
            If P-Lingua has no form for one of its rules.
        """
        system = self._ready()
        if form == "plingua":
            return {"text": plingua.write(system)}
        return {"text": json.dumps(system.to_json(), indent=1, ensure_ascii=False)}

    # ------------------------------------------------------------------ records

    def _ready(self) -> PSystem:
        if self._system is None:
            raise ArgumentError("no system is on the bench; take one from the gallery first.")
        return self._system

    def _open(self, system: PSystem, title: str, line: str) -> dict[str, Any]:
        start = system.configuration
        if len(start.membranes) > LIMITS.membranes:
            raise ArgumentError(
                f"the system begins with {len(start.membranes)} membranes; the laboratory shows "
                f"at most {LIMITS.membranes}."
            )
        total = start.environment.size + sum(item.contents.size for item in start.membranes)
        if total > LIMITS.objects:
            raise ArgumentError(
                f"the system begins with {total} objects; the laboratory counts at most "
                f"{LIMITS.objects}."
            )
        self._system, self._shown = system, 0
        try:
            source: str | None = plingua.write(system)
        except ArgumentError:
            source = None  # priorities that P-Lingua cannot order; the JSON has them
        return {
            "title": title,
            "line": line,
            "model": system.model,
            "engine": system.engine,
            "output": system.output,
            "seed": system.seed,
            "source": source,
            "priorities": [list(pair) for pair in system.priorities],
            "rules": [
                {
                    "name": system.name_of(index),
                    "text": rule.text(system.model),
                    "label": rule.label,
                    "probability": rule.probability,
                }
                for index, rule in enumerate(system.rules)
            ],
            "frame": self._frame(start, (), ()),
        }

    def _limit(self, now: Configuration) -> str | None:
        if now.step >= MOST_STEPS:
            return (
                f"The system has not halted after {MOST_STEPS} steps; the laboratory keeps no "
                "more. Export the trace, or go back to the start with another seed."
            )
        if self._shown + len(now.membranes) > MOST_SHOWN:
            return (
                f"The steps so far hold {self._shown} membranes together; the laboratory keeps no "
                f"more than {MOST_SHOWN}. Export the trace, or go back to the start."
            )
        return None

    def _frame(
        self,
        now: Configuration,
        applied: list[dict[str, Any]] | tuple[()],
        flows: list[Flow] | tuple[()],
    ) -> dict[str, Any]:
        self._shown += len(now.membranes)
        return {
            "step": now.step,
            "environment": dict(now.environment),
            "membranes": [item.to_json() for item in now.membranes],
            "applied": list(applied),
            "flows": list(flows),
            "text": str(now),
            "result": str(now.holding(self._ready().output)),
        }

    @staticmethod
    def _applied(step: Step) -> list[dict[str, Any]]:
        return [
            {
                "rule": item.rule,
                "name": item.name,
                "membrane": item.membrane,
                "label": item.label,
                "times": item.times,
            }
            for item in step.applied
        ]

    def _flows(self, before: Configuration, step: Step) -> list[Flow]:
        """What crosses membranes in a step; of one that dissolves, all that it held before."""
        rules = self._ready().rules
        regions = {item.id: item for item in before.membranes}
        flows: dict[tuple[int, int], dict[str, int]] = {}

        def move(source: int, target: int, objects: Mapping[str, int], times: int) -> None:
            moved = flows.setdefault((source, target), {})
            for name, count in objects.items():
                moved[name] = moved.get(name, 0) + times * count

        for item in step.applied:
            rule, around = rules[item.rule], regions[item.membrane].parent
            move(around, item.membrane, rule.take_outside, item.times)
            move(item.membrane, around, rule.give_outside, item.times)
            for child, (_, objects) in zip(item.into, rule.give_inner, strict=True):
                move(item.membrane, child, objects, item.times)
            if rule.effect == "dissolve":
                move(item.membrane, around, regions[item.membrane].contents, 1)
        return [(source, target, moved) for (source, target), moved in flows.items() if moved]
