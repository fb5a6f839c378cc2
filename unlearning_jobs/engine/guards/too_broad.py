"""Refuses filters that would match the empty text, or nearly everything."""

from __future__ import annotations

from typing import Final

from .finders import FINDERS
from .patterns import MATCHES, FilterSettings
from .scanner import Scanner

ORDINARY: Final = (
    "What is the capital of Australia?",
    "Please summarise the following report in three sentences.",
    "How do I sort a list in Python without changing it?",
    "The meeting was moved to Thursday at ten o'clock.",
    "Write a short poem about rain in the mountains.",
    "Which books did she publish in the nineties?",
    "My order has not arrived yet; whom should I ask?",
    "Water boils at a lower temperature at high altitude.",
    "Translate this sentence into French, please.",
    "Who was the first person to walk on the moon?",
    "I cannot answer that question.",
    "Add two eggs, stir, and bake for forty minutes.",
    "Wie wird das Wetter morgen in Hamburg?",
    "Der Vertrag endet am letzten Tag des Jahres.",
    "Quelle est la recette de la tarte aux pommes ?",
    "¿Dónde está la estación de tren más cercana?",
    "Qual è il monte più alto d'Europa?",
    "Как пройти в библиотеку?",
    "今天的天气怎么样？",
    "def area(width, height): return width * height",
)
"""Ordinary sentences about many things; a filter that finds several of them is about nothing in particular."""
MOST: Final = 2


def filter_problem(settings: FilterSettings) -> str:
    """Return why a filter with these settings would find nothing or nearly everything; empty if neither."""
    if not settings.patterns:
        return "it has no patterns."
    for pattern in settings.patterns:
        if pattern.match not in MATCHES:
            return f"there is no such way to match; there are {', '.join(MATCHES)}."
        if problem := FINDERS[pattern.match].problem(pattern.of):
            return problem
    # Likeness needs its encoder; how many ordinary texts it finds is measured when the guard is evaluated.
    local = FilterSettings(tuple(pattern for pattern in settings.patterns if pattern.match != "similar"))
    scanner = Scanner({0: local})
    if scanner.first((" ", settings.refusal), {0}) is not None:
        return "it finds a text without a word, or its own refusal."
    found = sum(scanner.first((text,), {0}) is not None for text in ORDINARY)
    return "" if found <= MOST else f"it finds {found} of {len(ORDINARY)} ordinary sentences, which is nearly everything."
