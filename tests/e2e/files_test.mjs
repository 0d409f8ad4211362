// SPDX-License-Identifier: Apache-2.0
// Uploads: every shape of form that clients send, the files' life, and files as inputs.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import Replicate from 'replicate';

import { Api, kFlux, send, smallImage } from './support/http.mjs';
import { startServer, until } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--sandbox-speed', '0'] });
const api = new Api(server);
const kSdxl = 'stability-ai/sdxl';
const kSdxlVersion = '39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b';
const kFileNotFound = '{"detail":"File not found","status":404}';
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const kPng = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(1000)]);

/** A form as it goes over the wire: each part is [headers, body]. */
function form(...parts) {
  const pieces = parts.flatMap(([headers, body]) => [`--b0\r\n${headers}\r\n\r\n`, body, '\r\n']);
  return Buffer.concat([...pieces, '--b0--\r\n'].map((piece) => Buffer.from(piece)));
}
const field = (disposition, body, type) => [
  `Content-Disposition: form-data; ${disposition}${type ? `\r\nContent-Type: ${type}` : ''}`,
  body,
];
const content = field('name="content"; filename="fox.png"', kPng, 'image/png');

const upload = (body, { to = api, type = 'multipart/form-data; boundary=b0', ...headers } = {}) =>
  send(to.origin, `${to.mount}/files`, { method: 'POST', headers: { ...to.headers, 'content-type': type, ...headers }, body });

const remove = (to, id) =>
  send(to.origin, `${to.mount}/files/${id}`, {
    method: 'DELETE',
    headers: { ...to.headers, 'content-type': 'application/json' },
  });

for (const mount of ['/v1', '/replicate/v1']) {
  const client = () => new Replicate({ auth: server.key, baseUrl: server.origin + mount });

  test(`${mount}: the official client uploads, reads, lists and deletes a file`, async () => {
    const replicate = client();
    const blob = new File([kPng], 'fox.png', { type: 'image/png' });
    const created = await replicate.files.create(blob, { customer: 7, tags: ['a'] });
    assert.equal(created.name, 'fox.png');
    assert.equal(created.content_type, 'image/png');
    assert.equal(created.size, kPng.length);
    assert.deepEqual(created.metadata, { customer: 7, tags: ['a'] });
    assert.equal(created.checksums.sha256, sha256(kPng));
    assert.ok(created.etag);
    assert.equal(Date.parse(created.expires_at) - Date.parse(created.created_at), 24 * 3600 * 1000);
    assert.equal(created.urls.get, `${server.origin}${mount}/files/${created.id}`);
    assert.deepEqual(await replicate.files.get(created.id), created);
    assert.deepEqual((await replicate.files.list()).results[0], created);
    assert.equal(await replicate.files.delete(created.id), true);
    await assert.rejects(replicate.files.get(created.id), (error) => error.response.status === 404);
  });

  test(`${mount}: the official client's file inputs reach the model, uploaded or inline`, async () => {
    for (const bytes of [kPng, new Blob([kPng])]) {
      const replicate = client();
      let last;
      const output = await replicate.run(
        `${kSdxl}:${kSdxlVersion}`,
        { input: { prompt: 'like this', image: bytes, width: 64, height: 64 }, wait: { mode: 'poll', interval: 50 } },
        (prediction) => (last = prediction),
      );
      assert.equal(output.length, 1);
      assert.match(last.input.image, new RegExp(`^${server.origin}${mount}/files/[0-9a-z]{26}$`));
      assert.match(last.logs, new RegExp(`sandbox: input/image is \\S+ \\(image/png, ${kPng.length} bytes, sha256 ${sha256(kPng)}\\)`));
    }
  });
}

test('every shape of form is understood', async () => {
  const shapes = {
    'metadata as a part with a file name': [content, field('name="metadata"; filename="blob"', '{"a":1}', 'application/json')],
    'metadata as text, in front': [field('name="metadata"', '{"a":1}'), content],
    'bracketed metadata, everything by fields': [
      field('name="content"; filename="upload"', kPng, 'application/octet-stream'),
      field('name="filename"', 'fox.png'),
      field('name="metadata[a]"', '1'),
    ],
  };
  for (const [name, parts] of Object.entries(shapes)) {
    const answer = await upload(form(...parts));
    assert.equal(answer.status, 201, `${name}: ${answer.text}`);
    const file = answer.json();
    assert.deepEqual([file.name, file.content_type, file.size], ['fox.png', 'image/png', kPng.length], name);
    assert.equal(String(file.metadata.a), '1', name);
    assert.equal(file.checksums.sha256, sha256(kPng), name);
  }
  const plain = (await upload(form(field('name=content', 'some text')))).json();
  assert.deepEqual([plain.name, plain.content_type, plain.metadata], ['file', 'text/plain', {}]);
  const chunked = await fetch(`${server.origin}/v1/files`, {
    method: 'POST',
    headers: { ...api.headers, 'content-type': 'multipart/form-data; boundary=b0' },
    body: new Blob([form(content)]).stream(),
    duplex: 'half',
  });
  assert.equal(chunked.status, 201);
});

test('bodies that are no upload are refused', async () => {
  assert.equal((await upload('{}', { type: 'application/json' })).status, 415);
  assert.equal((await upload('no form')).status, 400);
  const missing = await upload(form(field('name=metadata', '{}')));
  assert.equal(missing.status, 422);
  assert.deepEqual(missing.json().invalid_fields, [{ type: 'required', field: '', description: 'content is required' }]);
  assert.equal((await upload(form(content), { authorization: 'Bearer wrong' })).status, 401);
});

test('413 in the official words, from the head alone and while the body comes', async (t) => {
  const small = await startServer(t, { args: ['--files-max-size', '2MiB'] });
  const to = new Api(small);
  const words = '{"detail":"Files must be less than 2MB in size"}';
  const fits = await upload(form(field('name=content', Buffer.alloc(2 << 20))), { to });
  assert.equal(fits.status, 201);
  for (const size of [(2 << 20) + 1, 4 << 20]) {
    const answer = await upload(form(field('name=content', Buffer.alloc(size))), { to });
    assert.equal(answer.status, 413);
    assert.equal(answer.text, words);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  }
  const chunked = await upload(form(field('name=content', Buffer.alloc(3.5 * (1 << 20)))), { to, 'transfer-encoding': 'chunked' });
  assert.deepEqual([chunked.status, chunked.text], [413, words]);
  const usual = await send(small.origin, '/v1/files', {
    method: 'POST',
    headers: { ...to.headers, 'content-type': 'multipart/form-data; boundary=b0', 'content-length': '0' },
  });
  assert.equal(usual.status, 400);
});

test('the usual limit is 100 MB', async () => {
  const replicate = new Replicate({ auth: server.key, baseUrl: `${server.origin}/v1` });
  await assert.rejects(replicate.files.create(new Blob([Buffer.alloc(102 << 20)])), (error) => {
    assert.equal(error.response?.status, 413, String(error));
    assert.match(error.message, /Files must be less than 100MB in size/);
    return true;
  });
  const largest = await replicate.files.create(new Blob([Buffer.alloc(100 << 20)]));
  assert.equal(largest.size, 100 << 20);
  assert.equal(await replicate.files.delete(largest.id), true);
});

test('a download link opens its file without a key, and only as it was signed', async () => {
  const file = (await upload(form(field('name=content; filename="c%22\u00e1o.txt"', 'xin ch\u00e0o', 'text/plain')))).json();
  const link = file.urls.download;
  assert.match(link, /\/v1\/files\/[0-9a-z]{26}\/download\?owner=default&expiry=\d+&signature=/);
  const answer = await send(server.origin, link);
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'xin ch\u00e0o');
  assert.equal(answer.headers['content-type'], 'text/plain');
  assert.equal(answer.headers['content-disposition'], 'inline; filename="c___o.txt"; filename*=UTF-8\'\'c%22%C3%A1o.txt');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  const part = await send(server.origin, link, { headers: { range: 'bytes=0-2' } });
  assert.deepEqual([part.status, part.text], [206, 'xin']);
  assert.equal((await send(server.origin, link, { method: 'HEAD' })).status, 200);
  assert.equal((await send(server.origin, link.replace('/v1/', '/replicate/v1/'))).status, 200);

  const url = new URL(link);
  const changed = (name, value) => {
    const other = new URL(link);
    if (value === null) other.searchParams.delete(name);
    else other.searchParams.set(name, value);
    return String(other);
  };
  const expiry = Number(url.searchParams.get('expiry'));
  const signature = url.searchParams.get('signature');
  const another = (await upload(form(content))).json();
  for (const bad of [
    changed('owner', 'strangers'),
    changed('owner', null),
    changed('expiry', String(expiry + 1)),
    changed('expiry', '1'),
    changed('expiry', `${expiry}x`),
    changed('signature', signature.slice(1)),
    changed('signature', null),
    link.replace(file.id, another.id),
    `${server.origin}/v1/files/${file.id}/download`,
    `${server.origin}/v1/files/x/download${url.search}`,
  ]) {
    const refused = await send(server.origin, bad, { headers: api.headers });
    assert.deepEqual([refused.status, refused.text], [404, kFileNotFound], bad);
  }
  assert.equal((await remove(api, file.id)).status, 204);
  assert.equal((await send(server.origin, link)).status, 404);
});

test('a deleted file is gone, and deleting it answers like an unknown one', async () => {
  const { id } = (await upload(form(content))).json();
  const gone = await remove(api, id);
  assert.deepEqual([gone.status, gone.text], [204, '']);
  for (const answer of [await remove(api, id), await api.get(`/files/${id}`), await api.get('/files/nothing')]) {
    assert.deepEqual([answer.status, answer.text], [404, kFileNotFound]);
  }
});

test("another account's file looks like one that does not exist", async () => {
  const file = (await upload(form(content))).json();
  await server.makeAccount('file-strangers');
  const other = new Api(server, { key: await server.makeKey('stranger', '--account', 'file-strangers') });
  for (const answer of [await other.get(`/files/${file.id}`), await remove(other, file.id)]) {
    assert.deepEqual([answer.status, answer.text], [404, kFileNotFound]);
  }
  assert.deepEqual((await other.get('/files')).json(), { next: null, previous: null, results: [] });
  const stolen = await other.run(kSdxl, { prompt: 'x', image: file.urls.get, width: 64, height: 64 });
  const unknown = await other.run(kSdxl, { prompt: 'x', image: file.urls.get.replace(file.id, '0'.repeat(26)), width: 64, height: 64 });
  assert.equal(stolen.status, 'failed');
  assert.equal(stolen.error, unknown.error);
  assert.equal(stolen.error, 'Input file input.image cannot be used: the file does not exist or has expired');
  for (const path of ['/files', `/files/${file.id}`]) {
    assert.equal((await send(server.origin, `/v1${path}`)).status, 401, path);
  }
});

test('files are listed newest first, a hundred a page, in both directions', async () => {
  await server.makeAccount('hoarders');
  const to = new Api(server, { key: await server.makeKey('hoarder', '--account', 'hoarders') });
  const ids = [];
  for (let i = 0; i < 205; ++i) ids.unshift((await upload(form(field('name=content', `${i}`)), { to })).json().id);
  const replicate = new Replicate({ auth: to.headers.authorization.slice(7), baseUrl: `${server.origin}/v1` });
  const listed = [];
  for await (const results of replicate.paginate(replicate.files.list)) listed.push(results.map((file) => file.id));
  assert.deepEqual(listed.map((page) => page.length), [100, 100, 5]);
  assert.deepEqual(listed.flat(), ids);

  const first = (await to.get('/files')).json();
  const second = (await send(server.origin, first.next, { headers: to.headers })).json();
  const back = (await send(server.origin, second.previous, { headers: to.headers })).json();
  assert.deepEqual(back.results, first.results);
  assert.equal(back.previous, null);
  const glued = (await to.get(`/${first.next}`)).json();
  assert.deepEqual(glued.results, second.results);
  // A page goes on where it was, though what its cursor named is gone.
  assert.equal((await remove(to, first.results.at(-1).id)).status, 204);
  assert.deepEqual((await send(server.origin, first.next, { headers: to.headers })).json().results, second.results);
  assert.equal((await to.get('/files?cursor=nonsense')).status, 400);
});

test('inputs given as data URLs and as files of ours reach the model under every mount and name of the server', async () => {
  const file = (await upload(form(content))).json();
  const data = `data:image/png;base64,${kPng.toString('base64')}`;
  const ours = ['/v1', '/replicate/v1', '/v1/v1', '/replicate'].map((mount) => `https://other.example${mount}/files/${file.id}`);
  for (const image of [data, ...ours]) {
    const p = await api.run(kSdxl, { prompt: 'x', image, width: 64, height: 64 });
    assert.equal(p.status, 'succeeded', `${image.slice(0, 60)}: ${p.error}`);
    assert.ok(p.logs.includes(`(image/png, ${kPng.length} bytes, sha256 ${sha256(kPng)})`), image.slice(0, 60));
    assert.equal(p.input.image, image);
  }
  const foreign = await api.run(kSdxl, { prompt: 'x', image: 'https://other.example/fox.png', width: 64, height: 64 });
  assert.equal(foreign.status, 'failed', 'the same name without the form of our files is a file of somebody else');
  assert.match(foreign.error, /^Input file input\.image cannot be used: it could not be fetched: /);
  const broken = await api.run(kSdxl, { prompt: 'x', image: 'data:image/png;base64,?', width: 64, height: 64 });
  assert.equal(broken.status, 'failed');
  assert.match(broken.error, /^Input file input\.image cannot be used: .*base64/);
});

test('types and sizes of input files can be limited', async (t) => {
  const strict = new Api(await startServer(t, { args: ['--sandbox-speed', '0', '--inputs-types', 'image/*', '--inputs-max-size', '1KiB'] }));
  const run = (image) => strict.run(kSdxl, { prompt: 'x', image, width: 64, height: 64 });
  assert.match((await run('data:text/plain,x')).error, /takes no files of type text\/plain/);
  assert.match((await run(`data:image/png,${'x'.repeat(1025)}`)).error, /may have 1024 bytes together/);
  assert.equal((await run('data:image/png,x')).status, 'succeeded');
});

test('files last over a restart, end with their lifetime, and leave nothing behind', async (t) => {
  const args = ['--sandbox-speed', '0', '--files-lifetime', '6s'];
  const first = await startServer(t, { args });
  const file = (await upload(form(content), { to: new Api(first) })).json();
  assert.equal(Date.parse(file.expires_at) - Date.parse(file.created_at), 6000);
  await first.stop();
  const second = await startServer(t, { folder: first.folder, key: false, args });
  const to = new Api(second, { key: first.key });
  const kept = await to.get(`/files/${file.id}`);
  if (kept.status === 200) {
    assert.deepEqual({ ...kept.json(), urls: null }, { ...file, urls: null });
  } else {
    assert.ok(Date.now() >= Date.parse(file.expires_at), 'the file was lost by the restart');
  }
  await until('the file to expire', async () => (await to.get(`/files/${file.id}`)).status === 404);
  assert.ok(Date.now() >= Date.parse(file.expires_at), 'the file went too early');
  assert.deepEqual((await to.get('/files')).json().results, []);
  const stored = () => readdirSync(join(second.data, 'files'), { recursive: true }).filter((name) => String(name).includes(file.checksums.sha256));
  await until('the bytes to go', () => stored().length === 0);
  assert.equal((await to.run(kFlux, smallImage('still here'))).status, 'succeeded');
});

test('a stream of files and a file share a path without a mix-up', async () => {
  const p = await api.run(kFlux, smallImage('a streamed fox'));
  assert.match(p.urls.stream, /\/v1\/files\/[0-9a-z]{56}$/);
  const stream = await send(server.origin, p.urls.stream);
  assert.equal(stream.headers['content-type'], 'text/event-stream');
  const wrong = p.urls.stream.slice(0, -1) + (p.urls.stream.endsWith('0') ? '1' : '0');
  assert.equal((await send(server.origin, wrong)).status, 404);
});
