// Closes the filters of a list on a narrow screen, where they would stand before it, unless some are applied.
// It runs right behind them, before anything is painted; without it they stay open.
"use strict";

{
  const filters = document.currentScript.previousElementSibling;
  const wide = window.matchMedia("(width >= 60rem)").matches; // as in base.css: they stand beside the list
  if (!wide && !filters.querySelector(".applied")) filters.open = false;
}
