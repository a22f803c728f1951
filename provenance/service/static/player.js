// The clip over its timeline.  It is played from this device: the desk has no file any more once it
// is examined, and gets none here.

let address = null;
let kept = null; // the file that is played, also when the page's part is exchanged

export function play(file) {
  const player = document.getElementById("player");
  if (!player) return;
  const said = player.dataset;
  const find = (id) => document.getElementById(id);
  const [video, stage, here, now, told] = ["video", "stage", "here", "now", "player-said"].map(find);
  const timelines = [...document.querySelectorAll(".timeline")];
  const bars = [...timelines[0].querySelectorAll(".stretch")];
  const map = stage.querySelector(".map");
  player.hidden = false;
  if (file && kept?.file !== file) kept = { file, page: location.pathname, time: 0 };
  if (kept?.page === location.pathname) open(kept.file);

  find("local").addEventListener("change", (event) => {
    const [chosen] = event.target.files;
    if (chosen) open(chosen);
  });

  function open(chosen) {
    const other = chosen.size !== Number(said.bytes);
    told.textContent = other ? said.other : "";
    stage.hidden = other;
    if (other) return;
    if (kept?.file !== chosen) kept = { file: chosen, page: location.pathname, time: 0 };
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(chosen);
    video.src = address;
  }

  video.addEventListener("error", () => {
    told.textContent = said.unplayable;
    stage.hidden = true;
  });
  video.addEventListener("loadedmetadata", () => (video.currentTime = kept.time), { once: true });
  for (const kind of ["timeupdate", "seeked", "loadeddata"]) video.addEventListener(kind, draw);

  let frame = -1; // the time of the frame that is on the screen, where the browser tells
  const follows = "requestVideoFrameCallback" in video;
  const next = (_, shown) => {
    frame = shown.mediaTime;
    draw();
    video.requestVideoFrameCallback(next);
  };
  if (follows) video.requestVideoFrameCallback(next);

  function draw() {
    const length = Number(said.seconds) || video.duration || 1;
    const share = Math.min(1, video.currentTime / length);
    const bar = bars.find((one) => at(one)[0] <= share && share < at(one)[1]) ?? bars.at(-1);
    here.value = kept.time = video.currentTime;
    now.textContent = `${clock(video.currentTime)} ${word(bar)}`;
    here.setAttribute("aria-valuetext", now.textContent);
    timelines.forEach((one) => one.querySelector(".head").setAttribute("x", 1000 * share - 1.5));
    // The map is that of frames with the mark; over any other it would say what isn't so.
    map?.classList.toggle("off", !bar?.classList.contains("marked"));
  }

  async function step(direction) {
    video.pause();
    const before = frame;
    if (!follows) return seek(video.currentTime + direction / 25);
    for (let tries = 0; tries < 25 && frame === before; tries += 1) {
      await seek(video.currentTime + direction / 100);
      await new Promise((resolve) => setTimeout(resolve, 20)); // the frame's own news come after it
      if (video.currentTime <= 0 || video.ended) return;
    }
  }

  function seek(time) {
    const to = Math.max(0, Math.min(time, video.duration || 0));
    if (to === video.currentTime) return Promise.resolve();
    return new Promise((resolve) => {
      video.addEventListener("seeked", resolve, { once: true });
      video.currentTime = to;
    });
  }

  let turn = Promise.resolve(); // keys come faster than frames
  function stepped(direction) {
    stage.ariaBusy = "true";
    const mine = (turn = turn.then(() => step(direction)));
    mine.then(() => mine === turn && (stage.ariaBusy = "false"));
  }

  const deeds = {
    play: () => (video.paused ? video.play() : video.pause()),
    back: () => stepped(-1),
    forward: () => stepped(1),
  };
  for (const button of stage.querySelectorAll("button"))
    button.addEventListener("click", deeds[button.dataset.do]);
  here.addEventListener("input", () => seek(Number(here.value)));
  const keys = {
    " ": deeds.play,
    ",": deeds.back,
    ".": deeds.forward,
    ArrowLeft: () => seek(video.currentTime - 1),
    ArrowRight: () => seek(video.currentTime + 1),
    Home: () => seek(0),
    End: () => seek(video.duration),
  };
  stage.addEventListener("keydown", (event) => {
    const own = event.target.matches("button, input") && ![",", "."].includes(event.key);
    const deed = event.ctrlKey || event.metaKey || event.altKey || own ? null : keys[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  });
  for (const timeline of timelines)
    timeline.addEventListener("click", (event) => {
      const box = timeline.getBoundingClientRect();
      jump(((event.clientX - box.left) / box.width) * Number(said.seconds));
    });
  for (const stretch of document.querySelectorAll(".stretches [data-start]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = stretch.textContent;
    button.title = said.jump.replace("{when}", clock(Number(stretch.dataset.start)));
    button.addEventListener("click", () => jump(Number(stretch.dataset.start)));
    stretch.replaceWith(button);
  }

  function jump(time) {
    if (stage.hidden) return find("local").focus();
    video.pause();
    seek(time);
  }
}

const at = (bar) => {
  const [x, width] = ["x", "width"].map((name) => Number(bar.getAttribute(name)) / 1000);
  return [x, x + width];
};

const word = (bar) => bar?.textContent.trim().replace(/ [\d:.]+-[\d:.]+$/, "") ?? "";

function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, "0");
  const hundredths = String(Math.floor((seconds - whole) * 100)).padStart(2, "0");
  const start = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : String(minutes);
  return `${start}:${rest}.${hundredths}`;
}
