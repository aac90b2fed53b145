"""Membrane systems (P systems) that run: transition systems and active membranes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Literal

from ..errors import ArgumentError, BackendError, LimitError
from .computations import Computations, explore
from .configuration import Configuration
from .definition import Definition
from .multiset import Multiset, MultisetLike
from .native import NativeStepper
from .parallel import Program
from .records import Application, Run, Step
from .rewriting import DEFAULT_LIMITS, Limits
from .rules import Model, Rule
from .steppers import ReferenceStepper, Stepper, checked_arrivals

__all__ = ["PSystem"]

Engine = Literal["auto", "libecho", "python"]
FORMAT = "deep-tree-echo/psystem"


class PSystem:
    """A membrane system and the configuration that it is in.

    In every step a maximal multiset of rules is applied: nothing that is left over could be used
    by one more application. The choice among several is random, by the seed.

    Parameters
    ----------
    structure : str
        The membranes as brackets with labels, ``"[[]'2 +[]'3]'1"``; a charge stands before.
    contents : mapping of str to multiset
        What the membranes of a label hold at the start, such as ``{"2": "a*3, b"}``.
    rules : iterable of Rule
        See `Rule` and its builders.
    model : {"transition", "active"}
        With ``"active"``, the membranes are active: each can take part in only one rule a step
        that moves objects through it, changes its charge, dissolves or divides it (Păun 2001).
        With ``"transition"`` that holds only for division and changes of charge.
    priorities : iterable of (str, str)
        Pairs of rule names, the stronger first; both rules have the same label. They are strong
        (Păun 2000): a rule rests while a stronger one can be applied on the same membrane.
    environment : multiset
        What the environment holds at the start.
    supply : iterable of str
        Objects that the environment has without end.
    output : str
        The label of the membranes whose contents are the result, or ``"environment"``.
    seed : int
        In [0, 2**64).
    limits : Limits
        How large the system may grow.
    engine : {"auto", "libecho", "python"}
        What makes the steps; both do the same. ``"auto"`` takes libecho if it is there.

    Raises
    ------
    ArgumentError
        If labels, multiplicities, probabilities or priorities do not fit together.
    BackendError
        If the engine is to be libecho and that is missing.

    Examples
    --------
    >>> from deep_tree_echo.dtesn.rules import evolve
    >>> system = PSystem(
    ...     "[]'1", {"1": "a*4, b"}, [evolve("1", "a*2", "c"), evolve("1", "a, b", "d")], seed=7
    ... )
    >>> run = system.run()
    >>> print(run.steps, run.output)
    1 b, c*2
    >>> sorted(str(final.holding("1")) for final in system.configurations().halting)
    ['a, c, d', 'b, c*2']
    """

    def __init__(
        self,
        structure: str,
        contents: Mapping[str, MultisetLike] | None = None,
        rules: Iterable[Rule] = (),
        *,
        model: Model = "transition",
        priorities: Iterable[tuple[str, str]] = (),
        environment: MultisetLike = "",
        supply: Iterable[str] = (),
        output: str | None = None,
        seed: int = 0,
        limits: Limits = DEFAULT_LIMITS,
        engine: Engine = "auto",
    ) -> None:
        self._is = Definition(
            structure,
            {label: Multiset.of(objects) for label, objects in (contents or {}).items()},
            tuple(rules),
            model,
            tuple((stronger, weaker) for stronger, weaker in priorities),
            Multiset.of(environment),
            frozenset(supply),
            output,
        )
        self.limits = limits
        self.seed = _checked_seed(seed)
        found = self._is
        self._program = Program(list(found.rules), model, found.stronger, found.supply)
        self._objects = frozenset(found.objects())
        self._stepper: Stepper = self._make_stepper(engine)
        self.reset(seed)

    # --------------------------------------------------------------- definition

    @property
    def structure(self) -> str:
        """The membranes at the start, as brackets with labels."""
        return self._is.structure

    @property
    def contents(self) -> Mapping[str, Multiset]:
        """What the membranes of each label hold at the start."""
        return self._is.contents

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, by index."""
        return self._is.rules

    @property
    def model(self) -> Model:
        """Which rules need their membrane for themselves."""
        return self._is.model

    @property
    def priorities(self) -> tuple[tuple[str, str], ...]:
        """Pairs of rule names, the stronger first."""
        return self._is.priorities

    @property
    def stronger(self) -> Mapping[int, frozenset[int]]:
        """For each rule by index all that are stronger."""
        return self._is.stronger

    @property
    def environment(self) -> Multiset:
        """What the environment holds at the start."""
        return self._is.environment

    @property
    def supply(self) -> frozenset[str]:
        """The objects that the environment has without end."""
        return self._is.supply

    @property
    def output(self) -> str:
        """The label of the membranes whose contents are the result, or ``"environment"``."""
        assert self._is.output is not None
        return self._is.output

    def name_of(self, rule: int) -> str:
        """The name of a rule by its index; ``"r1"`` for the first if it has none."""
        return self._is.name_of(rule)

    # ------------------------------------------------------------------ running

    @property
    def engine(self) -> str:
        """What makes the steps: ``"libecho"`` or ``"python"``."""
        return self._stepper.name

    @property
    def steps(self) -> int:
        """How many steps have been made."""
        return self._stepper.steps

    @property
    def configuration(self) -> Configuration:
        """The configuration that the system is in."""
        return self._stepper.configuration()

    def reset(self, seed: int | None = None) -> None:
        """Goes back to the start, with the same seed or another."""
        self.seed = self.seed if seed is None else _checked_seed(seed)
        self._stepper.start(self._is.start, self.seed)

    @property
    def holdings(self) -> dict[int, dict[str, int]]:
        """What each membrane holds, by number, in plain dictionaries; 0 is the environment."""
        return self._stepper.holdings()

    def add(self, arriving: Mapping[int, MultisetLike]) -> None:
        """Puts objects into membranes between two steps: input from outside.

        Parameters
        ----------
        arriving : mapping of int to multiset
            By number of the membrane; 0 is the environment.

        Raises
        ------
        ArgumentError
            If there is no such membrane, or no rule knows an object; nothing has been put in.
        LimitError
            If there would be more objects than the limits allow; likewise.

        Examples
        --------
        >>> from deep_tree_echo.dtesn.rules import evolve
        >>> system = PSystem("[]'1", {}, [evolve("1", "a*2", "b")])
        >>> system.add({1: "a*5"})
        >>> system.run().steps, system.holdings
        (1, {0: {}, 1: {'a': 1, 'b': 2}})
        """
        self._stepper.add(
            checked_arrivals(arriving, self.holdings, self._objects, self.supply, self.limits)
        )

    def step(self) -> Step:
        """Makes one step.

        Returns
        -------
        Step
            What was applied; nothing if the system has halted.

        Raises
        ------
        LimitError
            If there would be more objects or membranes than the limits allow; the system stays
            as it was.
        """
        labels, chosen = self._stepper.step()
        return Step(
            self._stepper.steps,
            tuple(
                Application(
                    instance.rule,
                    self.name_of(instance.rule),
                    instance.membrane,
                    labels[instance.membrane],
                    times,
                    instance.into,
                )
                for instance, times in chosen
            ),
        )

    def advance(self, steps: int = 1) -> int:
        """Makes up to so many steps without telling what they applied.

        Returns
        -------
        int
            How many were made: fewer if the system has halted.

        Raises
        ------
        LimitError
            As `step`.
        """
        before = self.steps
        self._stepper.run(_checked_steps(steps, "steps"))
        return self.steps - before

    def run(self, max_steps: int = 10_000, *, trace: bool = False) -> Run:
        """Makes steps until the system halts.

        Parameters
        ----------
        max_steps : int
            The most steps to make now.
        trace : bool
            Keep what each step did.

        Returns
        -------
        Run
            The result.

        Raises
        ------
        LimitError
            If it has not halted by then, or has grown too large; the system stays in the last
            configuration that it reached.

        Examples
        --------
        >>> from deep_tree_echo.dtesn.rules import evolve
        >>> PSystem("[]'1", {"1": "a"}, [evolve("1", "a", "a")]).run(100)
        Traceback (most recent call last):
        ...
        deep_tree_echo.errors.LimitError: The system has not halted after 100 steps; allow more
        with max_steps, or make single steps.
        """
        _checked_steps(max_steps, "max_steps")
        kept: list[Step] = []
        if trace:
            while len(kept) < max_steps and not (step := self.step()).halted:
                kept.append(step)
            halted = self._stepper.halted()
        else:
            halted = self._stepper.run(max_steps)
        if not halted:
            raise LimitError(
                f"The system has not halted after {self.steps} steps; allow more with max_steps, "
                "or make single steps."
            )
        return Run(self.steps, self.result(), tuple(kept))

    def result(self) -> Multiset:
        """What the output region holds now."""
        return self.configuration.holding(self.output)

    def configurations(self, limit: int = 10_000, steps: int | None = None) -> Computations:
        """All configurations that can be reached from the start, with every choice.

        Parameters
        ----------
        limit : int
            The most configurations.
        steps : int, optional
            Look no further than that many steps.

        Returns
        -------
        Computations
            The configurations, which leads to which, and which have halted.

        Raises
        ------
        LimitError
            If there are more, or one is larger than the system may grow.
        """
        return explore(self._program, self._is.start, self.limits, limit, steps)

    # --------------------------------------------------------------------- JSON

    def to_json(self) -> dict[str, Any]:
        """The system and where it stands, as plain dictionaries, lists, strings and numbers."""
        return {
            "format": FORMAT,
            "version": 1,
            "model": self.model,
            "structure": self.structure,
            "contents": {label: dict(objects) for label, objects in self.contents.items()},
            "rules": [rule.to_json() for rule in self.rules],
            "priorities": [list(pair) for pair in self.priorities],
            "environment": dict(self.environment),
            "supply": sorted(self.supply),
            "output": self.output,
            "seed": self.seed,
            "limits": asdict(self.limits),
            "state": {
                "configuration": self.configuration.to_json(),
                "random": self._stepper.random_state(),
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | str, *, engine: Engine = "auto") -> PSystem:
        """The system of `to_json`, which goes on as the one that was written.

        Raises
        ------
        ArgumentError
            If that is no such document, or its parts do not fit together.

        Examples
        --------
        >>> PSystem.from_json(PSystem("[]'1", {"1": "a"}).to_json()).contents
        {'1': Multiset('a')}
        """
        if isinstance(values, str):
            try:
                values = json.loads(values)
            except (ValueError, RecursionError) as error:
                raise ArgumentError(f"the text is no JSON: {error}.") from None
        if not isinstance(values, Mapping) or values.get("format") != FORMAT:
            raise ArgumentError(
                f"the document is no membrane system; its format must be {FORMAT!r}."
            )
        if values.get("version") != 1:
            raise ArgumentError(
                f"the document has version {values.get('version')!r}; this package reads 1."
            )
        try:
            system = cls(
                values["structure"],
                values["contents"],
                [Rule.from_json(rule) for rule in values["rules"]],
                model=values["model"],
                priorities=[(stronger, weaker) for stronger, weaker in values["priorities"]],
                environment=values["environment"],
                supply=values["supply"],
                output=values["output"],
                seed=values["seed"],
                limits=Limits(**values["limits"]),
                engine=engine,
            )
            if state := values.get("state"):
                system._restore(Configuration.from_json(state["configuration"]), state["random"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, ArgumentError):
                raise
            raise ArgumentError(f"the document is incomplete or damaged: {error!r}.") from None
        return system

    def _restore(self, configuration: Configuration, random: int) -> None:
        if not isinstance(random, int) or not 0 <= random < 2**64:
            raise ArgumentError(f"the random state is {random!r}; it must be below 2**64.")
        for membrane in configuration.membranes:
            if membrane.label not in self._is.labels:
                raise ArgumentError(
                    f"membrane {membrane.id} has the label {membrane.label!r}, which the system "
                    "does not know."
                )
        known = self._objects
        regions = [configuration.environment, *(m.contents for m in configuration.membranes)]
        for name in (name for objects in regions for name in objects):
            if name not in known:
                raise ArgumentError(
                    f"the configuration holds {name!r}, which the system does not know."
                )
        self._stepper.start(configuration, self.seed)
        self._stepper.set_random_state(random)

    # ----------------------------------------------------------------- checking

    def _make_stepper(self, engine: Engine) -> Stepper:
        if engine not in ("auto", "libecho", "python"):
            raise ArgumentError(
                f"the engine is {engine!r}; it must be 'auto', 'libecho' or 'python'."
            )
        if engine != "python":
            try:
                return NativeStepper(
                    self._program, self.limits, self._is.objects(), self._is.labels
                )
            except BackendError:
                if engine == "libecho":
                    raise
        return ReferenceStepper(self._program, self.limits)


def _checked_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise ArgumentError(f"the seed is {seed!r}; it must be an integer from 0 to 2**64 - 1.")
    return seed


def _checked_steps(steps: int, name: str) -> int:
    if not isinstance(steps, int) or not 0 <= steps < 2**53:
        raise ArgumentError(f"{name} is {steps!r}; it must be at least 0.")
    return steps
