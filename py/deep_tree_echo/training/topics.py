"""The files of topics, ``help/*.txt``: what is asked, and what is answered.

A topic is a block of lines: ``?`` asks, ``?!`` asks in a phrasing held out for
evaluation, ``@`` lists names that go into the templates of ``templates.txt``,
``=`` answers, and a lone ``+`` says that the topic needs a turn before it.
``>`` asks on after the answer, and ``>=`` answers that. ``{city}`` and the like
are drawn from the lists after ``%``, and of ``[a|b|]`` any part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FOLDER", "Topic", "read_topics"]

FOLDER = Path(__file__).resolve().parent / "help"


@dataclass
class Topic:
    """A question in many forms, with its answers.

    Parameters
    ----------
    names : list of str
        Names of the concept, for the templates.
    questions, held_out : list of str
        Phrasings for training and for evaluation.
    answers : list of str
        Any of them will do.
    further : list of tuple of list of str
        What may be asked next, and the answers to it.
    follows : bool
        True if it makes no sense as a first turn.
    """

    names: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    further: list[tuple[list[str], list[str]]] = field(default_factory=list)
    follows: bool = False


def read_topics(path: Path) -> tuple[list[Topic], dict[str, list[str]]]:
    """Read a file of topics.

    Parameters
    ----------
    path : Path
        One of ``help/*.txt``.

    Returns
    -------
    topics : list of Topic
        In the order of the file.
    lists : dict of str to list of str
        What may stand for each ``{name}``.

    Raises
    ------
    ValueError
        If a line has no known mark.
    """
    topics: list[Topic] = [Topic()]
    lists: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark, _, text = line.strip().partition(" ")
        topic = topics[-1]
        if mark == "":
            topics.append(Topic())
        elif mark == "%":
            name, _, values = text.partition(":")
            lists[name.strip()] = [value.strip() for value in values.split("|")]
        elif mark == "@":
            topic.names += [name.strip() for name in text.split("|")]
        elif mark == "?":
            topic.questions.append(text)
        elif mark == "?!":
            topic.held_out.append(text)
        elif mark == "=":
            topic.answers.append(text)
        elif mark == ">":
            if not topic.further or topic.further[-1][1]:
                topic.further.append(([], []))
            topic.further[-1][0].append(text)
        elif mark == ">=":
            topic.further[-1][1].append(text)
        elif mark == "+":
            topic.follows = True
        elif mark != "#":
            raise ValueError(f"{path.name}:{number}: no such mark: {mark}")
    return [topic for topic in topics if topic.answers or topic.questions], lists
