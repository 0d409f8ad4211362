// SPDX-License-Identifier: Apache-2.0
// Holds the server to its own OpenAPI document: Schemathesis makes requests of all operations, by the document and
// against it, and looks at every answer.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { send } from './servers.mjs';

const program = fileURLToPath(new URL('../../build/conformance/python-document/bin/schemathesis', import.meta.url));

const kChecks = [
  ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance'],
  ...['response_schema_conformance', 'negative_data_rejection', 'missing_required_header', 'unsupported_method'],
  ...['allow_header_conformance', 'ignored_auth', 'use_after_free', 'ensure_resource_availability'],
];
/** Test cases an operation and phase at most, and what random choices begin with: so that every run is the same. */
const kExamples = '20';
const kSeed = '1';
/** A run takes some twenty seconds, a few minutes on a busy machine. */
const kSeconds = 600;

/** Webhooks go where nobody listens on this machine, not to whatever host an invented address names. */
const kNowhere = { type: 'string', pattern: '^http://127\\.0\\.0\\.1:9/[a-z]{0,8}$' };

const kImage = 'black-forest-labs/flux-schnell';
const kText = 'meta/meta-llama-3-8b-instruct';

/** Makes one of everything for the account of `key`, and returns real values by the names that the document has. */
async function makeThings(target, mount, key, account) {
  const call = async (method, path, body, type) => {
    const answer = await send(target, method, mount + path, { key, body, type });
    if (answer.status >= 300) throw new Error(`${method} ${path} was answered with ${answer.status}: ${answer.text}`);
    return answer.json();
  };
  const text = await call('POST', `/models/${kText}/predictions`, { input: { prompt: 'one', max_tokens: 3 } });
  const image = await call('POST', `/models/${kImage}/predictions`, { input: { prompt: 'two', megapixels: '0.25' } });
  let finished = image;
  while (!finished.completed_at) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    finished = await call('GET', `/predictions/${image.id}`);
  }
  const [{ sku: hardware }] = await call('GET', '/hardware');
  const version = image.version;
  const instances = { hardware, min_instances: 0, max_instances: 1 };
  const deployments = [];
  for (const name of ['first', 'second', 'third']) {
    deployments.push((await call('POST', '/deployments', { name, model: kImage, version, ...instances })).name);
    await call('POST', '/models', { owner: account, name, visibility: 'private', hardware });
  }
  const part = 'Content-Disposition: form-data; name="content"; filename="a.txt"\r\n\r\na';
  const file = await call('POST', '/files', `--b\r\n${part}\r\n--b--\r\n`, 'multipart/form-data; boundary=b');
  const signed = new URL(file.urls.download).searchParams;
  const [, , deliveryToken, fileName] = new URL(finished.output[0]).pathname.split('/');
  return {
    prediction_id: [text.id, image.id],
    model_owner: [...new Set([kImage, kText].map((name) => name.split('/')[0])), account],
    model_name: [kImage.split('/')[1], kText.split('/')[1], ...deployments],
    version_id: [version, text.version],
    version: [version, text.version],
    deployment_owner: [account],
    deployment_name: deployments,
    file_id: [file.id],
    owner: [account],
    expiry: [Number(signed.get('expiry'))],
    signature: [signed.get('signature')],
    collection_slug: (await call('GET', '/collections')).results.map((collection) => collection.slug),
    stream_token: [new URL(text.urls.stream).pathname.split('/').at(-1)],
    delivery_token: [deliveryToken],
    file_name: [fileName],
    model: [kImage],
    destination: [`${account}/first`],
    hardware: [hardware],
  };
}

/**
 * The document in the form that Schemathesis can do most with. It says the same, but that QUERY has a word since
 * OpenAPI 3.2, that events are described one by one there, and that real values are named beside what else is allowed.
 */
function prepare(document, things) {
  const withReal = (name, schema) =>
    things[name] && !schema.$ref && !schema.enum ? { anyOf: [{ enum: things[name] }, schema] } : schema;
  const input = { type: 'object', required: ['prompt'], properties: { prompt: { type: 'string' } } };
  const walk = (node) => {
    if (node === null || typeof node !== 'object') return;
    Object.values(node).forEach(walk);
    if (node['x-query']) {
      node.query = node['x-query'];
      delete node['x-query'];
    }
    if (node['text/event-stream']) {
      const properties = { event: { enum: ['output', 'error', 'done'] } };
      node['text/event-stream'] = { itemSchema: { type: 'object', required: ['event', 'id', 'data'], properties } };
    }
    if (node.in === 'path' || node.in === 'query') node.schema = withReal(node.name, node.schema);
    if (node.type === 'object' && node.properties) {
      for (const name of ['version', 'model', 'hardware', 'owner', 'destination']) {
        if (node.properties[name]?.type === 'string') node.properties[name] = withReal(name, node.properties[name]);
      }
      for (const name of ['webhook', 'webhook_completed']) {
        if (node.properties[name]?.type === 'string') node.properties[name] = kNowhere;
      }
      if (node.properties.input?.type === 'object') node.properties.input = { anyOf: [input, node.properties.input] };
    }
  };
  walk(document.paths);
  walk(document.components);
  return { ...document, openapi: '3.2.0' };
}

/** Runs Schemathesis once and resolves with {report, output}; without a report it did not come to its end. */
function drive(args, target, key, folder, name) {
  const reportPath = join(folder, `${name}.json`);
  const child = spawn(
    program,
    [
      ...['run', join(folder, 'document.json'), '-H', `Authorization: Bearer ${key}`],
      ...['-n', kExamples, '--seed', kSeed, '--continue-on-failure', '--generation-database', 'none', '--no-color'],
      ...['--tls-verify', target.authority, '--report', 'json', '--report-json-path', reportPath, ...args],
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), kSeconds * 1000);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => (output += piece));
  child.stderr.setEncoding('utf8').on('data', (piece) => (output += piece));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ output: error.message }));
    child.on('close', () => {
      clearTimeout(timer);
      try {
        resolve({ output, report: JSON.parse(readFileSync(reportPath, 'utf8')) });
      } catch {
        resolve({ output: `Schemathesis did not come to its end\n${output}` });
      }
    });
  });
}

/**
 * Tests one mount and resolves with {version, operations, requests, problem}, where `problem` is null or a text and
 * `operations` a Set of "METHOD /path".
 */
export async function testDocument(target, mount, parent) {
  const account = `document${mount.replaceAll('/', '-')}`;
  const folder = join(parent, `${target.scheme}-${account}`);
  mkdirSync(folder);
  await target.server.makeAccount(account);
  const key = await target.server.makeKey(account, '--account', account);
  const served = (await send(target, 'GET', `${mount}/openapi.json`)).json();
  const things = await makeThings(target, mount, key, account);
  const document = prepare(served, things);
  writeFileSync(join(folder, 'document.json'), JSON.stringify(document));

  // What lies beside the mounts has servers of its own, which a given address would replace.
  const beside = Object.keys(document.paths).filter((path) => document.paths[path].servers);
  const paths = (option) => beside.flatMap((path) => [option, path]);
  const { origin } = target.server;
  const requests = ['--phases', 'examples,coverage,fuzzing', '-c', kChecks.join(',')];
  const following = ['--phases', 'stateful', '-m', 'positive'];
  following.push('-c', kChecks.filter((check) => check !== 'negative_data_rejection').join(','));
  const runs = [
    ['mount', ['--url', origin + mount, ...paths('--exclude-path'), ...requests]],
    ['beside', ['--url', origin, ...paths('--include-path'), ...requests]],
    // What follows from one answer to the next request: only requests that keep to the document lead on.
    ['stateful', ['--url', origin + mount, ...paths('--exclude-path'), ...following]],
  ];
  const result = { version: '', operations: new Set(), requests: 0, problem: null };
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of Object.keys(operations)) {
      if (operations[method].responses) result.operations.add(`${method.toUpperCase()} ${path}`);
    }
  }
  const tested = { mount: 0, beside: 0 };
  for (const [name, args] of runs) {
    const { report, output } = await drive(args, target, key, folder, name);
    result.requests += report?.test_cases.generated ?? 0;
    result.version = report?.schemathesis_version ?? result.version;
    tested[name] = report?.operations.tested ?? 0;
    const good = report?.complete && report.exit_code === 0 && report.errors.length === 0;
    if (!good) result.problem ??= output.slice(Math.max(0, output.search(/={9,} (FAILURES|ERRORS)/)));
  }
  if (!result.problem && tested.mount + tested.beside !== result.operations.size) {
    result.problem = `${tested.mount + tested.beside} operations were tested, of ${result.operations.size}`;
  }
  return result;
}
