"""Generated dialogues: what the bundled model can say about this very page.

The knowledge is plain text, see `topics`. From it, dialogues of one to six turns
are put together in many spellings, with corrections ("no, I meant ...") and with
questions about what was said before, for a model of this size learns an answer
only if it has met the question in a hundred forms.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from .chitchat import as_document
from .phrasings import casual, plain, read_synonyms, reword, vary
from .topics import FOLDER, Topic, read_topics

__all__ = ["FINISH", "Dialogues"]

SHARES = {
    "app": 0.22, "inside": 0.1, "field": 0.18, "lab": 0.08, "python": 0.05, "self": 0.14,
    "talk": 0.15, "beyond": 0.08,
}  # fmt: skip
# The finishing stage rehearses how chats open, and a little of all the rest.
FINISH = {
    "opening": 0.2, "app": 0.18, "inside": 0.1, "field": 0.12, "lab": 0.04, "python": 0.02,
    "self": 0.13, "talk": 0.13, "beyond": 0.08,
}  # fmt: skip
# What the answers say of the model; it must be true of the one that is made.
ABOUT = {
    "SIZE": "four and a half million",
    "LAYERS": "six",
    "WIDTH": "192",
    "MEGABYTES": "nine",
    "TOKENS": "4096",
    "HOURS": "a few hours",
}
FACTS = {
    "name": (
        ["What is my name?", "do you know my name?", "who am I?", "What's my name?",
         "Do you remember my name?", "what was my name?", "[tell me|say] my name",
         "what did I say my name is?"],
        ["Can you tell me my name?", "By which name do you know me?"],
        ["Your name is {}.", "You said that your name is {}.", "You are {}."],
    ),
    "city": (
        ["where [do I live|am I from]?", "what [is my city|city do I live in]?",
         "do you remember where I [live|am from]?", "which city did I [mention|talk about]?"],
        ["Do you happen to know which town I come from?"],
        ["You spoke of {}.", "You mentioned {}."],
    ),
    "food": (
        ["what food do I like?", "what did I say I [like|eat]?", "which food did I mention?",
         "do you remember what I [like|eat]?"],
        ["What was the dish that I spoke of?"],
        ["You spoke of {}.", "You mentioned {}."],
    ),
    "pet": (
        ["what pet do I have?", "which [pet|animal] do I have?", "do you remember my pet?",
         "what animal did I mention?"],
        ["What kind of animal lives with me?"],
        ["You have a {}.", "You told me about your {}."],
    ),
    "job": (
        ["what do I do [for a living|for work]?", "what is my [job|profession]?",
         "do you remember my job?", "what did I say I work as?"],
        ["Have I told you what I do for work?"],
        ["You said {}.", "You told me that you are a {}."],
    ),
    "hobby": (
        ["what is my hobby?", "what do I like to do?", "do you remember my hobby?",
         "what did I say I do in my free time?"],
        ["Do you recall how I spend my free time?"],
        ["You like {}.", "You told me about {}."],
    ),
}  # fmt: skip
MEANT = (
    "[no, |sorry, |]I [meant|mean] {x}", "not that, {x}", "[no|well], {x}",
    "[I wanted to know|my question was] about {x}", "that is not what I asked, I meant {x}",
)  # fmt: skip
MEANT_HELD_OUT = ("You misunderstood me, it is {x} I asked about.",)


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
        self._tellings = [t for t in self.topics["talk"] if "{" in "".join(t.answers)]
        templates = read_topics(FOLDER / "templates.txt")[0][0]
        self.templates = templates.held_out if held_out else templates.questions
        kept = [*templates.held_out, *MEANT_HELD_OUT]
        kept += [q for group in self.topics.values() for topic in group for q in topic.held_out]
        self._synonyms = read_synonyms(FOLDER / "synonyms.txt")
        self._kept = {plain(question) for question in kept}

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
        known: dict[str, str] = {}
        while len(said) < 2 * turns:
            if known and self.random.random() < 0.35:
                said += self._recall(known)
                continue
            telling = not known and self.random.random() < 0.08
            topic = self.random.choice(self._tellings) if telling else self._topic(bool(said))
            if topic in seen:
                continue
            question, answer, values = self._exchange(topic)
            told = topic in self._tellings and values.keys() & known.keys()
            if told or (known and _asks_what_was_said(topic)):
                continue  # what is known by now is neither told again nor denied
            seen.append(topic)
            if topic in self._tellings:
                known |= {key: value for key, value in values.items() if key in FACTS}
            said += [question, answer]
            if topic.further and self.random.random() < 0.4:
                asked, answers = self.random.choice(topic.further)
                said += [self._spell(self._form(asked)), self.random.choice(answers)]
            elif len(said) < 2 * turns and self.random.random() < 0.06:
                said += self._correct(seen)
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
        if topic.names and (not own or self.random.random() < 0.5):
            question = self._ask_by_name(topic)
        else:
            question = self._form(own)
        values: dict[str, str] = {}
        question = self._fill(question, values, draw=True)
        answer = self._fill(self.random.choice(topic.answers), values, draw=False)
        return self._spell(question, not values), answer, values

    def _form(self, phrasings: Sequence[str]) -> str:
        while True:
            drawn = vary(self.random.choice(phrasings), self.random)
            # Brackets make so many forms that some would be those held out.
            if self.held_out or plain(drawn) not in self._kept:
                return drawn

    def _spell(self, question: str, slips: bool = True) -> str:
        if self.held_out:
            return question
        if slips and self.random.random() < 0.4:
            other = reword(question, self.random, self._synonyms)
            question = question if plain(other) in self._kept else other
        spelt = casual(question, self.random, slips)
        return question if plain(spelt) in self._kept else spelt

    def _correct(self, seen: list[Topic]) -> list[str]:
        named = [t for group in self.topics.values() for t in group if t.names and t not in seen]
        topic = self.random.choice(named)
        seen.append(topic)
        meant = self._form(MEANT_HELD_OUT if self.held_out else MEANT)
        question = self._spell(meant.replace("{x}", self.random.choice(topic.names)))
        return [question, self._fill(self.random.choice(topic.answers), {}, draw=False)]

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
            question = self._fill(self._form([question]), values, draw=True)
            out.append((question, [self._fill(a, values, draw=False) for a in topic.answers]))
        return out

    def _ask_by_name(self, topic: Topic) -> str:
        asked = self.random.choice(topic.names)
        question = self._form(self.templates).replace("{x}", asked)
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

    def _recall(self, known: dict[str, str]) -> list[str]:
        key = self.random.choice(sorted(known))
        asked, held_out, told = FACTS[key]
        question = self._form(held_out if self.held_out else asked)
        return [self._spell(question), self.random.choice(told).format(known[key])]


def _asks_what_was_said(topic: Topic) -> bool:
    return any("have not told me" in answer for answer in topic.answers)
