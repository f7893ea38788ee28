/* On a narrow screen figures scroll sideways; let the keyboard reach those that do. */
"use strict";

(() => {
  function letFocus() {
    for (const figure of document.querySelectorAll(".bd-content figure, .explorable")) {
      if (figure.scrollWidth > figure.clientWidth) figure.tabIndex = 0;
      else figure.removeAttribute("tabindex");
    }
  }
  window.addEventListener("load", letFocus);
  window.addEventListener("resize", letFocus);
})();
