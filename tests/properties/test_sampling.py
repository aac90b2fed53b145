"""The sampler draws what its description says, and the same everywhere."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from deep_tree_echo import Model, SamplingSettings, core
from deep_tree_echo.backends.python_rwkv.sampler import NumpySampler
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import golden, oracle

SAMPLERS = {"libecho": core.Sampler, "numpy": NumpySampler}
GOLDEN = json.loads(golden.FILE.read_text(encoding="utf-8"))


def single(value: float) -> float:
    """The value as float32 has it, which is what the core is given."""
    return float(np.float32(value))


def number(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, width=32)


N_VOCAB = 61
SETTINGS = st.builds(
    SamplingSettings,
    temperature=st.one_of(st.just(0.0), number(0.125, 4.0)),
    top_p=st.one_of(st.just(1.0), number(0.0625, 1.0)),
    top_k=st.one_of(st.just(0), st.integers(1, 80)),
    min_p=st.one_of(st.just(0.0), number(0.0, 0.5)),
    typical_p=st.one_of(st.just(1.0), number(0.125, 1.0)),
    repetition_penalty=st.one_of(st.just(1.0), number(0.5, 2.0)),
    presence_penalty=st.one_of(st.just(0.0), number(-2.0, 2.0)),
    frequency_penalty=st.one_of(st.just(0.0), number(-1.0, 1.0)),
    seed=st.integers(0, 2**64 - 1),
    bias=st.dictionaries(
        st.integers(0, N_VOCAB - 1), st.one_of(st.just(-np.inf), number(-9.0, 9.0)), max_size=4
    ),
)


def random_logits(seed: int, scale: float, n_vocab: int = N_VOCAB) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (scale * random.standard_normal(n_vocab)).astype(np.float32)


@pytest.mark.parametrize("backend", SAMPLERS)
@given(SETTINGS, st.integers(0, 2**32), st.sampled_from([0.5, 2.0, 6.0]))
def test_agrees_with_the_description(backend, settings, seed, scale):
    sampler = SAMPLERS[backend](settings, N_VOCAB)
    counts: Counter[int] = Counter()
    uniforms = oracle.uniforms(settings.seed)
    for step in range(12):
        logits = random_logits(seed + step, scale)
        before = logits.copy()
        token, probability = sampler.sample(logits)
        u = next(uniforms) if settings.temperature > 0 else 0.0
        fits = oracle.acceptable(logits, settings, counts, u)
        assert token in fits
        assert len(fits) <= 3  # else the oracle would say nothing
        assert probability == pytest.approx(
            oracle.probabilities(logits.astype(np.float64))[token], rel=1e-4, abs=1e-9
        )
        np.testing.assert_array_equal(logits, before)
        sampler.accept(token)
        counts[token] += 1


@pytest.mark.parametrize("cut", ["top_p", "typical_p", "min_p", "top_k"])
@given(
    share=number(0.125, 0.875),
    seed=st.integers(0, 2**32),
    backend=st.sampled_from(sorted(SAMPLERS)),
)
def test_each_cut_alone(cut, share, seed, backend):
    """Of a few tokens, all that are kept come, and no other; each draw is the described one."""
    logits = random_logits(seed, 0.7, 10)
    setting: dict[str, float] = {"top_p": 1.0, "top_k": 0, "temperature": 1.0, "seed": seed}
    setting[cut] = max(1, round(10 * share)) if cut == "top_k" else single(share)
    settings = SamplingSettings(**setting)  # type: ignore[arg-type]
    sampler = SAMPLERS[backend](settings, len(logits))
    uniforms = oracle.uniforms(seed)
    for _ in range(60):
        token, _ = sampler.sample(logits)
        assert token in oracle.acceptable(logits, settings, {}, next(uniforms))


@given(
    SETTINGS,
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.5, 6.0, 40.0]),
    st.sampled_from([N_VOCAB, 257, 1501]),
    st.lists(
        st.tuples(st.integers(0, N_VOCAB - 1), st.sampled_from([np.nan, np.inf, -np.inf, 1e30]))
    ),
)
def test_numpy_draws_what_libecho_draws(settings, seed, scale, n_vocab, strange):
    """Bit for bit, with ties (scale 0) and strange logits too."""
    ours, theirs = core.Sampler(settings, n_vocab), NumpySampler(settings, n_vocab)
    for step in range(8):
        logits = random_logits(seed + step, scale, n_vocab)
        for token, value in strange:
            logits[token] = value
        token, probability = ours.sample(logits)
        assert (token, probability) == theirs.sample(logits)
        ours.accept(token)
        theirs.accept(token)


@pytest.mark.parametrize("backend", SAMPLERS)
@pytest.mark.parametrize("n_vocab", golden.SIZES)
@pytest.mark.parametrize("name", golden.SETTINGS)
def test_golden_draws(name, n_vocab, backend):
    (expected,) = (
        case["tokens"]
        for case in GOLDEN["sampled"]
        if case["settings"] == name and case["n_vocab"] == n_vocab
    )
    assert golden.draws(SAMPLERS[backend], name, n_vocab) == expected


def test_golden_texts():
    """The bundled model says the same here as where golden.json was made."""
    assert golden.bundled_sha256() == GOLDEN["bundled_sha256"], (
        "the bundled model has changed: run python -m tests.properties.golden"
    )
    assert len(GOLDEN["texts"]) >= 3
    with Model.load() as model:
        for case in GOLDEN["texts"]:
            assert golden.text_tokens(model, case) == case["tokens"]
            text = "".join(
                model.generate(
                    case["prompt"],
                    max_tokens=len(case["tokens"]),
                    seed=case["seed"],
                    **case["settings"],
                )
            )
            tokens = [token for token in case["tokens"] if token]
            assert text == model.decode(tokens)


def test_pcg32_is_the_papers():
    """The first numbers of the paper's demonstration program, seed 42 and stream 54."""
    first = [0xA15C02B7, 0x7B47F409, 0xBA1D3330, 0x83D2F293, 0xBFA4784B, 0xCBED606E]
    random = oracle.uniforms(42)
    assert [round(next(random) * 2**32) for _ in first] == first


def test_frequencies_are_the_softmax():
    """Twenty thousand draws; the chi-squared statistic below its 99.99 % quantile."""
    logits = random_logits(5, 1.0, 20)
    settings = SamplingSettings(temperature=1.0, top_p=1.0, top_k=0, seed=7)
    sampler = core.Sampler(settings, len(logits))
    n = 20_000
    counts = np.bincount([sampler.sample(logits)[0] for _ in range(n)], minlength=len(logits))
    expected = n * oracle.probabilities(logits.astype(np.float64))
    assert ((counts - expected) ** 2 / expected).sum() < 50.8  # 19 degrees of freedom


def test_seeds_differ():
    logits = np.zeros(257, np.float32)
    drawn = {
        tuple(sampler.sample(logits)[0] for _ in range(8))
        for sampler in (
            core.Sampler(SamplingSettings(temperature=1.0, top_k=0, top_p=1.0, seed=seed), 257)
            for seed in range(100)
        )
    }
    assert len(drawn) == 100
