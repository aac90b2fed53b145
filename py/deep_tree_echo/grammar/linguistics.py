"""Statistics of a text by stated rules: nothing is guessed.

A word is a run of letters, digits and inner apostrophes or hyphens. A sentence ends at ``.``,
``!`` or ``?`` (also ``…``, ``。``, ``！``, ``？``) that is followed by white space, quotes or
brackets, or the end; full stops within numbers and after single letters and a few abbreviations do
not count. A sentence is a question if it ends with a question mark; its first word tells nothing.

The Flesch reading ease (Flesch 1948, Journal of Applied Psychology 32) and the grade level of
Kincaid et al. (1975, Research Branch Report 8-75) are of English: words per sentence and syllables
per word. Syllables are counted as groups of vowels, less a silent final e.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Linguistics", "linguistics"]

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_END = re.compile(r"(?:[.!?…]+[\"'”’)\]]*(?=\s|$))|[。！？]+")
_ABBREVIATION = re.compile(
    r"(?:\b[^\W\d_]|\b(?:e\.g|i\.e|etc|vs|mr|mrs|ms|dr|prof|st|no|cf|approx))\.$", re.IGNORECASE
)
_VOWELS = re.compile(r"[aeiouyäöüáàâéèêëíìîïóòôúùû]+")
_LATIN = re.compile(r"[a-z'’-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Linguistics:
    """What was counted in a text.

    Attributes
    ----------
    characters, words, sentences, questions : int
        How many; a text with words and no end has one sentence.
    distinct_words : int
        Words that differ, capitals aside.
    words_per_sentence, letters_per_word : float or None
        Means; ``None`` without words.
    reading_ease, grade_level : float or None
        Of English texts; ``None`` without words, or where less than nine words in ten are of Latin
        letters without accents.
    """

    characters: int
    words: int
    sentences: int
    questions: int
    distinct_words: int
    words_per_sentence: float | None
    letters_per_word: float | None
    reading_ease: float | None
    grade_level: float | None


def linguistics(text: str) -> Linguistics:
    """The statistics of a text.

    Examples
    --------
    >>> found = linguistics("Dr. Who met 3.5 cats. Did they run?")
    >>> found.words, found.sentences, found.questions, found.words_per_sentence
    (9, 2, 1, 4.5)
    >>> round(linguistics("The cat sat on the mat.").reading_ease, 1)
    116.1
    """
    words = _WORD.findall(text)
    ends = _ends(text)
    sentences = len(ends)
    if words and (not ends or _WORD.search(text, ends[-1][0])):
        sentences += 1  # the last one has no end
    per_sentence = len(words) / sentences if words and sentences else None
    letters = sum(map(len, words)) / len(words) if words else None
    ease = grade = None
    if words and sum(bool(_LATIN.fullmatch(word)) for word in words) >= 0.9 * len(words):
        assert per_sentence is not None
        syllables = sum(map(_syllables, words)) / len(words)
        ease = 206.835 - 1.015 * per_sentence - 84.6 * syllables
        grade = 0.39 * per_sentence + 11.8 * syllables - 15.59
    return Linguistics(
        len(text),
        len(words),
        sentences,
        sum("?" in mark or "？" in mark for _, mark in ends),
        len({word.lower() for word in words}),
        per_sentence,
        letters,
        ease,
        grade,
    )


def _ends(text: str) -> list[tuple[int, str]]:
    """Where sentences end, and by what."""
    found = []
    last = 0
    for match in _END.finditer(text):
        mark = match[0].rstrip("\"'”’)]")
        before = text[max(last, match.start() - 12) : match.start() + 1]
        is_short = mark == "." and _ABBREVIATION.search(before) is not None
        at_end = not text[match.end() :].strip()
        if _WORD.search(text, last, match.start()) and (at_end or not is_short):
            found.append((match.end(), mark))
            last = match.end()
    return found


def _syllables(word: str) -> int:
    lower = word.lower()
    count = len(_VOWELS.findall(lower))
    silent = lower.endswith("e") and not lower.endswith(("le", "ee", "ye")) and count > 1
    return max(1, count - silent)
