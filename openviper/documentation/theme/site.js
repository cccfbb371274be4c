// The search, the buttons beside code, and light or dark. Without scripts all pages can be read and reached.
"use strict";
(function () {
  const script = document.getElementById("manual-script");
  const root = script.dataset.root;
  const index = window.searchIndex;
  const question = document.getElementById("manual-question");
  const answers = document.getElementById("manual-answers");
  const found = document.getElementById("manual-found");
  document.getElementById("manual-tools").hidden = false;

  // On a phone the list of pages begins closed.
  const menu = document.getElementById("manual-menu");
  if (window.matchMedia("(max-width: 47.99rem)").matches) menu.open = false;
  const current = menu.querySelector("[aria-current]");
  if (current && menu.open) {
    const list = menu.parentElement;
    list.scrollTop = Math.max(0, current.offsetTop - list.clientHeight / 2);
  }

  // The same words as `search.py` makes of a text.
  const common = new Set(index ? index.common : []);
  const endings = ["ings", "ing", "ies", "ed", "es", "s"];
  function stem(word) {
    if (word.length < 5) return word.length > 3 && word.endsWith("s") ? word.slice(0, -1) : word;
    for (const ending of endings) {
      if (!word.endsWith(ending)) continue;
      const rest = word.slice(0, -ending.length) + (ending === "ies" ? "y" : "");
      return rest.length > 3 && rest.endsWith("e") ? rest.slice(0, -1) : rest;
    }
    return word.endsWith("e") ? word.slice(0, -1) : word;
  }
  function wordsOf(text) {
    const all = [];
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}\p{M}_]+/gu) || []) {
      all.push(word);
      if (word.includes("_")) all.push(...word.split("_").filter(Boolean));
    }
    return all.filter((word) => !common.has(word)).map(stem);
  }

  let average = 0;
  if (index) average = index.entries.reduce((sum, entry) => sum + entry[4], 0) / (index.entries.length || 1);
  function scoresOfWord(word) {
    const best = new Map();
    const count = index.entries.length;
    const all = Object.keys(index.words);
    let fitting = all.filter((known) => known.startsWith(word));
    if (!fitting.length) {
      fitting = all.filter((known) => word.startsWith(known) && 3 * known.length >= 2 * word.length);
    }
    for (const known of fitting) {
      const places = index.words[known];
      const share = known === word ? 1 : index.prefix;
      const rarity = Math.log(1 + (count - places.length / 2 + 0.5) / (places.length / 2 + 0.5));
      for (let at = 0; at < places.length; at += 2) {
        const weight = places[at + 1];
        const length = 1 - index.b + (index.b * index.entries[places[at]][4]) / average;
        const score = (share * rarity * weight * (index.k1 + 1)) / (weight + index.k1 * length);
        if (score > (best.get(places[at]) || 0)) best.set(places[at], score);
      }
    }
    return best;
  }
  function search(text, limit) {
    const scores = new Map();
    const matched = new Map();
    const words = [...new Set(wordsOf(text))].slice(0, index.most);
    for (const word of words) {
      for (const [number, score] of scoresOfWord(word)) {
        scores.set(number, (scores.get(number) || 0) + score);
        matched.set(number, (matched.get(number) || 0) + 1);
      }
    }
    for (const [number, score] of scores) {
      scores.set(number, (score * index.entries[number][5] * matched.get(number)) / words.length);
    }
    const ranked = [...scores].sort((one, other) => other[1] - one[1] || one[0] - other[0]);
    const pages = new Map();
    for (const [number] of ranked) {
      const entry = index.entries[number];
      const page = entry[0].split("#")[0];
      if (!pages.has(page)) pages.set(page, entry);
      if (pages.size === limit) break;
    }
    return [...pages.values()];
  }
  window.searchManual = search;

  let chosen = -1;
  function choose(number) {
    const items = answers.querySelectorAll("[role=option]");
    if (chosen >= 0 && items[chosen]) items[chosen].setAttribute("aria-selected", "false");
    chosen = items.length ? (number + items.length) % items.length : -1;
    if (chosen < 0) return question.removeAttribute("aria-activedescendant");
    items[chosen].setAttribute("aria-selected", "true");
    items[chosen].scrollIntoView({ block: "nearest" });
    question.setAttribute("aria-activedescendant", items[chosen].id);
  }
  function element(name, text) {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }
  function show() {
    const text = question.value.trim();
    const entries = text && index ? search(text, 8) : [];
    answers.replaceChildren();
    chosen = -1;
    question.removeAttribute("aria-activedescendant");
    entries.forEach(function (entry, number) {
      const item = document.createElement("li");
      item.id = "manual-answer-" + number;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      const link = element("a", "");
      link.href = root + entry[0];
      link.tabIndex = -1;
      link.append(element("strong", entry[1]), entry[2] ? " › " + entry[2] : "", element("span", entry[3]));
      item.append(link);
      answers.append(item);
    });
    if (text && !entries.length) {
      const none = element("li", "Nothing found for “" + text + "”.");
      none.className = "none";
      answers.append(none);
    }
    found.textContent = text ? entries.length + " pages found" : "";
    answers.hidden = !text;
    question.setAttribute("aria-expanded", String(!answers.hidden));
  }
  function close() {
    answers.hidden = true;
    question.setAttribute("aria-expanded", "false");
  }
  question.addEventListener("input", show);
  question.addEventListener("focus", show);
  question.addEventListener("keydown", function (event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? -1 : chosen - 1);
    } else if (event.key === "Enter") {
      const items = answers.querySelectorAll("[role=option] a");
      if (items.length) items[Math.max(chosen, 0)].click();
    } else if (event.key === "Escape") {
      close();
      question.blur();
    }
  });
  document.addEventListener("keydown", function (event) {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      question.focus();
    }
  });
  document.addEventListener("click", function (event) {
    if (!event.target.closest(".search")) close();
  });

  for (const figure of document.querySelectorAll("figure.code")) {
    const code = figure.querySelector("code");
    const button = element("button", "Copy");
    button.type = "button";
    button.addEventListener("click", async function () {
      const text = code.dataset.typed === undefined ? code.textContent : code.dataset.typed;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        // A page opened from a folder may not write to the clipboard: mark the text, for the keyboard.
        window.getSelection().selectAllChildren(code);
        button.textContent = "Marked";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    figure.append(button);
  }

  function stored(value) {
    try {
      if (value) localStorage.setItem("colours", value);
      return localStorage.getItem("colours");
    } catch {
      return value || null;
    }
  }
  const page = document.documentElement;
  if (stored()) page.dataset.colours = stored();
  document.getElementById("manual-colours").addEventListener("click", function () {
    const dark = page.dataset.colours
      ? page.dataset.colours === "dark"
      : window.matchMedia("(prefers-color-scheme: dark)").matches;
    page.dataset.colours = dark ? "light" : "dark";
    stored(page.dataset.colours);
  });

  const versions = window.manualVersions || [];
  if (versions.length > 1) {
    const select = document.createElement("select");
    select.setAttribute("aria-label", "Version of the manual");
    for (const version of versions) {
      const option = element("option", version);
      option.selected = version === script.dataset.version;
      select.append(option);
    }
    select.addEventListener("change", function () {
      location.href = script.dataset.above + select.value + "/index.html";
    });
    const place = document.getElementById("manual-version");
    place.replaceChildren();
    place.closest("a").after(select);
  }
})();
