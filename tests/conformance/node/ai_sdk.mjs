// SPDX-License-Identifier: Apache-2.0
// The provider for Replicate of the AI SDK. It waits in the create, and takes files as data URLs.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

import { createReplicate } from '@ai-sdk/replicate';
import { experimental_generateVideo as generateVideo, generateImage } from 'ai';

import {
  assertWholeJpeg,
  drive,
  kImageModel,
  key,
  kVersion,
  kVersionedModel,
  mount,
  newPrompt,
  origin,
  watched,
} from './driver.mjs';

const require = createRequire(import.meta.url);

const provider = (apiToken = key) => watched(createReplicate({ apiToken, baseURL: origin + mount }));
const replicate = provider();
const kVideoModel = 'wan-video/wan-2.1-1.3b';
const options = { replicate: { output_format: 'jpg', megapixels: '0.25' } };

/** One try only, so that what the server says is what comes out. */
const generate = (model, prompt, more = {}) =>
  generateImage({ model, prompt, providerOptions: options, maxRetries: 0, ...more });

async function inputOf(prompt) {
  const answer = await fetch(`${origin}${mount}/predictions`, { headers: { Authorization: `Bearer ${key}` } });
  return (await answer.json()).results.find((p) => p.input.prompt === prompt).input;
}

async function refused(promise, status, words) {
  await assert.rejects(promise, (error) => {
    assert.deepEqual([error.name, error.statusCode], ['AI_APICallError', status], String(error));
    assert.ok(error.message.includes(words), error.message);
    return true;
  });
}

await drive(require('@ai-sdk/replicate/package.json').version, {
  async 'run-blocking'() {
    const prompt = newPrompt();
    const { image, responses } = await generate(replicate.image(kImageModel), prompt, { aspectRatio: '1:1', seed: 7 });
    assert.equal(image.mediaType, 'image/jpeg');
    assertWholeJpeg(image.uint8Array);
    assert.equal(responses[0].headers['preference-applied'], 'wait');
    const { aspect_ratio, seed, num_outputs } = await inputOf(prompt);
    assert.deepEqual([aspect_ratio, seed, num_outputs], ['1:1', 7, 1]);
  },

  async 'run-version'() {
    const { image } = await generate(replicate.imageModel(`${kVersionedModel}:${kVersion}`), newPrompt());
    assertWholeJpeg(image.uint8Array);
  },

  async 'run-failed'() {
    // This client does not look at the status: an output of null is an answer that it cannot take.
    const run = generate(replicate.image(kImageModel), newPrompt('[sandbox:fail=the brush broke]'));
    await assert.rejects(run, { name: 'AI_APICallError', message: 'Invalid JSON response' });
  },

  async 'wait-over'() {
    // As above: this client never polls for an image.
    const providerOptions = { replicate: { ...options.replicate, maxWaitTimeInSeconds: 1 } };
    const run = generate(replicate.image(kImageModel), newPrompt('[sandbox:delay=1500ms]'), { providerOptions });
    await assert.rejects(run, (error) => error.responseHeaders['preference-applied'] === 'wait=1');
  },

  async 'files-out'() {
    const { images } = await generate(replicate.image(kImageModel), newPrompt(), { n: 3 });
    assert.equal(images.length, 3);
    images.forEach((image) => assertWholeJpeg(image.uint8Array));
  },

  async video() {
    const { video, providerMetadata } = await generateVideo({
      model: replicate.video(kVideoModel),
      prompt: newPrompt(),
      maxRetries: 0,
      // Its own way to download refuses every address of this machine.
      download: async ({ url }) => ({
        data: new Uint8Array(await (await fetch(url)).arrayBuffer()),
        mediaType: 'video/mp4',
      }),
    });
    assert.equal(video.mediaType, 'video/mp4');
    assert.equal(Buffer.from(video.uint8Array.subarray(4, 8)).toString(), 'ftyp');
    assert.match(providerMetadata.replicate.predictionId, /^[0-9a-z]{26}$/);
  },

  async 'file-kinds'() {
    const { image: start } = await generate(replicate.image(kImageModel), newPrompt());
    const inline = `data:image/jpeg;base64,${start.base64}`;
    for (const kind of [start.uint8Array, start.base64, inline]) {
      const text = newPrompt();
      const { image } = await generate(replicate.image(`${kVersionedModel}:${kVersion}`), { text, images: [kind] });
      assertWholeJpeg(image.uint8Array);
      assert.equal((await inputOf(text)).image, inline);
    }
    const text = newPrompt();
    await generate(replicate.image('stability-ai/sdxl'), { text, images: [start.uint8Array], mask: start.uint8Array });
    assert.equal((await inputOf(text)).mask, inline);
  },

  async 'error-401'() {
    const run = generate(provider('wrong').image(kImageModel), newPrompt());
    await refused(run, 401, 'You did not pass a valid authentication token');
  },

  async 'error-404'() {
    const run = generate(replicate.image('nobody/nothing'), newPrompt());
    await refused(run, 404, 'The requested resource could not be found.');
  },

  async 'error-422'() {
    const providerOptions = { replicate: { megapixels: '7' } };
    const run = generate(replicate.image(kImageModel), newPrompt(), { providerOptions });
    await refused(run, 422, '- input.megapixels: megapixels must be one of the following: "1", "0.25"\n');
  },
});
