// SPDX-License-Identifier: Apache-2.0
// Output links: open to whoever holds them, closed to whoever changes them, and gone when their time is over.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Api, kFlux, send, smallImage } from './support/http.mjs';
import { readImage } from './support/images.mjs';
import { readStream } from './support/sse.mjs';
import { startServer, until } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0'] });
const api = new Api(server);
const prediction = await api.run(kFlux, smallImage('a linked fox'));
const link = prediction.output[0];
const get = (url, headers = {}, method = 'GET') => send(server.origin, url, { headers, method });
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Paths of all files under `folder` whose content has the hash `wanted`. */
function filesWithHash(folder, wanted) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesWithHash(path, wanted);
    if (!entry.isFile()) return [];
    try {
      return sha256(readFileSync(path)) === wanted ? [path] : [];
    } catch (error) {
      if (error.code === 'ENOENT') return []; // removed while this walks
      throw error;
    }
  });
}

test('a link answers at once, without a key, with the whole file and what is known about it', async () => {
  const answer = await get(link);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'image/jpeg');
  assert.equal(Number(answer.headers['content-length']), answer.body.length);
  assert.ok(readImage(answer.body).whole);
  assert.equal(answer.headers.etag, `"${sha256(answer.body)}"`);
  assert.equal(answer.headers['accept-ranges'], 'bytes');
  assert.match(answer.headers['cache-control'], /^private, max-age=\d+$/);
  assert.ok(Number(answer.headers['cache-control'].split('=')[1]) <= 3600);
});

test('a link is served so that nothing in it can act as a page of this server', async () => {
  const { headers } = await get(link);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(headers['content-security-policy'], /default-src 'none'/);
  assert.match(headers['content-security-policy'], /sandbox/);
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(headers['cross-origin-resource-policy'], 'cross-origin');
});

test('a key that comes along is not looked at, be it right or wrong', async () => {
  for (const authorization of [`Bearer ${server.key}`, 'Bearer wrong', 'Token', 'x']) {
    assert.equal((await get(link, { authorization })).status, 200, authorization);
  }
});

test('HEAD says what GET would', async () => {
  const whole = await get(link);
  const head = await get(link, {}, 'HEAD');
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
  for (const name of ['content-length', 'content-type', 'etag', 'accept-ranges']) {
    assert.equal(head.headers[name], whole.headers[name], name);
  }
});

test('parts of a file are served as asked', async () => {
  const whole = (await get(link)).body;
  const size = whole.length;
  for (const [range, from, to] of [
    ['bytes=0-9', 0, 9],
    ['bytes=100-199', 100, 199],
    [`bytes=${size - 5}-`, size - 5, size - 1],
    ['bytes=-7', size - 7, size - 1],
    [`bytes=10-${size + 100}`, 10, size - 1],
  ]) {
    const part = await get(link, { range });
    assert.equal(part.status, 206, range);
    assert.equal(part.headers['content-range'], `bytes ${from}-${to}/${size}`);
    assert.ok(part.body.equals(whole.subarray(from, to + 1)), range);
  }
  const beyond = await get(link, { range: `bytes=${size}-` });
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers['content-range'], `bytes */${size}`);
});

test('a part is only sent of the file that the client already has', async () => {
  const { headers, body } = await get(link);
  assert.equal((await get(link, { range: 'bytes=0-9', 'if-range': headers.etag })).status, 206);
  const other = await get(link, { range: 'bytes=0-9', 'if-range': '"other"' });
  assert.equal(other.status, 200);
  assert.ok(other.body.equals(body));
});

test('what the client has already is not sent again', async () => {
  const { headers } = await get(link);
  for (const value of [headers.etag, `"x", ${headers.etag}`, '*']) {
    const answer = await get(link, { 'if-none-match': value });
    assert.equal(answer.status, 304, value);
    assert.equal(answer.body.length, 0);
    assert.equal(answer.headers.etag, headers.etag);
  }
  assert.equal((await get(link, { 'if-none-match': '"other"' })).status, 200);
});

test('pages of any origin may read a link', async () => {
  const answer = await get(link, { origin: 'https://page.example' });
  assert.equal(answer.headers['access-control-allow-origin'], '*');
  const preflight = await get(
    link,
    { origin: 'https://page.example', 'access-control-request-method': 'GET' },
    'OPTIONS',
  );
  assert.ok([200, 204].includes(preflight.status));
  assert.equal(preflight.headers['access-control-allow-origin'], '*');
  assert.match(preflight.headers['access-control-allow-methods'], /GET/);
});

test('a token with any one character changed opens nothing', async () => {
  const [, start, token, name] = /^(.*\/delivery\/)([^/]+)\/(.+)$/.exec(link);
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  for (let i = 0; i < token.length; ++i) {
    // Every value of the last characters, where an encoding could have spare bits; a few of the others.
    const others = [...alphabet].filter((c) => c !== token[i]);
    const tried = i >= token.length - 2 ? others : [others[i % 31], others[(i * 7 + 3) % 31]];
    for (const c of tried) {
      const answer = await get(`${start}${token.slice(0, i)}${c}${token.slice(i + 1)}/${name}`);
      assert.ok([403, 404].includes(answer.status), `character ${i} as ${c}: ${answer.status}`);
    }
  }
  for (const path of [
    `${token.slice(0, -1)}/${name}`,
    `${token}0/${name}`,
    `${token.toUpperCase()}/${name}`,
    `${token}/other.jpg`,
    `${token}/${name}x`,
    `${token}/..%2f${name}`,
  ]) {
    assert.ok([403, 404].includes((await get(start + path)).status), path);
  }
});

test('a link of one prediction does not open a file of another', async () => {
  const other = await api.run(kFlux, { ...smallImage('another fox'), num_outputs: 2 });
  const tokens = [link, ...other.output].map((url) => url.split('/').at(-2));
  assert.equal(new Set(tokens).size, 3);
  const crossed = `${server.origin}/delivery/${tokens[1]}/${other.output[1].split('/').at(-1)}`;
  assert.ok([403, 404].includes((await get(crossed)).status));
});

test('links keep working across a restart', async (t) => {
  const first = await startServer(t, { args: ['--sandbox-speed', '0'] });
  const p = await new Api(first).run(kFlux, smallImage('a lasting fox'));
  const before = await send(first.origin, p.output[0]);
  await first.stop();
  const second = await startServer(t, { folder: first.folder, key: false });
  const again = await send(second.origin, p.output[0]);
  assert.equal(again.status, 200);
  assert.ok(again.body.equals(before.body));
  const kept = await new Api(second, { key: first.key }).prediction(p.id);
  assert.equal(kept.output[0], p.output[0].replace(first.origin, second.origin));
});

test('a link ends with its lifetime, and the data with the retention', async (t) => {
  const short = await startServer(t, {
    args: ['--sandbox-speed', '0', '--links-lifetime', '4s', '--retention-after', '6s'],
  });
  const shortApi = new Api(short);
  const p = await shortApi.run(kFlux, smallImage('a passing fox'));
  const completed = Date.parse(p.completed_at);
  const url = p.output[0];

  let hash = null;
  const refused = await until('the link to end', async () => {
    const answer = await send(short.origin, url);
    if (answer.status === 200) hash = sha256(answer.body);
    return answer.status === 200 ? null : answer;
  });
  assert.ok(Date.now() >= completed + 4000, 'the link ended too early');
  assert.equal(refused.status, 403);
  assert.match(refused.json().detail, /expired/);
  assert.ok(hash, 'the link never answered');

  const purged = await shortApi.finished(p.id, (now) => now.data_removed);
  assert.ok(Date.now() >= completed + 6000, 'the data went too early');
  assert.deepEqual(
    [purged.status, purged.input, purged.output, purged.logs, purged.data_removed],
    ['succeeded', {}, null, '', true],
  );
  assert.equal(purged.completed_at, p.completed_at);
  assert.deepEqual((await shortApi.get('/predictions')).json().results, [purged]);
  await until('the file to be gone', () => filesWithHash(short.data, hash).length === 0);
  assert.equal((await send(short.origin, url)).status, 403);
  assert.equal((await readStream(p.urls.stream)).status, 404);
});

test('before that, the file is where the hash says', async () => {
  const { body } = await get(link);
  assert.ok(filesWithHash(server.data, sha256(body)).length >= 1);
});
