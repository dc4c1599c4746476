"use strict";
(() => {
  const list = document.getElementById("list");
  const tests = [...list.children];
  const search = document.getElementById("search");
  const order = document.getElementById("order");
  const unfold = document.getElementById("unfold");
  const shown = document.getElementById("shown");
  const verdicts = [...document.querySelectorAll("button.verdict")];
  const isOn = (button) => button.getAttribute("aria-pressed") === "true";
  const turn = (button, on) => button.setAttribute("aria-pressed", String(on));

  // What is shown.

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const on = new Set(verdicts.filter(isOn).map((button) => button.dataset.verdict));
    let number = 0;
    for (const test of tests) {
      const fits = on.has(test.dataset.verdict) && words.every((word) => test.dataset.words.includes(word));
      test.hidden = !fits;
      number += fits;
    }
    shown.textContent = number === tests.length ? `${number} tests` : `${number} of ${tests.length} tests`;
  };

  const numbers = { collected: 1, seconds: -1, bytes: -1 };
  const sort = () => {
    const by = order.value;
    const sorted = [...tests];
    if (by === "name") {
      sorted.sort((one, other) => one.dataset.words < other.dataset.words ? -1 : 1);
    } else if (by in numbers) {
      sorted.sort((one, other) => numbers[by] * (one.dataset[by] - other.dataset[by]));
    }
    list.append(...sorted);
  };

  // Where the reader is, in the address: a test, a cause, or what is shown.

  const remember = () => {
    const state = new URLSearchParams();
    if (search.value) state.set("q", search.value);
    const off = verdicts.filter((button) => !isOn(button)).map((button) => button.dataset.verdict);
    if (off.length) state.set("without", off.join(","));
    if (order.selectedIndex) state.set("order", order.value);
    history.replaceState(null, "", `#${state}`);
  };

  const go = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    const target = document.getElementById(hash);
    if (target) {
      if (target.classList.contains("test")) {
        if (target.hidden) {
          search.value = "";
          verdicts.forEach((button) => turn(button, true));
          filter();
        }
        const details = target.querySelector("details");
        if (details) details.open = true;
      }
      target.scrollIntoView();
      return;
    }
    const state = new URLSearchParams(hash);
    const off = new Set((state.get("without") ?? "").split(","));
    search.value = state.get("q") ?? "";
    verdicts.forEach((button) => turn(button, !off.has(button.dataset.verdict)));
    order.value = state.get("order") ?? "concern";
    if (order.selectedIndex < 0) order.selectedIndex = 0;
    sort();
    filter();
  };

  const change = () => { filter(); remember(); };
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", change);
  order.addEventListener("change", () => { sort(); remember(); });
  for (const button of verdicts) {
    button.addEventListener("click", () => { turn(button, !isOn(button)); change(); });
  }
  unfold.addEventListener("click", () => {
    turn(unfold, !isOn(unfold));
    unfold.textContent = isOn(unfold) ? "Fold all" : "Unfold all";
    for (const test of tests) {
      const details = test.querySelector("details");
      if (details && !test.hidden) details.open = isOn(unfold);
    }
  });
  for (const link of document.querySelectorAll("a.show-tests")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      search.value = link.dataset.query;
      verdicts.forEach((button) => turn(button, true));
      change();
      const first = tests.find((test) => !test.hidden);
      if (first) {
        first.querySelector("details").open = true;
        first.querySelector("summary").focus();
      }
    });
  }

  // The table of causes.

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  };
  document.querySelectorAll("button.sort").forEach((button, column) => {
    button.addEventListener("click", () => {
      const heading = button.parentElement;
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of heading.parentElement.children) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = button.closest("table").tBodies[0];
      const rows = [...body.rows].sort((one, other) => {
        const [a, b] = [value(one, column), value(other, column)];
        return (up ? 1 : -1) * (a < b ? -1 : a > b ? 1 : 0);
      });
      body.append(...rows);
    });
  });

  // On paper, what is shown is unfolded.

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = tests.filter((test) => !test.hidden).map((test) => test.querySelector("details"));
    folded = folded.filter((details) => details && !details.open);
    folded.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));

  addEventListener("hashchange", go);
  go();
})();
