"""Membrane systems (P systems) that run: transition systems and active membranes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..errors import ArgumentError, BackendError, LimitError
from .computations import Computations, explore
from .configuration import Configuration, parse_structure
from .multiset import Multiset, MultisetLike, check_object
from .native import NativeStepper
from .parallel import Program
from .rewriting import DEFAULT_LIMITS, Limits
from .rules import Model, Rule, check_label, probabilities
from .steppers import ReferenceStepper, Stepper

__all__ = ["Application", "PSystem", "Run", "Step"]

Engine = Literal["auto", "libecho", "python"]
FORMAT = "deep-tree-echo/psystem"
_MOST_LABELS = 65536


@dataclass(frozen=True, slots=True)
class Application:
    """A rule applied in a step.

    Attributes
    ----------
    rule : int
        Its index in `PSystem.rules`.
    name : str
        Its name, ``"r1"`` for the first if it has none.
    membrane : int
        The number of the membrane.
    label : str
        The label of the membrane.
    times : int
        How often it was applied.
    into : tuple of int
        The child membranes that its inner targets went to.
    """

    rule: int
    name: str
    membrane: int
    label: str
    times: int
    into: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in one step.

    Attributes
    ----------
    number : int
        The first is 1. A step that found the system halted has the number of the last one.
    applied : tuple of Application
        What was applied where, by membrane and rule; empty if the system has halted.
    """

    number: int
    applied: tuple[Application, ...]

    @property
    def halted(self) -> bool:
        """Whether nothing could be applied."""
        return not self.applied

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {
            "number": self.number,
            "applied": [asdict(item) | {"into": list(item.into)} for item in self.applied],
        }


@dataclass(frozen=True, slots=True)
class Run:
    """A computation that has halted.

    Attributes
    ----------
    steps : int
        How many steps it took, from the start of the system on.
    output : Multiset
        What the output region holds.
    trace : tuple of Step
        The steps of this run, if they were asked for.
    """

    steps: int
    output: Multiset
    trace: tuple[Step, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {
            "steps": self.steps,
            "output": dict(self.output),
            "trace": [step.to_json() for step in self.trace],
        }


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
        if model not in ("transition", "active"):
            raise ArgumentError(f"the model is {model!r}; it must be 'transition' or 'active'.")
        tree = list(parse_structure(structure))
        self.model: Model = model
        self.rules = tuple(rules)
        self.contents = {label: Multiset.of(objects) for label, objects in (contents or {}).items()}
        self.environment = Multiset.of(environment)
        self.supply = frozenset(supply)
        self.priorities = tuple((stronger, weaker) for stronger, weaker in priorities)
        self.limits = limits
        self.seed = _checked_seed(seed)
        skin = tree[0][2]
        self.output = skin if output is None else output
        self.labels = _labels(tree, self.rules)
        self._check(skin)
        self.stronger = self._stronger()
        self._program = Program(list(self.rules), model, self.stronger, self.supply)
        self._start = Configuration.start(structure, self.contents, self._seen_environment())
        self.structure = self._start.structure
        self._stepper: Stepper = self._make_stepper(engine)
        self.reset(seed)

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
        self._stepper.start(self._start, self.seed)

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
        if not isinstance(max_steps, int) or not 0 <= max_steps < 2**53:
            raise ArgumentError(f"max_steps is {max_steps!r}; it must be at least 0.")
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
        return explore(self._program, self._start, self.limits, limit, steps)

    def name_of(self, rule: int) -> str:
        """The name of a rule by its index."""
        return self.rules[rule].name or f"r{rule + 1}"

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
            if membrane.label not in self.labels:
                raise ArgumentError(
                    f"membrane {membrane.id} has the label {membrane.label!r}, which the system "
                    "does not know."
                )
        known = set(self._objects())
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
                return NativeStepper(self._program, self.limits, self._objects(), self.labels)
            except BackendError:
                if engine == "libecho":
                    raise
        return ReferenceStepper(self._program, self.limits)

    def _seen_environment(self) -> Multiset:
        kept = {name: n for name, n in self.environment.items() if name not in self.supply}
        return Multiset(kept)

    def _objects(self) -> list[str]:
        """Every object that can ever be there, once."""
        found = dict.fromkeys(self.environment)
        found.update(dict.fromkeys(sorted(self.supply)))
        for objects in self.contents.values():
            found.update(dict.fromkeys(objects))
        for rule in self.rules:
            inner = [objects for _, objects in rule.give_inner]
            made = [new.contents for new in rule.create]
            sides = (rule.take, rule.take_outside, rule.give, rule.give_outside, rule.second)
            for objects in (*sides, *inner, *made):
                found.update(dict.fromkeys(objects))
        return list(found)

    def _check(self, skin: str) -> None:
        if len(self.labels) > _MOST_LABELS:
            raise ArgumentError(
                f"the system has {len(self.labels)} labels; it may have at most {_MOST_LABELS}."
            )
        for name in self.supply:
            check_object(name)
        for label in self.contents:
            if label not in self.labels:
                raise ArgumentError(
                    f"contents names the membrane {label!r}, which the structure does not have."
                )
        if self.output != "environment":
            check_label(self.output)
            if self.output not in self.labels:
                raise ArgumentError(
                    f"output names the membrane {self.output!r}, which the structure does not have."
                )
        for rule in self.rules:
            if not isinstance(rule, Rule):
                raise ArgumentError(f"{rule!r} is no Rule; make one with evolve() or the like.")
            for label in (rule.label, *(name for name, _ in rule.give_inner)):
                if label not in self.labels:
                    raise ArgumentError(
                        f"the rule {rule} names the membrane {label!r}, which the structure does "
                        "not have."
                    )
            if rule.label == skin and rule.effect != "keep":
                raise ArgumentError(
                    f"the rule {rule} would {rule.effect} the skin; only membranes inside it can."
                )
            endless = not rule.take and all(name in self.supply for name in rule.take_outside)
            if rule.label == skin and endless and not rule.exclusive(self.model):
                raise ArgumentError(
                    f"the rule {rule} takes only objects of endless supply, so it would be applied "
                    "without end; let it take another one, too."
                )
        for side, chance in probabilities(self.rules, self.model).items():
            if abs(chance - 1.0) > 1e-6:
                raise ArgumentError(
                    f"the probabilities of the rules of membrane {side[0]!r} that take {side[2]} "
                    f"inside and {side[3]} outside sum to {chance:.6g}; they must sum to 1."
                )

    def _stronger(self) -> dict[int, frozenset[int]]:
        named: dict[str, int] = {}
        for index in range(len(self.rules)):
            name = self.name_of(index)
            if name in named:
                raise ArgumentError(f"two rules have the name {name!r}; give each its own.")
            named[name] = index
        direct: dict[int, set[int]] = {}
        for pair in self.priorities:
            for name in pair:
                if name not in named:
                    raise ArgumentError(f"priorities names the rule {name!r}, which is not there.")
            stronger, weaker = (named[name] for name in pair)
            if self.rules[stronger].label != self.rules[weaker].label:
                raise ArgumentError(
                    f"priorities compares {pair[0]!r} with {pair[1]!r}, which belong to different "
                    "membranes; only rules of one label can be compared."
                )
            direct.setdefault(weaker, set()).add(stronger)
        above: dict[int, frozenset[int]] = {}
        for weaker in direct:
            found: set[int] = set()
            todo = list(direct[weaker])
            while todo:
                rule = todo.pop()
                if rule not in found:
                    found.add(rule)
                    todo.extend(direct.get(rule, ()))
            if weaker in found:
                raise ArgumentError(
                    f"priorities makes the rule {self.name_of(weaker)!r} stronger than itself; "
                    "remove the circle."
                )
            above[weaker] = frozenset(found)
        return above


def _checked_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise ArgumentError(f"the seed is {seed!r}; it must be an integer from 0 to 2**64 - 1.")
    return seed


def _labels(tree: list[tuple[int, int, str, Any]], rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """The labels of all membranes that there are or can be, each once."""
    found = dict.fromkeys(label for _, _, label, _ in tree)
    for rule in rules:
        if isinstance(rule, Rule):
            found.update(dict.fromkeys(made.label for made in rule.create))
    return tuple(found)
