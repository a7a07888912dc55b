// What was said, as the team sees it: rows by their number, and the end in sight for who looks at the end.

import { element } from "../webchat/transcript.js";

export { element };

export class Transcript {
  constructor(box, texts = {}) {
    this.box = box;
    this.texts = texts;
  }

  get last() {
    return Number([...this.box.querySelectorAll("[data-seq]")].at(-1)?.dataset.seq ?? 0);
  }

  has(seq) {
    return this.#row(seq) !== null;
  }

  clear() {
    this.box.replaceChildren();
  }

  // The end in sight.
  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  // A row at the end; one of the same number is replaced, its details stay open.
  add(row) {
    const near = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 80;
    const old = this.#row(row.dataset.seq);
    const details = row.querySelector("details");
    if (details && old?.querySelector("details")?.open) details.open = true;
    if (old) old.replaceWith(row);
    else this.box.append(row);
    if (near) this.toEnd();
  }

  // Rows before all others; what was in sight stays there.
  prepend(rows) {
    const before = this.box.scrollHeight;
    this.box.prepend(...rows);
    this.box.scrollTop += this.box.scrollHeight - before;
  }

  // A message as the socket tells it.
  show(message) {
    if (this.has(message.seq)) return;
    const row = element("div", `line ${message.role}`);
    row.dataset.seq = message.seq;
    row.dir = "auto";
    const name = { user: this.texts.visitor, assistant: message.author ?? this.texts.bot }[message.role];
    if (name) row.append(element("b", "", name));
    const body = element("div", "body", message.html ? undefined : message.text);
    if (message.html) body.innerHTML = message.html; // made safe by the server
    row.append(body);
    this.add(row);
  }

  #row(seq) {
    return this.box.querySelector(`[data-seq="${Number(seq)}"]`);
  }
}
