"""The hidden vector of the token that a model has read last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["hidden_of"]


def hidden_of(model: Any) -> NDArray[np.float32]:
    """The (n_embed,) hidden vector of the token that a model evaluated last.

    Parameters
    ----------
    model : LanguageModel
        One of libecho or of NumPy; they differ in how they give it.
    """
    hidden = model.hidden
    found: NDArray[np.float32] = hidden() if callable(hidden) else hidden
    return found
