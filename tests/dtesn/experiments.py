"""The set-ups by which the field measures reservoirs, for tests and benchmarks alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from deep_tree_echo import Reservoir, Ridge
from deep_tree_echo.dtesn.draws import Draws
from deep_tree_echo.dtesn.measures import memory_capacity, nmse, nrmse, valid_time
from deep_tree_echo.dtesn.network import EchoStateNetwork
from deep_tree_echo.dtesn.sparse import SparseMatrix
from deep_tree_echo.dtesn.tasks import LORENZ_EXPONENT, lorenz, mackey_glass, narma

from tests.dtesn.readout_golden import answers


def narma10(size: int, seed: int) -> float:
    """NMSE on 2000 steps after 2000 of training, as reservoirpy's reservoirs are made."""
    inputs, targets = narma(4000, order=10, seed=seed)
    reservoir = Reservoir(
        size,
        spectral_radius=0.9,
        density=0.1,
        input_scaling=0.1,
        input_density=0.1,
        recurrent="normal",
        inputs="bernoulli",
        dtype="float64",
        seed=seed,
    )
    network = EchoStateNetwork(reservoir, Ridge(1e-9))
    network.train(inputs[:2000], targets[:2000], washout=100)
    return nmse(targets[2000:], network.predict(inputs[2000:]))


def documented_reservoir() -> Reservoir:
    """The 100 units of reservoirpy's example of memory capacity, with its weights."""
    known = answers()
    weights = SparseMatrix.from_triplets(
        known["memory rows"], known["memory columns"], known["memory values"], (100, 100)
    )
    return Reservoir.from_matrices(weights, known["memory inputs"], dtype="float64")


def documented_memory() -> Any:
    """(50,) its memory capacities, which sum to 18.78 there."""
    return memory_capacity(
        documented_reservoir(),
        50,
        inputs=answers()["memory series"],
        n_test=100,
        regularisation=1e-4,
    )


def mackey_glass_direct(size: int, seed: int) -> float:
    """NRMSE of the value 84 steps ahead, read at once from the state, tau 17."""
    series = mackey_glass(6084, seed=seed)
    inputs, targets = series[:-84] - 0.93, series[84:]
    reservoir = Reservoir(
        size,
        leak_rate=0.3,
        spectral_radius=0.9,
        bias_scaling=0.2,
        dtype="float64",
        seed=seed,
    )
    network = EchoStateNetwork(reservoir, Ridge(1e-10))
    network.train(inputs[:4000], targets[:4000], washout=200)
    return nrmse(targets[4000:], network.predict(inputs[4000:]))


def jaeger_haas(
    seed: int, *, size: int = 1000, regularisation: float = 1e-11, trials: int = 100
) -> float:
    """NRMSE of free running predictions after 84 steps, tau 17, after Jaeger and Haas (2004).

    Leaky units x <- (1 - C a) x + C tanh(W x + w_fb y + w_in 0.2) with C = 0.44 and a = 0.9, the
    series squashed by tanh(y - 1), and the measure are in Jaeger (2001), section 6; 1000 units and
    100 trials in the paper. Its supplement was not at hand: 1 % of the weights, the spectral
    radius 0.8 and feedback weights in [-1, 1] are from memory.
    """
    c, a = 0.44, 0.9
    length, washout, lead, ahead = 3000, 1000, 1000, 84
    # With x = C z / (C a) = z / a, z is a leaky unit as ours are.
    draws = Draws(seed)
    n = round(0.01 * size * size)
    places = draws.permutation(size * size)[:n]
    raw = SparseMatrix.from_triplets(
        places // size, places % size, 2 * draws.uniform(n) - 1, (size, size)
    )
    radius = Reservoir.from_matrices(raw, np.zeros((size, 0)), dtype="float64").spectral_radius
    reservoir = Reservoir.from_matrices(
        raw.scaled(0.8 / radius / a),
        np.zeros((size, 0)),
        feedback=2 * draws.uniform(size)[:, None] - 1,
        bias=0.2 * 0.14 * np.sign(draws.uniform(size) - 0.5) * (draws.uniform(size) < 0.5),
        leak_rate=c * a,
        dtype="float64",
    )
    series = mackey_glass(length + trials * ahead + lead + ahead, seed=seed)
    squashed = np.tanh(series - 1)
    network = EchoStateNetwork(reservoir, Ridge(regularisation, bias=False))
    network.train(None, squashed[:length], washout=washout)
    # The trials follow each other; each frees a network that was driven to its start.
    network.drive(None, squashed[length : length + lead])
    errors = []
    for trial in range(trials):
        at = length + lead + trial * ahead
        state, last = reservoir.state, network.last
        try:
            found = np.arctanh(np.clip(network.generate(ahead)[-1, 0], -0.999, 0.999)) + 1
        except ValueError:
            found = np.inf
        errors.append(found - series[at + ahead - 1])
        reservoir.state, network.last = state, last
        network.drive(None, squashed[at : at + ahead])
    return float(np.sqrt(np.mean(np.square(errors)) / series.var()))


def lorenz_valid_time(size: int, seed: int, trials: int = 10) -> float:
    """The median time for which a free run stays right, in Lyapunov times."""
    interval, length, lead, run = 0.02, 10_000, 200, 1000
    series = lorenz(length + trials * (lead + run), interval=interval, seed=seed)
    scaled = (series - series[:length].mean(axis=0)) / series[:length].std(axis=0)
    reservoir = Reservoir(
        size,
        n_inputs=3,
        spectral_radius=0.6,
        density=0.02,
        input_scaling=0.15,
        bias_scaling=0.5,
        dtype="float64",
        seed=seed,
    )
    network = EchoStateNetwork(reservoir, Ridge(1e-8))
    network.train(scaled[: length - 1], scaled[1:length], washout=200)
    times: list[Any] = []
    for trial in range(trials):
        at = length + trial * (lead + run)
        network.reset()
        network.drive(scaled[at : at + lead])
        truth = scaled[at + lead : at + lead + run]
        times.append(
            valid_time(truth, network.generate(run), interval=interval, exponent=LORENZ_EXPONENT)
        )
    return float(np.median(times))
