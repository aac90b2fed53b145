"""What is left out of text that people wrote: insults, hate and personal data.

The rules, in full:

1. A listed word (the list of the package ``better-profanity``, less those in
   `HARMLESS`) as a whole word, in any case, is refused.
2. A group of people (`GROUPS`) in one sentence with hostility (`HOSTILE`) is
   refused.
3. Personal data is refused: e-mail addresses, anything with an @, digits that
   could be a telephone or account number (seven or more), street addresses,
   names of messaging services with which people exchange contacts, passwords,
   and phrases in which people give their full name, number or address.

A conversation ends before the first turn that is refused, and is left out if
too little remains.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

__all__ = ["Screen"]

LIST = "better_profanity/profanity_wordlist.txt"
# Words of the list that mostly mean something else, or that no one is hurt by.
_HARMLESS = """
    areole arian busty cow_girl cow_girls cowgirl cowgirls crap damn dink dinks doggin dogging
    dong doofus dopey drunk dummy enlargement erect extacy extasy facial fat feck flange foobar
    gai ganja god hebe hell hemp herpes hiv homey hooch hookah hump humped hussy inbred jerk
    jerked junky kill klan lech leper lmao loin loins lube lust mams maxi moron muff murder nad
    napalm nappy nimrod omg opium oral orally organ ovary ovum paddy pastie pasty pawn pee
    penetrate penetration peyote playboy pms pollock pot potty pron prude punky reich revue rum
    rump sandbar screw screwed seaman seamen slave slope snatch sniper snuff souse steamy stoned
    strip stroke stupid suck sucked sucking tampon tawdry thrust thug tinkle titi tramp trashy
    tush ugly undies unwed urine uterus uzi valium virgin vixen vodka vomit vulgar wad wedgie
    weed weirdo whitey whiz willies willy womb woody xx yury
"""
HARMLESS = frozenset(word.replace("_", " ") for word in _HARMLESS.split())
GROUPS = (
    r"gays?|lesbians?|trans|blacks?|whites?|asians?|mexicans?|latinos?|indians?|chinese|arabs?|"
    r"africans?|jews?|jewish|muslims?|islam|christians?|catholics?|mormons?|immigrants?|refugees?|"
    r"women|females?|men|males?|disabled|foreigners?|americans?|russians?|germans?|french"
)
HOSTILE = (
    r"hate|hates|hated|kill|killed|dirty|inferior|superior|disgusting|vermin|terrorists?|criminals?|"
    r"subhuman|go back to|deport|exterminate|ruin(?:ed|ing)?|stupid|dumb|lazy|ugly|burn in hell"
)
PERSONAL = (
    r"@|\b\S+@\S+|(?:\d[\s().-]*){7,}|"
    r"\b\d+ (?:\w+ )?(?:street|st\.|avenue|ave|road|rd|drive|lane|blvd)\b|"
    r"\b(?:instagram|snapchat|whatsapp|facebook|telegram|skype|tinder|insta|venmo|discord)\b|"
    r"\bpasswords?\b|\bsocial security\b|\bcredit card\b|"
    r"\bmy (?:full|last|real) name\b|\b(?:my|your) (?:phone|cell)? ?number\b|"
    r"\b(?:my|your) (?:home )?address\b|\bi live at\b|\bapartment (?:number|\d)"
)


class Screen:
    """The rules of this module.

    Parameters
    ----------
    words : iterable of str
        Words and phrases that are refused.

    Examples
    --------
    >>> screen = Screen(["darn"])
    >>> screen.accepts("Darning socks"), screen.accepts("oh, DARN it")
    (True, False)
    >>> screen.accepts("call me at 555-123 4567"), screen.accepts("in 2017, 300 people")
    (False, True)
    """

    def __init__(self, words: list[str]) -> None:
        self._words = {word for word in words if word.isalnum()}
        phrases = [re.escape(word) for word in words if not word.isalnum()]
        self._phrases = re.compile(rf"(?<!\w)(?:{'|'.join(phrases) or '(?!)'})(?!\w)")
        self._group = re.compile(rf"\b(?:{GROUPS})\b", re.IGNORECASE)
        self._hostile = re.compile(rf"\b(?:{HOSTILE})\b", re.IGNORECASE)
        self._personal = re.compile(PERSONAL, re.IGNORECASE)

    @classmethod
    def of_package(cls, wheel: Path) -> Screen:
        """Read the list of the package ``better-profanity``.

        Parameters
        ----------
        wheel : Path
            The package.

        Returns
        -------
        Screen
            With the list less `HARMLESS`.
        """
        with zipfile.ZipFile(wheel) as archive:
            words = archive.read(LIST).decode().splitlines()
        return cls([word for word in map(str.strip, words) if word and word not in HARMLESS])

    def accepts(self, text: str) -> bool:
        """Tell whether no rule refuses the text.

        Parameters
        ----------
        text : str
            A turn or an entry.

        Returns
        -------
        bool
            False if it is refused.
        """
        lower = text.lower()
        if not self._words.isdisjoint(re.findall(r"\w+", lower)) or self._phrases.search(lower):
            return False
        return not self._personal.search(text) and not any(
            self._group.search(sentence) and self._hostile.search(sentence)
            for sentence in re.split(r"[.!?;\n]", text)
        )

    def prefix(self, turns: list[str]) -> list[str]:
        """Return the turns before the first that is refused.

        Parameters
        ----------
        turns : list of str
            A conversation.

        Returns
        -------
        list of str
            All of them if none is.
        """
        for count, turn in enumerate(turns):
            if not self.accepts(turn):
                return turns[:count]
        return turns
