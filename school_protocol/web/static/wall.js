/* The wall of a workshop comes again by itself: never under the hands of who types there, and what was unfolded stays so. */
const again = document.querySelector("meta[name=again]"), folds = [...document.querySelectorAll("main details")];
const place = `unfolded ${location.pathname}`, unfolded = (sessionStorage.getItem(place) || "").split(" ");

folds.forEach((one, number) => { one.open ||= unfolded.includes(String(number)) });
addEventListener("toggle", () => {
  sessionStorage.setItem(place, folds.flatMap((one, number) => one.open ? [number] : []).join(" "));
}, true);

const changed = one => one.type === "checkbox" ? one.checked !== one.defaultChecked : one.value !== one.defaultValue;
const is_busy = () => document.activeElement?.matches("main :is(input, select)")
  || [...document.querySelectorAll("main input:not([type=hidden])")].some(changed);
if (again) setInterval(() => { if (!is_busy()) location.reload() }, again.content * 1000);
