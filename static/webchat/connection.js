// One socket that comes back by itself. It hands over what it hears, and says whether there is a line.

const SILENCE = 75000; // milliseconds without a word after which a connection is taken for dead
const LONGEST_WAIT = 60000;

export class Connection {
  #socket = null;
  #wait = 500;
  #heard = 0;
  #timer = 0;

  constructor(address, { opened, heard, lost }) {
    this.address = address;
    this.opened = opened;
    this.heard = heard;
    this.lost = lost;
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
    setInterval(() => this.#probe(), 30000);
  }

  start() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const socket = new WebSocket(this.address);
    this.#socket = socket;
    socket.onopen = () => {
      this.#heard = Date.now();
      this.opened();
    };
    socket.onmessage = (event) => {
      this.#heard = Date.now();
      this.heard(JSON.parse(event.data));
    };
    socket.onclose = () => {
      this.lost();
      this.#timer = setTimeout(() => this.start(), this.#wait * (0.5 + Math.random()));
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    };
  }

  // Whether it went out.
  tell(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  // All is well: the next loss is mended soon.
  settle() {
    this.#wait = 500;
  }

  // Come back later, as after a loss.
  drop() {
    this.#socket?.close();
  }

  #hurry() {
    if (this.#timer) this.start();
    else this.#probe();
  }

  #probe() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.#heard > SILENCE) this.#socket.close();
    else this.tell({ type: "ping" });
  }
}
