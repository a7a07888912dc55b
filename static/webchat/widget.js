// Puts the chat on any site: <script src=".../static/webchat/widget.js" data-channel="slug"></script>
// data-color, data-position (left|right), data-language, data-label, data-open, data-user, data-user-hash, data-user-name
// window.Switchboard: open(), close(), say(text), on("open" | "close" | "message", listener)
(() => {
  "use strict";
  const script = document.currentScript ?? document.querySelector('script[data-channel][src*="webchat/widget.js"]');
  const { channel, color, position, language, label, open, user, userHash, userName } = script.dataset;
  const server = new URL("../../", script.src);
  const storageKey = `switchboard:${server.origin}:${channel}`;
  const wanted = (language || document.documentElement.lang || navigator.language || "en").slice(0, 2).toLowerCase();
  const names = { en: "Open the chat", es: "Abrir el chat", de: "Chat öffnen", fr: "Ouvrir le chat", ar: "افتح المحادثة" };
  const name = label || names[wanted] || names.en;
  const listeners = { open: [], close: [], message: [] };
  let token = "";
  let frame = null;
  let isOpen = false;
  let unread = 0;
  let toSay = [];

  // The token lives in this page's own storage: a framed page has none that lasts. Without storage, as long as the page.
  const storage = (work) => { try { return work(window.localStorage); } catch { return null; } };
  token = storage((kept) => kept.getItem(storageKey)) ?? "";

  const STYLE = `
    :host { all: initial; position: fixed; inset-block-end: 1rem; inset-inline: auto; z-index: 2147483000; ${position === "left" ? "left" : "right"}: 1rem; }
    button { position: relative; display: grid; place-items: center; width: 3.75rem; height: 3.75rem; margin-inline-start: auto; border: 0; border-radius: 50%;
      background: var(--brand, #1a5fb4); color: var(--on-brand, #fff); cursor: pointer; box-shadow: 0 .3rem 1rem rgb(0 0 0 / .3); }
    button:focus-visible { outline: 3px solid var(--brand, #1a5fb4); outline-offset: 3px; }
    svg { width: 1.8rem; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    span { position: absolute; top: 0; right: 0; min-width: 1.3rem; border-radius: 1rem; background: #c01c28; color: #fff; font: 600 .8rem/1.3rem system-ui, sans-serif; text-align: center; }
    [hidden] { display: none !important; }
    iframe { position: absolute; bottom: 0; ${position === "left" ? "left" : "right"}: 0; width: min(25rem, calc(100vw - 2rem)); height: min(40rem, calc(100dvh - 2rem));
      border: 1px solid rgb(128 128 128 / .4); border-radius: 1rem; background: Canvas; box-shadow: 0 .6rem 2rem rgb(0 0 0 / .35); }
    @media (max-width: 30rem) { iframe.open { position: fixed; inset: 0; width: 100%; height: 100%; border: 0; border-radius: 0; } }`;

  const place = document.createElement("div");
  const root = place.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // a page's own policy may forbid style elements, but not this
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  const launcher = document.createElement("button");
  launcher.type = "button";
  launcher.setAttribute("aria-label", name);
  launcher.setAttribute("aria-expanded", "false");
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M4 5h16v11H10l-4 4v-4H4z");
  icon.append(path);
  const badge = document.createElement("span");
  badge.hidden = true;
  launcher.append(icon, badge);
  root.append(launcher);
  const paint = (brand, onBrand) => {
    place.style.setProperty("--brand", brand);
    place.style.setProperty("--on-brand", onBrand);
  };
  const bright = (hex) => [1, 3, 5].reduce((sum, at, i) => sum + [0.2126, 0.7152, 0.0722][i] * (parseInt(hex.slice(at, at + 2), 16) / 255) ** 2.2, 0);
  const takeColor = (hex) => /^#[0-9a-f]{6}$/i.test(hex ?? "") && paint(hex, bright(hex) > 0.18 ? "#000" : "#fff");
  takeColor(color);

  const tell = (word, more = {}) => frame?.contentWindow?.postMessage({ switchboard: word, ...more }, server.origin);
  const call = (what, detail) => listeners[what].forEach((listener) => listener(detail));

  function load() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = label || "Chat";
    frame.allow = "clipboard-write";
    frame.hidden = true;
    const address = new URL(`chat/${encodeURIComponent(channel)}/frame/`, server);
    if (language) address.searchParams.set("lang", language);
    frame.src = address.href;
    root.append(frame);
  }

  const count = () => {
    badge.hidden = !unread;
    badge.textContent = String(unread);
    launcher.setAttribute("aria-label", unread ? `${name} (${unread})` : name);
  };

  function show({ focus = true } = {}) {
    load();
    if (isOpen) return;
    isOpen = true;
    unread = 0;
    count();
    frame.hidden = false;
    frame.classList.add("open");
    launcher.hidden = true;
    launcher.setAttribute("aria-expanded", "true");
    if (focus) {
      frame.focus();
      tell("open");
    }
    call("open");
  }

  function hide() {
    if (!isOpen) return;
    isOpen = false;
    frame.hidden = true;
    launcher.hidden = false;
    launcher.setAttribute("aria-expanded", "false");
    launcher.focus();
    call("close");
  }

  const hears = {
    hello() {
      const identity = user ? { user, hash: userHash ?? "", name: userName ?? "" } : undefined;
      tell("visitor", { token, identity, color });
    },
    visitor(said) {
      token = String(said.token);
      storage((kept) => kept.setItem(storageKey, token));
      if (!color) takeColor(said.color);
      toSay?.forEach((text) => tell("say", { text }));
      toSay = null; // from now on at once
    },
    message({ message }) {
      if (!isOpen) {
        unread += 1;
        count();
      }
      call("message", message);
    },
    close: hide,
  };
  addEventListener("message", (event) => {
    if (event.origin !== server.origin || !frame || event.source !== frame.contentWindow) return;
    if (Object.hasOwn(hears, event.data?.switchboard)) hears[event.data.switchboard](event.data);
  });

  launcher.addEventListener("click", () => show());
  window.Switchboard = {
    open: () => show(),
    close: hide,
    say: (text) => { show(); if (toSay) toSay.push(String(text)); else tell("say", { text: String(text) }); },
    on: (what, listener) => { if (!listeners[what]) throw new TypeError(`Switchboard has no event ${JSON.stringify(what)}`); listeners[what].push(listener); },
  };
  const settle = () => {
    document.body.append(place);
    if (open !== undefined) show({ focus: false }); // nobody asked for it: the page keeps the focus
    else if (token) setTimeout(load, 1500); // somebody who talked before: their answers are counted on the button
  };
  if (document.body) settle(); else addEventListener("DOMContentLoaded", settle);
})();
