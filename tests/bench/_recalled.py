"""What the recall benchmark stores and asks: held-out dialogues and planted facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deep_tree_echo.training import data
from deep_tree_echo.training.dialogues import Dialogues
from deep_tree_echo.training.packages import fetch

from tests.bench._facts import FAMILIES, facts

__all__ = ["Part", "parts"]


@dataclass
class Part:
    """Memories with the key of what they are about, and queries with the key that is right."""

    memories: list[tuple[str, str]] = field(default_factory=list)
    queries: list[tuple[str, str]] = field(default_factory=list)


def parts(downloads: Path) -> dict[str, Part]:
    """The parts by name.

    ``talk``: the exchanges of each held-out conversation, asked by the last long message of the
    same one. ``help``: one exchange of each topic of the page's dialogues, asked in the phrasings
    that are held out. ``facts_chosen``, ``facts_kept``: the planted facts; settings were chosen by
    the first half of their families.
    """
    found = {"talk": Part(), "help": Part(), "facts_chosen": Part(), "facts_kept": Part()}
    sources = data.Sources.read(downloads)
    for number, document in enumerate(data.documents(sources, size=1000)["chat"]):
        exchanges = list(_exchanges(document))
        long = [at for at, (said, _) in enumerate(exchanges) if at and len(said.split()) >= 6]
        if not long:
            continue
        key = f"talk {number}"
        for said, answer in exchanges[: long[-1]]:
            found["talk"].memories.append((f"User: {said}\nAssistant: {answer}", key))
        found["talk"].queries.append((exchanges[long[-1]][0], key))
    _help(found["help"])
    names = [family.name for family in FAMILIES]
    for fact in facts(fetch("wordnet", downloads)):
        half = "kept" if names.index(fact.family) % 2 else "chosen"
        found[f"facts_{half}"].memories.append((fact.text, fact.text))
        found[f"facts_{half}"].queries += [(question, fact.text) for question in fact.questions]
    return found


def _help(part: Part) -> None:
    shown, held = Dialogues(1), Dialogues(2, held_out=True)
    for topics in shown.topics.values():
        for topic in topics:
            if pairs := shown.questions(topic):
                question, answers = shown.random.choice(pairs)
                answer = shown.random.choice(answers)
                part.memories.append((f"User: {question}\nAssistant: {answer}", topic.answers[0]))
    known = {key for _, key in part.memories}
    for topics in held.topics.values():
        for topic in topics:
            if topic.answers and topic.answers[0] in known:
                for question, _ in held.questions(topic):
                    part.queries.append((question, topic.answers[0]))


def _exchanges(document: str) -> Iterator[tuple[str, str]]:
    said = [turn.partition(": ")[2] for turn in document.split("\n\n")]
    for at in range(0, len(said), 2):
        yield said[at], said[at + 1] if at + 1 < len(said) else ""
