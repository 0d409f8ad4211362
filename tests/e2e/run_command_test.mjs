// SPDX-License-Identifier: Apache-2.0
// `hekto run`: the client that comes with the server.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Api, kFlux, kFluxLoraVersion, kLlama } from './support/http.mjs';
import { readImage } from './support/images.mjs';
import { hekto, startServer, tempFolder } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0'] });

const run = (cwd, ...args) => hekto(['run', ...args, '--url', server.origin, '--key', server.key], { cwd });

test('it saves the image that it asked for and ends with 0', async (t) => {
  const folder = tempFolder(t);
  const done = await run(folder, kFlux, 'prompt=a red fox', 'output_format=jpg', 'megapixels=0.25', '--save', folder);
  assert.equal(done.code, 0, done.stderr);
  const files = readdirSync(folder);
  assert.equal(files.length, 1, files.join(' '));
  const image = readImage(readFileSync(join(folder, files[0])));
  assert.deepEqual([image.type, image.width, image.height, image.whole], ['jpg', 512, 512, true]);
  assert.ok(done.stdout.includes(files[0]), done.stdout);
});

test('it takes the address and the key from the environment', async (t) => {
  const env = { HEKTO_URL: server.origin, HEKTO_KEY: server.key };
  const done = await hekto(['run', `lucataco/flux-schnell-lora:${kFluxLoraVersion}`, 'prompt=a fox'], {
    cwd: tempFolder(t),
    env,
  });
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /\/delivery\//);
});

test('it prints the text of a language model, also as it comes', async (t) => {
  const args = [kLlama, 'prompt=Say something.', 'max_tokens=12', 'seed=3'];
  const whole = await run(tempFolder(t), ...args);
  assert.equal(whole.code, 0, whole.stderr);
  assert.notEqual(whole.stdout.trim(), '');
  const streamed = await run(tempFolder(t), ...args, '--stream');
  assert.equal(streamed.code, 0, streamed.stderr);
  assert.equal(streamed.stdout.trim(), whole.stdout.trim());
});

test('with --json it prints the prediction', async (t) => {
  const done = await run(tempFolder(t), kLlama, 'prompt=hello', 'max_tokens=5', '--json');
  assert.equal(done.code, 0, done.stderr);
  const p = JSON.parse(done.stdout);
  assert.equal(p.status, 'succeeded');
  assert.deepEqual(p.input, { prompt: 'hello', max_tokens: 5 });
  assert.deepEqual(await new Api(server).prediction(p.id), p);
});

test('it ends with 1 when the prediction fails, and says why', async (t) => {
  const done = await run(tempFolder(t), kFlux, 'prompt=[sandbox:fail=no paint left]');
  assert.equal(done.code, 1);
  assert.match(done.stderr, /no paint left/);
});

test("it ends with 1 and the server's words when the request is refused", async (t) => {
  const folder = tempFolder(t);
  const invalid = await run(folder, kFlux, 'prompt=x', 'num_outputs=9');
  assert.equal(invalid.code, 1);
  assert.match(invalid.stderr, /less than or equal to 4/);
  const unknown = await run(folder, 'nobody/nothing', 'prompt=x');
  assert.equal(unknown.code, 1);
  assert.notEqual(unknown.stderr.trim(), '');
  const keyless = await hekto(['run', kFlux, 'prompt=x', '--url', server.origin, '--key', 'wrong'], { cwd: folder });
  assert.equal(keyless.code, 1);
  assert.match(keyless.stderr, /valid authentication token/);
});

test('it ends with 1 when there is no server', async (t) => {
  const args = ['run', kFlux, 'prompt=x', '--url', 'http://127.0.0.1:1', '--key', server.key];
  const done = await hekto(args, { cwd: tempFolder(t) });
  assert.equal(done.code, 1);
  assert.match(done.stderr, /127\.0\.0\.1:1/);
});
