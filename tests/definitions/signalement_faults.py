"""Public reports of the small definition, and small changes to them, each with what the reader says about it."""

from __future__ import annotations

from pathlib import Path

SMALL = Path(__file__).with_name("small.yaml").read_text("utf-8")
W = "{fr: a, ar: b, en: c}"


def _form(name: str, more: str = "") -> str:
    return f"""  {name}:
    title: {W}
    fields:
      told: {{type: long, required: true, most: 900, label: {W}}}
      about: {{type: choice, required: true, label: {W}, options: {{phone: {W}, cash: {W}}}}}
      grown: {{type: tri, label: {W}}}
      where: {{type: text, label: {W}}}
{more}"""


FORMS = _form("anyone") + _form("adult").replace("  adult:", "  grown_up:")
BLOCK = f"""
signalement:
  form: anyone
  staff_form: grown_up
  act: write_slip
  as: anybody
  becomes:
    what: {{from: [told, where]}}
    kind: {{from: about, values: {{cash: money}}, otherwise: other}}
  alike: told
  contact: where
  not_for: where
  called: {{warden: [guard, gardien]}}
  restricted_when: "grown == 'yes'"
  unsure_when: "grown == 'unknown'"
  hints: [help]
  urgent_when: "about == 'cash'"
  never_send: "about == 'phone'"
  instead: {W}
  reads: [mediator, warden]
  restricted_reads: delegate
  doors: principal
  rises:
    - {{tell: mediator}}
    - {{tell: warden, after: 4}}
  restricted:
    - {{tell: delegate}}
  out_of_hours: delegate
  numbers: TARGET
  keeps: 3
  promise: {W}
  promises: [{{when: "about == 'cash'", say: {W}}}]
  staff_promise: {W}
  above: {{name: {W}, read: {W}, in_hand: {W}, over: {W}, hours: {W}}}
  hours: {W}
  anonymous: {W}
  orientations:
    elsewhere: {{targets: TARGET, sentence: {W}, title: {W}}}
  sheets:
    phone: {{targets: TARGET, title: {W}, advice: [{W}]}}
  material:
    motto: {W}
    call: {W}
    promise: {W}
    what: {W}
    do: [{W}]
    never: [{W}]
    family: [{W}]
    after: [{{title: {W}, deadline: first_talk}}]
"""
TARGET = "gendarmes"
HERE = "signalement"


def with_reports(*changes: tuple[str, str]) -> str:
    """The small definition with public reports, changed in these places."""
    text = SMALL.replace("\nacts:\n", f"\n{FORMS}\nacts:\n", 1).rstrip("\n") + "\n" + BLOCK.replace("TARGET", TARGET)
    for old, new in changes:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


FAULTS: tuple[tuple[tuple[tuple[str, str], ...], str, str], ...] = (
    ((("  form: anyone\n", "  form: anyon\n"),), "form: anyon\n", f'{HERE}.form: form "anyon" is not declared'),
    ((("  form: anyone\n", "  form: slip\n"),), "form: slip\n  staff", 'form "slip" belongs to an act'),
    ((("where: {type: text, label: {fr: a, ar: b, en: c}}\n  grown_up:",
       "where: {type: account, label: {fr: a, ar: b, en: c}}\n  grown_up:"),),
     "where: {type: account", "nobody can answer it without a case or an account"),
    ((("  grown_up:\n    title: {fr: a, ar: b, en: c}\n    fields:\n      told:",
       "  grown_up:\n    title: {fr: a, ar: b, en: c}\n    fields:\n      tolled:"),),
     "staff_form:", 'question "told" is another one in form "grown_up": only its words may differ'),
    ((("  act: write_slip\n  as", "  act: ring\n  as"),), "act: ring\n  as",
     "opens no case: an act of kind report does"),
    ((("  as: anybody\n", "  as: delegate\n"),), "as: delegate", '"delegate" may not record act "write_slip"'),
    ((("    what: {from: [told, where]}", "    what: {from: told, received: true}"),), "    what: {from: told",
     f"{HERE}.becomes.what: an answer comes from one thing: from, received or barred"),
    ((("    what: {from: [told, where]}", "    what: {received: true}"),), "    what: {received",
     'field "what" is long: moment is needed here'),
    ((("    what: {from: [told, where]}", "    whta: {from: told}"),), "    whta", 'has no field "whta"'),
    ((("    kind: {from: about, v", "    kind: {from: [about, grown], v"),), "    kind: {from: [about",
     "only words are put together from several answers"),
    ((("    what: {from: [told, where]}", "    seen_on: {from: about}"),), "    seen_on: {from: about",
     "no answer of a public report is put there"),
    ((("values: {cash: money}", "values: {cush: money}"),), "values: {cush", '"cush" is no answer here'),
    ((("values: {cash: money}", "values: {cash: monny}"),), "values: {cash: monny", '"monny" is no answer here'),
    ((("otherwise: other", "otherwise: othr"),), "otherwise: othr", '"othr" is no answer here'),
    ((("    kind: {from: about, values: {cash: money}, otherwise: other}", "    kind: {from: about}"),),
     "    kind: {from: about}", '"cash" is no answer here'),
    ((("  alike: told\n", "  alike: about\n"),), "alike: about", "text or long is needed here"),
    ((("  contact: where\n", "  contact: wher\n"),), "contact: wher\n", 'has no field "wher"'),
    ((("grown == 'yes'", "grown == 'yess'"),), "grown == 'yess'", "yess"),
    ((("  never_send: \"about == 'phone'\"\n", ""),), f"{HERE}:", "never_send and instead go together: when"),
    ((("called: {warden:", "called: {wardn:"),), "called: {wardn", 'role "wardn" is not declared'),
    ((("[guard, gardien]", "[]"),), "called: {warden: []", "nothing stands under warden"),
    ((("above: {name: {fr: a,", "above: {name: {fr: L’école lit.,"),), "above: {name",
     "this says that the school reads what it must not read"),
    ((("above: {name: {fr: a, ar: b,", "above: {name: {fr: a, ar: فريق المدرسة,"),), "above: {name",
     "this says that the school reads what it must not read"),
    ((("sentence: {fr: a,", "sentence: {fr: L’école ne peut pas agir seule.,"),),
     "elsewhere: {targets", "this says that the school reads what it must not read"),
    ((("above: {name: {fr: a,", "above: {name: {fr: Une personne de l’école l’a lu.,"),), "above: {name",
     "this says that the school reads what it must not read"),
    ((("above: {name: {fr: a, ar: b,", "above: {name: {fr: a, ar: قرأه أحد العاملين بالمدرسة,"),), "above: {name",
     "this says that the school reads what it must not read"),
    ((("  anonymous: {fr: a,", "  anonymous: {fr: L’école seule le lit.,"),), "anonymous: {fr",
     "this says that the school reads what it must not read"),
    ((("  restricted_when: \"grown == 'yes'\"\n", ""),), "unsure_when",
     "restricted_when and unsure_when go together: who reads it first"),
    ((("{when: \"about == 'cash'\", say", "{when: \"about == 'cush'\", say"),), "'cush'", "cush"),
    ((("  reads: [mediator, warden]", "  reads: []"),), "reads: []", "nobody is named under reads"),
    ((("  rises:\n    - {tell: mediator}\n    - {tell: warden, after: 4}\n", "  rises: []\n"),), "rises: []",
     "nobody is named under rises"),
    ((("    - {tell: mediator}\n", "    - {tell: mediator, after: 2}\n"),), "tell: mediator, after",
     "somebody is told at once: the first step comes after 0"),
    ((("    - {tell: delegate}\n", "    - {tell: warden}\n"),), "    - {tell: warden}\n",
     '"warden" does not read what is restricted: name it under restricted_reads, too'),
    ((("tell: warden, after: 4", "tell: wardn, after: 4"),), "tell: wardn", 'role "wardn" is not declared'),
    ((("  keeps: 3\n", "  keeps: 0\n"),), "keeps: 0", "keeps"),
    ((("advice: [{fr: a, ar: b, en: c}]", "advice: []"),), "advice: []", "a sheet without advice helps nobody"),
    (((f"    phone: {{targets: {TARGET}", "    phone: {targets: nobody"),), "phone: {targets: nobody",
     'target "nobody" is not declared'),
    ((("    family: [{fr: a, ar: b, en: c}]\n", "    family: []\n"),), "family: []", "nothing stands under family"),
    ((("deadline: first_talk}]", "deadline: frst_talk}]"),), "frst_talk", 'deadline "frst_talk" is not declared'),
    ((("  reads: [mediator, warden]", "  reads: [mediator, warden]\n  redas: x"),), "redas", 'unknown key "redas"'),
    ((("    elsewhere: {targets", "    Elsewhere: {targets"),), "Elsewhere", '"Elsewhere" is not a name'),
)  # fmt: skip
"""Changes, a part of the line that is pointed at, and a part of what is said."""
