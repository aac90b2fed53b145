"""Turning model files of others into rwkv.cpp's, and telling what is in one.

`sources` opens a file of any kind that is read, `layout` and `hf_names` bring its tensors into
rwkv.cpp's form, `conversion` plans and writes the result, `inspection` describes a file.
"""

from .conversion import Conversion, convert_file, plan, quantize_file
from .inspection import Inspection, inspect_file
from .sources import Source, open_model

__all__ = [
    "Conversion",
    "Inspection",
    "Source",
    "convert_file",
    "inspect_file",
    "open_model",
    "plan",
    "quantize_file",
]
