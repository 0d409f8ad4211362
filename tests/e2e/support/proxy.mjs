// SPDX-License-Identifier: Apache-2.0
// A proxy on loopback that passes requests on as they are, remembers them, and meddles as it is told.
import http from 'node:http';

export class Proxy {
  /** What came, in order: {method, path, headers, body (text), status, answer (text)}; the last two once answered. */
  requests = [];
  /**
   * Asked before a request is passed on; a status answers in its place, 'lose' passes it on and breaks the connection
   * instead of answering, 'silence' passes it on and never answers.
   */
  meddle = () => null;

  static async start(t, target) {
    const proxy = new Proxy();
    proxy.target = target;
    proxy.server = http.createServer((request, response) => {
      const pieces = [];
      request.on('data', (piece) => pieces.push(piece));
      request.on('end', () => proxy.#pass(request, response, Buffer.concat(pieces)));
    });
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    proxy.origin = `http://127.0.0.1:${proxy.server.address().port}`;
    t.after(() => {
      proxy.server.closeAllConnections();
      proxy.server.close();
    });
    return proxy;
  }

  #pass(request, response, body) {
    const entry = {
      method: request.method,
      path: request.url,
      headers: request.headers,
      body: body.toString('utf8'),
    };
    this.requests.push(entry);
    const verdict = this.meddle(entry);
    if (typeof verdict === 'number') {
      entry.status = verdict;
      response.writeHead(verdict, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    const onward = http.request(
      this.target + request.url,
      { method: request.method, headers: request.headers, agent: false },
      (answer) => {
        const pieces = [];
        answer.on('data', (piece) => pieces.push(piece));
        answer.on('end', () => {
          const bytes = Buffer.concat(pieces);
          entry.status = answer.statusCode;
          entry.answer = bytes.toString('utf8');
          if (verdict === 'lose') return response.destroy();
          if (verdict === 'silence') return undefined;
          response.writeHead(answer.statusCode, answer.rawHeaders);
          return response.end(bytes);
        });
        answer.on('error', () => response.destroy());
      },
    );
    onward.on('error', () => response.destroy());
    onward.end(body);
  }

  /** The requests with this method whose path fits. */
  sent(method, pattern) {
    return this.requests.filter((entry) => entry.method === method && pattern.test(entry.path));
  }
}
