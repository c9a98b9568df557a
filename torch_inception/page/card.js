// An image with its answer. All of an answer is text: names of classes and files may hold anything.

import { drawMap } from "./overlay.js";
import { percent } from "./text.js";

const MOST_BARS = 5;
const LONGER_SIDE = 480; // of what is shown of an image, in pixels

export function element(name, className, ...content) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...content);
  return made;
}

export class Card {
  constructor(name) {
    this.shown = element("div", "shown");
    this.said = element("div", "said", element("h2", "", name));
    this.element = element("article", "card waiting", this.shown, this.said);
    this.answers = element("div", "", element("p", "", "…"));
    this.said.append(this.answers);
    this.summary = "";
  }

  // Shows an image as a small copy; the image itself is not kept.
  async show(blob) {
    const canvas = element("canvas", "image");
    try {
      const bitmap = await createImageBitmap(blob);
      const share = LONGER_SIDE / Math.max(bitmap.width, bitmap.height);
      canvas.width = Math.max(1, Math.round(bitmap.width * share));
      canvas.height = Math.max(1, Math.round(bitmap.height * share));
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      bitmap.close();
    } catch {
      canvas.width = canvas.height = LONGER_SIDE;
      canvas.classList.add("blank");
    }
    this.shown.append(canvas);
  }

  answer(answer) {
    this.element.classList.remove("waiting");
    showAnswer(this.answers, answer, this.shown.firstElementChild);
    this.summary = summary(answer);
    if (answer.known === false) this.summary += ". It is unlike the training images.";
  }

  fail(message) {
    this.element.classList.remove("waiting");
    this.summary = message;
    if (this.shown.querySelector(".blank")) this.shown.remove();
    this.answers.replaceChildren(element("p", "failure", message));
  }
}

// An image may have several labels, or none, where an answer names them.
function summary({ predictions, named }) {
  const [best] = predictions;
  if (!named) return `${best.label}, ${percent(best.score)}`;
  return named.join(", ") || "none of the classes";
}

// Shows an answer in a place, and its map over the image.
export function showAnswer(place, answer, image) {
  const content = [bars(answer)];
  if (answer.known === false) content.unshift(notice());
  if (answer.neighbours?.length) content.push(neighbours(answer.neighbours));
  place.replaceChildren(...content);
  image.parentElement.querySelector(".map")?.remove();
  if (answer.map) image.after(drawMap(answer.map));
}

function notice() {
  return element(
    "p", "unlike",
    element("strong", "", "Unlike the training images."),
    " It may be none of these, whatever the percentages say.",
  );
}

function bars({ predictions, named, known }) {
  const isNamed = (label) => (named ? named.includes(label) : label === predictions[0].label);
  // A class may reach a low threshold of its own with a score that is not among the best.
  const shown = predictions.filter(({ label }, place) => place < MOST_BARS || isNamed(label));
  const rows = shown.map(({ label, score }) => {
    const bar = element("span", "bar", element("span", ""));
    bar.firstElementChild.style.width = `${100 * score}%`;
    const kind = isNamed(label) ? "named" : "";
    return element("li", kind, element("bdi", "", label), element("span", "percent", percent(score)), bar);
  });
  const list = element("ol", known === false ? "bars dim" : "bars", ...rows);
  return named?.length === 0 ? element("div", "none", element("p", "", "None of these."), list) : list;
}

function neighbours(found) {
  const figures = found.map(({ label, thumbnail }) => {
    const image = element(thumbnail ? "img" : "span", "tile");
    if (thumbnail) {
      image.src = thumbnail;
      image.alt = "";
    }
    return element("figure", "", image, element("figcaption", "", element("bdi", "", label)));
  });
  return element(
    "div", "neighbours",
    element("h3", "", "Nearest training images"),
    element("div", "tiles", ...figures),
  );
}
