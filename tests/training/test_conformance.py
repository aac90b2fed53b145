"""The training network gives the logits that rwkv.cpp's own tests expect."""

import numpy as np
import pytest
from deep_tree_echo.training.export import parameters_of
from deep_tree_echo.training.network import CarriedState, Network
from deep_tree_echo.training.recurrent import Recurrent

pytestmark = pytest.mark.native("compiles kernels for this machine")


def test_rwkv_7_logits(tiny_models):
    expected = np.fromfile(tiny_models / "expected-logits-7v0-834K.bin", "<f4")
    path = tiny_models / "tiny-rwkv-7v0-834K-FP32.bin"
    parameters = parameters_of(path)
    tokens = np.array([list(b'"in')], np.int32)
    logits = Network(parameters, 1, 3).forward(tokens, CarriedState(parameters.shape, 1))
    np.testing.assert_allclose(logits[-1], expected, atol=1e-5)
    model = Recurrent(path)
    alone = [model.evaluate(int(token)) for token in tokens[0]]
    np.testing.assert_allclose(alone[-1], expected, atol=1e-5)
