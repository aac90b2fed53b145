"""What is worth keeping of a message, of which type, and how important it is. English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .items import MemoryType
from .settings import MemorySettings
from .words import fold, terms

__all__ = ["Judgement", "is_question", "judge", "sentences", "without_request", "worth_keeping"]

_REQUEST = re.compile(
    r"^\W*(?:please\s+)?(?:remember|don'?t forget|do not forget|keep in mind|note|memori[sz]e)"
    r"(?:\s+that\b|\s*[:,]|\s+(?=(?:my|i|we|our|the)\b))\s*",
    re.IGNORECASE,
)
_PREFERENCE = re.compile(
    r"\bi(?: really| also| always| usually)? (?:like|love|enjoy|prefer|hate|dislike|avoid)\b"
    r"|\bi (?:do not|don'?t|can'?t|cannot) (?:like|eat|drink|stand)\b"
    r"|\bfavou?rite\b|\ballergic\b"
)
_PERSON = re.compile(
    r"\bmy name is\b|\bcall me\b|\bi(?: am|'m) (?:called|from|a|an|\d+)\b"
    r"|\bi (?:live|work|study|own|have|speak|was born)\b"
    r"|\bmy \w+(?: \w+)? (?:is|are|was|has|lives?|works?)\b"
)
_DATE = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r" \d|\b\d{1,2}(?:st|nd|rd|th)?(?: of)? (?:january|february|march|april|may|june|july|august|"
    r"september|october|november|december)\b|\b\d{4}-\d\d-\d\d\b|\bbirthday\b|\banniversary\b"
)
_NUMBER = re.compile(r"\d")
_PROCEDURE = re.compile(
    r"\bhow to\b|\bfirst\b.*\bthen\b|\bstep \d|^(?:always|never|whenever|when i|if i)\b"
    r"|^to \w+ .*,|^(?:please )?(?:answer|speak|write|reply|address)\b"
)
_EVENT = re.compile(
    r"\byesterday\b|\btoday\b|\btomorrow\b|\btonight\b|\bago\b"
    r"|\b(?:last|next|this) (?:night|week|month|year|summer|winter|spring|autumn|monday|tuesday|"
    r"wednesday|thursday|friday|saturday|sunday)\b|\bwent\b|\bhappened\b"
)
_QUESTION = re.compile(
    r"^(?:who|what|which|where|when|why|how|is|are|do|does|did|can|could|will|would|should)\b"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(]?[A-Z0-9])|\n+")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say of a sentence.

    Parameters
    ----------
    memory_type : str
        As `MemoryItem` has it.
    importance : float
        From 0 to 1.
    reasons : tuple of str
        The rules that held.
    """

    memory_type: MemoryType
    importance: float
    reasons: tuple[str, ...]


def judge(text: str) -> Judgement:
    """Type and importance of a text whose author gave none.

    It begins at 0.2. A request to remember adds 0.5; a preference, or something about the user, 0.3
    each; a date 0.2, or else a number 0.1; a question takes 0.1 away. More than 0.9 only the user
    can give. Instructions are procedural, what has a time is episodic, all else declarative.

    Examples
    --------
    >>> judge("Remember that my sister Anna lives in Lisbon.").reasons
    ('request', 'person')
    >>> judge("We went to Oslo last summer.").memory_type
    'episodic'
    """
    plain = fold(text).strip()
    stripped = fold(without_request(text)).strip()
    worth, reasons = 0.2, []
    for name, pattern, more in (
        ("request", _REQUEST, 0.5),
        ("preference", _PREFERENCE, 0.3),
        ("person", _PERSON, 0.3),
        ("date", _DATE, 0.2),
    ):
        if pattern.search(plain):
            reasons.append(name)
            worth += more
    if "date" not in reasons and _NUMBER.search(plain):
        reasons.append("number")
        worth += 0.1
    if is_question(text):
        reasons.append("question")
        worth -= 0.1
    kind: MemoryType = "declarative"
    if _PROCEDURE.search(stripped):
        kind = "procedural"
    elif _EVENT.search(stripped):
        kind = "episodic"
    return Judgement(kind, round(min(0.9, max(0.0, worth)), 2), tuple(reasons))


def is_question(text: str) -> bool:
    """Whether it asks: a question mark at its end, or a question word at its beginning."""
    plain = fold(text).strip()
    return plain.endswith("?") or bool(_QUESTION.match(plain))


def without_request(text: str) -> str:
    """What is to be remembered, without the request to.

    Examples
    --------
    >>> without_request("Please remember that my name is Ida.")
    'My name is Ida.'
    """
    rest = _REQUEST.sub("", text, count=1).strip()
    if not rest or rest == text.strip():
        return text.strip()
    return rest[0].upper() + rest[1:]


def sentences(message: str) -> list[str]:
    """The statements of a message that say something: two words of content at least, no questions.

    Examples
    --------
    >>> sentences("Hi! My cat is called Tom. What do cats eat?")
    ['My cat is called Tom.']
    """
    found = (part.strip() for part in _SENTENCE.split(message))
    return [part for part in found if part and not is_question(part) and len(set(terms(part))) >= 2]


def worth_keeping(
    message: str, answer: str, settings: MemorySettings
) -> list[tuple[str, MemoryType, float]]:
    """What to store of a message and its answer: text, type and importance."""
    found: list[tuple[str, MemoryType, float]] = []
    for sentence in sentences(message):
        judged = judge(sentence)
        if judged.importance >= settings.least_importance:
            found.append((without_request(sentence), judged.memory_type, judged.importance))
    if settings.exchanges and answer.strip() and terms(message):
        worth = 0.1 if is_question(message) else 0.2
        found.append((f"User: {message.strip()}\nAssistant: {answer.strip()}", "episodic", worth))
    return found
