"""500 planted facts about 25 people, with questions that say it in other words.

Everything is drawn by rules from one seed. A question names the person, whom 19 other facts are
about, too, so that only what is asked tells the right one: a synonym of WordNet where two words
between bars name the set of synonyms (``<home|dwelling>``), another verb, or what follows from the
fact. `FAMILIES` alternate between those by which settings were chosen and those that are reported.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["FAMILIES", "Fact", "Family", "facts", "synonyms"]

PEOPLE = (
    "sister Anna", "brother Marcus", "mother Judith", "father Henry", "aunt Rosa", "uncle Peter",
    "cousin Leo", "daughter Clara", "son Victor", "niece Emma", "nephew Oscar", "wife Helen",
    "neighbour Walter", "boss Patricia", "colleague Samir", "friend Nadia", "teacher Boris",
    "landlord Felix", "roommate Yuki", "grandmother Edith", "grandfather Karl", "trainer Monica",
    "dentist Ramon", "hairdresser Ivy", "godfather Stefan",
)  # fmt: skip
FRAMES = (
    "{q}?", "{q}?", "{q}?", "Tell me, {l}?", "I forgot, {l}?", "Do you still know, {l}?",
    "Remind me: {l}?", "{q}, do you know?",
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """Facts of one kind.

    Parameters
    ----------
    name : str
        What they are about.
    statements, questions : tuple of str
        ``{p}`` is who it is about, ``{v}`` the value.
    values : tuple of str
        At least a dozen.
    """

    name: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """A fact and how it is asked for.

    Parameters
    ----------
    family : str
        Name of its family.
    text : str
        What was said.
    questions : tuple of str
        Two.
    value : str
        The answer in short.
    """

    family: str
    text: str
    questions: tuple[str, ...]
    value: str


def _families() -> tuple[Family, ...]:
    blocks = Path(__file__).with_name("facts.txt").read_text(encoding="utf-8").split("\n\n")[1:]
    found = []
    for block in blocks:
        lines: dict[str, list[str]] = {}
        for line in block.strip().split("\n"):
            lines.setdefault(line[0], []).append(line[2:])
        values = tuple(lines[":"][0].split(", "))
        found.append(Family(lines["@"][0], tuple(lines["="]), tuple(lines["?"]), values))
    return tuple(found)


FAMILIES = _families()


def facts(wordnet: Path, seed: int = 1) -> list[Fact]:
    """All facts: each person with each family.

    Parameters
    ----------
    wordnet : Path
        The folder of its ``data.*`` files.
    seed : int
        Of all draws.
    """
    draw = random.Random(seed)
    found = []
    for person in PEOPLE:
        role, name = person.split()
        for family in FAMILIES:
            value = draw.choice(family.values)
            text = draw.choice(family.statements).format(p=f"my {person}", v=value)
            questions = []
            for form in draw.sample(family.questions, 2):
                asked = re.sub(r"<([^>]+)>", lambda m: _other(m[1], wordnet, draw), form)
                asked = asked.format(p=draw.choice((name, name, f"my {role}")))
                frame = draw.choice(FRAMES)
                questions.append(frame.format(q=asked[0].upper() + asked[1:], l=asked))
            found.append(Fact(family.name, text[0].upper() + text[1:], tuple(questions), value))
    return found


def _other(mark: str, wordnet: Path, draw: random.Random) -> str:
    """One of the set of synonyms that a mark names, with the ending of its first word."""
    wanted, ending = _words(mark)
    return draw.choice(synonyms(wordnet).get(frozenset(wanted), wanted)) + ending


def _words(mark: str) -> tuple[tuple[str, ...], str]:
    """The words of a mark, and the s of a verb that ``s|`` stands for at its beginning."""
    first, _, rest = mark.partition("|")
    return (tuple(rest.split("|")), "s") if first == "s" else (tuple(mark.split("|")), "")


@cache
def synonyms(wordnet: Path) -> dict[frozenset[str], tuple[str, ...]]:
    """The largest set of synonyms, in plain words, that has the words of each mark."""
    forms = [form for family in FAMILIES for form in family.questions]
    marks = {
        frozenset(_words(mark)[0]) for form in forms for mark in re.findall(r"<([^>]+)>", form)
    }
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for part in ("noun", "verb", "adj"):
        text = (wordnet / f"data.{part}").read_text(encoding="latin-1")
        for line in text.splitlines():
            fields = line.split(" ")
            if line.startswith("  ") or len(fields) < 6:
                continue
            count = int(fields[3], 16)
            words = tuple(fields[4 : 4 + 2 * count : 2])
            plain = tuple(word for word in words if word.isalpha() and word.islower())
            for mark in marks:
                if mark <= set(words) and len(plain) > len(found.get(mark, ())):
                    found[mark] = plain
    return found
