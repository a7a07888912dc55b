// A conversation's page: it goes on while it is read. The socket says that something happened, the server how it looks.
import { staffLine } from "./line.js";
import { Transcript } from "./transcript.js";

const PAUSE = 5000; // milliseconds between two looks at what will change by itself, or where there is no socket

class Conversation extends HTMLElement {
  #busy = null;
  #again = false;

  connectedCallback() {
    this.transcript = new Transcript(this.querySelector(".said"));
    this.transcript.toEnd();
    this.addEventListener("click", (event) => {
      if (!event.target.matches("a.earlier")) return;
      event.preventDefault();
      this.#earlier(event.target);
    });
    if (new URLSearchParams(location.search).has("before")) return; // an old page stays as it is
    if ("live" in this.dataset) this.#listen();
    setInterval(() => {
      if (!document.hidden && (!("live" in this.dataset) || this.#unsettled())) this.#refresh();
    }, PAUSE);
  }

  #listen() {
    const line = staffLine({
      opened: () => {
        line.settle();
        line.tell({ type: "open", conversation: this.dataset.id });
      },
      heard: (frame) => {
        const { type } = frame;
        if (type === "history" && frame.messages.every(({ seq }) => this.transcript.has(seq))) return;
        if (["history", "message", "owner", "ended"].includes(type)) this.#refresh();
      },
      lost: () => {},
    });
    line.start();
  }

  // One look at a time; what happens meanwhile is looked at afterwards.
  async #refresh() {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = this.#look();
    try {
      await this.#busy;
    } catch { // no connection: the next frame or pause tries again
    } finally {
      this.#busy = null;
    }
    if (this.#again) {
      this.#again = false;
      this.#refresh();
    }
  }

  async #look() {
    const open = this.#unsettled();
    let after = open ? open.dataset.seq - 1 : this.transcript.last;
    for (let rows = null; rows === null || rows.length === 50; after = rows.at(-1)?.dataset.seq) {
      const part = await this.#fetch(`after=${after}`);
      this.querySelector(".head").replaceWith(part.querySelector(".head"));
      rows = [...part.querySelectorAll(".line")];
      if (rows.length) this.querySelector(".empty")?.remove();
      for (const row of rows) this.transcript.add(row);
    }
  }

  async #earlier(link) {
    const part = await this.#fetch(link.getAttribute("href").slice(1)).catch(() => null);
    if (!part) return;
    link.remove();
    this.transcript.prepend([...part.querySelectorAll(".earlier, .line")]);
  }

  // What the server shows, made safe there.
  async #fetch(query) {
    const answer = await fetch(`${location.pathname}?part&${query}`, { redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  #unsettled() {
    return this.querySelector("[data-open]");
  }
}

customElements.define("staff-conversation", Conversation);
