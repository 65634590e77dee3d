"""A made-up school's poster, leaflet and orientation sheet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Material
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.reports.material import Address, AfterStep, Answering, OrientationSheet, Printed

NOW = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
SCHOOL = {"fr": "Collège Ibn Khaldoun", "ar": "ثانوية ابن خلدون الإعدادية", "en": "Ibn Khaldoun School"}
ALWAYS = {"always": True}
WEEKDAYS = {str(day): [["10:00", "16:00"]] for day in range(5)}
ADDRESS = Address("https://protocole.example.ma/s/rimokalu")
CALLS = (
    Answering({"fr": "Police", "ar": "الشرطة", "en": "Police"}, phone="19", hours=ALWAYS),
    Answering(
        {"fr": "Gendarmerie royale (milieu rural)", "ar": "الدرك الملكي (الوسط القروي)", "en": "Royal Gendarmerie"},
        phone="177", hours=ALWAYS,
    ),
    Answering({"fr": "ONDE, enfance en danger", "ar": "المرصد الوطني لحقوق الطفل", "en": "Child line"}, phone="2511"),
)  # fmt: skip
SERVICES = (
    Answering(
        {"fr": "EMC-Helpline", "ar": "خط المساعدة لفضاء مغرب الثقة السيبرانية", "en": "EMC-Helpline"},
        phone="+212 6 24 40 58 89", url="https://www.cyberconfiance.ma/helpline", hours=WEEKDAYS,
    ),
    Answering(
        {"fr": "Take It Down (avant 18 ans)", "ar": "Take It Down (دون 18 سنة)", "en": "Take It Down"},
        url="https://takeitdown.ncmec.org/fr/", hours=ALWAYS,
    ),
)  # fmt: skip


def said(fr: str, ar: str, en: str) -> Text:
    """One sentence in three languages."""
    return Text({"fr": fr, "ar": ar, "en": en})


MOTTO = said(
    "Signalez pour arrêter le cyberharcèlement", "بلغوا لوقف التحرش السيبراني", "Report it, to stop cyberharassment"
)
CALL = said(
    "Des moqueries, des menaces, un faux compte, une photo qui circule : ça t’arrive, ou tu l’as vu ? Dis-le.",
    "سخرية، تهديد، حساب مزيف، صورة تُتداول: وقع لك هذا أو رأيته؟ أخبرنا.",
    "Mockery, threats, a fake account, a picture passed around: it happens to you, or you saw it? Tell us.",
)
PROMISE = said(
    "On en parle avec toi avant d’en parler à tes parents.", "نتحدث معك قبل أن نتحدث مع والديك.",
    "We talk with you before we tell your parents.",
)  # fmt: skip
HOURS = said(
    "L’équipe lit les signalements les jours d’école, aux heures d’ouverture.",
    "يقرأ الفريق التبليغات أيام الدراسة، في أوقات العمل.",
    "The team reads reports on school days, in opening hours.",
)
NEVER = said(
    "N’envoie jamais une image intime, à personne, même pour prouver. Dis seulement où elle est.",
    "لا ترسلوا أبدا صورة حميمية لأي أحد، ولو للإثبات. يكفي أن تقولوا أين توجد.",
    "Never send an intimate image to anyone, not even as proof. Only say where it is.",
)
UNIT = Unit("school", UnitKind.school, "00000A", SCHOOL, ())
MATERIAL = Material(
    motto=MOTTO, call=CALL, promise=PROMISE,
    what=said(
        "Le cyberharcèlement, c’est faire du mal à quelqu’un, souvent et exprès, avec un téléphone.",
        "التحرش السيبراني هو إيذاء شخص عمدا وبشكل متكرر عبر الهاتف أو الإنترنت.",
        "Cyberharassment is hurting somebody, often and on purpose, with a phone.",
    ),
    do=(
        said("N’y réponds pas.", "لا تردوا.", "Don’t answer."),
        said("Garde les messages.", "احتفظوا بالرسائل.", "Keep the messages."),
    ),
    never=(NEVER,),
    family=(said("Écoutez sans juger.", "أنصتوا دون لوم.", "Listen without judging."),),
    after=(),
)  # fmt: skip
POSTER = Printed(unit=UNIT, address=ADDRESS, material=MATERIAL, hours=HOURS, after=(), calls=CALLS, made_at=NOW)


def leaflet_of(protocol: Protocol) -> Printed:
    """Its steps take their times from a definition."""
    steps = tuple(
        AfterStep(deadline.title, said("On te le dit avant.", "نخبرك قبل ذلك.", "We tell you before."), deadline)
        for deadline in [one for one in protocol.deadlines.values() if one.value][:5]
    )
    return replace(POSTER, after=steps)


SHEET = OrientationSheet(
    key="intimate_image",
    title=said("Une image intime circule", "صورة حميمية تُتداول", "An intimate image is passed around"),
    steps=(
        said("Ne la regardez pas, ne l’envoyez pas.", "لا تنظروا إليها ولا ترسلوها لأي أحد.", "Don’t look at it."),
        said("Demandez le retrait à l’application.", "اطلبوا من التطبيق حذفها.", "Ask the app to take it down."),
    ),
    school=SCHOOL,
    services=SERVICES,
    calls=CALLS,
    request=said(
        "Bonjour,\nCe contenu vise un(e) mineur(e) : %(address)s. Merci de le retirer.",
        "تحية طيبة،\nيستهدف هذا المحتوى قاصرا: %(address)s. المرجو حذفه.",
        "Hello,\nThis content targets a minor: %(address)s. Please take it down.",
    ),
    never=(NEVER,),
    made_at=NOW,
)
