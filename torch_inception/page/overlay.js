// The map of what speaks for the best class, and against it, to be laid over an image in grey.

const SIDE = 299;
const FOR = [213, 94, 0];
const AGAINST = [0, 114, 178]; // colours of the maps that `predict --explain` draws
const STRENGTH = 0.75;

// `grey` has SIDE x SIDE numbers, of which 128 is 0; `box` says where in the image they lie.
export function drawMap({ grey, box }) {
  const canvas = document.createElement("canvas");
  canvas.className = "map";
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  grey.forEach((value, place) => {
    const share = (value - 128) / 127;
    pixels.data.set(share > 0 ? FOR : AGAINST, 4 * place);
    pixels.data[4 * place + 3] = 255 * STRENGTH * Math.abs(share);
  });
  context.putImageData(pixels, 0, 0);
  const [left, top, right, bottom] = box.map((share) => 100 * share);
  Object.assign(canvas.style, {
    left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%`,
  });
  return canvas;
}
