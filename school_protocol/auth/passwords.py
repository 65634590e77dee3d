"""Passwords: hashing and comparing them, and what makes weak ones: words taken first, lists of known ones.

The words that people here take first (French, darija, Arabic, people, places, school) stand in this file: the estimator
brings its own lists (thirty thousand known passwords, English, names) and knows nothing of these.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

FRENCH = """
    motdepasse mdp passe mot secret administrateur administratrice administration utilisateur invite connexion
    entrer bienvenue bonjour bonsoir salut coucou merci changezmoi jesuis jesuisun jesuisune jesuisle jesuisla cest
    cestmoi jetaime jetadore jaime jaimela jaimele jaimeles tuesmon tuesma profde professeurde chefde monamour
    monange moncoeur mavie machouchou monbebe cheri cherie doudou loulou bebe soleil lune etoile ange maitre
    maitresse princesse prince reine roi dragon je tu il elle on nous vous ils elles moi toi lui leur ce cette ces
    mon ma mes ton ta tes son sa ses notre nos votre vos le la les un une des du de au aux et ou mais donc car ni
    que qui quoi dont pas ne plus moins tres trop bien mal en dans sur sous avec sans pour par chez vers entre avant
    apres depuis pendant comme si est sont etait sera suis es sommes etes avoir ai as avons avez ont fait faire peut
    veux veut aime aller va vais vont vie monde homme femme enfant enfants garcon fille frere soeur pere mere papa
    maman mamie papi famille ami amie amis jour nuit matin soir temps heure annee mois semaine aujourdhui demain
    hier toujours jamais encore maison porte table chaise lit chambre jardin rue ville pays mer montagne plage foret
    riviere ciel terre eau feu pomme fraise cerise vanille caramel bonbon chocolat banane orange citron pain lait
    the cafe sucre sel chat chaton chien lapin cheval tigre lion loup aigle oiseau poisson souris papillon fleur
    rose lilas tulipe jasmin arbre noir noire blanc blanche rouge bleu bleue vert verte jaune violet gris grise
    grand grande petit petite beau belle bon bonne nouveau nouvelle vieux vieille heureux heureuse libre amour
    bonheur paix sourire liberte egalite fraternite espoir courage force victoire reussite deux trois quatre cinq
    six sept huit neuf dix cent mille premier premiere janvier fevrier mars avril mai juin juillet aout septembre
    octobre novembre decembre lundi mardi mercredi jeudi vendredi samedi dimanche printemps ete automne hiver
    ordinateur telephone portable clavier internet musique guitare voiture argent chef patron travail bureau livre
    cahier stylo lettre lettres nom prenom numero code cle cles
"""
SCHOOL = """
    ecole college lycee lyceequalifiant etablissement public publique prive privee classe salle cour eleve eleves
    prof profs professeur professeure professeurs enseignant enseignante enseignants instituteur institutrice maitre
    directeur directrice surveillant surveillante surveillantgeneral censeur proviseur concierge inspecteur
    inspectrice conseiller orientation mathematiques maths math physique chimie svt francais arabe anglais espagnol
    histoire geographie philosophie sport informatique islamique education nationale ministere academie aref
    direction provinciale province delegation massar taalim taalimma talim tarbia tarbiya tarbaoui madrasa madrassa
    madrasati ostad oustad oustada ustad mou3allim moudir moudira idara tilmid tilmida talamid idadi idadia idadiya
    thanawi thanawia thanaoui thanaouia ibtidai ibtidaia protocole protocoles protocol schoolprotocol harcelement
    cyberharcelement signalement protection enfance cellule ecoute psychologue assistante assistant sociale social
    violence
"""
DARIJA = """
    salam salama salamalaikum salamalikoum salamoalaikom salamalikom salamou3alaykoum salam3alaikum salam3likom
    assalam assalamoalaikom assalamualaikum alaikum alaykoum alikoum alaikom 3alaikum 3alaykum 3alaykoum 3alikom
    3likom wa3alaikum labas labass labasalik labas3lik kidayr kidayra kidayrin ach achno achnou achkayn chkoun chno
    fin finek finak wach ana anta anti nta nti howa huwa hiya hna ntoma ntouma homa dyali dyalk dyalna dial dyal
    diali dialna marhaba marhba ahlan ahlanwasahlan mrhba bslama beslama besslama tsba7 tesbah sbah sba7 sba7lkhir
    sbahlkhir lkhir lkhayr msalkhir mselkhir chokran choukran shukran baraka barakallah barakallahoufik safi wakha
    wakhha zwin zwina zwinin mezyan mzyan mzian mezian bzaf bezzaf chwiya chouia dima daba ghedda ghda lbareh lyoum
    hbibi habibi 7abibi 7bibi hbiba habiba habibti 7bibti 7biba kanbghik kanebghik bghitek bghitk tanbghik nbghik
    ba7ibak nmoutfik hayati 7ayati omri 3omri 3omry galbi 9albi qalbi roh rohi ro7i ro7 hob 7ob lhob l7ob houb walid
    walida lwalid lwalida walidin lwalidin lwalidaya omi oummi ommi omy mimti mimi mmi bba ba abi baba khoya khouya
    khti okhti weldi wldi benti bnti wladi wlad weld bent drari dar darna ddar lmdina mdina derb houma l7ouma 7ouma
    blad bladi lbled lblad khobz lkhobz atay tajine tagine seksou kousksou couscous hrira harira lma smen 7lib hlib
    flous floos lflous derham drahem 9ahwa qahwa lqahwa khdma lkhdma khedma qraya 9raya lqraya bismillah bismilah
    bismillahirahmanirahim bismillahi rahman rahim allah llah allahakbar allahouakbar allaho akbar hamdoulah
    hamdullah hamdolilah lhamdoulilah l7amdoulillah lhamdulilah alhamdulillah alhamdoulillah inchallah inshallah
    nchallah insha incha machallah mashallah machaallah tbarkallah tabarakallah subhanallah soubhanallah sobhanallah
    astaghfirullah astaghfirollah laila lailaha illa illallah lailahaillallah hasbiallah hasbiyallah tawakalt
    tawakaltouala rabi rabbi yarab yarabi yarabbi ya3rabi wallah wlah mohammed rasoulallah rasouloallah nabi ramadan
    ramadanmoubarak mabrouk aid 3id 3idmoubarak aidmoubarak quran koran coran lqoran kouran islam muslim moslim
    mouslim dimaraja dimawydad dimawac dimamaghrib dimaattaraji raja rca wydad wac wydadi rajawi far asfar mas rsb
    botola lionsdelatlas atlaslions atlas hakimi ziyech bounou amrabet ounahi ennesyri brahim regragui messi ronaldo
    neymar mbappe zidane barca barcelona realmadrid lahlalareal vivalalgerie samir toto titi tata tutu azul tanmirt
    ayouz tamazight amazigh imazighen maroctelecom inwi orange orangemaroc jawal cihbank attijari attijariwafa
    wafacash barid albarid baridbank
"""
ARABIC = """
    كلمة السر المرور كلمةالسر كلمةالمرور سر سري مرور مدير المدير ادارة الادارة مستخدم دخول السلام عليكم وعليكم ورحمة
    الله وبركاته السلامعليكم سلام مرحبا اهلا وسهلا صباح مساء الخير النور شكرا عفوا بسم الرحمن الرحيم بسمالله
    بسماللهالرحمنالرحيم اكبر اللهاكبر الحمد لله الحمدلله الحمدللهربالعالمين رب العالمين لا اله الا محمد رسول
    رسولالله لاالهالاالله سبحان سبحانالله استغفر استغفرالله ماشاءالله انشاءالله ان شاء ما ياالله ياربي يارب يا ربي
    حسبي ونعم الوكيل توكلت على قران القران الكريم رمضان مبارك عيد العيد سعيد اسلام مسلم صلى صلاة عليه وسلم النبي
    الصلاة حبيبي حبيبتي حياتي عمري قلبي روحي احبك انا انت انتي هو هي نحن هم حب الحب حبي امي ابي اخي اختي ابني ابنتي
    بابا ماما جدي جدتي عائلتي عائلة اولادي بنتي ولدي الوالدين الوالدة الوالد المغرب المغربية المملكة مملكة وطن الوطن
    الملك بلدي بلادي وطني ديما دائما الرجاء الوداد اسود الاطلس مدرسة المدرسة مدرستي ثانوية اعدادية ابتدائية مؤسسة
    تلميذ تلميذة تلاميذ استاذ استاذة الاستاذ استاذي معلم معلمة قسم القسم حارس عام التربية الوطنية وزارة الاكاديمية
    اكاديمية مديرية اقليم جهة نيابة مسار درس امتحان باكالوريا التعليم تعليم علم العلم نور رياضيات فيزياء فرنسية
    عربية انجليزية اجتماعيات رياضة البروتوكول بروتوكول التحرش تحرش العنف عنف حماية الحماية طفل الاطفال اطفال الطفولة
    في من الى عن مع هذا هذه ذلك كل بعد قبل فوق تحت بين عند كان يكون ليس نعم كيف اين متى ماذا لماذا بيت دار باب كتاب
    قلم ماء شمس قمر نجمة بحر جبل سماء ارض ورد وردة زهرة شجرة اسد نمر قط كلب حصان طائر سمكة احمر ازرق اخضر اصفر ابيض
    كبير صغير جميل جميلة جديد قديم واحد اثنان ثلاثة اربعة خمسة ستة سبعة ثمانية تسعة عشرة مائة الف يوم ليلة شهر سنة
    الاثنين الثلاثاء الاربعاء الخميس الجمعة السبت الاحد يناير فبراير مارس ابريل ماي يونيو يوليوز غشت شتنبر اكتوبر
    نونبر دجنبر لاباس بخير واخا صافي بزاف زوين زوينة مزيان خويا ختي خبز اتاي كسكس طاجين ضصثق ضصثقف شسيب شسيبل ابتث
    ابجد ابجدهوز
"""
PEOPLE = """
    mohamed mohammed mohammad muhammad mohamad ahmed hamid hassan hossam houssam hussein hocine hicham hichem
    youssef yousef youssouf karim rachid said hamza omar amine amin anas ayoub ilyas ilias mehdi mahdi reda ridha
    khalid khaled abdellah abdallah abderrahim abderrahman abdelkader abdelaziz abdelali abdelhak abdelilah
    abdessamad abdou mustapha mostafa moustapha brahim ibrahim ismail smail soufiane sofiane zakaria tarik tarek
    nabil noureddine nordine jamal driss idriss yassine yassin yasser walid taha adam rayan imad badr bilal othmane
    otmane ali hamada samir mounir aziz larbi lahcen lhoussaine lhoucine mbarek bouchra fouad mourad jawad jaouad
    kamal salah aymane haitham fatima fatimazahra fatimazohra fatimaezzahra fatiha khadija aicha amina meriem maryam
    mariam myriam salma sara sarah hajar imane ikram kawtar kaoutar nadia samira naima latifa zineb zeinab zainab
    houda hanane hanan asmae asmaa asma chaimae chaima oumaima malak aya ines rania loubna soukaina sokaina hafsa
    nour noura hiba hasnae hasnaa wiam wissal yasmine yasmina jihane jihan siham sihame souad saida rachida malika
    habiba halima leila layla lamia laila ilham nawal najat rajae rajaa mouna btissam ibtissam ghita kenza rim doha
    dounia alaoui idrissi bennani benjelloun berrada tazi fassi elfassi alami elalami amrani elamrani chraibi
    cherkaoui ouazzani lahlou filali tahiri naciri skalli guessous ziani bennis kettani sebti slaoui mansouri
    elmansouri محمد احمد حسن حسين يوسف كريم رشيد سعيد حمزة عمر امين انس ايوب الياس المهدي رضا خالد عبدالله عبد مصطفى
    ابراهيم اسماعيل زكرياء طارق نبيل نورالدين جمال ادريس ياسين وليد طه ادم ريان عماد بدر بلال عثمان علي سمير فاطمة
    الزهراء فاطمةالزهراء خديجة عائشة امينة مريم سلمى سارة هاجر ايمان اكرام كوثر نادية سميرة نعيمة لطيفة زينب هدى
    حنان اسماء شيماء اميمة ملاك اية ايناس رانيا لبنى سكينة نور هبة ياسمين سهام سعاد مليكة ليلى
"""
PLACES = """
    maroc morocco maghrib almaghrib elmaghrib lmaghrib marocain marocaine royaume rabat sale casa casablanca
    casanegra dar elbeida darelbeida eddar addar albaida beida marrakech fes fez meknes tanger tanja agadir oujda
    kenitra tetouan temara safi eljadida jadida settat nador khouribga benimellal beni mellal taza mohammedia
    larache khemisset errachidia rachidia ouarzazate essaouira laayoune dakhla hoceima alhoceima berkane taroudant
    taroudante tiznit ifrane azrou khenifra guelmim guelmime tantan smara essmara boujdour tarfaya zagora tinghir
    midelt sefrou taounate ouezzane ouazzane chefchaouen chaouen mdiq fnideq martil benslimane berrechid bouskoura
    mediouna nouaceur skhirat tiflet sidi kacem sidikacem slimane sidislimane bennour sidibennour youssoufia
    benguerir rehamna chichaoua haouz kelaa sraghna kelaasraghna azilal demnate fquih bensalah fquihbensalah oued
    zem ouedzem boujaad inezgane aitmelloul chtouka aitbaha tata assa zag biougra jerada figuig bouarfa taourirt
    guercif driouch zaio saidia boulemane missour moulay yacoub moulayyacoub elhajeb hajeb ksar elkebir ksarelkebir
    asilah assilah erfoud rissani merzouga anfa maarif hayhassani hay hassani mohammadi haymohammadi ainsebaa
    ainchock benmsik sidimoumen agdal hayriad yacoubelmansour hassan souissi gueliz medina souss massa draa
    tafilalet soussmassa draatafilalet oriental sahara atlas rif gharb chaouia doukkala abda zerhoun imouzzer
    bouznika المغرب الرباط سلا الحمراء البيضاء الخضراء الزرقاء الدار الدارالبيضاء مراكش فاس مكناس طنجة اكادير وجدة
    القنيطرة تطوان تمارة اسفي الجديدة سطات الناظور خريبكة بني ملال بنيملال تازة المحمدية العرائش الخميسات الرشيدية
    ورزازات الصويرة العيون الداخلة الحسيمة بركان تارودانت تيزنيت افران ازرو خنيفرة كلميم طانطان السمارة بوجدور
    طرفاية زاكورة تنغير ميدلت صفرو تاونات وزان شفشاون المضيق الفنيدق مرتيل بنسليمان برشيد بوسكورة مديونة النواصر
    الصخيرات تيفلت سيدي قاسم سليمان بنور اليوسفية بنجرير شيشاوة الحوز قلعة السراغنة ازيلال دمنات الفقيه صالح وادي زم
    ابي الجعد انزكان جرادة فجيج بوعرفة تاوريرت جرسيف الدريوش بولمان ميسور الحاجب القصر الكبير اصيلة ارفود سوس ماسة
    درعة تافيلالت الشرق الصحراء الريف الغرب الشاوية دكالة
"""
SCHOOLS = """
    ibnrochd ibnrouchd ibnsina ibnkhaldoun ibnkhaldun ibnbattouta ibnbatouta ibnalhaytam ibnalhaitam ibnhazm
    ibntofail ibnzohr ibntachfine ibnyassine ibnmajja ibntoumert ibnalkhatib ibnabbad ibnalarabi ibnzaydoun
    ibnalbanna almassira massira almassiraalkhadra alqods qods alquds alamal elamal annahda nahda alwahda wahda
    alfath alfarabi farabi alkindi kindi alkhawarizmi khawarizmi khwarizmi alidrissi alirfane irfane annajah najah
    arrazi razi almaarifa maarifa almoustakbal moustakbal alhouda almanar annour atlas oqba oqbaibnnafi tarik
    ibnziad tarikibnziad tariqbnziad salaheddine salahdine alayoubi hassan hassan2 hassanii hassandeux mohammedv
    mohamedv mohammed5 mohammed6 mohammedvi moulayismail moulayidriss moulayyoussef moulayrachid moulayabdellah
    moulayalcherif moulayhassan lallaaicha lallameriem lallasalma lallahasnae lallaasmae allalelfassi allalfassi
    omarkhayyam omaralkhayam omarbnkhattab omaribnalkhattab abou bakr aboubakr aboubakrseddik othmanibnaffane
    aliibnabitalib khalidibnwalid khalidbnwalid youssefibntachfine abdelkrimkhattabi elkhattabi almokhtarsoussi
    mokhtarsoussi abouabbassebti abilabbas imammalik imamalghazali ghazali imamboukhari imammouslim fatimaalfihria
    fihria zineb nafzaouia zinebnafzaouia alkhansaa khansaa hoummane hoummanefetouaki fetouaki zerktouni
    mohammedzerktouni allalbenabdellah descartes lyautey victorhugo ابن رشد ابنرشد سينا ابنسينا خلدون ابنخلدون بطوطة
    ابنبطوطة الهيثم حزم طفيل زهر المسيرة الخضراء القدس الامل النهضة الوحدة الفتح الفارابي الكندي الخوارزمي الادريسي
    العرفان النجاح الرازي المعرفة المستقبل الهدى المنار النور طارق بنزياد زياد صلاح الدين الايوبي الحسن الثاني محمد
    الخامس السادس مولاي اسماعيل ادريس رشيد يوسف عبدالله علال الفاسي عمر الخيام الخطاب ابوبكر الصديق عثمان عفان
    الوليد تاشفين المختار السوسي الغزالي البخاري الفهرية الزرقطوني
"""

KEYS = (
    ("²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!"),
    ("²1234567890°+", "azertyuiop^$", "qsdfghjklmù*", "wxcvbn,;:!"),
    ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"),
    ("`1234567890-=", "qwertzuiop[]", "asdfghjkl;'", "yxcvbnm,./"),
    ("`1234567890-=", "ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر·ىةوزظ"),
)
"""Keyboards as they are used here, each a row of keys above the other; without what only the shift key gives."""
ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "ابجدهوزحطيكلمنسعفصقرشتثخذضظغ")
"""What follows in an alphabet."""


# ---- passwords known from elsewhere: a file of hashes that an installation may have --------------------------------
# A line begins with the SHA-1 of a password in capital hexadecimal figures, in order (`HASH:COUNT`). It may be far
# larger than memory: a lookup reads some forty lines.

FIGURES = 40
_LINE_MOST = 200


class ListUnusable(OSError):
    """The list is not there, or is none."""


def is_known(path: Path, password: str) -> bool:
    """Whether that password is on the list. Raises ListUnusable."""
    typed = password.encode("utf-8", "surrogatepass")
    wanted = hashlib.sha1(typed, usedforsecurity=False).hexdigest().upper().encode()
    try:
        with path.open("rb") as lines:
            return _find(lines, wanted, path.stat().st_size)
    except OSError as error:
        raise ListUnusable(str(error)) from error


def _find(lines: IO[bytes], wanted: bytes, size: int) -> bool:
    first, end = 0, size
    while first < end:
        middle = (first + end) // 2
        start, found = _line_after(lines, middle)
        if not found or start >= end:
            end = middle
        elif found < wanted:
            first = start + 1
        elif found > wanted:
            end = middle
        else:
            return True
    return _line_at(lines, 0) == wanted


def _line_after(lines: IO[bytes], place: int) -> tuple[int, bytes]:
    """Where the first line that begins at `place` or behind it begins, and its hash; empty at the end."""
    if place:
        lines.seek(place - 1)
        lines.readline(_LINE_MOST)
    else:
        lines.seek(0)
    start = lines.tell()
    return start, _line_at(lines, start)


def _line_at(lines: IO[bytes], start: int) -> bytes:
    lines.seek(start)
    line = lines.readline(_LINE_MOST)
    found = line[:FIGURES]
    if line and (len(found) < FIGURES or not all(one in b"0123456789ABCDEF" for one in found)):
        raise ListUnusable("a line does not begin with forty figures of a hash")
    return found


# ---- how passwords are kept and compared ---------------------------------------------------------------------------
# Which new ones are refused: `password_strength`.

MOST = 1024
"""Bytes at most, in UTF-8."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = BoundedSemaphore(4)


def hash_password(password: str) -> str:
    """argon2id, with its own salt."""
    with _AT_ONCE:
        return _HASHER.hash(_bytes(password)[:MOST])


def stretched(code: str, salt: bytes) -> bytes:
    """A code of few bits, at the cost of a password: 32 bytes, the same for the same salt."""
    with _AT_ONCE:
        return hash_secret_raw(
            code.encode(), salt, time_cost=_HASHER.time_cost, memory_cost=_HASHER.memory_cost,
            parallelism=_HASHER.parallelism, hash_len=32, type=_HASHER.type,
        )  # fmt: skip


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("a password that nobody has")


def matches(kept: str | None, password: str) -> bool:
    """Compare at the same cost whether the account exists or not; more than was ever kept is never right."""
    typed = _bytes(password)
    try:
        with _AT_ONCE:
            _HASHER.verify(kept or _nobody(), typed[:MOST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None and len(typed) <= MOST


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
