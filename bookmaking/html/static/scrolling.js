/* What does not fit scrolls sideways; let the keyboard reach it where it does. */
"use strict";

(() => {
  const SCROLLING =
    ".bd-content :is(figure, pre), .formula, .explorable, .figure-numbers .tables, .output.text_html";

  function letFocus() {
    for (const part of document.querySelectorAll(SCROLLING)) {
      const scrolls = part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight;
      if (scrolls && part.clientWidth) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  }
  window.addEventListener("load", letFocus);
  window.addEventListener("resize", letFocus);
  document.addEventListener("toggle", letFocus, true); // events of <details> do not bubble
})();
