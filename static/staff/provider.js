// The pages of a provider: boxes filled in for the chosen service, its connection tested in place, a long list narrowed.
const FILLED = ["slug", "name", "kind", "base_url", "max_tokens_field"];

const choice = document.querySelector("select[data-presets]");
if (choice) {
  const presets = JSON.parse(choice.dataset.presets);
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.setAttribute("role", "status");
  choice.parentElement.after(hint); // the theme draws the arrow in the place around it
  const box = (name) => choice.form.elements.namedItem(name);
  let before = {};
  const fill = () => {
    const told = presets[choice.value] ?? {};
    for (const name of FILLED) {
      const own = box(name).value;
      if (own === "" || own === (before[name] ?? "")) box(name).value = told[name] ?? "";
    }
    box("base_url").placeholder = told.pattern ?? "";
    hint.textContent = told.hint ?? "";
    before = told;
  };
  choice.addEventListener("change", fill);
  fill();
}

const test = document.querySelector("form[data-test]");
if (test) {
  const answer = document.querySelector(".aside .answer");
  test.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = test.querySelector("button");
    button.disabled = true;
    answer.className = "answer";
    answer.textContent = test.dataset.asking;
    try {
      const response = await fetch(test.action, {
        method: "POST", body: new FormData(test), headers: { Accept: "application/json" }, redirect: "error",
      });
      const { ok, message } = await response.json();
      answer.classList.add(ok ? "good" : "bad");
      answer.textContent = message;
    } catch {
      answer.classList.add("bad");
      answer.textContent = test.dataset.failed;
    }
    button.disabled = false;
    button.focus();
  });
}

const filter = document.querySelector(".offers .filter");
if (filter) {
  filter.hidden = false;
  const rows = [...document.querySelectorAll(".offers tbody tr")];
  filter.querySelector("input").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
  });
}
