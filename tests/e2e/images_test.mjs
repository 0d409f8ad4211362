// SPDX-License-Identifier: Apache-2.0
// What is asked for is what comes: size, format, number and quality of images.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, send } from './support/http.mjs';
import { readImage } from './support/images.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '0'] });
const api = new Api(server);

const kSizes = {
  '1:1': [1024, 1024],
  '16:9': [1344, 768],
  '21:9': [1536, 640],
  '3:2': [1216, 832],
  '2:3': [832, 1216],
  '4:5': [896, 1088],
  '5:4': [1088, 896],
  '3:4': [896, 1152],
  '4:3': [1152, 896],
  '9:16': [768, 1344],
  '9:21': [640, 1536],
};
const kTypes = { jpg: 'image/jpeg', png: 'image/png', webp: 'image/webp' };

/** Runs flux-schnell and returns [{file, image}] of its outputs. */
async function draw(input) {
  const p = await api.run(kFlux, { prompt: 'a red fox', num_inference_steps: 1, ...input });
  assert.equal(p.status, 'succeeded', p.error);
  const drawn = [];
  for (const url of p.output) {
    const file = await send(server.origin, url);
    assert.equal(file.status, 200);
    assert.equal(Number(file.headers['content-length']), file.body.length);
    drawn.push({ url, file, image: readImage(file.body) });
  }
  return drawn;
}

for (const format of Object.keys(kTypes)) {
  test(`every aspect ratio has its size as ${format}, at a quarter and at one megapixel`, async () => {
    for (const [aspect_ratio, [width, height]] of Object.entries(kSizes)) {
      for (const [megapixels, part] of [
        ['0.25', 2],
        ['1', 1],
      ]) {
        const [{ url, file, image }] = await draw({ aspect_ratio, megapixels, output_format: format });
        const what = `${aspect_ratio} at ${megapixels}`;
        assert.deepEqual([image.width, image.height], [width / part, height / part], what);
        assert.equal(image.type, format, what);
        assert.ok(image.whole, what);
        assert.equal(file.headers['content-type'], kTypes[format]);
        assert.ok(url.endsWith(`/out-0.${format}`), url);
      }
    }
  });
}

test('one to four images come as asked, each under its own name', async () => {
  for (let count = 1; count <= 4; ++count) {
    const drawn = await draw({ num_outputs: count, megapixels: '0.25', output_format: 'png' });
    assert.deepEqual(
      drawn.map(({ url }) => url.split('/').at(-1)),
      [...Array(count).keys()].map((i) => `out-${i}.png`),
    );
    assert.equal(new Set(drawn.map(({ file }) => file.headers.etag)).size, count);
  }
});

for (const format of ['jpg', 'webp']) {
  test(`a higher quality makes a larger ${format}`, async () => {
    const sizes = [];
    for (const output_quality of [5, 50, 95]) {
      const [{ file }] = await draw({ output_quality, seed: 1, megapixels: '0.25', output_format: format });
      sizes.push(file.body.length);
    }
    assert.ok(sizes[0] < sizes[1] && sizes[1] < sizes[2], sizes.join(' '));
  });
}

test('another model draws in its own way of being asked for a size', async () => {
  const version = '39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b';
  const created = await api.post('/predictions', { version, input: { prompt: 'a red fox', width: 512, height: 768 } });
  assert.equal(created.status, 201, created.text);
  const p = await api.finished(created.json().id);
  const image = readImage((await send(server.origin, p.output[0])).body);
  assert.deepEqual([image.type, image.width, image.height], ['png', 512, 768]);
});
