// What the page does better with JavaScript: several files, dropped or pasted, with progress; a
// result that follows its examination; the map's slider.  Without it forms and refreshing do.

const form = document.getElementById("hand-in");
if (form) handIn(form);
else if (document.getElementById("result")) follow();

function handIn(form) {
  const said = form.dataset;
  const input = form.elements.file;
  input.multiple = true;
  const hint = document.getElementById("drop-hint");
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
    send([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => send([...event.clipboardData.files]));

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
    if (file.size > Number(said.most)) {
      state.textContent = said.tooLarge;
      return;
    }
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", `${said.uploading}: ${file.name}`);
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.className = "quiet";
    cancel.textContent = said.cancel;
    line.append(bar, cancel);
    const request = new XMLHttpRequest();
    const over = (text) => {
      bar.remove();
      cancel.remove();
      state.textContent = text;
    };
    request.upload.onprogress = (event) => {
      bar.max = event.total;
      bar.value = event.loaded;
    };
    request.onload = () => {
      const answer = request.response ?? {};
      if (request.status !== 202) return over(answer.detail ?? said.failed);
      const page = `/examinations/${answer.id}`;
      if (alone) return location.assign(page);
      const link = document.createElement("a");
      link.href = page;
      link.textContent = file.name;
      name.replaceWith(link);
      over("");
    };
    request.onerror = () => over(said.failed);
    request.onabort = () => line.remove();
    cancel.onclick = () => request.abort();
    request.open("POST", `${said.api}?name=${encodeURIComponent(file.name.slice(-200))}`);
    request.responseType = "json";
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
  }
}

function follow() {
  slider();
  const events = document.getElementById("result").dataset.follow;
  if (!events) return;
  const source = new EventSource(events);
  let turn = Promise.resolve(); // one after the other, or an older part might come last
  source.addEventListener("progress", (event) => {
    if (["done", "refused", "failed", "cancelled"].includes(JSON.parse(event.data).state))
      source.close();
    turn = turn.then(refresh);
  });
}

async function refresh() {
  const answer = await fetch("?part=true");
  if (!answer.ok) return location.reload();
  const part = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = part.getElementById("result");
  const old = document.getElementById("result");
  const open = old.querySelector("details")?.open;
  old.replaceWith(fresh);
  if (open && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  document.title = fresh.querySelector("h1").firstChild.textContent.trim();
  slider();
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
