"""The note on the method by which figures are protected, in the words of one language, with the whole table."""

from __future__ import annotations

from school_protocol.language import Wording
from school_protocol.statistics.noise import MOST, TABLE

COUNTS = (*map(str, range(MOST)), f"{MOST}+")
"""The counts of which each has a column; the last one stands for all from there on."""

SOURCES = (
    "Thompson, Broadfoot, Elazar: Methodology for the Automatic Confidentialisation of Statistical Outputs from Remote "
    "Servers at the Australian Bureau of Statistics (UNECE, 2013).",
    "Giessing: Computational Issues in the Design of Transition Probabilities and Disclosure Risk Estimation for "
    "Additive Noise (Privacy in Statistical Databases, 2016); ptable, a package for R (Destatis).",
    "Office for National Statistics: Census 2021, cell key perturbation (2021).",
)


def table_rows() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each noise from the least on, with its chances by count, in units of 2⁻³²."""
    return tuple(
        (f"{noise:+d}" if noise else "0", tuple(str(row[place]) for row in TABLE))
        for place, noise in enumerate(range(-MOST, MOST + 1))
    )


def sections(w: Wording) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each heading with its paragraphs."""
    return (
        (
            w._("What is told"),
            (
                w._(
                    "Which numbers are told is fixed beforehand, by kind of place and period: of an academy, and of "
                    "the country, every line of every table by year and by quarter, and the cases opened by month; of "
                    "a province every line by year and the totals by quarter; of a school nothing."
                ),
                w._(
                    "No number is left out because it is small: each bears a noise (cell-key method), which protects "
                    "those of whom it tells. Shares and medians alone are left out where fewer than 20 cases are told."
                ),
            ),
        ),
        (
            w._("How a number is drawn"),
            (
                w._(
                    "The true count n of a cell is told as n + v. The noise v is drawn from the column of n in the "
                    "table below: u is the number that the first 56 bits of HMAC-SHA256(Ke, place|n) make, divided by "
                    "2^56, and v the least noise whose cumulated chance is more than u. The place is the protocol, the "
                    "unit, the period, the table and the line; Ke is HMAC-SHA256(K, edition)."
                ),
                w._(
                    "K is 32 random bytes, new for each school year, kept sealed. It is erased when the figures of the "
                    "year are issued: from then on nobody can take the noise away. True counts are not kept with what "
                    "is told."
                ),
            ),
        ),
        (
            w._("The noise"),
            (
                w._(
                    "From n = 1 on it is the distribution of greatest entropy on −min(n, 10) … +10 whose mean is 0 and "
                    "whose variance is 4 (for n = 1 the mean alone is held: chances that halve, of variance 1.97). A "
                    "count of 0 stays 0 in three of four cells, and is else told as y from 1 to 10, with chances that "
                    "go as exp(−y²/8). No number is told below 0; cells that cannot occur stay 0."
                ),
                w._(
                    "A share is that of two told numbers, rounded to 5 points, with the range in which it lies in 95 "
                    "of 100 cases. A median is the class of the case whose rank is (n + 1)/2, moved by the noise of "
                    "the last column."
                ),
            ),
        ),
        (
            w._("How to read it"),
            (
                w._(
                    "The standard deviation is 2: 95 of 100 numbers are at most 4 off, none is more than 10. Of true "
                    "zeros a quarter are told as 1 or more; half of the ones, and a quarter of the twos, as 0: neither "
                    "says that there are cases, or that there are none. A true zero is told 0.5 too high on average; "
                    "all other counts are right on average."
                ),
                w._(
                    "Each number is drawn by itself: lines miss their total by 3 on average, provinces their academy, "
                    "quarters their year. They are not to be adjusted. Two numbers that differ by less than 6 may be "
                    "equal in truth: these figures rank nobody."
                ),
            ),
        ),
        (
            w._("Told once"),
            (
                w._(
                    "Each number is told once, in the release of its own quarter or year, when that is over; nothing "
                    "is cumulated. What is recorded later counts in the year’s numbers alone: a number that moved "
                    "would show where one case stands. A release that was wrong is withdrawn and issued once more, all "
                    "its numbers drawn anew; never a third time."
                ),
                w._(
                    "No total is exact, not even the academy’s: whoever knows all provinces but one would know the "
                    "last one’s. So nobody who reads exact figures at work may publish them beside these."
                ),
            ),
        ),
        (
            w._("What remains possible"),
            (
                w._(
                    "Whoever knows nearly all cases of a place may guess at the others, and whoever knows of one case "
                    "knows it still. As long as K is there, whoever holds it and the installation’s keys could take "
                    "the noise away."
                ),
            ),
        ),
    )
