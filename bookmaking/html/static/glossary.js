/* The meaning of a term beside its link: on hover, on focus, until Escape or until one leaves it. */
"use strict";

(() => {
  const tip = document.createElement("div");
  tip.id = "glossary-tip";
  tip.className = "glossary-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  let shown = null;
  let leaving = 0;

  function show(link) {
    hide();
    shown = link;
    tip.textContent = link.dataset.meaning;
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
    shown = null;
    tip.hidden = true;
  }

  /* One may move from the link to the tip, to read it with a magnifier. */
  function leave() {
    leaving = setTimeout(hide, 200);
  }

  window.addEventListener("DOMContentLoaded", () => {
    document.body.append(tip);
    for (const link of document.querySelectorAll("a.glossary-term")) {
      link.dataset.meaning = link.title; // without JavaScript the browser shows the title
      link.removeAttribute("title");
      link.addEventListener("pointerenter", () => show(link));
      link.addEventListener("pointerleave", leave);
      link.addEventListener("focus", () => show(link));
      link.addEventListener("blur", hide);
    }
    tip.addEventListener("pointerenter", () => clearTimeout(leaving));
    tip.addEventListener("pointerleave", leave);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
    });
  });
})();
