// TensorFlow.js beside our numbers.
//   node tensorflow_js_peer.js unwrap PACKAGE FOLDER   writes the npm package's model as a folder
//   node tensorflow_js_peer.js run PICTURES FOLDER...  writes what models answer into their folders
// PICTURES: raw uint8, (N, 299, 299, 3). Answers: raw float32, features.f32 and probabilities.f32.
const fs = require("fs");
const path = require("path");

function unwrap(source, folder) {
  const model = require(path.join(source, "model.min.js"));
  const shards = model.weightsManifest[0].paths.map((name) =>
    Buffer.from(require(path.join(source, `${name}.min.js`)), "base64"));
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, "model.json"), JSON.stringify(model));
  model.weightsManifest[0].paths.forEach((name, place) =>
    fs.writeFileSync(path.join(folder, name), shards[place]));
}

async function load(layers, folder) {
  const model = JSON.parse(fs.readFileSync(path.join(folder, "model.json")));
  const { paths, weights } = model.weightsManifest[0];
  const data = Buffer.concat(paths.map((name) => fs.readFileSync(path.join(folder, name))));
  const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  return layers.loadLayersModel({
    load: async () => ({ modelTopology: model.modelTopology, weightSpecs: weights, weightData }),
  });
}

function write(file, rows) {
  fs.writeFileSync(file, Buffer.concat(rows.map((row) =>
    Buffer.from(row.buffer, row.byteOffset, row.byteLength))));
}

async function run(images, folders) {
  const tf = require("@tensorflow/tfjs-core");
  const layers = require("@tensorflow/tfjs-layers");
  require("@tensorflow/tfjs-backend-wasm");
  await tf.setBackend("wasm");
  const pixels = fs.readFileSync(images);
  const size = 299 * 299 * 3;
  for (const folder of folders) {
    const model = await load(layers, folder);
    // What torchvision calls Mixed_6e, Mixed_7a and Mixed_7c.
    const maps = ["mixed7", "mixed8", "mixed10"].map((name) => model.getLayer(name).output);
    const outputs = [...maps, ...model.outputs];
    const both = layers.model({ inputs: model.inputs, outputs });
    const features = [], probabilities = [];
    for (let start = 0; start < pixels.length; start += size) {
      const values = Float32Array.from(pixels.subarray(start, start + size));
      const image = tf.sub(tf.div(tf.tensor4d(values, [1, 299, 299, 3]), 127.5), 1);
      const answers = both.predict(image);
      const means = answers.slice(0, 3).map((each) => tf.mean(each, [1, 2]));
      features.push(...means.map((each) => each.dataSync()));
      probabilities.push(answers[3].dataSync());
      tf.dispose([image, ...answers, ...means]);
    }
    write(path.join(folder, "features.f32"), features);
    write(path.join(folder, "probabilities.f32"), probabilities);
    both.dispose();
  }
}

const [what, first, ...rest] = process.argv.slice(2);
if (what === "unwrap") unwrap(first, rest[0]);
else run(first, rest).catch((error) => { console.error(error); process.exit(1); });
