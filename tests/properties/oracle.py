"""Sampling as ``echo.h`` describes it, written as plainly as possible in float64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
from deep_tree_echo import SamplingSettings

# What float32 may do to a sum of probabilities that float64 does not.
SLACK = 2e-5


def uniforms(seed: int) -> Iterator[float]:
    """PCG32 with the stream 54, as in the paper's pcg32_srandom and pcg32_random."""
    modulus = 2**64
    increment = 2 * 54 + 1
    state = (increment + seed) * 6364136223846793005 + increment
    while True:
        state %= modulus
        mixed = ((state >> 18) ^ state) >> 27 & 0xFFFFFFFF
        turn = state >> 59
        yield ((mixed >> turn | mixed << (32 - turn)) & 0xFFFFFFFF) / 2**32
        state = state * 6364136223846793005 + increment


def adjusted(
    logits: np.ndarray, settings: SamplingSettings, counts: Mapping[int, int]
) -> np.ndarray:
    """Steps 1 and 2: bias and penalties."""
    result = logits.astype(np.float64)
    for token, bias in settings.bias.items():
        result[token] += bias
    for token, count in counts.items():
        if result[token] > 0:
            result[token] /= settings.repetition_penalty
        else:
            result[token] *= settings.repetition_penalty
        result[token] -= settings.presence_penalty + settings.frequency_penalty * count
    return result


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    shifted = np.exp((logits - logits.max()) / temperature)
    return shifted / shifted.sum()


def shortest(p: np.ndarray, share: float) -> int:
    """How many of ``p`` in their order it takes to hold ``share``; at least one."""
    held, n = 0.0, 0
    for value in p:
        held += value
        n += 1
        if held >= share:
            break
    return max(1, n)


def drawn(
    p: np.ndarray, settings: SamplingSettings, u: float, factors: tuple[float, float, float]
) -> int:
    """Steps 4 and 5, with the shares and the bar scaled by ``factors``."""
    typical_p, top_p, min_p = (
        value * factor
        for value, factor in zip(
            (settings.typical_p, settings.top_p, settings.min_p), factors, strict=True
        )
    )
    order = sorted((i for i in range(len(p)) if p[i] > 0), key=lambda i: (-p[i], i))
    if settings.top_k:
        order = order[: settings.top_k]
    if settings.typical_p < 1:
        entropy = -sum(value * np.log(value) for value in p if value > 0)
        by_surprise = sorted(order, key=lambda i: abs(-np.log(p[i]) - entropy))
        kept = set(by_surprise[: shortest(p[by_surprise], typical_p)])
        order = [i for i in order if i in kept]
    if settings.top_p < 1:
        order = order[: shortest(p[order], top_p)]
    order = [order[0]] + [i for i in order[1:] if p[i] >= min_p * p[order[0]]]
    total = p[order].sum()
    passed = 0.0
    for i in order:
        passed += p[i]
        if passed > u * total:
            return i
    return order[-1]


def acceptable(
    logits: np.ndarray, settings: SamplingSettings, counts: Mapping[int, int], u: float
) -> set[int]:
    """The tokens that a sampler in float32 may draw: more than one only beside a boundary."""
    scores = adjusted(logits, settings, counts)
    if settings.temperature == 0:
        return {int(i) for i in np.flatnonzero(scores >= scores.max() - 1e-6)}
    p = probabilities(scores, settings.temperature)
    nearby = (1 - SLACK, 1 + SLACK)
    return {
        drawn(p, settings, min(max(u + shift, 0.0), 1.0), factors)
        for shift in (-SLACK, SLACK)
        for factors in product(nearby, nearby, nearby)
    }
