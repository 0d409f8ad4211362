// SPDX-License-Identifier: Apache-2.0
// Sends an answer as it should be, or in one of the ways in which it should not.
import zlib from 'node:zlib';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** An answer as it is meant: {status, headers, body (Buffer)}. */
export function jsonAnswer(status, value, headers = {}) {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  return { status, headers: { 'content-type': type, ...headers }, body: Buffer.from(JSON.stringify(value) + '\n') };
}

/** Ends the connection with RST, or with FIN. */
export function breakOff(request, how) {
  if (how === 'reset') request.socket.resetAndDestroy();
  else request.socket.destroy();
}

function bomb() {
  // 64 MiB of zeros pack to 64 kB; more members make more of it.
  const member = zlib.gzipSync(Buffer.alloc(64 << 20));
  return Buffer.concat(Array.from({ length: 16 }, () => member));
}

async function trickle(response, body, pause, closed) {
  for (let at = 0; at < body.length && !closed(); at += 1) {
    response.write(body.subarray(at, at + 1));
    await sleep(pause);
  }
}

/**
 * Sends `answer` under `orders`, and returns a word for the log. Words: half (the declared length, half of the bytes,
 * FIN), cut=N (the same after N bytes), short=N (N bytes less than declared), more=N (N bytes more than declared, then
 * FIN), garbage, html, type=T, slow[=MS a byte], endless, bomb, wrong-length, close-after-response.
 */
export async function sendAnswer(request, response, answer, orders) {
  let { status, headers, body } = answer;
  headers = { ...headers };
  const closed = () => response.destroyed || request.socket.destroyed;
  if (closed()) return 'gone';
  if (orders.has('type')) headers['content-type'] = orders.get('type');
  if (orders.has('garbage')) body = Buffer.from('\u0000\u0001{"id": not what it should be');
  if (orders.has('html')) {
    body = Buffer.from('<!doctype html><title>502 Bad Gateway</title>');
    headers['content-type'] = 'text/html';
  }
  if (orders.has('close-after-response')) {
    response.once('finish', () => request.socket.destroySoon());
    response.shouldKeepAlive = true;
  }
  const cut = orders.has('half') ? Math.floor(body.length / 2) : orders.number('cut', -1);
  if (cut >= 0) {
    response.writeHead(status, { ...headers, 'content-length': body.length });
    response.write(body.subarray(0, cut), () => setTimeout(() => request.socket.destroy(), 20));
    return `cut at ${cut}`;
  }
  if (orders.has('bomb')) {
    response.writeHead(status, { ...headers, 'content-encoding': 'gzip' });
    response.end(bomb());
    return 'bomb';
  }
  if (orders.has('endless')) {
    response.writeHead(status, headers);
    response.write(body.subarray(0, -2));
    const filler = Buffer.alloc(64 << 10, 0x20);
    while (!closed()) {
      if (!response.write(filler)) {
        await Promise.race([new Promise((resolve) => response.once('drain', resolve)), sleep(50)]);
      }
    }
    return 'endless';
  }
  if (orders.has('slow')) {
    response.writeHead(status, { ...headers, 'content-length': body.length });
    await trickle(response, body, orders.number('slow', 1000), closed);
    response.end();
    return 'slow';
  }
  if (request.method === 'HEAD' || status === 204 || status === 304) body = Buffer.alloc(0);
  response.writeHead(status, { ...headers, 'content-length': body.length });
  response.end(body);
  return 'whole';
}
