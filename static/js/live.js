// The live parts of a page. Without this file the page is right on reload; with it, it stays right by itself.
"use strict";

// A page nobody looks at asks for nothing: htmx polls are dropped while the tab is hidden.
document.addEventListener("htmx:beforeRequest", (event) => {
  const polls = event.detail.elt.getAttribute("hx-trigger")?.startsWith("every");
  if (polls && document.hidden) event.preventDefault();
});

// One status region per page speaks when the stage changes, not at each tick. It lies outside the polled fragment, so
// that assistive technology keeps watching the same element.
document.addEventListener("htmx:afterSettle", () => {
  const stage = document.querySelector("[data-stage]");
  const announcer = document.querySelector("[data-stage-announcer]");
  if (!stage || !announcer) return;
  const words = stage.dataset.stage;
  if (announcer.textContent !== words) announcer.textContent = words;
});

// A poll draws its charts anew; the tables that somebody has opened beside them stay open.
let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  opened = [...event.detail.target.querySelectorAll("details")].map((details) => details.open);
});
document.addEventListener("htmx:afterSettle", (event) => {
  const fresh = document.getElementById(event.detail.target.id) ?? event.detail.target;
  fresh.querySelectorAll("details").forEach((details, place) => {
    details.open = opened[place] ?? details.open;
  });
});
