"""The demo: two academies, four schools, every role, and cases in every state, played by the stories of the protocol.

Schools, people, numbers of pupils and cases are fictitious. It is made once; a second start finds it and keeps it.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import second_factor, sign_in_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.cases.loading import reindex
from school_protocol.cases.story_player import Played, Player, Step, TurnableClock, shifted, story_of
from school_protocol.config import S3, Settings
from school_protocol.context import REALM, AppContext, SystemClock, open_context, open_vault
from school_protocol.engine.clock import Clock
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.language import ZONE
from school_protocol.notifications import repository as notifications_repository
from school_protocol.ops import setup
from school_protocol.pdf.signing_keys import Validity, make_authority
from school_protocol.people import repository, school_time
from school_protocol.people import repository as people_repository
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read
from school_protocol.storage import anchors, backups, case_keys, master_keys, postgresql, restoring, work_queue
from school_protocol.storage.bucket import bucket_of
from school_protocol.storage.store_errors import KeysUnusable

SINCE_ISSUED = timedelta(weeks=2)
"""How long ago the figures were first issued."""
SIGNING = "signing"
"""Of the data's folder: where Settings looks for the academies' keys."""
NOTE = "demo-accounts.txt"
UNFINISHED = "unfinished"
MAIL_OF_NOBODY = "college.example"
"""A domain that is nobody's, and never will be."""
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

if TYPE_CHECKING:
    from school_protocol.ops.fixture_copy import Shown

Say = Callable[[str], None]


class DemoError(SchoolProtocolError):
    """The demo can't be made here."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    username: str
    name: str
    role: str
    place: str


@dataclass(frozen=True, slots=True)
class DemoAccounts:
    """Who can sign in, all with the same password. `seeds`: of the codes of those whose role asks for a second step."""

    password: str
    accounts: tuple[DemoAccount, ...]
    seeds: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> str:
        """The accounts as lines to print."""
        wide = max(len(account.username) for account in self.accounts)
        broad = max(len(account.role) for account in self.accounts)
        lines = [f"  {one.username:<{wide}}  {one.role:<{broad}}  {one.name}, {one.place}" for one in self.accounts]
        return "\n".join([f"Password of every account: {self.password}", "", *lines, *self._second_step()])

    def _second_step(self) -> list[str]:
        if not self.seeds:
            return []
        wide = max(map(len, self.seeds))
        lines = [f"  {username:<{wide}}  {seed}" for username, seed in self.seeds.items()]
        return ["", "Second step: `school-protocol demo code USER` prints a code; or give a phone the seed.", *lines]


# ---- places and people -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    code: str
    fr: str
    ar: str
    parent: str = ""
    city: str = ""

    @property
    def names(self) -> dict[str, str]:
        return {"fr": self.fr, "ar": self.ar}


COUNTRY = Place("MA", "Ministère", "الوزارة")
REGIONS = (
    Place("MA-04", "Académie de Rabat-Salé-Kénitra", "أكاديمية الرباط - سلا - القنيطرة", "MA"),
    Place("MA-07", "Académie de Marrakech-Safi", "أكاديمية مراكش - آسفي", "MA"),
)
PROVINCES = (
    Place("MA-SAL", "Direction provinciale de Salé", "المديرية الإقليمية بسلا", "MA-04"),
    Place("MA-RAB", "Direction provinciale de Rabat", "المديرية الإقليمية بالرباط", "MA-04"),
    Place("MA-KEN", "Direction provinciale de Kénitra", "المديرية الإقليمية بالقنيطرة", "MA-04"),
    Place("MA-MAR", "Direction provinciale de Marrakech", "المديرية الإقليمية بمراكش", "MA-07"),
    Place("MA-SAF", "Direction provinciale de Safi", "المديرية الإقليمية بآسفي", "MA-07"),
)
SCHOOLS = (
    Place("04127K", "Collège Ibn Rochd", "الثانوية الإعدادية ابن رشد", "MA-SAL", "Salé"),
    Place("04131R", "Collège Al Massira", "الثانوية الإعدادية المسيرة", "MA-SAL", "Salé"),
    Place("07413M", "Lycée Fatima Al Fihriya", "الثانوية التأهيلية فاطمة الفهرية", "MA-MAR", "Marrakech"),
    Place("07420T", "École Al Amal", "مدرسة الأمل الابتدائية", "MA-MAR", "Marrakech"),
)
RECEIVING = 1
"""Where the case goes that the transfer's story hands over."""


@dataclass(frozen=True, slots=True)
class Person:
    username: str
    role: str
    place: str
    fr: str
    ar: str
    language: str = "fr"
    trained: bool = False


PEOPLE = (
    Person("membre", "team_member", "04127K", "Nadia El Fassi", "نادية الفاسي", trained=True),
    Person("membre2", "team_member", "04127K", "Hicham Bouziane", "هشام بوزيان", "ar", trained=True),
    Person("referent", "team_coordinator", "04127K", "Samira Benjelloun", "سميرة بنجلون", trained=True),
    Person("directeur", "head", "04127K", "Abdelhak Tazi", "عبد الحق التازي"),
    Person("appui", "psychosocial", "04127K", "Loubna Sebti", "لبنى السبتي"),
    Person("declarant", "reporter", "04127K", "Youssef Amrani", "يوسف العمراني"),
    Person("province", "directorate", "MA-SAL", "Khadija Naciri", "خديجة الناصري", trained=True),
    Person("academie", "academy", "MA-04", "Mohammed Skalli", "محمد الصقلي"),
    Person("formateur", "trainer", "MA", "Rachid Hakimi", "رشيد الحكيمي", trained=True),
    Person("protocole", "protocol_admin", "MA", "Zineb Chraibi", "زينب الشرايبي"),
    Person("protocole2", "protocol_admin", "MA", "Adil Berrada", "عادل برادة"),
    Person("donnees", "data_officer", "MA-04", "Omar Belghiti", "عمر بلغيتي"),
    Person("admin", "technical_admin", "MA", "Siham Daoudi", "سهام الداودي"),
    Person("admin2", "technical_admin", "MA", "Rachid Ouazzani", "رشيد الوزاني"),
    Person("province2", "directorate", "MA-SAL", "Fouad Lahbabi", "فؤاد الحبابي", trained=True),
    Person("membre3", "team_member", "04131R", "Meriem Cherkaoui", "مريم الشرقاوي", "ar", trained=True),
    Person("membre4", "team_member", "04131R", "Jamal Ouhida", "جمال أوحيدا", trained=True),
    Person("referent2", "team_coordinator", "04131R", "Asmae Filali", "أسماء الفيلالي", trained=True),
    Person("directeur2", "head", "04131R", "Mustapha Raissouni", "مصطفى الريسوني"),
    Person("appui2", "psychosocial", "04131R", "Ikram Zaki", "إكرام زكي"),
    Person("declarant2", "reporter", "04131R", "Said Oulhaj", "سعيد أولحاج"),
    Person("membre5", "team_member", "07413M", "Houria Benkirane", "حورية بنكيران", "ar", trained=True),
    Person("membre6", "team_member", "07413M", "Khalid Mansouri", "خالد المنصوري", "ar", trained=True),
    Person("referent3", "team_coordinator", "07413M", "Latifa Idrissi", "لطيفة الإدريسي", "ar", trained=True),
    Person("directeur3", "head", "07413M", "Hassan Ait Ali", "حسن أيت علي"),
    Person("appui3", "psychosocial", "07413M", "Bouchra Kadiri", "بشرى القادري", "ar"),
    Person("declarant3", "reporter", "07413M", "Amine Lazrak", "أمين الأزرق"),
    Person("membre7", "team_member", "07420T", "Touria Mellouk", "ثورية ملوك", trained=True),
    Person("membre8", "team_member", "07420T", "Driss Sahraoui", "إدريس الصحراوي", trained=True),
    Person("referent4", "team_coordinator", "07420T", "Najat Berrechid", "نجاة برشيد", trained=True),
    Person("directeur4", "head", "07420T", "Brahim Oubella", "إبراهيم أوبلا"),
    Person("appui4", "psychosocial", "07420T", "Karima Alami", "كريمة العلمي"),
    Person("declarant4", "reporter", "07420T", "Fatiha Jebrane", "فتيحة جبران"),
    Person("province3", "directorate", "MA-MAR", "Laila Guessous", "ليلى كسوس", trained=True),
    Person("province4", "directorate", "MA-MAR", "Anouar Benali", "أنوار بنعلي", trained=True),
    Person("academie2", "academy", "MA-07", "Naoual Hajji", "نوال حجي"),
)

# ---- whom to call: as found in public sources --------------------------------------------------------------------

ALWAYS: Mapping[str, Any] = {"always": True}
WEEKDAYS_10_16: Mapping[str, Any] = {str(day): [["10:00", "16:00"]] for day in range(5)}
OFFICE: Mapping[str, Any] = {str(day): [["08:30", "16:30"]] for day in range(5)}


@dataclass(frozen=True, slots=True)
class Number:
    target: str
    fr: str
    ar: str
    phone: str = ""
    url: str = ""
    hours: Mapping[str, Any] = field(default_factory=dict)
    verified: bool = True
    unit: str = ""
    days: int = 20
    """How long ago it was found right."""
    city: Mapping[str, str] = field(default_factory=dict)


NUMBERS = (
    Number("police", "Police", "الشرطة", "19", hours=ALWAYS),
    Number("police", "Gendarmerie royale (milieu rural)", "الدرك الملكي (الوسط القروي)", "177", hours=ALWAYS),
    Number("rescue", "Protection civile", "الوقاية المدنية", "15", hours=ALWAYS, verified=False),
    Number("rescue", "SAMU", "المساعدة الطبية المستعجلة", "141", hours=ALWAYS, verified=False),
    Number("child_line", "ONDE, enfance en danger", "المرصد الوطني لحقوق الطفل", "2511", "https://2511.ma"),
    Number(
        "e_blagh", "E-Blagh (DGSN), 24 h sur 24", "منصة إبلاغ (المديرية العامة للأمن الوطني)، 24/24 ساعة",
        url="https://www.e-blagh.ma", hours=ALWAYS,
    ),
    Number("prosecutor", "Plaintes en ligne, ministère public", "شكايات رئاسة النيابة العامة", url="https://plaintes.pmp.ma"),
    Number(
        "prosecutor", "Centre d’aide du ministère de la Justice (orientation)", "مركز الإرشاد لوزارة العدل",
        "+212 5 37 26 66 00", hours=OFFICE,
    ),
    Number(
        "emc", "EMC-Helpline (WhatsApp, lundi à vendredi, 10 h à 16 h)",
        "خط المساعدة «فضاء مغرب الثقة السيبرانية» (واتساب، من الاثنين إلى الجمعة، من 10 إلى 16)",
        "+212 6 24 40 58 89", "https://www.cyberconfiance.ma/helpline", WEEKDAYS_10_16, days=240,
    ),
    Number("emc", "e-vigilance", "منصة اليقظة الإلكترونية", url="https://evigilance.ma/fr/signaler", hours=ALWAYS),
    Number(
        "take_it_down", "Take It Down (avant 18 ans)", "Take It Down (دون 18 سنة)",
        url="https://takeitdown.ncmec.org/fr/", hours=ALWAYS,
    ),
    Number("take_it_down", "Portail IWF Maroc", "بوابة IWF المغرب", url="https://report.iwf.org.uk/ma/", hours=ALWAYS),
    Number(
        "child_protection", "CAPE de Salé", "مركز المواكبة لحماية الطفولة بسلا", verified=False, unit="MA-SAL",
        city={"fr": "Salé", "ar": "سلا"},
    ),
    Number(
        "child_protection", "UPE de Marrakech", "وحدة حماية الطفولة بمراكش", verified=False, unit="MA-MAR",
        city={"fr": "Marrakech", "ar": "مراكش"},
    ),
    *(
        Number(
            "prosecutor", f"Cellule femmes et enfants, tribunal de première instance de {fr}",
            f"خلية التكفل بالنساء والأطفال، المحكمة الابتدائية {within}", verified=False, unit=academy,
            city={"fr": fr, "ar": ar},
        )
        for academy, fr, ar, within in (
            ("MA-04", "Rabat", "الرباط", "بالرباط"), ("MA-04", "Salé", "سلا", "بسلا"),
            ("MA-04", "Kénitra", "القنيطرة", "بالقنيطرة"), ("MA-07", "Safi", "آسفي", "بآسفي"),
            ("MA-07", "Marrakech", "مراكش", "بمراكش"),
        )
    ),
)  # fmt: skip


# ---- scenes: a story, where it is played, where it stops and when ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """One story played in one school, whole or up to a step, moved in time so that it ends about now."""

    story: str
    school: int
    until: str = ""
    """The last thing done; empty: the whole story."""
    only: str | None = None
    """One case of the story alone."""
    ago: timedelta = timedelta(hours=2)
    """How long before now the last step lies, at least; then whole days, on school days where it can be."""
    exactly: bool = False
    due_today: str = ""
    """A moment of the story that is to fall upon later today."""
    names: Mapping[str, str] = field(default_factory=dict)


YASMINE = ("Yasmine", "Berrada-Ouali", "G139482706")
SALMA = ("سلمى", "الإدريسي الوزاني", "J130077412")
IMANE = ("إيمان", "الزياني بوعزة", "K150093327")


def _instead(of: Sequence[str], *other: str) -> dict[str, str]:
    """Another pupil in the place of the one whom a story names."""
    return dict(zip(of, other, strict=True))


SCENES = (
    Scene("sc1", 0, ago=timedelta(days=1)),
    Scene(
        "sc1", 1, until="F1", ago=timedelta(minutes=35), exactly=True,
        names=_instead(YASMINE, "Inès", "Filali-Naciri", "G142660913"),
    ),
    Scene(
        "sc1", 0, until="t_qualify", ago=timedelta(days=6),
        names=_instead(YASMINE, "Hajar", "Mekouar-Tlemçani", "G140093318"),
    ),
    Scene("sc1", 0, until="t_assign", names=_instead(YASMINE, "Douae", "Lamghari-Sqalli", "G143375520")),
    Scene(
        "sc1", 0, until="t_listen", due_today="2026-10-07T10:50",
        names=_instead(YASMINE, "Rania", "Bensaïd-Ghazi", "G141128846"),
    ),
    Scene("sc1", 1, until="t_to_assess", names=_instead(YASMINE, "Aya", "Squalli-Drissi", "G142087754")),
    Scene("sc1", 0, until="t_plan", names=_instead(YASMINE, "Manal", "Rahmouni-Fekkak", "G140571129")),
    Scene("reopening", 1, only=""),
    Scene("reopening", 3, only="sans_suite", until="t_nofollow", ago=timedelta(days=2)),
    Scene("sc4", 3, only="suivi", until="t_follow", ago=timedelta(days=1)),
    Scene("sc4", 3, only="", until="t_minor"),
    Scene(
        "sc6", 0, until="told_by_voice", ago=timedelta(minutes=8), exactly=True,
        names=_instead(IMANE, "شيماء", "العلوي بناني", "K151120984"),
    ),
    Scene(
        "sc3", 1, until="t_send", ago=timedelta(days=5),
        names=_instead(SALMA, "غيثة", "برادة السوسي", "G140328817"),
    ),
    Scene("sc3", 2, until="taken_over", due_today="2026-10-09T09:31"),
    Scene("sc3", 2, until="t_ack", names=_instead(SALMA, "رانية", "بنعمر الكتاني", "J131192207")),
    Scene("sc6", 0, until="t_reinforce", ago=timedelta(days=1)),
    Scene(
        "sc6", 1, until="t_prop_close", ago=timedelta(days=1),
        names=_instead(IMANE, "مريم", "الودغيري السوسي", "K152201337"),
    ),
    Scene("transfer", 0, ago=timedelta(days=1)),
    Scene("joining", 2),
    Scene("staff_concerned", 2),
)  # fmt: skip


TOLD: tuple[setup.Told, ...] = (
    ("public", "ar", {
        "what_happens": "هناك من يهددني بنشر صورتي إذا لم أرسل له صورا أخرى. أنا خائفة.", "danger_now": "yes",
        "adult_concerned": "no", "to_whom": "me", "since": "week", "intimate_image": "yes", "reach": "discreetly",
        "reach_how": "القسم 2/4، في الاستراحة قرب المكتبة",
    }),
    ("public", "fr", {
        "what_happens": "Ma fille ne veut plus aller au collège depuis qu’un groupe WhatsApp se moque d’elle.",
        "danger_now": "no", "adult_concerned": "no", "to_whom": "my_child", "since": "month", "reach": "call",
        "reach_how": "0600000000, après 18 h",
    }),
    ("public", "fr", {"what_happens": "mdr", "danger_now": "no", "adult_concerned": "no"}),
    ("staff", "fr", {
        "what_happens": "Deux élèves de 3e parlent d’un faux compte au nom d’une camarade.", "danger_now": "unsure",
        "adult_concerned": "no", "to_whom": "friend", "since": "today",
    }),
)  # fmt: skip
"""What a school is told without an account."""


# ---- prepare -----------------------------------------------------------------------------------------------------


def prepare(
    settings: Settings, *, reset: bool, password: str | None, say: Say, clock: Clock | None = None, told: bool = True
) -> DemoAccounts:
    """The demo's accounts; its data is made where there is none. Raises DemoError where other data is kept.

    Without `told` its places and people alone are made, no case and no figures.
    """
    kept = _noted(settings)
    if reset or kept == UNFINISHED:
        _clear(settings, kept, say)
        kept = ""
    if kept:
        return _again(settings, kept, password, say)
    if _is_taken(settings):
        raise DemoError(f"{settings.data} holds an installation that is no demo: choose another SCHOOL_PROTOCOL_DATA")
    accounts = _listed(password or _drawn())
    settings.data.mkdir(parents=True, exist_ok=True)
    _note(settings, UNFINISHED)
    turning = TurnableClock((clock or SystemClock()).now())
    with closing(open_context(settings, turning)) as ctx:
        _seed(ctx, turning, accounts.password, say, told=told)
        accounts = _listed(accounts.password, _seeds(ctx))
    _note(settings, f"{accounts.table()}\n")
    return accounts


def code_of(settings: Settings, username: str, clock: Clock | None = None) -> tuple[str, int]:
    """A code that this account of the demo can use, and in how many seconds. Raises DemoError for any other account."""
    if _noted(settings) in ("", UNFINISHED):
        raise DemoError(f"{settings.data} holds no demo")
    with closing(open_context(settings, clock or SystemClock())) as ctx:
        with ctx.directory.reading() as session:
            account = auth_repository.account_named(session, username)
            if account is None or not sign_in_repository.has_seed(session, account.id):
                raise DemoError(f"{username} has no codes")
        return second_factor.current_code(ctx, account.id)


def _seeds(ctx: AppContext) -> dict[str, str]:
    """User name → seed, of everybody in the demo who has one."""
    with ctx.directory.reading() as session:
        people = ((one.username, auth_repository.account_named(session, one.username)) for one in PEOPLE)
        found = (
            (name, sign_in_repository.seed_of(session, ctx.vault, one.id)) for name, one in people if one is not None
        )
        return {name: seed.secret for name, seed in found if seed is not None}


def _drawn() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _place in range(4)) for _group in range(3))


def _listed(password: str, seeds: Mapping[str, str] = MappingProxyType({})) -> DemoAccounts:
    protocol, _content = definition()
    places = {place.code: place.fr for place in (COUNTRY, *REGIONS, *PROVINCES, *SCHOOLS)}
    lines = (
        DemoAccount(one.username, one.fr, protocol.roles[one.role].title.in_language("fr"), places[one.place])
        for one in PEOPLE
    )
    return DemoAccounts(password, tuple(lines), seeds)


def _note(settings: Settings, text: str) -> None:
    """Keep the accounts for a second start, for the owner's eyes alone."""
    path = settings.data / NOTE
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, "utf-8")


def is_there(settings: Settings) -> bool:
    """Whether a demo lies in the data's folder."""
    return (settings.data / NOTE).exists()


def _noted(settings: Settings) -> str:
    """The password kept; UNFINISHED where a start was cut off; empty where no demo is."""
    path = settings.data / NOTE
    if not path.exists():
        return ""
    first = path.read_text("utf-8").partition("\n")[0]
    return first.rpartition(": ")[2].strip() or UNFINISHED


@contextmanager
def served(settings: Settings) -> Iterator[None]:
    """Nobody clears the demo that lies there as long as this lasts."""
    with (settings.data / NOTE).open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        yield


def _refuse_served(settings: Settings) -> None:
    note = settings.data / NOTE
    try:
        with note.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return
    except BlockingIOError as error:
        raise DemoError(f"the demo in {settings.data} is being served: end that first") from error


def _clear(settings: Settings, kept: str, say: Say) -> None:
    if not kept and _is_taken(settings):
        raise DemoError(f"{settings.data} holds an installation that is no demo: it is not reset")
    _refuse_served(settings)
    say("Clearing the demo's former data")
    if settings.database:  # first: it alone may refuse
        postgresql.clear(settings.database)
    _clear_anchors(settings)
    if settings.files_in.startswith(S3):
        bucket_of(settings).clear()
    for path in kept_in(settings):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _is_taken(settings: Settings) -> bool:
    """Whether somebody's installation lies there."""
    in_database = bool(settings.database) and postgresql.holds_rows(settings.database)
    return in_database or any(settings.data.glob("*.sqlite"))


def kept_in(settings: Settings) -> list[Path]:
    """All that an installation keeps in its data's folder, as it is now; the note that it is a demo comes last."""
    data = settings.data
    named = [*data.glob("*.sqlite*"), *data.glob(f"{restoring.ASIDE}*"), *data.glob(f"{case_keys.RING_NOTE}*")]
    fixed = [
        settings.keys,
        settings.files,
        data / SIGNING,
        data / "anchors",
        data / backups.FILE,
        data / restoring.STAGE,
        data / work_queue.FOLDER,
    ]
    return [*named, *(path for path in [*fixed, data / NOTE] if path.exists())]


def _clear_anchors(settings: Settings) -> None:
    """The demo's own anchors, wherever they lie: those of another installation are left alone."""
    if master_keys.is_empty(settings.keys):
        return
    try:
        vault = open_vault(settings)
    except KeysUnusable:
        return
    anchors.clear(settings.anchors_folder, vault)


def _again(settings: Settings, kept: str, password: str | None, say: Say) -> DemoAccounts:
    say("The demo's data is there already")
    with closing(open_context(settings, SystemClock())) as ctx:
        if not password or password == kept:
            return _listed(kept, _seeds(ctx))
        hashed = hash_password(password)
        with ctx.directory.writing() as session:
            for person in PEOPLE:
                account = auth_repository.account_named(session, person.username)
                if account is not None:
                    auth_repository.set_password(session, account.id, hashed)
        accounts = _listed(password, _seeds(ctx))
    _note(settings, f"{accounts.table()}\n")
    return accounts


# ---- the directory -----------------------------------------------------------------------------------------------


def _seed(ctx: AppContext, clock: TurnableClock, password: str, say: Say, *, told: bool) -> None:
    now = clock.now()
    with ctx.directory.writing() as session:
        notifications_repository.mark_as_demo(session, at=now)
    say("Academies, schools, calendars, contacts and accounts")
    protocol, content = definition()
    units = _units(ctx)
    _authority(ctx.settings, now)
    _contacts(ctx, units, now)
    hashed = hash_password(password)
    accounts = _accounts(ctx, units, protocol, hashed, now)
    with ctx.directory.writing() as session:
        protocol_repository.publish(
            session,
            protocol=protocol.protocol,
            version=protocol.version,
            digest=protocol.digest,
            content=content,
            published_at=now - timedelta(days=400),
        )
    setup.seed_visits(ctx, accounts["province"], SCHOOLS[0].code, now)
    setup.seed_tokens(
        ctx, accounts["admin"], accounts["academie"], region=REGIONS[0].code, province=PROVINCES[0].code, now=now
    )
    if not told:
        return
    from school_protocol.ops.fixture_copy import played_apart  # it fills demos, and so asks for this module

    with played_apart(now) as meanwhile:
        Theatre(ctx, clock, protocol, units, accounts, now, say).play(SCENES)
        say("Cases of years before, as they ended in made-up schools")
        past = _past(ctx, protocol, units, accounts, hashed, meanwhile)
    clock.moment = now - SINCE_ISSUED
    past.write(clock.moment)
    say("Figures of the academy, as they were issued")
    setup.seed_releases(ctx, accounts["academie"])
    clock.moment = now
    past.write(now)
    setup.seed_public_reports(ctx, accounts["directeur"], SCHOOLS[0].code, TOLD)


def _past(
    ctx: AppContext,
    protocol: Protocol,
    units: Mapping[str, str],
    accounts: Mapping[str, Actor],
    hashed: str,
    meanwhile: Connection,
) -> Shown:
    """What the figures are counted from. Whoever oversees in the demo oversaw there, too."""
    from school_protocol.ops.fixture_copy import shown

    standing: dict[str, dict[str, str]] = {}
    for person in PEOPLE:
        if person.place in {place.code for place in (*REGIONS, *PROVINCES)}:
            cast = standing.setdefault(units[person.place], {})
            count = sum(1 for part in cast if part.partition("/")[0] == person.role)
            cast[f"{person.role}/{count + 1}" if count else person.role] = accounts[person.username].id
    try:
        histories = meanwhile.recv()
    except EOFError as error:
        raise DemoError("the cases of years before could not be played") from error
    return shown(ctx, protocol, histories, units, standing, hashed=hashed)


def definition() -> tuple[Protocol, bytes]:
    """The definition that the demo follows, and its bytes."""
    content = setup.shipped_definitions()
    return read(content, f"{setup.SHIPPED}/1.yaml"), content


def _units(ctx: AppContext) -> dict[str, str]:
    """Code → id of every place."""
    ids: dict[str, str] = {}
    storeys = ((UnitKind.country, (COUNTRY,)), (UnitKind.region, REGIONS), (UnitKind.province, PROVINCES))
    with ctx.directory.writing() as session:
        for kind, places in (*storeys, (UnitKind.school, SCHOOLS)):
            for place in places:
                ids[place.code] = auth_repository.add_unit(
                    session, kind=kind, code=place.code, names=place.names, parent=ids.get(place.parent)
                )
                people_repository.set_city(session, ids[place.code], place.city)
        for region in REGIONS:
            repository.set_calendar(session, ids[region.code], school_time.usual())
    return ids


def _authority(settings: Settings, now: datetime) -> None:
    """An authority of the demo's own, and a key of each academy: nobody else trusts them."""
    validity = Validity(now - timedelta(days=400), now + timedelta(days=5 * 365))
    academies = {region.code: region.names["fr"] for region in REGIONS}
    make_authority(settings.data / SIGNING, "School protocol (demo)", academies, validity)


def _contacts(ctx: AppContext, units: Mapping[str, str], now: datetime) -> None:
    with ctx.directory.writing() as session:
        for position, number in enumerate(NUMBERS):
            added = repository.add_contact(
                session,
                target=number.target,
                names={"fr": number.fr, "ar": number.ar},
                unit=units.get(number.unit),
                phone=number.phone,
                url=number.url,
                hours=number.hours,
                city=number.city,
                position=position,
            )
            if number.verified:
                verified_on = (now - timedelta(days=number.days)).astimezone(ZONE).date()
                repository.verify_contact(session, added, on=verified_on, by="demo")


def _accounts(
    ctx: AppContext, units: Mapping[str, str], protocol: Protocol, hashed: str, now: datetime
) -> dict[str, Actor]:
    """Username → the person as one who acts. Whose role asks for a second factor gets a phone's seed, drawn by lot."""
    today = now.astimezone(ZONE).date()
    since = now - timedelta(days=500)
    found: dict[str, Actor] = {}
    with ctx.directory.writing() as session:
        for place, person in enumerate(PEOPLE, 1):
            account = auth_repository.add_account(
                session,
                username=person.username,
                names={"fr": person.fr, "ar": person.ar},
                language=person.language,
                created_at=since,
                password_hash=hashed,
                certified=person.trained,
                trained_until=date(today.year + 2, 8, 31) if person.trained else None,
                email=f"{person.username}@{MAIL_OF_NOBODY}",
                phone=f"06{place:08}",
            )
            auth_repository.appoint(session, account, role=person.role, unit=units[person.place], starts=since.date())
            if protocol.roles[person.role].second_factor:
                sign_in_repository.keep_seed(session, ctx.vault, account, second_factor.draw_seed(), step=0, at=since)
            actor = auth_repository.actor(session, account, realm=REALM, today=today)
            assert actor is not None
            found[person.username] = actor
    return found


# ---- playing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Theatre:
    """Plays all scenes at once, in the order of their moments, as if the demo had been used for months."""

    ctx: AppContext
    clock: TurnableClock
    protocol: Protocol
    units: Mapping[str, str]
    accounts: Mapping[str, Actor]
    now: datetime
    say: Say

    def play(self, scenes: Sequence[Scene]) -> None:
        parts = [(self._player(scene), list(self._moved(scene))) for scene in scenes]
        steps = sorted(
            ((moved["at"], place, player, moved) for place, (player, moves) in enumerate(parts) for moved in moves),
            key=lambda part: part[:2],
        )
        for count, (at, place, player, step) in enumerate(steps):
            if count % 60 == 0:
                self.say(f"Cases: {100 * count // len(steps)} %")
            self.clock.moment = datetime.fromisoformat(at).replace(tzinfo=ZONE).astimezone(UTC)
            self._one(scenes[place], player, step)
        self.clock.moment = self.now
        self._refresh([player for player, _moves in parts])
        self.say(f"Cases: 100 %, {len(steps)} steps")

    def _one(self, scene: Scene, player: Player, step: Step) -> None:
        before = len(player.played)
        played: Sequence[Played] = player.play([step])[before:]
        for one in played:
            if not one.went_as_said:
                why = ", ".join([*one.refused, *one.problems]) or "not refused"
                self.say(f"Not as the story {scene.story} says: {one.actor} {one.do} ({why})")

    def _refresh(self, players: Iterable[Player]) -> None:
        """The index as it stands now: what fell due since the last event is seen."""
        for player in players:
            for name in player.numbers:
                found = player.case_id(name)
                if found is not None:
                    with self.ctx.realm.writing() as session:
                        reindex(self.ctx, session, found)

    def _player(self, scene: Scene) -> Player:
        school = SCHOOLS[scene.school]
        player = Player(self.ctx, self.clock, self.protocol, self.units[school.code], {}, watching=False)
        player.actors.update(self._cast(school))
        return player

    def _cast(self, school: Place) -> dict[str, Actor]:
        """Who plays which role of a script in this school; `role/2` is the second of them."""
        region = next(place.parent for place in PROVINCES if place.code == school.parent)
        cast: dict[str, Actor] = {}
        for person in PEOPLE:
            if person.place in (school.code, school.parent, region):
                count = sum(1 for name in cast if name.partition("/")[0] == person.role)
                cast[f"{person.role}/{count + 1}" if count else person.role] = self.accounts[person.username]
        receiving = next(one for one in PEOPLE if one.role == "head" and one.place == SCHOOLS[RECEIVING].code)
        return {**cast, "head/2": self.accounts[receiving.username]}

    # ---- moving a story in time ------------------------------------------------------------------------------

    def _moved(self, scene: Scene) -> Iterator[Step]:
        steps = _told(scene)
        delta = self._delta(scene, [datetime.fromisoformat(step["at"]) for step in steps])
        for step in steps:
            at = datetime.fromisoformat(step["at"])
            days = ((at + delta).date() - at.date()).days
            moved = shifted(_renamed(step, scene.names), timedelta(days=days), delta)
            yield {**moved, "at": (at + delta).isoformat(timespec="minutes")}

    def _delta(self, scene: Scene, moments: Sequence[datetime]) -> timedelta:
        now = self.now.astimezone(ZONE).replace(tzinfo=None, second=0, microsecond=0)
        if scene.due_today:
            midnight = datetime.combine(now.date() + timedelta(days=1), time(0))
            later = min(timedelta(hours=2), (midnight - now) / 2)
            return now + later - datetime.fromisoformat(scene.due_today)
        if scene.exactly:
            return now - scene.ago - moments[-1]
        most = (now - scene.ago - moments[-1]).days
        return min(
            (timedelta(days=most - back) for back in range(4)),
            key=lambda delta: (_closed(moments, delta), most - delta.days),
        )


def _closed(moments: Sequence[datetime], delta: timedelta) -> int:
    """On how many closed days the last week of a story would be played."""
    calendar = school_time.usual()
    days = {(moment + delta).date() for moment in moments if moments[-1] - moment < timedelta(days=7)}
    return sum(not calendar.is_school_day(day) for day in days)


def _told(scene: Scene) -> list[Step]:
    """The steps of a story up to the last that is wanted, each with its moment."""
    steps = list(story_of(setup.SHIPPED, scene.story).steps)
    if scene.only is not None:
        steps = [step for step in steps if step.get("case", "") == scene.only]
    if scene.until:
        last = next(
            place for place, step in enumerate(steps) if step["do"] == scene.until and step.get("expect") != "refused"
        )
        steps = steps[: last + 1]
    return steps


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The same words about another pupil."""
    if isinstance(value, Mapping):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    for name, other in names.items():
        value = value.replace(name, other)
    return value
