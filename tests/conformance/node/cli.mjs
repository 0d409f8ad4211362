// SPDX-License-Identifier: Apache-2.0
// The official command line client. Without a terminal it prints JSON; what it does only on one is done on a pseudo
// terminal, which script(1) gives it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

import {
  assertWholeJpeg,
  drive,
  kImageModel,
  key,
  kTextModel,
  kTrainer,
  kVersion,
  kVersionedModel,
  mount,
  newPrompt,
  note,
  origin,
  unique,
  until,
} from './driver.mjs';

const program = process.env.CONFORMANCE_CLI;
/** A model without a stream. */
const kPlainModel = 'andreasjansson/clip-features';
const quick = ['megapixels=0.25', 'output_format=jpg'];

/** Runs a command line to its end and resolves with {code, out, errors}. */
function start(command, args, { token = key, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: {
        ...process.env,
        REPLICATE_BASE_URL: origin + mount,
        XDG_CONFIG_HOME: process.cwd(),
        TERM: 'xterm',
        ...(token ? { REPLICATE_API_TOKEN: token } : {}),
      },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let [out, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (piece) => (out += piece));
    child.stderr.setEncoding('utf8').on('data', (piece) => (errors += piece));
    child.stdin?.end(input);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, errors }));
  });
}

const commands = [];
/** Which command `args` are: one or two words. */
const commandOf = (args) => commands.find((name) => args.slice(0, name.split(' ').length).join(' ') === name);

async function run(args, options) {
  note(commandOf(args));
  const done = await start(program, args, options);
  assert.equal(done.code, 0, `${args.join(' ')}: ${done.errors}`);
  return done.out;
}

const json = async (...args) => JSON.parse(await run(args));

/** The same on a terminal. */
async function onTerminal(...args) {
  note(commandOf(args));
  const line = [program, ...args].map((word) => `'${word}'`).join(' ');
  const { code, out } = await start('script', ['-qec', line, '/dev/null']);
  assert.equal(code, 0, out);
  return out;
}

async function refused(args, words, options) {
  const { code, errors } = await start(program, args, options);
  assert.equal(code, 1);
  assert.ok(errors.includes(words), errors);
}

/** The names that the program completes to after `words`. */
async function completions(...words) {
  const { out } = await start(program, ['__complete', ...words, '']);
  return out.split('\n').flatMap((line) => (line.includes('\t') ? [line.split('\t')[0]] : []));
}

for (const name of await completions()) {
  const inner = await completions(name);
  // What has no subcommands completes to files, without a description.
  const isGroup = inner.length > 0 && !['help', 'completion'].includes(name);
  commands.push(...(isGroup ? inner.map((sub) => `${name} ${sub}`) : [name]));
}
commands.sort((a, b) => b.length - a.length).forEach((name) => note(name, false));

const download = async (url) => Buffer.from(await (await fetch(url)).arrayBuffer());
const hardware = async () => (await json('hardware', 'list'))[0].sku;
const version = (await start(program, ['--version'])).out.trim().split(' ').at(-1);

await drive(version, {
  async 'run-polling'() {
    const made = await json('run', kPlainModel, `inputs=${newPrompt()}`);
    assert.deepEqual([made.status, made.model], ['succeeded', kPlainModel]);
    assert.equal((await json('model', 'run', kPlainModel, `inputs=${newPrompt()}`, '--no-wait')).model, kPlainModel);
  },

  async 'run-version'() {
    const urls = await json('run', `${kVersionedModel}:${kVersion}`, `prompt=${newPrompt()}`, ...quick, '--json');
    assertWholeJpeg(await download(urls[0]));
  },

  async 'run-text'() {
    // It sees in the schema that the output can be streamed.
    const text = await run(['run', kTextModel, `prompt=${newPrompt()}`, 'max_tokens=20']);
    assert.ok(text.trim().length > 10, text);
  },

  async 'run-failed'() {
    const out = await onTerminal('run', kPlainModel, `inputs=${newPrompt('[sandbox:fail=the brush broke]')}`);
    assert.match(out, /Failed[^]*the brush broke/);
  },

  async 'files-out'() {
    // Whatever has a stream is read as one, so that files are URLs in it.
    const urls = await json('run', kImageModel, `prompt=${newPrompt()}`, 'num_outputs=2', ...quick, '--json');
    assert.equal(urls.length, 2);
    for (const url of urls) assertWholeJpeg(await download(url));
    writeFileSync('scored.jpg', await download(urls[0]));
    const args = ['image=@scored.jpg', '--save', '--output-directory', 'saved'];
    await onTerminal('run', 'methexis-inc/img2aestheticscore', ...args);
    assert.equal(typeof JSON.parse(readFileSync('saved/output.json', 'utf8')), 'number');
  },

  async 'create-by-model'() {
    const inputs = newPrompt('[sandbox:delay=300s]');
    const made = await json('prediction', 'create', kPlainModel, `inputs=${inputs}`, '--no-wait');
    assert.deepEqual([made.status, made.model, made.input.inputs], ['starting', kPlainModel, inputs]);
  },

  async get() {
    const made = await json('prediction', 'create', kPlainModel, `inputs=${newPrompt()}`);
    assert.deepEqual((await json('prediction', 'show', made.id)).output, made.output);
  },

  async list() {
    const made = await json('prediction', 'create', kPlainModel, `inputs=${newPrompt()}`);
    assert.equal((await json('prediction', 'list')).results[0].id, made.id);
  },

  async 'stream-text'() {
    const pieces = JSON.parse(await run(['stream', kTextModel, `prompt=${newPrompt()}`, 'max_tokens=20', '--json']));
    assert.ok(pieces.length > 1 && pieces.join('').length > 10);
  },

  async 'models-list'() {
    assert.ok((await json('model', 'list')).results.length > 0);
  },

  async 'models-get'() {
    const model = await json('model', 'show', kImageModel);
    assert.equal(`${model.owner}/${model.name}`, kImageModel);
  },

  async 'models-own'() {
    const { username } = await json('account', 'current');
    const name = unique('own');
    const made = await json('model', 'create', `${username}/${name}`, '--private', '--hardware', await hardware());
    assert.deepEqual([made.owner, made.name, made.visibility], [username, name, 'private']);
  },

  async 'versions-get'() {
    const schema = await json('model', 'schema', `${kVersionedModel}:${kVersion}`);
    assert.ok(schema.components.schemas.Input.properties.prompt);
  },

  async hardware() {
    assert.ok((await json('hardware', 'list')).every((h) => h.sku && h.name));
  },

  async account() {
    await run(['auth', 'login', '--token-stdin'], { token: '', input: key });
    // From here on the key is read from the file.
    note('account current');
    assert.ok(JSON.parse(await run(['account', 'current', '--json'], { token: '' })).username);
  },

  async deployments() {
    const name = unique('listed');
    const made = await json('deployments', 'create', name, '--model', kImageModel, '--hardware', await hardware());
    const full = `${made.owner}/${name}`;
    assert.equal((await json('deployments', 'show', full)).current_release.model, kImageModel);
    assert.ok((await json('deployments', 'list')).results.some((d) => d.name === name));
    const updated = await json('deployments', 'update', full, '--max-instances', '2');
    assert.equal(updated.current_release.number, made.current_release.number + 1);
  },

  async trainings() {
    const { username } = await json('account', 'current');
    const name = unique('trained');
    await json('model', 'create', `${username}/${name}`, '--private', '--hardware', await hardware());
    writeFileSync('images.zip', Buffer.from('504b0506'.padEnd(44, '0'), 'hex'));
    const args = [kTrainer.join('/'), '--destination', `${username}/${name}`, 'input_images=@images.zip'];
    const out = await run(['training', 'create', ...args]);
    const { id } = JSON.parse(out.slice(out.indexOf('{')));
    await until('the end of the training', async () => (await json('training', 'show', id)).status === 'succeeded');
    assert.match(await run(['train', ...args]), /Training created/);
  },

  async 'file-input'() {
    const [url] = await json('run', kImageModel, `prompt=${newPrompt()}`, ...quick, '--json');
    writeFileSync('start.jpg', await download(url));
    const reference = `${kVersionedModel}:${kVersion}`;
    const next = await json('run', reference, `prompt=${newPrompt()}`, 'image=@start.jpg', ...quick, '--json');
    assertWholeJpeg(await download(next[0]));
    const { input } = (await json('prediction', 'list')).results[0];
    assert.ok(input.image.startsWith(`${origin}${mount}/files/`), input.image);
  },

  async 'error-401'() {
    await refused(['prediction', 'list'], 'You did not pass a valid authentication token', { token: 'wrong' });
  },

  async 'error-404'() {
    await refused(['prediction', 'show', '0'.repeat(26)], 'The requested resource could not be found.');
  },

  async 'error-422'() {
    await refused(['run', kTextModel, 'prompt=x', 'max_tokens=0'], 'Must be greater than or equal to 1');
  },
});
