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
// Consequences are said before they happen.
document.addEventListener("submit", function (event) {
  var question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
