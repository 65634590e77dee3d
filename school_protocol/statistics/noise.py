"""Keyed noise on counts (the cell-key method): which noise there is, and how it is drawn for one cell.

A count is told with a noise that is 0 on average, of variance 4 where the count allows it, and never more than 10
either way. Which one it is hangs on a key, on the cell's place and on the count: the same cell asked again is told the
same number, and without the key nobody says which noise it bears.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

MOST = 10
"""No number is further from its count."""
BITS = 32
"""Chances are whole numbers of 2⁻³²."""
_DRAWN = 7
"""So many bytes of a digest decide."""

TABLE = (
    (
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3221225473, 472221976, 324553101, 173720757, 72417585, 23510548, 5944397,
        1170521, 179505, 21439, 1994,
    ),
    (
        0, 0, 0, 0, 0, 0, 0, 0, 0, 2144818281, 1074006376, 537802995, 269301996, 134851546, 67526196, 33813384,
        16931873, 8478546, 4245587, 2125955, 1064561,
    ),
    (
        0, 0, 0, 0, 0, 0, 0, 0, 1186748924, 967295358, 740166046, 531702879, 358573890, 227016860, 134929640,
        75288112, 39438034, 19394291, 8953696, 3880615, 1578951,
    ),
    (
        0, 0, 0, 0, 0, 0, 0, 451560787, 648755325, 780395115, 785990037, 662809055, 467981535, 276654599, 136935472,
        56749616, 19691499, 5720889, 1391609, 283426, 48332,
    ),
    (
        0, 0, 0, 0, 0, 0, 147319299, 318516360, 549228208, 755305960, 828403601, 724619525, 505506884, 281250372,
        124798143, 44164379, 12464795, 2805738, 503684, 72114, 8234,
    ),
    (
        0, 0, 0, 0, 0, 41495778, 123414549, 287789355, 526173545, 754274123, 847764691, 747080427, 516184915,
        279633486, 118773338, 39554387, 10328001, 2114384, 339389, 42713, 4215,
    ),
    (
        0, 0, 0, 0, 9822320, 38474931, 117558699, 280184968, 520892409, 755378052, 854464122, 753939397, 518910169,
        278587137, 116665669, 38109937, 9710610, 1930047, 299228, 36187, 3414,
    ),
    (
        0, 0, 0, 1888850, 9572360, 37791667, 116232782, 278494603, 519828996, 755892061, 856277702, 755657597,
        519506562, 278235531, 116088636, 37733092, 9554559, 1884753, 289637, 34674, 3234,
    ),
    (
        0, 0, 287825, 1876199, 9525220, 37663146, 115985468, 278186455, 519653432, 756026537, 856654497, 755996486,
        519612122, 278153284, 115967028, 37655662, 9522949, 1875677, 287733, 34377, 3199,
    ),
    (
        0, 34332, 287448, 1874322, 9518244, 37644218, 115949370, 278142397, 519630552, 756050570, 856713668,
        756047759, 519626688, 278139295, 115947646, 37643518, 9518032, 1874273, 287440, 34331, 3193,
    ),
    (
        3193, 34326, 287406, 1874108, 9517452, 37642076, 115945318, 278137537, 519628233, 756053662, 856720674,
        756053662, 519628233, 278137537, 115945318, 37642076, 9517452, 1874108, 287406, 34326, 3193,
    ),
)  # fmt: skip
"""Row n: the chances of −10 … +10 for a count of n; the last row is that of all counts from 10 on.

From 1 on the least biased of the noises (of greatest entropy) whose mean is 0 and whose variance is 4, or as near to 4
as a count of 1 comes; none leads below 0. A count of 0 stays 0 in three of four cells.
"""


def edition_key(key: bytes, edition: int) -> bytes:
    """What the cells of an edition are drawn with: another one for each."""
    return hmac.digest(key, f"edition|{edition}".encode(), sha256)


def told(key: bytes, address: str, count: int) -> int:
    """The number that is told of a cell, which is at that place and in which so many cases stand."""
    return count + _drawn(key, f"{address}|{count}", TABLE[min(count, MOST)])


def shift(key: bytes, address: str, count: int) -> int:
    """By how many places the middle of so many values is moved: as the count of a large cell is."""
    return _drawn(key, f"{address}|{count}", TABLE[MOST])


def _drawn(key: bytes, message: str, chances: tuple[int, ...]) -> int:
    """The least noise up to which the chances come to more than what the digest says."""
    left = int.from_bytes(hmac.digest(key, message.encode(), sha256)[:_DRAWN]) >> (8 * _DRAWN - BITS)
    for noise, chance in enumerate(chances, -MOST):
        left -= chance
        if left < 0:
            return noise
    raise AssertionError("the chances of each row come to one")
