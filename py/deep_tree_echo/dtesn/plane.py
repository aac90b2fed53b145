"""The plane in which states vary most."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["principal_plane"]


def principal_plane(
    states: NDArray[np.floating[Any]], like: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float32], tuple[float, float], NDArray[np.float64]]:
    """The first two principal components of some states.

    Parameters
    ----------
    states : ndarray, shape (T, n)
        One row a step, at least one.
    like : ndarray of float64, shape (2, n), optional
        The axes of an earlier picture: the signs, which are free, are chosen like theirs.

    Returns
    -------
    path : ndarray of float32, shape (T, 2)
        The states in the plane, centred.
    shares : tuple of float
        Of the variance, that each of the two axes has; 0 where nothing varies.
    axes : ndarray of float64, shape (2, n)
        Of unit length; zeros for one that there is not.

    Examples
    --------
    >>> path, shares, axes = principal_plane(np.array([[0.0, 0.0], [3.0, 4.0]]))
    >>> np.abs(path[:, 0]).tolist(), [round(share, 6) for share in shares]
    ([2.5, 2.5], [1.0, 0.0])
    """
    centred = np.asarray(states, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    # The smaller of the two matrices of products has the same eigenvalues.
    wide = centred.shape[1] > centred.shape[0]
    products = centred @ centred.T if wide else centred.T @ centred
    values, vectors = np.linalg.eigh(products)
    total = float(np.trace(products))
    axes = np.zeros((2, centred.shape[1]))
    shares = [0.0, 0.0]
    for place in range(min(2, len(values))):
        value = float(values[-1 - place])
        if total <= 0.0 or value <= 1e-12 * total:
            break
        axis = centred.T @ vectors[:, -1 - place] if wide else vectors[:, -1 - place]
        axes[place] = axis / np.linalg.norm(axis)
        shares[place] = value / total
    if like is not None and like.shape == axes.shape:
        axes[np.einsum("an,an->a", axes, like) < 0] *= -1
    return (centred @ axes.T).astype(np.float32), (shares[0], shares[1]), axes
