"""What a place at a table may be called: a few letters, nothing that hurts, nothing that a page could run."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MOST = 24
_JOINERS = frozenset(" -'’.")
_TATWEEL = "\u0640"
"""Stretches a word in Arabic script, and is none of its letters."""
_RUN = re.compile(r"(.)\1+")
_REFUSED = frozenset(
    """
    029cb2544c33 04df20c9c5e1 0626382c6270 08a841e99678 0aa249ea99ce 0c38fc998949 0e8f6e454450 0f28c4960d96
    10a436206f05 1143da2bc54c 11b7e4d3514b 120f6e5b4ea3 14c84728ea0b 152616fe255c 158869a97379 16ea09fc78ca
    1f6570e9f532 1f7101fe7101 250b82818401 2ac9c8be418b 2f5f6ce5ae30 3175bf063867 317936d5c6d8 3383dcd99fdf
    3811ae08ab7b 38ba35fc0a47 3b1e0d7c5dd4 3b25dd99eb80 3d6c9fd54a4d 3f65bad3bcab 413595df59bb 41f74ada038c
    43ebe25918c2 44163a2e4dcf 4814058be6f3 4963841fe0af 4cbb741b9422 4cf454d8b7ff 4e3222e5e148 4e9c5da98278
    521e601a5247 55e7af382995 566f532d486c 5f06f5edce25 63dfbc4b4d18 6629f0f7bd9f 68095385a7ac 6ac3c336e409
    6d41366d187a 6f8aa71880af 6ff8f7340561 71263acab472 767c6fb537e6 7de96dd17374 830e41ac2e02 8420c85c2aad
    84f6ec79e7af 852f99110abe 85fc17f7069a 862a6b5e7933 8a1de20d6c37 8a3fa4b72dc7 8d1a978e876c 8f5083e3e5c7
    919f6998e939 93749addb7cd 98078a5939a2 98b52c4b6b7d 9915ba2d8222 9a2d546f7dc6 9ae315a94e42 9ba05bb61656
    9c32f5b87080 a0f9178f3cf7 a4fa30d69f1d a75bde3f32b8 ab4281b6411b ab73cfb306c6 ad069c33bd5f ad505b0be8a4
    b44f565f4d9e b5b2125821e1 b76e107adf3a b7b724f9e952 ba0fe5592097 ba5f2ceb9913 bb4679824b67 bb61ef40814c
    bca8d2c738d5 bd331fb1d242 be8cffa709ca bf393dfbadfe c25dc33591e0 c28a08a1a507 c2c3b68b4883 c3de533e9b7f
    d156a400f045 d360ac0b7c27 d75a838dc758 d80b8e72da2c dd665742e6b4 e512a0558344 e556ecf27a7d e89a47ef8e43
    ebddba525f35 efc0c180c864 f09fdc2a35e7 f2ae7b1efd28 f50c51ed2315 fb0fbec5fd5c ff1580fa239a
    """.split()  # noqa: SIM905
)
"""The first twelve hexadecimal digits of the SHA-256 of words that are insults here, so that nobody reads them."""


def plain_name(text: str) -> str:
    """The name as it is kept: one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fault_of(name: str) -> str:
    """Why a plain name is not taken: `missing`, `too_long`, `not_a_name`, `hurts`; empty where it is."""
    if not name:
        return "missing"
    if len(name) > MOST:
        return "too_long"
    if not any(sign.isalnum() for sign in name):
        return "not_a_name"
    if not all(sign in _JOINERS or unicodedata.category(sign)[0] in "LMN" for sign in name):
        return "not_a_name"
    return "hurts" if any(mark_of(word) in _REFUSED for word in _words(name)) else ""


def mark_of(word: str) -> str:
    """How a word stands in the list of those that are refused."""
    return hashlib.sha256(word.encode()).hexdigest()[:12]


def _words(name: str) -> set[str]:
    """The words of a name, and all of them run together, without signs, marks, stretched or doubled letters."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(sign))
    plain = bare.replace(_TATWEEL, "").translate(str.maketrans("013457@$", "oieastas"))
    words = {"".join(sign for sign in word if sign.isalnum()) for word in plain.split()}
    words.add("".join(sign for sign in plain if sign.isalnum()))
    return {_RUN.sub(run, word) for word in words for run in (r"\g<0>", r"\1\1", r"\1")}
