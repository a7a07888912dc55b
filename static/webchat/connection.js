// One socket that comes back by itself. It hands over what it hears, and says whether there is a line.
// A line may die without a word: whoever says something, or wakes up, waits for an answer and begins anew without one.

const DEADLINE = 6000; // milliseconds that an answer may take, or a new connection
const SILENCE = 30000; // milliseconds after which the line is tried
const LONGEST_WAIT = 60000;

export class Connection {
  #socket = null;
  #wait = 500;
  #again = 0;
  #doubt = 0;

  constructor(address, { opened, heard, lost }) {
    this.address = address;
    this.opened = opened;
    this.heard = heard;
    this.lost = lost;
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
    setInterval(() => this.tell({ type: "ping" }), SILENCE);
  }

  start() {
    clearTimeout(this.#again);
    this.#again = 0;
    const socket = new WebSocket(this.address);
    this.#socket = socket;
    this.#expect();
    socket.onopen = () => {
      this.#assured();
      this.opened();
    };
    socket.onmessage = (event) => {
      this.#assured();
      this.heard(JSON.parse(event.data));
    };
    socket.onclose = () => this.#gone();
  }

  // Whether it went out; if nothing comes back in time, the line is given up.
  tell(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    this.#expect();
    return true;
  }

  // All is well: the next loss is mended soon.
  settle() {
    this.#wait = 500;
  }

  // Come back later, as after a loss.
  drop() {
    this.#gone();
  }

  #expect() {
    this.#doubt ||= setTimeout(() => this.#gone(), DEADLINE);
  }

  #assured() {
    clearTimeout(this.#doubt);
    this.#doubt = 0;
  }

  // At once, without waiting for the other side's good-bye.
  #gone() {
    this.#assured();
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.lost();
    this.#again = setTimeout(() => this.start(), this.#wait * (0.5 + Math.random()));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  #hurry() {
    if (this.#again) this.start();
    else this.tell({ type: "ping" });
  }
}
