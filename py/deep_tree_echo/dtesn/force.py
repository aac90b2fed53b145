r"""FORCE: learning while the output is fed back (Sussillo and Abbott 2009).

The readout learns by recursive least squares from the first step on, so its error is small at once
and what is fed back is nearly what is wanted. The weights it settles on are then stable, since
they were found with their own small errors in the loop. The reservoir may be chaotic by itself
(a spectral radius of about 1.5), which the feedback suppresses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .deep import DeepReservoir
from .network import EchoStateNetwork
from .rls import RLS

__all__ = ["force"]

Floats = NDArray[np.float64]


def force(
    network: EchoStateNetwork,
    targets: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    every: int = 1,
) -> Floats:
    """Trains a network with its own output fed back, beginning with its present state.

    Parameters
    ----------
    network : EchoStateNetwork
        With feedback, and an `RLS` as its readout; about 1 is a good regularisation. It goes on
        from what it has learned, so a series may come in parts.
    targets : array_like
        (T, n_outputs): the wanted outputs.
    inputs : array_like, optional
        (T, n_inputs), if the reservoir has any.
    every : int
        Learns at every so manieth step.

    Returns
    -------
    ndarray
        (T, n_outputs) float64: the outputs, each before the weights learned from it.

    Raises
    ------
    ArgumentError
        If an argument is not such; the network is then as it was.

    Examples
    --------
    >>> from deep_tree_echo import RLS, Reservoir
    >>> from deep_tree_echo.dtesn.tasks import sine
    >>> reservoir = Reservoir(200, n_inputs=0, n_feedback=1, leak_rate=0.3, spectral_radius=1.5,
    ...                       bias_scaling=0.2, dtype="float64", seed=1)
    >>> network = EchoStateNetwork(reservoir, RLS(regularisation=0.1, bias=False))
    >>> learning = force(network, sine(2000, period=40.0))
    >>> alone = network.generate(200)
    >>> bool(np.abs(alone[:, 0] - sine(2200, period=40.0)[2000:]).max() < 0.05)
    True
    """
    readout, reservoir = network.readout, network.reservoir
    if not isinstance(readout, RLS):
        raise ArgumentError(f"The readout is {readout!r}; FORCE learns by RLS.")
    if isinstance(reservoir, DeepReservoir) or not reservoir.n_feedback:
        raise ArgumentError("The reservoir has no feedback; make it with n_feedback.")
    interval = check.count(every, "every", 1)
    u, y = network.series(inputs, targets)
    last, state = network.last, reservoir.state
    if not (reservoir.n_inputs or last is not None or state.any() or reservoir.bias.any()):
        raise ArgumentError(
            "Nothing would ever move: state, feedback and bias are 0, and no inputs "
            "come; give the reservoir a bias or a state."
        )
    fed = np.zeros(reservoir.n_feedback) if last is None else last
    found = np.empty_like(y)
    with readout.unchanged_on_failure(), network.kept_on_failure():
        for t in range(len(y)):
            features = reservoir.step(u[t], fed)
            if network.inputs_to_readout:
                features = np.concatenate([features, u[t]])
            if t % interval and readout.n_features is not None:
                fed = readout.predict(features[None])[0]
            else:
                fed = readout.update(features, y[t])
            found[t] = fed
    network.last = fed
    return found
