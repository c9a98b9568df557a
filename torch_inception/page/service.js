// Answers from the HTTP service that this page comes from.

import { openPage } from "./page.js";

const PATIENCE = 20; // times that a busy service is asked again
const TOP = 5;
const NEIGHBOURS = 3;
const SIDE = 299; // of a map, in pixels

const token = new URLSearchParams(location.hash.slice(1)).get("token");

async function ask(address, options, signal) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  for (let left = PATIENCE; ; left -= 1) {
    let response;
    try {
      response = await fetch(address, { ...options, headers, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Error("The service does not answer. Check the connection, and try again.");
    }
    if (response.status !== 503 || left === 0) return response;
    await wait(Number(response.headers.get("Retry-After")) || 1, signal);
  }
}

function wait(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function read(response) {
  const found = await response.json().catch(() => ({}));
  if (response.ok || response.status === 422) return found;
  throw new Error(complaint(response.status, found));
}

function complaint(status, found) {
  if (status === 401 || status === 403) {
    return "The service wants its token: open this page with #token=… at the end of its address.";
  }
  if (status === 413) return "The image is too large for this service.";
  if (status === 503) return "The service is busy. Try again in a while.";
  return typeof found.error === "string" ? found.error : `The service failed (status ${status}).`;
}

// The map comes as a grey image, of which 128 stands for 0.
async function decodeMap(address, box) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return { grey: Uint8Array.from({ length: SIDE * SIDE }, (_, place) => data[4 * place]), box };
}

openPage({
  privacy: "Images are sent to the service that this page comes from, and to nowhere else.",

  async open() {
    return (await read(await ask("models", {}))).models;
  },

  async classify(image, { model, isLive, signal }) {
    const wanted = new URLSearchParams({ model: model.name, top: model.several_labels ? model.labels.length : TOP });
    if (model.has_maps) wanted.set("map", "true");
    if (model.has_neighbours && !isLive) wanted.set("neighbours", NEIGHBOURS);
    const response = await ask(`predict?${wanted}`, { method: "POST", body: image }, signal);
    const [answer] = (await read(response)).predictions;
    if (answer.error) throw new Error(`This image cannot be used: ${answer.error}.`);
    const map = answer.map ? await decodeMap(answer.map, answer.map_box) : null;
    return { ...answer, named: model.several_labels ? answer.over_threshold : null, map };
  },
});
