// SPDX-License-Identifier: Apache-2.0
// Readers of a stream that stop taking it: what they cost, whom they hold back, and how they come back.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';

import { Api, kLlama, send } from './support/http.mjs';
import { parseEvents, readStream } from './support/sse.mjs';
import { startServer, until } from './support/server.mjs';

// More than the kernel takes for a connection whose other end does not read.
const kLarge = { 'hekto-sandbox': 'large=12MB; items=40' };
const kInput = { prompt: 'a very long story', max_tokens: 5 };

/** Asks for a stream over a connection of its own and then takes nothing: {socket, take()}. */
async function stall(url) {
  const { hostname, port, pathname } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAccept: text/event-stream\r\n\r\n`);
  socket.pause();
  const take = () =>
    new Promise((resolve) => {
      const pieces = [];
      socket.on('data', (piece) => pieces.push(piece));
      socket.on('close', () => resolve(Buffer.concat(pieces)));
      socket.resume();
    });
  return { socket, take };
}

/** The body of a chunked answer that may have been cut: {text, complete}. */
function dechunk(bytes) {
  let at = bytes.indexOf('\r\n\r\n') + 4;
  const pieces = [];
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    const size = end < 0 ? NaN : parseInt(bytes.toString('latin1', at, end), 16);
    if (size === 0) return { text: Buffer.concat(pieces).toString(), complete: true };
    if (Number.isNaN(size)) return { text: Buffer.concat(pieces).toString(), complete: false };
    pieces.push(bytes.subarray(end + 2, Math.min(end + 2 + size, bytes.length)));
    at = end + 2 + size + 2;
    if (at > bytes.length) return { text: Buffer.concat(pieces).toString(), complete: false };
  }
}

const metric = async (server, name) => {
  const { text } = await send(server.origin, '/metrics');
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)[1]);
};
const residentBytes = ({ pid }) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

test('a reader that takes nothing is cut off, and comes back for exactly the rest', async (t) => {
  const server = await startServer(t, { args: ['--sandbox-speed', '0', '--limits-write-timeout', '1s'] });
  const api = new Api(server);
  const created = await api.create(kLlama, kInput, kLarge);
  const reader = await stall(created.urls.stream);
  const done = await api.finished(created.id);
  assert.equal(done.status, 'succeeded');
  // The one that asks is open, too.
  await until('the reader to be cut off', async () => (await metric(server, 'hekto_http_connections')) === 1);

  const { text, complete } = dechunk(await reader.take());
  assert.equal(complete, false, 'a stream that was cut has no last chunk');
  const whole = parseEvents(text.slice(0, text.lastIndexOf('\n\n') + 2));
  assert.ok(whole.length > 0 && whole.length < done.output.length, `${whole.length} of ${done.output.length} events`);
  const headers = { 'last-event-id': whole.at(-1).id };
  const rest = parseEvents((await readStream(created.urls.stream, { headers })).text);
  assert.equal(rest.at(-1).event, 'done');
  const data = [...whole, ...rest.slice(0, -1)].map((event) => event.data);
  assert.equal(data.length, done.output.length);
  assert.ok(data.every((piece, i) => piece === done.output[i]));
});

test('readers that take nothing hold neither the prediction back nor its output in memory', async (t) => {
  const server = await startServer(t, { args: ['--sandbox-speed', '0', '--limits-write-timeout', '10m'] });
  const api = new Api(server);
  // The first run brings the server to the size that the work itself needs.
  const size = (await api.run(kLlama, { ...kInput, prompt: '[sandbox:large=12MB] [sandbox:items=40]' })).output.join(
    '',
  ).length;
  const before = residentBytes(server);
  const created = await api.create(kLlama, kInput, kLarge);
  const readers = [];
  t.after(() => readers.forEach(({ socket }) => socket.destroy()));
  for (let i = 0; i < 4; ++i) readers.push(await stall(created.urls.stream));
  const done = await api.finished(created.id);
  assert.equal(done.status, 'succeeded');
  assert.equal(done.output.join('').length, size);
  for (let i = 0; i < 36; ++i) readers.push(await stall(created.urls.stream));
  // One that reads is served meanwhile.
  const events = parseEvents((await readStream(created.urls.stream)).text);
  assert.equal(events.length, done.output.length + 1);
  assert.ok((await metric(server, 'hekto_http_connections')) > readers.length, 'all readers are still there');
  const grown = residentBytes(server) - before;
  // The work itself takes several times the output, in whichever arenas of malloc it falls: what matters is that the
  // readers do not each hold it.
  assert.ok(grown < (readers.length / 4) * size, `${readers.length} readers of ${size} bytes made the server grow by ${grown}`);
});
