// All views share these functions: addresses, questions to the server, what is new, and the places above <main>.
import { html, render } from "./lib/lit-html.js";
import { visible } from "./text.js";

export const main = document.getElementById("main");
const where = document.getElementById("where");

/** The view's name and its parameters, as the address says. */
export function place() {
  const hash = location.hash.replace(/^#\/?/, "");
  const [name, query = ""] = hash.split("?");
  return { name, params: new URLSearchParams(query) };
}

/** The address of a view. */
export function link(name, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, v]) => v !== "" && v !== null && v !== undefined && v !== false));
  return "#/" + name + (query.size > 0 ? "?" + query : "");
}

/** Changes parameters of the view that is shown; the address holds them. Replace: without a step in the browser's history. */
export function put(changes, replace = true) {
  const { name, params } = place();
  for (const [k, v] of Object.entries(changes)) {
    v === "" || v === null || v === undefined || v === false ? params.delete(k) : params.set(k, v);
  }
  const address = "#/" + name + (params.size > 0 ? "?" + params : "");
  if (address !== location.hash) {
    history[replace ? "replaceState" : "pushState"](null, "", address);
  }
}

/** Asks the server; an error comes with its words. */
export async function get(name, params = {}) {
  let response;
  try {
    response = await fetch("api/" + name + "?" + new URLSearchParams(params));
  } catch {
    throw new Error("The studio does not answer. Is ./sphere studio still running?");
  }
  const body = await response.json();
  if (!response.ok) {
    throw new Error(body.error);
  }
  return body;
}

/** Tells the server. */
export async function post(name, params, body) {
  const response = await fetch("api/" + name + "?" + new URLSearchParams(params),
    { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(answer.error);
  }
  return answer;
}

/**
 * Follows what is new, while the page can be seen: a browser has six connections to a server, for all its tabs together.
 *
 * @param params of the question, or a function that says them as they are now
 * @param handlers by the events' names; they get the data and the event's id
 * @return how to end it
 */
export function follow(params, handlers) {
  const pulse = document.getElementById("pulse");
  let source = null;
  const open = () => {
    source = new EventSource("api/events?" + new URLSearchParams(typeof params === "function" ? params() : params));
    source.onopen = () => { pulse.textContent = ""; };
    source.onerror = () => { pulse.textContent = "not connected; trying again"; };
    for (const [name, handler] of Object.entries(handlers)) {
      source.addEventListener(name, event => handler(JSON.parse(event.data), event.lastEventId));
    }
    source.addEventListener("gone", event => {
      source.close();
      pulse.textContent = visible(JSON.parse(event.data).error);
    });
  };
  const seen = () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (source === null) {
      open();
    }
  };
  document.addEventListener("visibilitychange", seen);
  seen();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    source?.close();
    pulse.textContent = "";
  };
}

/** Where one is: links from the runs down. */
export function crumbs(...steps) {
  render(steps.map(([text, to], i) => html`<span class="sep" aria-hidden="true">/</span>${to
    ? html`<a href=${to}>${visible(text)}</a>` : html`<span aria-current="page">${visible(text)}</span>`}`), where);
  document.title = (steps.length ? visible(steps.at(-1)[0]) + " – " : "") + "Sphere studio";
}

/** Shows an error in place of a view. */
export function failed(error) {
  main.replaceChildren();
  delete main._$litPart$;
  render(html`<div class="error" role="alert"><h1>That did not work</h1><p>${visible(String(error.message ?? error))}</p>
    <p><a href="#/">All runs</a></p></div>`, main);
}
