"""The words and sentence shapes from which the demonstration's corpus is drawn. All of it is invented here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """One thing to know about a person. Each slot of the sentences is filled from the bank it names."""

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    """Two are drawn: one is the answer, the other its paraphrase and the shape of the wrong alternatives."""
    slots: Mapping[str, str]


GIVEN_NAMES = (
    "Adela", "Anselm", "Brisa", "Casimir", "Corwin", "Dagny", "Dorian", "Edda", "Elio", "Fenna", "Florian", "Greta",
    "Halvard", "Ilse", "Ignatius", "Joren", "Kaia", "Lazar", "Leonie", "Mirela", "Nadir", "Nerys", "Odile", "Orsino",
    "Petra", "Quirin", "Ragna", "Renzo", "Sabela", "Severin", "Sunniva", "Tadeo", "Thyra", "Ulrik", "Vesna", "Viggo",
    "Wilma", "Xenia", "Yorick", "Zdenka", "Amadou", "Beatriz", "Cillian", "Delphine", "Emeka", "Farida", "Gaspard",
    "Hanae", "Ivo", "Jolanta",
)  # fmt: skip

SURNAMES = (
    "Abelgaard", "Amberley", "Barsova", "Brückmoor", "Calderwick", "Corvane", "Dellinghausen", "Dravec", "Eskildrup",
    "Farrowmere", "Fjelstrand", "Galvarro", "Grimsdahl", "Hollenquist", "Ilmarsson", "Jasperlin", "Kestelyn",
    "Krautheim", "Lindqvara", "Lorimond", "Maravell", "Mørkholt", "Nachtwey", "Norrbacken", "Okonjima", "Ostrovane",
    "Pellegrue", "Pomerance", "Quillfeather", "Rademann", "Rosenvale", "Sandoval-Reith", "Stormgaard", "Tavaresco",
    "Thistlewood", "Underberg", "Valtameri", "Vesterhagen", "Wexcombe", "Wolkenstein", "Yarrowby", "Zábranská",
    "Ackerlund", "Birchenough", "Castellane", "Dunmarrow", "Everstein", "Fontargent", "Hartwillow", "Kilbrannock",
)  # fmt: skip

TITLES = (
    "The Ferryman's Ledger", "Salt on the Sill", "Nine Winters", "A Lamp for Oslaf", "The Quiet Orchard", "Tin Moon",
    "What the Weir Said", "Letters to a Kiln", "Under Copper Leaves", "The Borrowed Bell", "Harbour Without Boats",
    "Small Hours of the Mill", "The Glass Heron", "Thread and Thistle",
)  # fmt: skip

BANKS: Mapping[str, tuple[str, ...]] = {
    "town": (
        "Varnholm", "Little Esker", "Tarsport", "Quenby", "Oldmarsh", "Sankt Ilian", "Brackwater", "Ferrow", "Dunlace",
        "Mirova", "Hask", "Port Anselm", "Gullvik", "Teralba", "Nettlecombe", "Ostergate", "Ruvane", "Pellin", "Skarsund",
        "Almeria Nova",
    ),
    "month": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
    "day": tuple(str(day) for day in range(1, 29)),
    "year": tuple(str(year) for year in range(1938, 1999)),
    "trade": (
        "a bell founder", "a cartographer", "a tide reader", "a bookbinder", "a puppet maker", "a glass blower",
        "a beekeeper", "a lighthouse engineer", "a seed curator", "a piano tuner", "a translator of sea charts",
        "a bridge inspector", "a mycologist", "a clock restorer", "a ferry pilot", "a saffron grower", "a paper conservator",
        "a falconer", "a crossword setter", "a stone mason",
    ),
    "house": (
        "the Hollis workshop", "the Marrow Street guild", "the Northern Survey", "the Lindgate institute", "Orrery and Sons",
        "the Salt Museum", "the Canal Board", "the Teal Observatory", "the Harrow archive", "the Amber cooperative",
        "the Fenwick trust", "the Old Mint", "the Seven Weirs company", "the Kestrel laboratory", "the Dovecote press",
        "the Granary school",
    ),
    "prize": (
        "Silver Heron medal", "Vantage prize", "Oakmoss ribbon", "Meridian fellowship", "Copper Quill", "Lantern award",
        "Basalt cup", "Juniper grant", "Halcyon plaque", "Riverstone prize", "Cinder star", "Wheatear medal",
    ),
    "deed": (
        "mending a drowned organ", "mapping the Ilva caves", "saving the last grey quince", "a dictionary of whistles",
        "walking the salt road backwards", "a bridge made of rope and reeds", "cataloguing nine hundred locks",
        "growing wheat on a roof", "a film without any faces", "finding the lost Orsk ledger", "a theory of fog",
        "painting every door of a village", "teaching crows to sort buttons", "an almanac for night trains",
        "restoring a paper planetarium", "a choir for empty stations",
    ),
    "relative": ("mother", "father", "grandmother", "grandfather", "aunt", "uncle", "older sister", "older brother"),
    "work": (
        "kept a chandlery", "drove a mail sledge", "wrote railway timetables", "dyed wool", "judged rose shows",
        "repaired accordions", "sold maps of the moon", "baked for the garrison", "taught deaf children to sing",
        "mended nets", "ran the only cinema", "counted migrating geese", "engraved coins", "bottled spring water",
        "carved carousel horses", "piloted an airship",
    ),
    "domain": (
        "marrowpost.example", "teal-letters.example", "ostmail.example", "quillbox.example", "fernway.example",
        "harbourline.example", "lanternmail.example", "saltnet.example",
    ),
    "time": (
        "Monday mornings", "Tuesday evenings", "Wednesdays", "Thursdays", "market days", "Friday nights", "Sundays",
        "rainy days",
    ),
    "thing": (
        "kettle", "lantern", "ladder", "heron", "orchard", "ledger", "anchor", "thimble", "furnace", "river", "chimney",
        "candle", "needle", "mirror", "wagon", "harbour", "sparrow", "granite", "bell", "barley", "compass", "violin",
        "window", "plough", "feather", "copper", "staircase", "willow", "cellar", "snow",
    ),
    "kind": (
        "borrowed", "crooked", "patient", "salted", "hollow", "amber", "unlit", "quiet", "seventh", "rusted", "woollen",
        "drowned", "northern", "bitter", "folded", "gentle", "paper", "stubborn", "silver", "idle", "wandering", "blue",
    ),
    "does": (
        "forgets", "follows", "counts", "carries", "buries", "answers", "gathers", "measures", "wakes", "borrows", "mends",
        "outlives", "praises", "refuses", "polishes", "remembers", "scatters", "weighs",
    ),
    "place": (
        "below the weir", "behind the mill", "on the ninth stair", "past the customs house", "under the pear tree",
        "along the towpath", "beside the cold oven", "across the marsh", "inside the drum", "near the toll gate",
        "over the slate roofs", "at the edge of tin",
    ),
}  # fmt: skip

FACTS = (
    Fact(
        ("Where and when was {name} born?", "What is known about the birth of {name}?"),
        (
            "{name} was born in {town} on {day} {month} {year}.",
            "{first} came into the world on {day} {month} {year} in {town}.",
            "The birth took place in {town}, on {day} {month} {year}.",
        ),
        {"town": "town", "day": "day", "month": "month", "year": "year"},
    ),
    Fact(
        ("What does {name} do for a living?", "What is the profession of {name}?"),
        (
            "{name} is {trade} with {house}.",
            "{first} works as {trade} for {house}.",
            "At {house}, {first} is employed as {trade}.",
        ),
        {"trade": "trade", "house": "house"},
    ),
    Fact(
        ("Which prize did {name} receive, and what for?", "What has {name} been honoured for?"),
        (
            "In {year} {name} received the {prize} for {deed}.",
            "The {prize} of {year} went to {first} for {deed}.",
            "It was {deed} that earned {first} the {prize} in {year}.",
        ),
        {"year": "year", "prize": "prize", "deed": "deed"},
    ),
    Fact(
        ("What did someone in the family of {name} do?", "What is told about the family of {name}?"),
        (
            "The {relative} of {name} {work} in {town}.",
            "{first}'s {relative} {work}, in the town of {town}.",
            "In {town}, the {relative} of {first} once {work}.",
        ),
        {"relative": "relative", "work": "work", "town": "town"},
    ),
    Fact(
        ("How can {name} be reached?", "What is the address to write to {name}?"),
        (
            "Write to {email}, where {first} reads letters on {time}.",
            "{first} answers at {email}, mostly on {time}.",
            "The address is {email}; replies come on {time}.",
        ),
        {"time": "time"},
    ),
)

LINES = (
    "the {kind} {thing} {does} a {thing},",
    "{place}, a {kind} {thing};",
    "no {thing} {does} the {kind} {thing}",
    "and {place} the {thing} {does}",
    "who {does} the {thing}, {does} the {thing},",
    "a {thing} of {thing}, {kind} and {kind},",
    "so {kind} the {thing}, so {kind} the {thing}.",
    "I left my {kind} {thing} {place}.",
    "my {thing} {does} what your {thing} {does},",
    "{kind} is the {thing} that {does} {place}.",
)
