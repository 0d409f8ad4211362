// SPDX-License-Identifier: Apache-2.0
// Models that are described by nothing but their OpenAPI document, from the command line to a prediction.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Api, kFlux, send } from './support/http.mjs';
import { hekto, Server, startServer, tempFolder } from './support/server.mjs';

const kQuick = ['--sandbox-speed', '0'];

const schema = (properties, Output, more = {}) => ({
  openapi: '3.0.2',
  info: { title: 'Cog', version: '0.1.0' },
  paths: {},
  components: { schemas: { Input: { type: 'object', title: 'Input', properties }, Output, ...more } },
});

test('a model is added from its schema alone, listed, run and removed', async (t) => {
  const folder = tempFolder(t);
  const models = (...args) => hekto(['models', ...args, '--data', join(folder, 'data')], { cwd: folder });
  const file = (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };

  const format = { enum: ['mp3', 'wav'], type: 'string', title: 'format', description: 'An enumeration.' };
  const singer = file(
    'singer.json',
    schema(
      {
        lyrics: { type: 'string', title: 'Lyrics', 'x-order': 0 },
        format: { allOf: [{ $ref: '#/components/schemas/format' }], default: 'mp3', 'x-order': 1 },
        token: { type: 'string', format: 'password', 'x-cog-secret': true, nullable: true },
      },
      { type: 'string', format: 'uri', title: 'Output' },
      { format },
    ),
  );
  const unnamed = await models('add', singer);
  assert.equal(unnamed.code, 1);
  assert.match(unnamed.stderr, /give --name OWNER\/NAME/);

  const added = await models('add', singer, '--name', 'acme/singer', '--description', 'Sings');
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stdout, /^acme\/singer:[0-9a-f]{64}\n$/);
  assert.match(added.stderr, /acme\/singer gives: music\nIt takes effect when the server starts\./);

  const again = await models('add', singer, '--name', 'acme/singer');
  assert.equal(again.code, 1);
  assert.match(again.stderr, /there is a model acme\/singer already \(.*acme\+singer\.yaml\); --force replaces it/);

  const listed = await models('list');
  assert.match(listed.stdout, /acme\/singer +music +1 +\/.*acme\+singer\.yaml/);
  assert.match(listed.stdout, /openai\/whisper +value +1 +built in/);

  const first = await startServer(t, { folder, args: kQuick });
  const api = new Api(first);
  const shown = (await api.get('/models/acme/singer')).json();
  assert.equal(shown.description, 'Sings');
  assert.equal(`acme/singer:${shown.latest_version.id}\n`, added.stdout);
  const p = await api.run('acme/singer', { lyrics: 'La la la' });
  assert.equal(p.status, 'succeeded', p.error);
  assert.equal((await send(first.origin, p.output)).headers['content-type'], 'audio/mpeg');
  const refused = await api.post('/models/acme/singer/predictions', { input: { format: 'tape' } });
  assert.equal(refused.status, 422);
  assert.match(refused.json().detail, /format must be one of the following: "mp3", "wav"/);

  const removed = await models('remove', 'acme/singer');
  assert.equal(removed.code, 0, removed.stderr);
  assert.match(removed.stderr, /A server is running: restart it/);
  await first.stop();
  const second = await startServer(t, { folder, args: kQuick, key: false });
  const after = new Api(second, { key: first.key });
  assert.equal((await after.get('/models/acme/singer')).status, 404);
});

test('what the API shows of a model is enough to add it elsewhere', async (t) => {
  const source = await startServer(t, { args: kQuick });
  const model = (await new Api(source).get(`/models/${kFlux}`)).text;
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'model.json'), model);
  const data = join(folder, 'data');
  const refused = await hekto(['models', 'add', 'model.json', '--data', data], { cwd: folder });
  assert.match(refused.stderr, /already \(built in\); --force replaces it/);
  const added = await hekto(['models', 'add', 'model.json', '--force', '--data', data], { cwd: folder });
  assert.equal(added.code, 0, added.stderr);
  const target = await Server.start({ folder, args: kQuick });
  t.after(() => target.stop('SIGKILL'));
  const copy = (await new Api(target).get(`/models/${kFlux}`)).json();
  assert.deepEqual(copy.latest_version, JSON.parse(model).latest_version);
});

test('a schema that is not understood is refused with the name of the input', async (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 's.json'), JSON.stringify(schema({ size: { type: 'huge' } }, { type: 'string' })));
  const refused = await hekto(['models', 'add', 's.json', '--name', 'a/b', '--data', join(folder, 'data')], { cwd: folder });
  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, "error: s.json: input 'size' is not understood: 'type' names no JSON type\n");
});
