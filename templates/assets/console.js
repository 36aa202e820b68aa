// What pages are better for, and do without: times in the reader's zone, and a run that tells by itself how it goes.
"use strict";

function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.valueOf())) {
      time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    }
  }
}

async function refresh(live) {
  if (document.hidden) return;
  const answer = await fetch(location.href, { redirect: "error" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(live.id);
  if (!fresh) return;
  localize(fresh);
  live.replaceChildren(...fresh.childNodes);
  if (!fresh.dataset.again) clearInterval(live.timer);
}

localize(document);

for (const live of document.querySelectorAll("[data-again]")) {
  live.timer = setInterval(() => refresh(live).catch(() => {}), Number(live.dataset.again) * 1000);
}

for (const choice of document.querySelectorAll("form.theme select")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}
