// SPDX-License-Identifier: Apache-2.0
// A proxy between a server and its upstream that keeps a list of what passes, and meddles as a test says.
import http from 'node:http';

/**
 * Starts a proxy to `target` that goes when `t` has ended: {origin, requests, meddle}. `requests` holds {method, url,
 * headers} of all that came. What `meddle` may hold, to be changed at any time:
 *   refuse(request) -> status      answered instead of the upstream
 *   change(request, object)        gets each JSON object on its way back, and may change it
 *   cut(request, before, piece) -> number   sees each event stream as it grows; breaks the connection behind so many
 *                                  bytes of the piece
 */
export async function startMeddler(t, target) {
  const meddler = { requests: [], meddle: {} };
  const { hostname, port } = new URL(target);
  const server = http.createServer((request, response) => {
    meddler.requests.push({ method: request.method, url: request.url, headers: request.headers });
    const status = meddler.meddle.refuse?.(request);
    if (status) {
      request.resume();
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"detail":"meddled"}');
      return;
    }
    const { method, headers } = request;
    const onward = http.request({ hostname, port, path: request.url, method, headers, agent: false });
    request.pipe(onward);
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.on('response', (answer) => pass(meddler, request, answer, response));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  meddler.origin = `http://127.0.0.1:${server.address().port}`;
  return meddler;
}

function pass(meddler, request, answer, response) {
  const type = answer.headers['content-type'] ?? '';
  answer.on('error', () => response.destroy());
  if (type.startsWith('text/event-stream')) {
    response.writeHead(answer.statusCode, answer.headers);
    let before = '';
    answer.on('data', (piece) => {
      if (response.destroyed || response.writableEnded) return;
      const size = meddler.meddle.cut?.(request, before, piece);
      before += piece.toString('latin1');
      if (size === undefined) response.write(piece);
      else response.write(piece.subarray(0, size), () => response.destroy());
    });
    answer.on('end', () => response.end());
    return;
  }
  const pieces = [];
  answer.on('data', (piece) => pieces.push(piece));
  answer.on('end', () => {
    let body = Buffer.concat(pieces);
    const headers = { ...answer.headers };
    if (meddler.meddle.change && type.startsWith('application/json') && !headers['content-encoding']) {
      const object = JSON.parse(body.toString('utf8'));
      meddler.meddle.change(request, object);
      body = Buffer.from(JSON.stringify(object));
    }
    delete headers['transfer-encoding'];
    headers['content-length'] = String(body.length);
    response.writeHead(answer.statusCode, headers).end(body);
  });
}
