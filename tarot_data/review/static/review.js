// What script adds to pages that work without it: keys, and a picker that need not ask the server.
"use strict";

function typing(element) {
  return element && /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.form) {
    const save = event.target.form.querySelector("button.first");
    if (save) {
      event.preventDefault();
      save.click();
    }
    return;
  }
  if (event.key === "Escape" && typing(event.target)) {
    event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (event.key === "Enter" && event.target !== document.body) return;
  for (const element of document.querySelectorAll("[data-key]")) {
    if (element.dataset.key !== event.key) continue;
    event.preventDefault();
    if (typing(element)) element.focus();
    else element.click();
    return;
  }
});

for (const picker of document.querySelectorAll(".picker")) {
  const into = document.getElementById(picker.dataset.into);
  const [position, card, side] = picker.querySelectorAll("input, select");
  const written = { upright: "(正位)", reversed: "(逆位)", unknown: "" };
  const add = (event) => {
    event.preventDefault();
    if (!card.value.trim()) return;
    const place = position.value.trim();
    const text = (place ? place + "：" : "") + card.value.trim() + written[side.value];
    const before = into.value.replace(/\s+$/, "");
    into.value = before + (before ? "、" : "") + text;
    position.value = card.value = "";
    side.selectedIndex = 0;
    card.focus();
  };
  picker.querySelector("button").addEventListener("click", add);
  for (const field of [position, card, side]) {
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.metaKey) add(event);
    });
  }
}
