// A channel's test message and its check: without leaving the page, so that nothing typed in its form is lost.
"use strict";

// An id is asked for only where none of the known chats is meant; without this script it goes before the choice.
function choose(select) {
  const [other, id] = [select.form.querySelector(".by-id"), select.form.elements.chat_id];
  other.hidden = id.disabled = !select.selectedOptions[0]?.matches("[data-other]");
  id.required = !id.disabled;
}
addEventListener("change", ({ target }) => target.matches(".probe select") && choose(target));
for (const shown of ["DOMContentLoaded", "pageshow"]) {
  addEventListener(shown, () => document.querySelectorAll(".probe select").forEach(choose));
}

addEventListener("submit", async (event) => {
  const form = event.target.closest(".probe form");
  if (!form) return;
  event.preventDefault();
  const [button, told] = [form.querySelector("button"), form.querySelector("[role=status]")];
  button.disabled = true;
  told.className = "";
  told.textContent = button.dataset.busy;
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: new FormData(form), headers: { Accept: "application/json" },
    });
    if (!answer.ok) throw new Error(answer.status);
    const { state, text, findings = [] } = await answer.json();
    told.className = state;
    told.textContent = text;
    form.querySelector(".findings")?.replaceChildren(...findings.map((finding) => {
      const line = document.createElement("li");
      line.className = finding.ok ? "good" : "bad";
      line.textContent = finding.text;
      if (finding.mend) line.append(Object.assign(document.createElement("span"), { textContent: finding.mend }));
      return line;
    }));
  } catch {
    told.className = "failed";
    told.textContent = button.dataset.lost;
  }
  button.disabled = false;
});
