"""The sketch of quantiles against all values, and in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo.backends.quantiles import QuantileSketch
from deep_tree_echo.errors import ArgumentError
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=200)


@given(VALUES, st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.2]))
def test_quantiles_are_within_the_error(values, q, error):
    sketch = QuantileSketch(error)
    for value in values:
        sketch.add(value)
    exact = np.quantile(values, q, method="lower")
    assert sketch.quantile(q) == pytest.approx(exact, rel=error * 1.0001)
    assert (sketch.count, sketch.least, sketch.most) == (len(values), min(values), max(values))
    assert sketch.total == pytest.approx(sum(values))


def test_memory_is_bounded_whatever_comes():
    sketch = QuantileSketch(0.01)
    for value in np.logspace(-12, 12, 20_000):
        sketch.add(float(value))
    sketch.add(0.0)
    assert len(sketch._buckets) <= 1383


def test_nothing_has_no_quantiles():
    assert QuantileSketch().quantile(0.5) is None


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="error is 1"):
        QuantileSketch(1)
    with pytest.raises(ArgumentError, match=r"q is 1\.1"):
        QuantileSketch().quantile(1.1)
