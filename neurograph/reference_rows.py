"""What do the words of a row say? Read in plain Python, as docs/data-model.md describes them.

Slow and obvious: what the compiled readers are compared with, and a starting point for readers in other languages.
"""

from collections.abc import Callable, Iterator

Synapse = tuple[int, int, int, int]


def read_row(words: list[int], block_neurons: int) -> Iterator[Synapse]:
    """Yield (target's storage id, delay, receptor, code) of one raw row."""
    sections = words[0]
    at = 1 + 3 * sections
    for block, low, high in zip(*(words[1 + k : 1 + 3 * sections : 3] for k in range(3)), strict=True):
        end = at + low + (high << 16)
        while at < end:
            delay, receptor, count, kind = words[at] >> 3, words[at] & 7, words[at + 1] >> 2, words[at + 1] & 3
            body = words[at + 2 :]
            if kind == 0:
                targets, codes, used = body[1 : 1 + count], body[:1] * count, 1 + count
            elif kind == 1:
                halves = [half for word in body[count : count + (count + 1) // 2] for half in (word & 255, word >> 8)]
                targets, used = body[:count], count + (count + 1) // 2
                codes = [half - 256 if half > 127 else half for half in halves[:count]]
            else:
                targets, codes, used = body[: 2 * count : 2], body[1 : 2 * count : 2], 2 * count
            for target, code in zip(targets, codes, strict=True):
                yield block * block_neurons + target, delay, receptor, code - 65536 if code > 32767 else code
            at += 2 + used


class _Bits:
    """Numbers taken from a string of bits, lowest bit first."""

    def __init__(self, words: list[int]) -> None:
        self._bits = sum(word << (16 * k) for k, word in enumerate(words))

    def plain(self, width: int) -> int:
        value = self._bits & ((1 << width) - 1)
        self._bits >>= width
        return value

    def zeros(self) -> int:
        count = (self._bits & -self._bits).bit_length() - 1
        self._bits >>= count + 1
        return count

    def gamma(self) -> int:
        low = self.zeros()
        return (1 << low) + self.plain(low)

    def rice(self, parameter: int) -> int:
        high = self.zeros()
        return (high << parameter) + self.plain(parameter)


def read_compressed_row(words: list[int], block_neurons: int) -> Iterator[Synapse]:
    """Yield (target's storage id, delay, receptor, code) of one compressed row."""
    bits = _Bits(words)
    if bits.gamma() == 1:
        return
    sections = bits.gamma()
    base, width = bits.plain(16) - 32768, bits.plain(5)
    receptor = None if bits.plain(1) else bits.plain(3)
    count_parameter, block = bits.plain(4), -1
    for _ in range(sections):
        block += bits.gamma()
        groups = bits.gamma()
        low, size = (bits.plain(16), bits.plain(16) + 1) if bits.plain(1) else (0, block_neurons)
        finer, delay, count = bits.gamma() - 1, 0, 0
        for group in range(groups):
            if group == 0:
                delay = 32 * (bits.gamma() - 1) + bits.plain(5)
            else:
                delay += bits.gamma() - (receptor is None or count == 16383)
            receptor_here = bits.plain(3) if receptor is None else receptor
            count = bits.rice(count_parameter) + 1
            several = width > 0 and count > 1 and bits.plain(1)
            if several and not (base >= -128 and base + 2**width - 1 <= 127):
                bits.plain(1)
            targets, target = [], low
            for _ in range(count):
                parameter = max(0, max(0, (size * 63 // 64 // (count + 1)).bit_length() - 1) - finer)
                target += bits.plain((size - 1).bit_length()) if count == 1 else bits.rice(parameter)
                targets.append(target)
            codes = [base + bits.plain(width) for _ in range(count if several else 1)]
            for k, target in enumerate(targets):
                yield block * block_neurons + target, delay, receptor_here, codes[k if several else 0]


READERS: dict[str, Callable[[list[int], int], Iterator[Synapse]]] = {
    "raw": read_row,
    "compressed": read_compressed_row,
}
