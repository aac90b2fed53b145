"""What the benchmarks ask of a `Model`, the same in CPython and inside Pyodide."""

from __future__ import annotations

from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING, Any

from deep_tree_echo import Model
from deep_tree_echo.events import Token
from deep_tree_echo.generation import TextGeneration
from deep_tree_echo.sampling import SamplingSettings

if TYPE_CHECKING:
    from deep_tree_echo.grammar import Grammar

# Greedy, as the peers are asked to be, and never the token that ends a text.
SETTINGS = SamplingSettings(temperature=0.0, seed=1, bias={0: -1e9})

# As chats are drawn, for answers of a form; without one, the text must not end either.
DRAWN = SamplingSettings(seed=1, bias={0: -1e9})
RECORD = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "born": {"type": "string", "format": "date"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 5},
        "kind": {"enum": ["draft", "sent", "paid"]},
        "about": {"type": "string", "maxLength": 200},
    },
    "required": ["name", "born", "age", "tags", "kind", "about"],
    "additionalProperties": False,
}
# None of them can end within the tokens of a turn.
FORMS: dict[str, Any] = {
    "records": {"type": "array", "items": RECORD, "minItems": 200},
    "numbers": {"type": "array", "items": {"type": "number"}, "minItems": 500},
    "bounded": {"type": "string", "minLength": 900, "maxLength": 1000},
    "gbnf": r"""
root ::= "[" (value ", "){500} "]"
value ::= "{" (string ": " value (", " string ": " value)*)? "}" | string | number | "true"
string ::= "\"" ([^"\\\x00-\x1F] | "\\" ["\\/bfnrt])* "\""
number ::= "-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})?
""",
}


class Session:
    """A model and the places in a text where it can go on."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.places: dict[str, Any] = {}
        self.grammars: dict[str, Grammar] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what one of the benchmarks asks; it looks at the clocks itself."""
        match request["do"]:
            case "decode":
                self.decode(request["count"], request.get("from", "here"), request.get("to"))
            case "draw":
                return self.draw(request["count"], request.get("form"), request.get("fresh", False))
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

    def draw(self, count: int, form: str | None, fresh: bool) -> dict[str, float]:
        """A new text of so many tokens in one of `FORMS`, or in none; ``fresh`` knows no mask."""
        from deep_tree_echo.grammar import Grammar, GrammarGuidance

        if form and form not in self.grammars:
            make = Grammar.gbnf if form == "gbnf" else Grammar.json_schema
            self.grammars[form] = make(FORMS[form])
        timed: list[Timed] = []
        if form:
            grammar = self.grammars[form]
            if fresh:
                grammar.program = replace(grammar.program)
            timed.append(Timed(GrammarGuidance(grammar)))
        begin = process_time()
        generation = TextGeneration(
            self.model, "\n", max_tokens=count, settings=DRAWN, guidance=timed
        )
        made = sum(isinstance(event, Token) for event in generation)
        whole = process_time() - begin
        if made != count:
            raise RuntimeError(f"{made} tokens were made instead of {count}.")
        guiding = sum(one.seconds for one in timed)
        return {
            "token_ms": 1e3 * whole / count,
            "guide_ms": 1e3 * guiding / count,
            "share": guiding / (whole - guiding),
        }


class Timed:
    """Guidance by a grammar, and the time that it takes."""

    name = "grammar"
    required = True

    def __init__(self, guidance: Any) -> None:
        self._guidance = guidance
        self.seconds = 0.0

    def start(self, model: Any) -> Timed:
        self._guide = self._time(self._guidance.start, model)
        return self

    @property
    def over(self) -> bool:
        return bool(self._time(lambda: self._guide.over))

    def go_on(self, text: bytes) -> None:
        self._guide.go_on(text)

    def may_end(self, text: bytes) -> bool:
        return bool(self._guide.may_end(text))

    def adjust(self, logits: Any) -> Any:
        return self._time(self._guide.adjust, logits)

    def accept(self, token: int, reading: Any) -> None:
        self._time(self._guide.accept, token, reading)

    def _time(self, call: Any, *arguments: Any) -> Any:
        begin = process_time()
        result = call(*arguments)
        self.seconds += process_time() - begin
        return result
