// Small behaviours, all of them optional: pages work without.
document.addEventListener("click", function (event) {
  var theme = event.target.closest("[data-theme-toggle]");
  if (theme) {
    var root = document.documentElement;
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch (error) { /* only this page then */ }
  }
  var copy = event.target.closest("[data-copy]");
  if (copy) {
    var source = document.getElementById(copy.dataset.copy);
    navigator.clipboard.writeText(source.textContent).then(function () { copy.textContent = "Copied"; });
  }
});
// A menu closes by Escape, which gives the focus back, and by a press anywhere else.
document.addEventListener("keydown", function (event) {
  var open = event.key === "Escape" && document.querySelector("details.more[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
document.addEventListener("click", function (event) {
  var open = document.querySelector("details.more[open]");
  if (open && !open.contains(event.target)) open.open = false;
});
// Following what a notice leads to reads it; without this script its own button does.
document.addEventListener("click", function (event) {
  var link = event.target.closest("[data-reads]");
  var form = link && document.getElementById(link.dataset.reads);
  if (form) fetch(form.action, { method: "POST", body: new FormData(form), keepalive: true, redirect: "manual" });
});
// Consequences are said before they happen, in a dialog that keeps the focus and gives it back; without this script
// the form is sent at once. The button there is named as the one that was pressed.
document.addEventListener("submit", function (event) {
  var form = event.target, pressed = event.submitter;
  var consequence = form.dataset.confirm;
  var dialog = document.getElementById("confirm");
  if (!consequence || !dialog) return;
  if (form.dataset.confirmed) { delete form.dataset.confirmed; return; }
  event.preventDefault();
  var yes = dialog.querySelector("[data-yes]");
  yes.textContent = pressed ? pressed.textContent : "Do it";
  yes.className = pressed && pressed.classList.contains("danger") ? "danger" : "";
  dialog.querySelector("h2").textContent = yes.textContent + "?";
  dialog.querySelector("p").textContent = consequence;
  dialog.returnValue = "";
  dialog.addEventListener("close", function () {
    if (dialog.returnValue !== "yes") return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(pressed);
  }, { once: true });
  dialog.showModal();
});
// What somebody opened stays open when a part of the page is fetched anew.
document.addEventListener("htmx:beforeSwap", function (event) {
  event.target.keptOpen = Array.from(event.target.querySelectorAll("details"), function (each) { return each.open; });
});
document.addEventListener("htmx:afterSwap", function (event) {
  var open = event.target.keptOpen || [];
  var now = event.target.querySelectorAll("details");
  if (now.length === open.length) now.forEach(function (each, n) { each.open = open[n]; });
});
// What scrolls sideways can be reached by keys; what doesn't is no stop on the way.
(function () {
  function reach(part) {
    part.querySelectorAll(".scroll, pre").forEach(function (each) {
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
      else if (!each.hasAttribute("aria-label")) each.removeAttribute("tabindex");
    });
  }
  document.addEventListener("DOMContentLoaded", function () { reach(document); });
  document.addEventListener("htmx:afterSettle", function (event) { reach(event.target); });
  window.addEventListener("resize", function () { reach(document); });
})();
// A large file shows how much of it has been sent; without this script the form is sent as it is.
document.addEventListener("submit", function (event) {
  var form = event.target;
  if (form.dataset.upload === undefined || event.defaultPrevented) return;
  event.preventDefault();
  var bar = form.querySelector("progress");
  var button = form.querySelector("button");
  var request = new XMLHttpRequest();
  function end(message) { bar.hidden = true; button.disabled = false; window.alert(message); }
  request.upload.addEventListener("progress", function (sent) {
    if (sent.lengthComputable) bar.value = sent.loaded / sent.total;
  });
  request.addEventListener("error", function () { end("The file couldn't be sent; try again."); });
  request.addEventListener("load", function () {
    // The answer is the page after a redirect, or this one with its reasons; asking again would lose its message.
    var answer = new DOMParser().parseFromString(request.responseText, "text/html");
    var main = document.adoptNode(answer.getElementById("main"));
    document.getElementById("main").replaceWith(main);
    document.title = answer.title;
    if (request.responseURL !== location.href) history.pushState(null, "", request.responseURL);
    htmx.process(main);
    window.scrollTo(0, 0);
  });
  bar.hidden = false;
  button.disabled = true;
  request.open("POST", form.action);
  request.send(new FormData(form));
});
