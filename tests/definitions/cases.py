"""Small changes to small.yaml, each with exactly what the reader says about it.

A case is (old, new, faults); a fault is (where, message), `where` being a piece of text that stands once in the changed
file, on the line of the fault.
"""

CASES: list[tuple[str, str, list[tuple[str, str]]]] = [
    (
        "  X: {fr",
        "  X: {fr: a, ar: b, en: c}\n  X: {fr",
        [('X: {fr: "', 'duplicate key "X" in sources (first on line 12)')],
    ),
    (
        "from: START, to: noted, by: [anybody, mediator, warden], automatic: true",
        "from: shelved, to: noted, by: warden",
        [("noted:", "states.noted: no move leads from START to the initial state")],
    ),
    (
        "needs: keeper_trained, title",
        "needs: [keeper_trained, talked], by_whom: x, title",
        [("start_", 'unknown key "by_whom" in moves.start_looking')],
    ),
    (
        "in: START, by: [anybody, mediator, warden], moves: open_file",
        "in: START, by: [anybody, mediator, warden], kind: report, moves: open_file",
        [("write_slip:", 'duplicate key "kind" in acts.write_slip (first on line 186)')],
    ),
    (
        "value: 3, unit: school_days",
        "repeat: true, unit: school_days",
        [
            ("first_talk:", "deadlines.first_talk.repeat: only a deadline with a value repeats"),
            ("first_talk:", "deadlines.first_talk: a deadline has a value or steps"),
        ],
    ),
    (
        "{seat: keeper}",
        "{seat: keeper, trained: sometimes}",
        [("keeper_ready:", 'facts.keeper_ready.people.trained: "sometimes" is neither true nor false')],
    ),
    (
        "danger_level: 2, recurrence",
        "danger_level: two, recurrence",
        [("assessment:", 'assessment.danger_level: "two" is not a whole number')],
    ),
    (
        "deadlines:\n  unseen",
        "deadlines:\n  unseen_: 3\n  unseen",
        [("unseen_", "deadlines.unseen_: must be a mapping of keys")],
    ),
    (
        "filled: what}]",
        "row_filled: what.x}]",
        [("news_brought:", 'facts.news_brought.from[1].row_filled: field "what" is text: rows is needed here')],
    ),
    (
        "from: [{act: settle}]",
        "from: [{act: settle, row_filled: promises.kept}]",
        [
            (
                "signatures: {",
                'facts.signatures.from[1].row_filled: "promises.kept": write rows.column; did you mean "kept_on"?',
            )
        ],
    ),
    (
        'where: "fine"}], label',
        "where: \"fine == 'yes'\"}], label",
        [("stamped: {t", "facts.stamped.from[1].where: `fine` is bool: 'yes' is neither True nor False")],
    ),
    ("follow_up: true", "x", [("look_m", "deadlines.look_missed.start[1].missed_x: empty value")]),
    (
        "fresh: {type: bool, content_since_entry: true",
        "fresh: {type: bool, follow_up: held, deadline: unsen",
        [
            ("fresh:", 'facts.fresh.deadline: deadline "unsen" is not declared; did you mean "unseen"?'),
            ("fresh:", "facts.fresh: a fact has one source, not follow_up and deadline"),
        ],
    ),
    (
        "fresh: {type: bool, content_since_entry: true",
        "fresh: {type: bool, entered: [noted, somewhere]",
        [("fresh:", 'facts.fresh.entered: state "somewhere" is not declared')],
    ),
    (
        "months_shelved: {type: int, months_since: shelved",
        "months_shelved: {type: int, days: {since: [{act: bring_news, field: what}], until: [{act: look_in, field: on}]}",
        [
            (
                "months_shelved:",
                'facts.months_shelved.days.since[1].field: field "what" is text: date or moment is needed here',
            )
        ],
    ),
    (
        "as_in: {alarmed: 2}",
        "as_in: {alarmed: 2}\n  also_next: [{act: meet}]",
        [("also_n", "follow_up.also_next[1]: name the field that says when the next follow-up is")],
    ),
    (
        "in: any, by: [mediator, warden, principal], group",
        "in: any, by: [mediator, warden, principal], danger_signature: principal, group",
        [("jot: {", "acts.jot.danger_signature: only an act of kind lift_danger has it")],
    ),
    (
        "when: \"heard == 'yes'\", label",
        "when: \"heard == 'yes' and with == 1\", label",
        [
            (
                "own_wo",
                "forms.talk.fields.own_words.when: condition \"heard == 'yes' and with == 1\" cannot be read: invalid syntax",
            )
        ],
    ),
    (
        'default: now, required: true, label: {fr: "Quand ?", ar: "متى؟", en: "When?"}}\n      present',
        'default: never, required: true, label: {fr: "Quand ?", ar: "متى؟", en: "When?"}}\n      present',
        [("held_on: {", 'forms.accord.fields.held_on.default: "never" is no answer here')],
    ),
    (
        "only: [mediator, warden], label",
        "only: [mediator, gardener], label",
        [
            (
                "present:",
                'forms.accord.fields.present.only: role or seat "gardener" is not declared; did you mean "warden"?',
            )
        ],
    ),
    (
        "      promises:\n        type: rows",
        "      promises:\n        type: long",
        [("fields:\n       ", "forms.accord.fields.promises.fields: only rows have fields, not long")],
    ),
    (
        "what: {type: text, required: true",
        "what: {type: text, required: true, forbids_files: [x]",
        [("what: {type: t", 'forms.anew.fields.what.forbids_files: "x" is no answer here')],
    ),
    ("working: true", "working: &w true", [("workin", "working: anchors are not used in definitions: remove &w")]),
    ("working: true", "working: !!bool true", [("workin", "working: tags are not used in definitions: remove !!bool")]),
    ("working: true", "working:", [("workin", "working: empty value")]),
    ("working: true", "working: ~", [("workin", 'working: "~" is neither true nor false')]),
    ("working: true", "working: maybe", [("workin", 'working: "maybe" is neither true nor false')]),
    ("code: OBJ-1", 'code: ""', [('code: "', "code: empty value")]),
    ("code: OBJ-1", "code: *w", [("code: *", "code: aliases are not used in definitions: write *w out")]),
    ("version: 1", "version: one", [("versio", 'version: "one" is not a whole number')]),
    ("version: 1", "version: 0", [("versio", "version: versions count from 1")]),
    ("format: 1", "format: 2", [("format", 'format: "2" is not one of 1')]),
    ("format: 1", "format: 1\ndigest: ab", [("digest", 'unknown key "digest"')]),
    ("code: OBJ-1", "cod: OBJ-1", [("cod: O", 'unknown key "cod"; did you mean "code"?')]),
    ("version: 1\n", "", [("# A second", 'missing key "version"')]),
    ("grids:\n", "gridz:\n", [("gridz:", 'unknown key "gridz"; did you mean "grids"?')]),
    (
        "protocol: lost-things",
        "protocol: Lost Things",
        [("protocol:", 'protocol: "Lost Things" is not a name: small letters, digits and hyphens')],
    ),
    ("languages: [fr, ar, en]", "languages: [fr, ar, en, fr]", [("langua", 'languages: language "fr" is named twice')]),
    (
        "languages: [fr, ar, en]",
        "languages: [fr, ar, en, Klingon]",
        [("langua", 'languages: "Klingon" is not a language code')],
    ),
    ("languages: [fr, ar, en]", "languages: [fr, ar]", [("langua", "languages: languages must hold en")]),
    ("languages: [fr, ar, en]\n", "", [("# A second", 'missing key "languages"')]),
    (
        'title: {fr: "Objets disparus et médiation", ar: "الأشياء المفقودة والوساطة", en: "Lost things and mediation"}',
        "title: Lost things",
        [("title: L", "title: must be a text in every language, such as {fr: …, ar: …, en: …}")],
    ),
    (
        'title: {fr: "Accueil", ar: "الاستقبال", en: "Noting"}',
        'title: {fr: "Accueil", en: "Noting"}',
        [("noting:", 'stages.noting.title: missing language "ar"')],
    ),
    (
        'title: {fr: "Accueil", ar: "الاستقبال", en: "Noting"}',
        'title: {fr: "Accueil", ar: "الاستقبال", en: " "}',
        [("noting:", "stages.noting.title.en: empty value")],
    ),
    (
        'title: {fr: "Accueil", ar: "الاستقبال", en: "Noting"}',
        'title: {fr: "Accueil", ar: "الاستقبال", en: "Noting", es: "x"}',
        [("noting:", 'stages.noting.title.es: language "es" is not among those of this definition')],
    ),
    ("stages:\n  noting: {", "stages:\n  noting: {key: x, ", [("noting:", 'unknown key "key" in stages.noting')]),
    (
        "  agreed: {code: C1, stage: settling",
        "  agreed: {code: C1, stage: setling",
        [("agreed:", 'states.agreed.stage: stage "setling" is not declared; did you mean "settling"?')],
    ),
    (
        "  agreed: {code: C1, stage",
        "  agreed: {code: A1, stage",
        [("agreed:", 'states.agreed.code: code "A1" is already that of noted')],
    ),
    (
        "  agreed: {code: C1, stage",
        "  agreed: {code: noted, stage",
        [("agreed:", 'states.agreed.code: code "noted" is already the key of another of the states')],
    ),
    (
        "  agreed: {code: C1, stage: settling",
        "  agreed: {code: C1, initial: true, stage: settling",
        [("agreed:", "states.agreed.initial: noted is initial already: only one state can be")],
    ),
    ("stage: noting, initial: true", "stage: noting", [("states:\n", "states: no state is initial: one must be")]),
    (
        "stage: noting, initial: true",
        "stage: noting, initial: true, ended: true",
        [("noted:", "states.noted: the initial state cannot be an ended one")],
    ),
    (
        "  agreed: {code: C1, stage: settling",
        "  agreed: {code: C1, successor: true, stage: settling",
        [("agreed:", "states.agreed.successor: only an ended state has a successor")],
    ),
    (
        "  stamp: {kind: visa",
        "  Stamp: {kind: visa",
        [
            ("Stamp:", 'acts.Stamp: "Stamp" is not a name: it begins with a-z, then a-z, 0-9 and _'),
            ("stamped: {t", 'facts.stamped.from[1].act: act "stamp" is not declared; did you mean "Stamp"?'),
            ("stamped: {w", 'needs.stamped.met_by: act "stamp" is not declared; did you mean "Stamp"?'),
        ],
    ),
    (
        "  jot: {kind: note",
        "  open: {kind: note",
        [("open: {k", 'acts.open: "open" is a word of the format: choose another name')],
    ),
    (
        "sees: receipt",
        "sees: reciept",
        [
            (
                "anybody:",
                'roles.anybody.sees: "reciept" is not one of none, receipt, assigned, unit, province, region, metadata; did you mean "receipt"?',
            )
        ],
    ),
    (
        "acts_as: mediator",
        "acts_as: mediatr",
        [("keeper:", 'seats.keeper.acts_as: role "mediatr" is not declared; did you mean "mediator"?')],
    ),
    (
        "code: PR, side: losing",
        "code: PR, side: lossing",
        [("owner:", 'slots.owner.side: side "lossing" is not declared; did you mean "losing"?')],
    ),
    (
        "side: losing\n    readers",
        "side: losng\n    readers",
        [("side: losn", 'forms.talk.side: side "losng" is not declared; did you mean "losing"?')],
    ),
    (
        "readers: [mediator, warden]",
        "readers: [mediator, wardn]",
        [("reader", 'forms.talk.readers: role or seat "wardn" is not declared; did you mean "warden"?')],
    ),
    (
        "what: {type: long, required: true, most: 4000",
        "what: {type: longg, required: true, most: 4000",
        [
            (
                "what: {type: l",
                'forms.slip.fields.what.type: "longg" is not one of text, long, choice, choices, yes_no, tri, date, moment, integer, scale, check, person, persons, account, accounts, grid, rows, danger, dangers, danger_answers, target, covers, referral, hold, record, seat, slot, side, duty, case, school, massar, signature; did you mean "long"?',
            )
        ],
    ),
    (
        "what: {type: long, required: true, most: 4000",
        "what: {type: long, requird: true, most: 4000",
        [("what: {type: l", 'unknown key "requird" in forms.slip.fields.what; did you mean "required"?')],
    ),
    (
        "what: {type: long, required: true, most: 4000",
        "what: {type: long, required: perhaps, most: many",
        [
            ("what: {type: l", 'forms.slip.fields.what.most: "many" is not a whole number'),
            ("what: {type: l", 'forms.slip.fields.what.required: "perhaps" is neither true nor false'),
        ],
    ),
    (
        "what: {type: long, required: true, most: 4000, label:",
        "what: {type: long, required: true, most: 4000, lable:",
        [
            ("what: {type: l", 'missing key "label" in forms.slip.fields.what'),
            ("what: {type: l", 'unknown key "lable" in forms.slip.fields.what; did you mean "label"?'),
        ],
    ),
    (
        "what: {type: long, required: true, most: 4000",
        "what: {type: long, required: true, most: -4",
        [("what: {type: l", "forms.slip.fields.what.most: -4 is out of reach: 0 to 1000000000")],
    ),
    (
        "whose: {type: persons, slots: [owner, holder]",
        "whose: {type: persons, slots: [owner, houlder]",
        [("whose:", 'forms.slip.fields.whose.slots: slot "houlder" is not declared; did you mean "holder"?')],
    ),
    (
        "whose: {type: persons, slots: [owner, holder]",
        "whose: {type: text, slots: [owner, holder]",
        [("whose:", "forms.slip.fields.whose.slots: only a field for people has slots, not text")],
    ),
    (
        "        default: other",
        "        default: othr",
        [("default: o", 'forms.slip.fields.kind.default: "othr" is no answer here; did you mean "other"?')],
    ),
    (
        "        type: choice\n        required: true\n        default: other",
        "        type: tri\n        required: true",
        [
            ("options:\n          p", "forms.slip.fields.kind.options: only choice and choices have options, not tri"),
            ("worth:", "forms.slip.fields.worth.when: `kind` has no value 'money' (it has yes, no, unknown)"),
        ],
    ),
    (
        "kind == 'money'\", least: 1",
        "kind == 'mony'\", least: 1",
        [("worth:", "forms.slip.fields.worth.when: `kind` has no value 'mony' (it has phone, money, other)")],
    ),
    (
        "kind == 'money'\", least: 1",
        "kinds == 'money'\", least: 1",
        [("worth:", 'forms.slip.fields.worth.when: form "slip": field "kinds" is not declared; did you mean "kind"?')],
    ),
    (
        "kind == 'money'\", least: 1",
        "what == 'money'\", least: 1",
        [("worth:", 'forms.slip.fields.worth.when: field "what" is long: a condition cannot read it')],
    ),
    (
        "kind == 'money'\", least: 1",
        'worth > 1", least: 1',
        [("worth:", "forms.slip.fields.worth.when: a field cannot hang on its own answer")],
    ),
    (
        "kind == 'money'\", least: 1",
        "kind.upper() == 'MONEY'\", least: 1",
        [
            (
                "worth:",
                "forms.slip.fields.worth.when: condition \"kind.upper() == 'MONEY'\": Call is not in the language of conditions",
            )
        ],
    ),
    (
        "kind == 'money'\", least: 1",
        'kind ==", least: 1',
        [("worth:", "forms.slip.fields.worth.when: condition 'kind ==' cannot be read: invalid syntax")],
    ),
    (
        "kind == 'money'\", least: 1",
        "kind < 'money'\", least: 1",
        [("worth:", "forms.slip.fields.worth.when: `kind` is enum: only whole numbers have an order")],
    ),
    (
        "kind == 'money'\", least: 1",
        'kind", least: 1',
        [("worth:", "forms.slip.fields.worth.when: `kind` is enum, not bool: compare it with something")],
    ),
    (
        "kind == 'money'\", least: 1",
        "1 < 'money'\", least: 1",
        [("worth:", "forms.slip.fields.worth.when: `1` is compared with a constant: one side must be a name")],
    ),
    (
        "kind == 'money'\", least: 1",
        'kind == by_staff", least: 1',
        [("worth:", "forms.slip.fields.worth.when: `kind` is enum and `by_staff` is bool: they cannot be compared")],
    ),
    (
        "kind == 'money'\", least: 1",
        "kind in 'money'\", least: 1",
        [("worth:", "forms.slip.fields.worth.when: `in 'money'`: write a list, such as ('one', 'two')")],
    ),
    (
        "least: 1, most: 5000",
        "least: 9000, most: 5000",
        [("worth:", "forms.slip.fields.worth.most: most (5000) is less than least (9000)")],
    ),
    (
        "least: 1, most: 5000",
        "least: 1, most: 50000000000",
        [("worth:", "forms.slip.fields.worth.most: 50000000000 is out of reach: 0 to 1000000000")],
    ),
    (
        "seen_on: {type: date, past: true",
        "seen_on: {type: date, past: true, future: true",
        [("seen_o", "forms.slip.fields.seen_on.future: nothing is in the past and in the future")],
    ),
    (
        "seen_on: {type: date, past: true",
        "seen_on: {type: text, past: true",
        [("seen_o", "forms.slip.fields.seen_on.past: past and future are for dates, not text")],
    ),
    (
        "seen_on: {type: date, past: true",
        "seen_on: {type: date, past: true, least: 1",
        [("seen_o", "forms.slip.fields.seen_on.least: a field of type date has no least")],
    ),
    (
        "seen_on: {type: date, past: true",
        "seen_on: {type: date, past: true, grid: weighing",
        [("seen_o", "forms.slip.fields.seen_on.grid: only a field of type grid names one, not date")],
    ),
    (
        "seen_on: {type: date, past: true",
        "seen_on: {type: date, past: true, only: [open]",
        [("seen_o", "forms.slip.fields.seen_on.only: a field of type date is not limited by `only`")],
    ),
    (
        "seen_on: {type: date, past: true",
        "seen_on: {type: date, past: true, default: now",
        [("seen_o", 'forms.slip.fields.seen_on.default: "now" is no answer here')],
    ),
    (
        "seen_on: {type: date, past: true",
        "seen_on: {type: rows, past: true",
        [
            ("seen_o", "forms.slip.fields.seen_on.past: past and future are for dates, not rows"),
            ("seen_o", "forms.slip.fields.seen_on: rows need fields"),
        ],
    ),
    (
        "seen_on: {type: date, past: true",
        "role: {type: date, past: true",
        [("role: ", 'forms.slip.fields.role: "role" is a word of the format: choose another name')],
    ),
    (
        "only: [open], required",
        "only: [opened], required",
        [
            (
                "letter: {t",
                'forms.reply.fields.letter.only: "opened" is no state of a referral here; did you mean "open"?',
            )
        ],
    ),
    (
        "only: [settle, all_clear]",
        "only: [settle, all_cleer]",
        [
            (
                "what: {type: r",
                'forms.signing.fields.what.only: act "all_cleer" is not declared; did you mean "all_clear"?',
            )
        ],
    ),
    (
        "grid: weighing, required",
        "grid: weighin, required",
        [("marks:", 'forms.scales.fields.marks.grid: grid "weighin" is not declared; did you mean "weighing"?')],
    ),
    (
        "          due: {type: date, future: true",
        "          due: {type: grid, future: true",
        [
            ("due: {t", "forms.accord.fields.promises.fields.due.future: past and future are for dates, not grid"),
            ("due: {t", "forms.accord.fields.promises.fields.due.type: a column of rows cannot be grid"),
        ],
    ),
    (
        "          due: {type: date, future: true",
        "          due: {type: date, when: \"promise == 'x'\"",
        [("due: {t", 'forms.accord.fields.promises.fields.due.when: column "promise" is not declared')],
    ),
    (
        '    fields:\n      which: {type: danger, required: true, label: {fr: "Quel danger ?", ar: "أي خطر؟", en: "Which danger?"}}\n      why',
        "    fields:\n      why",
        [("all_clear:", 'acts.all_clear.kind: form "calm" has no field of type danger, which lift_danger needs')],
    ),
    (
        "form: jotting",
        "form: joting",
        [("jot: {", 'acts.jot.form: form "joting" is not declared; did you mean "jotting"?')],
    ),
    (
        "in: shelved, by: [mediator",
        "in: [shelvd], by: [mediator",
        [("bring_news:", 'acts.bring_news.in: state "shelvd" is not declared; did you mean "shelved"?')],
    ),
    (
        "in: shelved, by: [mediator",
        "in: [], by: [mediator",
        [("bring_news:", "acts.bring_news.in: empty list: nobody could ever do this")],
    ),
    (
        "in: shelved, by: [mediator",
        "in: [START], by: [mediator",
        [("bring_news:", "acts.bring_news.in: an act of kind record cannot open a case")],
    ),
    (
        "kind: note, form",
        "kind: nota, form",
        [
            (
                "jot: {",
                'acts.jot.kind: "nota" is not one of record, report, raise_danger, lift_danger, refer, answer_referral, take_over, inform, hold, review_hold, visa, sign, seat, exclude, add_person, note, correct, evidence, grid, follow_up, join, ask_transfer, accept_transfer, tell_school, excuse, rights; did you mean "note"?',
            )
        ],
    ),
    (
        "kind: note, form",
        "kind: correct, form",
        [("jot: {", 'acts.jot.kind: form "jotting" has no field of type record, which correct needs')],
    ),
    (
        "kind: note, form",
        "kind: report, form",
        [("jot: {", "acts.jot.kind: write_slip is the report already: only one act can be")],
    ),
    (
        "kind: note, form",
        "kind: raise_danger, form",
        [
            (
                "jot: {",
                'acts.jot.kind: form "jotting" has no field of type danger or dangers, which raise_danger needs',
            ),
            ("jot: {", "acts.jot.kind: ring raises dangers already: only one act can"),
        ],
    ),
    (
        "in: START, by: [anybody",
        "in: shelved, by: [anybody",
        [("write_slip:", "acts.write_slip.in: no act of kind report is open at START: nothing could ever be reported")],
    ),
    (
        "in: any, by: [mediator, warden, principal], group",
        "in: any, by: [mediator, warden, principle], group",
        [("jot: {", 'acts.jot.by: role or seat "principle" is not declared; did you mean "principal"?')],
    ),
    (
        'effect_when: "settled"',
        'effect_when: "setled"',
        [
            (
                "hear_back:",
                'acts.hear_back.effect_when: form "reply": field "setled" is not declared; did you mean "settled"?',
            )
        ],
    ),
    (
        'effect_when: "settled"',
        'effect_when: "external"',
        [("hear_back:", 'acts.hear_back.effect_when: form "reply": field "external" is not declared')],
    ),
    (
        "signatures: 2, signed_by",
        "signatures: 9, signed_by",
        [("settle:", "acts.settle.signatures: 9 signatures: 0 to 5")],
    ),
    (
        "signatures: 2, signed_by",
        "signed_by",
        [
            ("settle:", "acts.settle.signed_by: signed_by needs signatures"),
            ("signatures: {", "facts.signatures.from[1].act: settle is not signed: it has no signatures"),
        ],
    ),
    (
        "needs: talked, group",
        "needs: talkd, group",
        [("wrap_up:", 'acts.wrap_up.needs: need "talkd" is not declared; did you mean "talked"?')],
    ),
    (
        "moves: open_file, group",
        "moves: opn_file, group",
        [("write_slip:", 'acts.write_slip.moves: move "opn_file" is not declared; did you mean "open_file"?')],
    ),
    (
        "moves: sound, group",
        "moves: stand_down, group",
        [
            ("ring: ", 'acts.ring.moves: move "stand_down" is not automatic'),
            ("sound:", "moves.sound.automatic: no act makes this move: name it in an act's moves"),
        ],
    ),
    (
        '          1: {fr: "Petit", ar: "صغير", en: "Small"}',
        '          7: {fr: "Petit", ar: "صغير", en: "Small"}',
        [("assessment:", 'assessment.override: answer "7" is no level of the grid')],
    ),
    (
        "from: START, to: noted",
        "from: [], to: noted",
        [("open_file:", "moves.open_file.from: empty list: this move could never be made")],
    ),
    (
        "from: START, to: noted",
        "from: START, to: notd",
        [("open_file:", 'moves.open_file.to: state "notd" is not declared; did you mean "noted"?')],
    ),
    (
        "from: START, to: noted",
        "from: START, to: looking",
        [
            ("noted:", "states.noted: no move leads from START to the initial state"),
            ("noted:", "states.noted: no moves lead here from START"),
        ],
    ),
    (
        "from: START, to: noted, by",
        "from: history, to: noted, by",
        [("open_file:", "moves.open_file.from: history is only where a move leads to")],
    ),
    (
        "from: START, to: noted, by",
        "from: any, to: noted, by",
        [("open_file:", 'moves.open_file.from: state "any" is not declared')],
    ),
    (
        "from: noted, to: looking, by: warden",
        "from: [noted, noted], to: looking, by: wardn",
        [
            ("start_", 'moves.start_looking.by: role or seat "wardn" is not declared; did you mean "warden"?'),
            ("start_", 'moves.start_looking.from: "noted" is named twice'),
        ],
    ),
    (
        "from: noted, to: looking, by: warden, needs: keeper_trained",
        "from: noted, to: looking, by: warden, needs: keeper_traind",
        [("start_", 'moves.start_looking.needs: need "keeper_traind" is not declared; did you mean "keeper_trained"?')],
    ),
    (
        "quiet, posted], meets: letter_due",
        "quiet, posted], meets: letter_du",
        [("hand_o", 'moves.hand_on.meets: deadline "letter_du" is not declared; did you mean "letter_due"?')],
    ),
    (
        "to: alarmed, by: everyone, needs: bell_rung, automatic: true",
        "to: alarmed, by: everyone, needs: bell_rung",
        [("ring: ", 'acts.ring.moves: move "sound" is not automatic')],
    ),
    (
        '{to: delegate, when: "letters_open > 0"}',
        '{to: delegat, when: "letters_opn > 0"}',
        [
            ("sound:", 'moves.sound.notify[2].to: role or seat "delegat" is not declared; did you mean "delegate"?'),
            ("sound:", 'moves.sound.notify[2].when: fact "letters_opn" is not declared; did you mean "letters_open"?'),
        ],
    ),
    (
        '{to: delegate, when: "letters_open > 0"}',
        "{to: delegate, if: x}",
        [("sound:", 'unknown key "if" in moves.sound.notify[2]')],
    ),
    (
        "distinct: [[proposer, mover]]",
        "distinct: [[proposer, movr]]",
        [("shelve:", 'moves.shelve.distinct[1]: act "movr" is not declared; did you mean "mover"?')],
    ),
    (
        "distinct: [[proposer, mover]]",
        "distinct: [[proposer]]",
        [("shelve:", "moves.shelve.distinct[1]: name two at least who must differ")],
    ),
    (
        "distinct: [[proposer, mover]]",
        "distinct: [proposer, mover]",
        [("shelve:", "moves.shelve.distinct: must be a list")],
    ),
    ("sets: {assess: true}", "sets: {level: 5}", [("agree:", "moves.agree.sets.level: no grid has a level 5")]),
    (
        "sets: {assess: true}",
        "sets: {assess: true}, carries: [all]",
        [("agree:", 'moves.agree.carries: "all" is no thing that a case carries along here')],
    ),
    (
        "sets: {assess: true}",
        "sets: {assess: true}, opens: nowhere",
        [("agree:", 'moves.agree.opens: state "nowhere" is not declared')],
    ),
    (
        "from: agreed, to: shelved, by: principal",
        "from: looking, to: shelved, by: principal",
        [("agreed:", "states.agreed: no move leads out of here, and it is not ended")],
    ),
    (
        "dangers: {states: raised}",
        "dangers: {states: rased}",
        [
            (
                "ringing:",
                'facts.ringing.dangers.states: "rased" is not one of raised, referred, lifted; did you mean "raised"?',
            )
        ],
    ),
    (
        "dangers: {states: raised}",
        "dangers: {states: raised}, open_referrals: true",
        [("ringing:", "facts.ringing: a fact has one source, not dangers and open_referrals")],
    ),
    (
        "type: count, dangers: {states: raised}",
        "type: enum, dangers: {states: raised}",
        [
            ("ringing:", "facts.ringing.type: dangers gives count, bool or int, not enum"),
            ("ringing:", "facts.ringing: an enum needs values"),
            ("bell_rung:", "needs.bell_rung.when: `ringing` is enum: only whole numbers have an order"),
            ("quiet:", "needs.quiet.when: `ringing` is enum: 0 is not one of its values"),
            ("unseen", "deadlines.unseen.steps[1].when: `ringing` is enum: 0 is not one of its values"),
            ("write_l", "duties.write_letter.when: `ringing` is enum: only whole numbers have an order"),
        ],
    ),
    (
        "type: count, open_referrals: true",
        "type: count",
        [
            (
                "letters_open:",
                "facts.letters_open: a fact has one source: from, dangers, open_referrals, guardians, grid_known, assessed_level, entered, content_since_entry, follow_up, deadline, people, months_since, days",
            )
        ],
    ),
    (
        "type: count, open_referrals: true",
        "type: bool, open_referrals: true",
        [
            ("sound:", "moves.sound.notify[2].when: `letters_open` is bool: only whole numbers have an order"),
            ("letters_open:", "facts.letters_open.type: open_referrals gives count or int, not bool"),
            ("letters_settled:", "needs.letters_settled.when: `letters_open` is bool: 0 is neither True nor False"),
            ("chase_", "duties.chase_reply.when: `letters_open` is bool: only whole numbers have an order"),
        ],
    ),
    (
        "type: count, open_referrals: true",
        "type: count, fold: count, open_referrals: true",
        [("letters_open:", "facts.letters_open.fold: open_referrals has no fold")],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        "{act: all_cler}], fold: ever, since: entry",
        [("clear_given:", 'facts.clear_given.from[1].act: act "all_cler" is not declared; did you mean "all_clear"?')],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        "{act: all_clear}], fold: ever, since: entree",
        [
            (
                "clear_given:",
                'facts.clear_given.since: "entree" is not one of opening, danger, entry; did you mean "entry"?',
            )
        ],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        "{act: all_clear}], fold: count, since: entry",
        [
            (
                "clear_given:",
                "facts.clear_given.fold: a fact of type bool folds by last, ever, answered or standing, not count",
            )
        ],
    ),
    (
        '{act: all_clear}], fold: ever, since: entry, initial: "false"',
        '{act: all_clear}], fold: ever, since: entry, initial: "none"',
        [("clear_given:", 'facts.clear_given.initial: "none" is neither true nor false')],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        "{act: all_clear, field: why}], fold: ever, since: entry",
        [("clear_given:", 'facts.clear_given.from[1].field: field "why" is text: yes_no or check is needed here')],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        '{act: all_clear, value: "2"}], fold: ever, since: entry',
        [("clear_given:", 'facts.clear_given.from[1].value: "2" is neither true nor false')],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        '{where: "x"}], fold: ever, since: entry',
        [
            ("clear_given:", "facts.clear_given.from[1].where: where goes with an act"),
            (
                "clear_given:",
                "facts.clear_given.from[1]: a source names one of act, entered, move, danger, hold, report, seen, missed_follow_up",
            ),
        ],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        "{act: all_clear, entered: noted}], fold: ever, since: entry",
        [("clear_given:", "facts.clear_given.from[1]: a source names one thing, not act and entered")],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        "{seen: true}], fold: ever, since: entry",
        [("clear_given:", "facts.clear_given.from[1].seen: seen starts or meets a deadline: it feeds no fact")],
    ),
    (
        "{act: all_clear}], fold: ever, since: entry",
        "{act: all_clear, by: [wardn], filled: whyy}], fold: ever, since: entry",
        [
            (
                "clear_given:",
                'facts.clear_given.from[1].by: role or seat "wardn" is not declared; did you mean "warden"?',
            ),
            ("clear_given:", 'facts.clear_given.from[1].filled: form "calm" has no field "whyy"; did you mean "why"?'),
        ],
    ),
    (
        'where: "on_danger", covering_entry',
        'where: "on_dangr", covering_entry',
        [
            (
                "letters_sent:",
                'facts.letters_sent.from[1].where: form "letter": field "on_dangr" is not declared; did you mean "on_danger"?',
            )
        ],
    ),
    (
        'where: "on_danger", covering_entry',
        "where: \"role == 'wardn'\", covering_entry",
        [
            (
                "letters_sent:",
                "facts.letters_sent.from[1].where: `role` has no value 'wardn' (it has anybody, mediator, warden, principal, delegate, keeper, cosigner)",
            )
        ],
    ),
    (
        'where: "on_danger", covering_entry',
        "where: \"to == 'gendarme'\", covering_entry",
        [
            (
                "letters_sent:",
                "facts.letters_sent.from[1].where: `to` has no value 'gendarme' (it has gendarmes, school_doctor)",
            )
        ],
    ),
    (
        "values: ['yes', 'no', unknown], from",
        "values: ['yes', 'no'], from",
        [("spoke:", 'facts.spoke.from[1].field: answer "unknown" of heard is not among the values of spoke')],
    ),
    ("values: ['yes', 'no', unknown], from", "from", [("spoke:", "facts.spoke: an enum needs values")]),
    (
        "field: heard}]",
        "field: herd}]",
        [("spoke:", 'facts.spoke.from[1].field: form "talk" has no field "herd"; did you mean "heard"?')],
    ),
    (
        "field: heard}]",
        "field: own_words}]",
        [
            (
                "spoke:",
                'facts.spoke.from[1].field: field "own_words" is long: choice, tri, danger, target, seat, slot, side or duty is needed here',
            )
        ],
    ),
    (
        "{act: meet, field: heard}], since: opening",
        "{act: meet}], since: opening",
        [("spoke:", "facts.spoke.from[1]: this fact needs a field or a value from its source")],
    ),
    (
        "{act: meet, field: heard}], since: opening",
        "{act: meet, field: heard, value: 'yes'}], since: opening",
        [("spoke:", "facts.spoke.from[1].value: a source takes a field or a value, not both")],
    ),
    (
        "grid_known: weigh, since",
        "grid_known: meet, since",
        [("marks_known:", 'facts.marks_known.grid_known: form "talk" has no field of type grid')],
    ),
    (
        "type: int, assessed_level: true",
        "type: count, assessed_level: true",
        [("size: ", "facts.size.type: assessed_level gives int, not count")],
    ),
    (
        "assessed_level: true, figure: true",
        "grid_known: weigh",
        [("assessment:", 'assessment.fact: fact "size" does not say assessed_level')],
    ),
    (
        "since: {entered: looking}",
        "since: {entered: lookng}",
        [("signatures: {", 'facts.signatures.since.entered: state "lookng" is not declared; did you mean "looking"?')],
    ),
    (
        "guardians: {act: tell_home, person: who, result: how, held: held}",
        "guardians: {act: tell_home, person: how, result: who, held: helt}",
        [
            ("home: {t", 'facts.home.guardians.held: "helt" is not among the values of home; did you mean "held"?'),
            ("home: {t", 'facts.home.guardians.person: field "how" is choice: person is needed here'),
            ("home: {t", 'facts.home.guardians.result: field "who" is person: choice is needed here'),
        ],
    ),
    (
        "absent, held], initial: none",
        "held], initial: nobody",
        [
            ("home: {t", 'facts.home.guardians.result: answer "absent" is not among the values of home'),
            ("home: {t", 'facts.home.initial: "nobody" is not among the values of home'),
        ],
    ),
    (
        "streak_of: returned",
        "streak_of: retrned",
        [("good_looks:", 'facts.good_looks.streak_of: "retrned" is no answer of that field; did you mean "returned"?')],
    ),
    (
        "streak_of: returned, since",
        "since",
        [("good_looks:", "facts.good_looks.streak_of: streak and streak_of go together: which answers count")],
    ),
    (
        "fold: standing, from: [{act: stamp",
        "fold: standing, from: [{act: wrap_up",
        [
            ("stamped: {t", "facts.stamped.from[1].act: standing needs an act of kind visa: wrap_up is record"),
            ("stamped: {t", 'facts.stamped.from[1].where: form "wrap": field "fine" is not declared'),
        ],
    ),
    (
        "fold: answered, from: [{act: wrap_up, field: asked_again}]",
        "fold: answered, from: [{act: wrap_up, field: learnt}]",
        [
            (
                "asked_again: {type: b",
                'facts.asked_again.from[1].field: field "learnt" is long: danger_answers is needed here',
            )
        ],
    ),
    (
        "months_since: shelved",
        "months_since: shelve",
        [
            (
                "months_shelved:",
                'facts.months_shelved.months_since: state "shelve" is not declared; did you mean "shelved"?',
            )
        ],
    ),
    (
        "people: {seat: keeper}",
        "people: {seat: keepr}",
        [("keeper_ready:", 'facts.keeper_ready.people.seat: seat "keepr" is not declared; did you mean "keeper"?')],
    ),
    (
        'when: "marks_known >= 3"',
        'when: "marks_knwn >= 3"',
        [("weighed:", 'needs.weighed.when: fact "marks_knwn" is not declared; did you mean "marks_known"?')],
    ),
    (
        'when: "marks_known >= 3"',
        "when: \"marks_known >= 'three'\"",
        [("weighed:", "needs.weighed.when: `marks_known` is int: 'three' is not a whole number")],
    ),
    ('when: "marks_known >= 3"', 'when: "True"', [("marks_", "facts.marks_known: declared but never read")]),
    (
        'when: "stamped", met_by: stamp',
        "when: \"stamped == 'yes'\", met_by: stamp",
        [("stamped: {w", "needs.stamped.when: `stamped` is bool: 'yes' is neither True nor False")],
    ),
    (
        "met_by: give_chair",
        "met_by: give_char",
        [
            (
                "keeper_trained:",
                'needs.keeper_trained.met_by: act "give_char" is not declared; did you mean "give_chair"?',
            )
        ],
    ),
    (
        "met_by: give_chair",
        "met_by: give_chair, lock: always",
        [("keeper_trained:", 'needs.keeper_trained.lock: "always" is not one of law, safety')],
    ),
    (
        "met_by: give_chair",
        "met_by: give_chair, dead: true",
        [("keeper_trained:", 'unknown key "dead" in needs.keeper_trained')],
    ),
    ('when: "keeper_ready"', 'when: "ringing == 0"', [("keeper_r", "facts.keeper_ready: declared but never read")]),
    (
        "value: 24, unit: clock_hours, max: 48",
        "value: 72, unit: clock_hours, max: 48",
        [("letter_due:", "deadlines.letter_due.value: 72 is more than its max, 48, which the law fixes")],
    ),
    (
        "value: 24, unit: clock_hours, max: 48",
        "value: 24, unit: clock_hours",
        [("letter_due:", "deadlines.letter_due.lock: what the law fixes needs a max")],
    ),
    (
        "value: 24, unit: clock_hours, max: 48",
        "value: 24, unit: hours, max: 48",
        [
            (
                "letter_due:",
                'deadlines.letter_due.unit: "hours" is not one of clock_hours, school_hours, school_days, calendar_days',
            )
        ],
    ),
    (
        "value: 24, unit: clock_hours, max: 48",
        "value: -1, unit: clock_hours, max: 48",
        [("letter_due:", "deadlines.letter_due.value: -1 is out of reach: 0 to 100000")],
    ),
    (
        "value: 3, unit: school_days",
        "value: 12:30, unit: school_days",
        [("first_talk:", 'deadlines.first_talk.value: "12:30" is not a whole number')],
    ),
    (
        "value: 3, unit: school_days",
        "unit: school_days",
        [("first_talk:", "deadlines.first_talk: a deadline has a value or steps")],
    ),
    (
        "value: 15, unit: calendar_days",
        "value: 1500000, unit: calendar_days",
        [("settle_", "deadlines.settle_by.value: 1500000 is out of reach: 0 to 100000")],
    ),
    (
        "start: [{danger: raised}]",
        "start: []",
        [("letter_due:", "deadlines.letter_due.start: empty list: this deadline would never start")],
    ),
    (
        "start: [{danger: raised}]",
        "start: [{danger: rung}]",
        [("letter_due:", 'deadlines.letter_due.start[1].danger: "rung" is not one of raised, lifted')],
    ),
    (
        "start: [{act: post}], met_by: [{act: hear_back}]",
        "start: [{act: post, field: words}], met_by: [{act: heer_back}]",
        [
            (
                "reply_chase:",
                'deadlines.reply_chase.met_by[1].act: act "heer_back" is not declared; did you mean "hear_back"?',
            ),
            (
                "reply_chase:",
                'deadlines.reply_chase.start[1].field: field "words" is long: date or moment is needed here',
            ),
        ],
    ),
    (
        "per: guardian, start",
        "per: guardians, start",
        [
            (
                "home_due:",
                'deadlines.home_due.per: "guardians" is not one of danger, referral, guardian, entry, start, follow_up; did you mean "guardian"?',
            )
        ],
    ),
    (
        "suspended_while: \"home == 'held'\", title",
        "suspended_while: \"home == 'helt'\", title",
        [
            (
                "home_due:",
                "deadlines.home_due.suspended_while: `home` has no value 'helt' (it has none, informed, absent, held)",
            )
        ],
    ),
    (
        "after: 2, unit: school_days, tell: warden",
        "after: 2, unit: school_days, tell: wardn",
        [
            (
                "look_m",
                'deadlines.look_missed.steps[1].tell: role or seat "wardn" is not declared; did you mean "warden"?',
            )
        ],
    ),
    (
        "after: 2, unit: school_days, tell: warden",
        "after: -2, unit: school_days, tell: everyone",
        [
            ("look_m", "deadlines.look_missed.steps[1].after: -2 is out of reach: 0 to 100000"),
            ("look_m", 'deadlines.look_missed.steps[1].tell: role or seat "everyone" is not declared'),
        ],
    ),
    (
        'after: 1, unit: school_days, tell: [warden, principal], when: "ringing == 0"',
        'after: 1, unit: school_days, tell: [warden, principal], when: "ringing"',
        [("unseen", "deadlines.unseen.steps[1].when: `ringing` is int, not bool: compare it with something")],
    ),
    (
        "{met_by: tell_home, deadlines: home_due, suspended_while: \"home == 'held'\", blocks: home_told, by: [warden]",
        "{met_by: tell_hom, deadlines: home_du, suspended_while: \"hom == 'held'\", blocks: home_tld, by: [wardn], after_move: x",
        [
            ("tell_f", 'duties.tell_family.after_move: move "x" is not declared'),
            ("tell_f", 'duties.tell_family.blocks: need "home_tld" is not declared; did you mean "home_told"?'),
            ("tell_f", 'duties.tell_family.by: role or seat "wardn" is not declared; did you mean "warden"?'),
            ("tell_f", 'duties.tell_family.deadlines: deadline "home_du" is not declared; did you mean "home_due"?'),
            ("tell_f", 'duties.tell_family.met_by: act or move "tell_hom" is not declared; did you mean "tell_home"?'),
            ("tell_f", 'duties.tell_family.suspended_while: fact "hom" is not declared; did you mean "home"?'),
        ],
    ),
    (
        "weight: 2, title",
        "weight: 0, title",
        [("temper:", "grids.weighing.items.temper.weight: a weight is 1 at least, not 0")],
    ),
    (
        '{fr: "Claires", ar: "واضحة", en: "Clear"}, {fr: "Floues", ar: "غامضة", en: "Dim"}, ',
        '{fr: "Claires", ar: "واضحة", en: "Clear"}, ',
        [("trace:", "grids.weighing.items.trace.anchors: 2 anchors: the first item has 3")],
    ),
    (
        "      2: {low: 6, high: 10",
        "      2: {low: 7, high: 10",
        [("2: {lo", "grids.weighing.levels.2.low: level 2 begins at 7, not at 6: gap or overlap")],
    ),
    (
        "      2: {low: 6, high: 10",
        "      2: {low: 5, high: 10",
        [("2: {lo", "grids.weighing.levels.2.low: level 2 begins at 5, not at 6: gap or overlap")],
    ),
    (
        "      2: {low: 6, high: 10",
        "      2: {low: 6, high: 9",
        [("levels:\n     ", "grids.weighing.levels: the levels end at 9: the grid's maximum is 10")],
    ),
    (
        "      2: {low: 6, high: 10",
        "      2: {low: 6, high: ten",
        [("2: {lo", 'grids.weighing.levels.2.high: "ten" is not a whole number')],
    ),
    (
        "      2: {low: 6, high: 10",
        "      two: {low: 6, high: 10",
        [("two: {", 'grids.weighing.levels.two: "two" is not a whole number')],
    ),
    (
        'when: "temper == 2", level: 2',
        'when: "tempr == 2", level: 4',
        [
            ('- {when: "t', "grids.weighing.floors[1].level: the grid has no level 4"),
            (
                '- {when: "t',
                'grids.weighing.floors[1].when: grid "weighing": item "tempr" is not declared; did you mean "temper"?',
            ),
        ],
    ),
    (
        'when: "temper == 2", level: 2',
        "when: \"temper == 'hot'\", level: 2",
        [('- {when: "t', "grids.weighing.floors[1].when: `temper` is int: 'hot' is not a whole number")],
    ),
    (
        "{fact: size, act: weigh, field: marks, override: rather, danger_level: 2, recurrence: again, recurrence_level: 2}",
        "{fact: siz, act: wegh, field: mrks, override: rathr, danger_level: 3, recurrence: agin, recurrence_level: 3}",
        [
            ("assessment:", 'assessment.act: act "wegh" is not declared; did you mean "weigh"?'),
            ("assessment:", "assessment.danger_level: no grid has a level 3"),
            ("assessment:", 'assessment.fact: fact "siz" is not declared; did you mean "size"?'),
            ("assessment:", "assessment.recurrence_level: no grid has a level 3"),
        ],
    ),
    (
        "{fact: size, act: weigh, field: marks, override: rather, danger_level: 2, recurrence: again, recurrence_level: 2}",
        "{fact: ringing, act: weigh, field: rather, override: marks, danger_level: 2, recurrence: rather, reopening_raise: 99}",
        [
            ("assessment:", 'assessment.fact: fact "ringing" does not say assessed_level'),
            ("assessment:", 'assessment.field: field "rather" is choice: grid is needed here'),
            ("assessment:", 'assessment.override: field "marks" is grid: choice, integer or scale is needed here'),
            ("assessment:", 'assessment.recurrence: field "rather" is choice: yes_no or check is needed here'),
            ("assessment:", "assessment.reopening_raise: 99 levels: 0 to 10"),
        ],
    ),
    (
        "  act: look_in\n  held_on: on\n  next_on: again_on",
        "  act: look_in\n  held_on: back\n  next_on: never",
        [
            ("held_on: b", 'follow_up.held_on: field "back" is choice: date or moment is needed here'),
            ("next_o", 'follow_up.next_on: form "look_back" has no field "never"'),
        ],
    ),
    (
        "  act: look_in\n  held_on: on\n  next_on: again_on\n  starts: agreed",
        "  act: meet\n  held_on: heard\n  next_on: heard\n  starts: agree",
        [
            ("act: meet\n", "follow_up.act: meet is of kind record, not follow_up"),
            ("held_on: h", 'follow_up.held_on: field "heard" is tri: date or moment is needed here'),
            ("next_o", 'follow_up.next_on: field "heard" is tri: date or moment is needed here'),
            ("starts", 'follow_up.starts: state "agree" is not declared; did you mean "agreed"?'),
        ],
    ),
    ("    1: {days: [5]}\n", "", [("levels:\n    2", "follow_up.levels: level 1 has no schedule")]),
    (
        "    1: {days: [5]}",
        "    1: {days: [5, 2]}",
        [("1: {da", "follow_up.levels.1.days: days of a schedule go upwards")],
    ),
    (
        "    1: {days: [5]}",
        "    1: {days: [5], roll: {fixed: [4]}}",
        [("1: {da", "follow_up.levels.1.roll.fixed: day 4 is not in the schedule")],
    ),
    (
        "    1: {days: [5]}",
        "    1: {days: [5]}\n    3: {days: [9]}",
        [("3: {da", "follow_up.levels.3: no grid has a level 3")],
    ),
    ("unassessed_as: 2", "unassessed_as: 4", [("unasse", "follow_up.unassessed_as: level 4 has no schedule")]),
    (
        "treat_as_in: {alarmed: 2}",
        "treat_as_in: {alarm: 9}",
        [
            ("treat_", "follow_up.treat_as_in.alarm: level 9 has no schedule"),
            ("treat_", 'follow_up.treat_as_in.alarm: state "alarm" is not declared; did you mean "alarmed"?'),
        ],
    ),
    (
        "targets: [gendarmes, school_doctor], lifted_with: principal",
        "targets: [gendarmes, school_doctr], lifted_with: principl",
        [
            ("blade:", 'dangers.blade.lifted_with: role "principl" is not declared; did you mean "principal"?'),
            ("blade:", 'dangers.blade.targets: target "school_doctr" is not declared; did you mean "school_doctor"?'),
        ],
    ),
    (
        "targets: school_doctor, settled_by: named",
        "targets: school_doctor",
        [("fight:", "dangers.fight: no target of it is external: a referral could never settle it")],
    ),
    (
        "targets: school_doctor, settled_by: named",
        "targets: school_doctor, settled_by: [namd]",
        [("fight:", 'dangers.fight.settled_by: "namd" is not one of external, judicial, named; did you mean "named"?')],
    ),
    (
        "letter_by: [principal]",
        "letter_by: [principl]",
        [
            (
                "gendarmes:",
                'targets.gendarmes.letter_by: role or seat "principl" is not declared; did you mean "principal"?',
            )
        ],
    ),
    (
        "for: [delegate]",
        "for: [delegat]",
        [
            (
                "outsid",
                'documents.dossier.profiles.outside.for: role or seat "delegat" is not declared; did you mean "delegate"?',
            )
        ],
    ),
    (
        "acts: [write_slip, meet, settle]",
        "acts: [write_slip, meat, settle]",
        [("- {kind: r", 'documents.dossier.sections[3].acts: act "meat" is not declared; did you mean "meet"?')],
    ),
    (
        "checks: [home_told, posted, first_talk]",
        "checks: [home_tld]",
        [
            (
                "checks",
                'documents.dossier.checks: need, deadline or duty "home_tld" is not declared; did you mean "home_told"?',
            )
        ],
    ),
    (
        "kind: chronology, title",
        "kind: history, title",
        [
            (
                "- {kind: h",
                'documents.dossier.sections[5].kind: "history" is not one of decision, conformance, chronology, people, records, grid, referrals, follow_ups, evidence, dangers, duties, checks',
            )
        ],
    ),
    (
        'restricted_when: "by_staff"',
        'restricted_when: "by_stuff"',
        [("restricted_w", 'restricted_when: form "slip": field "by_stuff" is not declared; did you mean "by_staff"?')],
    ),
    (
        'restricted_when: "by_staff"',
        'restricted_when: "what"',
        [("restricted_w", 'restricted_when: field "what" is long: a condition cannot read it')],
    ),
    (
        "states: [shelved], months: 6",
        "states: [shelvd], months: 0",
        [
            ('- {when: "s', "retention[1].months: 0 months: 1 to 1200"),
            ('- {when: "s', 'retention[1].states: state "shelvd" is not declared; did you mean "shelved"?'),
        ],
    ),
    (
        'when: "size == 1", states',
        'when: "sise == 1", states',
        [('- {when: "s', 'retention[1].when: fact "sise" is not declared; did you mean "size"?')],
    ),
    (
        '    fields:\n      words: {type: long, required: true, label: {fr: "Note", ar: "ملاحظة", en: "Note"}}',
        "    fields:\n      - {type: long}",
        [("fields:\n      -", "forms.jotting.fields: must be a mapping of keys")],
    ),
    ("  jotting:\n", "  jotting: x\n  jottin:\n", [("jotting:", "forms.jotting: must be a mapping of keys")]),
    (
        "jot: {kind: note, form: jotting, in: any, by: [mediator, warden, principal], group: team",
        "jot: {kind: note, form: jotting, in: any, by: [mediator, warden, principal], group: others",
        [
            (
                "jot: {",
                'acts.jot.group: "others" is not one of safety, people, listening, assessment, plan, referral, follow_up, closing, team',
            )
        ],
    ),
    (
        "roles:\n",
        "roles: none\nroles_:\n",
        [("roles:", "roles: must be a mapping of keys"), ("roles_", 'unknown key "roles_"; did you mean "roles"?')],
    ),
]
