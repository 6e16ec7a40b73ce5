// Shows the view that the address names; views are modules that fill <main>.
import { render } from "./lib/lit-html.js";
import { main, place, crumbs, failed } from "./shell.js";
import { runsView } from "./runs.js";
import { runView } from "./run.js";
import { problemView } from "./problem.js";
import { pairView } from "./pair.js";
import { trainingView } from "./training.js";
import { evolutionView } from "./evolution.js";
import { compareView } from "./compare.js";

const VIEWS = { "": runsView, run: runView, problem: problemView, pair: pairView, training: trainingView, evolution: evolutionView,
  compare: compareView };

let shown = null; // the view in <main>
let key = ""; // of it: its name and what it is about

async function route() {
  const { name, params } = place();
  const view = VIEWS[name];
  if (!view) {
    shown?.close?.();
    shown = null;
    key = "";
    crumbs();
    failed(new Error("The studio has no view of the name " + name + "."));
    return;
  }
  const wanted = name + "\0" + view.about.map(p => params.get(p) ?? "").join("\0");
  if (shown && key === wanted) {
    shown.update?.(params);
    return;
  }
  shown?.close?.();
  shown = null;
  key = wanted;
  try {
    main.replaceChildren();
    delete main._$litPart$; // what was rendered before is gone
    const opened = await view.open(params, template => {
      if (key === wanted) {
        render(template, main);
      }
    });
    if (key === wanted) {
      shown = opened;
    } else {
      opened?.close?.(); // another one was asked for meanwhile
    }
    window.scrollTo(0, 0);
  } catch (error) {
    if (key === wanted) {
      key = "";
      failed(error);
    }
  }
}

window.addEventListener("hashchange", route);
window.addEventListener("unhandledrejection", event => {
  event.preventDefault();
  failed(event.reason);
});
route();
