"""The compiled recurrence against the recurrence as it is printed."""

import numpy as np
import pytest
from deep_tree_echo.training import kernels
from deep_tree_echo.training.kernels import Kernels

pytestmark = pytest.mark.native("compiles kernels for this machine")


@pytest.mark.parametrize(("dtype", "close"), [(np.float32, 2e-4), (np.float64, 1e-11)])
def test_recurrence(dtype, close):
    batch, time, heads, size = 2, 21, 2, 64
    random = np.random.default_rng(0)
    r, k, v, a, b = random.normal(0, 0.3, (5, batch, time, heads, size)).astype(dtype)
    w = random.uniform(0.6, 1, r.shape).astype(dtype)
    start = random.normal(0, 1, (batch, heads, size, size)).astype(dtype)
    state, y = start.copy(), np.empty_like(r)
    kept = np.empty((batch, heads, 2, size, size), dtype)
    Kernels(dtype)("wkv7_forward", batch, time, heads, size, r, w, k, v, a, b, state, y, kept)

    expected, at = start.astype(np.float64), np.empty(r.shape)
    for t in range(time):
        removed = np.einsum("nhij,nhj->nhi", expected, a[:, t])
        expected = (
            expected * w[:, t, :, None, :]
            + removed[..., None] * b[:, t, :, None, :]
            + v[:, t, :, :, None] * k[:, t, :, None, :]
        )
        at[:, t] = np.einsum("nhij,nhj->nhi", expected, r[:, t])
    scale = np.abs(at).max()
    np.testing.assert_allclose(y, at, atol=close * scale)
    np.testing.assert_allclose(state, expected, atol=close * scale)
    np.testing.assert_array_equal(kept[:, :, 0], start)


def test_a_head_size_that_is_not_compiled_in_is_refused():
    x = np.zeros((1, 1, 1, 5))
    with pytest.raises(ValueError, match="wkv7_forward refused"):
        Kernels(np.float64)("wkv7_forward", 1, 1, 1, 5, x, x, x, x, x, x, x, x, x)


def test_wrong_arrays_are_refused():
    call, x = Kernels(np.float32), np.zeros((4, 4))
    with pytest.raises(ValueError, match="float32 kernel got float64"):
        call("layer_norm", 4, 4, 1e-5, x, x, x, x, x, x)
    with pytest.raises(ValueError, match="contiguous"):
        call("layer_norm", 4, 4, 1e-5, x.astype(np.float32).T[1:, 1:])


def test_without_a_compiler_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(kernels.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match=r"needs a C\+\+ compiler"):
        kernels.build_library(tmp_path / "library.so")


@pytest.mark.parametrize("sizes", [(1024, 192, 256), (37, 33, 50), (5, 801, 70), (1, 1, 1)])
@pytest.mark.parametrize("turned", ["", "a", "b"])
def test_products_in_half_precision_are_those_of_rounded_numbers(sizes, turned):
    call, random = Kernels(np.float32), np.random.default_rng(4)
    if not call.has_half():
        pytest.skip("this processor has no instructions for bfloat16")
    m, n, k = sizes
    a, b = (random.normal(0, 1, sides).astype(np.float32) for sides in ((m, k), (k, n)))
    if turned == "a":
        a = np.ascontiguousarray(a.T).T
    if turned == "b":
        b = np.ascontiguousarray(b.T).T
    out = np.full((m, n), np.nan, np.float32)
    assert call.matmul_half(a, b, out)
    expected = rounded(a) @ rounded(b)
    np.testing.assert_allclose(out, expected, atol=1e-5 * k**0.5)


def rounded(x):
    """To the nearest bfloat16, ties to even."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def test_products_of_wrong_shapes_are_refused():
    call, x = Kernels(np.float32), np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match=r"matmul_half got \(4, 3\), \(4, 3\) and \(4, 3\)"):
        call.matmul_half(x, x, x)
    with pytest.raises(ValueError, match="float64"):
        call.matmul_half(x, x.T.astype(np.float64), np.zeros((4, 4), np.float32))


def test_rows_of_the_embedding_add_up():
    random = np.random.default_rng(5)
    tokens = np.array([3, 0, 3, 2], np.int32)
    dy, gradient = random.normal(size=(4, 6)), random.normal(size=(5, 6))
    expected = gradient.copy()
    np.add.at(expected, tokens, dy)
    Kernels(np.float64)("embedding_grad", 4, 6, tokens, dy, gradient)
    np.testing.assert_allclose(gradient, expected)
