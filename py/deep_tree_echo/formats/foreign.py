"""Recognising files that are not rwkv.cpp's, to say what they are instead."""

from __future__ import annotations

_CONVERT = "convert it first with 'dte convert'."

_SIGNATURES = (
    (b"GGUF", "This is a GGUF file; only rwkv.cpp files can be read."),
    (b"PK\x03\x04", f"This is a zip archive, as PyTorch's .pth files are; {_CONVERT}"),
    (
        b"\x80\x02",
        "This is a PyTorch checkpoint from before version 1.6 (a pickle, not a zip archive); load "
        "it and save it again with torch.save of a current PyTorch.",
    ),
    (b"\x1f\x8b", "This file is compressed with gzip; unpack it first."),
    (b"\x28\xb5\x2f\xfd", "This file is compressed with zstd; unpack it first."),
    (b"lmgg", "This is an old ggml file without a version; only rwkv.cpp files can be read."),
    (b"tjgg", "This is an old llama.cpp file; only rwkv.cpp files can be read."),
    (b"ggmf", "This rwkv.cpp file is big endian; only little endian ones can be read."),
    (
        b"version https://git-lfs",
        "This is a Git LFS pointer and not the model itself; fetch it with 'git lfs pull'.",
    ),
)


def describe_foreign(head: bytes) -> str:
    """The sentence about a file that begins with ``head``, which is not rwkv.cpp's magic.

    Examples
    --------
    >>> describe_foreign(b"GGUF rest")
    'This is a GGUF file; only rwkv.cpp files can be read.'
    """
    if not head:
        return "The file is empty; fetch it again."
    for signature, sentence in _SIGNATURES:
        if head.startswith(signature):
            return sentence
    if len(head) > 8 and head[8:9] == b"{" and head[6:8] == b"\0\0":
        return f"This is a safetensors file; {_CONVERT}"
    if all(byte in b"\t\n\v\f\r" or 0x20 <= byte != 0x7F for byte in head):
        if head.lstrip()[:1] == b"<":
            return (
                "This is a web page (HTML) and not a model; the address it came from probably "
                "answered with an error or a login page."
            )
        return "This is a text and not a model in rwkv.cpp's format."
    return (
        "This is not a model in rwkv.cpp's format: it begins with the bytes "
        f"{head[:4].hex(' ')} and not with 66 6d 67 67."
    )
