// Sends each picture by itself, shows how far it is, and asks until its result is there. Without it, the form does.
"use strict";

const MOST_BYTES = 20e6, MOST_AT_ONCE = 3, MOST_IN_ZIP = 100, MOST_TRIES = 20, LONGEST_PAUSE_MS = 3000;
const FORMATS = ["image/jpeg", "image/png", "image/webp"];
const [form, zone, input, list, news, zip] = ["form", "zone", "file", "uploads", "news", "zip"].map((id) => document.getElementById(id));
const waiting = [], done = [];
let sending = 0, asked = 0, ended = 0;

const pause = (ms) => new Promise((go) => setTimeout(go, ms));
const bytes = (count) => (count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))}\u00a0kB` : `${(count / 1e6).toFixed(1)}\u00a0MB`);
const size = (what) => [what.width && `${what.width} × ${what.height}`, what.bytes && bytes(what.bytes), what.format].filter(Boolean).join(" · ");

function show(item, status) {
  item.dataset.status = status;
  item.querySelector(".tag").textContent = status;
  item.querySelector("progress").hidden = status !== "sending";
}

function stall(item, why) {
  item.classList.toggle("stalled", Boolean(why));
  document.getElementById("stalled").hidden = !why;
}

function tell() {
  news.textContent = `${done.length} of ${asked} done` + (ended > done.length ? `, ${ended - done.length} refused.` : ".");
}

function refuse(item, why) {
  ended += 1;
  show(item, "refused");
  const line = item.querySelector(".error");
  line.textContent = `${why[0].toUpperCase()}${why.slice(1)}.`;
  line.hidden = false;
  tell();
}

function added(file) {
  const item = document.getElementById("one").content.firstElementChild.cloneNode(true);
  const picture = item.querySelector("img");
  item.querySelector(".name span").textContent = file.name;
  item.querySelector("progress").setAttribute("aria-label", `Sending ${file.name}`);
  item.querySelector("figcaption span").textContent = bytes(file.size);
  picture.alt = `Before: ${file.name}`;
  picture.onload = () => { picture.hidden = false; };
  if (FORMATS.includes(file.type)) picture.src = URL.createObjectURL(file);
  list.append(item);
  return item;
}

// What is wrong can be said before a byte is sent; what a file really is, the server finds.
function wrong(file) {
  if (file.size > MOST_BYTES) return `it is larger than 20 MB (${bytes(file.size)})`;
  if (!file.size) return "it is empty";
  if (file.type && !FORMATS.includes(file.type)) return "it is none of JPEG, PNG and WebP";
  return "";
}

function take(files) {
  document.getElementById("yours").hidden = false;
  for (const file of files) {
    asked += 1;
    const item = added(file), why = wrong(file);
    if (why) refuse(item, why);
    else waiting.push([file, item]);
  }
  tell();
  next();
}

function next() {
  while (sending < MOST_AT_ONCE && waiting.length) {
    sending += 1;
    const [file, item] = waiting.shift();
    work(file, item).catch(() => refuse(item, "the server cannot be reached: try again")).then(() => { sending -= 1; next(); });
  }
}

function post(file, item) {
  return new Promise((resolve, reject) => {
    const sender = new XMLHttpRequest(), data = new FormData(), bar = item.querySelector("progress");
    data.append("file", file);
    sender.open("POST", form.action);
    sender.setRequestHeader("Accept", "application/json");
    sender.upload.onprogress = (event) => { bar.value = event.loaded / event.total; };
    sender.onload = () => resolve(sender);
    sender.onerror = reject;
    sender.send(data);
  });
}

async function work(file, item) {
  for (let tries = 1; ; tries += 1) {
    const sent = await post(file, item);
    const answer = JSON.parse(sent.responseText);
    if (sent.status === 202) {
      follow(answer.uploads[0], item).catch(() => refuse(item, "the server cannot be reached: see Resize again later"));
      return;
    }
    const seconds = Number(sent.getResponseHeader("Retry-After"));
    if (!seconds || tries === MOST_TRIES) {
      refuse(item, answer.errors ? answer.errors[0].detail : answer.detail);
      return;
    }
    item.querySelector(".tag").textContent = `trying again: ${answer.detail}`;
    await pause(seconds * 1000);
  }
}

async function follow(one, item) {
  const [before, after] = item.querySelectorAll("figure"), said = after.querySelector("span");
  for (let ms = 200; one.status === "waiting"; ms = Math.min(ms * 1.3, LONGEST_PAUSE_MS)) {
    show(item, "waiting");
    // A detail of one that waits: the job does not run.
    stall(item, one.detail);
    said.textContent = one.detail || "in a moment";
    await pause(one.detail ? LONGEST_PAUSE_MS : ms);
    const answer = await fetch(one.links.self, { headers: { Accept: "application/json" } });
    if (answer.ok) one = await answer.json();
  }
  stall(item, null);
  before.querySelector("span").textContent = size(one.before);
  if (one.status !== "processed") return refuse(item, one.detail);
  const picture = after.querySelector("img"), save = item.querySelector(".actions");
  picture.src = one.links.result;
  picture.alt = `After: ${one.filename}`;
  picture.hidden = save.hidden = false;
  said.textContent = size(one.after);
  save.querySelector("a").href = `${one.links.result}?download`;
  show(item, "processed");
  done.push(one.id);
  ended += 1;
  zip.href = "/images.zip?" + done.slice(-MOST_IN_ZIP).map((id) => `id=${id}`).join("&");
  zip.hidden = done.length < 2;
  tell();
}

document.getElementById("or-drop").hidden = false;
form.addEventListener("submit", (event) => { event.preventDefault(); take(input.files); form.reset(); });
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.toggle("over", name.startsWith("drage") || name === "dragover"); });
}
zone.addEventListener("drop", (event) => take(event.dataTransfer.files));
