"""The laboratory's bench of reservoirs: what is shown is what the package computes."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo.dtesn import Reservoir
from deep_tree_echo.dtesn.measures import nrmse
from deep_tree_echo.dtesn.network import EchoStateNetwork
from deep_tree_echo.dtesn.ridge import Ridge
from deep_tree_echo.dtesn.tasks import mackey_glass, narma
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.laboratory.reservoir import KEPT, Workbench

SETTINGS = {"size": 80, "leak_rate": 0.5, "spectral_radius": 1.1, "seed": 4}


def learned(bench, settings=SETTINGS, **plan):
    """The result of a whole run."""
    bench.build(settings)
    bench.take(**({"task": "mackey-glass", "steps": 900, "seed": 2} | plan))
    total = bench.start()["total"]
    while bench.advance(0.01)["done"] < total:
        pass
    return bench.finish()


def test_the_spectrum_is_that_of_the_weights_and_grows_with_the_radius():
    bench = Workbench()
    first = bench.build(SETTINGS)
    values = first["eigenvalues"] @ [1, 1j]
    expected = Reservoir(80, leak_rate=0.5, spectral_radius=1.1, seed=4).eigenvalues()
    np.testing.assert_allclose(np.sort(np.abs(values)), np.sort(np.abs(expected)), atol=1e-5)
    np.testing.assert_allclose(first["effective"] @ [1, 1j], 0.5 + 0.5 * values, atol=1e-6)
    assert first["radius"] == pytest.approx(1.1, rel=1e-6)
    second = bench.build(SETTINGS | {"spectral_radius": 0.55})
    np.testing.assert_allclose(second["eigenvalues"], first["eigenvalues"] / 2, atol=1e-6)
    other = bench.build(SETTINGS | {"seed": 5})
    assert not np.allclose(other["eigenvalues"], first["eigenvalues"])


def test_a_spectral_radius_of_zero_has_a_spectrum_and_is_left_again():
    bench = Workbench()
    assert bench.build(SETTINGS | {"spectral_radius": 0.0})["radius"] == 0.0
    assert bench.build(SETTINGS)["radius"] == pytest.approx(1.1, rel=1e-6)


@pytest.mark.parametrize("horizon", [1, 84])
def test_a_prediction_is_what_the_package_predicts(horizon):
    found = learned(Workbench(), horizon=horizon)
    series = mackey_glass(900, seed=2)[:, None]
    scaled = (series - series[:630].mean()) / series[:630].std()
    network = EchoStateNetwork(
        Reservoir(80, leak_rate=0.5, spectral_radius=1.1, seed=4, dtype="float64"), Ridge(1e-6)
    )
    network.train(scaled[: 630 - horizon], scaled[horizon:630], washout=100)
    expected = network.predict(scaled[630 - horizon : 900 - horizon])
    np.testing.assert_allclose(
        found["output"], expected * series[:630].std() + series[:630].mean(), atol=1e-6
    )
    np.testing.assert_array_equal(found["truth"], series[630:])
    assert found["nrmse"] == nrmse(found["truth"], found["output"])
    assert found["first"] == 630
    if horizon == 1:
        assert found["nrmse"] < 0.02


def test_narma_is_learned_from_its_input():
    found = learned(Workbench(), task="narma", steps=2000, horizon=0)
    np.testing.assert_array_equal(found["truth"][:, 0], narma(2000, seed=2)[1][1400:])
    assert found["nrmse"] < 0.8
    assert found["lyapunov"] is None


def test_a_free_run_follows_the_truth_for_a_while_and_starts_without_a_gap():
    bench = Workbench()
    settings = {"size": 200, "leak_rate": 0.5, "input_scaling": 0.3, "seed": 4}
    direct = learned(bench, settings, task="lorenz", steps=3000)
    free = learned(bench, settings, task="lorenz", steps=3000, free=True)
    # The first free value has read the same truth as the one predicted directly.
    np.testing.assert_allclose(free["output"][0], direct["output"][0], atol=1e-9)
    assert free["lyapunov"] > 1.0
    assert free["lyapunov"] == pytest.approx(free["valid"] * 0.9056)


@pytest.mark.parametrize("readout", ["ridge", "rls", "lms"])
def test_every_readout_learns(readout):
    assert learned(Workbench(), readout=readout)["nrmse"] < 0.5


def test_the_states_shown_are_the_last_ones_and_their_path_is_flat():
    bench = Workbench()
    learned(bench)
    shown = bench.activity()
    assert shown["states"].shape == (KEPT, 80)
    assert shown["states"].dtype == np.float32
    assert shown["path"].shape == (KEPT, 2)
    assert 0.5 < sum(shown["shares"]) <= 1.0
    assert shown["shares"][0] >= shown["shares"][1]
    centred = shown["states"] - shown["states"].mean(axis=0)
    covariance = np.cov(centred.T)
    np.testing.assert_allclose(
        np.var(shown["path"], axis=0, ddof=1), np.linalg.eigvalsh(covariance)[:-3:-1], rtol=1e-4
    )


def test_what_is_given_up_leaves_reservoir_and_series():
    bench = Workbench()
    bench.build(SETTINGS)
    bench.take("mackey-glass", steps=900, seed=2)
    bench.start()
    bench.advance(0.001)
    bench.stop()
    with pytest.raises(ArgumentError, match="nothing is being learned"):
        bench.advance()
    assert bench.start()["total"] == 629


def test_a_readers_own_table():
    bench = Workbench()
    text = "t;a;b\n" + "".join(f"{i};{np.sin(i / 5):.6f};{i % 7}\n" for i in range(400))
    read = bench.read(text)
    assert (read["names"], read["steps"], len(read["head"])) == (["t", "a", "b"], 400, 5)
    assert learned(bench, task="own", columns=[1])["nrmse"] < 0.1
    with pytest.raises(ArgumentError, match="line 2, column 1"):
        bench.read("1\nx\n")
    assert bench.take("own", columns=[1])["names"] == ["a"]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda b: b.build({"size": 1001}), "size is 1001; the laboratory takes 1 to 1000 units."),
        (lambda b: b.build({"size": 10, "leak_rate": 0.0}), "leak_rate"),
        (lambda b: b.take("own"), "there is no CSV file yet"),
        (lambda b: b.take("narma", free=True), "cannot run freely"),
        (lambda b: b.take("lorenz", horizon=0), "the horizon is 0"),
        (lambda b: b.take("lorenz", horizon=501), "the horizon is 501"),
        (lambda b: b.take("lorenz", readout="magic"), "there is no readout 'magic'"),
        (lambda b: b.take("lorenz", steps=200, horizon=100), "200 steps are too few"),
        (lambda b: b.start(), "there is nothing to learn yet"),
        (lambda b: b.finish(), "nothing is being learned"),
        (lambda b: b.activity(), "the reservoir has not moved yet"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(call, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        call(Workbench())


def test_states_without_bounds_end_the_learning_with_a_sentence():
    bench = Workbench()
    bench.build(SETTINGS | {"activation": "identity", "spectral_radius": 50.0})
    bench.take("mackey-glass", steps=2000)
    bench.start()
    with pytest.raises(ArgumentError, match="finite"):
        bench.advance(10.0)
    with pytest.raises(ArgumentError, match="nothing is being learned"):
        bench.finish()
