"""References that people can read out: `LE-7KQ4-M2XD`, no look-alikes, the last symbol a check symbol."""

from __future__ import annotations

import secrets

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
PREFIX = "LE"


def reference_make() -> str:
    """A random reference: seven symbols (35 bits) and a check symbol."""
    symbols = "".join(secrets.choice(ALPHABET) for _ in range(7))
    symbols += check_symbol(symbols)
    return f"{PREFIX}-{symbols[:4]}-{symbols[4:]}"


def reference_normalise(text: str) -> str | None:
    """The reference that somebody typed, however they spaced it; None when it cannot be one."""
    symbols = "".join(text.upper().split()).replace("-", "").removeprefix(PREFIX)
    if len(symbols) != 8 or set(symbols) - set(ALPHABET) or check_symbol(symbols[:7]) != symbols[7]:  # noqa: PLR2004
        return None
    return f"{PREFIX}-{symbols[:4]}-{symbols[4:]}"


def check_symbol(symbols: str) -> str:
    """Luhn mod N over the alphabet: any one wrong symbol is noticed, and most swapped neighbours."""
    total, factor = 0, 2
    for symbol in reversed(symbols):
        product = factor * ALPHABET.index(symbol)
        total += product // len(ALPHABET) + product % len(ALPHABET)
        factor = 3 - factor
    return ALPHABET[-total % len(ALPHABET)]
