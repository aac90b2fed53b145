"""The last stage: prefer the short, fitting answer to what the model would have said.

Direct preference optimisation (arXiv:2305.18290). A pair is a question in a phrasing
of training, one of its topic's answers, and an answer that the model drew itself
and that is none of them. With p the chances of the whole answers under the model
and q those under the model before this stage,

    loss = -log sigmoid(beta (log p/q of the fitting one - log p/q of the other))
           + anchor * (mean cost of the fitting one's tokens),

where the second term keeps the fitting answer from getting less likely itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .dialogues import Dialogues
from .network import CarriedState, Network
from .optimizer import Optimizer, learning_rate
from .parameters import Parameters

__all__ = ["Pair", "Preference", "draw_pairs"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Pair:
    """Two answers to one question.

    Parameters
    ----------
    question : str
        The user's turn.
    fitting, other : str
        The answer to prefer, and the one to avoid.
    """

    question: str
    fitting: str
    other: str


def draw_pairs(answer: Callable[[str, int], str], count: int, seed: int = 3) -> list[Pair]:
    """Ask a model questions, and keep those that it answers otherwise than it should.

    Parameters
    ----------
    answer : callable
        Takes a question and a seed, and draws an answer.
    count : int
        Questions to ask.
    seed : int
        Of the questions.

    Returns
    -------
    list of Pair
        At most one for each question; never in a phrasing that is held out.
    """
    generator, chooser = Dialogues(seed), random.Random(seed)
    groups = list(generator.topics)
    pairs = []
    for number in range(count):
        topic = chooser.choice(generator.topics[chooser.choice(groups)])
        question, fitting = chooser.choice(generator.questions(topic))
        # Drawn before the answer is known, so that the questions do not depend on the model.
        chosen, said = chooser.choice(fitting), answer(question, number)
        if said and said not in fitting:
            pairs.append(Pair(question, chosen, said))
    return pairs


class Preference:
    """The optimisation over a list of pairs.

    Parameters
    ----------
    parameters : Parameters
        Changed in place.
    pairs : sequence of Pair
        What to learn.
    encode : callable
        Bytes to token ids.
    batch, time : int
        Pairs of a step, and tokens of the longest dialogue; pairs that are longer
        are left out.
    beta, anchor : float
        See the module.
    half : bool
        Products in bfloat16.

    Raises
    ------
    ArgumentError
        If fewer than `batch` pairs are short enough.
    """

    def __init__(
        self,
        parameters: Parameters,
        pairs: Sequence[Pair],
        encode: Callable[[bytes], Sequence[int]],
        batch: int = 8,
        time: int = 112,
        beta: float = 0.1,
        anchor: float = 0.2,
        half: bool = False,
    ) -> None:
        self.parameters, self.batch, self.time = parameters, batch, time
        self.beta, self.anchor = beta, anchor
        self.network = Network(parameters, 2 * batch, time, half)
        both = [(self._row(p, p.fitting, encode), self._row(p, p.other, encode)) for p in pairs]
        self.rows = [(a, b) for a, b in both if a is not None and b is not None]
        if len(self.rows) < batch:
            raise ArgumentError(
                f"{len(self.rows)} pairs are of at most {time} tokens; a step needs {batch}."
            )
        # The model as it is now, before any step.
        parts = [self.rows[at : at + batch] for at in range(0, len(self.rows), batch)]
        before = [self._run(*self._stack(part))[0] for part in parts]
        self.reference: Array = np.concatenate(before).reshape(-1, 2)

    def step(self, numbers: Sequence[int]) -> tuple[float, float]:
        """Compute the loss of some pairs and leave its gradient in the network.

        Parameters
        ----------
        numbers : sequence of int
            Which pairs, `batch` of them.

        Returns
        -------
        loss : float
            The mean over the pairs.
        margin : float
            By how much more the fitting answers' log chances have grown, on average.
        """
        tokens, learned = self._stack([self.rows[number] for number in numbers])
        chances, costs = self._run(tokens, learned)
        gain = chances.reshape(-1, 2) - self.reference[list(numbers)]
        margin = gain[:, 0] - gain[:, 1]
        pull = self.beta / (1 + np.exp(self.beta * margin))  # minus the slope of the first term
        count = learned.sum(1).reshape(-1, 2)
        each = np.stack([pull + self.anchor / count[:, 0], -pull], 1) / len(numbers)
        weights = (each.reshape(-1, 1) * learned).astype(costs.dtype)
        self.network.loss(tokens[:, 1:], weights)
        self.network.backward()
        anchored = (costs.sum(1).reshape(-1, 2) / count)[:, 0]
        loss = np.log1p(np.exp(-self.beta * margin)) + self.anchor * anchored
        return float(loss.mean()), float(margin.mean())

    def run(
        self,
        steps: int,
        peak: float = 5e-5,
        seed: int = 4,
        say: Callable[[dict[str, float]], None] | None = None,
    ) -> None:
        """Take steps over the pairs in shuffled order.

        Parameters
        ----------
        steps : int
            How many.
        peak : float
            Highest learning rate; it falls over the last half.
        seed : int
            Of the order.
        say : callable, optional
            Is told step, loss and margin after each step.
        """
        order, optimizer = np.random.default_rng(seed), Optimizer(self.parameters.shape, decay=0.0)
        for step in range(steps):
            numbers = order.choice(len(self.rows), self.batch, replace=False)
            loss, margin = self.step([int(number) for number in numbers])
            rate = learning_rate(step, peak, 10, steps, steps // 2)
            optimizer.update(self.parameters, self.network.gradients, step, rate)
            if say:
                say({"step": step + 1, "loss": round(loss, 4), "margin": round(margin, 3)})

    def _row(
        self, pair: Pair, said: str, encode: Callable[[bytes], Sequence[int]]
    ) -> tuple[list[int], int] | None:
        """The dialogue's tokens and the place of the answer's first one."""
        asked = list(encode(f"User: {pair.question}\n\nAssistant:".encode()))
        whole = [*asked, *encode(f" {said}".encode()), 0]
        return (whole, len(asked)) if len(whole) <= self.time + 1 else None

    def _stack(
        self, pairs: Sequence[tuple[tuple[list[int], int], ...]]
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        tokens = np.zeros((2 * len(pairs), self.time + 1), np.int32)
        learned = np.zeros((2 * len(pairs), self.time), np.bool_)
        for place, (whole, start) in enumerate(row for pair in pairs for row in pair):
            tokens[place, : len(whole)] = whole
            learned[place, start - 1 : len(whole) - 1] = True
        return tokens, learned

    def _run(self, tokens: NDArray[np.int32], learned: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Log chances of the answers, shape (rows,), and costs of their tokens."""
        rows = np.zeros((2 * self.batch, self.time + 1), np.int32)
        rows[: len(tokens)] = tokens
        state = CarriedState(self.parameters.shape, len(rows), self.parameters.flat.dtype)
        self.network.forward(rows[:, :-1].copy(), state)
        costs = self.network.costs(rows[:, 1:])[: len(tokens)] * learned
        return -costs.sum(1), costs
