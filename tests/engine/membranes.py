"""Membranes that are small and real, and ones that break."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from deep_tree_echo import CognitiveContext
from deep_tree_echo.conversation import Conversation
from deep_tree_echo.events import Done, Event, Token
from deep_tree_echo.membranes.base import MembraneResponse


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


class Notebook:
    """A memory: keeps every message, recalls those that share a word."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def prepare(self, context: CognitiveContext) -> MembraneResponse:
        asked = words(context.user_input)
        found = [note for note in self.notes if words(note) & asked]
        shared = [len(words(note) & asked) / len(asked) for note in found]
        return MembraneResponse(
            "memory",
            context.user_input,
            f"Notes: {'; '.join(found)}" if found else "",
            max(shared) if shared else None,
            0.0,
            {"recalled": len(found)},
        )

    def learn(self, context: CognitiveContext, answer: str) -> MembraneResponse:
        self.notes.append(context.user_input)
        return MembraneResponse(
            "memory", context.user_input, "", None, 0.0, {"stored": len(self.notes)}
        )


class OnlyGuide:
    def __init__(self, allowed: list[int], n_vocab: int) -> None:
        self._bias = np.full(n_vocab, -np.inf, np.float32)
        self._bias[allowed] = 0

    def adjust(self, logits: Any) -> Any:
        return logits + self._bias

    def accept(self, token: int, reading: Any) -> None:
        pass


class Only:
    """Guidance: nothing but some characters."""

    name = "grammar"

    def __init__(self, allowed: str, required: bool = True) -> None:
        self.required = required
        self._allowed = allowed

    def start(self, model: Any) -> OnlyGuide:
        return OnlyGuide([model.encode(c)[0] for c in self._allowed], model.n_vocab)


class LettersPass:
    def __init__(self, context: CognitiveContext) -> None:
        self._context = context
        allowed = context.metadata.get("grammar")
        self.guidance = [Only(allowed)] if allowed else []

    def finish(self, done: Done, tokens: Sequence[Token]) -> MembraneResponse:
        likely = [token.probability for token in tokens if token.probability is not None]
        return MembraneResponse(
            "grammar",
            self._context.user_input,
            done.text if self.guidance else "",
            float(np.mean(likely)) if likely else None,
            0.0,
            {"tokens": len(tokens)},
        )


class Letters:
    """A grammar: ``metadata["grammar"]`` names the characters that may come."""

    def begin(self, context: CognitiveContext) -> LettersPass:
        return LettersPass(context)


class TwicePass:
    def __init__(self, context: CognitiveContext) -> None:
        self._context = context
        self.plain = "twice" not in context.processing_goals

    def answer(self, chat: Conversation, text: str, preface: str) -> Iterator[Event]:
        *first, one = list(chat.say(text, preface=preface))
        yield from first
        *_, two = list(chat.regenerate())
        assert isinstance(one, Done)
        assert isinstance(two, Done)
        if len(one.text) > len(two.text):
            chat.select(chat.all_turns[-2].id)
            two = one
        yield two

    def finish(self, done: Done, tokens: Sequence[Token]) -> MembraneResponse:
        return MembraneResponse(
            "reasoning", self._context.user_input, done.text, None, 0.0, {"n": 1 + (not self.plain)}
        )


class Twice:
    """Reasoning: with the goal ``twice`` the longer of two answers."""

    def begin(self, context: CognitiveContext) -> TwicePass:
        return TwicePass(context)


class Broken:
    """Any membrane or pass, with one method that raises or gives junk."""

    def __init__(self, inner: Any, method: str, junk: Any = None) -> None:
        self._inner = inner
        self._method = method
        self._junk = junk

    def __getattr__(self, name: str) -> Any:
        if name != self._method:
            found = getattr(self._inner, name)
            if name == "begin":
                return lambda context: Broken(found(context), self._method, self._junk)
            return found

        def fail(*values: Any) -> Any:
            if self._junk is not None:
                return self._junk
            raise ZeroDivisionError("broken on purpose")

        return fail
