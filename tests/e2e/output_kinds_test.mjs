// SPDX-License-Identifier: Apache-2.0
// One model of each kind of output, run in the sandbox; what comes is held to the model's own schema.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, send } from './support/http.mjs';
import { startServer } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0', '--rate-limits-creates', '0'] });
const api = new Api(server);

async function run(model, input) {
  const p = await api.run(model, input);
  assert.equal(p.status, 'succeeded', `${model}: ${p.error}`);
  return p;
}

/** Fetches the one file of a prediction. */
async function fileOf(p, type, ending) {
  assert.match(p.output, new RegExp(`^http.*\\.${ending}$`));
  const answer = await send(server.origin, p.output);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], type);
  return answer.body;
}

/** Content of the first MP4 box at `path`. */
function box(bytes, path) {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const content = bytes.subarray(at + 8, at + size);
    if (bytes.toString('latin1', at + 4, at + 8) === path[0]) return path.length > 1 ? box(content, path.slice(1)) : content;
    at += size;
  }
  throw new Error(`there is no box ${path[0]}`);
}

const image = await fileOf(await run('black-forest-labs/flux-schnell', { prompt: 'x', output_format: 'png', megapixels: '0.25' }).then((p) => ({ output: p.output[0] })), 'image/png', 'png');
const dataUrl = `data:image/png;base64,${image.toString('base64')}`;

test('speech comes as the file format asked for, and lasts as long as its text', async () => {
  const short = await fileOf(await run('minimax/speech-02-turbo', { text: 'Hello there.', audio_format: 'wav' }), 'audio/wav', 'wav');
  const long = await fileOf(
    await run('minimax/speech-02-turbo', { text: 'Hello there. '.repeat(6), audio_format: 'wav' }),
    'audio/wav',
    'wav',
  );
  assert.equal(short.toString('latin1', 0, 4) + short.toString('latin1', 8, 12), 'RIFFWAVE');
  assert.equal(short.readUInt32LE(4) + 8, short.length);
  assert.ok(long.length > short.length * 3);
  const mp3 = await fileOf(await run('minimax/speech-02-turbo', { text: 'Hello there.' }), 'audio/mpeg', 'mp3');
  assert.equal(mp3.readUInt16BE(0) & 0xffe0, 0xffe0, 'it begins with a frame of MPEG audio');
  const flac = await run('minimax/speech-02-turbo', { text: 'Hello.', audio_format: 'flac' });
  assert.equal((await fileOf(flac, 'audio/flac', 'flac')).toString('latin1', 0, 4), 'fLaC');
  assert.equal(flac.metrics.audio_output_count, 1);
  await fileOf(await run('jaaari/kokoro-82m', { text: 'Xin chào các bạn.' }), 'audio/wav', 'wav');
});

test('music lasts as long as asked for', async () => {
  const wav = await fileOf(await run('meta/musicgen', { prompt: 'calm', duration: 3 }), 'audio/wav', 'wav');
  const [channels, rate] = [wav.readUInt16LE(22), wav.readUInt32LE(24)];
  assert.equal((wav.length - 44) / (channels * 2 * rate), 3);
});

test('a video has the size and the number of frames asked for', async () => {
  const p = await run('wan-video/wan-2.1-1.3b', { prompt: 'a fox', aspect_ratio: '9:16', frame_num: 17 });
  const mp4 = await fileOf(p, 'video/mp4', 'mp4');
  const track = ['moov', 'trak'];
  const size = box(mp4, [...track, 'tkhd']);
  assert.equal(size.readUInt32BE(size.length - 8) >> 16, 480);
  assert.equal(size.readUInt32BE(size.length - 4) >> 16, 848);
  assert.equal(box(mp4, [...track, 'mdia', 'minf', 'stbl', 'stsz']).readUInt32BE(8), 17);
  assert.equal(p.metrics.video_output_count, 1);
});

test('an upscaler enlarges the image that it is given', async () => {
  const p = await run('nightmareai/real-esrgan', { image: dataUrl, scale: 2 });
  const png = await fileOf(p, 'image/png', 'png');
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1024, 1024]);
  const other = `data:image/png;base64,${png.toString('base64')}`;
  const again = await fileOf(await run('nightmareai/real-esrgan', { image: other, scale: 1 }), 'image/png', 'png');
  assert.deepEqual([again.readUInt32BE(16), again.readUInt32BE(20)], [1024, 1024]);
});

test('a background remover gives an image of the same size with an alpha channel', async () => {
  const png = await fileOf(await run('851-labs/background-remover', { image: dataUrl }), 'image/png', 'png');
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [512, 512]);
  assert.equal(png[25], 6, 'the colour type of RGB with alpha');
});

test('a damaged image is no reason to fail', async () => {
  const broken = `data:image/png;base64,${image.subarray(0, 200).toString('base64')}`;
  await fileOf(await run('nightmareai/real-esrgan', { image: broken }), 'image/png', 'png');
});

test('objects, numbers, texts and lists fit their schemas', async () => {
  const whisper = (await run('openai/whisper', { audio: dataUrl })).output;
  assert.equal(typeof whisper.transcription, 'string');
  assert.ok(['english', 'vietnamese', 'french'].includes(whisper.detected_language));
  assert.equal(typeof whisper.segments[0].start, 'number');

  const { output: score } = await run('methexis-inc/img2aestheticscore', { image: dataUrl });
  assert.ok(typeof score === 'number' && score >= 1 && score <= 10);

  const { output: caption } = await run('salesforce/blip', { image: dataUrl });
  assert.equal(typeof caption, 'string');

  const { output: features } = await run('andreasjansson/clip-features', { inputs: 'a fox\na kite\na bell' });
  assert.deepEqual(
    features.map((f) => f.input),
    ['a fox', 'a kite', 'a bell'],
  );
  for (const { embedding } of features) assert.equal(embedding.length, 768);

  const { output: found } = await run('adirik/grounding-dino', { image: dataUrl, query: 'fox' });
  assert.equal(found.detections[0].bbox.length, 4);
  const inside = await fetch(found.result_image);
  assert.equal(inside.headers.get('content-type'), 'image/webp');
});

test('the same seed gives the same bytes of sound and video', async () => {
  for (const [model, input] of [
    ['meta/musicgen', { prompt: 'calm', duration: 1, seed: 4, output_format: 'mp3' }],
    ['wan-video/wan-2.1-1.3b', { prompt: 'a fox', frame_num: 17, seed: 4 }],
  ]) {
    const [one, two] = await Promise.all([run(model, input), run(model, input)]);
    const bytes = await Promise.all([one, two].map(async (p) => (await send(server.origin, p.output)).body));
    assert.ok(bytes[0].equals(bytes[1]), model);
  }
});
