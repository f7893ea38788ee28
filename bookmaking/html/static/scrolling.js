/* What does not fit scrolls sideways: let the keyboard reach it, and say at which edge it is cut. */
"use strict";

(() => {
  const SCROLLING =
    ".bd-content :is(figure, pre), .formula, .explorable, .table-scrolls," +
    " .figure-numbers .tables, .pst-scrollable-table-container";

  function notice(part) {
    const { clientHeight, clientWidth, scrollHeight, scrollLeft, scrollWidth } = part;
    const cut = { left: scrollLeft > 1, right: scrollLeft + clientWidth < scrollWidth - 1 };
    part.dataset.cut = Object.keys(cut).filter((edge) => clientWidth && cut[edge]).join(" ");
    if (part.dataset.cut || scrollHeight > clientHeight) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }

  window.addEventListener("load", () => {
    const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => notice(target)));
    for (const part of document.querySelectorAll(SCROLLING)) {
      sizes.observe(part); // also when a fold around it is opened
      part.addEventListener("scroll", () => notice(part), { passive: true });
    }
  });
})();
