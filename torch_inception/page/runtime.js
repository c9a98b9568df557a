// Answers from the model beside this page, which a worker runs in the browser.

import { openPage } from "./page.js";

const worker = new Worker(new URL("runtime_worker.js", import.meta.url), { type: "module" });
const waiting = new Map(); // number of a question -> what is told of its answer
let asked = 0;

function ask(question, progress = () => {}) {
  return new Promise((resolve, reject) => {
    asked += 1;
    waiting.set(asked, { resolve, reject, progress });
    worker.postMessage({ number: asked, ...question });
  });
}

worker.onmessage = ({ data }) => {
  const told = waiting.get(data.number);
  if (told === undefined) return; // one file failed, and the other is still being loaded
  const { resolve, reject, progress } = told;
  if (data.progress !== undefined) return progress(data.progress);
  waiting.delete(data.number);
  return data.error === undefined ? resolve(data.answer) : reject(new Error(data.error));
};

worker.onerror = () => {
  const error = new Error("This browser cannot run the model. Try a newer one.");
  for (const { reject } of waiting.values()) reject(error);
  waiting.clear();
};

openPage({
  privacy: "Everything is computed in this browser. No image leaves it.",

  async open(progress) {
    const response = await fetch("metadata.json").catch(() => null);
    if (!response?.ok) throw new Error("The file metadata.json beside this page cannot be loaded.");
    const about = await response.json();
    await ask({ about }, progress);
    const { accuracy, accuracy_of, accuracy_n, several_labels } = about.userMetadata;
    const { modelName: name, labels } = about;
    return [{ name, labels, accuracy, accuracy_of, accuracy_n, several_labels, has_maps: true }];
  },

  classify: (image) => ask({ image }),
});
