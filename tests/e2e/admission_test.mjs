// SPDX-License-Identifier: Apache-2.0
// Requests that two readers could understand differently: the server must refuse each, answer once, and close, so that
// nothing behind it is ever taken for a request.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';

import { kFlux, send, sendRaw } from './support/http.mjs';
import { startServer, until } from './support/server.mjs';

const server = await startServer({ after }, { args: ['--log-access', 'all'] });

const kSmuggled = 'GET /v1/account HTTP/1.1\r\nHost: x\r\nX-Request-Id: smuggled\r\n\r\n';
const post = (lines, body = kSmuggled) => `POST /v1/predictions HTTP/1.1\r\nHost: x\r\n${lines}\r\n${body}`;
const get = (lines, first = 'GET /healthz HTTP/1.1') => `${first}\r\n${lines}\r\n${kSmuggled}`;

const kRefused = {
  'two equal lengths': post('Content-Length: 3\r\nContent-Length: 3\r\n'),
  'two different lengths': post('Content-Length: 3\r\nContent-Length: 4\r\n'),
  'a list of lengths': post('Content-Length: 3, 3\r\n'),
  'a signed length': post('Content-Length: +3\r\n'),
  'a length in hex': post('Content-Length: 0x3\r\n'),
  'an empty length': post('Content-Length: \r\n'),
  'a length beyond 64 bits': post('Content-Length: 18446744073709551619\r\n'),
  'a length and chunks': post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${kSmuggled}`),
  'chunks and a length': post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', `0\r\n\r\n${kSmuggled}`),
  'an unknown coding': post('Transfer-Encoding: xchunked\r\n'),
  'identity with a length': post('Transfer-Encoding: identity\r\nContent-Length: 3\r\n'),
  'gzip before chunked': post('Transfer-Encoding: gzip, chunked\r\n', `0\r\n\r\n${kSmuggled}`),
  'chunked before gzip': post('Transfer-Encoding: chunked, gzip\r\n'),
  'chunked twice in one line': post('Transfer-Encoding: chunked, chunked\r\n'),
  'chunked in two lines': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
  'a vertical tab before chunked': post('Transfer-Encoding: \x0bchunked\r\n'),
  'a space before the colon': post('Transfer-Encoding : chunked\r\n'),
  'chunks in HTTP/1.0': `POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${kSmuggled}`,
  'a folded line': get('Host: x\r\nX-Long: a\r\n b\r\n'),
  'a folded coding': post('Transfer-Encoding:\r\n chunked\r\n'),
  'no host': get(''),
  'two hosts': get('Host: x\r\nHost: y\r\n'),
  'a host that is none': get('Host: a b\r\n'),
  'two authorizations': get('Host: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n'),
  'a bare line feed': 'GET /healthz HTTP/1.1\nHost: x\n\n',
  'a bare carriage return in a value': get('Host: x\r\nX-Evil: a\rb\r\n'),
  'a NUL in a value': get('Host: x\r\nX-Evil: a\0b\r\n'),
  'a field without a colon': get('Host: x\r\nnonsense\r\n'),
  'a field without a name': get('Host: x\r\n: nameless\r\n'),
  'an address of somewhere else': get('Host: x\r\n', 'GET http://evil.example/healthz HTTP/1.1'),
  'bytes above ASCII in the path': get('Host: x\r\n', 'GET /\xc3\xa9 HTTP/1.1'),
  'two spaces in the request line': get('Host: x\r\n', 'GET  /healthz HTTP/1.1'),
  'a tab in the request line': get('Host: x\r\n', 'GET\t/healthz HTTP/1.1'),
  'a method in small letters': get('Host: x\r\n', 'get /healthz HTTP/1.1'),
  'a method nobody knows': get('Host: x\r\n', 'BREW /healthz HTTP/1.1'),
  'another version': get('Host: x\r\n', 'GET /healthz HTTP/1.2'),
  'no version': 'GET /healthz\r\n\r\n',
  'an expectation nobody knows': post('Content-Length: 3\r\nExpect: magic\r\n'),
};

for (const [name, text] of Object.entries(kRefused)) {
  test(`refuses ${name}`, async () => {
    const answer = await sendRaw(server, text);
    const status = /^HTTP\/1\.[01] (\d{3}) /.exec(answer)?.[1];
    assert.ok(['400', '405', '417', '501', '505'].includes(status), JSON.stringify(answer.slice(0, 300)));
    assert.equal(answer.match(/HTTP\/1\.[01] \d{3} /g).length, 1, 'answered more than once');
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.match(answer, /\r\ncontent-type: application\/problem\+json/i);
    assert.match(answer, /\r\nx-request-id: /i);
  });
}

const kChunked = 'POST /v1/predictions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
for (const [name, body] of Object.entries({
  'a chunk size in hex notation': '0x3\r\nabc\r\n0\r\n\r\n',
  'a chunk size that overflows': '10000000000000003\r\nabc\r\n0\r\n\r\n',
  'a space behind a chunk size': '3 \r\nabc\r\n0\r\n\r\n',
  'a line feed behind a chunk size': '3\nabc\r\n0\r\n\r\n',
  'a chunk that is longer than it says': '3\r\nabcd\r\n0\r\n\r\n',
  'a line feed in a quoted extension': '3;a="\n"\r\nabc\r\n0\r\n\r\n',
})) {
  test(`refuses ${name}`, async () => {
    // With a key, so that the body is read at all.
    const head = kChunked.replace('\r\n\r\n', `\r\nAuthorization: Bearer ${server.key}\r\n\r\n`);
    const answer = await sendRaw(server, head + body + kSmuggled);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(answer.match(/HTTP\/1\.[01] \d{3} /g).length, 1, 'answered more than once');
  });
}

test('what was smuggled was never taken for a request', async () => {
  await send(server.origin, '/healthz', { headers: { 'x-request-id': 'the-last-one' } });
  await until('the log to be written', () => server.log.some((line) => line.includes('the-last-one')));
  assert.ok(!server.log.some((line) => line.includes('smuggled')), 'a smuggled request was answered');
});

test('a trailer cannot bring a key', async () => {
  const body = JSON.stringify({ input: { prompt: 'x' } });
  const answer = await sendRaw(
    server,
    `POST /v1/models/${kFlux}/predictions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n` +
      `Connection: close\r\n\r\n` +
      `${body.length.toString(16)}\r\n${body}\r\n0\r\nAuthorization: Bearer ${server.key}\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1\.1 401 /);
});

test('limits of the head are answered with their own codes', async () => {
  const long = await sendRaw(server, `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.match(long, /^HTTP\/1\.1 414 /);
  const large = await sendRaw(server, `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'a'.repeat(20000)}\r\n\r\n`);
  assert.match(large, /^HTTP\/1\.1 431 /);
  const many = await sendRaw(server, `GET / HTTP/1.1\r\nHost: x\r\n${'X-A: b\r\n'.repeat(70)}\r\n`);
  assert.match(many, /^HTTP\/1\.1 431 /);
});

test('a sender that is too slow is dropped', async (t) => {
  const strict = await startServer(t, { key: false, args: ['--limits-head-timeout', '300ms'] });
  const answer = await new Promise((resolve, reject) => {
    const socket = net.connect(strict.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost:'));
    let text = '';
    socket.on('data', (piece) => (text += piece));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
  assert.match(answer, /^HTTP\/1\.1 408 /);
});

test('requests behind one another on a connection are all answered, in order', async () => {
  const one = (id) => `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n\r\n`;
  const answer = await sendRaw(server, one('first') + one('second') + one('third'));
  assert.deepEqual(
    answer.match(/x-request-id: (\w+)/gi).map((line) => line.split(' ')[1]),
    ['first', 'second', 'third'],
  );
});
