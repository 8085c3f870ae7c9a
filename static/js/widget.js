// The feedback widget: one file, no cookie, no style of the page is touched.
//   <script src=".../widget.js" data-key="..." data-ticket="..." data-request="..." defer></script>
// data-request may change while the page lives: what counts is its value when somebody presses a button.
(function () {
  "use strict";
  const script = document.currentScript;
  if (!script || !script.dataset.key) return;
  const base = new URL(script.src).origin + "/widget/v1/" + encodeURIComponent(script.dataset.key);
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; color: CanvasText; }
    .bar { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
    form, ul { margin: .5rem 0 0; padding: 0; max-width: 34rem; }
    ul { list-style: none; }
    li { padding: .375rem 0; border-top: 1px solid GrayText; }
    label { display: block; font-weight: 600; margin-top: .5rem; }
    textarea, select { font: inherit; width: 100%; box-sizing: border-box; padding: .375rem; }
    button { font: inherit; min-height: 2.25rem; padding: .25rem .75rem; cursor: pointer; }
    [role=status] { margin: .5rem 0 0; }
    :focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
    [hidden] { display: none; }`);
  root.adoptedStyleSheets = [sheet];

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }
  function field(id, words) {
    const input = make("textarea", { id: id, rows: 2, required: true, maxLength: 4000 });
    return [make("label", { htmlFor: id, textContent: words }), input];
  }
  async function ask(path, body) {
    const headers = { Authorization: "Bearer " + (script.dataset.ticket || "") };
    if (body) headers["Content-Type"] = "application/json";
    const options = { method: body ? "POST" : "GET", headers: headers, credentials: "omit", mode: "cors" };
    if (body) options.body = JSON.stringify(body);
    const answer = await fetch(base + path, options);
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.detail || "It couldn't be sent.");
    return said;
  }

  const status = make("p", { role: "status" });
  const list = make("ul", { hidden: true });
  const [happenedLabel, happened] = field("happened", "What happened?");
  const [helpLabel, help] = field("help", "What would have helped?");
  const kind = make("select", { id: "kind" },
    ...[["unhelpful", "Didn't help me"], ["wrong_tone", "Wrong tone"], ["redone", "I redid it by hand"],
      ["rechecked", "I re-checked everything"], ["too_slow", "Too slow to be of use"], ["wrong", "It was wrong"],
      ["unsafe", "It was unsafe"]].map(([value, textContent]) => make("option", { value, textContent })));
  const form = make("form", { hidden: true }, happenedLabel, happened, helpLabel, help,
    make("label", { htmlFor: "kind", textContent: "How would you call it?" }), kind,
    make("p", {}, make("button", { type: "submit", textContent: "Send it" })));
  const opener = make("button", { type: "button", textContent: "That didn't help" });
  const checked = make("button", { type: "button", textContent: "I re-checked it" });
  const mine = make("button", { type: "button", textContent: "What became of mine" });
  opener.setAttribute("aria-expanded", "false");

  function report(error) { status.textContent = error.message; }
  opener.addEventListener("click", function () {
    form.hidden = !form.hidden;
    opener.setAttribute("aria-expanded", String(!form.hidden));
    if (!form.hidden) happened.focus();
  });
  checked.addEventListener("click", function () {
    const said = { request_id: script.dataset.request || "", kind: "rechecked" };
    ask("/reactions", said).then(function () { status.textContent = "Noted, thank you."; }).catch(report);
  });
  mine.addEventListener("click", function () {
    ask("/reports").then(function (said) {
      list.replaceChildren(...said.reports.map((each) => make("li", {},
        make("b", { textContent: each.state + (each.fixed_in ? " in version " + each.fixed_in : "") }),
        " " + each.what_happened.slice(0, 120), each.answer ? make("div", { textContent: each.answer }) : "")));
      list.hidden = false;
      status.textContent = said.reports.length ? "" : "You have reported nothing yet.";
    }).catch(report);
  });
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    ask("/reports", { what_happened: happened.value, would_help: help.value, category: kind.value,
      request_id: script.dataset.request || "" }).then(function () {
      form.reset();
      form.hidden = true;
      opener.setAttribute("aria-expanded", "false");
      status.textContent = "Thank you. “What became of mine” shows the answer.";
      opener.focus();
    }).catch(report);
  });
  root.append(make("div", { className: "bar" }, opener, checked, mine), form, status, list);
  script.after(host);
})();
