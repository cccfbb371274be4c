// Sends requests from the page. Without scripts the page is a plain document.
"use strict";
(function () {
  const root = document.body.dataset.root;
  const token = document.body.dataset.token;
  const credential = document.getElementById("credential");
  document.querySelector(".login").hidden = false;

  function address(article, form) {
    let path = article.dataset.path;
    const query = new URLSearchParams();
    for (const input of form.querySelectorAll("input[data-in]")) {
      // A slash is one of the path where a parameter takes several segments, and is refused where it does not.
      const inPath = encodeURIComponent(input.value).replaceAll("%2F", "/");
      if (input.dataset.in === "path") path = path.replace("{" + input.name + "}", () => inPath);
      else if (input.dataset.in === "query" && input.value !== "") {
        const several = input.dataset.several === "apart" ? input.value.split(",") : [input.value];
        for (const each of several) query.append(input.name, input.dataset.several ? each.trim() : each);
      }
    }
    const search = query.toString();
    return root + path + (search ? "?" + search : "");
  }

  function headers(article, form) {
    const found = { Accept: "application/json" };
    for (const input of form.querySelectorAll('input[data-in="header"]')) {
      if (input.value !== "") found[input.name] = input.value;
    }
    if (credential.value.trim()) found.Authorization = credential.value.trim();
    else if (token) found["X-CSRFToken"] = token;
    return found;
  }

  function body(article, form, sent) {
    const text = form.elements.body;
    if (!text) return undefined;
    if (article.dataset.kind === "application/json") {
      sent["Content-Type"] = "application/json";
      return text.value;
    }
    const data = article.dataset.kind === "multipart/form-data" ? new FormData() : new URLSearchParams();
    for (const [name, value] of Object.entries(JSON.parse(text.value))) {
      for (const each of Array.isArray(value) ? value : [value]) data.append(name, each);
    }
    for (const input of form.querySelectorAll('input[data-in="file"]')) {
      for (const file of input.files) data.append(input.name, file);
    }
    return data;
  }

  async function send(article, form) {
    const sent = headers(article, form);
    const answer = await fetch(address(article, form), {
      method: article.dataset.method,
      headers: sent,
      body: body(article, form, sent),
      credentials: credential.value.trim() ? "omit" : "same-origin",
    });
    const text = await answer.text();
    let shown = text;
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // It is no JSON, and is shown as it is.
    }
    return answer.status + " " + answer.statusText + "\n" + shown.slice(0, 100000);
  }

  for (const form of document.querySelectorAll("form.try")) {
    form.hidden = false;
    form.addEventListener("submit", async function (event) {
      event.preventDefault();
      const output = form.querySelector("output");
      output.textContent = "…";
      try {
        output.textContent = await send(form.closest("article"), form);
      } catch (error) {
        output.textContent = String(error);
      }
    });
  }
})();
