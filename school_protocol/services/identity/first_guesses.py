"""Words that people take as passwords first: here and elsewhere, in French, English and Arabic, typed in Latin letters.

A list of millions is not needed: twelve characters at least are asked for, and what most people add to a word of this
list to get there (digits, years, signs, the word again, letters written as digits) is taken off before it is looked up.
"""

from __future__ import annotations

WORDS = frozenset(
    """
    password passw0rd passwort passphrase passcode parola contrasena motdepasse mdp mot depasse passe secret secrets
    admin admins administrator administrateur administratrice root system systeme user users utilisateur guest invite
    test tests tester testing demo default login connexion connect entrer ouvrir access acces account compte
    welcome bienvenue bonjour bonsoir salut hello hola hallo salam salama marhaba marhba ahlan
    changeme changezmoi change letmein iloveyou loveyou jetaime jetadore monamour monange moncoeur cheri cherie doudou
    princess princesse prince prince queen king roi reine angel ange dragon monkey master maitre maitresse shadow
    sunshine soleil lune etoile star superstar superman batman spiderman pokemon naruto starwars minecraft fortnite
    freedom liberte whatever trustno michael jordan ashley daniel jessica charlie thomas nicolas julien marine camille
    football soccer basketball baseball hockey futbol messi ronaldo neymar mbappe zidane hakimi ziyech bounou
    barcelona barcelone realmadrid madrid liverpool chelsea arsenal juventus marseille paris psg raja wydad
    rajacasablanca botola atlas atlaslions lionsdelatlas dimaraja dimawydad dimamaghrib dima
    google facebook instagram whatsapp telegram snapchat tiktok youtube twitter gmail hotmail yahoo outlook orange
    maroctelecom inwi iam samsung iphone nokia huawei xiaomi windows microsoft apple android computer ordinateur
    internet wifi chocolate chocolat cookie banana banane pomme fraise cerise vanille caramel bonbon nutella
    flower fleur rose jasmine yasmine lilas tulipe papillon butterfly chaton chat chien lapin tigre lion loup aigle
    bismillah bismilah allah allahakbar allahouakbar mohammed mohamed muhammad mohammad hamdoulah hamdullah
    alhamdulillah inchallah inshallah machallah mashallah subhanallah soubhanallah laila lailahaillallah ramadan quran
    coran islam maroc morocco maghrib almaghrib elmaghrib marocain marocaine rabat sale casa casablanca marrakech fes
    meknes tanger agadir oujda kenitra tetouan safi eljadida jadida settat nador khouribga benimellal taza
    mohammedia larache khemisset errachidia ouarzazate essaouira laayoune
    dakhla hoceima alhoceima berkane taroudant tiznit ifrane azrou
    ahmed hassan hussein hocine youssef yousef karim rachid said hamza omar amine anas ayoub ilyas ilias mehdi reda
    khalid abdellah abdallah abderrahim abdelkader mustapha mostafa brahim ibrahim ismail soufiane zakaria tarik nabil
    fatima fatimazahra fatimaezzahra khadija aicha amina meriem maryam mariam salma sara sarah hajar imane ikram kawtar
    nadia samira naima latifa zineb zeinab houda hanane asmae asma chaimae chaima oumaima malak aya ines rania loubna
    mama maman papa baba mimi walid walida walidin omi oummi abi hbibi habibi hbiba habibti hayati omri galbi qalbi
    school ecole college lycee etablissement classe eleve prof professeur enseignant enseignante directeur directrice
    ministere education academie aref province direction massar taalim madrasa madrassa protocol protocole protocoles
    schoolprotocol harcelement cyberharcelement signalement protection enfant enfants enfance
    azerty azertyuiop qwerty qwertyuiop qwertz qwert asdf asdfgh asdfghjkl zxcvbn zxcvbnm wxcvbn wxcvbnm qsdfgh
    qsdfghjklm azer azert qsdf qwer poiuy poiuytreza mlkjhgfdsq abc abcd abcde abcdef abcdefg abcdefgh azeqsd azeqsdwxc
    qaz qazwsx qazwsxedc wsx edc aze zaq zaqwsx abcabc aaa bbb xxx zzz lol lolo toto titi tata tutu tintin loulou bebe
    janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
    lundi mardi mercredi jeudi vendredi samedi dimanche printemps ete automne hiver
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday spring summer autumn winter
    black white red blue green yellow noir noire blanc blanche rouge bleu bleue vert verte jaune rose violet orange
    mustang ferrari porsche mercedes bmw audi dacia renault peugeot citroen toyota yamaha harley
    money argent floos flous dollar euro dirham rich riche boss chef patron
    love amour hob houb hayat happy heureux heureuse smile sourire peace paix salamalaikum salamoalaikom salamalikom
    sexy fuck shit merde putain hacker matrix ninja killer warrior rock music musique guitar
    كلمة سر كلمةالسر كلمةسر مرحبا السلام السلامعليكم الله اللهاكبر بسم بسمالله الحمد الحمدلله محمد احمد فاطمة خديجة
    المغرب الرباط الدارالبيضاء مراكش فاس طنجة مدرسة المدرسة تلميذ استاذ مدير حبيبي حياتي امي ابي
    """.split()  # noqa: SIM905 - read by people
)
ROWS = (
    "azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "1234567890",
    "0123456789", "abcdefghijklmnopqrstuvwxyz", "ضصثقفغعهخحجد", "شسيبلاتنمكط", "ءؤرلاىةوزظ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
)  # fmt: skip
"""What lies side by side on a keyboard, or follows in an alphabet."""
