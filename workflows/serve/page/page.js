// The page: choose, upload, wait, show. Whatever comes from outside is put in as text, never as HTML.
import { Player } from "./player.js";

const POLL_MS = 500;
const STAGES = {
  "": "Starting",
  reading: "Reading the file",
  comparing: "Comparing sound and picture",
  mapping: "Looking for the source of the sound",
  writing: "Writing a copy that your browser plays",
};
const get = (id) => document.getElementById(id);
const player = new Player(get("video"), get("map"));
let limits = null;
let chosen = null; // {file, key}: a file keeps its key, so that sending it twice is sending it once
let current = null; // key of what the page shows

const address = (key, name = "") => `api/videos/${key}${name && "/"}${name}`;
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
const say = (text) => { if (get("status").textContent !== text) get("status").textContent = text; };
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function ask(url, options) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Error("The server does not answer. Check that it still runs, then try again.");
  }
  if (answer.status === 401) askToken();
  if (!answer.ok) throw new Error(await reasonOf(answer));
  return answer.status === 204 ? null : answer.json();
}

async function reasonOf(answer) {
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string") return detail;
  } catch { /* not JSON */ }
  return `The server answered with status ${answer.status}.`;
}

function askToken() {
  get("upload-form").hidden = true;
  get("token-form").hidden = false;
  get("token").focus();
}

async function start() {
  try {
    limits = await ask("api/about");
  } catch (error) {
    if (get("token-form").hidden) fail(error.message);
    return;
  }
  get("token-form").hidden = true;
  get("upload-form").hidden = false;
  get("limits").textContent = `At most ${limits.max_bytes / 1e6} MB and ${limits.max_minutes} minutes. ` +
    `Deleted after ${limits.keep_minutes} minutes. ${limits.method}`;
  const key = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(key)) follow(key);
}

function choose(file) {
  if (!file) return;
  clear();
  chosen = { file, key: newKey() };
  get("check").disabled = false;
  if (file.size > limits.max_bytes) {
    get("check").disabled = true;
    chosen = null;
    fail(`The file is larger than ${limits.max_bytes / 1e6} MB. Choose a smaller or a shorter video.`);
  }
}

function clear() {
  current = null;
  player.stop();
  get("result").hidden = true;
  get("progress").hidden = true;
  get("error").textContent = "";
  say("");
}

function fail(message) {
  get("progress").hidden = true;
  say("");
  get("error").textContent = message;
}

function show(text, share) {
  get("progress").hidden = false;
  if (share === null) get("progress").removeAttribute("value");
  else get("progress").value = share;
  say(text);
}

function upload({ file, key }) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `${address(key)}?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => {
      if (current === key) show("Uploading", event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status === 202) return done();
      if (request.status === 401) askToken();
      let told = `The server answered with status ${request.status}.`;
      try { told = JSON.parse(request.responseText).detail ?? told; } catch { /* not JSON */ }
      failed(new Error(told));
    };
    request.onerror = () => failed(new Error("The upload was broken off. Check the file and the server, then try again."));
    request.send(file);
  });
}

async function check() {
  if (!chosen) return;
  const { key } = chosen;
  const sent = upload(chosen);
  chosen = null;
  get("check").disabled = true;
  current = key;
  show("Uploading", 0);
  try {
    await sent;
  } catch (error) {
    if (current === key) fail(error.message);
    return;
  }
  if (current !== key) return;
  history.replaceState(null, "", `#${key}`);
  follow(key);
}

async function follow(key) {
  current = key;
  while (current === key) {
    let state;
    try {
      state = await ask(address(key));
    } catch (error) {
      if (current === key) fail(error.message);
      return;
    }
    if (current !== key) return;
    if (state.state === "refused") {
      get("result").hidden = true;
      return fail(state.message);
    }
    if (state.answer && get("result").hidden) tell(key, state.answer);
    if (state.state === "done") return watch(key, state.answer);
    if (state.state === "waiting") {
      show(state.ahead ? `Waiting: place ${state.ahead + 1} in the queue` : "Waiting: next in the queue", null);
    } else if (state.state === "working") {
      show(STAGES[state.stage] ?? STAGES[""], state.total ? state.done / state.total : null);
    }
    await sleep(POLL_MS);
  }
}

function sentenceOf(answer) {
  const told = answer.sentence;
  return told.charAt(0).toUpperCase() + told.slice(1) + ".";
}

function tell(key, answer) {
  get("sentence").textContent = sentenceOf(answer);
  get("file-name").textContent = answer.video;
  get("curve").src = address(key, "curve.png");
  get("curve").alt = `Evidence over offsets. ${sentenceOf(answer)}`;
  get("method").textContent = `Found with ${answer.method}. In sync: sound at most ${-answer.tolerance_ms[0]} ms early and ${answer.tolerance_ms[1]} ms late.`;
  get("json").href = address(key, "answer.json");
  get("mended").href = address(key, "mended");
  get("mended-item").hidden = !answer.fix;
  get("mend-hint").textContent = answer.fix_error ? `It cannot be mended by moving its sound: ${answer.fix_error}.` : "";
  get("watch").hidden = get("maps-item").hidden = true;
  get("result").hidden = false;
  get("sentence").focus();
}

function watch(key, answer) {
  get("progress").hidden = true;
  say("Done: the video can be played.");
  get("maps").href = address(key, "maps.npz");
  get("maps-item").hidden = get("map-controls").hidden = !answer.map;
  get("map-hint").textContent = [
    answer.fix && `Played with its sound moved by ${Math.round(-answer.offset_ms)} ms.`,
    answer.map ? `A source is found in ${Math.round(100 * answer.map.found_share)} % of the frames; marks fade within half a second.` : answer.no_maps,
  ].filter(Boolean).join(" ");
  get("watch").hidden = false;
  player.play(address(key, "preview.mp4"), answer.map, address(key, "maps.bin"));
}

async function remove() {
  const key = current;
  try {
    await ask(address(key), { method: "DELETE" });
  } catch (error) {
    return fail(error.message);
  }
  clear();
  history.replaceState(null, "", location.pathname);
  say("Deleted.");
  get("file").value = "";
  get("file").focus();
}

get("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  get("token-error").textContent = "";
  try {
    await ask("api/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: get("token").value }),
    });
  } catch (error) {
    get("token-error").textContent = error.message;
    return;
  }
  get("token").value = "";
  await start();
  get("file").focus();
});
get("upload-form").addEventListener("submit", (event) => { event.preventDefault(); check(); });
get("file").addEventListener("change", () => choose(get("file").files[0]));
get("delete").addEventListener("click", remove);
get("map-on").addEventListener("change", () => { player.isOn = get("map-on").checked; });
get("opacity").addEventListener("input", () => { player.opacity = get("opacity").value / 100; });
for (const name of ["dragenter", "dragover"]) {
  get("drop").addEventListener(name, (event) => { event.preventDefault(); get("drop").classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  get("drop").addEventListener(name, (event) => { event.preventDefault(); get("drop").classList.remove("over"); });
}
get("drop").addEventListener("drop", (event) => {
  if (!limits || !event.dataTransfer.files.length) return;
  get("file").files = event.dataTransfer.files;
  choose(event.dataTransfer.files[0]);
  check();
});
// A file that misses the field must not replace the page.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
start();
