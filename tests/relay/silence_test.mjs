// SPDX-License-Identifier: Apache-2.0
// D22: an upstream that is not heard of any more, though nothing has closed its connections. What goes to it and comes
// from it is dropped in a network of the test's own: a namespace with a second one behind a link.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createSecureServer } from 'node:http2';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const kFront = '10.77.0.1';
const kUpstream = '10.77.0.2';
const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' });

if (process.argv[2] === 'upstream') {
  serve(process.argv[3]);
} else if (process.env.HEKTO_OWN_NETWORK) {
  const { Api } = await import('../e2e/support/http.mjs');
  const { startServer, tempFolder, until } = await import('../e2e/support/server.mjs');
  run('ip', 'link', 'set', 'lo', 'up');
  for (const protocol of ['http/1.1', 'h2']) {
    test(`polls by ${protocol} and creates go on over new connections`, async (t) => {
      await goSilent(t, protocol, { Api, startServer, tempFolder, until });
    });
  }
} else {
  test('a silent upstream', { timeout: 500_000 }, (t) => {
    const ways = [['--net'], ['--map-root-user', '--net']];
    const way = ways.find((args) => spawnSync('unshare', [...args, 'ip', 'link', 'set', 'lo', 'up']).status === 0);
    if (!way) return t.skip('this machine gives no network namespaces');
    // The runner of the inner tests must not take this one for its parent.
    const { NODE_TEST_CONTEXT, ...env } = process.env;
    const inner = spawnSync('unshare', [...way, process.execPath, '--test', self], {
      env: { ...env, HEKTO_OWN_NETWORK: '1' },
      encoding: 'utf8',
    });
    assert.equal(inner.status, 0, inner.stdout + inner.stderr);
  });
}

/** Runs as a program: every create is taken; what was made ends once a create says `"last": true`. */
function serve(folder) {
  const made = new Map();
  let over = false;
  const answer = (response, status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  const shown = (prediction) => {
    if (!over) return prediction;
    return { ...prediction, status: 'succeeded', output: 'done', completed_at: new Date().toISOString() };
  };
  const handle = (request, response) => {
    const [, , kind, id] = new URL(request.url, 'http://upstream').pathname.split('/');
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text));
    request.on('end', () => {
      if (kind === 'models' && request.method === 'GET') {
        return answer(response, 200, { owner: 'any', name: 'thing', latest_version: null });
      }
      if (request.method === 'GET' && id) {
        return made.has(id) ? answer(response, 200, shown(made.get(id))) : answer(response, 404, {});
      }
      if (request.method === 'GET') {
        return answer(response, 200, { next: null, previous: null, results: [...made.values()].map(shown) });
      }
      const { input } = JSON.parse(body);
      over ||= input.last === true;
      const created_at = new Date().toISOString();
      const prediction = { id: `up${made.size}`, created_at, input, logs: '', output: null, status: 'starting' };
      made.set(prediction.id, prediction);
      console.log(JSON.stringify({ create: input }));
      answer(response, 201, prediction);
    });
  };
  const secure = folder !== undefined;
  const tls = (name) => readFileSync(join(folder, name));
  const server = secure
    ? createSecureServer({ key: tls('upstream.key'), cert: tls('upstream.pem'), allowHTTP1: true }, handle)
    : http.createServer(handle);
  server.on(secure ? 'secureConnection' : 'connection', (socket) =>
    console.log(JSON.stringify({ connection: socket.remotePort, protocol: socket.alpnProtocol || 'http/1.1' })),
  );
  server.on('error', (error) => console.log(JSON.stringify({ error: error.message })));
  // The link comes after the program whose network it leads to.
  server.listen(0, '0.0.0.0', () => console.log(JSON.stringify({ port: server.address().port })));
  process.stdin.on('end', () => process.exit(0)).resume();
}

/** Starts the upstream in a network of its own, which a link leads to. */
async function startUpstream(t, folder) {
  const child = spawn('unshare', ['--net', process.execPath, self, 'upstream', ...(folder ? [folder] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const upstream = { connections: [], creates: [] };
  const listens = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line);
      if (said.connection) upstream.connections.push(said);
      if (said.create) upstream.creates.push(said.create);
      if (said.error) reject(new Error(said.error));
      if (said.port) resolve(said.port);
    });
    child.on('close', (code) => reject(new Error(`the upstream ended with ${code}`)));
  });
  t.after(() => child.stdin.end());
  upstream.port = await listens;
  const there = (...args) => run('nsenter', '--net', '--target', String(child.pid), 'ip', ...args);
  run('ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far');
  t.after(() => run('ip', 'link', 'delete', 'near'));
  run('ip', 'link', 'set', 'far', 'netns', String(child.pid));
  run('ip', 'address', 'add', `${kFront}/24`, 'dev', 'near');
  there('address', 'add', `${kUpstream}/24`, 'dev', 'far');
  run('ip', 'link', 'set', 'near', 'up');
  there('link', 'set', 'far', 'up');
  // The far end goes: at the near end nothing is refused, and nothing arrives.
  upstream.fallSilent = () => there('link', 'set', 'far', 'down');
  upstream.comeBack = () => there('link', 'set', 'far', 'up');
  return upstream;
}

/** Local ports of the established connections to the upstream. */
function established() {
  const hex = (text) => text.split('.').reverse().map((n) => Number(n).toString(16).padStart(2, '0')).join('');
  const remote = hex(kUpstream).toUpperCase();
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2]?.startsWith(`${remote}:`) && fields[3] === '01')
    .map((fields) => parseInt(fields[1].split(':')[1], 16));
}

function makeCertificate(folder) {
  const subject = ['-subj', `/CN=${kUpstream}`, '-addext', `subjectAltName=IP:${kUpstream}`];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject];
  execFileSync('openssl', [...args, '-keyout', join(folder, 'upstream.key'), '-out', join(folder, 'upstream.pem')], {
    stdio: 'ignore',
  });
}

async function goSilent(t, protocol, { Api, startServer, tempFolder, until }) {
  const secure = protocol === 'h2';
  const folder = tempFolder(t);
  if (secure) makeCertificate(folder);
  const upstream = await startUpstream(t, secure ? folder : undefined);
  const url = `${secure ? 'https' : 'http'}://${kUpstream}:${upstream.port}`;
  const own = { url, accounts: [{ token: 'r8_secret' }], ...(secure && { ca_file: join(folder, 'upstream.pem') }) };
  writeFileSync(join(folder, 'hekto.yaml'), JSON.stringify({ upstreams: { own } }));
  const api = new Api(await startServer(t, { folder }));
  const create = (input) => api.post('/models/any/thing/predictions', { input });

  const first = await create({ last: false });
  assert.equal(first.status, 201, first.text);
  const kept = () => upstream.connections.filter((one) => one.protocol === protocol).map((one) => one.connection);
  await until('polls over a connection that is kept', () => established().some((port) => kept().includes(port)));
  const before = established();
  upstream.fallSilent();
  // Nothing can be sent: it waits, and is not given up.
  const second = await create({ last: true });
  assert.equal(second.status, 201, second.text);
  await until('the silent connections to be given up', () => !established().some((port) => before.includes(port)));
  assert.equal((await api.prediction(first.json().id)).status, 'starting');
  upstream.comeBack();
  for (const { id } of [first.json(), second.json()]) assert.equal((await api.finished(id)).status, 'succeeded');
  assert.deepEqual(upstream.creates, [{ last: false }, { last: true }], 'each is sent once');
  assert.ok(kept().some((port) => !before.includes(port)), 'polls go on over a new connection');
}
