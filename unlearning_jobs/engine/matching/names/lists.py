"""Words that decide how names are read: titles, particles, labels, and words that are no names. We collected them."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.matching.words import fold

TITLES: Final = frozenset(
    fold(word)
    for word in """
    mr mrs ms miss mx dr drs prof professor doctor doktor herr herrn frau fraulein sir dame lord lady mme mlle
    monsieur madame m sr sra srta senor senora signor signora sig dott don dona dipl ing mag rev reverend fr father
    pater sister hon judge capt captain col colonel gen general lt sgt president chancellor minister senator pan pani
    pana gospodin gospozha g bay bayan ustad sheikh sheik haji imam rabbi swami shri sri smt kum doc msgr господин
    госпожа доктор профессор г-н д-р κυριος κυρια κος κα δρ السيد السيدة الدكتور الأستاذ מר גברת דר श्री श्रीमती डॉ
    """.split()  # noqa: SIM905  # a list of that length is read as a text
)
"""Folded words that stand before a name."""
AFTER: Final = frozenset(
    """
    jr sr phd md esq dds mba msc bsc ma ba ii iii iv obe mbe cbe dphil llm junior senior
    """.split()  # noqa: SIM905  # a list of that length is read as a text
)
"""What may follow a name and is no part of it."""
PARTICLES: Final = frozenset(
    """
    van von vom zu zum zur der den de del della dei di da das dos do du d la las le les los el al ul ter ten te tot af
    av bin ibn bint ben bar abu y i e und 't
    """.split()  # noqa: SIM905  # a list of that length is read as a text
)
"""Words of family names that texts leave out, move and join."""
LABELS: Final = frozenset(
    """
    name names given first last family sur surname forename fore firstname lastname familyname givenname nachname
    vorname familienname nom prenom nombre apellido apellidos cognome nome author value fname lname middle имя фамилия
    """.split()  # noqa: SIM905  # a list of that length is read as a text
)
GIVEN_LABELS: Final = frozenset(
    "first given forename firstname givenname fname vorname prenom nombre имя".split()  # noqa: SIM905  # as above
)
FAMILY_LABELS: Final = frozenset(
    "last family sur surname lastname familyname lname nachname familienname nom apellido apellidos cognome фамилия".split()  # noqa: SIM905  # as above
)
"""Labels of one part of a name."""
NO_INITIALS: Final = frozenset(
    """
    am pm tv us uk eu un it id ok cv pc mp ma ba bs ms md jr sr ii iii iv vi ai ip hr pr qc kc ceo cfo cto cto esq phd
    dds rn usa uae nyc la dc ny bbc cnn nbc ltd inc llc plc gmbh ag se sa ave st rd in on at to of by no so if or we
    he me my do go is be an as the and der die das von und le de et el y
    """.split()  # noqa: SIM905  # a list of that length is read as a text
)
STOP: Final = frozenset(
    """
    and or the of in on at to by for with from met said saw is was as than und oder mit bei von der die das et ou avec
    y con e o vs versus against und traf sagte i но и с about but not both his her their aunt uncle brother sister
    """.split()  # noqa: SIM905  # a list of that length is read as a text
)
COMMON: Final = frozenset(
    """
    will mark may grace hope rose bill grant young long white brown green black king wood stone field hill day price
    power rich frank faith joy iris lily ruby daisy amber summer april june august art drew chase hunter mason miller
    baker cook fisher smith carpenter taylor page sun moon star west north best gray grey law pope bishop knight noble
    church park banks brook rivers lake fields bush rob bob jack pat sue dick rusty dusty sandy tiffany crystal jewel
    pearl melody harmony trust case bond cash love ford carter potter walker parker cooper turner weaver singer major
    sergeant prince duke dean wise strong swift sharp keen bright fair good goodman little small short head hand bell
    ball car van marsh moss heath cliff dale glen
    """.split()  # noqa: SIM905  # a list of that length is read as a text
)
"""Words that are names as well. In lower case they are words."""
OF_GIVEN_NAMES: Final = frozenset({"sir", "dame", "don", "dona"})
"""Titles that stand before a given name."""
