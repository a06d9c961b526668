// The public verification page: takes a file, a photograph, a scanned code or a number to the service and shows its
// answer. Everything shown is set as text; nothing is kept, nothing is loaded from elsewhere.
"use strict";
(() => {
  const own = document.currentScript;
  const largest = Number(own.dataset.largest);
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const answer = $("answer");
  const progress = $("progress");
  let words = {};
  let shown = null; // the answer on show, to be told again in another language
  let running = null; // what aborts the request under way

  root.classList.add("scripts");
  const tongue = () => (root.lang.startsWith("zh") ? "zh" : "en");
  const say = (both) => (both ? both[tongue()] || both.zh || both.en || "" : "");
  const sized = (text) => text.replace("{size}", String(Math.floor(largest / 1048576)));
  const word = (key) => sized(say(words[key]));

  // ---- language ----
  async function speak(language) {
    if (!Object.keys(words).length) return false;
    root.lang = language === "zh" ? "zh-CN" : "en";
    for (const node of document.querySelectorAll("[data-w]")) node.textContent = word(node.dataset.w);
    for (const node of document.querySelectorAll("[data-w-aria-label]")) {
      node.setAttribute("aria-label", word(node.dataset.wAriaLabel));
    }
    document.title = word("title");
    for (const link of document.querySelectorAll(".tongues a")) {
      if (link.lang === language) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    document.querySelector("input[name=lang]").value = language;
    if (shown) show(shown, false);
    history.replaceState(null, "", "/?lang=" + language);
    return true;
  }
  for (const link of document.querySelectorAll(".tongues a")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || !Object.keys(words).length) return;
      event.preventDefault();
      speak(link.lang);
    });
  }

  // ---- the answer ----
  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }
  function icon(tone) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("focusable", "false");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", "#i-" + tone);
    svg.append(use);
    return svg;
  }
  function list(title, lines) {
    if (!lines || !lines.length) return [];
    return [make("h3", {}, word(title)), make("ul", {}, ...lines.map((line) => make("li", {}, say(line))))];
  }
  function rows(title, facts) {
    if (!facts || !facts.length) return [];
    const row = (fact) =>
      make("div", {}, make("dt", {}, say(fact.label)), make("dd", fact.tone ? { class: fact.tone } : {}, say(fact.text)));
    return [make("h3", {}, word(title)), make("dl", {}, ...facts.map(row))];
  }
  function show(told, focus = true) {
    shown = told;
    const verdict = make("h2", { id: "verdict", tabindex: "-1" }, say(told.verdict));
    const again = make("button", { type: "button", class: "button" }, word("answer.another"));
    again.addEventListener("click", clear);
    const print = make("button", { type: "button", class: "button" }, word("answer.print"));
    print.addEventListener("click", () => window.print());
    const about = [];
    if (told.origin) about.push({ label: words["answer.origin"], text: told.origin });
    if (told.at) about.push({ label: words["answer.at"], text: { zh: told.at, en: told.at } });
    const kicker = told.problem ? "error.title" : "tone." + told.tone;
    answer.className = "answer " + told.tone;
    answer.replaceChildren(
      make("div", { class: "verdict" }, icon(told.tone), make("div", {}, make("p", { class: "word" }, word(kicker)), verdict)),
      make(
        "div",
        { class: "told" },
        ...list("answer.reasons", told.reasons),
        ...rows("answer.facts", told.facts),
        ...list("answer.checked", told.checked),
        about.length ? make("dl", { class: "about" }, ...rows("answer", about).slice(1).flatMap((dl) => [...dl.children])) : null,
        make("div", { class: "acts" }, again, told.problem ? null : print),
      ),
    );
    answer.hidden = false;
    if (focus) {
      verdict.focus({ preventScroll: true });
      answer.scrollIntoView({ block: "start" });
    }
  }
  function clear() {
    shown = null;
    answer.hidden = true;
    answer.replaceChildren();
    $("main").focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  }
  const trouble = (verdict, reasons) => show({ problem: true, tone: "unknown", verdict, reasons: reasons || [] });

  // ---- asking ----
  async function ask(body, type) {
    if (running) running.abort();
    const mine = (running = new AbortController());
    progress.textContent = word("busy");
    try {
      const reply = await fetch("/api/verify", {
        method: "POST",
        body,
        headers: { "content-type": type, accept: "application/json" },
        credentials: "omit",
        cache: "no-store",
        referrerPolicy: "no-referrer",
        signal: mine.signal,
      });
      const told = await reply.json().catch(() => null);
      if (mine !== running) return;
      if (reply.ok && told && told.wanted) return wanted(told.wanted);
      if (reply.ok && told && told.verdict) return show(told);
      trouble((told && told.words) || words["error.other"]);
    } catch (error) {
      if (mine === running && error.name !== "AbortError") trouble(words["error.offline"]);
    } finally {
      if (mine === running) {
        progress.textContent = "";
        running = null;
      }
    }
  }
  const askJson = (value) => ask(JSON.stringify(value), "application/json");

  // A code that names a licence and no more: one entry of the licence is still wanted.
  function wanted(identifier) {
    clear();
    $("identifier").value = identifier;
    progress.textContent = word("number.fill");
    $("value").focus();
  }

  // ---- files and pictures ----
  async function take(file) {
    if (!file) return;
    if (/^image\//.test(file.type) || /\.(png|jpe?g|webp)$/i.test(file.name)) return picture(file);
    if (file.size > largest) {
      const { zh, en } = words["error.too-large"];
      return trouble({ zh: sized(zh), en: sized(en) });
    }
    ask(file, "application/pdf");
  }

  // Read here where the browser can; else drawn smaller and sent as PNG, which is all the service reads.
  async function picture(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      return trouble(words["error.picture"]);
    }
    const found = await detect(bitmap);
    if (found) return read(found);
    const scale = Math.min(1, 1600 / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    canvas.toBlob((blob) => (blob ? ask(blob, "image/png") : trouble(words["error.picture"])), "image/png");
  }
  let detector = null;
  async function detect(source) {
    if (!detector) return null;
    try {
      const codes = await detector.detect(source);
      return codes.length ? codes[0].rawValue : null;
    } catch {
      return null;
    }
  }
  const read = (text) => askJson({ text: text.trim().slice(0, 16384) });

  // ---- camera ----
  let stream = null;
  async function watch() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    } catch {
      return trouble(words["error.camera"]);
    }
    const video = $("video");
    video.srcObject = stream;
    $("finder").hidden = false;
    $("camera").hidden = true;
    $("stop").focus();
    await video.play().catch(() => {});
    const mine = stream;
    while (stream === mine) {
      const found = await detect(video);
      if (found && stream === mine) {
        close();
        return read(found);
      }
      await new Promise((next) => setTimeout(next, 200));
    }
  }
  function close() {
    if (!stream) return;
    for (const track of stream.getTracks()) track.stop();
    stream = null;
    $("video").srcObject = null;
    $("finder").hidden = true;
    $("camera").hidden = false;
  }
  $("camera").addEventListener("click", watch);
  $("stop").addEventListener("click", () => {
    close();
    $("camera").focus();
  });
  document.addEventListener("visibilitychange", () => document.hidden && close());

  for (const id of ["file", "photo"]) {
    $(id).addEventListener("change", () => {
      const file = $(id).files[0];
      take(file).finally(() => ($(id).value = ""));
    });
  }
  const drop = $("drop");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "dragend", "drop"]) {
    document.addEventListener(name, () => drop.classList.remove("over"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });

  // ---- the number ----
  const form = $("number");
  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    let first = null;
    for (const id of ["identifier", "value"]) {
      const field = $(id);
      const empty = !field.value.trim();
      const error = $(id + "-error");
      error.hidden = !empty;
      error.textContent = empty ? word("number.missing") : "";
      if (empty) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
      if (empty && !first) first = field;
    }
    if (first) return first.focus();
    askJson({ identifier: $("identifier").value.trim(), value: $("value").value.trim() });
  });

  // ---- a code in the address: gone from the address bar before anything else ----
  function fragment() {
    const hash = location.hash;
    if (!hash.startsWith("#s=")) return null;
    history.replaceState(null, "", location.pathname + location.search);
    return hash.slice(3);
  }
  function arrived(code) {
    if (code === null) return;
    if (/^[A-Za-z0-9_-]{16,128}$/.test(code)) askJson({ code });
    else trouble(words["error.code"]);
  }

  (async () => {
    const code = fragment();
    words = await fetch(own.dataset.words, { credentials: "omit" }).then((reply) => reply.json()).catch(() => ({}));
    if ("BarcodeDetector" in window) {
      const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
      if (formats.includes("qr_code")) detector = new BarcodeDetector({ formats: ["qr_code"] });
    }
    $("camera").hidden = !(detector && navigator.mediaDevices && navigator.mediaDevices.getUserMedia);
    arrived(code);
    window.addEventListener("hashchange", () => arrived(fragment()));
    root.dataset.ready = "yes";
  })();
})();
