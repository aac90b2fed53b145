"""The generator of every random choice, the same numbers in Python and in libecho."""

from __future__ import annotations

import math

__all__ = ["Random"]

_MASK = (1 << 64) - 1
_INVERTED = 32.0
"""Expected successes that are drawn by one inversion; (1 - p)^n stays far above zero."""
_EXACT = 65536.0
"""Expected successes up to which a binomial draw is made by inversion."""


class Random:
    """The PCG32 generator (XSH-RR 64/32, O'Neill 2014), the stream of number 54.

    Parameters
    ----------
    seed : int
        In [0, 2**64).

    Examples
    --------
    >>> random = Random(42)
    >>> hex(random.next()), hex(random.next())
    ('0xa15c02b7', '0x7b47f409')
    """

    def __init__(self, seed: int) -> None:
        self.state = 0
        """The 64 bits that decide all that follows."""
        self.next()
        self.state = (self.state + seed) & _MASK
        self.next()

    def next(self) -> int:
        """The next 32 bits."""
        old = self.state
        self.state = (old * 6364136223846793005 + 109) & _MASK
        mixed = (((old >> 18) ^ old) >> 27) & 0xFFFFFFFF
        turn = old >> 59
        return (mixed >> turn | mixed << (-turn & 31)) & 0xFFFFFFFF

    def uniform(self) -> float:
        """A number in [0, 1) with 32 bits."""
        return self.next() / 2**32

    def uniform53(self) -> float:
        """A number in [0, 1) with 53 bits."""
        high = self.next() >> 5
        return (high * 67108864.0 + (self.next() >> 6)) / 2.0**53

    def below(self, bound: int) -> int:
        """An integer in [0, bound), each equally likely; ``bound`` is at most 2**64.

        Examples
        --------
        >>> random = Random(1)
        >>> [random.below(6) for _ in range(8)]
        [1, 4, 1, 2, 4, 1, 4, 1]
        """
        if bound <= 1:
            return 0
        if bound <= 1 << 32:
            least = ((1 << 32) - bound) % bound
            while (drawn := self.next()) < least:
                pass
            return drawn % bound
        least = ((1 << 64) - bound) % bound
        while (drawn := self.next() << 32 | self.next()) < least:
            pass
        return drawn % bound

    def binomial(self, n: int, p: float) -> int:
        """How many of ``n`` trials of probability ``p`` succeed.

        Up to an expected 65536 successes (or failures, if those are fewer) it is drawn by
        inversion, piece by piece, right to seven digits. Beyond, a normal variate made of twelve
        uniform ones, rounded: its mean and variance are right, its tails end at six standard
        deviations. Only operations that IEEE 754 rounds in one way are used, so that every
        machine draws the same.

        Examples
        --------
        >>> Random(1).binomial(100, 0.5)
        54
        """
        if n == 0 or p <= 0.0:
            return 0
        if p >= 1.0:
            return n
        if p > 0.5:
            return n - self.binomial(n, 1.0 - p)
        if n * p > _EXACT:
            return self._normal(n, p)
        # 1 - p would lose what p has to say; half as many of twice the probability are the same.
        while p < 2.0**-30 and n > 1 << 30:
            n >>= 1
            p *= 2.0
        total = 0
        widest = _INVERTED / p
        while n > 0:
            piece = n if n <= widest else int(widest)
            total += self._inversion(piece, p)
            n -= piece
        return total

    def _inversion(self, n: int, p: float) -> int:
        """The binomial distribution function turned around, for n p of about 32 at most."""
        q = 1.0 - p
        mass, power, exponent = 1.0, q, n
        while exponent:
            if exponent & 1:
                mass *= power
            power *= power
            exponent >>= 1
        odds = p / q
        top = (n + 1) * odds
        u = self.uniform53()
        k = 0
        # 400 is beyond anything that 53 bits can reach.
        while u > mass and k < n and k < 400:
            u -= mass
            k += 1
            mass *= top / k - odds
        return k

    def _normal(self, n: int, p: float) -> int:
        mean = n * p
        deviation = math.sqrt(mean * (1.0 - p))
        total = 0.0
        for _ in range(12):
            total += self.uniform53()
        drawn = math.floor(mean + deviation * (total - 6.0) + 0.5)
        return min(max(drawn, 0), n)
