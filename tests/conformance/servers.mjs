// SPDX-License-Identifier: Apache-2.0
// The server under test, once over http and once over https behind a certificate authority made for this run; or one
// over https that has another server for its upstream.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';

import { Server } from '../e2e/support/server.mjs';

/** Three pages of a hundred, the last one short. */
const kPredictionsInPages = 205;
/** Two pages of whatever else has pages of a hundred, and of models, which have 25. */
const kOthersInPages = 105;
const kModelsInPages = 30;
/** The smallest zip file there is, for inputs that want one. */
const kEmptyZip = `data:application/zip;base64,${Buffer.from('504b0506'.padEnd(44, '0'), 'hex').toString('base64')}`;

/** Makes an authority and a certificate of it for 127.0.0.1 in `folder`, and returns the paths of the files. */
function makeCertificates(folder) {
  const path = (name) => join(folder, name);
  const openssl = (command) => execFileSync('openssl', command, { stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout'];
  openssl([
    ...['req', '-x509', '-days', '2', '-subj', '/CN=Hekto conformance authority', ...newKey, path('authority.key')],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ...['-out', path('authority.pem')],
  ]);
  openssl(['req', '-subj', '/CN=localhost', ...newKey, path('server.key'), '-out', path('server.csr')]);
  writeFileSync(
    path('server.ext'),
    'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n' +
      'authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\nbasicConstraints=CA:FALSE\n',
  );
  openssl([
    ...['x509', '-req', '-days', '2', '-in', path('server.csr'), '-extfile', path('server.ext')],
    ...['-CA', path('authority.pem'), '-CAkey', path('authority.key'), '-CAcreateserial', '-out', path('server.pem')],
  ]);
  return { authority: path('authority.pem'), certificate: path('server.pem'), key: path('server.key') };
}

/**
 * Sends one request to a server under test and resolves with {status, text, json()}. `body` is sent as JSON, or as it
 * is when `type` says what it is.
 */
export function send(target, method, path, { key, body, type } = {}) {
  const content = body === undefined || type ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = (target.scheme === 'https' ? httpsRequest : httpRequest)(
      target.server.origin + path,
      {
        method,
        agent: target.agent,
        headers: {
          ...(key ? { Authorization: `Bearer ${key}` } : {}),
          ...(content
            ? { 'Content-Type': type ?? 'application/json', 'Content-Length': Buffer.byteLength(content) }
            : {}),
        },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece) => (text += piece));
        answer.on('end', () => resolve({ status: answer.statusCode, text, json: () => JSON.parse(text) }));
      },
    );
    request.on('error', reject);
    request.end(content);
  });
}

/** Fills an account with things that every client pages through, and writes down what it has, newest first. */
async function fillPages(target) {
  const { server } = target;
  await server.makeAccount('pages');
  const key = await server.makeKey('pages', '--account', 'pages');
  const create = async (path, body, type) => {
    const answer = await send(target, 'POST', `/v1${path}`, { key, body, type });
    if (answer.status >= 300) throw new Error(`POST ${path} was answered with ${answer.status}: ${answer.text}`);
    return answer.json();
  };
  const times = async (count, make) => {
    const items = [];
    for (let i = 0; i < count; ++i) items.unshift(await make(i));
    return items;
  };
  const image = '/models/black-forest-labs/flux-schnell';
  const version = (await send(target, 'GET', `/v1${image}`, { key })).json().latest_version.id;
  const [{ sku: hardware }] = (await send(target, 'GET', '/v1/hardware', { key })).json();
  const items = {
    predictions: await times(kPredictionsInPages, async (i) => {
      const input = { prompt: `${i}`, max_tokens: 1 };
      return (await create('/models/meta/meta-llama-3-8b-instruct/predictions', { input })).id;
    }),
    deployments: await times(kOthersInPages, async (i) => {
      const rest = { model: image.slice('/models/'.length), version, hardware, min_instances: 0, max_instances: 1 };
      return (await create('/deployments', { name: `paged-${i}`, ...rest })).name;
    }),
    files: await times(kOthersInPages, async (i) => {
      const part = `Content-Disposition: form-data; name="content"; filename="${i}.txt"\r\n\r\n${i}`;
      const form = `--b\r\n${part}\r\n--b--\r\n`;
      return (await create('/files', form, 'multipart/form-data; boundary=b')).id;
    }),
    models: await times(kModelsInPages, async (i) => {
      const made = await create('/models', { owner: 'pages', name: `paged-${i}`, visibility: 'public', hardware });
      return `${made.owner}/${made.name}`;
    }),
  };
  await create('/models', { owner: 'pages', name: 'trained', visibility: 'private', hardware });
  const trainer = '/models/ostris/flux-dev-lora-trainer';
  const base = (await send(target, 'GET', `/v1${trainer}`, { key })).json().latest_version.id;
  const input = { input_images: kEmptyZip, steps: 3 };
  items.trainings = await times(kOthersInPages, async () => {
    return (await create(`${trainer}/versions/${base}/trainings`, { destination: 'pages/trained', input })).id;
  });
  items.versions = [];
  for (const id of items.trainings) {
    let training = {};
    while (!training.completed_at) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      training = (await send(target, 'GET', `/v1/trainings/${id}`, { key })).json();
    }
    items.versions.push(training.output.version.split(':')[1]);
  }
  target.pagesKey = key;
  target.pagesFile = join(server.folder, 'pages.json');
  writeFileSync(target.pagesFile, JSON.stringify(items));
}

const kUnlimited = ['creates', 'reads', 'others'].flatMap((kind) => [`--rate-limits-${kind}`, '0']);
const kFast = ['--sandbox-speed', '0', '--log-format', 'text', '--files-max-size', '2MiB'];

/** Starts a server with nothing but the sandbox, and returns what a relay needs: {server, args, env}. */
async function startUpstream(folder) {
  const own = join(folder, 'upstream');
  mkdirSync(own);
  const server = await Server.start({ folder: own, key: false, args: [...kFast, ...kUnlimited] });
  await server.makeAccount('operator');
  const token = await server.makeKey('relay', '--account', 'operator');
  // So many creates at once are more than an account at the official service may make.
  const config = join(own, 'relay.yaml');
  writeFileSync(
    config,
    'upstreams:\n  replicate:\n    accounts:\n      - token_env: REPLICATE_API_TOKEN\n' +
      '        username: operator\n        creates_per_minute: 1000000\n        others_per_minute: 1000000\n',
  );
  return {
    server,
    args: ['--config', config, '--replicate-url', server.origin],
    env: { REPLICATE_API_TOKEN: token },
  };
}

/**
 * Starts the servers in `folder`. Each is {scheme, server, limited, authority, agent, pagesKey, pagesFile, stop()}:
 * `server` has no rate limits, `limited` answers with 429 after 60 requests, and `authority` is the certificate to
 * trust. With `relay` there is one over https, whose live keys run everything at an upstream of its own.
 */
export async function startServers(folder, { relay = false } = {}) {
  const { authority, certificate, key } = makeCertificates(folder);
  const upstream = relay ? await startUpstream(folder) : undefined;
  const start = async (scheme, agent, args) => {
    const launch = (name, limits) => {
      const own = join(folder, `${scheme}${name}`);
      mkdirSync(own);
      return Server.start({
        folder: own,
        key: false,
        args: [...kFast, ...limits, ...args, ...(upstream?.args ?? [])],
        env: upstream?.env,
      });
    };
    const [server, limited] = await Promise.all([
      launch('', kUnlimited),
      launch('-limited', ['--rate-limits-others', '60']),
    ]);
    const stop = async () => {
      await Promise.all([server.stop(), limited.stop()]);
      await upstream?.server.stop();
    };
    const target = { scheme, server, limited, authority, agent, stop };
    await fillPages(target);
    return target;
  };
  const tls = ['--tls-certificate', certificate, '--tls-key', key];
  const secureAgent = new HttpsAgent({ keepAlive: true, ca: readFileSync(authority) });
  const secure = () => start('https', secureAgent, tls);
  if (relay) return [await secure()];
  return Promise.all([start('http', new HttpAgent({ keepAlive: true }), []), secure()]);
}
