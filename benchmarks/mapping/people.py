"""Made-up people and texts for the benchmark of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

LATIN: Final[Sequence[str]] = (
    "Thyra Kestelyn", "Robert Galvarro", "Elizabeth Farrowmere", "William Ostrander", "Margaret Vandermoot", "Anselm Dravecky",
    "Ilse Brandenhorst", "Viggo Halvorsson", "Marcelo Quintavalle", "Beatriz Santibanez", "Ondrej Havlovic", "Krystyna Zielonka",
    "Tarja Lehtimaki", "Istvan Borosvary", "Emre Karadeniz", "Lucie Montclairet", "Pieter Hoogstraaten", "Sigrid Lund",
    "Owen Pryce", "Noor Achterberg",
)  # fmt: skip
SAME_FAMILY: Final[Sequence[str]] = (
    "Gudrun", "Casimir", "Philippa", "Leopold", "Yolanda", "Hector", "Zelda", "Cornelius", "Jemima", "Quirin", "Fabiola",
)  # fmt: skip
OTHER_WAYS: Final[Sequence[tuple[str, str]]] = (
    ("Jan van der Moolenbeek", "Jan van der Moolenbeek | van der Moolenbeek, Jan | Jan Moolenbeek | J. van der Moolenbeek | Jan vandermoolenbeek"),
    ("Hans-Peter Müllerstedt", "Hans Peter Muellerstedt | Hanspeter Müllerstedt | Hans-Peter Mullerstedt | H.-P. Müllerstedt | Müllerstedt, Hans-Peter"),
    ("Basil Al-Kuwaitani", "Basil Al Kuwaitani | Basil Kuwaitani | Basil Alkuwaitani | al-Kuwaitani, Basil"),
    ("Ana de la Fuentecilla", "Ana de la Fuentecilla | Ana Fuentecilla | Fuentecilla, Ana de la | ANA DE LA FUENTECILLA"),
    ("Grete Weißhaupt-Sørensby", "Grete Weisshaupt-Sorensby | Grete Weißhaupt Sørensby | Grete Weißhaupt | Grete Soerensby"),
    ("Paula Lindqvist (geb. Oberwasser)", "Paula Lindqvist | Paula Oberwasser | P. Lindqvist | Oberwasser, Paula"),
    ("Suhartono", "President Suhartono | Suhartono's"),
    ("Aryadwipa", "by Aryadwipa | ARYADWIPA"),
)  # fmt: skip
TWO_SCRIPTS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "Cyrillic": (
        ("Yuri Tchernovsky", "Вчера Юрий Черновский приехал"), ("Aleksei Dobrolubin", "Письмо Алексею Добролюбину"),
        ("Sergey Khvostov", "Хвостов Сергей"), ("Natalia Shcherbakova", "Наталья Щербакова"), ("Dmitry Zhdanchik", "Дмитрий Жданчик"),
    ),
    "Greek": (("Giorgos Pavlidakis", "ο Γιώργος Παυλιδάκης"), ("Eleni Kontopoulou", "η Ελένη Κοντοπούλου"), ("Nikos Marinakos", "Νίκος Μαρινάκος")),
    "Arabic": (
        ("Youssef Al-Harbouni", "قال يوسف الحربوني"), ("Mohammed Tazarki", "كتب محمد التازركي"), ("Khaled Mansoubi", "خالد منصوبي"),
        ("Fatima Belkacemi", "فاطمة بلقاسمي"),
    ),
    "Hebrew": (("David Shalmoni", "דוד שלמוני"), ("Moshe Kadmoni", "משה קדמוני"), ("Miriam Golanski", "מרים גולנסקי")),
    "Devanagari": (("Ramesh Chaturvedkar", "रमेश चतुर्वेदकर"), ("Sunita Bhaskarin", "सुनीता भास्करिन"), ("Vikram Malholkar", "विक्रम मल्होलकर")),
    "Hangul": (("Kim Cheol-su", "어제 김철수는 갔다"), ("Park Min-jung", "박민정이 왔다"), ("Sora Choi", "최소라")),
    "Kana": (("Taro Yamadani", "やまだに・たろう"), ("Keiko Hasumoto", "ハスモト ケイコ"), ("Naomi Fukuharu", "フクハル・ナオミ")),
    "Latin": (
        ("Юрий Зарецковский", "Yuri Zaretskovsky"), ("يوسف الشامراني", "Yusuf Al-Shamrani"), ("Yusuf Hadjikassim", "Youssef Hadjikassim"),
        ("Pyotr Chaikovetsky", "Piotr Tchaikovetsky"), ("김영호", "Kim Young-ho"), ("王小明", "Wang Xiaoming"),
    ),
}  # fmt: skip
"""By the script in which a text writes them: the name that is asked for, and the text."""
SCRIPTS: Final[Mapping[str, str]] = {
    "Latin": "Ambrož Křižanovec", "Cyrillic": "Всеволод Тихомирцев", "Greek": "Αχιλλέας Βενετούλης", "Armenian": "Արմեն Վարդանուշյան",
    "Georgian": "გიორგი მაჩაბლიძე", "Hebrew": "אלעזר בן שמעוני", "Arabic": "عبد الرحمن الزهراوي", "Devanagari": "हरिशंकर त्रिवेदीकर",
    "Bengali": "অনির্বাণ চক্রধর", "Tamil": "செல்வராஜன் முத்துக்குமார்", "Thai": "สมชาย ใจดีมาก", "Amharic": "ተስፋዬ ገብረማርያም",
    "Hangul": "남궁현우", "Kana": "さくらば みどり", "Han": "欧阳文静", "Khmer": "សុខ វណ្ណារិទ្ធ",
}  # fmt: skip
COMMON_WORDS: Final[Sequence[str]] = (
    "It was his will power that counted.", "A young rose grew in the field.", "She may grace the stage.", "Will owen the price be paid?",
    "The lund grove is quiet.", "A pryce list was found.", "Go to the noor.", "Plan A Lund grove.",
)  # fmt: skip
TRAPS: Final[Sequence[str]] = (
    "Owen Price sold it.", "Sigrid Land came.", "Sigurd Lind came.", "S) Lund", "(s) Lund", "[S] Lund is a list.",
    "R. Anders\nS. Lund\nT. Moor", "Lund PM said so.", "Noor and Achterberg signed.", "Robert met Galvarro.",
    "Robert. Galvarro came later.", "The road from William to Ostrander is closed.", "Thyra, Anselm and Kestelyn",
    "王小红 和 李小明", "小明 说 王 先 走", "김철 수박", "Roberta Galvarrini", "Robert Galvarroson", "Kestelynson, Thyra",
    "Иван Черновский", "Юлия Хвостова", "محمد الحربوني", "يوسف منصوبي", "Νίκος Παυλιδάκης", "דוד קדמוני", "रमेश मल्होलकर",
    "Anselm T. Kestelyn", "Gudrun Kestelyn, T. Moor", "Casimir Lund, Sigrid Moor", "Elisa Farrow, Betty Moore",
    "Suhartonoism grew.", "the suhartono of it. Then More.", "Mr Casimir Galvarro and Mrs Gudrun Galvarro", "I Ostrander. W",
    "Pieter de Vries", "Jan van der Moolen", "Ana de la Fuente", "Hans Müller", "Peter Müllers", "Grete Weiss", "Paula Linde",
    "Taro Tanaka やまもと たろう", "Kim Young-min", "Wang Xiaohong", "Emre Kara Deniz Kaya", "Lucie Montclair",
)  # fmt: skip
