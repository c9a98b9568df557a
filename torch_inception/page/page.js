// What the user sees and does. Where answers come from is another module's concern: a source has
//   privacy                    a sentence that says where images go,
//   open(progress)             returns the models, [{name, labels, accuracy, accuracy_of, accuracy_n,
//                              has_maps, ...}],
//   classify(image, question)  returns the answer for a Blob: {predictions, known, map, neighbours},
// and throws errors whose messages are for the user.

import { Camera } from "./camera.js";
import { Card, showAnswer } from "./card.js";
import { Queue } from "./queue.js";
import { percent } from "./text.js";

const MOST_CARDS = 200;
const LABELS_SHOWN = 12;

const part = (name) => document.getElementById(name);

let source;
let models = [];
let opened; // a promise of the models
let isOpen = false;

const queue = new Queue(nameImage, showProgress);
const camera = new Camera(part("video"));
let live; // of the camera that is on: what stops it

export function openPage(found) {
  source = found;
  part("privacy").textContent = source.privacy;
  listen();
  opened = source.open(showLoading);
  opened.then(showModels, (error) => say(error.message)).finally(() => {
    isOpen = true;
    showProgress(queue);
  });
}

function listen() {
  part("choose").onclick = () => part("files").click();
  part("files").onchange = ({ target }) => {
    add([...target.files]);
    target.value = ""; // so that the same file can be chosen again
  };
  part("use-camera").onclick = useCamera;
  part("stop-camera").onclick = stopCamera;
  part("keep").onclick = keepFrame;
  part("stop").onclick = () => queue.stop();
  part("model").onchange = () => showModel(model());
  part("show-why").onchange = ({ target }) => {
    document.body.classList.toggle("why", target.checked);
    part("legend").hidden = !target.checked;
  };
  listenForDrops();
  document.onpaste = ({ clipboardData }) => {
    if (clipboardData.files.length) add([...clipboardData.files]);
    else say("There is no image in the clipboard.");
  };
}

function listenForDrops() {
  const mark = (isOver) => part("drop").classList.toggle("over", isOver);
  document.ondragover = (event) => {
    event.preventDefault();
    mark(true);
  };
  document.ondragleave = ({ relatedTarget }) => relatedTarget ?? mark(false);
  document.ondrop = (event) => {
    event.preventDefault();
    mark(false);
    add([...event.dataTransfer.files]);
  };
}

function showModels(found) {
  models = found;
  part("model").replaceChildren(...models.map(({ name }) => new Option(name, name)));
  part("choice").hidden = models.length < 2;
  showModel(model());
}

const model = () => models[Math.max(0, part("model").selectedIndex)];

function showModel({
  name, labels, accuracy, accuracy_of: of, accuracy_n: count, has_maps: hasMaps,
  several_labels: severalLabels,
}) {
  const more = labels.length > LABELS_SHOWN ? ` and ${labels.length - LABELS_SHOWN} more` : "";
  const names = `${labels.slice(0, LABELS_SHOWN).join(", ")}${more}`;
  const right =
    typeof accuracy === "number" ? ` It was right for ${percent(accuracy)} of its ${count} ${of}${severalLabels ? ", with all their labels" : ""}.` : "";
  part("about").textContent = `The model “${name}” ${severalLabels ? "finds" : "tells apart"}: ${names}.${right}`;
  part("why").hidden = !hasMaps;
}

function add(images) {
  if (!images.length) return say("There was no image in what was dropped.");
  say("");
  return queue.add(images.map((blob) => ({ blob, name: blob.name || "image" })));
}

// Names one image of the queue, and shows it with its answer.
async function nameImage({ blob, name }, signal) {
  const card = new Card(name);
  await card.show(blob);
  const answers = part("answers");
  answers.prepend(card.element);
  while (answers.childElementCount > MOST_CARDS) answers.lastElementChild.remove();
  try {
    await opened;
    const answer = await source.classify(blob, { model: model(), isLive: false, signal });
    if (!signal.aborted) card.answer(answer);
  } catch (error) {
    if (!signal.aborted) card.fail(error.message);
  }
  if (signal.aborted) card.element.remove();
  else if (queue.total === 1) say(`${name}: ${card.summary}`);
}

function showLoading(share) {
  const percents = Math.floor(100 * share);
  showWork(share, share < 1 ? `Loading the model: ${percents} %` : "Preparing the model …");
}

function showProgress({ done, total, isBusy, isStopped }) {
  if (!isOpen) return;
  if (isBusy && total > 1) {
    showWork(done / total, `${done} of ${total} images`, true);
  } else {
    part("work").hidden = true;
    if (isStopped) say(`Stopped after ${done} of ${total} images.`);
    else if (total > MOST_CARDS && !isBusy) say(`${total} images; the last ${MOST_CARDS} are shown.`);
    else if (total > 1 && !isBusy) say(`All ${total} images are done.`);
  }
}

function showWork(share, text, canStop = false) {
  part("work").hidden = false;
  part("progress").value = share;
  part("progress-text").textContent = text;
  part("stop").hidden = !canStop;
}

function say(text) {
  part("status").textContent = text;
}

async function useCamera() {
  if (live) return;
  live = new AbortController();
  const { signal } = live;
  try {
    await camera.start();
  } catch (error) {
    live = undefined;
    return say(error.message);
  }
  say("");
  part("camera").hidden = false;
  part("keep").focus();
  part("camera").scrollIntoView();
  while (!signal.aborted) await nameFrame(signal);
}

// One frame is asked for at a time, the newest: answers come as fast as the machine gives them.
async function nameFrame(signal) {
  try {
    await opened;
    const frame = await camera.frame();
    const answer = await source.classify(frame, { model: model(), isLive: true, signal });
    if (!signal.aborted) showAnswer(part("live"), answer, part("video"));
  } catch (error) {
    if (signal.aborted) return;
    stopCamera();
    say(error.message);
  }
}

function stopCamera() {
  live?.abort();
  live = undefined;
  camera.stop();
  part("camera").hidden = true;
  part("live").replaceChildren();
  part("camera").querySelector(".map")?.remove();
  part("use-camera").focus();
}

async function keepFrame() {
  const time = new Date().toLocaleTimeString();
  queue.add([{ blob: await camera.frame(), name: `Camera, ${time}` }]);
}
