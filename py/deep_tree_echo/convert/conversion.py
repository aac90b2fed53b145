"""Writing a model in rwkv.cpp's format, by the rule of its converter and its quantiser.

A checkpoint goes the way that rwkv.cpp's own tools take: it becomes FP16 (matrices) and FP32 (all
else), and quantising starts from that. So ``convert --format Q5_1`` writes the same bytes as
``convert --format FP16`` and ``quantize`` to Q5_1.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArgumentError, UnsupportedModelError
from ..formats.output import Output, Planned, Progress
from ..formats.quantize import type_in_file
from ..formats.rwkv_records import Header
from ..formats.stored import StoredTensor
from ..formats.types import RWKV_TYPES, TensorType
from .sources import Source, open_model


@dataclass(frozen=True, slots=True)
class Conversion:
    """What has been written.

    Parameters
    ----------
    kind, architecture : str
        Of the source.
    type : TensorType
        Of the matrices written.
    n_bytes : int
        The size of the new file.
    warnings : tuple of str
        What the user should know, one sentence each.
    """

    kind: str
    architecture: str
    type: TensorType
    n_bytes: int
    warnings: tuple[str, ...]


def plan(
    source: Source,
    type: TensorType,
    *,
    head: TensorType | None = None,
    allow_requantize: bool = False,
) -> Output:
    """The file that ``source`` becomes in ``type``, ready to be written.

    Parameters
    ----------
    source : Source
        Open until the output has been written.
    type : TensorType
        One of `RWKV_TYPES`.
    head : TensorType, optional
        The type of ``head.weight``; the rule leaves it as it is in quantised files.
    allow_requantize : bool
        Whether numbers that were rounded before may be rounded again.

    Raises
    ------
    ArgumentError
        If a type cannot be written.
    UnsupportedModelError
        If the source is quantised and ``allow_requantize`` is not given, or its rows do not fill
        blocks.
    """
    for wanted in (type, head or type):
        if wanted not in RWKV_TYPES:
            raise ArgumentError(f"type is {wanted.name}; that type is only read, never written.")
    planned = [_planned(source, tensor, type, head) for tensor in source.tensors]
    if not allow_requantize and (again := rounded_twice(planned)):
        raise UnsupportedModelError(
            f"The matrices are {again.source.type.name} already, and what quantising lost does not "
            f"come back; make {type.name} from the FP32 or FP16 file, or allow it with "
            "--allow-requantize."
        )
    header = source.header
    return Output(Header(header.n_vocab, header.n_embed, header.n_layer, type), planned)


def rounded_twice(planned: list[Planned]) -> Planned | None:
    """A quantised tensor that would not stay as it is, if there is one."""
    for tensor in planned:
        if tensor.source.type.quantised and tensor.type is not tensor.source.type:
            return tensor
    return None


def convert_file(
    source: str | Path,
    destination: str | Path,
    type: TensorType | str = TensorType.FP16,
    *,
    head: TensorType | str | None = None,
    allow_requantize: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Writes a model file of any kind in rwkv.cpp's format.

    The output appears whole or not at all, and a few rows at a time are in memory.

    Parameters
    ----------
    source : path
        A checkpoint (``.pth``), a safetensors file, a GGUF file or one of rwkv.cpp.
    destination : path
        Replaced if it exists; it may not be ``source``.
    type : TensorType or str
        The type of the matrices.
    head : TensorType or str, optional
        The type of ``head.weight``, where the rule would keep it.
    allow_requantize : bool
        Whether a quantised source may be rounded again; a warning tells it.
    progress : callable, optional
        Told the bytes written and the bytes in all.

    Returns
    -------
    Conversion
        What was written.

    Raises
    ------
    ArgumentError
        If the two paths are one file, or a type is unknown.
    FileError
        If a file cannot be read or written.
    ModelFormatError, UnsupportedModelError
        If the source is damaged, or cannot be had in this type.

    Examples
    --------
    >>> import tempfile
    >>> from deep_tree_echo.platform import bundled_model_path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = convert_file(bundled_model_path(), f"{folder}/echo.bin", "Q8_0")
    >>> done.architecture, done.type.name, done.warnings
    ('7.0', 'Q8_0', ())
    """
    type = TensorType.parse(type) if isinstance(type, str) else type
    head = TensorType.parse(head) if isinstance(head, str) else head
    check_places(source, destination)
    with open_model(source) as opened:
        output = plan(opened, type, head=head, allow_requantize=allow_requantize)
        output.write(Path(destination), progress)
        return Conversion(
            opened.kind, opened.architecture, type, output.n_bytes, _warnings(opened, output)
        )


def quantize_file(
    source: str | Path,
    destination: str | Path,
    type: TensorType | str,
    *,
    allow_requantize: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Writes a file of rwkv.cpp in another type; see `convert_file`.

    Raises
    ------
    UnsupportedModelError
        Also if ``source`` is of another kind.
    """
    check_places(source, destination)
    with open_model(source) as opened:
        if opened.kind != "rwkv.cpp":
            raise UnsupportedModelError(
                f"This is no file of rwkv.cpp ({opened.kind}); use 'dte convert' for it."
            )
    return convert_file(
        source, destination, type, allow_requantize=allow_requantize, progress=progress
    )


def check_places(source: str | Path, destination: str | Path) -> None:
    """Refuses to write a file over the one that is read."""
    there = os.path.exists(destination) and os.path.exists(source)
    if there and os.path.samefile(source, destination):
        raise ArgumentError(
            f"destination is {str(destination)!r}, the source itself; name another."
        )


def _planned(
    source: Source, tensor: StoredTensor, type: TensorType, head: TensorType | None
) -> Planned:
    kept = tensor.type
    if source.kind != "rwkv.cpp" and not (kept.quantised and kept in RWKV_TYPES):
        # What rwkv.cpp's converter would have made of it, on the way to its quantiser.
        base = TensorType.FP32 if type is TensorType.FP32 else TensorType.FP16
        kept = type_in_file(tensor.name, tensor.shape, base, TensorType.FP32)
    wanted = type_in_file(tensor.name, tensor.shape, type, kept)
    if head is not None and tensor.name == "head.weight":
        wanted = head
    by_half = kept is TensorType.FP16 and tensor.type is not TensorType.FP16
    return Planned(tensor, wanted, by_half and wanted.quantised)


def _warnings(source: Source, output: Output) -> tuple[str, ...]:
    warnings = []
    if again := rounded_twice(output.tensors):
        warnings.append(
            f"The matrices were {again.source.type.name} and have been rounded again; a file made "
            "from FP16 would be closer to the model."
        )
    if source.vocabulary is not None:
        warnings.append(
            "rwkv.cpp's files hold no tokenizer, so the one in the GGUF file is left out; the "
            f"model will be read with the one for {source.header.n_vocab} tokens."
        )
    return tuple(warnings)
