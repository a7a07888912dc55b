// The full-page chat. One socket; the server's rows are the truth, and `seq` says what is missing.
(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const log = at("log"), status = at("status"), form = at("composer"), box = at("text"), send = at("send"), stop = at("stop");
  const state = { socket: null, conversation: null, seq: 0, wait: 500, drafts: new Map(), pending: new Map(), bot: {}, ready: false, heard: 0 };

  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const tell = (frame) => {
    if (state.socket && state.socket.readyState === WebSocket.OPEN) { state.socket.send(JSON.stringify(frame)); return true; }
    return false;
  };
  const element = (name, classes, text) => {
    const made = document.createElement(name);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const keepBottom = (change) => {
    const near = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    change();
    if (near) log.scrollTop = log.scrollHeight;
  };
  const answering = (is) => { stop.hidden = !is; send.hidden = is; };

  function connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/chat/${form.dataset.slug}/`);
    state.socket = socket;
    socket.onopen = () => { state.heard = Date.now(); state.resend = true; tell({ type: "hello", conversation: state.conversation, after: state.seq }); };
    socket.onmessage = (event) => {
      state.heard = Date.now();
      const frame = JSON.parse(event.data);
      if (on[frame.type]) keepBottom(() => on[frame.type](frame));
    };
    socket.onclose = () => {
      state.ready = false;
      status.textContent = status.dataset.offline;
      setTimeout(connect, state.wait * (0.5 + Math.random()));
      state.wait = Math.min(state.wait * 2, 60000);
    };
  }

  function clear() { log.replaceChildren(); state.drafts.clear(); state.seq = 0; answering(false); }

  function greet() {
    if (log.childElementCount) return;
    if (state.bot.greeting) log.append(element("div", "message assistant greeting", state.bot.greeting));
    if (state.conversation || state.pending.size) return;
    const row = element("div", "suggestions");
    for (const text of state.bot.suggestions || []) {
      const button = element("button", "", text);
      button.type = "button";
      button.addEventListener("click", () => say(text));
      row.append(button);
    }
    if (row.childElementCount) log.append(row);
  }

  const shown = (seq) => log.querySelector(`[data-seq="${seq}"]`);

  function show(message) {
    const draft = message.role === "assistant" && state.drafts.get(message.turn);
    if (message.seq <= state.seq && shown(message.seq)) {
      if (draft) { draft.node.remove(); state.drafts.delete(message.turn); answering(state.drafts.size > 0); }
      return;
    }
    state.seq = Math.max(state.seq, message.seq);
    log.querySelector(".suggestions")?.remove();
    const made = element("div", `message ${message.role}${message.notice ? " notice" : ""}`);
    made.dataset.seq = message.seq;
    if (message.html) made.innerHTML = message.html; else made.textContent = message.text;
    if (draft) { draft.node.replaceWith(made); state.drafts.delete(message.turn); } else log.append(made);
    if (message.notice && message.turn) {
      const again = element("button", "", status.dataset.retry);
      again.type = "button";
      again.addEventListener("click", () => { again.remove(); tell({ type: "retry", turn: message.turn }); });
      made.append(again);
    }
    if (message.role === "assistant") { answering(state.drafts.size > 0); status.textContent = ""; }
  }

  function draftOf(frame) {
    let draft = state.drafts.get(frame.turn);
    if (!draft || draft.attempt < frame.attempt) {
      if (draft) draft.node.remove();
      draft = { attempt: frame.attempt, node: element("div", "message assistant"), blocks: [] };
      state.drafts.set(frame.turn, draft);
      log.append(draft.node);
    }
    return draft.attempt === frame.attempt ? draft : null;
  }
  function blockOf(draft, number) {
    while (draft.blocks.length <= number) {
      const made = element("div", "raw");
      draft.blocks.push(made);
      draft.node.append(made);
    }
    return draft.blocks[number];
  }
  function finished(block, html) { block.className = ""; block.innerHTML = html; }

  const on = {
    ready(frame) {
      if (state.conversation && frame.conversation !== state.conversation) clear();
      state.conversation = frame.conversation;
      state.bot = frame.bot;
      state.ready = true;
      state.wait = 500;
      status.textContent = "";
      at("demo").hidden = !frame.bot.demo;
    },
    history(frame) {
      if (frame.more) clear(); // what lies between is not told: show the newest alone
      else greet();
      frame.messages.forEach(show);
      for (const pending of state.pending.values()) log.append(pending.node);
      if (!state.resend) return;
      state.resend = false;
      for (const id of state.pending.keys()) sendPending(id);
    },
    ack(frame) {
      const pending = state.pending.get(frame.id);
      if (!pending) return;
      state.pending.delete(frame.id);
      pending.node.classList.remove("pending");
      status.textContent = "";
      if (shown(frame.seq)) pending.node.remove(); // sent twice: the history had it
      pending.node.dataset.seq = frame.seq;
      state.seq = Math.max(state.seq, frame.seq);
    },
    start(frame) {
      const draft = draftOf(frame);
      if (!draft) return;
      answering(true);
      status.textContent = status.dataset.typing;
      for (const block of frame.blocks) {
        const node = blockOf(draft, block.block);
        if (block.html !== undefined) finished(node, block.html); else node.textContent = block.text;
      }
    },
    delta(frame) { const draft = draftOf(frame); if (draft) blockOf(draft, frame.block).append(frame.text); status.textContent = ""; },
    block(frame) { const draft = draftOf(frame); if (draft) finished(blockOf(draft, frame.block), frame.html); },
    tool(frame) { status.textContent = frame.state === "running" ? `${status.dataset.tool} ${frame.name}…` : ""; },
    message: show,
    error(frame) {
      status.textContent = frame.message;
      if (!state.ready) { state.socket.close(); return; } // hello was not answered: come back later
      const pending = state.pending.get(frame.id);
      if (!pending) return;
      if (frame.retry_after) { setTimeout(sendPending, frame.retry_after * 1000 + 100, frame.id); return; }
      state.pending.delete(frame.id);
      pending.node.remove();
      if (!box.value) box.value = pending.text;
    },
  };

  function sendPending(id) {
    const pending = state.pending.get(id);
    if (pending && state.ready) tell({ type: "message", id, text: pending.text });
  }

  function say(text) {
    log.querySelector(".suggestions")?.remove();
    const id = newId(), node = element("div", "message user pending", text);
    state.pending.set(id, { text, node });
    log.append(node);
    log.scrollTop = log.scrollHeight;
    sendPending(id);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    box.style.height = "";
    say(text);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  box.addEventListener("input", () => { box.style.height = "auto"; box.style.height = `${box.scrollHeight}px`; });
  stop.addEventListener("click", () => tell({ type: "stop" }));
  at("new").addEventListener("click", () => { tell({ type: "new" }); clear(); box.focus(); });
  // A connection may die without a word: after a silence, open a new one.
  setInterval(() => {
    if (Date.now() - state.heard > 75000 && state.socket.readyState === WebSocket.OPEN) state.socket.close();
    else if (state.ready) tell({ type: "ping" });
  }, 30000);
  connect();
})();
