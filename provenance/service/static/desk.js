// Handing files in, and following them.  Everything here works without JavaScript, too: forms are
// sent as they are, and a result's page looks again by itself.

import { play } from "./player.js";

const ENDED = ["done", "refused", "failed", "cancelled"];
const live = document.getElementById("live");
const handed = new Map(); // files of this page by the examination's page, to be played from here

if (document.getElementById("hand-in")) handIn();
if (document.getElementById("result")) follow();
addEventListener("popstate", () => location.reload());

function handIn() {
  const form = document.getElementById("hand-in");
  const said = form.dataset;
  const verdicts = JSON.parse(said.verdicts);
  const input = document.getElementById("file");
  const hint = document.getElementById("drop-hint");
  const waiting = new Map(); // lines of files that are being examined, by their ids
  const here = () => form.isConnected;
  input.multiple = true;
  hint.textContent = said.drop;
  hint.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send([...input.files]);
    input.value = "";
  });
  for (const kind of ["dragenter", "dragover"])
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  document.addEventListener("dragleave", () => form.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (here()) send([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    if (here()) send([...event.clipboardData.files]);
  });

  function send(files) {
    for (const file of files) upload(file, files.length === 1);
  }

  function upload(file, alone) {
    const line = document.createElement("li");
    const name = document.createElement("bdi");
    name.textContent = file.name;
    const state = document.createElement("span");
    line.append(name, state);
    document.getElementById("uploads").append(line);
    const over = (text) => {
      line.querySelectorAll("progress, button").forEach((one) => one.remove());
      state.textContent = text;
      live.textContent = `${file.name}: ${text}`;
    };
    if (file.size > Number(said.most)) return over(said.tooLarge);
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", `${said.uploading}: ${file.name}`);
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.className = "quiet";
    cancel.textContent = said.cancel;
    cancel.setAttribute("aria-label", `${said.cancel}: ${file.name}`);
    line.append(bar, cancel);
    live.textContent = `${said.uploading}: ${file.name}`;
    const request = new XMLHttpRequest();
    request.upload.onprogress = (event) => {
      bar.max = event.total;
      bar.value = event.loaded;
    };
    request.onload = () => {
      const answer = request.response ?? {};
      if (request.status !== 202) return over(answer.detail ?? said.failed);
      const page = `/examinations/${answer.id}`;
      handed.set(page, file);
      if (alone) return show(page);
      const link = document.createElement("a");
      link.href = page;
      link.textContent = file.name;
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        show(page);
      });
      name.replaceWith(link);
      over(said.busy);
      waiting.set(answer.id, over);
      if (waiting.size === 1) look();
    };
    request.onerror = () => over(said.failed);
    request.onabort = () => line.remove();
    cancel.onclick = () => request.abort();
    request.open("POST", `${said.api}?name=${encodeURIComponent(file.name.slice(-200))}`);
    request.responseType = "json";
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
  }

  // One after the other: a browser has six connections, and a list may be long.
  async function look() {
    while (waiting.size && here()) {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      for (const [id, tell] of waiting) {
        const answer = await fetch(`${said.api}/${id}`).catch(() => null);
        const told = answer?.ok ? await answer.json() : null;
        if (answer && !answer.ok) waiting.delete(id);
        if (!told || !ENDED.includes(told.state)) continue;
        waiting.delete(id);
        tell(told.state === "done" ? verdicts[told.result.verdict] : said.refused);
      }
    }
  }
}

// A result's page in place of this one: what was handed in here can be played then.
async function show(page) {
  const answer = await fetch(page).catch(() => null);
  if (!answer?.ok) return location.assign(page);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceChildren(...fresh.querySelector("main").childNodes);
  document.title = fresh.title;
  history.pushState(null, "", page);
  scrollTo(0, 0);
  document.getElementById("content").focus();
  follow();
}

function follow() {
  ready();
  const events = document.getElementById("result").dataset.follow;
  if (!events) return;
  const source = new EventSource(events);
  let turn = Promise.resolve(); // one after the other, or an older part might come last
  source.addEventListener("progress", (event) => {
    if (ENDED.includes(JSON.parse(event.data).state)) source.close();
    turn = turn.then(refresh);
  });
}

async function refresh() {
  const answer = await fetch("?part=true");
  if (!answer.ok) return location.reload();
  const part = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = part.getElementById("result");
  const old = document.getElementById("result");
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceWith(fresh);
  const details = fresh.querySelectorAll("details");
  if (open.length === details.length) details.forEach((one, n) => (one.open = open[n]));
  document.title = fresh.querySelector("h1").firstChild.textContent.trim();
  live.textContent = [fresh.querySelector(".state"), fresh.querySelector("h1")]
    .map((one) => one.textContent.trim())
    .join(" ");
  ready();
  if (focused) document.getElementById(focused)?.focus();
}

function ready() {
  slider();
  play(handed.get(location.pathname));
}

function slider() {
  const input = document.getElementById("opacity");
  const maps = document.querySelectorAll(".map");
  if (!input || !maps.length) return;
  input.parentElement.hidden = false;
  const apply = () => maps.forEach((map) => (map.style.opacity = input.value / 100));
  input.addEventListener("input", apply);
  apply();
}
