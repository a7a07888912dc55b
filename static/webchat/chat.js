// The chat as an element: <switchboard-chat>, on a page of its own or in a frame on somebody's site.
// The server's rows are the truth, and `seq` says what is missing. Texts come from the server, in the reader's language.
import { Connection } from "./connection.js";
import { Host } from "./host.js";
import { Transcript, element } from "./transcript.js";

const BUDGET = 10; // milliseconds of work between two pictures
const LONGEST = 8000; // characters of a message
const LAST_ORDERS = 200; // milliseconds until frames are worked on though nothing is painted

const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

// Whether a letter is still being put together, as in Chinese or Japanese.
const composes = (event) => event.isComposing || event.keyCode === 229;

class Chat extends HTMLElement {
  #pending = new Map(); // what was said and not acknowledged: id → {text, node}
  #queue = [];
  #due = false;
  #conversation = null;
  #ready = false;
  #anew = true; // the next `history` is the first of a connection
  #token = "";
  #identity = undefined;
  #bot = {};
  #underway = null; // the one that was sent and not acknowledged
  #unread = 0;
  #follows = false; // it goes where another tab went, and need not say so
  #chosen = null; // the conversation that is to be deleted
  #isOver = false;
  #quiet = 0;

  connectedCallback() {
    this.texts = JSON.parse(this.dataset.texts);
    for (const name of ["status", "composer", "text", "send", "stop", "banner", "paused", "panel", "menu", "sure", "person"])
      this[name] = this.querySelector(`#${name}`);
    this.transcript = new Transcript({
      log: this.querySelector("#log"),
      latest: this.querySelector("#latest"),
      spoken: this.querySelector("#spoken"),
      actions: this.querySelector("#actions"),
      texts: this.texts,
      act: (...what) => this.#act(...what),
    });
    this.host = new Host(JSON.parse(this.dataset.sites), {
      open: () => this.#shown(),
      say: (said) => this.#say(String(said.text ?? "")),
    });
    try {
      this.tabs = new BroadcastChannel(`switchboard:${this.dataset.slug}`);
      this.tabs.onmessage = ({ data }) => this.#follow(data);
    } catch {
      this.tabs = { postMessage() {} }; // a browser that keeps frames of other sites apart from everything
    }
    this.#listen();
    this.#paint(this.dataset.accent);
    this.#connect();
  }

  // Doing ------------------------------------------------------------------------------------------------------------

  async #connect() {
    const said = await this.host.greet();
    this.#token = said.token ?? "";
    this.#identity = said.identity;
    if (said.color) this.#paint(said.color);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.connection = new Connection(`${scheme}//${location.host}/ws/chat/${this.dataset.slug}/`, {
      opened: () => this.#hello(),
      heard: (frame) => this.#heard(frame),
      lost: () => this.#lost(),
    });
    this.connection.start();
  }

  #hello() {
    this.#anew = true;
    this.#tell({
      type: "hello",
      visitor: this.#token || undefined,
      conversation: this.#conversation,
      after: this.transcript.seq,
      identity: this.#identity,
      language: document.documentElement.lang,
    });
  }

  #tell(frame) {
    return this.connection?.tell(frame) ?? false;
  }

  #lost() {
    this.#ready = false;
    this.status.textContent = this.texts.offline;
    this.classList.add("offline");
  }

  #say(text) {
    text = text.trim().slice(0, LONGEST);
    if (!text) return;
    this.transcript.forgetRemark("suggestions");
    const id = newId();
    const node = element("div", "message user pending", text);
    node.dir = "auto";
    this.#pending.set(id, { text, node });
    this.transcript.add(node);
    this.transcript.toEnd();
    this.#next();
  }

  // One after another, so that they are stored in the order they were written.
  #next() {
    const [id] = this.#pending.keys();
    if (!id || !this.#ready || this.#underway === id) return;
    if (this.#tell({ type: "message", id, text: this.#pending.get(id).text })) this.#underway = id;
  }

  // Whether it was said; without a line nothing changes but the status, which tells so.
  #act(name, message, value) {
    return this.#tell({
      press: { type: "press", message_id: message.id, button: value },
      retry: { type: "retry", turn: message.turn },
      feedback: { type: "feedback", message_id: message.id, value },
    }[name]);
  }

  #begin() {
    if (!this.#tell({ type: "new" })) return;
    this.transcript.clear();
    this.#close(this.panel);
    this.text.focus();
  }

  #leadTabs(conversation) {
    this.tabs.postMessage({ conversation, visitor: this.#token });
  }

  // Another tab of this visitor went elsewhere: go along, unless something is being done here.
  #follow({ conversation, visitor }) {
    if (visitor !== this.#token || conversation === this.#conversation) return;
    if (this.text.value || this.#pending.size || this.sure.open) return;
    this.#follows = true;
    if (conversation) this.#tell({ type: "open", conversation });
    else this.#tell({ type: "hello", visitor: this.#token || undefined, identity: this.#identity });
  }

  // Frames -----------------------------------------------------------------------------------------------------------

  #heard(frame) {
    this.#queue.push(frame);
    if (!this.#due) this.#soon();
  }

  #soon() {
    this.#due = true;
    const once = () => {
      if (!this.#due) return;
      this.#due = false;
      this.#work();
    };
    requestAnimationFrame(once);
    setTimeout(once, LAST_ORDERS); // a hidden page paints nothing
  }

  #work() {
    const end = performance.now() + BUDGET;
    while (this.#queue.length && performance.now() < end) {
      const frame = this.#queue.shift();
      while (frame.type === "delta" && this.#goesOn(frame)) frame.text += this.#queue.shift().text;
      this[`on_${frame.type}`]?.(frame);
    }
    this.#answering(this.transcript.answering);
    this.transcript.settle();
    if (this.#queue.length) this.#soon();
  }

  #goesOn({ turn, attempt, block }) {
    const next = this.#queue[0];
    return next?.type === "delta" && next.turn === turn && next.attempt === attempt && next.block === block;
  }

  on_ready(frame) {
    const before = this.#conversation;
    if (before && frame.conversation !== before) this.transcript.clear();
    this.#conversation = frame.conversation;
    this.#bot = frame.bot;
    this.#token = frame.visitor;
    this.#ready = true;
    this.connection.settle();
    this.classList.remove("offline");
    this.status.textContent = "";
    this.querySelector("#demo").hidden = !frame.bot.demo;
    this.on_owner(frame);
    this.#pause(frame.paused);
    this.transcript.forgetRemark("over");
    this.#isOver = frame.ended;
    for (const name of ["download", "delete"]) this.querySelector(`#${name}`).disabled = !frame.conversation;
    this.querySelector("#end").disabled = !frame.conversation || frame.ended;
    this.host.tell("visitor", { token: frame.visitor });
    if (frame.conversation !== before && !this.#anew && !this.#follows) this.#leadTabs(frame.conversation);
    this.#follows = false;
  }

  on_history(frame) {
    if (frame.older) {
      this.transcript.prepend(frame.messages);
      this.#offerOlder(frame.more);
      return;
    }
    if (frame.more && this.transcript.seq) this.transcript.clear(); // what lies between is not told
    if (this.transcript.isEmpty && !frame.more) this.#greet();
    this.transcript.log.setAttribute("aria-busy", "true"); // what was said before is not read out
    if (frame.messages.length) this.transcript.forgetRemark("suggestions");
    for (const message of frame.messages) this.transcript.show(message);
    setTimeout(() => this.transcript.log.removeAttribute("aria-busy"), 100);
    if (this.#isOver) this.transcript.remark(this.texts.ended, "over");
    if (frame.more) this.#offerOlder(true);
    for (const pending of this.#pending.values()) this.transcript.add(pending.node);
    if (!this.#anew) return;
    this.#anew = false;
    this.#underway = null;
    this.#next();
  }

  on_ack(frame) {
    const pending = this.#pending.get(frame.id);
    if (!pending) return;
    this.#pending.delete(frame.id);
    this.#next();
    pending.node.classList.remove("pending");
    this.status.textContent = "";
    if (this.transcript.has(frame.seq)) pending.node.remove(); // sent twice: the history had it
    else this.transcript.stored(pending.node, frame.seq);
  }

  on_start(frame) {
    this.#pause(null); // it answers again
    this.transcript.start(frame);
    if (!frame.blocks.length) this.status.textContent = this.texts.typing;
  }

  on_delta(frame) {
    this.transcript.delta(frame);
    this.status.textContent = "";
  }

  on_block(frame) {
    this.transcript.block(frame);
  }

  on_tool(frame) {
    this.transcript.tool(frame);
    this.status.textContent = frame.state === "running" ? this.texts.tool.replace("%s", frame.name) : "";
  }

  on_message(frame) {
    this.transcript.forgetRemark("suggestions");
    this.transcript.show(frame);
    if (frame.role !== "assistant") return;
    if (frame.paused) this.#pause(frame.text);
    if (!this.transcript.answering) this.status.textContent = ""; // else it is a notice, and the answer is to come
    this.host.tell("message", { message: { role: frame.role, text: frame.text, at: frame.at } });
    if (document.hidden) document.title = `(${++this.#unread}) ${this.#bot.name}`;
  }

  on_typing() {
    this.status.textContent = this.texts.personTyping;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      if (this.status.textContent === this.texts.personTyping) this.status.textContent = "";
    }, 6000);
  }

  on_owner(frame) {
    const text = { waiting: this.texts.waiting, human: this.texts.human }[frame.owner];
    this.banner.hidden = !text;
    this.banner.textContent = text ?? "";
    const held = this.person && this.person === document.activeElement;
    if (this.person) this.person.hidden = frame.owner !== "bot";
    if (held && this.person.hidden) this.text.focus();
    if (frame.owner === "closed") this.on_ended();
  }

  // What staff tell while the channel is switched off.
  #pause(text) {
    this.paused.hidden = !text;
    this.paused.textContent = text ?? "";
  }

  on_paused(frame) {
    this.#pause(frame.text);
  }

  on_ended() {
    this.transcript.remark(this.texts.ended, "over");
    this.querySelector("#end").disabled = true;
  }

  on_deleted(frame) {
    if (frame.conversation === this.#conversation) { // in another tab
      this.#conversation = null;
      this.transcript.clear();
      this.#greet();
      for (const name of ["download", "end", "delete"]) this.querySelector(`#${name}`).disabled = true;
    }
    this.status.textContent = this.texts.deleted;
    if (!this.panel.hidden) this.#tell({ type: "conversations" });
  }

  on_download(frame) {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([frame.text], { type: "text/plain;charset=utf-8" }));
    link.download = frame.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  on_conversations(frame) {
    const when = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    const rows = frame.items.map((item) => {
      const row = element("li");
      const open = element("button", "");
      open.type = "button";
      open.append(element("bdi", "", item.title || this.texts.untitled), element("time", "", when.format(new Date(item.at))));
      if (item.id === this.#conversation) open.setAttribute("aria-current", "true");
      open.addEventListener("click", () => {
        this.#tell({ type: "open", conversation: item.id });
        this.#close(this.panel);
        this.text.focus();
      });
      row.append(open);
      return row;
    });
    this.panel.querySelector("ul").replaceChildren(...(rows.length ? rows : [element("li", "none", this.texts.none)]));
  }

  on_error(frame) {
    if (frame.code === "bad_identity") { // the site's mistake: nothing to tell its visitor, who is a stranger then
      console.warn(frame.message);
      return;
    }
    this.status.textContent = frame.message;
    if (!this.#ready) {
      this.connection.drop(); // hello was not answered: come back later
      return;
    }
    const pending = this.#pending.get(frame.id);
    if (!pending) return;
    if (frame.retry_after) {
      setTimeout(() => {
        this.#underway = null;
        this.#next();
      }, frame.retry_after * 1000 + 100);
      return;
    }
    this.#pending.delete(frame.id);
    this.#next();
    pending.node.remove();
    if (!this.text.value) this.text.value = pending.text;
  }

  // What is seen -----------------------------------------------------------------------------------------------------

  #greet() {
    if (this.#bot.greeting) {
      const node = element("div", "message assistant greeting", this.#bot.greeting);
      node.dir = "auto";
      this.transcript.add(node);
    }
    if (this.#conversation || this.#pending.size || !this.#bot.suggestions?.length) return;
    const row = element("div", "suggestions");
    for (const text of this.#bot.suggestions) {
      const button = element("button", "choice", text);
      button.type = "button";
      button.addEventListener("click", () => this.#say(text));
      row.append(button);
    }
    this.transcript.add(row);
  }

  #offerOlder(more) {
    this.transcript.forgetRemark("older");
    if (!more) return;
    const button = element("button", "older", this.texts.older);
    button.type = "button";
    button.addEventListener("click", () => this.#tell({ type: "older", before: this.transcript.first }));
    this.transcript.log.prepend(button);
  }

  #answering(is) {
    const held = [this.stop, this.send].includes(document.activeElement);
    this.stop.hidden = !is;
    this.send.hidden = is;
    if (held) (is ? this.stop : this.send).focus();
  }

  #paint(color) {
    if (!/^#[0-9a-f]{6}$/i.test(color ?? "")) return;
    const light = [1, 3, 5].map((at) => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2);
    const brightness = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
    this.style.setProperty("--brand", color);
    this.style.setProperty("--on-brand", brightness > 0.18 ? "#000" : "#fff");
  }

  #shown() {
    this.transcript.toEnd();
    this.text.focus();
  }

  #toggle(part) {
    const opens = part.hidden;
    for (const other of [this.panel, this.menu]) this.#close(other);
    if (!opens) return;
    part.hidden = false;
    this.#opener(part).setAttribute("aria-expanded", "true");
    if (part === this.panel) this.#tell({ type: "conversations" });
    part.querySelector("button:enabled")?.focus();
  }

  #close(part) {
    if (part.hidden) return;
    const held = part.contains(document.activeElement);
    part.hidden = true;
    this.#opener(part).setAttribute("aria-expanded", "false");
    if (held) this.#opener(part).focus();
  }

  #opener(part) {
    return this.querySelector(`[aria-controls="${part.id}"]`);
  }

  // What people do ---------------------------------------------------------------------------------------------------

  #listen() {
    this.composer.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = this.text.value;
      this.text.value = "";
      this.#grow();
      this.#say(said);
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || composes(event)) return;
      event.preventDefault();
      this.composer.requestSubmit();
    });
    this.text.addEventListener("input", () => this.#grow());
    this.addEventListener("keydown", (event) => event.key === "Escape" && !composes(event) && this.#escape());
    this.addEventListener("click", (event) => this.#pressed(event.target.closest("button")?.id));
    for (const name of ["paste", "drop", "dragover"]) this.addEventListener(name, (event) => this.#files(event));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden || !this.#unread) return;
      this.#unread = 0;
      document.title = this.#bot.name;
    });
  }

  #pressed(id) {
    const conversation = this.#conversation;
    const does = {
      stop: () => this.#tell({ type: "stop" }),
      person: () => this.#tell({ type: "human" }),
      new: () => this.#begin(),
      earlier: () => this.#toggle(this.panel),
      options: () => this.#toggle(this.menu),
      download: () => this.#tell({ type: "download", conversation }),
      end: () => this.#tell({ type: "end" }),
      delete: () => {
        this.#chosen = conversation;
        this.sure.showModal();
      },
      "really-delete": () => this.#tell({ type: "delete", conversation: this.#chosen }),
      minimize: () => this.host.tell("close"),
    }[id];
    if (!does) return;
    does();
    if (this.menu.querySelector(`#${id}`)) this.#close(this.menu);
  }

  #escape() {
    if (this.sure.open) return; // closes itself
    if (!this.panel.hidden || !this.menu.hidden) [this.panel, this.menu].forEach((part) => this.#close(part));
    else this.host.tell("close");
  }

  #grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  // Pictures and files cannot be read yet: that is said, not passed over.
  #files(event) {
    const kinds = [...((event.clipboardData ?? event.dataTransfer)?.types ?? [])];
    if (!kinds.includes("Files") || kinds.includes("text/plain")) return; // tables come as text and as a picture
    event.preventDefault();
    if (event.type === "dragover") return;
    this.transcript.remark(this.texts.file);
    this.transcript.toEnd();
  }
}

customElements.define("switchboard-chat", Chat);
