// SPDX-License-Identifier: Apache-2.0
// What an operator relies on: stopping, starting, refusing to start, logs that are whole and keep secrets.
import assert from 'node:assert/strict';
import net from 'node:net';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Api, kFlux, kLlama, send, sendRaw, smallImage } from './support/http.mjs';
import { readStream } from './support/sse.mjs';
import { hekto, startServer, tempFolder, until } from './support/server.mjs';

test('SIGTERM lets a waiting create have its answer, and the server exits with 0', async (t) => {
  const server = await startServer(t, { args: ['--sandbox-speed', '0', '--drain-grace', '60s'] });
  const api = new Api(server);
  const body = { input: smallImage('[sandbox:delay=500ms] a patient fox') };
  const answer = api.post(`/models/${kFlux}/predictions`, body, { prefer: 'wait=30' });
  await until('the create to be under way', async () => (await api.get('/predictions')).json().results.length === 1);
  const end = server.stop('SIGTERM');
  const { status, headers, json } = await answer;
  assert.ok([201, 202].includes(status), String(status));
  assert.equal(headers.connection, 'close');
  assert.deepEqual(await end, { code: 0, signal: null });

  // Whatever the answer said, the work is not lost.
  const next = await startServer(t, { folder: server.folder, key: false, args: ['--sandbox-speed', '0'] });
  const kept = await new Api(next, { key: server.key }).finished(json().id);
  assert.equal(kept.status, 'succeeded');
});

test('SIGINT ends an idle server with 0 as well', async (t) => {
  const server = await startServer(t, { key: false });
  assert.deepEqual(await server.stop('SIGINT'), { code: 0, signal: null });
});

test('open streams and idle connections do not hold a stopping server up beyond its grace', async (t) => {
  const server = await startServer(t, { args: ['--sandbox-speed', '0', '--drain-grace', '1s'] });
  const api = new Api(server);
  const created = await api.create(kLlama, { prompt: '[sandbox:pause=300s]', max_tokens: 30 });
  let started;
  const streaming = new Promise((resolve) => (started = resolve));
  const stream = readStream(created.urls.stream, { onText: started }).catch(() => null);
  const idle = net.connect(server.port, '127.0.0.1').on('error', () => {});
  await streaming;
  assert.deepEqual(await server.stop('SIGTERM'), { code: 0, signal: null });
  await stream;
  idle.destroy();
});

test('what was running when the server stopped goes on when it starts again', async (t) => {
  const first = await startServer(t, { args: ['--sandbox-speed', '0', '--drain-grace', '0s'] });
  const api = new Api(first);
  const running = await api.create(kFlux, smallImage('[sandbox:delay=3s] fox'));
  await api.finished(running.id, (p) => p.status === 'processing');
  await first.stop('SIGTERM');
  const second = await startServer(t, { folder: first.folder, key: false, args: ['--sandbox-speed', '0'] });
  const again = new Api(second, { key: first.key });
  const done = await again.finished(running.id);
  assert.equal(done.status, 'succeeded');
  assert.equal(done.created_at, running.created_at);
});

test('a second server on the same data folder refuses to start and says why', async (t) => {
  const first = await startServer(t);
  const args = ['serve', '--data', first.data, '--listen', '127.0.0.1:0'];
  const second = await hekto(args, { cwd: first.folder });
  assert.equal(second.code, 1);
  assert.match(second.stderr, /in use|another|already/i);
  assert.equal((await new Api(first).get('/account')).status, 200);
});

test('an address that is taken is named', async (t) => {
  const first = await startServer(t, { key: false });
  const listen = `127.0.0.1:${first.port}`;
  const args = ['serve', '--data', join(first.folder, 'other'), '--listen', listen];
  const second = await hekto(args, { cwd: first.folder });
  assert.equal(second.code, 1);
  assert.ok(second.stderr.includes(listen), second.stderr);
});

test('a mistake in hekto.yaml is named with its line, and nothing starts', async (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'hekto.yaml'), 'data: ./data\nlisen: 127.0.0.1:0\n');
  const tried = await hekto(['serve'], { cwd: folder });
  assert.notEqual(tried.code, 0);
  assert.match(tried.stderr, /hekto\.yaml:2: .*lisen/);
});

test('flag, environment and file give way to each other in this order', async (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'hekto.yaml'), 'public_url: https://file.example\nsandbox:\n  speed: 0\n');
  const urlOf = async (options) => {
    const server = await startServer(t, { folder, ...options });
    const created = await new Api(server).create(kFlux, smallImage('fox'));
    await server.stop();
    return new URL(created.urls.get).origin;
  };
  assert.equal(await urlOf({}), 'https://file.example');
  const env = { HEKTO_PUBLIC_URL: 'https://environment.example' };
  assert.equal(await urlOf({ env }), 'https://environment.example');
  assert.equal(await urlOf({ env, args: ['--public-url', 'https://flag.example'] }), 'https://flag.example');
});

test('no request can forge a log line, and every line is JSON with time, level and event', async (t) => {
  const server = await startServer(t, {
    args: ['--sandbox-speed', '0', '--log-access', 'all', '--log-level', 'debug'],
  });
  const api = new Api(server);
  const hostile = [
    '%0d%0a{"event":"forged"}',
    '%1b[31m',
    '%00',
    '"quoted"',
    '\\u0000',
    '%ff%fe',
    'a'.repeat(3000),
    '../../etc/passwd',
  ];
  for (const text of hostile) await send(server.origin, `/v1/${text.replaceAll('"', '%22').replaceAll('\\', '%5c')}`);
  for (const head of [
    'GET / HTTP/1.1\r\nHost: x\r\nX-Evil: \x1b[2J"\\\x7f\xff\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: "}\x01{\r\n\r\n',
    'GET /\x80\xff HTTP/1.1\r\nHost: x\r\n\r\n',
    'B"AD\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: {"event":"forged"}\r\nX-Request-Id: "},{"\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
  ]) {
    await sendRaw(server, head);
  }
  await api.run(kFlux, smallImage('[sandbox:fail={"event":"forged"}] \n{"event":"forged"}\n'));
  const marked = await api.get('/account', { 'x-request-id': 'marked-request' });
  assert.equal(marked.headers['x-request-id'], 'marked-request');
  await server.stop();

  assert.ok(server.log.length > 0);
  for (const line of server.log) {
    const entry = JSON.parse(line);
    assert.ok(entry.time && entry.level && entry.event, line);
    assert.notEqual(entry.event, 'forged');
    assert.ok(![...line].some((c) => c < ' ' || c === '\x7f'), JSON.stringify(line));
  }
  const lines = server.log.map((line) => JSON.parse(line));
  assert.ok(
    lines.some((entry) => Object.values(entry).includes('marked-request')),
    'no line carries the request id',
  );
});

test('no key and no link secret reaches a log, an answer or a file', async (t) => {
  const server = await startServer(t, {
    args: ['--sandbox-speed', '0', '--log-access', 'all', '--log-level', 'debug'],
  });
  const api = new Api(server);
  const p = await api.run(kFlux, smallImage('a discreet fox'));
  const token = p.output[0].split('/').at(-2);
  await send(server.origin, p.output[0]);
  await readStream(p.urls.stream);
  await api.get(`/predictions/${'0'.repeat(26)}`);
  const answers = [];
  for (const path of ['/metrics', '/healthz', '/readyz']) answers.push((await send(server.origin, path)).text);
  await hekto(['keys', 'list', '--data', server.data], { cwd: server.folder }).then(({ stdout }) =>
    answers.push(stdout),
  );
  const commandLine = readFileSync(`/proc/${server.pid}/cmdline`, 'latin1');
  await server.stop();

  // The part of a key behind its public id is the secret.
  const secret = server.key.slice(-38);
  const stored = readdirSync(server.data, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(server.data, entry.name), 'latin1'));
  assert.ok(stored.length > 0);
  for (const text of [...server.log, ...server.output, ...answers, commandLine, ...stored]) {
    assert.ok(!text.includes(secret), 'a key got out');
  }
  for (const text of [...server.log, ...answers]) assert.ok(!text.includes(token), 'a link token got out');
});

test('while nothing else is configured, the server says that the sandbox answers', async (t) => {
  const server = await startServer(t, { key: false });
  assert.match([...server.output, ...server.log].join('\n'), /sandbox/i);
});
