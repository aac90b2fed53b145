"""The backend in NumPy alone: the same mathematics as libecho, where that cannot run.

``weights`` holds the tensors, ``layers`` what all architectures are made of, ``v4`` to ``v7`` the
mixes of each, ``network`` the residual stream around them, ``model`` the evaluation of tokens.
"""

from .backend import PythonRwkv

__all__ = ["PythonRwkv"]
