// The drill's clock. The server's time is what counts; this only shows it between two loads of the page.
(function () {
  "use strict";
  const clock = document.querySelector(".clock");
  if (!clock) return;
  const limit = Number(clock.dataset.limit);
  const atLoad = (Date.parse(clock.dataset.now) - Date.parse(clock.dataset.started)) / 1000;
  const loaded = performance.now();
  function show() {
    const seconds = Math.max(0, Math.floor(atLoad + (performance.now() - loaded) / 1000));
    const two = (n) => String(n).padStart(2, "0");
    clock.textContent = Math.floor(seconds / 60) + ":" + two(seconds % 60);
    clock.classList.toggle("late", seconds >= limit);
  }
  show();
  setInterval(show, 500);
})();
