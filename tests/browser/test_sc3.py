from .conftest import PHONE, Serve, Sit
from .served import story
from .team import Team
import time
def test_x(serve, sit):
    house=serve("2026-10-06T09:10","ar")
    team=Team(house, story("sc3"), lambda role: sit(house, role, "ar", PHONE))
    m=team["membre_er"]
    m.open("/")
    m.count_anew()
    house.turn_to("2026-10-06T09:14")
    m.tap(m.page.get_by_role("link", name="التبليغ عن حالة").first)
    m.page.screenshot(path="/tmp/sp/br0.png")
    m.press  if 0 else None
    m.tap(m.page.locator("main .danger-btn"))
    m.page.screenshot(path="/tmp/sp/br1.png")
    m.press("ابتزاز (مال أو صور أو أفعال)")
    m.page.screenshot(path="/tmp/sp/br2.png"); print(m.taps, m.answers, m.page.url)
    m.page.screenshot(path="/tmp/sp/br2f.png", full_page=True)
    house.adopt(m.page.url.split("/")[-2])
    t0=time.time()
    for n,step in enumerate(team.steps[1:],2):
        house.turn_to(step["at"]); t=time.time()
        try: team[step["as"]].do(step)
        except BaseException:
            pg=team[step["as"]].page
            print(n, step["do"], pg.url, pg.locator("main").inner_text()[:2500])
            pg.screenshot(path="/tmp/sp/br.png", full_page=True); raise
        print(n, step["do"], step["as"], round(time.time()-t,2), flush=True)
    print(team.wide(), time.time()-t0)
