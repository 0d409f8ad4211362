// SPDX-License-Identifier: Apache-2.0
// The server under test, once over http and once over https behind a certificate authority made for this run.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';

import { Server } from '../e2e/support/server.mjs';

/** Three pages of a hundred, the last one short. */
const kPredictionsInPages = 205;

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

/** Sends one request to a server under test and resolves with {status, text}. */
export function send(target, method, path, { key, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = (target.scheme === 'https' ? httpsRequest : httpRequest)(
      target.server.origin + path,
      {
        method,
        agent: target.agent,
        headers: {
          ...(key ? { Authorization: `Bearer ${key}` } : {}),
          ...(body ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } : {}),
        },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece) => (text += piece));
        answer.on('end', () => resolve({ status: answer.statusCode, text }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Fills an account with predictions that every client pages through, and writes their ids, newest first. */
async function fillPages(target) {
  const { server } = target;
  await server.makeAccount('pages');
  target.pagesKey = await server.makeKey('pages', '--account', 'pages');
  const ids = [];
  for (let i = 0; i < kPredictionsInPages; ++i) {
    const answer = await send(target, 'POST', '/v1/models/meta/meta-llama-3-8b-instruct/predictions', {
      key: target.pagesKey,
      body: JSON.stringify({ input: { prompt: `${i}`, max_tokens: 1 } }),
    });
    if (answer.status !== 201) throw new Error(`a create was answered with ${answer.status}: ${answer.text}`);
    ids.unshift(JSON.parse(answer.text).id);
  }
  target.pagesFile = join(server.folder, 'pages.json');
  writeFileSync(target.pagesFile, JSON.stringify(ids));
}

/**
 * Starts the servers in `folder`. Each is {scheme, server, authority, pagesKey, pagesFile}, where `authority` is the
 * certificate to trust.
 */
export async function startServers(folder) {
  const { authority, certificate, key } = makeCertificates(folder);
  const start = async (scheme, agent, args) => {
    const own = join(folder, scheme);
    mkdirSync(own);
    const server = await Server.start({
      folder: own,
      key: false,
      args: [
        ...['--sandbox-speed', '0', '--rate-limits-creates', '0', '--rate-limits-others', '0', '--log-format', 'text'],
        ...args,
      ],
    });
    const target = { scheme, server, authority, agent };
    await fillPages(target);
    return target;
  };
  const tls = ['--tls-certificate', certificate, '--tls-key', key];
  const secureAgent = new HttpsAgent({ keepAlive: true, ca: readFileSync(authority) });
  return Promise.all([start('http', new HttpAgent({ keepAlive: true }), []), start('https', secureAgent, tls)]);
}
