// Keys for the review of matches. Without this file every button works by itself; the keys press the same buttons.
"use strict";

// Keys count only while a match has the focus (WCAG 2.1.4), and never with a modifier or in a field.
const review = document.querySelector("[data-review]");
const cards = [...document.querySelectorAll("[data-match]")];
const goTo = (card) => card?.focus();

if (review && cards.length) {
  document.querySelector("[data-keys-hint]")?.removeAttribute("hidden");
  for (const card of cards) card.tabIndex = 0;

  document.addEventListener("keydown", (event) => {
    const card = event.target.closest?.("[data-match]");
    if (!card || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.matches("input, select, textarea")) return;
    const place = cards.indexOf(card);
    if (event.key === "j") goTo(cards[place + 1]);
    else if (event.key === "k") goTo(cards[place - 1]);
    else if (event.key === "u") document.querySelector('.undo [data-key="u"]')?.click();
    else if (event.key === "a" || event.key === "r") card.querySelector(`[data-key="${event.key}"]`)?.click();
    else return;
    event.preventDefault();
  });

  // Whoever decides goes on with the next match.
  review.addEventListener("submit", (event) => {
    const card = event.submitter?.closest("[data-match]");
    const next = cards[cards.indexOf(card) + 1] ?? card;
    if (!next) return;
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "after";
    field.value = next.id.replace("match-", "");
    review.append(field);
  });

  // The address names the match to go on with; the first, if that is on another page or left out by a filter.
  if (location.hash.startsWith("#match-")) goTo(document.getElementById(location.hash.slice(1)) ?? cards[0]);
}
