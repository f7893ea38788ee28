/* Pictures wait until the page is shown, but not until they are in sight: one may scroll fast. */
"use strict";

window.addEventListener("load", () => {
  for (const picture of document.querySelectorAll('img[loading="lazy"]')) picture.loading = "eager";
});
