// The list of messages: stored ones by `seq`, the answer in the making, and what waits to be sent.
// It follows what is new while the reader is at the end, and never moves under somebody who reads further up.

const NEAR = 80; // pixels from the end that still count as being there

export const element = (name, classes, text) => {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
};

export class Transcript {
  #drafts = new Map();
  #known = new Set(); // beyond a gap
  #over = new Set(); // turns whose answer is stored: what of it comes late is not shown again
  #follows = true;
  #top = 0;

  // `log`: the list; `latest`: the button that leads to its end; `spoken`: read out by screen readers;
  // `actions`: the template of an answer's buttons; `act(name, message, button)`: one of them was pressed.
  constructor({ log, latest, spoken, actions, texts, act }) {
    Object.assign(this, { log, latest, spoken, actions, texts, act });
    this.seq = 0;
    this.first = 0;
    log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    log.addEventListener("click", (event) => this.#copy(event));
    latest.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.settle()).observe(log);
  }

  clear() {
    this.log.replaceChildren();
    this.#drafts.clear();
    this.#known.clear();
    this.#over.clear();
    this.seq = this.first = 0;
    this.toEnd();
  }

  get answering() {
    return this.#drafts.size > 0;
  }

  get isEmpty() {
    return !this.log.childElementCount;
  }

  // After a change: stay at the end, or offer the way there.
  settle() {
    if (this.#follows) this.log.scrollTop = this.log.scrollHeight;
    this.latest.hidden = this.#follows || this.#isNear();
  }

  toEnd() {
    this.#follows = true;
    this.settle();
  }

  has(seq) {
    return this.log.querySelector(`[data-seq="${seq}"]`) !== null;
  }

  // A message of this page was stored under this number.
  stored(node, seq) {
    node.dataset.seq = seq;
    this.knows(seq);
    this.#place(node, seq);
  }

  add(node) {
    this.log.append(node);
  }

  // A line of ours between the messages.
  remark(text, kind = "remark") {
    this.log.querySelector(`.${kind}`)?.remove();
    this.log.append(element("p", kind, text));
  }

  forgetRemark(kind) {
    this.log.querySelector(`.${kind}`)?.remove();
  }

  show(message) {
    const draft = message.role === "assistant" && this.#drafts.get(message.turn);
    if (draft) this.#drafts.delete(message.turn);
    if (this.has(message.seq)) {
      draft?.node.remove();
      return;
    }
    this.knows(message.seq);
    if (message.role === "assistant") this.#over.add(message.turn);
    if (draft) {
      this.#finish(draft, message);
      this.#place(draft.node, message.seq);
      const said = draft.blocks.map((block) => block.textContent).join("\n") || message.text;
      setTimeout(() => (this.spoken.textContent = said)); // not between the same two pictures
    } else {
      this.#place(this.#made(message), message.seq);
    }
  }

  // This one is here. `seq` is the last before the first gap: what is asked for after a lost connection.
  knows(seq) {
    this.first ||= seq;
    this.seq ||= this.first - 1;
    this.#known.add(seq);
    while (this.#known.delete(this.seq + 1)) this.seq += 1;
  }

  // Behind the last one with a lower number, whenever it came; before what is not stored yet.
  #place(node, seq) {
    const stored = [...this.log.querySelectorAll("[data-seq]")].filter((other) => other !== node);
    const before = stored.findLast((other) => +other.dataset.seq < seq);
    const after = stored.find((other) => +other.dataset.seq > seq);
    if (after) after.before(node);
    else if (before && before.nextElementSibling !== node) before.after(node);
    else if (!node.isConnected) this.log.append(node);
  }

  // Older ones, above; what is read stays where it is.
  prepend(messages) {
    const before = this.log.scrollHeight - this.log.scrollTop;
    const made = messages.filter((message) => !this.has(message.seq)).map((message) => this.#made(message));
    this.log.prepend(...made);
    if (messages.length) this.first = messages[0].seq;
    this.log.scrollTop = this.log.scrollHeight - before;
  }

  start(frame) {
    const draft = this.#draft(frame);
    for (const block of draft ? frame.blocks : []) {
      if (block.html !== undefined) this.#closed(draft, block.block, block.html);
      else this.#block(draft, block.block).textContent = block.text;
    }
  }

  delta(frame) {
    const draft = this.#draft(frame);
    if (draft) this.#block(draft, frame.block).append(frame.text);
  }

  block(frame) {
    const draft = this.#draft(frame);
    if (draft) this.#closed(draft, frame.block, frame.html);
  }

  tool(frame) {
    const draft = this.#drafts.get(frame.turn);
    if (!draft) return;
    let shown = draft.tools.get(frame.name);
    if (!shown) {
      shown = element("span", "tool", frame.name);
      draft.tools.set(frame.name, shown);
      draft.node.prepend(shown);
    }
    shown.dataset.state = frame.state;
  }

  #draft(frame) {
    if (frame.type === "start") this.#over.delete(frame.turn); // it is tried again
    if (this.#over.has(frame.turn)) return null;
    let draft = this.#drafts.get(frame.turn);
    if (!draft || draft.attempt < frame.attempt) {
      draft?.node.remove();
      draft = { attempt: frame.attempt, node: element("div", "message assistant draft"), blocks: [], tools: new Map() };
      draft.node.setAttribute("aria-live", "off"); // a screen reader hears the whole answer, not each word
      draft.node.dir = "auto";
      this.#drafts.set(frame.turn, draft);
      this.log.append(draft.node);
    }
    return draft.attempt === frame.attempt ? draft : null;
  }

  #block(draft, number) {
    while (draft.blocks.length <= number) {
      const made = element("div", "raw");
      draft.blocks.push(made);
      draft.node.append(made);
    }
    return draft.blocks[number];
  }

  #closed(draft, number, html) {
    const block = this.#block(draft, number);
    block.className = "";
    block.innerHTML = html; // made safe by the server
    block.given = html;
    this.#enrich(block);
  }

  // The stored answer takes the draft's place; what is on the screen already stays as it is.
  #finish(draft, message) {
    for (const chip of draft.tools.values()) chip.remove();
    draft.node.classList.remove("draft");
    draft.node.removeAttribute("aria-live");
    const given = draft.blocks.map((block) => block.given ?? "\0").join("");
    if (given.trim() !== (message.html ?? "").trim()) {
      draft.node.innerHTML = message.html;
      this.#enrich(draft.node);
    }
    this.#complete(draft.node, message);
  }

  #made(message) {
    if (message.role === "system") return this.#aside(message);
    const made = element("div", `message ${message.role}`);
    made.dir = "auto";
    if (message.html) {
      made.innerHTML = message.html; // made safe by the server
      this.#enrich(made);
    } else {
      made.textContent = message.text;
    }
    this.#complete(made, message);
    return made;
  }

  // What happened between messages: somebody came or went.
  #aside(message) {
    const made = element("p", "message aside", message.text);
    made.dir = "auto";
    made.dataset.seq = message.seq;
    return made;
  }

  #complete(node, message) {
    node.dataset.seq = message.seq;
    if (message.notice) node.classList.add("notice");
    if (message.author) node.prepend(element("span", "author", message.author));
    if (message.role !== "assistant") return;
    const row = element("div", "actions");
    for (const button of message.buttons ?? []) row.append(this.#choice(message, button));
    if ((message.notice || message.stopped) && message.turn) row.append(this.#again(message));
    if (message.model) row.append(...this.#opinions(message));
    if (row.childElementCount) node.append(row);
  }

  #choice(message, button) {
    const made = element("button", "choice", button.label);
    made.type = "button";
    made.addEventListener("click", () => {
      if (!this.act("press", message, button.id)) return;
      for (const other of made.parentElement.querySelectorAll(".choice")) other.disabled = true;
    });
    return made;
  }

  #again(message) {
    const made = element("button", "again", this.texts.retry);
    made.type = "button";
    made.addEventListener("click", () => {
      if (this.act("retry", message)) made.remove();
    });
    return made;
  }

  #opinions(message) {
    const made = [...this.actions.content.cloneNode(true).children];
    const press = (value) => made.forEach((button) => button.setAttribute("aria-pressed", String(+button.value === value)));
    press(message.feedback ?? 0);
    for (const button of made) {
      button.addEventListener("click", () => {
        const value = button.getAttribute("aria-pressed") === "true" ? 0 : +button.value;
        if (this.act("feedback", message, value)) press(value);
      });
    }
    return made;
  }

  // Code and tables scroll by themselves; code can be copied.
  #enrich(node) {
    for (const code of node.querySelectorAll("pre")) {
      const frame = element("div", "code");
      const button = element("button", "copy", this.texts.copy);
      button.type = "button";
      code.replaceWith(frame);
      code.tabIndex = 0;
      frame.append(button, code);
    }
    for (const table of node.querySelectorAll("table")) {
      const frame = element("div", "wide");
      frame.tabIndex = 0;
      table.replaceWith(frame);
      frame.append(table);
    }
  }

  async #copy(event) {
    const button = event.target.closest(".copy");
    if (!button) return;
    await copyText(button.nextElementSibling.textContent);
    button.textContent = this.spoken.textContent = this.texts.copied;
    setTimeout(() => (button.textContent = this.texts.copy), 2000);
  }

  #isNear() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR;
  }

  #scrolled() {
    const top = this.log.scrollTop;
    if (top < this.#top - 2 || this.#isNear()) this.#follows = this.#isNear();
    this.#top = top;
    this.latest.hidden = this.#follows || this.#isNear();
  }
}

// The clipboard's interface is there on https only, and may be forbidden in a frame.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const here = document.activeElement;
    const box = element("textarea", "hidden", text);
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
    here?.focus();
  }
}
