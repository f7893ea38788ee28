/* Paper is white: while a page is printed, it is in light mode. */
"use strict";

(() => {
  const root = document.documentElement;
  let shown = "light";
  window.addEventListener("beforeprint", () => {
    shown = root.dataset.theme;
    root.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => {
    root.dataset.theme = shown;
  });
})();
