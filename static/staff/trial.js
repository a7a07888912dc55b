// The test chat beside a bot's form: asks with what stands in the form, shows the answer as it comes.
import { element } from "./transcript.js";

class Trial extends HTMLElement {
  #said = [];
  #asking = null;

  connectedCallback() {
    for (const [name, selector] of Object.entries({
      log: ".said", form: "form", text: "textarea", send: "[type=submit]", stop: "[name=stop]", anew: "[name=anew]",
    })) this[name] = this.querySelector(selector);
    this.bot = document.getElementById("bot_form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask(this.text.value);
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
    this.stop.addEventListener("click", () => this.#asking?.abort());
    this.anew.addEventListener("click", () => this.#welcome());
    for (const name of ["greeting", "suggestions"]) this.#box(name)?.addEventListener("change", () => this.#said.length || this.#welcome());
    this.#welcome();
  }

  #box(name) {
    return this.bot.elements[name];
  }

  #welcome() {
    this.#asking?.abort();
    this.#said = [];
    this.log.replaceChildren();
    const greeting = this.#box("greeting").value.trim();
    if (greeting) this.log.append(element("div", "line assistant", greeting));
    for (const text of this.#box("suggestions").value.split("\n").map((line) => line.trim()).filter(Boolean)) {
      const button = element("button", "suggestion", text);
      button.type = "button";
      button.addEventListener("click", () => this.#ask(text));
      this.log.append(button);
    }
  }

  #asked(text) {
    return {
      name: this.#box("name").value,
      prompt: this.#box("prompt").value,
      model: this.#box("model").value,
      tools: [...this.bot.querySelectorAll("[name=tools]:checked")].map((box) => box.value),
      parameters: this.#box("parameters").value || "{}",
      max_output_tokens: this.#box("max_output_tokens").value ? Number(this.#box("max_output_tokens").value) : null,
      said: this.#said,
      text,
    };
  }

  async #ask(text) {
    if (!text.trim() || this.#asking) return;
    const asking = new AbortController();
    this.#asking = asking;
    const asked = this.#asked(text);
    this.text.value = "";
    this.#waits(true);
    this.log.querySelectorAll(".suggestion").forEach((button) => button.remove());
    this.log.append(element("div", "line user", text));
    const answer = new Answer(this.dataset);
    this.log.append(answer.line);
    this.#follow();
    try {
      for await (const frame of this.#frames(asked, asking.signal)) {
        answer.hear(frame);
        this.#follow();
      }
    } catch (error) {
      answer.end(asking.signal.aborted ? this.dataset.stopped : error.told ?? this.dataset.lost, !asking.signal.aborted);
    }
    if (this.#asking === asking) {
      this.#asking = null;
      this.#waits(false);
      if (answer.text) this.#said = [...asked.said, { role: "user", text }, { role: "assistant", text: answer.text }].slice(-200);
      this.#follow();
    }
  }

  async *#frames(asked, signal) {
    const token = this.bot.elements.csrfmiddlewaretoken.value;
    const response = await fetch(this.dataset.url, {
      method: "POST", signal, body: JSON.stringify(asked), headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    });
    if (!response.ok) throw Object.assign(new Error(), { told: (await response.json().catch(() => ({}))).message });
    const decoder = new TextDecoder();
    let rest = "";
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) yield JSON.parse(line);
    }
  }

  #waits(yes) {
    this.send.hidden = yes;
    this.stop.hidden = !yes;
  }

  #follow() {
    this.log.scrollTop = this.log.scrollHeight;
  }
}

class Answer {
  text = "";
  #blocks = new Map();

  constructor(words) {
    this.words = words;
    this.line = element("div", "line assistant");
    this.body = element("div", "body", "…");
    this.line.append(this.body);
  }

  hear(frame) {
    this[`on_${frame.type}`]?.(frame);
  }

  on_start() {
    this.#blocks.clear();
    this.body.replaceChildren();
  }

  #block(number) {
    if (!this.#blocks.size) this.body.replaceChildren();
    if (!this.#blocks.has(number)) {
      this.#blocks.set(number, element("div", "raw"));
      this.body.append(this.#blocks.get(number));
    }
    return this.#blocks.get(number);
  }

  on_delta({ block, text }) {
    this.#block(block).append(text);
  }

  on_block({ block, html }) {
    this.#block(block).innerHTML = html; // made safe on the server
    this.#block(block).className = "";
  }

  on_tool({ name, state }) {
    if (state === "running") this.line.before(element("div", "line system", this.words.using.replace("%s", name)));
  }

  on_message({ text, html }) {
    this.text = text;
    if (html === null) this.body.textContent = text;
    else this.body.innerHTML = html; // made safe on the server
  }

  on_outcome({ failed, reason, seconds, model, prompt_tokens, completion_tokens, cost_usd, shown }) {
    const cost = cost_usd === null ? this.words.unpriced : `$${Number(Number(cost_usd).toFixed(6))}`;
    const told = [model, `${prompt_tokens} + ${completion_tokens} ${this.words.tokens}`, cost, `${seconds?.toFixed(1)} s`, reason];
    this.end(told.filter(Boolean).join(" · "), failed);
    if (this.text) this.line.append(this.#elsewhere(shown));
  }

  #elsewhere(shown) {
    const all = element("details", "elsewhere");
    all.append(element("summary", "", this.words.elsewhere));
    for (const { label, parts } of shown) {
      all.append(element("h4", "", parts.length > 1 ? `${label} (${parts.length})` : label));
      for (const html of parts) {
        const part = element("div", "part");
        part.innerHTML = html; // made safe on the server
        all.append(part);
      }
    }
    return all;
  }

  on_error({ message }) {
    this.end(message, true);
  }

  end(told, bad) {
    if (this.body.textContent === "…") this.body.replaceChildren();
    this.line.append(element("small", bad ? "bad" : "", told));
  }
}

customElements.define("staff-trial", Trial);
