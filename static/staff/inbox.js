// The page "Needs a person": who waits, live; what is said, live; and answers on whatever channel.
import { staffLine } from "./line.js";
import { element, Transcript } from "./transcript.js";

class Inbox extends HTMLElement {
  #open = new URLSearchParams(location.search).get("conversation");
  #typed = 0;

  connectedCallback() {
    this.texts = JSON.parse(this.dataset.texts);
    for (const [name, selector] of Object.entries({
      list: "ul", state: ".state", section: "section", who: "h2", about: ".about", said: ".said", form: "form",
      text: "textarea", canned: "select", taking: "[name=take]", giving: "[name=hand_back]",
    })) this[name] = this.querySelector(selector);
    this.transcript = new Transcript(this.said, this.texts);
    this.connection = staffLine({
      opened: () => this.#opened(),
      heard: (frame) => this[`on_${frame.type}`]?.(frame),
      lost: () => (this.state.textContent = this.texts.offline),
    });
    this.#listen();
    this.connection.start();
  }

  #listen() {
    this.taking.addEventListener("click", () => this.#tell("take"));
    this.giving.addEventListener("click", () => this.#tell("hand_back"));
    this.canned?.addEventListener("change", () => {
      if (this.canned.value) this.text.setRangeText(this.canned.value, this.text.selectionStart, this.text.selectionEnd, "end");
      this.canned.value = "";
      this.text.focus();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.text.value.trim() && this.#tell("reply", { text: this.text.value })) this.text.value = "";
    });
    this.text.addEventListener("input", () => {
      if (Date.now() - this.#typed < 4000) return;
      this.#typed = Date.now();
      this.#tell("typing");
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
  }

  #tell(type, more = {}) {
    return this.#open !== null && this.connection.tell({ type, conversation: this.#open, ...more });
  }

  #opened() {
    this.state.textContent = "";
    this.connection.settle();
    if (this.#open) this.#tell("open");
  }

  on_queue({ items }) {
    const when = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short", dateStyle: "short" });
    this.state.textContent = items.length ? "" : this.texts.nobody;
    this.list.replaceChildren(...items.map((item) => {
      const button = element("button", item.owner);
      button.type = "button";
      const state = item.owner === "waiting"
        ? this.texts.waiting.replace("%s", when.format(new Date(item.waiting_since)))
        : this.texts.mine.replace("%s", item.assigned_to ?? "?");
      button.append(element("strong", "", item.person), element("span", "", item.title), element("small", "", `${item.channel} · ${state}`));
      if (item.id === this.#open) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => {
        this.#open = item.id;
        this.#tell("open");
        this.text.focus();
      });
      const row = element("li");
      row.append(button);
      return row;
    }));
    const mine = items.find((item) => item.id === this.#open);
    if (mine) this.#head(mine);
    else if (this.#open) this.#owned(false);
  }

  on_opened(frame) {
    this.section.hidden = false;
    this.transcript.clear();
    this.#head(frame);
    for (const button of this.list.querySelectorAll("button")) button.removeAttribute("aria-current");
  }

  #head(item) {
    this.who.textContent = item.person;
    this.about.textContent = `${item.channel} · ${item.title}`;
    this.#owned(item.owner === "human");
  }

  #owned(is) {
    this.giving.hidden = !is;
    this.taking.hidden = is;
  }

  on_history({ messages }) {
    messages.forEach((message) => this.transcript.show(message));
  }

  on_message(message) {
    this.transcript.show(message);
  }

  on_owner(frame) {
    this.#owned(frame.owner === "human");
  }

  on_ended() {
    this.state.textContent = this.texts.over;
  }

  on_error(frame) {
    this.state.textContent = frame.message;
  }
}

customElements.define("staff-inbox", Inbox);
