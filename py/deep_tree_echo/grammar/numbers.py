"""Numbers between bounds, digit by digit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from .expressions import Alternatives, Characters, Expression, Literal, Repeat, Sequence

__all__ = ["Bounds", "any_number", "decimals", "integers"]

_DIGITS = 15  # of numbers without bounds; a double holds all of these
_DIGIT = Characters(((0x30, 0x39),))


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where to where; ``None`` is no bound.

    Attributes
    ----------
    low, high : Fraction or None
        The least and the greatest number.
    without_low, without_high : bool
        The bound itself is outside.
    """

    low: Fraction | None = None
    high: Fraction | None = None
    without_low: bool = False
    without_high: bool = False

    def both(self, other: Bounds) -> Bounds:
        """What lies in both.

        Examples
        --------
        >>> Bounds(Fraction(1), None).both(Bounds(Fraction(1), Fraction(3), without_low=True))
        Bounds(low=Fraction(1, 1), high=Fraction(3, 1), without_low=True, without_high=False)
        """
        low, without_low = self.low, self.without_low
        if other.low is not None and (low is None or other.low >= low):
            without_low = other.without_low or (without_low and other.low == low)
            low = other.low
        high, without_high = self.high, self.without_high
        if other.high is not None and (high is None or other.high <= high):
            without_high = other.without_high or (without_high and other.high == high)
            high = other.high
        return Bounds(low, high, without_low, without_high)

    def scaled(self, places: int) -> tuple[int, int]:
        """The least and the greatest n so that n / 10**places lies within."""
        unit = 10**places
        far = 10**_DIGITS - 1
        low = high = None
        if self.low is not None:
            low = ceil(self.low * unit)
            low += self.without_low and low == self.low * unit
        if self.high is not None:
            high = floor(self.high * unit)
            high -= self.without_high and high == self.high * unit
        if low is None:
            low = -far * unit if high is None else min(-far * unit, 10 * high)
        if high is None:
            high = max(far * unit, 10 * low)
        return low, high

    @property
    def places(self) -> int:
        """Decimal places that are enough to tell the bounds apart, at least two."""
        places = 2
        for bound in (self.low, self.high):
            while bound is not None and places < _DIGITS and (bound * 10**places).denominator > 1:
                places += 1
        return places


def integers(bounds: Bounds) -> Expression:
    """The integers within bounds, of 15 digits at most where there is no bound."""
    return _signed(*bounds.scaled(0), 0)


def decimals(bounds: Bounds) -> Expression:
    """The numbers within bounds with so many decimal places as these need, at least two."""
    places = bounds.places
    return _signed(*bounds.scaled(places), places)


def any_number() -> Expression:
    """Numbers that are not written as integers: a fraction, an exponent, or both."""
    whole = integers(Bounds(Fraction(0)))
    fraction = Sequence((Literal("."), Repeat(_DIGIT, 1, _DIGITS)))
    sign = Repeat(Characters(((0x2B, 0x2B), (0x2D, 0x2D))), 0, 1)
    letter = Characters(((0x45, 0x45), (0x65, 0x65)))
    # Below 10**308 in modulus, so that no reader makes an infinity of it.
    exponent = Sequence((letter, sign, Repeat(_DIGIT, 1, 2)))
    minus = Repeat(Literal("-"), 0, 1)
    tail = Alternatives((Sequence((fraction, Repeat(exponent, 0, 1))), exponent))
    return Sequence((minus, whole, tail))


def _signed(low: int, high: int, places: int) -> Expression:
    found = []
    if high >= 0:
        found += _lengths(max(low, 0), high, places)
    if low < 0:
        below = _lengths(max(-high, 1), -low, places)
        if below:
            found.append(Sequence((Literal("-"), Alternatives(tuple(below)))))
    return Alternatives(tuple(found))


def _lengths(low: int, high: int, places: int) -> list[Expression]:
    """From ``low`` to ``high``, neither negative, an expression for each number of digits."""
    found = []
    digits = 1
    while low <= high:
        last = min(high, 10 ** (digits + places) - 1)
        if low <= last:
            found.append(_between(_written(low, digits, places), _written(last, digits, places)))
            low = last + 1
        digits += 1
    return found


def _written(number: int, digits: int, places: int) -> str:
    text = f"{number:0{digits + places}d}"
    return f"{text[:digits]}.{text[digits:]}" if places else text


def _between(low: str, high: str) -> Expression:
    """All texts of digits from one to another of the same length, points where they have them."""
    if low == high:
        return Literal(low)
    rest = low[1:]
    if low[0] == high[0]:
        return Sequence((Literal(low[0]), _between(rest, high[1:])))
    lowest = "".join("." if c == "." else "0" for c in rest)
    highest = "".join("." if c == "." else "9" for c in rest)
    first, last = ord(low[0]), ord(high[0])
    found: list[Expression] = []
    if rest != lowest:
        found.append(Sequence((Literal(low[0]), _between(rest, highest))))
        first += 1
    if high[1:] != highest:
        found.append(Sequence((Literal(high[0]), _between(lowest, high[1:]))))
        last -= 1
    if first <= last:
        any_rest = tuple(Literal(".") if c == "." else _DIGIT for c in rest)
        found.append(Sequence((Characters(((first, last),)), *any_rest)))
    return Alternatives(tuple(found))
