"""Deep Tree Echo: recurrent language models and echo state networks on your own machine."""

from __future__ import annotations
