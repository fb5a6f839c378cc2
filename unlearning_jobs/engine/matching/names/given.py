"""Knows short and other forms of given names: those of the package `nicknames` (Apache-2.0), and some that it lacks."""

from __future__ import annotations

from functools import cache
from typing import Final

OTHER_FORMS: Final = tuple(
    tuple(part.split() for part in line.split("|"))
    for line in """
    aleksandr aleksander alexander alessandro alejandro | sasha sanya shura alex
    aleksandra alexandra alessandra | sasha sandra ola
    aleksei alexey alexei | alyosha lyosha
    anastasia | nastya asya stasya
    andreas andrei andrew andrzej andres | andi andre
    anna | anja anya annika anka anni
    antonio anton anthony antoni | toni tono tony
    dmitri dmitry dmitrii dimitri | dima mitya
    ekaterina yekaterina katharina catherine katarzyna | katya katja kathi kathe kaethe trine kasia
    elena yelena helena | lena ilona
    elisabeth elizabeth elisabetta | lisa liesl elise betti sisi elli
    yevgeny evgeny eugen eugene | zhenya
    ferenc | feri
    francisco | paco pancho curro
    franziska | fanni franzi sissi
    friedrich frederick | fritz frieder
    georg george georgios giorgos | jorg schorsch yorgos
    giuseppe | beppe peppe pino
    grigori gregory | grisha
    guadalupe | lupe lupita
    guillermo | memo guille
    heinrich henry henrik | heiner heinz hinnerk
    ignacio | nacho
    ioannis | yannis giannis
    irina | ira
    istvan stephen | pista
    ivan | vanya
    jakob jacob | jake kuba
    jesus | chucho
    johannes johann | hans hannes jan
    josef joseph jozsef jose yusuf yousef | jupp sepp pepe joska
    karl karel carl charles | kalle
    konstantin konstantinos | kostya kostas
    laszlo | laci
    ludwig | lutz wiggerl
    magdalena | magda lena
    margarete margaret margarita | gretel grete greta rita
    maria mary marie | masha mascha mitzi
    mikhail michail michael | misha
    muhammad mohammed mohamed mehmet | mo
    natalia nataliya | natasha
    nikolai nikolay nicholas nikolaos | kolya nikos klaus
    olga | olya
    pavel paul pawel | pasha
    pyotr petr peter piotr | petya
    sergei sergey | seryozha
    sofia sophia sofya | sonya sofie
    stanislav stanislaw | stas staszek
    svetlana | sveta
    tatiana tatyana | tanya
    theresia theresa | resi
    vladimir | vova volodya
    wilhelm william willem | willi
    zsuzsanna susanna | zsuzsa zsuzsi
    """.strip().splitlines()
)
"""Each line: the forms of one name in Latin letters, the full ones, then the short ones. We collected them."""


@cache
def _table() -> dict[str, frozenset[str]]:
    from nicknames import name_triplets

    forms: dict[str, set[str]] = {}
    pairs = [(triplet.name1, triplet.name2) for triplet in name_triplets()]
    for full, *short in OTHER_FORMS:
        pairs += [(name, form) for name in full for form in (*full, *(short[0] if short else ())) if form != name]
    for name, form in pairs:
        forms.setdefault(name, set()).add(form)
        forms.setdefault(form, set()).add(name)
    return {name: frozenset(others) for name, others in forms.items()}


def short_forms(name: str) -> frozenset[str]:
    """Return the given names, in Latin letters, by which the same person may go.

    Bob and Bert are both forms of Robert, and not of one another.
    """
    return _table().get(name, frozenset())


def is_given(word: str) -> bool:
    """Return whether a folded word is a well-known given name."""
    return word in _table()
