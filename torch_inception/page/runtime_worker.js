// Runs the model, beside the page, so that the page goes on answering to its user.

import * as ort from "./onnxruntime.js";
import { box, readPixels } from "./pixels.js";

const TOP = 5;

let about;
let session;

async function load(progress) {
  const { files } = about.userMetadata;
  const names = ["static/onnxruntime.wasm", "model.onnx"];
  const total = names.reduce((sum, name) => sum + files[name].bytes, 0);
  let loaded = 0;
  const [runtime, model] = await Promise.all(
    names.map((name) =>
      download(name, files[name].bytes, (count) => {
        loaded += count;
        progress(loaded / total);
      }),
    ),
  );
  ort.env.wasm.numThreads = 1; // more need headers that plain web servers do not send
  ort.env.wasm.wasmBinary = runtime;
  session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
}

async function download(name, size, told) {
  const address = new URL(`../${name}`, import.meta.url);
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) throw new Error(`The file ${name} beside this page cannot be loaded.`);
  const content = new Uint8Array(size);
  const reader = response.body.getReader();
  let place = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done || place + value.length > size) break;
    content.set(value, place);
    place += value.length;
    told(value.length);
  }
  if (place !== size) throw new Error(`The file ${name} beside this page is not the whole file.`);
  return content;
}

async function classify(blob) {
  const { preprocessing, shorter_side: shorterSide } = about.userMetadata;
  const { pixels, width, height, upright } = await readPixels(blob, shorterSide);
  const image = new ort.Tensor("uint8", pixels, [1, height, width, 3]);
  const found = await session.run({ image });
  return {
    ...describe(found),
    map: { grey: toGrey(found.map.data), box: box(preprocessing.resize, ...upright) },
    neighbours: [],
  };
}

function describe({ probabilities, distance }) {
  const { distance_threshold: limit, several_labels: severalLabels, thresholds } = about.userMetadata;
  const all = [...probabilities.data]
    .map((score, number) => ({ label: about.labels[number], score }))
    .sort((first, second) => second.score - first.score);
  const named = severalLabels
    ? all.filter(({ label, score }) => score >= thresholds[label]).map(({ label }) => label)
    : null;
  const predictions = severalLabels ? all : all.slice(0, TOP);
  const isJudged = distance !== undefined && typeof limit === "number";
  return { predictions, named, known: isJudged ? distance.data[0] <= limit : null };
}

// 128 stands for 0; 255 and 1 for the largest absolute value, above and below.
function toGrey(values) {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
  return Uint8Array.from(values, (value) => 128 + Math.round((127 * value) / largest));
}

async function reply(data) {
  const { number } = data;
  try {
    if (data.about) {
      about = data.about;
      await load((progress) => self.postMessage({ number, progress }));
      self.postMessage({ number, answer: null });
    } else {
      self.postMessage({ number, answer: await classify(data.image) });
    }
  } catch (error) {
    self.postMessage({ number, error: error.message ?? String(error) });
  }
}

let turn = Promise.resolve();

self.onmessage = ({ data }) => {
  turn = turn.then(() => reply(data));
};
