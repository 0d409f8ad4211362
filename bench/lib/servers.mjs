// SPDX-License-Identifier: Apache-2.0
// The two servers: hekto as an operator runs it, and an nginx that answers with as many bytes.
import { execFile } from 'node:child_process';
import { mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startPinned } from './process.mjs';

const run = promisify(execFile);
const agent = new http.Agent({ keepAlive: true });

export const CREATE_PATH = '/replicate/v1/models/black-forest-labs/flux-schnell/predictions';
export const STREAM_MODEL_PATH = '/replicate/v1/models/meta/meta-llama-3-8b-instruct/predictions';
export const predictionPath = (id) => `/replicate/v1/predictions/${id}`;

/// The create of the integration guide, with a prompt that brings it to the size of a usual request.
export function createBody(bytes = 620) {
  const input = {
    prompt: '', go_fast: true, megapixels: '1', num_outputs: 1, aspect_ratio: '1:1', output_format: 'jpg',
    output_quality: 80, num_inference_steps: 4,
  };
  const words = 'a red fox in fresh snow, low winter sun behind birches, wide angle, soft light, long shadows; ';
  const room = bytes - JSON.stringify({ input }).length;
  input.prompt = words.repeat(Math.ceil(room / words.length)).slice(0, room - 1) + '.';
  return JSON.stringify({ input });
}

/// {status, body} of one request. `ca`: of an https origin, the certificate that is trusted.
export function ask(origin, request) {
  return new Promise((resolve, reject) => {
    const { method, headers, ca } = request;
    const sent = ca ? https.request(origin + request.path, { method, headers, ca })
      : http.request(origin + request.path, { method, headers, agent });
    sent.once('error', reject);
    sent.once('response', async (response) => {
      let body = '';
      response.setEncoding('utf8');
      try {
        for await (const piece of response) body += piece;
        resolve({ status: response.statusCode, body });
      } catch (error) {
        reject(error);
      }
    });
    sent.end(request.body);
  });
}

export async function askFor(status, origin, request) {
  const answer = await ask(origin, request);
  if (answer.status !== status) {
    throw new Error(`${request.method} ${request.path} answered ${answer.status}: ${answer.body.slice(0, 300)}`);
  }
  return answer.body;
}

export const headersOf = (key, body) => ({
  Authorization: `Bearer ${key}`,
  ...(body ? { 'Content-Type': 'application/json' } : {}),
});

export async function makeKey(options, data) {
  const { stdout } = await run(options.hekto, ['keys', 'create', '--name', 'bench', '--data', data]);
  return stdout.trimEnd().split('\n').at(-1);
}

/// A running hekto: {pid, origin, child, data}. `began` is when its process was started (performance.now).
/// Allowances are counted as always, but too wide to be met.
export async function startHekto(options, data, flags = []) {
  const log = join(options.temp, 'hekto.log');
  const errors = openSync(log, 'a');
  const args = [
    'serve', '--data', data, '--listen', '127.0.0.1:0', '--threads', '1', '--log-level', 'info', '--log-access',
    options.accessLog ? 'all' : 'off', '--rate-limits-creates', '100000000', '--rate-limits-reads', '100000000',
    '--rate-limits-others', '100000000', ...flags,
  ];
  const began = performance.now();
  const child = startPinned(options.serverCore, options.hekto, args, { stdio: ['ignore', 'pipe', errors] });
  closeSync(errors);
  const origin = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = line.match(/listening on (http:\/\/\S+)/);
      if (found) resolve(found[1]);
    });
    child.ended.then(() => reject(new Error(`hekto ended while starting:\n${readFileSync(log, 'utf8').slice(-2000)}`)));
  });
  return { name: 'hekto', pid: child.pid, origin, child, data, began };
}

/// Milliseconds from the start of the process to the first 200 of /readyz.
export async function untilReady(server) {
  for (;;) {
    const answer = await ask(server.origin, { method: 'GET', path: '/readyz' }).catch(() => null);
    if (answer?.status === 200) return performance.now() - server.began;
    if (performance.now() - server.began > 120_000) throw new Error('hekto was not ready within two minutes');
    await sleep(1);
  }
}

/// Creates a prediction and, when asked, waits for its end; returns it.
export async function predict(server, key, { path = CREATE_PATH, body = createBody(), toTheEnd = true } = {}) {
  const created = JSON.parse(
    await askFor(201, server.origin, { method: 'POST', path, headers: headersOf(key, body), body }));
  for (let tries = 0; toTheEnd; ++tries) {
    const text = await askFor(200, server.origin,
      { method: 'GET', path: predictionPath(created.id), headers: headersOf(key) });
    const prediction = JSON.parse(text);
    if (prediction.status === 'succeeded') return prediction;
    if (!['starting', 'processing'].includes(prediction.status)) {
      throw new Error(`the prediction ended as ${prediction.status}: ${prediction.error}`);
    }
    if (tries > 600) throw new Error('the prediction did not end within a minute');
    await sleep(100);
  }
  return created;
}

/// A port that is free now; nginx cannot take "any".
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/// `return` with a body of exactly `bytes` bytes; nginx takes at most 4 kB a word.
function returning(status, bytes) {
  const pieces = [];
  for (let left = bytes; left > 0; left -= 3000) pieces.push('x'.repeat(Math.min(left, 3000)));
  if (pieces.length === 1) return `return ${status} "${pieces[0]}";`;
  const names = pieces.map((_, i) => `$body${i}`);
  return pieces.map((piece, i) => `set ${names[i]} "${piece}";`).join(' ') + ` return ${status} "${names.join('')}";`;
}

/// nginx as one process on `core`: {name, pid, origin, child}. `servers` gives, for a port that is free, what stands in
/// the http block. It is there when `probe` answers 200. `tls`: its certificate, when the scheme is https.
export async function runNginx(options, core, scheme, servers, probe, tls) {
  const port = await freePort();
  const folder = join(options.temp, `nginx-${port}`);
  mkdirSync(folder);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  writeFileSync(join(folder, 'nginx.conf'), `
daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections ${Math.ceil(options.connections * 1.1) + 1024}; }
http {
  ${temporary}
  access_log ${options.accessLog ? `${folder}/access.log` : 'off'};
  default_type application/json; keepalive_requests 1000000000; keepalive_timeout 3600s;
  ${servers(port)}
}
`);
  const child = startPinned(core, 'nginx', ['-e', 'stderr', '-p', folder, '-c', `${folder}/nginx.conf`],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TZ: 'UTC' } });
  const server = { name: 'nginx', pid: child.pid, origin: `${scheme}://127.0.0.1:${port}`, child };
  const ca = tls && readFileSync(tls.certificate);
  for (let tries = 0; ; ++tries) {
    const answer = await ask(server.origin, { method: 'GET', path: probe, ca }).catch(() => null);
    if (answer?.status === 200) return server;
    if (tries > 200) throw new Error('nginx did not start');
    await sleep(25);
  }
}

/// nginx that answers: GETs of a prediction get `getBytes` bytes with 200, creates `createBytes` with 201.
export function startNginx(options, { getBytes = 1, createBytes = 1 }) {
  return runNginx(options, options.serverCore, 'http', (port) => `
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /replicate/v1/predictions/ { ${returning(200, getBytes)} }
    location /replicate/v1/models/ { ${returning(201, createBytes)} }
  }`, predictionPath('x'));
}
