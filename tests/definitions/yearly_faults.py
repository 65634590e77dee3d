"""A yearly report of the small definition, and small changes to it, each with what the reader says about it."""

from __future__ import annotations

from pathlib import Path

SMALL = Path(__file__).with_name("small.yaml").read_text("utf-8")
W = "{fr: a, ar: b, en: c}"

YEARLY = f"""  school_year:
    kind: yearly
    per: school
    for: [principal, delegate]
    title: {W}
    yearly:
      begins: 9
      terms:
        - {{ends: 1, title: {W}}}
        - {{ends: 8, title: {W}}}
      counts:
        - {{act: write_slip, field: kind, title: {W}}}
      deadlines: [first_talk, home_due]
      waiting: first_talk
      decisions:
        - {{about: few, text: {W}}}
        - {{about: late, deadlines: [home_due], text: {W}}}
"""
_DOSSIER = "    checks: [home_told, posted, first_talk]\n"
_COUNT = "{act: write_slip, field: kind,"


def with_yearly(*changes: tuple[str, str]) -> str:
    """The small definition with a yearly report in it, changed in these places."""
    text = SMALL
    for old, new in ((_DOSSIER, _DOSSIER + YEARLY), *changes):
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


FAULTS: tuple[tuple[tuple[str, str], str, str], ...] = (
    ((_DOSSIER, _DOSSIER.replace("[home", "[home") + "    yearly: {begins: 9, terms: []}\n"), "yearly: {begins",
     "documents.dossier.yearly: yearly is for a document of kind yearly"),
    (("    per: school\n", f"    per: school\n    subject: {W}\n"), "subject: {fr: a",
     'documents.school_year.subject: "subject" is not for a yearly report'),
    (("    per: school\n", "    per: case\n"), "per: case",
     "documents.school_year.per: a document of kind yearly is written per school"),
    (("    for: [principal, delegate]\n", ""), "school_year:",
     "documents.school_year: nobody may issue it: name roles under for"),
    (("for: [principal, delegate]", "for: [principal, keeper]"), "principal, keeper]\n    title: {fr: a",
     'documents.school_year.for: role "keeper" is not declared'),
    (("        - {ends: 8, title", "        - {ends: 7, title"), "      terms:",
     "documents.school_year.yearly.terms: the last term ends with the school year: in month 8"),
    (("        - {ends: 1, title", "        - {ends: 8, title: {fr: a, ar: b, en: c}}\n        - {ends: 1, title"),
     "      terms:",
     "documents.school_year.yearly.terms: terms follow one another: each ends in a later month of the school year"),
    ((_COUNT, "{act: write_slp, field: kind,"), "write_slp",
     'documents.school_year.yearly.counts[1].act: act "write_slp" is not declared; did you mean "write_slip"?'),
    ((_COUNT, "{act: write_slip, field: knd,"), "field: knd",
     'documents.school_year.yearly.counts[1].field: form "slip" has no field "knd"; did you mean "kind"?'),
    ((_COUNT, "{act: write_slip, field: what,"), "field: what",
     'documents.school_year.yearly.counts[1].field: field "what" is long: only choice, choices, tri or yes_no can be '
     "counted"),
    ((_COUNT, "{act: meet, field: heard , "), "field: heard ,",
     'documents.school_year.yearly.counts[1].act: form "talk" is kept for its own readers: no report counts it'),
    (("      deadlines: [first_talk, home_due]\n",
      f"        - {{act: write_slip, field: kind , title: {W}}}\n      deadlines: [first_talk, home_due]\n"),
     "field: kind ,",
     'documents.school_year.yearly.counts[2].field: field "kind" is counted already: from two tables of it more could '
     "be worked out"),
    (("deadlines: [first_talk, home_due]", "deadlines: [first_talk, home_due, frist_talk]"), "frist_talk",
     'documents.school_year.yearly.deadlines: deadline "frist_talk" is not declared; did you mean "first_talk"?'),
    (("waiting: first_talk", "waiting: first_tlk"), "first_tlk",
     'documents.school_year.yearly.waiting: deadline "first_tlk" is not declared; did you mean "first_talk"?'),
    (("{about: late, deadlines: [home_due],", "{about: late,"), "about: late",
     "documents.school_year.yearly.decisions[2]: late goes with deadlines, and nothing else does"),
    (("{about: late, deadlines: [home_due],", "{about: late, deadlines: [letter_due],"), "[letter_due]",
     'documents.school_year.yearly.decisions[2].deadlines: "letter_due" is not among the deadlines of this report'),
)  # fmt: skip
WHOLE = (
    (f"{with_yearly()[: with_yearly().index('    yearly:')]}{with_yearly()[with_yearly().index('restricted_when'):]}",
     "school_year:", "documents.school_year: a yearly report says under yearly what it counts"),
)  # fmt: skip
"""Files without a part, where a fault is about what is left."""
