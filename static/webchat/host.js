// The page around the frame: it keeps the visitor's token, says who its user is, and shows or hides the frame.
// Nothing is told to a page, or believed of it, whose address the channel does not name.

const AGAIN = 1000; // milliseconds until a page that did not answer is asked again

const matches = (origin, named) => {
  const site = named.replace(/^(http:.*):80$|^(https:.*):443$/, "$1$2"); // as browsers write an origin
  if (!site.includes("//*.")) return origin === site;
  const [scheme, domain] = site.split("//*.");
  return origin.startsWith(`${scheme}//`) && origin.endsWith(`.${domain}`);
};

export class Host {
  #origin = "";
  #listeners = {};

  // `listeners`: what to do when the page says a word, by that word.
  constructor(sites, listeners) {
    this.sites = [...sites, location.origin];
    this.#listeners = listeners;
    this.isThere = window.parent !== window;
    addEventListener("message", (event) => this.#hear(event));
  }

  // What the page says of its visitor: {token, identity, color}; {} on a page of its own. A page that is busy is asked
  // again and waited for: a visitor without their token would be a stranger for good.
  greet() {
    if (!this.isThere) return Promise.resolve({});
    return new Promise((resolve) => {
      const ask = () => window.parent.postMessage({ switchboard: "hello" }, "*"); // no secret in it
      const again = setInterval(ask, AGAIN);
      this.#listeners.visitor = (said) => {
        clearInterval(again);
        resolve(said);
      };
      ask();
    });
  }

  tell(word, more = {}) {
    if (this.#origin) window.parent.postMessage({ switchboard: word, ...more }, this.#origin);
  }

  #hear(event) {
    const said = event.data;
    if (!this.isThere || event.source !== window.parent || typeof said?.switchboard !== "string") return;
    if (!this.sites.some((site) => matches(event.origin, site))) return;
    this.#origin = event.origin;
    this.#listeners[said.switchboard]?.(said);
  }
}
