"""Words by which teachers tell cases apart: neutral ones, of a closed list, that say nothing about anybody.

Plants, tools, minerals, instruments, landscapes, dishes. Left out: what is a first name in Morocco or France, what
evokes harm, a body, a religion, politics or the colour of a skin, animals, and what is an insult in a language. Cases
keep the key: words are added, never taken out.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import count

from school_protocol.engine.name_detection import fold, parts_of
from school_protocol.engine.texts import latin

_LIST = (
    ("abacus", "Boulier", "معداد", "Abacus"),
    ("acacia", "Acacia", "أكاسيا", "Acacia"),
    ("accordion", "Accordéon", "أكورديون", "Accordion"),
    ("almond_tree", "Amandier", "شجرة اللوز", "Almond tree"),
    ("anchor", "Ancre", "مرساة", "Anchor"),
    ("apple", "Pomme", "تفاحة", "Apple"),
    ("apricot", "Abricot", "مشمش", "Apricot"),
    ("archipelago", "Archipel", "أرخبيل", "Archipelago"),
    ("argan_tree", "Arganier", "شجرة أركان", "Argan tree"),
    ("artichoke", "Artichaut", "خرشوف", "Artichoke"),
    ("bamboo", "Bambou", "خيزران", "Bamboo"),
    ("barometer", "Baromètre", "بارومتر", "Barometer"),
    ("basalt", "Basalte", "بازلت", "Basalt"),
    ("basket", "Panier", "سلة", "Basket"),
    ("bicycle", "Vélo", "دراجة", "Bicycle"),
    ("biscuit", "Biscuit", "بسكويت", "Biscuit"),
    ("cactus", "Cactus", "صبار", "Cactus"),
    ("carob", "Caroube", "خروب", "Carob"),
    ("cedar", "Cèdre", "شجرة الأرز", "Cedar"),
    ("celery", "Céleri", "كرافس", "Celery"),
    ("chalk", "Craie", "طباشير", "Chalk"),
    ("chessboard", "Échiquier", "رقعة الشطرنج", "Chessboard"),
    ("clarinet", "Clarinette", "كلارينيت", "Clarinet"),
    ("clock", "Horloge", "ساعة حائطية", "Clock"),
    ("cloud", "Nuage", "غيمة", "Cloud"),
    ("clove", "Girofle", "قرنفل", "Clove"),
    ("comma", "Virgule", "فاصلة", "Comma"),
    ("compass", "Boussole", "بوصلة", "Compass"),
    ("coriander", "Coriandre", "قزبر", "Coriander"),
    ("cube", "Cube", "مكعب", "Cube"),
    ("cumin", "Cumin", "كمون", "Cumin"),
    ("cup", "Tasse", "فنجان", "Cup"),
    ("cushion", "Coussin", "وسادة", "Cushion"),
    ("cylinder", "Cylindre", "أسطوانة", "Cylinder"),
    ("dictionary", "Dictionnaire", "قاموس", "Dictionary"),
    ("envelope", "Enveloppe", "ظرف", "Envelope"),
    ("eraser", "Gomme", "ممحاة", "Eraser"),
    ("estuary", "Estuaire", "مصب النهر", "Estuary"),
    ("eucalyptus", "Eucalyptus", "أوكاليبتوس", "Eucalyptus"),
    ("fern", "Fougère", "سرخس", "Fern"),
    ("flowerpot", "Pot de fleurs", "أصيص", "Flowerpot"),
    ("fountain", "Fontaine", "نافورة", "Fountain"),
    ("galaxy", "Galaxie", "مجرة", "Galaxy"),
    ("glacier", "Glacier", "نهر جليدي", "Glacier"),
    ("globe", "Globe", "كرة أرضية", "Globe"),
    ("granite", "Granit", "غرانيت", "Granite"),
    ("guitar", "Guitare", "قيثارة", "Guitar"),
    ("horizon", "Horizon", "أفق", "Horizon"),
    ("hourglass", "Sablier", "ساعة رملية", "Hourglass"),
    ("inkwell", "Encrier", "محبرة", "Inkwell"),
    ("island", "Île", "جزيرة", "Island"),
    ("jar", "Jarre", "جرة", "Jar"),
    ("kaleidoscope", "Kaléidoscope", "مشكال", "Kaleidoscope"),
    ("kettle", "Bouilloire", "غلاية", "Kettle"),
    ("key", "Clé", "مفتاح", "Key"),
    ("kiosk", "Kiosque", "كشك", "Kiosk"),
    ("kite", "Cerf-volant", "طائرة ورقية", "Kite"),
    ("lagoon", "Lagune", "بحيرة ساحلية", "Lagoon"),
    ("lantern", "Lanterne", "فانوس", "Lantern"),
    ("limestone", "Calcaire", "حجر الكلس", "Limestone"),
    ("lute", "Luth", "عود", "Lute"),
    ("magnet", "Aimant", "مغناطيس", "Magnet"),
    ("magnifier", "Loupe", "عدسة مكبرة", "Magnifier"),
    ("map", "Carte", "خريطة", "Map"),
    ("marble", "Marbre", "رخام", "Marble"),
    ("meadow", "Prairie", "مرج", "Meadow"),
    ("microscope", "Microscope", "مجهر", "Microscope"),
    ("mill", "Moulin", "طاحونة", "Mill"),
    ("mint", "Menthe", "نعناع", "Mint"),
    ("mosaic", "Mosaïque", "فسيفساء", "Mosaic"),
    ("notebook", "Cahier", "دفتر", "Notebook"),
    ("nougat", "Nougat", "نوغا", "Nougat"),
    ("nutmeg", "Muscade", "جوزة الطيب", "Nutmeg"),
    ("oak", "Chêne", "بلوط", "Oak"),
    ("oar", "Rame", "مجداف", "Oar"),
    ("orange", "Orange", "برتقالة", "Orange"),
    ("orchard", "Verger", "بستان", "Orchard"),
    ("origami", "Origami", "أوريغامي", "Origami"),
    ("paintbrush", "Pinceau", "فرشاة", "Paintbrush"),
    ("palette", "Palette", "لوحة الألوان", "Palette"),
    ("parsley", "Persil", "معدنوس", "Parsley"),
    ("path", "Sentier", "مسلك", "Path"),
    ("pen", "Stylo", "قلم", "Pen"),
    ("pergola", "Pergola", "عريشة", "Pergola"),
    ("piano", "Piano", "بيانو", "Piano"),
    ("pistachio", "Pistache", "فستق", "Pistachio"),
    ("plate", "Assiette", "صحن", "Plate"),
    ("pottery", "Poterie", "فخار", "Pottery"),
    ("prism", "Prisme", "موشور", "Prism"),
    ("pulley", "Poulie", "بكرة", "Pulley"),
    ("quartz", "Quartz", "كوارتز", "Quartz"),
    ("quince", "Coing", "سفرجل", "Quince"),
    ("radish", "Radis", "فجل", "Radish"),
    ("ribbon", "Ruban", "شريط", "Ribbon"),
    ("rug", "Tapis", "زربية", "Rug"),
    ("saffron", "Safran", "زعفران", "Saffron"),
    ("sand", "Sable", "رمل", "Sand"),
    ("semolina", "Semoule", "سميد", "Semolina"),
    ("sesame", "Sésame", "سمسم", "Sesame"),
    ("shelf", "Étagère", "رف", "Shelf"),
    ("slate", "Ardoise", "أردواز", "Slate"),
    ("spoon", "Cuillère", "ملعقة", "Spoon"),
    ("strawberry", "Fraise", "فراولة", "Strawberry"),
    ("stream", "Ruisseau", "جدول ماء", "Stream"),
    ("suitcase", "Valise", "حقيبة", "Suitcase"),
    ("sundial", "Cadran solaire", "مزولة", "Sundial"),
    ("sunflower", "Tournesol", "دوار الشمس", "Sunflower"),
    ("teapot", "Théière", "براد الشاي", "Teapot"),
    ("telescope", "Télescope", "تلسكوب", "Telescope"),
    ("tent", "Tente", "خيمة", "Tent"),
    ("thyme", "Thym", "زعتر", "Thyme"),
    ("tomato", "Tomate", "طماطم", "Tomato"),
    ("tram", "Tramway", "ترامواي", "Tram"),
    ("triangle", "Triangle", "مثلث", "Triangle"),
    ("tulip", "Tulipe", "توليب", "Tulip"),
    ("waterfall", "Cascade", "شلال", "Waterfall"),
    ("watering_can", "Arrosoir", "مرشة", "Watering can"),
    ("wave", "Vague", "موجة", "Wave"),
    ("wheat", "Blé", "قمح", "Wheat"),
    ("xylophone", "Xylophone", "إكسيليفون", "Xylophone"),
    ("zellige", "Zellige", "زليج", "Zellige"),
    ("zinc", "Zinc", "زنك", "Zinc"),
)  # fmt: skip
"""Each with its key, then in French, Arabic and English."""

WORDS: Mapping[str, Mapping[str, str]] = {key: {"fr": fr, "ar": ar, "en": en} for key, fr, ar, en in _LIST}
"""Key → the word in each language."""


def said(word: str | None, of: str = "") -> Mapping[str, str]:
    """A word, with its number where it has one (`compass-2`), in each language; `of`: the number of the case, for one
    that was given none, or none that is known here."""
    key, _, number = (word or "").partition("-")
    if key not in WORDS:
        key, number = word_of_number(of), ""
    return {language: f"{text} {number}".rstrip() for language, text in WORDS[key].items()}


@lru_cache(maxsize=4096)
def word_of_number(number: str) -> str:
    """The word of a case that was given none as it was opened: always the same one; a longer list changes few."""
    return words_by_number(number)[0]


def words_by_number(number: str) -> list[str]:
    """All words, in an order that the number of a case says."""
    return sorted(WORDS, key=lambda word: zlib.crc32(f"{number} {word}".encode()))


def first_free(order: Iterable[str], taken: Collection[str], names: Iterable[str] = ()) -> str:
    """The first of these words that no other case has and that isn't somebody's name; where none is left, numbered."""
    offered = unnamed(order, names)
    rounds = (offered if place == 1 else [f"{word}-{place}" for word in offered] for place in count(1))
    return next(word for words in rounds for word in words if word not in taken)


def unnamed(order: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of these words that are no part of anybody's name, in any language."""
    parts = {part for name in names for part in parts_of(name)}
    return [word for word in order if parts.isdisjoint(_parts(word))]


@lru_cache(maxsize=256)
def _parts(word: str) -> frozenset[str]:
    return frozenset(part for text in WORDS[word].values() for part in parts_of(text))


def looked_for(text: str) -> str | None:
    """The word that somebody typed, in any language and spelling, with its number or without; None: it is none."""
    typed = _spelled(latin(text))
    words, _, number = typed.rpartition(" ")
    plain, place = (words, f"-{number}") if number.isdecimal() else (typed, "")
    key = _by_text().get(plain.removeprefix("ال"))
    return key and f"{key}{place}"


@lru_cache(maxsize=1)
def _by_text() -> Mapping[str, str]:
    return {_spelled(text): key for key, texts in WORDS.items() for text in texts.values()}


def _spelled(text: str) -> str:
    return " ".join(fold(text).replace("-", " ").split())
