"""What the benchmarks ask of a `Model`, the same in CPython and inside Pyodide."""

from __future__ import annotations

from typing import Any

from deep_tree_echo import Model
from deep_tree_echo.events import Token
from deep_tree_echo.generation import TextGeneration
from deep_tree_echo.sampling import SamplingSettings

# Greedy, as the peers are asked to be, and never the token that ends a text.
SETTINGS = SamplingSettings(temperature=0.0, seed=1, bias={0: -1e9})


class Session:
    """A model and the places in a text where it can go on."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.places: dict[str, Any] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what one of the benchmarks asks; it looks at the clocks itself."""
        match request["do"]:
            case "decode":
                self.decode(request["count"], request.get("from", "here"), request.get("to"))
            case "eval":
                state = None
                for i in range(request["count"]):
                    _, state = self.model.eval([(7 * i + 1) % self.model.n_vocab], state)
            case "prefill":
                self.model.eval(request["tokens"])
            case "encode":
                return {"tokens": self.model.encode(request["text"])}
            case "logits":
                logits, _ = self.model.eval(request["tokens"])
                return {"logits": [float(value) for value in logits]}
            case "facts":
                names = ("weight_bytes", "work_bytes", "state_bytes", "architecture", "type")
                return {name: getattr(self.model, name) for name in names}
            case other:
                raise ValueError(f"do is {other!r}.")
        return {}

    def decode(self, count: int, begin: str = "here", end: str | None = None) -> None:
        """Goes on with a text by so many tokens, as an answer is made."""
        place = self.places.get(begin)
        generation = TextGeneration(
            self.model, "" if place else "\n", place, max_tokens=count, settings=SETTINGS
        )
        made = sum(isinstance(event, Token) for event in generation)
        if made != count:
            raise RuntimeError(f"{made} tokens were made instead of {count}.")
        self.places[end or begin] = generation.state
