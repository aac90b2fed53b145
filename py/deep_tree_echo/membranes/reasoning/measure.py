"""What a model makes of tasks with known answers, and the calibration that follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...backends.chain import Chain
from ...context import CognitiveContext
from ...errors import ArgumentError
from ...generation import LanguageModel
from ...sampling import SamplingSettings
from .branches import Branching
from .calibration import (
    Calibration,
    Evidence,
    Judgement,
    OptionEvidence,
    fit_logistic,
    fit_temperature,
)
from .options import option_scores, read
from .plan import plan
from .tasks import Task, tasks
from .votes import final_answer

__all__ = ["Chosen", "Drawn", "calibrate", "choose_all", "draw_all", "fit"]

STOP = ("\n\nUser:", "\n\nAssistant:", "\nUser:")
_COUNT = 60
_LEAST = 100


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a model made of one task with options.

    Parameters
    ----------
    family, prompt : str
        Of the task.
    evidence : OptionEvidence
        How likely it found each option.
    right : int
        The place of the right option.
    """

    family: str
    prompt: str
    evidence: OptionEvidence
    right: int

    @property
    def is_right(self) -> bool:
        """Whether it would choose the right one."""
        return self.evidence.best == self.right


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a model answered to one task freely.

    Parameters
    ----------
    family, prompt : str
        Of the task.
    single, vote : Evidence
        Of the first candidate alone, and of the one chosen among all.
    single_right, vote_right : bool
        Whether they are right.
    """

    family: str
    prompt: str
    single: Evidence
    vote: Evidence
    single_right: bool
    vote_right: bool


def choose_all(model: LanguageModel, given: Sequence[Task]) -> Iterator[Chosen]:
    """Weighs the options of each task that has any."""
    for task in given:
        if task.options:
            scores = option_scores(model, read(model, task.prompt), task.options)
            sizes = [len(option.encode()) for option in task.options]
            evidence = OptionEvidence(tuple(scores), tuple(sizes))
            yield Chosen(task.family, task.prompt, evidence, task.right)


def draw_all(
    chain: Chain, given: Sequence[Task], seed: int = 1, max_tokens: int = 160
) -> Iterator[Drawn]:
    """Answers each task that can be asked freely, as `ReasoningMembrane` plans it."""
    for number, task in enumerate(given):
        if not task.answers:
            continue
        question = task.prompt.removeprefix("User: ").removesuffix("\n\nAssistant:")
        branching = Branching(
            chain,
            task.prompt,
            None,
            plan(CognitiveContext("calibration", question)),
            lambda evidence, _: Judgement(evidence.raw, calibrated=False),
            max_tokens=max_tokens,
            settings=SamplingSettings(seed=1000 * seed + 100 * number),
            stop=STOP,
        )
        for _ in branching:
            pass
        outcome = branching.outcome
        assert outcome is not None
        first, answer = outcome.candidates[0], outcome.answer
        if answer.per_token is None or first.per_token is None:
            continue  # nothing was said, or nobody knows how likely it was
        single = Evidence(1, 1.0, first.per_token, len(first.steps))
        vote = Evidence(
            sum(len(group.members) for group in outcome.groups),
            outcome.groups[0].share,
            answer.per_token,
            len(answer.steps),
        )
        yield Drawn(
            task.family,
            task.prompt,
            single,
            vote,
            _fits(first.text, task.answers),
            _fits(answer.text, task.answers),
        )


def fit(chosen: Sequence[Chosen], drawn: Sequence[Drawn], about: str) -> Calibration:
    """The calibration under which what was observed is likeliest.

    Parameters
    ----------
    chosen, drawn : sequence
        At least 100 of each.
    about : str
        What the tasks were.

    Raises
    ------
    ArgumentError
        If there are too few.
    """
    for name, seen in (("chosen", len(chosen)), ("drawn", len(drawn))):
        if seen < _LEAST:
            raise ArgumentError(f"{name} has {seen} answers; a fit needs at least {_LEAST}.")
    temperature = fit_temperature(
        [one.evidence.per_byte for one in chosen], [one.right for one in chosen]
    )
    right = [one.is_right for one in chosen]
    return Calibration(
        temperature,
        tuple(fit_logistic([one.evidence.features() for one in chosen], right)),
        tuple(
            fit_logistic(
                [one.single.known_features for one in drawn], [one.single_right for one in drawn]
            )
        ),
        tuple(
            fit_logistic(
                [one.vote.known_features for one in drawn], [one.vote_right for one in drawn]
            )
        ),
        about,
    )


def calibrate(chain: Chain, model: LanguageModel, seed: int = 1) -> Iterator[Calibration | float]:
    """Calibrates a model on the tasks that come with the package.

    Parameters
    ----------
    chain : Chain
        Draws answers.
    model : LanguageModel
        The chain's model, which weighs options.
    seed : int
        Of the tasks.

    Yields
    ------
    float or Calibration
        The share that is done, after each task; at last the calibration.
    """
    given = tasks(seed, _COUNT)
    chosen: list[Chosen] = []
    drawn: list[Drawn] = []
    for number, task in enumerate(given, 1):
        chosen += choose_all(model, [task])
        drawn += draw_all(chain, [task], seed + number)
        yield number / len(given)
    yield fit(chosen, drawn, "the tasks of the package")


def _fits(text: str, answers: Sequence[str]) -> bool:
    said = text.strip()
    return said in answers or final_answer(said) in {
        final_answer(answer) for answer in answers if " " not in answer
    }
