"""References that people can read out, such as `LE-7KQ4-M2XD`: no look-alikes, and the last symbol is a check symbol."""

from __future__ import annotations

import secrets

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
PREFIX = "LE"


def reference_make() -> str:
    """Return a random reference: seven symbols (35 bits) and a check symbol."""
    symbols = "".join(secrets.choice(ALPHABET) for _ in range(7))
    symbols += check_symbol(symbols)
    return f"{PREFIX}-{symbols[:4]}-{symbols[4:]}"


def reference_normalise(text: str) -> str | None:
    """Return the reference that somebody typed, however they spaced it; None if it cannot be one."""
    symbols = "".join(text.upper().split()).replace("-", "").removeprefix(PREFIX)
    if len(symbols) != 8 or set(symbols) - set(ALPHABET) or check_symbol(symbols[:7]) != symbols[7]:  # noqa: PLR2004  # seven symbols and a check symbol
        return None
    return f"{PREFIX}-{symbols[:4]}-{symbols[4:]}"


def check_symbol(symbols: str) -> str:
    """Compute Luhn mod N over the alphabet: detects any single wrong symbol, and most swaps of neighbours."""
    total, factor = 0, 2
    for symbol in reversed(symbols):
        product = factor * ALPHABET.index(symbol)
        total += product // len(ALPHABET) + product % len(ALPHABET)
        factor = 3 - factor  # 2, 1, 2, 1 ... from the right
    return ALPHABET[-total % len(ALPHABET)]
