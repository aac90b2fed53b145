"""A text model without weights, whose logits and hidden vectors follow from the last tokens."""

from __future__ import annotations

import itertools

import numpy as np
from deep_tree_echo.adaptation import AdaptationSettings
from deep_tree_echo.adaptation.learner import Learner
from deep_tree_echo.adaptation.senses import Senses
from deep_tree_echo.errors import ArgumentError

SMALL = AdaptationSettings(window=32, features=8, reservoir=8)


class Follower:
    """Bytes as tokens; the state is all that was read. Its numbers are drawn by a hash of it."""

    def __init__(self, n_vocab=257, n_embed=16, fingerprint="follower", sure=1.0):
        self.n_vocab, self.n_embed, self.fingerprint = n_vocab, n_embed, fingerprint
        self.sure = sure
        self.hidden = None
        self.evaluations = []

    def encode(self, text):
        return [byte + 1 for byte in (text.encode() if isinstance(text, str) else text)]

    def decode_bytes(self, tokens):
        return bytes(token - 1 for token in tokens if token)

    def eval(self, tokens, state=None):
        self.evaluations.append(list(tokens))
        state = (state or ()) + tuple(tokens)
        drawn = np.random.default_rng(state[-2:])
        self.hidden = drawn.standard_normal(self.n_embed).astype(np.float32)
        return (self.sure * drawn.standard_normal(self.n_vocab)).astype(np.float32), state

    def new_sampler(self, settings):
        return Greedy()


class Greedy:
    """Takes the likeliest token."""

    def accept(self, token):
        pass

    def sample(self, logits):
        if not np.isfinite(logits).any():
            raise ArgumentError("no logit is finite")
        top = int(np.nanargmax(logits))
        return top, float(1 / np.exp(logits.astype(float) - logits[top]).sum())


def nats(model, tokens, settings=SMALL):
    """What a text costs without and with adaptation, (2, tokens - 1), and the learner."""
    senses = Senses(model.n_embed, settings)
    learner = Learner(model.n_vocab, senses, settings)
    state, echo, costs = None, None, []
    for read, follows in itertools.pairwise(tokens):
        logits, state = model.eval([read], state)
        state = state[-2:]
        sensed = senses.sense(model.hidden, echo)
        echo = sensed.echo
        expected = learner.expect(logits, sensed)
        if expected is None:
            both = [learner.alone(logits, follows)] * 2
        else:
            both = learner.probabilities(expected, follows)[:2]
        costs.append(-np.log(both))
        learner.learn(expected, sensed, follows)
    return np.array(costs).reshape(-1, 2).T, learner
