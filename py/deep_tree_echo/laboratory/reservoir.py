"""The section of reservoirs: a network on the bench, what it learns, and how it moves."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dtesn import Reservoir
from ..dtesn.activations import ACTIVATIONS
from ..dtesn.initializers import RECURRENT
from ..dtesn.lms import LMS
from ..dtesn.measures import nmse, nrmse, valid_time
from ..dtesn.network import EchoStateNetwork
from ..dtesn.plane import principal_plane
from ..dtesn.ridge import Ridge
from ..dtesn.rls import RLS
from ..errors import ArgumentError
from . import series as known_series
from .series import Series, Table

__all__ = ["Workbench"]

MOST_UNITS = 1000
"""A reservoir of this size still answers within seconds on a slow machine."""

MOST_EIGENVALUES = 400
"""Units whose eigenvalues are all computed; the time grows with the third power."""

KEPT = 400
"""Last states of the learning that are shown."""

MOST_HORIZON = 500
"""Steps ahead that may be asked for."""

_STEPS = 100  # are learned between two looks at the clock
_WASHOUT = 100  # first steps that are not learned from
_TRAINED = 0.7  # of a series; the rest tests
_LEAST_LEARNED = 50  # steps of it
_LARGEST = 1e18  # squares of it are still numbers of float32

READOUTS = {"ridge": "ridge regression", "rls": "recursive least squares", "lms": "normalised LMS"}

Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Learning:
    """A series on its way into the network."""

    series: Series
    horizon: int
    free: bool
    n_train: int
    network: EchoStateNetwork
    mean: Floats  # (n_inputs,) of the training part
    scale: Floats  # (n_inputs,) likewise, the standard deviations
    target_mean: Floats  # (n_outputs,)
    target_scale: Floats  # (n_outputs,)
    parts: Generator[tuple[int, Any]]
    done: int = 0
    seconds: float = 0.0


class Workbench:
    """A bench with one echo state network on it.

    Examples
    --------
    >>> bench = Workbench()
    >>> built = bench.build({"size": 100, "seed": 1})
    >>> built["connections"], round(built["radius"], 6)
    (1000, 0.9)
    >>> taken = bench.take("mackey-glass", steps=1000, seed=1, horizon=1)
    >>> taken["train"], taken["names"]
    (700, ['x'])
    >>> bench.start()
    {'total': 699}
    >>> bench.advance(seconds=10.0)["done"]
    699
    >>> bench.finish()["nrmse"] < 0.01
    True
    """

    def __init__(self) -> None:
        self._reservoir: Reservoir | None = None
        self._settings: dict[str, Any] = {}
        self._eigenvalues: dict[tuple[Any, ...], NDArray[np.complex128]] = {}
        self._table: Table | None = None
        self._series: Series | None = None
        self._plan: dict[str, Any] = {}
        self._learning: _Learning | None = None
        self._states: Floats = np.empty((0, 0))  # (<= KEPT, size)

    def options(self) -> dict[str, Any]:
        """What can be chosen."""
        return {
            "tasks": list(known_series.TASKS),
            "recurrent": list(RECURRENT),
            "activations": list(ACTIVATIONS),
            "readouts": [{"id": id, "title": title} for id, title in READOUTS.items()],
            "most_units": MOST_UNITS,
            "most_steps": known_series.MOST_STEPS,
            "least_steps": known_series.LEAST_STEPS,
            "most_horizon": MOST_HORIZON,
        }

    def build(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Makes the reservoir.

        Parameters
        ----------
        settings : mapping
            Keyword arguments of `Reservoir`, with ``size``.

        Returns
        -------
        dict
            ``connections``, the spectral ``radius`` and ``eigenvalues`` (size, 2) float32, real
            and imaginary parts; those of the whole step's linear part, ``effective`` (size, 2),
            (1 - a) I + a W. Both are ``None`` for more units than `MOST_EIGENVALUES`.

        Raises
        ------
        ArgumentError
            If a setting is not such; the reservoir before it stays.
        """
        chosen = dict(settings)
        size = chosen.pop("size", 300)
        if isinstance(size, int) and size > MOST_UNITS:
            raise ArgumentError(f"size is {size}; the laboratory takes 1 to {MOST_UNITS} units.")
        reservoir = Reservoir(size, **chosen)
        values = None
        if reservoir.size <= MOST_EIGENVALUES:
            values = self._spectrum(reservoir, {"size": size, **chosen})
        self._close()
        self._reservoir, self._settings = reservoir, chosen
        leak = float(np.mean(reservoir.leak_rate))
        matrix = reservoir.recurrent
        connections = matrix.nnz if hasattr(matrix, "nnz") else int(np.count_nonzero(matrix))
        return {
            "size": reservoir.size,
            "connections": int(connections),
            "radius": reservoir.spectral_radius if values is None else float(np.abs(values).max()),
            "eigenvalues": None if values is None else _plane(values),
            "effective": None if values is None else _plane(1.0 - leak + leak * values),
        }

    def read(self, text: str) -> dict[str, Any]:
        """Takes a reader's CSV text; its columns and first lines.

        Raises
        ------
        ArgumentError
            If it is no table of numbers, with line and column; the one before stays.
        """
        self._table = known_series.read_table(text)
        return {
            "names": list(self._table.names),
            "steps": len(self._table.values),
            "head": self._table.values[:5].tolist(),
        }

    def take(
        self,
        task: str,
        steps: int = 2000,
        seed: int = 0,
        horizon: int = 1,
        free: bool = False,
        readout: str = "ridge",
        regularisation: float = 1e-6,
        columns: Sequence[int] = (0,),
    ) -> dict[str, Any]:
        """Puts a series on the bench.

        Parameters
        ----------
        task : str
            One of the tasks.
        steps, seed : int
            Of the series.
        horizon : int
            How many steps ahead the output is to be; a free run takes 1.
        free : bool
            Whether the output becomes the next input where the test begins.
        readout : {"ridge", "rls", "lms"}
            How it learns.
        regularisation : float
            Of ridge regression and of recursive least squares.
        columns : sequence of int
            Of the reader's own table.

        Returns
        -------
        dict
            What it is, ``values`` (T, n_outputs), and how many steps ``train``.

        Raises
        ------
        ArgumentError
            If a value is not such; the series before it stays.
        """
        if task == "own":
            if self._table is None:
                raise ArgumentError("there is no CSV file yet; pick one, drop it here or paste it.")
            series = known_series.own(self._table, columns)
        else:
            series = known_series.known(task, steps, seed)
        least = 1 if series.autonomous else 0
        if not least <= horizon <= MOST_HORIZON:
            raise ArgumentError(
                f"the horizon is {horizon}; for {series.title} it must be {least} to "
                f"{MOST_HORIZON} steps."
            )
        if free and not series.autonomous:
            raise ArgumentError(f"{series.title} is driven from outside, so it cannot run freely.")
        if readout not in READOUTS:
            raise ArgumentError(f"there is no readout {readout!r}; take {', '.join(READOUTS)}.")
        horizon = 1 if free else horizon
        n_train = int(_TRAINED * len(series.targets))
        if n_train - horizon < _LEAST_LEARNED:
            raise ArgumentError(
                f"{len(series.targets)} steps are too few for a horizon of {horizon}; take more "
                "steps or look less far ahead."
            )
        self._close()
        self._series = series
        self._plan = {
            "horizon": horizon,
            "free": free,
            "readout": readout,
            "regularisation": regularisation,
            "n_train": n_train,
        }
        return {
            "title": series.title,
            "names": list(series.names),
            "unit": series.unit,
            "interval": series.interval,
            "values": series.targets,
            "train": n_train,
            "autonomous": series.autonomous,
        }

    def start(self) -> dict[str, Any]:
        """Begins to learn.

        Returns
        -------
        dict
            ``total`` steps to learn.

        Raises
        ------
        ArgumentError
            If there is no reservoir or series yet.
        """
        if self._reservoir is None or self._series is None:
            raise ArgumentError("there is nothing to learn yet; build a reservoir, take a series.")
        self._close()
        series, plan = self._series, self._plan
        horizon, n_train = plan["horizon"], plan["n_train"]
        n_inputs = series.inputs.shape[1]
        settings = self._settings | {"n_inputs": n_inputs, "dtype": "float64"}
        network = EchoStateNetwork(
            Reservoir(self._reservoir.size, **settings),
            _readout(plan["readout"], plan["regularisation"]),
        )
        mean, scale = _standard(series.inputs[:n_train])
        target_mean, target_scale = _standard(series.targets[:n_train])
        u = (series.inputs[: n_train - horizon] - mean) / scale
        y = (series.targets[horizon:n_train] - target_mean) / target_scale
        self._learning = _Learning(
            series=series,
            horizon=horizon,
            free=plan["free"],
            n_train=n_train,
            network=network,
            mean=mean,
            scale=scale,
            target_mean=target_mean,
            target_scale=target_scale,
            parts=network.learning(u, y, washout=min(_WASHOUT, len(u) // 2), steps=_STEPS),
        )
        self._states = np.empty((0, network.reservoir.size))
        return {"total": len(u)}

    def advance(self, seconds: float = 0.05) -> dict[str, Any]:
        """Learns for about so long.

        Returns
        -------
        dict
            ``done`` steps.

        Raises
        ------
        ArgumentError
            If nothing is being learned, or the states grow without bounds.
        """
        learning = self._busy()
        begun = time.perf_counter()
        spent = 0.0
        while spent < seconds:
            try:
                part = next(learning.parts, None)
            except BaseException:
                self._close()
                raise
            spent = time.perf_counter() - begun
            if part is None:
                break
            learning.done, states = part
            self._states = np.vstack([self._states, states])[-KEPT:]
        learning.seconds += spent
        return {"done": learning.done}

    def finish(self) -> dict[str, Any]:
        """Predicts what was not learned from.

        Returns
        -------
        dict
            ``truth`` and ``output`` (T_test, n_outputs) in the series' own unit, the ``first``
            step of them, errors ``nrmse`` and ``nmse``, the ``valid`` time in the series' unit
            and, where the largest Lyapunov exponent is known, in ``lyapunov`` times; and how long
            it took.

        Raises
        ------
        ArgumentError
            If the series has not been learned whole, or the readout cannot be computed.
        """
        learning = self._busy()
        if next(learning.parts, None) is not None:
            raise ArgumentError("the series has not been learned whole yet; go on.")
        begun = time.perf_counter()
        series, horizon, n_train = learning.series, learning.horizon, learning.n_train
        network = learning.network
        inputs = (series.inputs - learning.mean) / learning.scale
        if learning.free:
            # The last true value is read, and from then on only what came out itself.
            one = network.predict(inputs[n_train - 1 : n_train])
            outputs = np.vstack([one, network.generate(len(inputs) - n_train - 1)])
        else:
            outputs = network.predict(inputs[n_train - horizon : len(inputs) - horizon])
        truth = series.targets[n_train:]
        outputs = outputs * learning.target_scale + learning.target_mean
        outputs = np.where(np.isfinite(outputs), outputs, np.nan)
        learning.seconds += time.perf_counter() - begun
        held = valid_time(truth, outputs, interval=series.interval)
        finite = bool(np.isfinite(outputs).all())
        return {
            "first": n_train,
            "truth": truth,
            "output": outputs,
            "nrmse": nrmse(truth, outputs) if finite else None,
            "nmse": nmse(truth, outputs) if finite else None,
            "valid": held,
            "whole": held >= len(truth) * series.interval,
            "lyapunov": None if series.exponent is None else held * series.exponent,
            "seconds": learning.seconds,
        }

    def stop(self) -> dict[str, Any]:
        """Gives up learning; reservoir and series stay."""
        self._close()
        return {}

    def activity(self) -> dict[str, Any]:
        """The last states that it learned from.

        Returns
        -------
        dict
            ``states`` (steps, size) float32, and their ``path`` (steps, 2) float32 in the plane of
            the first two principal components, with the ``shares`` of the variance that those
            have.

        Raises
        ------
        ArgumentError
            If nothing has been learned yet.
        """
        if len(self._states) < 2:
            raise ArgumentError("the reservoir has not moved yet; let it learn something.")
        if np.abs(self._states).max() > _LARGEST:
            raise ArgumentError(
                "the states grow beyond what can be shown; lower the spectral radius or take tanh."
            )
        path, shares, _ = principal_plane(self._states)
        return {"states": self._states.astype(np.float32), "path": path, "shares": list(shares)}

    def _busy(self) -> _Learning:
        if self._learning is None:
            raise ArgumentError("nothing is being learned; start it first.")
        return self._learning

    def _close(self) -> None:
        if self._learning is not None:
            self._learning.parts.close()
            self._learning = None

    def _spectrum(
        self, reservoir: Reservoir, settings: Mapping[str, Any]
    ) -> NDArray[np.complex128]:
        """(size,): the eigenvalues of W, which grow with the spectral radius and nothing else."""
        names = ("size", "density", "recurrent", "seed")
        key = tuple(settings.get(name) for name in names)
        radius = float(settings.get("spectral_radius", 0.9))
        if key not in self._eigenvalues:
            values = reservoir.eigenvalues()
            if radius == 0.0:
                return values
            # One is enough while a slider moves, and its memory is small.
            self._eigenvalues = {key: values / radius}
        return self._eigenvalues[key] * radius


def _readout(name: str, regularisation: float) -> Ridge | RLS | LMS:
    if name == "rls":
        return RLS(regularisation=regularisation)
    return LMS(normalised=True) if name == "lms" else Ridge(regularisation=regularisation)


def _standard(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column, 1 for one that does not vary."""
    scale = values.std(axis=0)
    return values.mean(axis=0), np.where(scale > 0, scale, 1.0)


def _plane(values: NDArray[np.complex128]) -> NDArray[np.float32]:
    return np.stack([values.real, values.imag], axis=1).astype(np.float32)
