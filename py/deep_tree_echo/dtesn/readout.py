"""What all readouts share: weights, a bias, predictions, and files."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, ModelFormatError
from .archive import read_archive, write_archive
from .least_squares import algebra
from .samples import rows_of, samples

__all__ = ["Readout"]

Floats = NDArray[np.float64]


class Readout(ABC):
    """A linear map of states to outputs, learned from samples.

    Parameters
    ----------
    bias : bool
        Whether a constant is added to the outputs.
    engine : {"auto", "libecho", "python"}
        Where the arithmetic is done; ``auto`` is libecho where it is there.
    """

    _kind = ""
    _version = 1
    _settings: tuple[str, ...] = ()
    _arrays: tuple[str, ...] = ()

    def __init__(self, bias: bool, engine: str) -> None:
        if not isinstance(bias, bool):
            raise ArgumentError(f"bias is {bias!r}; it must be True or False.")
        self._algebra = algebra(engine)
        self._with_bias = bias
        self._n_features: int | None = None
        self._n_outputs: int | None = None
        self._n_samples = 0

    @property
    def engine(self) -> str:
        """Who does the arithmetic: ``libecho`` or ``python``."""
        return self._algebra.name

    @property
    def n_features(self) -> int | None:
        """Numbers in a state; ``None`` before the first sample."""
        return self._n_features

    @property
    def n_outputs(self) -> int | None:
        """Numbers in a target; ``None`` before the first sample."""
        return self._n_outputs

    @property
    def n_samples(self) -> int:
        """Samples it has learned from."""
        return self._n_samples

    @property
    def weights(self) -> Floats:
        """(n_outputs, n_features) float64."""
        return self._learned()[:, : self._n_features]

    @property
    def bias(self) -> Floats:
        """(n_outputs,) float64; zeros if there is none."""
        weights = self._learned()
        return weights[:, -1] if self._with_bias else np.zeros(len(weights))

    def partial_fit(self, states: ArrayLike, targets: ArrayLike) -> Self:
        """Learns from some more samples, in their order.

        Parameters
        ----------
        states : array_like
            (T, n_features).
        targets : array_like
            (T, n_outputs), or (T,) if there is one output only.

        Raises
        ------
        ArgumentError
            If shapes do not fit, to each other or to samples before, or if a number is not finite
            or beyond 1e60; the readout is then as it was.
        """
        with self.unchanged_on_failure():
            self._learn(*self._samples(states, targets))
        return self

    def fit(self, states: ArrayLike, targets: ArrayLike) -> Self:
        """Forgets all that was learned and learns from these samples, see `partial_fit`."""
        with self.unchanged_on_failure():
            self.reset()
            self._learn(*self._samples(states, targets))
        return self

    @contextmanager
    def unchanged_on_failure(self) -> Iterator[None]:
        """A block of work after whose failure the readout is as it was before."""
        # What is learned is replaced and not changed, so the names are enough.
        before = self.__dict__.copy()
        try:
            yield
        except BaseException:
            self.__dict__.update(before)
            raise

    def predict(self, states: ArrayLike) -> Floats:
        """The outputs for some states.

        Parameters
        ----------
        states : array_like
            (T, n_features).

        Returns
        -------
        ndarray
            (T, n_outputs) float64.

        Raises
        ------
        ArgumentError
            If nothing has been learned, or the states are not such.
        """
        weights = self._learned()
        x = rows_of(states, "states", self._n_features)
        found: Floats = x @ weights[:, : self._n_features].T
        return found + weights[:, -1] if self._with_bias else found

    def reset(self) -> None:
        """Forgets all that was learned; the settings stay."""
        self._n_features = self._n_outputs = None
        self._n_samples = 0

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the settings and all that was learned to a file of NumPy arrays.

        Raises
        ------
        ArgumentError
            If nothing has been learned, or there is no such folder.
        FileError
            If the file cannot be written.
        """
        self._learned()
        values = {name: getattr(self, f"_{name}") for name in self._settings}
        values |= {name: self._array(name) for name in self._arrays}
        shape = [self._n_features, self._n_outputs, self._n_samples]
        write_archive(path, self._kind, self._version, values | {"shape": shape})

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, engine: str = "auto") -> Self:
        """Reads a readout that `save` has written; it goes on learning as if it had not stopped.

        Raises
        ------
        FileError
            If the file cannot be read.
        ModelFormatError
            If it is no such file, damaged, or of another version.
        """
        names = (*cls._settings, *cls._arrays, "shape")
        held = read_archive(path, cls._kind, cls._version, names)
        try:
            settings = {name: held[name].item() for name in cls._settings}
            settings["bias"] = settings.pop("with_bias")
            made = cls(**settings, engine=engine)
            n_features, n_outputs, n_samples = (int(n) for n in held["shape"])
            made._n_samples = n_samples
            made._begin(n_features, n_outputs)
            made._restore(
                {name: np.asarray(held[name], dtype=np.float64).copy() for name in cls._arrays}
            )
        except (ArgumentError, ValueError, TypeError) as error:
            raise ModelFormatError(f"{os.fspath(path)} is damaged: {error}") from error
        return made

    def _samples(self, states: ArrayLike, targets: ArrayLike) -> tuple[Floats, Floats]:
        x, y = samples(states, targets, self._n_features, self._n_outputs)
        if len(x) and self._n_features is None:
            self._begin(x.shape[1], y.shape[1])
        return x, y

    def _begin(self, n_features: int, n_outputs: int) -> None:
        """Makes room for what is learned of so many features and outputs."""
        self._make_room(n_features, n_outputs)
        self._n_features, self._n_outputs = n_features, n_outputs

    def _width(self) -> int:
        return (self._n_features or 0) + self._with_bias

    def _nothing_learned(self) -> ArgumentError:
        return ArgumentError(
            f"This {self._kind} readout has learned nothing yet; give it samples by fit or "
            "partial_fit."
        )

    @abstractmethod
    def _make_room(self, n_features: int, n_outputs: int) -> None: ...

    @abstractmethod
    def _learn(self, x: Floats, y: Floats) -> None:
        """Learns from checked samples."""

    @abstractmethod
    def _learned(self) -> Floats:
        """(n_outputs, n_features + bias): the weights, the bias last; or an ArgumentError."""

    @abstractmethod
    def _array(self, name: str) -> Any:
        """One of ``_arrays``, for a file."""

    @abstractmethod
    def _restore(self, arrays: dict[str, Floats]) -> None:
        """Takes ``_arrays`` back, or raises an ArgumentError if one has another shape."""
