"""How the engine is set up: every value is checked, and what cannot be had is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any, Final, Literal, get_args

from .backends.chain import Preference
from .errors import ArgumentError
from .sampling import SamplingSettings

__all__ = ["EngineConfig", "create_enhanced_rwkv_config"]

WhenFull = Literal["refuse", "forget"]
"""What happens to one session too many: it is refused, or the one used longest ago is forgotten."""

TOKENIZERS: Final = ("auto", "world", "bytes", "bytes+1")

_INTEGERS: Final = {
    "context_length": (32, 1 << 40),
    "max_tokens": (0, 1 << 31),
    "session_limit": (1, 1_000_000),
    "reservoir_size": (8, 4096),
}
_NUMBERS: Final = {
    "memory_limit_mb": 1.0,
    "session_timeout_s": 1.0,
    "state_budget_mb": 0.0,
}
_FLAGS: Final = (
    "enable_memory_optimization",
    "cache_tokens",
    "enable_rwkv_cpp",
    "enable_memory",
    "enable_reasoning",
    "enable_adaptation",
)
_OPTIONAL: Final = ("context_length", "memory_limit_mb", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """The settings of a `CognitiveEngine`.

    Parameters
    ----------
    model_path : str, optional
        The model's file; the model that comes with the package if not given.
    backend_type : {"auto", "rwkv_cpp", "python_rwkv", "mock"}
        Who may answer.
    thread_count : int
        1: a model is evaluated by one thread.
    gpu_layer_count : int
        0: nothing runs on a GPU.
    context_length : int, optional
        Most tokens that the model has read when it answers. A talk that would go beyond is read
        anew from its latest turns, as many as fit in half of it. Without it there is no limit,
        for the state does not grow.
    temperature, top_p, top_k, seed
        As in `SamplingSettings`.
    max_tokens : int
        Most tokens of an answer.
    tokenizer_type : {"auto", "world", "bytes", "bytes+1"}
        What the model's tokenizer must be; a model with another one is refused.
    memory_limit_mb : float or None
        Most memory of the model, in millions of bytes.
    enable_memory_optimization : bool
        Whether a head in FP16 or FP32 is rounded to Q8_0, and a large embedding stays in the file.
    cache_tokens : bool
        Whether states of earlier turns are kept; without them every answer reads the whole talk.
    enable_rwkv_cpp : bool
        Whether ``auto`` begins with ``rwkv_cpp``.
    session_limit : int
        Most sessions at a time.
    session_timeout_s : float
        A session that nobody has used for so many seconds is forgotten.
    when_full : {"refuse", "forget"}
        What one session too many does: it is refused, or takes the place of the one used longest
        ago.
    state_budget_mb : float
        Memory for the earlier states of one session, in millions of bytes.
    reservoir_size : int
        Units of the reservoir that each token drives.
    enable_memory, enable_reasoning, enable_adaptation : bool
        What an engine has that is loaded by its settings: see `CognitiveEngine.load`.
    database_path : str, optional
        The file of its memories and calibrations; in memory alone without one.

    Raises
    ------
    ArgumentError
        For a value that is out of range, or that nothing here can do.

    Examples
    --------
    >>> EngineConfig(temperature=0.5).sampling.temperature
    0.5
    >>> EngineConfig(gpu_layer_count=8)
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: gpu_layer_count is 8; there is no GPU path, give 0.
    """

    model_path: str | None = None
    backend_type: Preference = "auto"
    thread_count: int = 1
    gpu_layer_count: int = 0
    context_length: int | None = None
    temperature: float = 0.8
    top_p: float = 0.9
    top_k: int = 40
    seed: int | None = None
    max_tokens: int = 256
    tokenizer_type: str = "auto"
    memory_limit_mb: float | None = 600
    enable_memory_optimization: bool = True
    cache_tokens: bool = True
    enable_rwkv_cpp: bool = True
    session_limit: int = 10
    session_timeout_s: float = 1800.0
    when_full: WhenFull = "refuse"
    state_budget_mb: float = 64
    reservoir_size: int = 256
    enable_memory: bool = True
    enable_reasoning: bool = True
    enable_adaptation: bool = False
    database_path: str | None = None

    def __post_init__(self) -> None:
        for name, (least, most) in _INTEGERS.items():
            self._check(name, _is_integer, f"an integer from {least} to {most}", least, most)
        for name, low in _NUMBERS.items():
            self._check(name, _is_number, f"a number of at least {low:g}", low, 1e15)
        for name in _FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise ArgumentError(f"{name} is {getattr(self, name)!r}; give True or False.")
        for name, choices in (
            ("backend_type", get_args(Preference)),
            ("tokenizer_type", TOKENIZERS),
            ("when_full", get_args(WhenFull)),
        ):
            if getattr(self, name) not in choices:
                raise ArgumentError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}."
                )
        for name in ("model_path", "database_path"):
            if not isinstance(getattr(self, name), str | None):
                raise ArgumentError(f"{name} is {getattr(self, name)!r}; give a text or None.")
        if type(self.thread_count) is not int or self.thread_count != 1:
            raise ArgumentError(
                f"thread_count is {self.thread_count!r}; one thread evaluates a model, give 1."
            )
        if type(self.gpu_layer_count) is not int or self.gpu_layer_count != 0:
            raise ArgumentError(
                f"gpu_layer_count is {self.gpu_layer_count!r}; there is no GPU path, give 0."
            )
        _ = self.sampling  # checks the rest

    def _check(self, name: str, is_kind: Any, rule: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if value is None and name in _OPTIONAL:
            return
        if not is_kind(value) or not least <= value <= most:
            raise ArgumentError(f"{name} is {value!r}; it must be {rule}.")

    @property
    def sampling(self) -> SamplingSettings:
        """How tokens are chosen where a request says nothing else."""
        return SamplingSettings(
            temperature=self.temperature, top_p=self.top_p, top_k=self.top_k, seed=self.seed
        )

    @classmethod
    def from_mapping(cls, config: Mapping[str, Any]) -> EngineConfig:
        """The settings of a dictionary: under ``rwkv``, or by their bare names, which win.

        Raises
        ------
        ArgumentError
            For a name that is no setting, or a value that it cannot have.

        Examples
        --------
        >>> config = {"rwkv": {"backend_type": "auto", "top_k": 20}}
        >>> config["backend_type"] = "mock"
        >>> found = EngineConfig.from_mapping(config)
        >>> found.backend_type, found.top_k
        ('mock', 20)
        """
        if not isinstance(config, Mapping):
            raise ArgumentError(f"config is {config!r:.80}; give a dictionary.")
        inner = config.get("rwkv", {})
        if not isinstance(inner, Mapping):
            raise ArgumentError(f"config['rwkv'] is {inner!r:.80}; give a dictionary.")
        values = dict(inner) | {name: value for name, value in config.items() if name != "rwkv"}
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ArgumentError(f"{name!r} is no setting; there are {', '.join(known)}.")
        return cls(**values)


def create_enhanced_rwkv_config(
    model_path: str | None = None,
    backend_preference: Preference = "auto",
    enable_gpu: bool = False,
    memory_limit_mb: float | None = 600,
    **settings: Any,
) -> dict[str, Any]:
    """A configuration as the founding documents have it, for `EnhancedEchoRWKVIntegrationEngine`.

    Parameters
    ----------
    model_path, memory_limit_mb
        As in `EngineConfig`.
    backend_preference : {"auto", "rwkv_cpp", "python_rwkv", "mock"}
        Its ``backend_type``.
    enable_gpu : bool
        ``False``; there is no GPU path.
    **settings
        Its other parameters.

    Raises
    ------
    ArgumentError
        As `EngineConfig`.

    Examples
    --------
    >>> create_enhanced_rwkv_config(top_k=20)["rwkv"]["top_k"]
    20
    """
    if enable_gpu:
        raise ArgumentError(f"enable_gpu is {enable_gpu!r}; there is no GPU path, give False.")
    values = {
        "model_path": model_path,
        "backend_type": backend_preference,
        "memory_limit_mb": memory_limit_mb,
        **settings,
    }
    found = EngineConfig.from_mapping(values)
    return {"rwkv": {field.name: getattr(found, field.name) for field in fields(found)}}


def _is_integer(value: object) -> bool:
    return type(value) is int


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and isfinite(value)  # type: ignore[arg-type]
