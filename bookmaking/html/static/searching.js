/* From the file system a browser fetches no pages, so that search shows their titles alone. */
"use strict";

if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
