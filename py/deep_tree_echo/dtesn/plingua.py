"""P-Lingua files: the common language for membrane systems, read and written.

The syntax is that of P-Lingua 4 and 5 (García-Quismondo et al. 2009; Pérez-Hurtado et al. 2019) for
transition systems and active membranes; ``docs/psystem.md`` lists what is read.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from ..errors import ArgumentError, BackendError
from .configuration import Configuration
from .multiset import Multiset
from .plingua_reader import Reader
from .psystem import PSystem
from .rules import Rule

__all__ = ["read", "write"]

_DEEPEST = 100
_BLANKED = re.compile(r'/\*.*?\*/|//[^\n]*|"[^"\n]*"', re.DOTALL)
_WORDS = {
    "NAME": "a name",
    "INTEGER": "a number",
    "REAL": "a number",
    "STRING": "a file name",
    "COMPARISON": "a comparison",
    "SETS": "'=' or '+='",
    "$END": "the end",
}


def read(text: str, **options: Any) -> PSystem:
    """The system that a P-Lingua text describes.

    Parameters
    ----------
    text : str
        The text; ``main`` is carried out.
    **options
        What P-Lingua does not say: ``seed``, ``output``, ``limits`` and ``engine`` of `PSystem`.

    Returns
    -------
    PSystem
        The system at its start.

    Raises
    ------
    ArgumentError
        With the line and the column of what cannot be read, or means nothing.
    BackendError
        If the package ``lark``, which parses, is not installed.

    Examples
    --------
    >>> system = read('''
    ... @model<transition>
    ... def main() {
    ...   @mu = [[]'2]'1;
    ...   @ms(2) += a{i}*i : 1 <= i <= 2;
    ...   [a{i} --> b, @d]'2 : 1 <= i <= 2;
    ... }
    ... ''')
    >>> print(system.run().output)
    b*3
    >>> read("@model<transition> def main() { [a -> b]'1; }")
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: P-Lingua, line 1, column 37: '>' is unexpected here;
    expected is '['.
    """
    reader = Reader(_parse(text))
    parts = reader.system()
    try:
        return PSystem(**parts, **options)
    except ArgumentError as error:
        place = reader.place_of(error)
        raise ArgumentError(f"P-Lingua, {place}: {error}") from None


def write(system: PSystem) -> str:
    """A P-Lingua text that `read` turns into the same system, at its start.

    Raises
    ------
    ArgumentError
        If a priority or a rule has no form in P-Lingua.

    Examples
    --------
    >>> from deep_tree_echo.dtesn.rules import evolve
    >>> print(write(PSystem("[]'1", {"1": "a*4"}, [evolve("1", "a*2", "b")])))
    @model<transition>
    <BLANKLINE>
    def main()
    {
      @mu = []'1;
      @ms(1) = a*4;
    <BLANKLINE>
      [a*2 --> b]'1;
    }
    <BLANKLINE>
    """
    lines = [f"@model<{_model(system)}>", "", "def main()", "{"]
    lines.append(f"  @mu = {Configuration.start(system.structure, {}).structure};")
    lines += [f"  @ms({label}) = {held};" for label, held in system.contents.items() if held]
    if system.environment:
        lines.append(f"  @ms(environment) = {system.environment};")
    if system.supply:
        lines.append(f"  @ms(supply) = {Multiset(system.supply)};")
    lines.append("")
    levels = _levels(system)
    for index, rule in enumerate(system.rules):
        priority = f"({levels[index]}) " if index in levels else ""
        chance = "" if rule.probability is None else f" :: {rule.probability!r}"
        lines.append(f"  {priority}{_rule(rule, system)}{chance};")
    return "\n".join([*lines, "}", ""])


def _model(system: PSystem) -> str:
    if system.model == "transition":
        return "transition"
    creates = any(rule.create for rule in system.rules)
    divides = any(rule.effect == "divide" for rule in system.rules)
    return "membrane_creation" if creates and not divides else "membrane_division"


def _rule(rule: Rule, system: PSystem) -> str:
    if rule.effect == "dissolve" and rule.take_outside and (rule.give_inner or rule.create):
        raise ArgumentError(
            f"the rule {rule} dissolves a membrane, takes from outside and gives to inner ones; "
            "P-Lingua has no such rule, so make it two."
        )
    return rule.text(system.model)


def _levels(system: PSystem) -> dict[int, int]:
    """The number of each rule that has a priority; 1 is the strongest."""
    above = system.stronger
    ranked = set(above) | {rule for rules in above.values() for rule in rules}
    levels: dict[int, int] = {}
    # A rule comes after all that are stronger, so those have fewer above them.
    for index in sorted(ranked, key=lambda rule: len(above.get(rule, ()))):
        levels[index] = 1 + max((levels[rule] for rule in above.get(index, ())), default=0)
    for weaker in ranked:
        for stronger in ranked:
            if system.rules[weaker].label != system.rules[stronger].label:
                continue
            if (levels[stronger] < levels[weaker]) != (stronger in above.get(weaker, ())):
                names = f"{system.name_of(stronger)!r} and {system.name_of(weaker)!r}"
                raise ArgumentError(
                    f"the priorities of {names} have no numbers that say the same; P-Lingua orders "
                    "all rules of a membrane that have priorities."
                )
    return levels


def _parse(text: str) -> Any:
    if not isinstance(text, str):
        raise ArgumentError(f"{text!r} is no text.")
    try:
        from lark import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken
    except ImportError as error:
        raise BackendError(f"P-Lingua needs the package lark ({error}); install it.") from None
    _check_depth(text)
    try:
        return _parser().parse(text)
    except UnexpectedCharacters as error:
        found, expected = repr(text[error.pos_in_stream or 0]), error.allowed
        line, column = error.line, error.column
    except UnexpectedToken as error:
        found = "the end of the text" if error.token.type == "$END" else repr(str(error.token))
        expected, line, column = error.expected, error.line, error.column
        if error.token.type == "$END":
            line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    except (UnexpectedEOF, UnexpectedInput) as error:
        raise ArgumentError(f"P-Lingua: the text cannot be read: {error}.") from None
    words = sorted({_WORDS.get(name) or _terminal(name) for name in expected or ()})
    shown = ", ".join(words[:6]) + (", ..." if len(words) > 6 else "")
    raise ArgumentError(
        f"P-Lingua, line {line}, column {column}: {found} is unexpected here; expected is {shown}."
    )


def _check_depth(text: str) -> None:
    """Refuses what nests so deeply that walking over it could end Python in WebAssembly.

    Every bracket and every operator can make the tree of a sentence one deeper.
    """
    bare = _BLANKED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    around: list[int] = []
    depth = 0
    for at, character in enumerate(bare):
        if character in "([{":
            around.append(depth)
            depth += 1
        elif character in ")]}":
            depth = around.pop() if around else 0
        elif character in "+-*/%^":
            depth += 1
        elif character in ",;:<>=":
            depth = around[-1] + 1 if around else 0
        if depth > _DEEPEST:
            line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
            raise ArgumentError(
                f"P-Lingua, line {line}, column {column}: the text nests more than {_DEEPEST} deep "
                "here; flatten it."
            )


def _terminal(name: str) -> str:
    for terminal in _parser().terminals:
        if terminal.name == name:
            return repr(str(terminal.pattern.value))
    return name.lower()


@cache
def _parser() -> Any:
    from lark import Lark

    return Lark.open(
        "plingua.lark", rel_to=__file__, parser="lalr", propagate_positions=True,
        maybe_placeholders=False,
    )  # fmt: skip
