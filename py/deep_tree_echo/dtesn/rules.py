"""Rules of membrane systems: one kind of record for all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ArgumentError
from .charges import CHARGES, Charge, check_charge, check_label
from .multiset import EMPTY, Multiset, MultisetLike

__all__ = [
    "CHARGES",
    "Charge",
    "Created",
    "Effect",
    "Model",
    "Rule",
    "antiport",
    "check_charge",
    "check_label",
    "create",
    "dissolve",
    "divide",
    "evolve",
    "send_in",
    "send_out",
]

Effect = Literal["keep", "dissolve", "divide"]
Model = Literal["transition", "active"]


@dataclass(frozen=True, slots=True)
class Created:
    """A membrane that a rule makes: its label, what it holds, its charge."""

    label: str
    contents: Multiset
    charge: Charge = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of all membranes with a label and a charge.

    One application takes objects from the membrane and from the region around it, and gives
    objects to both, to a child membrane of each label in ``give_inner``, and to new membranes.
    Builders for the common kinds: `evolve`, `send_in`, `send_out`, `antiport`, `dissolve`,
    `divide`, `create`.

    Parameters
    ----------
    label : str
        Of the membranes that have the rule.
    take, take_outside : Multiset
        What an application needs inside, and in the region around; not both empty.
    give, give_outside : Multiset
        What it makes there.
    give_inner : tuple of (str, Multiset)
        What it puts into a child membrane of that label, which must be there.
    create : tuple of Created
        New child membranes.
    charge : {"+", "0", "-"}
        Only membranes with this charge have the rule.
    new_charge : {"+", "0", "-"}, optional
        The charge afterwards; the same if left out.
    effect : {"keep", "dissolve", "divide"}
        What becomes of the membrane. When it dissolves, its contents go to the region around.
        When it divides, both halves get its contents, the first also ``give``, the second
        ``second`` and ``second_charge``.
    probability : float, optional
        In (0, 1]. The rules that need the same share their objects by it; their probabilities
        sum to 1.
    name : str
        For the trace and for priorities.

    Raises
    ------
    ArgumentError
        If the rule takes nothing, or its parts contradict each other.

    Examples
    --------
    >>> print(Rule(label="1", take=Multiset("a*2"), give=Multiset("b"), give_outside=Multiset("c")))
    [a*2]'1 --> c [b]'1
    """

    label: str
    take: Multiset = EMPTY
    take_outside: Multiset = EMPTY
    give: Multiset = EMPTY
    give_outside: Multiset = EMPTY
    give_inner: tuple[tuple[str, Multiset], ...] = ()
    create: tuple[Created, ...] = ()
    charge: Charge = "0"
    new_charge: Charge | None = None
    effect: Effect = "keep"
    second: Multiset = EMPTY
    second_charge: Charge | None = None
    probability: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        check_label(self.label)
        put = object.__setattr__
        if self.new_charge is None:
            put(self, "new_charge", self.charge)
        if self.effect == "divide" and self.second_charge is None:
            put(self, "second_charge", self.charge)
        for charge in (self.charge, self.new_charge):
            check_charge(charge)  # type: ignore[arg-type]
        for label, _ in self.give_inner:
            check_label(label)
        for made in self.create:
            check_label(made.label)
            check_charge(made.charge)
        if self.effect not in ("keep", "dissolve", "divide"):
            raise ArgumentError(
                f"the effect of a rule of membrane {self.label!r} is {self.effect!r}; it must be "
                "'keep', 'dissolve' or 'divide'."
            )
        if self.effect == "dissolve":
            # All of it ends in the region around: one way to say so.
            put(self, "give", self.give + self.give_outside)
            put(self, "give_outside", EMPTY)
            put(self, "new_charge", self.charge)
        if self.effect != "divide":
            if self.second or self.second_charge is not None:
                raise ArgumentError(f"the rule {self} has a second half and does not divide.")
        else:
            check_charge(self.second_charge)  # type: ignore[arg-type]
        labels = [label for label, _ in self.give_inner]
        if len(set(labels)) != len(labels):
            raise ArgumentError(f"the rule {self} names an inner membrane twice; join the two.")
        if not self.take and not self.take_outside:
            raise ArgumentError(
                f"the rule {self} takes no object, so it would be applied without end; "
                "let it take one."
            )
        p = self.probability
        if p is not None and not (isinstance(p, int | float) and math.isfinite(p) and 0 < p <= 1):
            raise ArgumentError(
                f"the probability of the rule {self} is {p!r}; it must be above 0 and at most 1."
            )

    def exclusive(self, model: Model) -> bool:
        """Whether the membrane can take part in only one such application a step."""
        if self.effect == "divide" or self.new_charge != self.charge:
            return True
        crosses = bool(self.take_outside or self.give_outside)
        return model == "active" and (crosses or self.effect == "dissolve")

    def text(self, model: Model = "transition") -> str:
        """The rule as P-Lingua writes it, without its probability."""
        inner_left = "".join(f" []'{label}" for label, _ in self.give_inner)
        inner_right = "".join(
            [f" [{_some(objects)}]'{label}" for label, objects in self.give_inner]
            + [
                f" {_sign(made.charge)}[{_some(made.contents)}]'{made.label}"
                for made in self.create
            ]
        )
        taken = f"{_some(self.take)}{inner_left}".strip()
        left = f"{_sign(self.charge)}[{taken}]'{self.label}"
        around = f"{_some(self.take_outside)} " if self.take_outside else ""
        if self.effect == "dissolve" and (around or (model == "active" and not inner_right)):
            return f"{around}{left} --> {self.give}"
        crosses = self.take_outside or self.give_outside or self.new_charge != self.charge
        if self.effect != "divide" and not crosses:
            ending = [_some(self.give)] if self.give else []
            if self.effect == "dissolve":
                ending.append("@d")
            given = f"{', '.join(ending)}{inner_right}".strip() or "#"
            return f"{_sign(self.charge)}[{taken or '#'} --> {given}]'{self.label}"
        given = f"{_some(self.give)}{inner_right}".strip()
        outside = f"{_some(self.give_outside)} " if self.give_outside else ""
        right = f"{outside}{_sign(self.new_charge)}[{given}]'{self.label}"
        if self.effect == "divide":
            right += f" {_sign(self.second_charge)}[{_some(self.second)}]'{self.label}"
        return f"{around}{left} --> {right}"

    def __str__(self) -> str:
        return self.text()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers; what is as usual is left out.

        Examples
        --------
        >>> evolve("1", "a", "b*2").to_json()
        {'label': '1', 'take': {'a': 1}, 'give': {'b': 2}}
        """
        values: dict[str, Any] = {"label": self.label}
        for key in ("take", "take_outside", "give", "give_outside", "second"):
            if objects := getattr(self, key):
                values[key] = dict(objects)
        if self.give_inner:
            values["give_inner"] = {label: dict(objects) for label, objects in self.give_inner}
        if self.create:
            values["create"] = [
                {"label": made.label, "contents": dict(made.contents), "charge": made.charge}
                for made in self.create
            ]
        if self.charge != "0":
            values["charge"] = self.charge
        if self.new_charge != self.charge:
            values["new_charge"] = self.new_charge
        if self.effect != "keep":
            values["effect"] = self.effect
        if self.second_charge is not None:
            values["second_charge"] = self.second_charge
        if self.probability is not None:
            values["probability"] = self.probability
        if self.name:
            values["name"] = self.name
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Rule:
        """The rule of `to_json`."""
        known = dict(values)
        for key in ("take", "take_outside", "give", "give_outside", "second"):
            known[key] = Multiset(known.get(key, {}))
        inner = known.get("give_inner", {})
        known["give_inner"] = tuple((label, Multiset(objects)) for label, objects in inner.items())
        known["create"] = tuple(
            Created(made["label"], Multiset(made.get("contents", {})), made.get("charge", "0"))
            for made in known.get("create", ())
        )
        try:
            return cls(**known)
        except TypeError as error:
            raise ArgumentError(f"{dict(values)!r} is no rule: {error}.") from None


def evolve(
    label: str,
    take: MultisetLike,
    give: MultisetLike = "",
    *,
    out: MultisetLike = "",
    into: Mapping[str, MultisetLike] | None = None,
    dissolves: bool = False,
    **rest: Any,
) -> Rule:
    """Rewriting inside a membrane, with targets *here*, *out* and *in*.

    Examples
    --------
    >>> print(evolve("1", "a*2", "b", into={"2": "c"}))
    [a*2 []'2 --> b [c]'2]'1
    >>> print(evolve("2", "a", "b", dissolves=True))
    [a --> b, @d]'2
    """
    return Rule(
        label=label,
        take=Multiset.of(take),
        give=Multiset.of(give),
        give_outside=Multiset.of(out),
        give_inner=tuple((name, Multiset.of(objects)) for name, objects in (into or {}).items()),
        effect="dissolve" if dissolves else "keep",
        **rest,
    )


def send_in(label: str, take: MultisetLike, give: MultisetLike, **rest: Any) -> Rule:
    """Objects enter a membrane and may change on the way: ``take []'label --> [give]'label``.

    With ``give`` equal to ``take`` it is a symport.

    Examples
    --------
    >>> print(send_in("2", "a", "b", charge="0", new_charge="+"))
    a []'2 --> +[b]'2
    """
    return Rule(label=label, take_outside=Multiset.of(take), give=Multiset.of(give), **rest)


def send_out(label: str, take: MultisetLike, give: MultisetLike, **rest: Any) -> Rule:
    """Objects leave a membrane and may change on the way: ``[take]'label --> give []'label``.

    Examples
    --------
    >>> print(send_out("2", "a", "b"))
    [a]'2 --> b []'2
    """
    return Rule(label=label, take=Multiset.of(take), give_outside=Multiset.of(give), **rest)


def antiport(label: str, out: MultisetLike, into: MultisetLike, **rest: Any) -> Rule:
    """Objects leave and others enter at once; either may be empty, which is a symport.

    Examples
    --------
    >>> print(antiport("2", out="a", into="b*2"))
    b*2 [a]'2 --> a [b*2]'2
    """
    leaving, entering = Multiset.of(out), Multiset.of(into)
    return Rule(
        label=label,
        take=leaving,
        take_outside=entering,
        give=entering,
        give_outside=leaving,
        **rest,
    )


def dissolve(label: str, take: MultisetLike, give: MultisetLike = "", **rest: Any) -> Rule:
    """The membrane dissolves and leaves its contents outside.

    Examples
    --------
    >>> print(dissolve("2", "a", "b").text("active"))
    [a]'2 --> b
    """
    return Rule(
        label=label, take=Multiset.of(take), give=Multiset.of(give), effect="dissolve", **rest
    )


def divide(
    label: str, take: MultisetLike, first: MultisetLike, second: MultisetLike, **rest: Any
) -> Rule:
    """The membrane divides; both halves get all that is in it, membranes as well.

    Examples
    --------
    >>> print(divide("2", "d", "t", "f", new_charge="+", second_charge="-"))
    [d]'2 --> +[t]'2 -[f]'2
    """
    return Rule(
        label=label,
        take=Multiset.of(take),
        give=Multiset.of(first),
        second=Multiset.of(second),
        effect="divide",
        **rest,
    )


def create(
    label: str,
    take: MultisetLike,
    new: str,
    contents: MultisetLike = "",
    *,
    new_membrane_charge: Charge = "0",
    **rest: Any,
) -> Rule:
    """Objects become a membrane inside: ``[take --> [contents]'new]'label``.

    Examples
    --------
    >>> print(create("1", "a", "2", "b"))
    [a --> [b]'2]'1
    """
    made = Created(new, Multiset.of(contents), new_membrane_charge)
    return Rule(label=label, take=Multiset.of(take), create=(made,), **rest)


def probabilities(rules: Iterable[Rule], model: Model) -> dict[tuple[Any, ...], float]:
    """The sum of the probabilities for each left-hand side that has any."""
    sums: dict[tuple[Any, ...], float] = {}
    for rule in rules:
        if rule.probability is not None:
            key = left_side(rule, model)
            sums[key] = sums.get(key, 0.0) + rule.probability
    return sums


def left_side(rule: Rule, model: Model) -> tuple[Any, ...]:
    """What rules must have in common to share objects by their probabilities."""
    return rule.label, rule.charge, rule.take, rule.take_outside, rule.exclusive(model)


def _some(objects: Multiset) -> str:
    return str(objects) if objects else ""


def _sign(charge: Charge | None) -> str:
    return "" if charge in ("0", None) else str(charge)
