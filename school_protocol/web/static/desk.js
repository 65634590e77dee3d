/* Three small comforts; every page works without them. */
const root = document.documentElement, out = document.querySelector("a.exit");
let typed = false, leaving = false;

/* Words that were typed and not sent are not lost by a slip of the hand; never beside a child in danger. */
addEventListener("input", event => { typed ||= Boolean(event.target.closest("form.card")); leaving = false });
addEventListener("submit", event => { leaving = !event.target.closest("header") });
addEventListener("click", event => { leaving ||= Boolean(event.target.closest(".danger-btn, .sos, [href^='tel:']")) });
addEventListener("beforeunload", event => { if (typed && !leaving) event.preventDefault() });
addEventListener("pageshow", event => { leaving = false; if (event.persisted) location.reload() });

/* Leaving quickly takes this page's place in the history. */
out?.addEventListener("click", event => {
  event.preventDefault();
  leaving = true;
  location.replace(out.href);
});

/* How long until it is due, by the server's clock, each minute anew. */
let words; // made where something is due soon: a phone takes long over it
const begun = performance.now();
const said = (many, unit) => (words ??= new Intl.RelativeTimeFormat(root.lang, { style: "short" })).format(many, unit);
const tell = () => {
  for (const one of document.querySelectorAll("time[data-now]")) {
    const now = Date.parse(one.dataset.now) + performance.now() - begun;
    const minutes = Math.floor((Date.parse(one.dateTime) - now) / 60000), far = Math.abs(minutes);
    delete one.dataset.left;
    if (far >= 1440) continue;
    one.dataset.left = far < 60 ? said(minutes, "minute") : said(Math.trunc(minutes / 60), "hour");
    if (minutes < 0) one.className = "pill late";
  }
};
tell();
setInterval(tell, 60000);
