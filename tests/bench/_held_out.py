"""Tasks of text that the default model's training leaves out, in two parts that share nothing.

What is fitted on one part is measured on the other: other conversations, other words, other topics.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from deep_tree_echo.membranes.reasoning.tasks import Task, chat
from deep_tree_echo.training import data, glosses
from deep_tree_echo.training.dialogues import Dialogues
from deep_tree_echo.training.packages import fetch
from deep_tree_echo.training.screening import Screen

from tests.bench._measure import ROOT

PARTS = 2
_DOWNLOADS = ROOT / "build" / "external"
_MOST = 60  # characters of an option


def held_out(count: int, seed: int = 5) -> list[list[Task]]:
    """Tasks of each family, so many of each in each part; fewer where the text has no more."""
    draw = random.Random(seed)
    # The split of `data.documents`.
    talk = list(data.Sources.read(_DOWNLOADS).talk)
    random.Random(1).shuffle(talk)
    talk = talk[: len(talk) // data.HELD_OUT]
    # Entries without an example sentence, which training does not read.
    screen = Screen.of_package(fetch("profanity", _DOWNLOADS))
    texts = glosses.glosses(fetch("wordnet", _DOWNLOADS), screen, examples=False)
    entries = sorted({line for text in texts for line in text.split("\n") if _is_plain(line)})
    draw.shuffle(entries)
    generator = Dialogues(9, held_out=True)
    topics = [topic for group in generator.topics.values() for topic in group]
    draw.shuffle(topics)
    pairs = [[generator.questions(topic) for topic in topics[part::PARTS]] for part in range(PARTS)]
    found = []
    for part in range(PARTS):
        here = talk[part::PARTS]
        found.append(
            [
                *_some(_replies(here, draw), count),
                *_some(_clozes(here, draw), count),
                *_some(_words(entries[part::PARTS], draw), count),
                *_some(_help([pair for topic in pairs[part] for pair in topic], draw), count),
            ]
        )
    return found


def _some(tasks: Iterator[Task], count: int) -> list[Task]:
    return [task for task, _ in zip(tasks, range(count), strict=False)]


def _is_plain(line: str) -> bool:
    return '"' not in line and " " not in line.partition(":")[0]


def _task(family: str, prompt: str, right: str, others: list[str], draw: random.Random) -> Task:
    options = [right, *others]
    draw.shuffle(options)
    return Task(family, prompt, tuple(f" {one}" for one in options), options.index(right))


def _replies(talk: list[str], draw: random.Random) -> Iterator[Task]:
    """The true reply among four, the others from other conversations."""
    talks = [text.split("\n\n") for text in talk]
    said = [turn.partition(": ")[2] for turns in talks for turn in turns]
    replies = [text for text in said if 10 < len(text) <= _MOST]
    while True:
        turns = draw.choice(talks)
        at = draw.randrange(1, min(len(turns), 6))
        who, _, right = turns[at].partition(": ")
        if 10 < len(right) <= _MOST:
            prompt = "\n\n".join([*turns[max(0, at - 3) : at], f"{who}:"])
            others = draw.sample([text for text in replies if text != right], 3)
            yield _task("reply", prompt, right, others, draw)


def _clozes(talk: list[str], draw: random.Random) -> Iterator[Task]:
    """The last word of a turn among four."""
    turns = [turn for text in talk for turn in text.split("\n\n")]
    words = [word for turn in turns for word in re.findall(r"\b[a-z]{3,}\b", turn)]
    while True:
        found = re.match(r"(.{15,200}\w) ([a-z]{3,})[.?!]?$", draw.choice(turns))
        others = draw.sample(words, 3)
        if found and len({found[2], *others}) == 4:
            yield _task("cloze", found[1], found[2], others, draw)


def _words(entries: list[str], draw: random.Random) -> Iterator[Task]:
    """The word that WordNet explains so, among four."""
    names = [line.partition(": ")[0] for line in entries]
    for line in entries:
        word, _, gloss = line.partition(": ")
        others = draw.sample([name for name in names if name != word], 3)
        if len(set(others)) == 3:
            yield _task("gloss", chat(f"Which word means {gloss}?"), word, others, draw)


def _help(pairs: list[tuple[str, list[str]]], draw: random.Random) -> Iterator[Task]:
    """A held-out question about the page, among four answers; asked freely too.

    There are a few hundred of them, so each comes with several sets of other answers.
    """
    while True:
        for question, answers in draw.sample(pairs, len(pairs)):
            right = draw.choice(answers)
            others: list[str] = []
            while len(others) < 3:
                other = draw.choice(draw.choice(pairs)[1])
                if other not in [*answers, *others]:
                    others.append(other)
            task = _task("help", chat(question), right, others, draw)
            yield Task("help", task.prompt, task.options, task.right, tuple(answers))
