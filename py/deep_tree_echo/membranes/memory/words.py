"""The words that a text is found by: folded, without stop words, cut to stems. English."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["NEGATIONS", "fold", "stem", "terms"]

NEGATIONS = frozenset(
    ("no", "not", "never", "nor", "without", "cannot", "nothing", "nobody", "none")
)
"""Words that turn a statement round; they carry no topic, so `terms` leaves them out."""

_STOP = NEGATIONS | frozenset(
    re.findall(
        r"\w+",
        """a about again am an and are as at be been but by can could d did do does for forgot from
        had has have having he her here him his how i if in into is it its just know ll m may me
        might must my of on or our out over re remind s shall she should so still t tell than that
        the their them then there these they this those to up us user assistant ve was we were what
        when where which who whom whose why will with would you your""",
    )
)
_WORD = re.compile(r"[^\W_]+")
_ENDINGS = (
    ("ies", "y"), ("sses", "ss"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("es", ""),
    ("s", ""),
)  # fmt: skip


def fold(text: str) -> str:
    """The text without case and accents.

    Examples
    --------
    >>> fold("Crème BRÛLÉE, Straße")
    'creme brulee, strasse'
    """
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def stem(word: str) -> str:
    """A folded word without its English ending; words of another language hardly suffer.

    Examples
    --------
    >>> [stem(word) for word in ("lives", "living", "studies", "dogs", "glass")]
    ['liv', 'liv', 'study', 'dog', 'glass']
    """
    if len(word) == 4 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    for ending, instead in _ENDINGS if len(word) > 4 else ():
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            if ending == "s" and word.endswith("ss"):
                continue
            word = word[: -len(ending)] + instead
            if word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def terms(text: str) -> list[str]:
    """The stems of a text's words in their order, stop words left out.

    Examples
    --------
    >>> terms("My sister lives in Lisbon, and where do you live?")
    ['sister', 'liv', 'lisbon', 'liv']
    """
    return [stem(word) for word in _WORD.findall(fold(text)) if word not in _STOP]
