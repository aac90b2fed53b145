"""Generated dialogues: what the bundled model can say about this very page.

The knowledge is plain text in ``help/*.txt``. A topic is a block of lines:
``?`` asks, ``?!`` asks in a phrasing held out for evaluation, ``@`` lists names
that go into the templates of ``templates.txt``, ``=`` answers, and a lone ``+``
says that the topic needs a turn before it. ``{city}`` and the like are drawn
from the lists after ``%``. From these, dialogues of one to six turns are put
together in many spellings, for a model of this size learns an answer only if
it has met the question in a hundred forms.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

from .chitchat import as_document

__all__ = ["FINISH", "Dialogues", "Topic", "read_topics"]

FOLDER = Path(__file__).resolve().parent / "help"
SHARES = {"app": 0.34, "field": 0.30, "self": 0.14, "talk": 0.14, "beyond": 0.08}
# The finishing stage rehearses how chats open, and a little of all the rest.
FINISH = {"opening": 0.4, "app": 0.18, "field": 0.14, "self": 0.1, "talk": 0.1, "beyond": 0.08}
ABOUT = {
    "SIZE": "one million",
    "LAYERS": "four",
    "WIDTH": "128",
    "MEGABYTES": "two",
    "HOURS": "about an hour and a half",
}
OPENERS = (
    "Hi, ", "Hello, ", "hey, ", "ok, ", "so, ", "Thanks. ", "One question: ", "Hi! ",
    "Please, ", "I wonder, ", "sorry, ", "And ", "another question: ", "Good morning! ",
)  # fmt: skip


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
    follows : bool
        True if it makes no sense as a first turn.
    """

    names: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
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
        elif mark == "+":
            topic.follows = True
        elif mark != "#":
            raise ValueError(f"{path.name}:{number}: no such mark: {mark}")
    return [topic for topic in topics if topic.answers or topic.questions], lists


class Dialogues:
    """The generator.

    Parameters
    ----------
    seed : int
        Seed of all choices.
    held_out : bool
        True draws only phrasings that training never sees, as they are written;
        False draws the others, in all spellings.
    shares : dict of str to float
        How often each group of topics comes up.
    """

    def __init__(
        self, seed: int, held_out: bool = False, shares: dict[str, float] = SHARES
    ) -> None:
        self.random = random.Random(seed)
        self.held_out, self.shares = held_out, shares
        self.lists: dict[str, list[str]] = {}
        self.topics: dict[str, list[Topic]] = {}
        for group in shares:
            topics, lists = read_topics(FOLDER / f"{group}.txt")
            self.lists |= lists
            self.topics[group] = [topic for topic in topics if self._questions(topic)]
        templates = read_topics(FOLDER / "templates.txt")[0][0]
        self.templates = templates.held_out if held_out else templates.questions

    def documents(self, size: int) -> list[str]:
        """Generate dialogues.

        Parameters
        ----------
        size : int
            Characters to reach.

        Returns
        -------
        list of str
            Documents of at least `size` characters in all.
        """
        out, total = [], 0
        while total < size:
            out.append(self.document())
            total += len(out[-1])
        return out

    def document(self) -> str:
        """Generate one dialogue of one to six turns.

        Returns
        -------
        str
            ``User: ...`` and ``Assistant: ...`` in turn.
        """
        turns = self.random.choices((1, 2, 3, 4, 5, 6), (34, 24, 18, 12, 8, 4))[0]
        said: list[str] = []
        seen: list[Topic] = []
        name = ""
        while len(said) < 2 * turns:
            if name and self.random.random() < 0.25:
                said += self._recall(name)
                continue
            topic = self._topic(bool(said))
            if topic in seen:
                continue
            seen.append(topic)
            question, answer, values = self._exchange(topic)
            if name and "my name" in " ".join(topic.questions[:2]).lower():
                continue  # the name is known by now: neither tell nor ask it again
            name = values.get("name", name)
            said += [question, answer]
        return as_document(said)

    def _questions(self, topic: Topic) -> list[str]:
        if self.held_out:
            return topic.held_out or topic.names
        return topic.questions + topic.names

    def _topic(self, begun: bool) -> Topic:
        group = self.random.choices(list(self.shares), list(self.shares.values()))[0]
        topics = self.topics[group]
        return self.random.choice([topic for topic in topics if begun or not topic.follows])

    def _exchange(self, topic: Topic) -> tuple[str, str, dict[str, str]]:
        own = topic.held_out if self.held_out else topic.questions
        if topic.names and (not own or self.random.random() < 0.6):
            question = self._ask_by_name(topic)
        else:
            question = self.random.choice(own)
        values: dict[str, str] = {}
        question = self._fill(question, values, draw=True)
        answer = self._fill(self.random.choice(topic.answers), values, draw=False)
        return (question if self.held_out else self.casual(question)), answer, values

    def questions(self, topic: Topic) -> list[tuple[str, list[str]]]:
        """Return a topic's own questions, one from a template, and what answers them.

        Parameters
        ----------
        topic : Topic
            One of `topics`.

        Returns
        -------
        list of tuple of str and list of str
            A question and all its answers, blanks filled in.
        """
        asked = list(topic.held_out if self.held_out else topic.questions)
        if topic.names:
            asked.append(self._ask_by_name(topic))
        out = []
        for question in asked:
            values: dict[str, str] = {}
            question = self._fill(question, values, draw=True)
            out.append((question, [self._fill(a, values, draw=False) for a in topic.answers]))
        return out

    def _ask_by_name(self, topic: Topic) -> str:
        asked = self.random.choice(topic.names)
        question = self.random.choice(self.templates).replace("{x}", asked)
        if question[0].islower() and self.random.random() < 0.5:
            question = question[0].upper() + question[1:]
        return question

    def _fill(self, text: str, values: dict[str, str], draw: bool) -> str:
        def value(match: re.Match[str]) -> str:
            key = match.group(1)
            if key in ABOUT:
                return ABOUT[key]
            if draw:
                chosen = self.random.choice(self.lists[key])
                values.setdefault(key, chosen)
                return chosen
            return values[key]

        filled = re.sub(r"\{(\w+)\}", value, text)
        # An answer may begin with what was drawn, in lower case.
        return filled[0].upper() + filled[1:] if text[0] == "{" and not draw else filled

    def _recall(self, name: str) -> list[str]:
        asked = ["Can you tell me my name?"] if self.held_out else [
            "What is my name?", "do you know my name?", "who am I?", "What's my name?",
            "Do you remember my name?", "what was my name?",
        ]  # fmt: skip
        told = ["Your name is {}.", "You said that your name is {}.", "You are {}."]
        question = self.random.choice(asked)
        return [
            question if self.held_out else self.casual(question),
            self.random.choice(told).format(name),
        ]

    def casual(self, question: str) -> str:
        """Spell a question as people type: lower case, no question mark, a slip.

        Parameters
        ----------
        question : str
            As it is written in the files.

        Returns
        -------
        str
            Often the same.
        """
        chance = self.random.random
        if chance() < 0.25:
            for full, short in (("What is ", "What's "), ("what is ", "whats "),
                                ("I am ", "I'm "), ("do not ", "don't ")):  # fmt: skip
                question = question.replace(full, short)
        if chance() < 0.4:
            question = question.lower()
        if chance() < 0.3:
            question = question.rstrip("?.!") or question
        if chance() < 0.1 and len(question) > 8:
            opener = self.random.choice(OPENERS)
            question = opener + question[0].lower() + question[1:]
        if chance() < 0.04:
            question = question.rstrip("?.!") + self.random.choice((" please", " thanks", " ?"))
        if chance() < 0.08 and len(question) > 8:
            at = self.random.randrange(1, len(question) - 2)
            one, two = question[at], question[at + 1]
            middle = self.random.choice((two + one, one, one + one + two))
            question = question[:at] + middle + question[at + 2 :]
        return re.sub(r"\s+", " ", question).strip()
