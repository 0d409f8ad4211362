// SPDX-License-Identifier: Apache-2.0
// The columns of the table: the official clients, and a client that sends plain requests with the older Token scheme.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { operations } from './operations.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const built = join(here, '../../build/conformance');

const kPythonLacks = [
  ...['video', 'use', 'abort', 'cancel-after', 'list-filters', 'models-describe', 'search', 'files-download'],
  'request',
];
// It does not read event streams: what it calls a stream is made by polling.
const kNoModels = 'always refuses: the provider has no such models';
const kBetaUse = 'fails by itself: it hands over an object where a class is wanted; replicate.use() works';
const kBetaLacks = ['video', 'progress', 'abort', 'stream-files', 'stream-silent', 'webhook'];

// The Go driver is built so that Go itself counts which functions of the client run.
const goFolder = (folder) => join(folder, 'coverage');

function goCoverage(folder) {
  mkdirSync(goFolder(folder));
  return { GOCOVERDIR: goFolder(folder) };
}

/** [name, called] of each exported function and method of the Go client. */
function goMethods(folder) {
  const report = execFileSync(process.env.CONFORMANCE_GO ?? 'go', ['tool', 'covdata', 'func', '-i', goFolder(folder)], {
    encoding: 'utf8',
    cwd: folder,
  });
  return report.split('\n').flatMap((line) => {
    const [, file, name, percent] = /replicate-go\/([^:]*):\d+:\s+\*?(\S+)\s+([\d.]+)%/.exec(line) ?? [];
    const exported = name && !file.includes('/') && name.split('.').every((part) => /^[A-Z]/.test(part));
    return exported ? [[name, percent !== '0.0']] : [];
  });
}

//   name         what --client takes
//   command      the driver; it reads the CONFORMANCE_* variables and prints JSON objects, see node/driver.mjs
//   lacks        operations that the client has no call for; the driver must have all others
//   has          the same the other way round, for clients that do little
//   uncalled     methods that the client has and no operation calls, with the reason; any other one that is not called
//                is a failure, and so is a reason that is not needed
//   plain        it is no client library: it has no methods
//   absent       it could not be installed, and is left out
//   environment  further variables for a driver that runs in the given folder
//   methodsIn    reads from that folder, once the driver has ended, which methods were called
const described = [
  {
    name: 'javascript',
    title: 'JavaScript',
    command: [process.execPath, join(here, 'node/replicate.mjs')],
    lacks: [
      ...['video', 'use', 'cancel-after', 'list-filters', 'models-describe', 'versions-delete', 'search'],
      'files-download',
    ],
  },
  {
    name: 'python',
    title: 'Python',
    command: [join(built, 'python/bin/python'), join(here, 'python/v1.py')],
    lacks: kPythonLacks,
    uncalled: { 'model.Model.predict': 'was removed: it only raises an error' },
  },
  {
    name: 'python-async',
    title: 'Python async',
    command: [join(built, 'python/bin/python'), join(here, 'python/v1_async.py')],
    lacks: kPythonLacks,
  },
  {
    name: 'python-beta',
    title: 'Python beta',
    command: [join(built, 'python-beta/bin/python'), join(here, 'python/v2.py')],
    lacks: kBetaLacks,
    uncalled: { '_client.Replicate.use': kBetaUse },
  },
  {
    name: 'python-beta-async',
    title: 'Python beta async',
    command: [join(built, 'python-beta/bin/python'), join(here, 'python/v2_async.py')],
    lacks: kBetaLacks,
    uncalled: { '_client.AsyncReplicate.use': kBetaUse },
  },
  {
    name: 'go',
    title: 'Go',
    command: [join(built, 'go/driver')],
    // Its blocking run always asks for the longest wait.
    lacks: [
      ...['video', 'wait-over', 'use', 'abort', 'cancel-after', 'list-filters', 'models-describe', 'search'],
      ...['files-download', 'request'],
    ],
    uncalled: {
      'ExponentialBackoff.NextDelay': 'only asked after answers without Retry-After, which are none of this server',
    },
    environment: goCoverage,
    methodsIn: goMethods,
  },
  {
    name: 'ai-sdk',
    title: 'AI SDK',
    command: [process.execPath, join(here, 'node/ai_sdk.mjs')],
    has: [
      ...['run-blocking', 'run-version', 'run-failed', 'wait-over', 'files-out', 'video'],
      ...['file-kinds', 'error-401', 'error-404', 'error-422'],
    ],
    uncalled: {
      languageModel: kNoModels,
      embeddingModel: kNoModels,
      textEmbeddingModel: kNoModels,
      videoModel: 'another name of video',
    },
  },
  {
    name: 'cli',
    title: 'CLI',
    // Where its module cannot be had there is no program.
    absent: !process.env.CONFORMANCE_CLI,
    command: [process.execPath, join(here, 'node/cli.mjs')],
    has: [
      ...['run-polling', 'run-version', 'run-text', 'run-failed', 'files-out', 'create-by-model', 'get', 'list'],
      ...['stream-text', 'models-list', 'models-get', 'models-own', 'versions-get', 'hardware', 'account'],
      ...['deployments', 'trainings', 'file-input', 'error-401', 'error-404', 'error-422'],
    ],
    environment: () => ({ CONFORMANCE_CLI: process.env.CONFORMANCE_CLI }),
    uncalled: {
      scaffold: 'talks to the official host alone',
      'training list': 'only draws a table on a terminal and waits for keys',
      'deployments schema': 'takes the name of the deployment for that of its model',
      completion: 'no request',
      help: 'no request',
    },
  },
  {
    name: 'http-token',
    title: 'HTTP, Token',
    plain: true,
    command: [process.execPath, join(here, 'node/http_token.mjs')],
    lacks: [
      ...['run-polling', 'run-version', 'run-text', 'run-failed', 'longest-wait', 'use', 'progress', 'wait', 'abort'],
      ...['stream-text', 'stream-silent', 'stream-files', 'stream-failed', 'file-input', 'file-kinds', 'request'],
      ...['webhook', 'video'],
    ],
  },
];

/** `described`, with `lacks` in each. */
export const clients = described.map(({ has, ...client }) =>
  has ? { ...client, lacks: operations.map((o) => o.id).filter((id) => !has.includes(id)) } : client,
);
