"""Figures of the small definition, and small changes to them, each with what the reader says about it."""

from __future__ import annotations

from pathlib import Path

SMALL = Path(__file__).with_name("small.yaml").read_text("utf-8")
W = "{fr: a, ar: b, en: c}"

FIGURES = f"""
figures:
  begins: 9
  reads: [principal, delegate]
  issues: [delegate]
  tables:
    stages: {{rows: stages, months: true, title: {W}}}
    kinds: {{rows: answers, act: write_slip, field: kind, title: {W}}}
  in_time: [first_talk, home_due]
  waits:
    talk: {{until: {{acts: meet}}, unit: school_days, classes: [0, 1, 5], title: {W}}}
  public: [kinds, talk, home_due]
"""


def with_figures(*changes: tuple[str, str]) -> str:
    """The small definition with figures in it, changed in these places."""
    text = SMALL.rstrip("\n") + FIGURES
    for old, new in changes:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


ASSESSED = next(line for line in SMALL.splitlines() if line.startswith("assessment:"))
UNASSESSED = (("{rows: stages, months", "{rows: levels, months"), (ASSESSED, ""))
"""Levels are asked for where nothing is assessed."""

_ASKED = "        required: true\n        default: other\n"
UNASKED = (
    (_ASKED, "        for_figures: true\n        default: other\n"),
    ("worth: {type: integer, when: \"kind == 'money'\",", "worth: {type: integer,"),
)
"""A question for figures, as it may stand there."""
LISTED = ("outside: {for", "outside: {acts: {write_slip: [kind]}, for")
"""A copy for others that lists it."""

FAULTS: tuple[tuple[tuple[str, str], str, str], ...] = (
    (("  reads: [principal, delegate]\n  issues: [delegate]\n", ""), "figures:",
     "figures: nobody reads the figures: name roles under reads"),
    (("reads: [principal, delegate]", "reads: [principal, keeper]"), "principal, keeper]",
     'figures.reads: role "keeper" is not declared'),
    (("issues: [delegate]", "issues: [delegate, teacher]"), "delegate, teacher]",
     'figures.issues: "teacher" does not read what it issues: name it under reads, too'),
    (("{rows: stages, months", "{rows: stagse, months"), "stagse",
     'figures.tables.stages.rows: "stagse" is not one of stages, levels, outcomes, answers, dangers, danger_answers, '
     'targets, referral_answers; did you mean "stages"?'),
    (("{rows: stages, months", "{month: true, rows: stages, months"), "month: true, rows",
     'unknown key "month" in figures.tables.stages; did you mean "months"?'),
    (("{rows: stages, months", "{key: there, rows: stages, months"), "key: there",
     'unknown key "key" in figures.tables.stages'),
    (("    kinds: {", f"    twice: {{rows: stages, title: {W}}}\n    kinds: {{"), "twice:",
     'figures.tables.twice.rows: "stages" are counted twice: from two tables of them more could be worked out'),
    (("    kinds: {", f"    again: {{rows: answers, act: write_slip, field: kind, title: {W}}}\n    kinds: {{"),
     "    kinds: {",
     'figures.tables.kinds.field: field "kind" is counted already: from two tables of it more could be worked out'),
    (("act: write_slip, field: kind, title", "act: write_slip, title"), "kinds: {",
     "figures.tables.kinds: answers go with an act and a field, and nothing else does"),
    (("{rows: stages, months", "{rows: stages, act: meet, months"), "act: meet, months",
     "figures.tables.stages: answers go with an act and a field, and nothing else does"),
    (("field: kind, title", "field: what, title"), "field: what, title",
     'figures.tables.kinds.field: field "what" is long: only choice, choices, tri or yes_no can be counted'),
    (("act: write_slip, field: kind, title", "act: meet, field: heard, title"), "field: heard, title",
     'figures.tables.kinds.act: form "talk" is kept for its own readers: no report counts it'),
    (("in_time: [first_talk, home_due]", "in_time: [frist_talk, home_due]"), "frist_talk",
     'figures.in_time: deadline "frist_talk" is not declared; did you mean "first_talk"?'),
    (("{acts: meet}", "{acts: meat}"), "{acts: meat}",
     'figures.waits.talk.until.acts: act "meat" is not declared; did you mean "meet"?'),
    (("{acts: meet}", "{states: gone}"), "{states: gone}",
     'figures.waits.talk.until.states: state "gone" is not declared'),
    (("{acts: meet}", "{}"), "until: {}", "figures.waits.talk.until: a moment names acts, states, or both"),
    (("classes: [0, 1, 5]", "classes: [0, 5, 1]"), "[0, 5, 1]",
     "figures.waits.talk.classes: classes are upper bounds from 0 on, each above the one before"),
    (("classes: [0, 1, 5]", "classes: []"), "classes: []",
     "figures.waits.talk.classes: classes are upper bounds from 0 on, each above the one before"),
    (("classes: [0, 1, 5]", f"classes: {list(range(13))}"), "11, 12]",
     "figures.waits.talk.classes: at most 12 classes"),
    (("public: [kinds,", "public: [kind,"), "public: [kind,",
     'figures.public: "kind" is no table, wait or deadline of these figures; did you mean "kinds"?'),
    (("    talk: {", "    kinds: {"), "figures:", 'figures: "kinds" names two of the tables, waits and deadlines'),
    (("    talk: {", "    Talk: {"), "Talk: {", "figures.waits.Talk:"),
    (("begins: 9", "begins: 13"), "begins: 13", "figures.begins:"),
    (("what: {type: long, required: true, most", "what: {type: long, for_figures: true, required: true, most"),
     "what: {type: long, for_figures",
     "forms.slip.fields.what.for_figures: only a choice that can be counted is for figures, not long"),
    (("by_staff: {type: yes_no,", "by_staff: {type: yes_no, for_figures: true,"), "by_staff: {type",
     "forms.slip.fields.by_staff.for_figures: no table of the figures counts it"),
    ((_ASKED, f"        for_figures: true\n{_ASKED}"), "        required: true\n        default: other",
     "forms.slip.fields.kind.required: what is for figures, nobody has to answer"),
    ((_ASKED, f"        for_figures: true\n{_ASKED}"), "worth: {type: integer",
     'forms.slip.fields.worth.when: field "kind" is for figures: no other question hangs on it'),
    (("kept_on: {type: date,", "kept_on: {type: date, for_figures: true,"), "kept_on: {type",
     "forms.accord.fields.promises.fields.kept_on.for_figures: no table of the figures counts a column"),
)  # fmt: skip
