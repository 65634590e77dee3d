"""Letters of the small definition, and small changes to them, each with what the reader says about it."""

from __future__ import annotations

from pathlib import Path

SMALL = Path(__file__).with_name("small.yaml").read_text("utf-8")
W = "{fr: a, ar: b, en: c}"

LETTERS = f"""  courier:
    kind: letter
    per: referral
    for: [principal]
    title: {W}
    subject: {{fr: "du %(sent_on)s", ar: "%(sent_on)s", en: "of %(sent_on)s"}}
    body:
      - {{text: {W}}}
      - {{act: post, fields: [words], words: true}}
      - {{people: [owner]}}
      - {{evidence: [site, kind]}}
  home_letter:
    kind: notice
    per: guardian
    for: [warden]
    title: {W}
    body:
      - {{act: bring_news, fields: [on], when: "stamped"}}
      - {{services: [school_doctor]}}
  reading:
    kind: law_notice
    per: guardian
    slots: family
    for: [warden]
    title: {W}
    body:
      - {{kept: true}}
  tally:
    kind: sheet
    for: [warden]
    title: {W}
    body:
      - {{act: meet, fields: [heard, places]}}
      - {{points: [{W}]}}
"""
EVIDENCE = f"""  things:
    title: {W}
    fields:
      kind: {{type: choice, required: true, label: {W}, options: {{note: {W}}}}}
      site: {{type: text, authority_only: true, names: true, label: {W}}}
      tale: {{type: long, label: {W}}}
"""
_DOSSIER = "    checks: [home_told, posted, first_talk]\n"
_DOCTOR = "  school_doctor: {title"
_JOTTING = "  jotting:\n"
_JOT = "  jot: {kind: note"
KEEP = f"  keep_thing: {{kind: evidence, form: things, in: open, by: warden, group: listening, title: {W}}}\n"


def with_letters(*changes: tuple[str, str]) -> str:
    """The small definition with letters in it, changed in these places."""
    text = SMALL
    for old, new in (
        (_DOSSIER, _DOSSIER + LETTERS),
        (_DOCTOR, f"  school_doctor: {{asks: {W}, legal_basis: {W}, title"),
        (_JOTTING, EVIDENCE + _JOTTING),
        (_JOT, KEEP + _JOT),
        *changes,
    ):
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


FAULTS: tuple[tuple[tuple[str, str], str, str], ...] = (
    (('fr: "du %(sent_on)s"', 'fr: "du %(sent_no)s"'), "sent_no",
     'documents.courier.subject.fr: "sent_no" is no place of this text; did you mean "sent_on"?'),
    (('en: "of %(sent_on)s"', 'en: "100 %"'), "100 %",
     "documents.courier.subject.en: \"%\" opens no place here: write %(name)s, or the word"),
    (("fields: [words], words: true", "fields: [wrods], words: true"), "wrods",
     'documents.courier.body[2].fields: form "letter" has no field "wrods"; did you mean "words"?'),
    (("{act: post, fields: [words]", "{act: pots, fields: [words]"), "pots",
     'documents.courier.body[2].act: act "pots" is not declared; did you mean "post"?'),
    (("fields: [words], words: true", "fields: [words]"), "fields: [words]}",
     'documents.courier.body[2].fields: field "words" is somebody’s words: they stand there only with words'),
    (("{act: post, fields: [words], words: true}", "{act: meet, fields: [feeling]}"), "act: meet, fields: [feeling",
     'documents.courier.body[2].act: form "talk" is kept for its own readers: no letter prints it'),
    (("{act: post, fields: [words], words: true}", "{act: settle, fields: [promises]}"), "act: settle, fields",
     'documents.courier.body[2].fields: field "promises" is rows: no letter prints it'),
    (("{act: post, fields: [words], words: true}", "{act: keep_thing, fields: [site], words: true}"), "fields: [site]",
     'documents.courier.body[2].fields: field "site" is for an authority alone: it goes under evidence'),
    (("{act: post, fields: [words], words: true}", "{act: post}"), "- {act: post}",
     "documents.courier.body[2]: an act is printed by its fields: name them"),
    (("- {people: [owner]}", "- {people: [ownr]}"), "ownr",
     'documents.courier.body[3].people: slot "ownr" is not declared; did you mean "owner"?'),
    (("- {people: [owner]}", "- {people: [owner], kept: true}"), "people: [owner], k",
     "documents.courier.body[3]: a piece is one thing: text, points, act with fields, people, evidence, services or "
     "kept"),
    (("- {people: [owner]}", f"- {{text: {W}, words: true}}"), "words: true}\n      - {evi",
     "documents.courier.body[3]: fields, words and required go with an act"),
    (("- {evidence: [site, kind]}", "- {evidence: [tale]}"), "[tale]",
     'documents.courier.body[4].evidence: field "tale" is somebody’s words: a list of evidence has none'),
    (("- {services: [school_doctor]}", "- {evidence: [kind]}"), "evidence: [kind]",
     "documents.home_letter.body[2].evidence: only a letter lists evidence"),
    (("  keep_thing: {kind: evidence,", "  keep_thing: {"), "evidence: [site",
     "documents.courier.body[4].evidence: no act registers evidence"),
    (("kind: letter\n    per: referral", "kind: letter\n    per: guardian"), "per: guardian\n    for: [princ",
     "documents.courier.per: a document of kind letter is written per referral"),
    (("    for: [principal]\n    title: {fr: a", "    title: {fr: a"), "courier:",
     "documents.courier: nobody may issue it: name roles or seats under for"),
    (("    for: [principal]\n    title: {fr: a", "    for: [principle]\n    title: {fr: a"), "principle",
     'documents.courier.for: role or seat "principle" is not declared; did you mean "principal"?'),
    (("    body:\n      - {kept: true}\n", ""), "reading:",
     "documents.reading: nothing stands in it: write its body"),
    (("- {kept: true}", "- {act: bring_news, fields: [on], words: false}"), "words: false",
     "documents.reading.body[1].act: a document of kind law_notice prints no answers"),
    (("- {services: [school_doctor]}", "- {people: [holder]}"), "people: [holder]",
     "documents.home_letter.body[2].people: a notice lists nobody: who else is in the case is not for its reader"),
    (("- {services: [school_doctor]}", "- {act: post, fields: [words], words: true, required: true}"),
     "required: true}",
     "documents.home_letter.body[2].words: a document of kind notice prints nobody’s words"),
    (("- {services: [school_doctor]}", "- {services: [school_docter]}"), "docter",
     'documents.home_letter.body[2].services: target "school_docter" is not declared; did you mean "school_doctor"?'),
    (('fields: [on], when: "stamped"', 'fields: [on], when: "stampd"'), "stampd",
     'documents.home_letter.body[1].when: fact "stampd" is not declared; did you mean "stamped"?'),
    (("kind: sheet\n", "kind: sheet\n    slots: owner\n"), "slots: owner\n    for",
     "documents.tally.slots: slots are for what is written per guardian"),
    (("fields: [heard, places]", "fields: [with]"), "fields: [with]",
     "documents.tally.body[1].act: form \"talk\" is kept for its own readers: no letter prints it"),
    (("{act: meet, fields: [heard, places]}", "{act: bring_news, fields: [what]}"), "fields: [what]",
     'documents.tally.body[1].fields: field "what" is free text: a sheet prints none'),
    (("{act: meet, fields: [heard, places]}", "{act: tell_home, fields: [who]}"), "fields: [who]",
     'documents.tally.body[1].fields: field "who" is person: a sheet prints what can be counted'),
    (("  courier:\n", "  courier:\n    checks: [posted]\n"), "checks: [posted]",
     'documents.courier.checks: "checks" is for the case file alone'),
    (("  dossier:\n", f"  dossier:\n    asks: {W}\n"), "asks: {fr: a, ar: b, en: c}\n    title",
     'documents.dossier.asks: "asks" is for letters, notices, notes and sheets'),
    (("school_doctor: {asks: {fr: a", "school_doctor: {to_guardians: true, asks: {fr: a"), "to_guardians: true",
     "targets.school_doctor.asks: to guardians a notice is written, per guardian: no letter"),
    (("school_doctor: {asks: {fr: a, ar: b, en: c}, ", "school_doctor: {"), "school_doctor: {legal",
     "targets.school_doctor.legal_basis: legal_basis goes with asks: without it there is no letter"),
    (("kind: letter\n    per: referral", "kind: lettre\n    per: referral"), "lettre",
     'documents.courier.kind: "lettre" is not one of case_file, letter, notice, note, sheet, law_notice, yearly, '
     'bundle; did you mean "letter"?'),
)  # fmt: skip
"""What is changed in `with_letters`, a piece of text on the line of the fault, and what is said of it."""

WHOLE: tuple[tuple[str, str, str], ...] = (
    (
        SMALL.replace(
            "  dossier:\n",
            f"  courier: {{kind: note, for: [warden], title: {W}, body: [{{kept: true}}]}}\n  dossier:\n",
        ),
        "courier: {kind",
        "documents.courier.kind: the first document is the case file",
    ),
    (
        SMALL.replace(_DOCTOR, f"  school_doctor: {{asks: {W}, title"),
        "school_doctor: {asks",
        "targets.school_doctor.asks: no document of kind letter is there to print it",
    ),
    (
        SMALL.replace("readers: [mediator, warden]\n    fields:\n      with", "fields:\n      with").replace(
            _DOSSIER,
            f"{_DOSSIER}  courier: {{kind: letter, per: referral, for: [warden], title: {W}, "
            "body: [{act: meet, fields: [feeling]}]}\n",
        ),
        "courier: {kind",
        'documents.courier.body[1].act: form "talk" is of one side: only a sheet counts its answers',
    ),
)
