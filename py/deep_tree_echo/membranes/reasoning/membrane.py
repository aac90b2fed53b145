"""The reasoning membrane: plans an answer, draws candidates, chooses, says how sure to be."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...context import CognitiveContext
from ...database import Database
from ...drawing import Talk
from ...errors import ArgumentError
from ...events import Done, Event, Token
from ...generation import LanguageModel, Reading
from ..base import MembraneResponse
from .branches import BranchingDrawing
from .calibration import Calibration, Evidence, Judgement, OptionEvidence, bundled, softmax
from .options import option_scores
from .plan import Plan, plan

__all__ = ["Option", "ReasoningMembrane", "ReasoningTurn"]

_TABLES = [
    "CREATE TABLE calibrations (fingerprint TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
]


@dataclass(frozen=True, slots=True)
class Option:
    """One of some given answers.

    Parameters
    ----------
    text : str
        As it was given.
    log_probability : float
        The model's natural logarithm of its probability, all tokens together.
    probability : float
        That it is the right one, if one of them is; the probabilities of all sum to 1.
    """

    text: str
    log_probability: float
    probability: float


class ReasoningMembrane:
    """Answers by several candidates where the plan says so.

    Parameters
    ----------
    most_branches : int
        Candidates for an answer at most, from 1 to 64.
    database : Database, optional
        Keeps the calibrations of models that do not come with the package.

    Examples
    --------
    >>> membrane = ReasoningMembrane()
    >>> plan = membrane.plan(CognitiveContext("s", "If all birds fly, then do swans?"))
    >>> plan.kind, plan.branches, plan.compare
    ('deductive', 3, 'answer')
    """

    def __init__(self, most_branches: int = 8, database: Database | None = None) -> None:
        if not 1 <= most_branches <= 64:
            raise ArgumentError(f"most_branches is {most_branches!r}; it must be from 1 to 64.")
        self.most_branches = most_branches
        self._database = database
        self._known = dict(bundled())
        if database is not None:
            database.migrate("reasoning", _TABLES)
            for fingerprint, value in database.execute(
                "SELECT fingerprint, value FROM calibrations"
            ):
                self._known[str(fingerprint)] = Calibration.from_json(json.loads(str(value)))

    def plan(self, context: CognitiveContext) -> Plan:
        """How to answer a request; see `plan.plan`."""
        return plan(context, self.most_branches)

    def drawing(self, plan: Plan) -> BranchingDrawing:
        """What `Conversation.drawing` takes to answer by this plan."""
        return BranchingDrawing(plan, self.judge)

    def begin(self, context: CognitiveContext) -> ReasoningTurn:
        """Plans the answer to one request."""
        return ReasoningTurn(self, context)

    def calibration(self, fingerprint: str) -> Calibration | None:
        """What is known of the model with this fingerprint."""
        return self._known.get(fingerprint)

    def judge(self, evidence: Evidence, fingerprint: str) -> Judgement:
        """How sure to be of an answer that was drawn; for an unknown model, uncalibrated."""
        known = self.calibration(fingerprint)
        return known.judge(evidence) if known else Judgement(evidence.raw, calibrated=False)

    def keep(self, fingerprint: str, calibration: Calibration) -> None:
        """Uses a calibration for a model from now on, and stores it where there is a database.

        Raises
        ------
        ArgumentError
            If the model has no fingerprint.
        FileError
            If it cannot be stored; the old one then stays.
        """
        if not fingerprint:
            raise ArgumentError("fingerprint is ''; the model must come from a whole file.")
        if self._database is not None:
            with self._database.transaction():
                self._database.execute(
                    "INSERT INTO calibrations VALUES (?, ?) "
                    "ON CONFLICT (fingerprint) DO UPDATE SET value = excluded.value",
                    [fingerprint, json.dumps(calibration.to_json())],
                )
        self._known[fingerprint] = calibration

    def choose(
        self, model: LanguageModel, start: Reading, options: Sequence[str]
    ) -> tuple[list[Option], bool]:
        """Weighs given answers: how likely each is to be the right one.

        They are compared by their log-probability per byte, so that a long one is not at a
        disadvantage.

        Parameters
        ----------
        model : LanguageModel
            Reads them.
        start : Reading
            The end of the question.
        options : sequence of str
            At least one, each with the space before it.

        Returns
        -------
        options : list of Option
            In the order given.
        calibrated : bool
            Whether the model's calibration is known.

        Raises
        ------
        ArgumentError
            If there is no option, or an empty one.
        """
        scores = option_scores(model, start, options)
        known = self.calibration(str(getattr(model, "fingerprint", "")))
        evidence = OptionEvidence(tuple(scores), tuple(len(text.encode()) for text in options))
        chances = known.weigh(evidence) if known else softmax(evidence.per_byte, 1.0)
        found = [
            Option(text, score, chance)
            for text, score, chance in zip(options, scores, chances, strict=True)
        ]
        return found, known is not None


class ReasoningTurn:
    """The reasoning membrane's part in one answer. `ReasoningMembrane.begin` makes it."""

    plain = False
    """One candidate alone is drawn here too, for its confidence."""

    def __init__(self, membrane: ReasoningMembrane, context: CognitiveContext) -> None:
        begin = time.perf_counter()
        self.plan = membrane.plan(context)
        """How the answer is made."""
        self.drawing = membrane.drawing(self.plan)
        self._text = context.user_input
        self._planning = time.perf_counter() - begin

    def answer(self, chat: Talk, text: str, preface: str = "") -> Iterator[Event]:
        """Answers ``text`` by branches.

        The events are those of `Conversation.say`, and `Branch` and `Choice`. The turn chosen is
        then the current one, and the others are versions of it.
        """
        before, chat.drawing = chat.drawing, self.drawing
        try:
            yield from chat.say(text, preface=preface)
        finally:
            chat.drawing = before

    def finish(self, done: Done, tokens: Sequence[Token]) -> MembraneResponse:
        """What came of it, once the answer has been given."""
        last = self.drawing.last
        outcome = last.outcome if last else None
        state: dict[str, Any] = {"plan": self.plan.to_json(), "branches": [], "votes": []}
        if last is None or outcome is None:
            return MembraneResponse(
                "reasoning", self._text, "", None, self._planning, state, {"calibrated": False}
            )
        state["branches"] = [one.to_json() for one in outcome.candidates]
        state["votes"] = outcome.votes()
        state["chosen"] = outcome.chosen
        return MembraneResponse(
            "reasoning",
            self._text,
            outcome.answer.text.strip(),
            outcome.judgement.confidence,
            self._planning + last.choosing_seconds,
            state,
            {"calibrated": outcome.judgement.calibrated, "tree": outcome.tree()},
        )
