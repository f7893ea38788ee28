/* The meaning of a term beside its link: on hover, on focus, until Escape or until one leaves it.
   Fingers do not hover: a first tap shows the meaning, and a second one follows the link. */
"use strict";

(() => {
  const tip = document.createElement("div");
  tip.id = "glossary-tip";
  tip.className = "glossary-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  let shown = null;
  let leaving = 0;
  let byTouch = false;
  let tapped = null;

  function show(link, more = "") {
    hide();
    shown = link;
    tip.textContent = link.dataset.meaning + more;
    tip.hidden = false;
    link.setAttribute("aria-describedby", tip.id);
    const place = link.getBoundingClientRect();
    const right = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${window.scrollX + Math.max(8, Math.min(place.left, right))}px`;
    tip.style.top = `${window.scrollY + place.bottom + 4}px`;
  }

  function hide() {
    clearTimeout(leaving);
    if (shown) shown.removeAttribute("aria-describedby");
    shown = tapped = null;
    tip.hidden = true;
  }

  function tap(event) {
    const link = event.currentTarget;
    if (!byTouch || tapped === link) return;
    event.preventDefault();
    show(link, " (Tap again for the glossary.)");
    tapped = link;
  }

  /* One may move from the link to the tip, to read it with a magnifier. */
  function leave() {
    leaving = setTimeout(hide, 200);
  }

  const hovers = (event) => event.pointerType !== "touch";

  window.addEventListener("DOMContentLoaded", () => {
    document.body.append(tip);
    for (const link of document.querySelectorAll("a.glossary-term")) {
      link.dataset.meaning = link.title; // without JavaScript the browser shows the title
      link.removeAttribute("title");
      link.addEventListener("pointerenter", (event) => hovers(event) && show(link));
      link.addEventListener("pointerleave", (event) => hovers(event) && leave());
      link.addEventListener("click", tap);
      link.addEventListener("focus", () => show(link));
      link.addEventListener("blur", hide);
    }
    tip.addEventListener("pointerenter", () => clearTimeout(leaving));
    tip.addEventListener("pointerleave", leave);
    document.addEventListener("pointerdown", (event) => {
      byTouch = !hovers(event);
      if (byTouch && !event.target.closest("a.glossary-term, .glossary-tip")) hide();
    });
    document.addEventListener("keydown", (event) => {
      byTouch = false;
      if (event.key === "Escape") hide();
    });
  });
})();
