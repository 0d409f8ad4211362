// SPDX-License-Identifier: Apache-2.0
// The columns of the table: the official clients, and a client that sends plain requests with the older Token scheme.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const built = join(here, '../../build/conformance');

//   name      what --client takes
//   command   the driver; it reads the CONFORMANCE_* variables and prints one JSON object a line (see node/driver.mjs)
//   lacks     operations that the client has no call for; the driver must have all others
export const clients = [
  {
    name: 'javascript',
    title: 'JavaScript',
    command: [process.execPath, join(here, 'node/replicate.mjs')],
    lacks: ['use', 'cancel-after', 'search'],
  },
  {
    name: 'python',
    title: 'Python',
    command: [join(built, 'python/bin/python'), join(here, 'python/v1.py')],
    lacks: ['use', 'abort', 'cancel-after', 'search'],
  },
  {
    name: 'python-async',
    title: 'Python async',
    command: [join(built, 'python/bin/python'), join(here, 'python/v1_async.py')],
    lacks: ['use', 'abort', 'cancel-after', 'search'],
  },
  {
    name: 'python-beta',
    title: 'Python beta',
    command: [join(built, 'python-beta/bin/python'), join(here, 'python/v2.py')],
    lacks: ['progress', 'abort', 'stream-files', 'webhook'],
  },
  {
    name: 'python-beta-async',
    title: 'Python beta async',
    command: [join(built, 'python-beta/bin/python'), join(here, 'python/v2_async.py')],
    lacks: ['progress', 'abort', 'stream-files', 'webhook'],
  },
  {
    name: 'go',
    title: 'Go',
    command: [join(built, 'go/driver')],
    // Its blocking run always asks for the longest wait.
    lacks: ['wait-over', 'use', 'abort', 'cancel-after', 'search'],
  },
  {
    name: 'http-token',
    title: 'HTTP, Token',
    command: [process.execPath, join(here, 'node/http_token.mjs')],
    lacks: [
      ...['run-polling', 'run-version', 'run-text', 'run-failed', 'longest-wait', 'use', 'progress', 'wait', 'abort'],
      ...['stream-text', 'stream-files', 'stream-failed', 'file-input', 'webhook'],
    ],
  },
];
