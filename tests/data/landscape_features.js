// Makes landscape_features.npy's numbers: the features of tests/drawings.py's landscape() by
// TensorFlow.js, from the npm package's own model.
//
//   npm install nsfwjs@4.4.0 @tensorflow/tfjs @tensorflow/tfjs-backend-wasm
//   python -c "from tests.images import landscape; landscape().tofile('landscape.u8')"
//   node landscape_features.js landscape.u8 landscape.f32
//   python -c "import numpy as n; n.save('landscape_features.npy', n.fromfile('landscape.f32', '<f4'))"

const fs = require("fs");
const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");

const folder = "./node_modules/nsfwjs/dist/models/inception_v3/";

async function main(image, features) {
  await tf.setBackend("wasm");
  const { modelTopology, weightsManifest } = require(folder + "model.min.js");
  const shards = [1, 2, 3, 4, 5, 6].map((n) => {
    const shard = require(folder + `group1-shard${n}of6.min.js`);
    return Buffer.from(shard.default || shard, "base64");
  });
  const weightData = new Uint8Array(Buffer.concat(shards)).buffer;
  const weightSpecs = weightsManifest[0].weights;
  const model = await tf.loadLayersModel({
    load: async () => ({ modelTopology, weightSpecs, weightData }),
  });
  const outputs = model.getLayer("flatten_1").output;
  const pixels = Float32Array.from(fs.readFileSync(image));
  const input = tf.tensor4d(pixels, [1, 299, 299, 3]).div(127.5).sub(1);
  const rows = tf.model({ inputs: model.inputs, outputs }).predict(input);
  fs.writeFileSync(features, Buffer.from((await rows.data()).buffer));
}

main(...process.argv.slice(2));
