"""SC1, shared concern, in French on a desktop: from a teacher's report to closure and the case file, by pages alone.

What the story says is done step by step, in front of the browser of whoever does it, on the day it says. The report,
the safety check, the first listening, the minutes, the visa and the closure are read and clicked word by word; the
other forms are filled in by the keys under which the story gives their answers.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Serve, Sit
from .person import Person
from .served import PASSWORD, story
from .team import Team

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def team(serve: Serve, sit: Sit) -> Team:
    ctx = serve("2026-10-05T09:55")

    def seat(role: str) -> Person:
        person = sit(ctx, role)
        person.types_again = True
        return person

    return Team(ctx, story("sc1"), seat)


def test_sc1_from_report_to_case_file(team: Team, tmp_path: Path) -> None:
    report(team)
    detection(team)
    team.follow(team.at("t_qualify", 2), team.at("F3"))
    listening(team)
    team.follow(team.at("F3") + 1, team.at("F9"))
    minutes(team)
    team.follow(team.at("t_validate", 2), team.at("F14"))
    closing_is_refused(team)
    closure(team)
    case_file(team, tmp_path)
    assert team.wide() == []


def report(team: Team) -> None:
    """J0, 10:00. Five answers; the teacher gets a receipt, and sees nothing of the case."""
    team.ctx.turn_to(team.steps[0]["at"])
    teacher = team["declarant"]
    teacher.open("/")
    teacher.follow("Signaler une situation")
    expect(teacher.page.locator("h1")).to_have_text("Signaler une situation")
    teacher.say("Que s’est-il passé ?", team.told("F1")["what_happened"])
    teacher.say("Nom", "Yasmine Berrada-Ouali")
    teacher.pick("Y a-t-il un danger maintenant ?", "Non")
    teacher.pick("Un adulte de l’école est-il concerné ?", "Non")
    teacher.pick("Comment l’avez-vous appris ?", "Je l’ai vu ou entendu")
    assert (teacher.answers, teacher.taps) == (5, 1)
    teacher.press("Enregistrer le signalement")
    expect(teacher.said()).to_have_text("Votre signalement est enregistré. Merci.")
    expect(teacher.page.locator("h1")).to_have_text("Votre signalement")
    expect(teacher.page.locator("main")).not_to_contain_text("Yasmine")
    number = team["membre_er"].discover()
    assert re.fullmatch(r"\d{13}", number)
    teacher.page.goto(f"{team.ctx.url}/cases/{number}")
    expect(teacher.page.locator("h1")).to_have_text("Cette page n’a pas été trouvée")


def detection(team: Team) -> None:
    """Qualifying isn't open before the child's safety was asked about: the page says so, and leads there."""
    member = team.begin("t_qualify")
    waiting = member.page.locator("main .ways.closed > li").filter(has_text="Qualifier le signalement").first
    expect(waiting).to_contain_text("La sécurité immédiate de l’élève n’a pas encore été vérifiée")
    team.ctx.turn_to("2026-10-05T10:35")
    member.unfold(waiting)
    member.tap(waiting.get_by_role("link", name="Vérifier la sécurité immédiate"))
    member.page.get_by_label("Je n’ai vu aucun de ces dangers, et je le signe").check()
    member.pick("L’élève est-il (elle) en sécurité maintenant ?", "Pas connu")
    member.pick("Qui reste avec l’élève ?", "L’élève n’est pas avec nous")
    member.say("Nom et lieu, si utile", team.told("F2")["who_stays_words"])
    member.pick("Qu’avez-vous fait pour le (la) protéger ?", "Surveillance des récréations et des couloirs")
    member.press("Enregistrer")
    expect(member.said()).to_have_text("Enregistré : Vérifier la sécurité immédiate.")


def listening(team: Team) -> None:
    """J1. Yasmine speaks; her words stay in her languages, and whoever listened signs them."""
    member, told = team.begin("F3"), team.told("F3")
    member.follow("Écouter l’élève visé(e)")
    member.pick("Élève", "EV1 · Yasmine Berrada-Ouali")
    member.say("Date", "2026-10-06")
    member.pick("Qui écoute ?", "Nadia El Fassi")
    member.pick("L’élève a-t-il (elle) donné son avis ?", "Oui")
    member.pick("Lieu", "Local de la cellule d’écoute")
    member.pick("Langue de l’échange", "Darija")
    member.pick("Avez-vous expliqué les limites du secret ?", "Oui")
    member.say("Ce que dit l’élève, avec ses mots", told["account"])
    member.say("Depuis quand ?", "2026-09-14")
    member.pick("Combien de fois ?", "Chaque jour")
    member.read_controls()
    member.answer(team.field("F3", "people"), "a-people", told["people"])
    member.pick("Ce que l’élève ressent", "Tristesse", "Honte", "Sentiment d’être seul(e)", "Inquiétude")
    member.pick("Effets à l’école", "Attention", "Notes en baisse", "Mis(e) à l’écart")
    member.say("Ce que l’élève souhaite", told["wishes"])
    member.say("Ce que l’élève craint", told["fears"])
    member.pick("L’élève est d’accord pour que ses responsables légaux soient informés", "Oui")
    member.pick("L’élève est d’accord pour la méthode de la préoccupation partagée", "Oui")
    member.say("Signature de la personne qui écoute", PASSWORD)
    member.press("Enregistrer")
    expect(member.said()).to_have_text("Enregistré : Écouter l’élève visé(e).")
    member.turn_to("chronology")
    member.tap(member.page.locator(".log").get_by_role("link", name=re.compile("^Lire la fiche")).first)
    expect(member.page.locator(".said").filter(has_text="ما بقيتش باغا نهضر فالقسم")).to_be_visible()
    expect(member.page.locator(".facts")).to_contain_text("EC2 · Hiba Lamrani-Zerhoun")
    expect(member.page.locator(".signatures")).to_contain_text("Nadia El Fassi")


def minutes(team: Team) -> None:
    """J3. The coordinator writes and signs the minutes; they count once a second person has read and signed them."""
    coordinator, told = team.begin("F9"), team.told("F9")
    coordinator.follow("Rédiger le compte rendu de concertation")
    coordinator.say("Date", "2026-10-08")
    coordinator.pick("Personnes présentes", "Samira Benjelloun", "Nadia El Fassi")
    coordinator.say("Faits établis", told["facts_established"])
    coordinator.say("Ce qui reste une hypothèse", told["hypotheses"])
    coordinator.pick("Niveau retenu", "N2 - Préoccupant")
    coordinator.pick("Les faits peuvent-ils être une infraction ?", "Incertain")
    coordinator.say("Pourquoi cette réponse ?", told["offence_reason"])
    coordinator.pick("Textes auxquels vous pensez", "CP 447-2")
    coordinator.pick("Décision", "Plan d’accompagnement dans l’école")
    coordinator.say("Votre signature", PASSWORD)
    coordinator.press("Enregistrer et signer")
    expect(coordinator.said()).to_have_text("Enregistré : Rédiger le compte rendu de concertation.")
    coordinator.move("Valider l’évaluation", {"expect": "refused"})
    member = team.begin("sign")
    expect(member.page.get_by_role("heading", name="En attente de votre signature")).to_be_visible()
    member.tap(member.page.locator("[aria-labelledby=to-sign] a"))
    expect(member.page.locator("[aria-labelledby=signed]")).to_contain_text("Aucune menace, aucun contenu intime")
    member.say("Votre signature", "ce n’est pas lui")
    member.press("Signer")
    expect(member.page.get_by_role("alert")).to_contain_text("Ce n’est pas votre mot de passe")
    member.say("Votre signature", PASSWORD)
    member.press("Signer")
    expect(member.said()).to_have_text("Enregistré : Signer.")


def closing_is_refused(team: Team) -> None:
    """J33: stable, but 27 days after the last fact only. The page says what is missing, and from which day it opens."""
    coordinator, told = team.begin("F14"), team.told("F14")
    coordinator.follow("Préparer la clôture")
    coordinator.pick("Issue", "Résolu")
    for danger in ("Idées suicidaires", "Parent ou proche du foyer", "Fugue, disparition"):
        coordinator.pick(danger, "Non")
    coordinator.pick("L’élève visé(e) a-t-il (elle) donné son avis sur la clôture ?", "Oui")
    coordinator.say("Avec ses mots", told["view_words"])
    coordinator.say("L’avis des responsables légaux", told["guardians_view"])
    coordinator.pick("L’élève a-t-il (elle) quitté l’école ?", "Non")
    coordinator.say("Dernier fait connu le", "2026-10-11")
    coordinator.pick("Une réponse éducative a-t-elle été donnée ?", "Oui")
    coordinator.pick("Les mesures prises", "Sont terminées")
    coordinator.pick("Déclarant(e) remercié(e), sans détails ?", "Oui")
    coordinator.pick(
        "J’ai vérifié", "Aucun danger en cours", "La question de l’infraction", "Responsables légaux informés",
        "Registre des preuves", "Contenu retiré", "Chaque saisine", "Suivis tenus", "Mesures terminées",
    )  # fmt: skip
    coordinator.say("Ce que l’école en retient, sans nom", told["lessons"])
    coordinator.pick("Enregistré dans MARSAD ?", "Oui")
    coordinator.say("Référence MARSAD", "DEMO-2026-018")
    coordinator.sign_if_asked()
    coordinator.press("Enregistrer")
    expect(coordinator.said()).to_have_text("Enregistré : Préparer la clôture.")
    coordinator = team.begin("t_prop_close")
    way = coordinator.page.locator("main .ways.closed > li").filter(has_text="Proposer la clôture").first
    coordinator.unfold(way)
    expect(way).to_contain_text("La situation n’est pas stable depuis assez longtemps")
    expect(way).to_contain_text(re.compile(r"À partir du\s:\s*10 nov\. 2026"))
    expect(way.get_by_role("link", name="Noter un suivi")).to_be_visible()
    expect(way.get_by_role("link", name="Proposer la clôture", exact=True)).to_have_count(0)
    coordinator.page.goto(f"{coordinator.page.url}/moves/propose_closure")
    expect(coordinator.page.get_by_role("heading", name="Pas encore possible, car")).to_be_visible()
    expect(coordinator.page.get_by_role("button", name="Confirmer")).to_have_count(0)


def closure(team: Team) -> None:
    """J40: it opens. Who proposes doesn't close; who closes gives the visa first."""
    team.follow(team.at("F13", 5), team.at("t_prop_close", 2))
    coordinator = team.begin("t_prop_close", 2)
    coordinator.follow("Proposer la clôture")
    coordinator.press("Confirmer : Proposer la clôture")
    expect(coordinator.said()).to_have_text("C’est fait : Proposer la clôture.")
    coordinator.move("Clore le dossier", {"expect": "refused"})
    head = team.begin("t_close", 2)
    way = head.page.locator("main .ways.closed > li").filter(has_text="Clore le dossier").first
    expect(way).to_contain_text("Le visa du chef d’établissement manque")
    head.unfold(way)
    head.tap(way.get_by_role("link", name="Visa du chef d’établissement"))
    head.pick("Décision", "Visa donné")
    head.say("Remarque", team.told("visa_head")["remark"])
    head.sign_if_asked()
    head.press("Enregistrer")
    expect(head.said()).to_have_text("Enregistré : Visa du chef d’établissement.")
    head = team.begin("t_close", 3)
    head.follow("Clore le dossier")
    head.press("Confirmer : Clore le dossier")
    expect(head.said()).to_have_text("C’est fait : Clore le dossier.")
    assert team.ctx.state() == "closed"


def case_file(team: Team, folder: Path) -> None:
    """The case file is handed over; issuing it stands in the chronology."""
    head = team["directeur"]
    head.turn_to("chronology")
    head.follow("Dossier de prise en charge (PDF)")
    with head.page.expect_download() as waiting:
        head.button("Produire le document").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    data = path.read_bytes()
    assert path.suffix == ".pdf"
    assert data.startswith(b"%PDF")
    assert len(data) > 20_000
    head.open(f"/cases/{head.served.number}/chronology")
    expect(head.page.locator(".log li").first).to_contain_text("exemplaire")
