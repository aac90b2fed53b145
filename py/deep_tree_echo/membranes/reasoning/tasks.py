"""Small questions whose answers can be checked, for a model to learn how sure it may be.

They come with the package and are made afresh from a seed; no answer needs anything but the
question and everyday words. ``docs/reasoning.md`` tells how models fare on them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import ArgumentError

__all__ = ["FAMILIES", "Task", "chat", "tasks"]


@dataclass(frozen=True, slots=True)
class Task:
    """A question with an answer that can be checked.

    Parameters
    ----------
    family : str
        What it is about.
    prompt : str
        What the model reads.
    options : tuple of str
        Continuations to choose from, the space before them included; empty where there are none.
    right : int
        The place of the right option; -1 where there are none.
    answers : tuple of str
        What an answer that is drawn freely may say; empty if it is not asked freely.
    """

    family: str
    prompt: str
    options: tuple[str, ...] = ()
    right: int = -1
    answers: tuple[str, ...] = ()


def chat(question: str) -> str:
    """A question as the first message of a talk."""
    return f"User: {question}\n\nAssistant:"


_WORDS = (
    "stone river garden letter window candle silver planet forest button bridge pocket summer "
    "yellow market kitchen pencil island thunder basket mirror dragon ladder copper velvet castle "
    "orange harbour blanket whistle meadow feather anchor lantern cotton marble"
)
_OPPOSITES = (
    "hot cold|big small|up down|left right|open closed|full empty|early late|fast slow|day night|"
    "young old|happy sad|wet dry|hard soft|high low|long short|near far|rich poor|strong weak|"
    "thick thin|deep shallow|loud quiet|clean dirty|light dark|true false|good bad|first last"
)
_KINDS = {
    "animal": "dog cat horse cow sheep lion tiger rabbit",
    "bird": "sparrow eagle owl robin swan crow",
    "fruit": "apple pear cherry plum banana peach",
    "colour": "red blue green yellow purple brown",
    "tool": "hammer saw drill wrench spade axe",
    "month": "January March April June July August",
    "metal": "iron copper silver gold lead zinc",
}
_ROWS = (
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "January February March April May June July August September October November December",
    "one two three four five six seven eight nine ten",
    "first second third fourth fifth sixth seventh eighth ninth tenth",
    "spring summer autumn winter",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
)
_Made = tuple[str, str, Sequence[str]]
"""A question, its answer, and what else one might say."""


def _arithmetic(draw: random.Random) -> _Made:
    one, two = draw.randrange(1, 10), draw.randrange(1, 10)
    if draw.random() < 0.5:
        question, answer = f"What is {one} plus {two}?", one + two
    else:
        question, answer = f"What is {one + two} minus {two}?", one
    others = [n for n in range(max(0, answer - 4), answer + 5) if n != answer]
    return question, str(answer), [str(n) for n in others]


def _copy(draw: random.Random) -> _Made:
    word, *others = draw.sample(_WORDS.split(), 4)
    asked = draw.choice(("Repeat this word: {}", "Please say {}.", "Write the word {} once more."))
    return asked.format(word), word, others


def _string(draw: random.Random) -> _Made:
    word = draw.choice(_WORDS.split())
    place = draw.choice(("first", "last"))
    answer = word[0] if place == "first" else word[-1]
    return (
        f"What is the {place} letter of {word}?",
        answer,
        sorted(set("abcdefghijklmnoprstuvwy") - {answer}),
    )


def _sequence(draw: random.Random) -> _Made:
    row = draw.choice(_ROWS).split()
    begin = draw.randrange(len(row) - 3)
    shown, answer = row[begin : begin + 3], row[begin + 3]
    return f"What comes next: {', '.join(shown)}?", answer, [x for x in row if x != answer]


def _opposite(draw: random.Random) -> _Made:
    pairs = [pair.split() for pair in _OPPOSITES.split("|")]
    pair = draw.choice(pairs)
    one, two = pair if draw.random() < 0.5 else pair[::-1]
    others = [word for other in pairs for word in other if word not in pair]
    return f"What is the opposite of {one}?", two, others


def _kind(draw: random.Random) -> _Made:
    kind = draw.choice(list(_KINDS))
    return (
        f"Which of these is the {kind}?",
        draw.choice(_KINDS[kind].split()),
        [word for other, words in _KINDS.items() if other != kind for word in words.split()],
    )


FAMILIES: dict[str, Callable[[random.Random], _Made]] = {
    "arithmetic": _arithmetic,
    "copy": _copy,
    "string": _string,
    "sequence": _sequence,
    "opposite": _opposite,
    "kind": _kind,
}


def tasks(seed: int, count: int, families: Sequence[str] = tuple(FAMILIES)) -> list[Task]:
    """Makes tasks, no two alike.

    Parameters
    ----------
    seed : int
        Of all choices.
    count : int
        How many of each family; fewer where there are no more.
    families : sequence of str
        Of `FAMILIES`.

    Raises
    ------
    ArgumentError
        If there is no such family.

    Examples
    --------
    >>> task = tasks(1, 1, ["arithmetic"])[0]
    >>> task.answers[0] == task.options[task.right].strip()
    True
    """
    found: list[Task] = []
    for family in families:
        if family not in FAMILIES:
            raise ArgumentError(
                f"families holds {family!r}; it must be one of {', '.join(FAMILIES)}."
            )
        draw = random.Random(f"{seed} {family}")
        made: dict[tuple[str, ...], Task] = {}
        for _ in range(20 * count):
            if len(made) == count:
                break
            question, answer, others = FAMILIES[family](draw)
            options = [answer, *draw.sample(list(others), 3)]
            draw.shuffle(options)
            if family == "kind":
                question = f"{question[:-1]}: {', '.join(options)}?"
            made.setdefault(
                (question, *sorted(options)),
                Task(
                    family,
                    chat(question),
                    tuple(f" {option}" for option in options),
                    options.index(answer),
                    (answer,),
                ),
            )
        found += made.values()
    return found
