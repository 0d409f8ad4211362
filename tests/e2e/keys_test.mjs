// SPDX-License-Identifier: Apache-2.0
// Keys and accounts by the command line, with a running server and without.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { Api, kFlux, smallImage } from './support/http.mjs';
import { hekto, startServer, tempFolder, until } from './support/server.mjs';

const kKey = /^hk-[0-9a-hjkmnp-tv-z]{48}$/;
const idOf = (key) => key.replace(/^hk-(test-)?/, '').slice(0, 10);

function command(t, folder, data) {
  return async (...args) => {
    const done = await hekto([...args, '--data', data], { cwd: folder });
    return { ...done, last: done.stdout.trimEnd().split('\n').at(-1) };
  };
}

test('with a running server a new key opens the next request, and a revoked one does not', async (t) => {
  const server = await startServer(t, { key: false, args: ['--sandbox-speed', '0'] });
  const run = command(t, server.folder, server.data);
  const made = await run('keys', 'create', '--name', 'first');
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.last, kKey);
  const api = new Api(server, { key: made.last });
  assert.equal((await api.get('/account')).status, 200);

  const listed = await run('keys', 'list');
  assert.equal(listed.code, 0, listed.stderr);
  assert.ok(listed.stdout.includes(idOf(made.last)) && listed.stdout.includes('first'), listed.stdout);
  assert.ok(!listed.stdout.includes(made.last));

  const revoked = await run('keys', 'revoke', idOf(made.last));
  assert.equal(revoked.code, 0, revoked.stderr);
  assert.equal((await api.get('/account')).status, 401);
  assert.match((await run('keys', 'list')).stdout, /revoked/i);
});

test('of keys that are made and revoked at the same time none is forgotten and none comes back', async (t) => {
  const server = await startServer(t, { key: false });
  const names = Array.from({ length: 16 }, (_, i) => `key-${i}`);
  const statuses = (keys) =>
    Promise.all(keys.map(async (key) => (await new Api(server, { key }).get('/account')).status));
  const keys = await Promise.all(names.map((name) => server.makeKey(name)));
  assert.deepEqual(await statuses(keys), keys.map(() => 200));
  const run = command(t, server.folder, server.data);
  await Promise.all([
    ...keys.map((key) => run('keys', 'revoke', idOf(key))),
    ...names.map((name) => server.makeKey(`${name}-again`)),
  ]);
  assert.deepEqual(await statuses(keys), keys.map(() => 401));
});

test('without a server the same commands work on the data folder, and the server then knows', async (t) => {
  const folder = tempFolder(t);
  const run = command(t, folder, join(folder, 'data'));
  const kept = await run('keys', 'create', '--name', 'kept');
  assert.equal(kept.code, 0, kept.stderr);
  assert.match(kept.last, kKey);
  const gone = await run('keys', 'create', '--name', 'gone');
  assert.equal((await run('keys', 'revoke', idOf(gone.last))).code, 0);
  assert.equal((await run('keys', 'list')).stdout.includes(idOf(kept.last)), true);

  const server = await startServer(t, { folder, key: false });
  assert.equal((await new Api(server, { key: kept.last }).get('/account')).status, 200);
  assert.equal((await new Api(server, { key: gone.last }).get('/account')).status, 401);
});

test('a key that was made with a server is there after a restart', async (t) => {
  const first = await startServer(t);
  await first.stop();
  const second = await startServer(t, { folder: first.folder, key: false });
  assert.equal((await new Api(second, { key: first.key }).get('/account')).status, 200);
});

test('keys of one account share its predictions, other accounts do not see them', async (t) => {
  const server = await startServer(t, { args: ['--sandbox-speed', '0'] });
  const made = await command(t, server.folder, server.data)('accounts', 'create', 'team-b');
  assert.equal(made.code, 0, made.stderr);
  const accounts = await command(t, server.folder, server.data)('accounts', 'list');
  assert.match(accounts.stdout, /team-b/);
  const { id } = await new Api(server).create(kFlux, smallImage('fox'));
  const sibling = new Api(server, { key: await server.makeKey('sibling') });
  const stranger = new Api(server, { key: await server.makeKey('stranger', '--account', 'team-b') });
  assert.equal((await sibling.get(`/predictions/${id}`)).status, 200);
  assert.equal((await stranger.get(`/predictions/${id}`)).status, 404);
  assert.equal((await stranger.get('/account')).json().username, 'team-b');
});

test('a test key is told by its text and works in the sandbox', async (t) => {
  const server = await startServer(t, { args: ['--sandbox-speed', '0'] });
  const key = await server.makeKey('testing', '--test');
  assert.match(key, /^hk-test-[0-9a-hjkmnp-tv-z]{48}$/);
  const p = await new Api(server, { key }).run(kFlux, smallImage('fox'));
  assert.equal(p.status, 'succeeded');
});

test('a key ends when it expires', async (t) => {
  const server = await startServer(t);
  const begun = Date.now();
  const api = new Api(server, { key: await server.makeKey('short', '--expires', '2s') });
  await until('the key to expire', async () => (await api.get('/account')).status === 401);
  assert.ok(Date.now() >= begun + 2000, 'the key ended too early');
  const lasting = new Api(server, { key: await server.makeKey('long', '--expires', '30d') });
  assert.equal((await lasting.get('/account')).status, 200);
});

test('mistakes are said and end with a code other than 0', async (t) => {
  const folder = tempFolder(t);
  const run = command(t, folder, join(folder, 'data'));
  for (const args of [
    ['keys', 'create'],
    ['keys', 'create', '--name', 'x', '--expires', 'soon'],
    ['keys', 'revoke', 'nothing'],
    ['keys', 'create', '--name', 'x', '--nonsense'],
    ['accounts', 'create', 'Not A Name'],
    ['nonsense'],
  ]) {
    const tried = await run(...args);
    assert.notEqual(tried.code, 0, args.join(' '));
    assert.notEqual(tried.stderr.trim(), '', args.join(' '));
  }
});

test('help and version are there for every command', async (t) => {
  const folder = tempFolder(t);
  for (const args of [
    [],
    ['serve'],
    ['keys'],
    ['keys', 'create'],
    ['keys', 'list'],
    ['keys', 'revoke'],
    ['accounts'],
    ['run'],
  ]) {
    const help = await hekto([...args, '--help'], { cwd: folder });
    assert.equal(help.code, 0, args.join(' '));
    assert.match(help.stdout, /usage/i, args.join(' '));
  }
  const version = await hekto(['version'], { cwd: folder });
  assert.equal(version.code, 0);
  assert.match(version.stdout, /\d+\.\d+\.\d+/);
});
