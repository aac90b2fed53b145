"""What goes on inside while the page has an answer made: an account in time order, with numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .context import CognitiveContext
from .conversation import Conversation
from .engine.events import Membrane, Result
from .errors import ArgumentError
from .events import Branch, Choice, Done, Event, Fallback, Prompt, Token
from .generation import END_OF_TEXT
from .membranes.base import MembraneResponse
from .membranes.reasoning import Evidence, ReasoningMembrane
from .membranes.reasoning.calibration import bundled

__all__ = ["FORMS", "Account", "PageReasoning", "check_branch", "check_form"]

FORMS = ("json_schema", "grammar")
"""What an answer may be held to."""

_PARTS = ("memory", "grammar", "reasoning")
_MOST_TEXT = 2000

# While the page starts, the package's files may still be on their way; its memory is there.
bundled()


class PageReasoning:
    """The reasoning membrane as the page uses it: it draws as many candidates as were asked for.

    One candidate is drawn as ever, at the visitor's own temperature, and judged afterwards.

    Examples
    --------
    >>> context = CognitiveContext("s", "Hello", metadata={"branches": 1})
    >>> PageReasoning().begin(context).plain
    True
    """

    def __init__(self) -> None:
        self._membrane = ReasoningMembrane()
        self.fingerprint = ""
        """Of the model that answers."""

    def begin(self, context: CognitiveContext) -> Any:
        """Plans the answer to one request."""
        if context.metadata.get("branches", 1) != 1:
            return self._membrane.begin(context)
        return _OneAnswer(self._membrane, context, self.fingerprint)


class _OneAnswer:
    """The membrane's part in an answer that is drawn once."""

    plain = True

    def __init__(
        self, membrane: ReasoningMembrane, context: CognitiveContext, fingerprint: str
    ) -> None:
        self._membrane = membrane
        self._text = context.user_input
        self._fingerprint = fingerprint

    def answer(self, chat: Conversation, text: str, preface: str) -> Any:
        """Never asked for, since the answer is plain."""
        return chat.say(text, preface=preface)

    def finish(self, done: Done, tokens: Sequence[Token]) -> MembraneResponse:
        """How sure to be of the answer, by its own probability."""
        begin = time.perf_counter()
        shown = list(tokens)
        while shown and (shown[-1].id == END_OF_TEXT or not shown[-1].text):
            shown.pop()
        values = [token.probability for token in shown]
        known = [math.log(max(value, 1e-38)) for value in values if value is not None]
        per_token = math.fsum(known) / len(known) if known and len(known) == len(values) else None
        evidence = Evidence(1, 1.0, per_token, len(shown))
        judgement = self._membrane.judge(evidence, self._fingerprint)
        state: dict[str, Any] = {"tokens": len(shown), "log_probability_per_token": per_token}
        return MembraneResponse(
            "reasoning",
            self._text,
            done.text,
            judgement.confidence,
            time.perf_counter() - begin,
            state,
            {"calibrated": judgement.calibrated},
        )


class Account:
    """What each part did for one answer, in time order.

    Parameters
    ----------
    form : str or None
        ``json_schema`` or ``grammar``, where one was asked for.
    branches : int
        Candidates that are to be drawn.
    by_hand : bool
        The answer goes on from given words, so the reasoning membrane has no part in it.
    clock : callable
        Gives seconds; only differences matter.

    Examples
    --------
    >>> seconds = iter([0.0, 0.0, 0.25])
    >>> account = Account(clock=lambda: next(seconds))
    >>> account.take(Membrane("grammar", "begin", "begin"))
    >>> account.take(Membrane("grammar", "begin", "end", 0.25))
    >>> [(step["part"], step["seconds"]) for step in account.to_json()["steps"]]
    [('grammar', 0.25)]
    """

    def __init__(
        self,
        form: str | None = None,
        branches: int = 1,
        by_hand: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.changed = False
        """Whether there is anything since `to_json` was last called."""
        self._form = form
        self._branches = branches
        self._by_hand = by_hand
        self._clock = clock
        self._begin = clock()
        self._mark = 0.0
        self._steps: list[dict[str, Any]] = []
        self._now = ""
        self._parts: dict[str, Any] = {}
        self._drawn: dict[str, Any] | None = None
        self._confidence: float | None = None
        self._recalled: list[dict[str, Any]] = []

    def take(self, event: Event) -> None:
        """Notes an event of the engine."""
        now = self._clock() - self._begin
        if isinstance(event, Membrane):
            self._membrane(event, now)
        elif isinstance(event, Prompt):
            step = self._under_way("model", "read", now)
            step["numbers"] = {"tokens": event.total, "done": event.done}
        elif isinstance(event, Branch):
            step = self._under_way("reasoning", f"candidate {event.index + 1}", now)
            step["numbers"] = {"tokens": step["numbers"].get("tokens", 0) + 1}
            step["text"] = (step.get("text", "") + event.text)[:_MOST_TEXT]
        elif isinstance(event, Choice):
            step = self._under_way("reasoning", "vote", now)
            step["numbers"] = {"groups": len(event.votes), "chosen": event.chosen + 1}
        elif isinstance(event, Token):
            if self._now == "vote":
                return  # drawn before
            step = self._under_way("model", "write", now)
            step["numbers"] = {"tokens": event.index + 1}
        elif isinstance(event, Fallback):
            self._steps.append(
                _step("model", "fallback", now, 0.0) | {"error": event.failure.reason}
            )
            self._now = ""
        elif isinstance(event, Result):
            self._finish(event)
        else:
            return
        self._mark = now
        self.changed = True

    def _membrane(self, event: Membrane, now: float) -> None:
        self._now = ""
        if event.phase == "begin":
            self._steps.append(_step(event.name, event.step, now, None))
            return
        last = self._steps[-1] if self._steps else None
        if last is None or (last["part"], last["step"]) != (event.name, event.step):
            last = _step(event.name, event.step, now, None)
            self._steps.append(last)
        last["seconds"] = now - last["begin"]
        last["numbers"] = _from_one(event.numbers)
        if event.error:
            last["error"] = event.error

    def _under_way(self, part: str, name: str, now: float) -> dict[str, Any]:
        """The step of this name, begun where the one before it ended."""
        if self._now != name:
            self._now = name
            self._steps.append(_step(part, name, self._mark, None))
        step = self._steps[-1]
        step["seconds"] = now - step["begin"]
        return step

    def _finish(self, result: Result) -> None:
        self._confidence = result.overall_confidence
        for name in _PARTS:
            response: MembraneResponse = getattr(result, f"{name}_response")
            self._parts[name] = self._part(name, response)
        self._recalled = _recalled(result.memory_response)
        reasoning = result.reasoning_response
        if reasoning.internal_state.get("branches"):
            self._drawn = _drawn(reasoning)
        for step in self._steps:
            step.pop("text", None)

    def _part(self, name: str, response: MembraneResponse) -> dict[str, Any]:
        state, about = response.internal_state, response.metadata
        part = {
            "active": bool(state.get("active")),
            "confidence": response.confidence,
            "calibrated": bool(about.get("calibrated")),
            "why": "",
            "received": response.input_text[:_MOST_TEXT],
            "gave": "" if name == "memory" else response.output_text[:_MOST_TEXT],
            "seconds": response.processing_time,
            "numbers": _from_one(_numbers(state)),
            "error": about.get("error", ""),
        }
        if response.confidence is None:
            part["why"] = part["error"] or self._why(name, part["active"])
        return part

    def _why(self, name: str, active: bool) -> str:
        """Why there is no confidence."""
        if name == "reasoning":
            if self._by_hand:
                return "It has no part in an answer that goes on from given words."
            return "The backend gives no probabilities." if active else "It is not in use."
        if not active:
            return "It is not in use."
        if name == "grammar":
            return "No form was asked for." if self._form is None else "No token was drawn."
        return "It recalled nothing."

    def to_json(self) -> dict[str, Any]:
        """What the page keeps with the answer: JSON only.

        ``steps`` in time order, each with its ``part``, ``step``, ``begin`` and ``seconds`` (since
        the question), ``numbers`` and perhaps an ``error``; at the end also ``parts``, what each
        membrane received and gave, ``drawn``, the candidates with their tree, and ``recalled``,
        why which memories came to mind. What they say is only in the memories, so that what is
        deleted there is not left here.
        """
        self.changed = False
        return {
            "form": self._form,
            "branches": self._branches,
            "confidence": self._confidence,
            "steps": [{**step, "numbers": dict(step["numbers"])} for step in self._steps],
            "parts": self._parts,
            "drawn": self._drawn,
            "recalled": self._recalled,
        }


def check_form(form: str, source: str) -> None:
    """Compiles what an answer is to be held to.

    Raises
    ------
    EchoError
        If it cannot be followed, in one sentence.
    """
    if form not in FORMS:
        raise ArgumentError(f"form is {form!r}; it must be one of {', '.join(FORMS)}.")
    from .grammar import Grammar

    _ = Grammar.gbnf(source) if form == "grammar" else Grammar.json_schema(source)


def check_branch(form: str, source: str, begun: Mapping[str, Any], model: Any) -> None:
    """Refuses a branch that begins as no answer in its form does.

    Parameters
    ----------
    form, source : str
        As in `check_form`.
    begun : mapping
        The ``text`` that stays and the tokens that come ``then``; see `PageWords.listen`.
    model : LanguageModel or None
        Whose tokens these are.

    Raises
    ------
    ArgumentError
        If nothing of that form begins so.
    """
    if model is None:
        return  # the mock, which refuses a form by itself
    from .grammar import Grammar

    grammar = Grammar.gbnf(source) if form == "grammar" else Grammar.json_schema(source)
    chosen = model.decode_bytes(begun["then"])
    if not grammar.after_space.begins(begun["text"].encode() + chosen):
        name = "grammar" if form == "grammar" else "JSON schema"
        raise ArgumentError(
            f"“{chosen.decode(errors='replace')}” cannot stand there: the answer is kept to a "
            f"{name}, and nothing that fits it begins so. Choose another word."
        )


def _step(part: str, name: str, begin: float, seconds: float | None) -> dict[str, Any]:
    return {"part": part, "step": name, "begin": begin, "seconds": seconds, "numbers": {}}


def _recalled(response: MembraneResponse) -> list[dict[str, Any]]:
    """Which memories came to mind, and why, without what they say."""
    state = response.internal_state
    found = state.get("prepare", state).get("recalled", [])
    return [
        {"id": one["item"]["id"]} | {key: value for key, value in one.items() if key != "item"}
        for one in found
    ]


def _drawn(response: MembraneResponse) -> dict[str, Any]:
    """The candidates: a node is ``[parent or -1, text, log-probability]``, in its place."""
    state = response.internal_state
    nodes = response.metadata.get("tree", [])
    leaves = [-1] * len(state["branches"])
    for place, node in enumerate(nodes):
        for branch in node["branches"]:
            leaves[branch] = place
    return {
        "kind": state["plan"].get("kind", ""),
        "compare": state["plan"].get("compare", ""),
        "chosen": state["chosen"],
        "nodes": [
            [-1 if node["parent"] is None else node["parent"], node["text"], _short(node)]
            for node in nodes
        ],
        "candidates": [
            {
                "text": one["text"],
                "tokens": one["tokens"],
                "per_token": one["log_probability_per_token"],
                "stop_reason": one["stop_reason"],
                "leaf": leaf,
            }
            for one, leaf in zip(state["branches"], leaves, strict=True)
        ],
        "votes": state["votes"],
    }


def _short(node: Mapping[str, Any]) -> float | None:
    value = node["log_probability"]
    return None if value is None else round(value, 4)


def _from_one(numbers: Mapping[str, float]) -> dict[str, float]:
    """Readers count candidates from 1."""
    return {name: value + (name == "chosen") for name, value in numbers.items()}


def _numbers(state: Mapping[str, Any], before: str = "") -> dict[str, float]:
    """The numbers in what a membrane says of itself, one level deep at most."""
    found: dict[str, float] = {}
    for key, value in state.items():
        if isinstance(value, Mapping) and not before and key != "plan":
            found |= _numbers(value, f"{key}: ")
        elif isinstance(value, bool):
            if key != "active":
                found[before + key] = int(value)
        elif isinstance(value, (int, float)):
            found[before + key] = value
    return found
