// The command palette: Ctrl+K or the search link opens it; arrows choose, Enter goes there, Escape closes and gives the
// focus back. Without this script the link is the search page.
(function () {
  var dialog, input, list, status;
  function options() { return Array.from(list.querySelectorAll("[role=option]")); }
  function chosen() { return list.querySelector("[aria-selected=true]"); }
  function choose(option) {
    var before = chosen();
    if (before) before.setAttribute("aria-selected", "false");
    if (!option) { input.removeAttribute("aria-activedescendant"); return; }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  }
  function open() {
    if (dialog.open) return;
    input.value = "";
    dialog.showModal();
    input.focus();
    htmx.trigger(input, "opened");
  }
  function move(by) {
    var all = options();
    if (all.length) choose(all[(all.indexOf(chosen()) + by + all.length) % all.length]);
  }
  document.addEventListener("DOMContentLoaded", function () {
    dialog = document.getElementById("palette");
    if (!dialog) return;
    input = dialog.querySelector("input");
    list = dialog.querySelector("[role=listbox]");
    status = dialog.querySelector("[role=status]");
    input.addEventListener("keydown", function (event) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        move(event.key === "ArrowDown" ? 1 : chosen() ? -1 : 0);
      } else if (event.key === "Enter" && chosen()) {
        event.preventDefault();
        chosen().click();
      } else if (event.key === "Escape") {
        // At once, where the browser would empty the field first.
        event.preventDefault();
        dialog.close();
      }
    });
    list.addEventListener("htmx:afterSwap", function () {
      var all = options();
      choose(input.value && all[0]);
      status.textContent = all.length ? all.length + " found" : "Nothing found";
    });
    dialog.addEventListener("click", function (event) { if (event.target === dialog) dialog.close(); });
  });
  document.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k" && dialog) {
      event.preventDefault();
      open();
    }
  });
  document.addEventListener("click", function (event) {
    if (!event.target.closest("[data-palette]") || !dialog || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open();
  });
})();
