"""SC1 through the pages: from a teacher's report to the case file, in French, on a desktop."""

from __future__ import annotations

from .conftest import Serve, Sit
from .served import story
import time

def test_sc1(serve: Serve, sit: Sit) -> None:
    house = serve("2026-10-05T09:55")
    steps = story("sc1")
    teacher = sit(house, "reporter")
    people = {}
    t=time.time()
    teacher.open("/")
    teacher.follow("Signaler une situation")
    act = house.protocol.acts["report"]
    house.turn_to(steps[0]["at"])
    teacher.fill(act, steps[0]["answers"])
    teacher.press("Enregistrer le signalement")
    print(teacher.page.url, teacher.page.locator("main").inner_text())
    people["team_member"]=sit(house,"team_member"); people["team_member"].discover()
    print(time.time()-t)
    for n, step in enumerate(steps[1:], 2):
        role = house.protocol.resolve("roles", step["as"])
        if role not in people: people[role]=sit(house, role)
        house.turn_to(step["at"])
        t=time.time()
        try:
            people[role].do(step)
        except BaseException as e:
            people[role].page.screenshot(path="/tmp/sp/br.png", full_page=True)
            print(people[role].page.url)
            raise
        print(n, step["do"], role, round(time.time()-t,2), flush=True)
    for p in people.values(): print(p.wide)
