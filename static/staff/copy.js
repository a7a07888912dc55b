// Buttons that copy what stands before them.
"use strict";
addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const shown = button.previousElementSibling;
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(shown.textContent);
  } else { // there on https only
    getSelection().selectAllChildren(shown);
    document.execCommand("copy");
  }
  button.dataset.label ??= button.textContent;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = button.dataset.label), 2000);
});
