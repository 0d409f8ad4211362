// SPDX-License-Identifier: Apache-2.0
// A webhook receiver on loopback. It remembers what came and answers as it is told.
import http from 'node:http';

import { until } from './server.mjs';

export class Receiver {
  /** What came, in order: {method, path, headers, body (text), prediction (parsed)}. */
  got = [];
  connections = 0;

  /** `answer(request, index)` gives a status, or {status, headers}, or null to leave the caller waiting. */
  static async start(t, answer = () => 200) {
    const receiver = new Receiver();
    receiver.answer = answer;
    receiver.server = http.createServer((request, response) => {
      const pieces = [];
      request.on('data', (piece) => pieces.push(piece));
      request.on('end', () => {
        const body = Buffer.concat(pieces).toString('utf8');
        const entry = { method: request.method, path: request.url, headers: request.headers, body };
        entry.prediction = JSON.parse(body);
        receiver.got.push(entry);
        const answered = receiver.answer(entry, receiver.got.length - 1);
        if (answered === null) return;
        const { status, headers = {} } = typeof answered === 'number' ? { status: answered } : answered;
        response.writeHead(status, headers).end('noted');
      });
    });
    receiver.server.on('connection', () => (receiver.connections += 1));
    await new Promise((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    receiver.origin = `http://127.0.0.1:${receiver.server.address().port}`;
    t.after(() => {
      receiver.server.closeAllConnections?.();
      receiver.server.close();
    });
    return receiver;
  }

  url(path = '/hook') {
    return this.origin + path;
  }

  /** Waits until `count` requests for `path` have come, and returns them. */
  async received(count, path = '/hook') {
    const matching = () => this.got.filter((entry) => entry.path === path);
    await until(`${count} requests for ${path}`, () => matching().length >= count);
    return matching();
  }
}
