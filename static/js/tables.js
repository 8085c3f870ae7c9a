// On a phone a row is a stack of cells, and each says what it is by the head of its column.
function label(root) {
  root.querySelectorAll("table.stacked:not(.entry)").forEach(function (table) {
    var heads = Array.from(table.querySelectorAll("thead th, thead td"), function (head) { return head.textContent; });
    table.querySelectorAll("tbody tr").forEach(function (row) {
      var asks = row.cells[0] && row.cells[0].querySelector("[type=checkbox]");
      for (var n = asks ? 2 : 1; n < row.cells.length; n++) row.cells[n].dataset.label = heads[n] || "";
    });
  });
}
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", function () { label(document); });
else label(document);
document.addEventListener("htmx:afterSwap", function (event) { label(event.target); });
