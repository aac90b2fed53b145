"""One question in many forms: alternatives, and the ways in which people type."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

__all__ = ["casual", "forms", "plain", "read_synonyms", "reword", "vary"]

OPENERS = (
    "Hi, ", "Hello, ", "hey, ", "ok, ", "so, ", "Thanks. ", "One question: ", "Hi! ",
    "Please, ", "I wonder, ", "sorry, ", "And ", "another question: ", "Good morning! ",
)  # fmt: skip


def vary(text: str, random: random.Random) -> str:
    """Draw one form of a phrasing.

    Parameters
    ----------
    text : str
        With ``[a|b|]`` where any of the parts may stand.
    random : random.Random
        Draws.

    Returns
    -------
    str
        Without brackets and double spaces.
    """
    drawn = re.sub(r"\[([^\]]*)\]", lambda found: random.choice(found[1].split("|")), text)
    return _tidy(drawn)


def forms(text: str) -> list[str]:
    """Return every form of a phrasing.

    Parameters
    ----------
    text : str
        As for `vary`.

    Returns
    -------
    list of str
        In the order of the parts.

    Examples
    --------
    >>> forms("[hi|hello][,|] [you|]")
    ['hi, you', 'hi,', 'hi you', 'hi', 'hello, you', 'hello,', 'hello you', 'hello']
    """
    parts = re.split(r"\[([^\]]*)\]", text)
    choices = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
    return [_tidy("".join(drawn)) for drawn in itertools.product(*choices)]


def read_synonyms(path: Path) -> dict[str, list[str]]:
    """Read words that may stand for one another.

    Parameters
    ----------
    path : Path
        A group a line, its words between bars; ``#`` comments.

    Returns
    -------
    dict of str to list of str
        The others of its group, or groups, for each word.
    """
    table: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        words = [word.strip() for word in line.split("|")]
        if line.startswith("#") or len(words) < 2:
            continue
        for word in words:
            table.setdefault(word, []).extend(other for other in words if other != word)
    return table


def reword(question: str, random: random.Random, synonyms: dict[str, list[str]]) -> str:
    """Put another word for one or two of a question's.

    Parameters
    ----------
    question : str
        As it is written in the files.
    random : random.Random
        Draws.
    synonyms : dict of str to list of str
        From `read_synonyms`; only single words are replaced.

    Returns
    -------
    str
        The same if none of its words has a synonym.
    """
    for _ in range(random.choice((1, 1, 2))):
        found = [m for m in re.finditer(r"[A-Za-z]+", question) if m[0].lower() in synonyms]
        if not found:
            break
        old = random.choice(found)
        word = random.choice(synonyms[old[0].lower()])
        word = word[0].upper() + word[1:] if old[0][0].isupper() else word
        question = question[: old.start()] + word + question[old.end() :]
    return question


def plain(text: str) -> str:
    """Return what makes a phrasing another one: letters, digits and blanks to fill.

    Parameters
    ----------
    text : str
        A question.

    Returns
    -------
    str
        In lower case.
    """
    return re.sub(r"[^a-z0-9 {}]", "", text.lower()).strip()


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r" ([?!.,])", r"\1", text)


def casual(question: str, random: random.Random, slips: bool = True) -> str:
    """Spell a question as people type: lower case, no question mark, a slip.

    Parameters
    ----------
    question : str
        As it is written in the files.
    random : random.Random
        Draws.
    slips : bool
        False for questions with a name in them, which must stay what it is.

    Returns
    -------
    str
        Often the same.
    """
    chance = random.random
    if chance() < 0.25:
        for full, short in (("What is ", "What's "), ("what is ", "whats "),
                            ("I am ", "I'm "), ("do not ", "don't ")):  # fmt: skip
            question = question.replace(full, short)
    if chance() < 0.4:
        question = question.lower()
    if chance() < 0.3:
        question = question.rstrip("?.!") or question
    if chance() < 0.1 and len(question) > 8:
        opener = random.choice(OPENERS)
        question = opener + question[0].lower() + question[1:]
    if chance() < 0.04:
        question = question.rstrip("?.!") + random.choice((" please", " thanks", " ?"))
    if slips and chance() < 0.08 and len(question) > 8:
        at = random.randrange(1, len(question) - 2)
        one, two = question[at], question[at + 1]
        middle = random.choice((two + one, one, one + one + two))
        question = question[:at] + middle + question[at + 2 :]
    return re.sub(r"\s+", " ", question).strip()
