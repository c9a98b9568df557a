// From a file to the pixels that the model takes: upright, RGB, on white; large JPEGs at a reduced
// size, as in Python.

const MOST_REDUCED = 8; // as JPEG decoders do
const LARGE = 1 << 23; // pixels; of what is no JPEG, only larger images are reduced
const STRIP = 1 << 20; // pixels that are drawn at a time; browsers bound the size of a canvas
const SIDE = 299;
const CROP_RESIZE = 342; // shorter side before the crop

// Returns {pixels: Uint8Array of RGB, width, height, upright: [width, height] before reducing}.
export async function readPixels(blob, shorterSide) {
  const bitmap = await decode(blob);
  const { width, height } = bitmap;
  const isReduced = width * height > LARGE || (await isJpeg(blob));
  const factor = isReduced ? reduction(Math.min(width, height), shorterSide) : 1;
  const reduced = { width: Math.ceil(width / factor), height: Math.ceil(height / factor) };
  const pixels = new Uint8Array(3 * reduced.width * reduced.height);
  const rows = factor * Math.max(1, Math.floor(STRIP / width / factor));
  const canvas = new OffscreenCanvas(width, Math.min(rows, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < height; top += rows) {
    const strip = Math.min(rows, height - top);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, strip);
    context.drawImage(bitmap, 0, top, width, strip, 0, 0, width, strip);
    const { data } = context.getImageData(0, 0, width, strip);
    average(data, width, strip, factor, pixels.subarray((3 * reduced.width * top) / factor));
  }
  bitmap.close();
  return { pixels, ...reduced, upright: [width, height] };
}

async function decode(blob) {
  try {
    // As in training, colours are taken as they are.
    return await createImageBitmap(blob, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
    });
  } catch {
    throw new Error("This is not an image that your browser can read.");
  }
}

async function isJpeg(blob) {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  return first === 0xff && second === 0xd8;
}

// A half, a quarter or an eighth, which leaves enough of the shorter side.
function reduction(shorter, wanted) {
  let factor = 1;
  while (wanted && factor < MOST_REDUCED && shorter / (2 * factor) >= wanted) factor *= 2;
  return factor;
}

// Averages squares of RGBA pixels to RGB; at the right and below they may be narrower.
function average(data, width, height, factor, target) {
  let place = 0;
  for (let top = 0; top < height; top += factor) {
    const bottom = Math.min(top + factor, height);
    for (let left = 0; left < width; left += factor) {
      const right = Math.min(left + factor, width);
      const count = (bottom - top) * (right - left);
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = 0;
        for (let y = top; y < bottom; y += 1) {
          for (let x = left; x < right; x += 1) sum += data[4 * (y * width + x) + channel];
        }
        target[place] = Math.round(sum / count);
        place += 1;
      }
    }
  }
}

// Where the model's square lies: left, top, right, bottom in fractions of the image.
export function box(resize, width, height) {
  const sides = [width, height].map((side) => {
    if (resize === "crop") return cropped(side, Math.min(width, height));
    if (resize === "pad") return padded(side, Math.max(width, height));
    return [0, 1];
  });
  const [[left, right], [top, bottom]] = sides;
  return [left, top, right, bottom];
}

function cropped(side, shorter) {
  const share = (SIDE * shorter) / CROP_RESIZE / 2 / side;
  return [0.5 - share, 0.5 + share];
}

function padded(side, longer) {
  const share = longer / side / 2;
  return [0.5 - share, 0.5 + share];
}
