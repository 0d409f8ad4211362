// SPDX-License-Identifier: Apache-2.0
// Who may do what: every operation of the served document, by six callers, with the status and the body of each answer.
// What another account owns must look, byte for byte, like what does not exist.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Api, kFlux, kFluxLoraVersion, kLlama, send, smallImage } from './support/http.mjs';
import { Document } from './support/openapi.mjs';
import { fresh, kRequests, Maker, perform } from './support/operations.mjs';
import { hekto, startServer, until } from './support/server.mjs';

const kNoToken = '{"title":"Unauthenticated","detail":"You did not pass an authentication token","status":401}';
const kBadToken = '{"title":"Unauthenticated","detail":"You did not pass a valid authentication token","status":401}';
const kNotFound = '{"detail":"The requested resource could not be found.","status":404}';
const kFileNotFound = '{"detail":"File not found","status":404}';
const kForbidden = '{"title":"Forbidden","detail":"You do not have permission to perform this action.","status":403}';

const limits = ['creates', 'reads', 'others'].flatMap((name) => [`--rate-limits-${name}`, '1000000']);
const server = await startServer({ after }, { args: ['--sandbox-speed', '0', ...limits] });
const document = await Document.load(server);

await server.makeAccount('other');
const keys = {
  owner: server.key,
  test: await server.makeKey('trial', '--test'),
  other: await server.makeKey('other', '--account', 'other'),
  none: undefined,
  revoked: await server.makeKey('revoked'),
  expired: await server.makeKey('expired', '--expires', '1s'),
};
const admin = (...args) => hekto([...args, '--data', server.data], { cwd: server.folder });
assert.equal((await admin('keys', 'revoke', keys.revoked)).code, 0);
const accountWith = (key) => send(server.origin, '/v1/account', { headers: { authorization: `Bearer ${key}` } });
await until('the key has expired', async () => (await accountWith(keys.expired)).status === 401);

const mine = new Maker(new Api(server, { key: keys.owner }), 'default');
const theirs = new Maker(new Api(server, { key: keys.other }), 'other');

const kMembers = ['owner', 'test']; // callers of the account that owns what the requests are about
const kStrangers = { none: kNoToken, revoked: kBadToken, expired: kBadToken };

async function ask(id, request, caller) {
  const authorization = keys[caller] && `Bearer ${keys[caller]}`;
  const answer = await perform(server, document.operations.get(id), request, { authorization });
  document.check(id, answer);
  if (answer.status >= 400) assert.equal(typeof answer.json().detail, 'string', `${id}: errors are objects`);
  return answer;
}

/** All of an answer that may not differ between what is another's and what is not there. */
function visible({ status, headers, text }) {
  const { date, 'x-request-id': id, 'ratelimit-remaining': left, 'ratelimit-reset': reset, ...kept } = headers;
  return { status, headers: kept, text };
}

/** The same request for something of the same form that nobody has. */
function unknownOf(request) {
  // The last character of an id holds three bits: not every one may stand there.
  const other = (text) => text.slice(0, -1) + (text.endsWith('0') ? '4' : '0');
  const params = { ...request.params };
  for (const name of ['prediction_id', 'file_id', 'deployment_name', 'model_name', 'training_id']) {
    if (name in params) params[name] = other(params[name]);
  }
  assert.notDeepEqual(params, request.params);
  return { ...request, params };
}

async function refuseStrangers(id, request) {
  for (const [caller, body] of Object.entries(kStrangers)) {
    const answer = await ask(id, request, caller);
    assert.deepEqual([answer.status, answer.text], [401, body], `${id} by ${caller}`);
  }
}

const showsParams = (answer, { params }) => {
  if (answer.text === '') return;
  for (const [name, value] of Object.entries(params)) {
    if (!name.endsWith('_owner')) assert.ok(answer.text.includes(value), `${name} ${value} in ${answer.text}`);
  }
};

/** Something that an account has: members get `status`, another account what it gets for an unknown thing. */
const object = (
  id,
  status,
  { look, missing = kNotFound, missingStatus = 404, request = kRequests[id], shows = showsParams } = {},
) => ({
  id,
  async run() {
    const asked = await request(mine);
    const state = look && (await ask(look, asked, 'owner')).text;
    const answer = await ask(id, asked, 'other');
    assert.deepEqual([answer.status, answer.text], [missingStatus, missing], `${id} by other`);
    assert.deepEqual(visible(answer), visible(await ask(id, unknownOf(asked), 'other')), `${id}: as an unknown one`);
    await refuseStrangers(id, asked);
    if (look) assert.equal((await ask(look, asked, 'owner')).text, state, `${id}: nothing was changed`);
    for (const caller of kMembers) {
      const own = caller === 'owner' ? asked : await request(mine);
      const allowed = await ask(id, own, caller);
      assert.equal(allowed.status, status, `${id} by ${caller}: ${allowed.text}`);
      shows(allowed, own);
    }
  },
});

/** A list: each account sees what is its own. `make` makes something and gives the text that a list shows it by. */
const list = (id, make, request = () => ({})) => ({
  id,
  async run() {
    const own = await make(mine);
    const foreign = await make(theirs);
    const asked = await request(own);
    await refuseStrangers(id, asked);
    for (const caller of [...kMembers, 'other']) {
      const answer = await ask(id, asked, caller);
      assert.equal(answer.status, 200);
      assert.equal(answer.text.includes(own), caller !== 'other', `${id} by ${caller}`);
      if (caller !== 'other') assert.ok(!answer.text.includes(foreign), `${id} by ${caller}`);
    }
    const other = await ask(id, await request(foreign), 'other');
    assert.ok(other.text.includes(foreign), `${id}: their own`);
  },
});

/** Each account has one of its own. */
const single = (id, shows) => ({
  id,
  async run() {
    await refuseStrangers(id, {});
    const [owner, member, other] = [await ask(id, {}, 'owner'), await ask(id, {}, 'test'), await ask(id, {}, 'other')];
    for (const answer of [owner, member, other]) assert.equal(answer.status, 200);
    assert.equal(member.text, owner.text);
    assert.notEqual(other.text, owner.text);
    shows(owner.json(), 'default');
    shows(other.json(), 'other');
  },
});

/** The same for every key. */
const shared = (id, status, request = kRequests[id], body) => ({
  id,
  async run() {
    const asked = await request(mine);
    await refuseStrangers(id, asked);
    const answer = await ask(id, asked, 'owner');
    assert.equal(answer.status, status, answer.text);
    if (body !== undefined) assert.equal(answer.text, body);
    for (const caller of ['test', 'other']) assert.deepEqual(visible(await ask(id, asked, caller)), visible(answer));
  },
});

/** Asks for no key: the same for everybody, whatever key comes along. */
const open = (id, status, request = kRequests[id]) => ({
  id,
  async run() {
    const asked = await request(mine);
    const answer = await ask(id, asked, 'none');
    assert.equal(answer.status, status, answer.text);
    for (const caller of Object.keys(keys)) {
      assert.deepEqual(visible(await ask(id, asked, caller)), visible(answer), caller);
    }
  },
});

/** A new thing belongs to the account of the key that made it. `find` asks for it. */
const create = (id, status, find, request = kRequests[id]) => ({
  id,
  async run() {
    await refuseStrangers(id, await request(mine));
    for (const [caller, maker] of [['owner', mine], ['test', mine], ['other', theirs]]) {
      const made = await ask(id, await request(maker), caller);
      assert.equal(made.status, status, `${id} by ${caller}: ${made.text}`);
      const [lookId, params] = find(made.json());
      for (const reader of [...kMembers, 'other']) {
        const same = (reader === 'other') === (caller === 'other');
        const found = await ask(lookId, { params }, reader);
        assert.equal(found.status, same ? 200 : 404, `${id} by ${caller}, read by ${reader}`);
      }
    }
  },
});

const privateModel = (more) => async (maker) => {
  const { owner, name } = await maker.model(more);
  const params = { model_owner: owner, model_name: name };
  const update = { params, body: { readme: `# ${name}` } };
  assert.equal((await ask('models.update', update, maker === mine ? 'owner' : 'other')).status, 200);
  return { params };
};
const emptyPage = (answer) => assert.deepEqual(answer.json().results, []);
const byPrediction = ({ id }) => ['predictions.get', { prediction_id: id }];
const byTraining = ({ id }) => ['trainings.get', { training_id: id }];
const byModel = ({ owner, name }) => ['models.get', { model_owner: owner, model_name: name }];
const byDeployment = ({ owner, name }) => ['deployments.get', { deployment_owner: owner, deployment_name: name }];

/** A version that a training has made for a private model; `more` goes into the request. */
const trained = (more) => async (maker) => ({ ...(await kRequests['models.versions.delete'](maker)), ...more });
const showsVersion = (answer, { params }) => assert.ok(answer.text.includes(params.version_id), answer.text);
const showsStarting = (answer) => assert.equal(answer.json().status, 'starting');

const kMatrix = [
  single('account.get', (account, name) => assert.equal(account.username, name)),
  single('webhooks.default.secret.get', ({ key }) => assert.match(key, /^whsec_/)),
  shared('hardware.list', 200),
  shared('collections.list', 200),
  shared('collections.get', 200),

  create('predictions.create', 201, byPrediction),
  create('models.predictions.create', 201, byPrediction),
  create('deployments.predictions.create', 201, byPrediction),
  object('deployments.predictions.create', 201, { shows: showsStarting }),
  object('models.predictions.create', 201, {
    look: 'models.get',
    request: trained({ body: { input: smallImage('TOK') } }),
    shows: showsVersion,
  }),
  list('predictions.list', async (maker) => (await maker.prediction()).id),
  object('predictions.get', 200, { look: 'predictions.get' }),
  object('predictions.cancel', 200, { look: 'predictions.get' }),

  create('trainings.create', 201, byTraining),
  object('trainings.create', 201, {
    look: 'models.versions.get',
    request: async (maker) => trained({ body: await maker.trainingBody() })(maker),
    shows: showsStarting,
  }),
  list('trainings.list', async (maker) => (await maker.training()).id),
  object('trainings.get', 200, { look: 'trainings.get' }),
  object('trainings.cancel', 200, { look: 'trainings.get' }),

  create('files.create', 201, ({ id }) => ['files.get', { file_id: id }]),
  list('files.list', async (maker) => (await maker.file()).id),
  object('files.get', 200, { look: 'files.get', missing: kFileNotFound }),
  object('files.delete', 204, { look: 'files.get', missing: kFileNotFound }),
  open('files.download', 200),

  create('deployments.create', 200, byDeployment),
  list('deployments.list', async (maker) => `"name":"${(await maker.deployment()).name}"`),
  object('deployments.get', 200, { look: 'deployments.get' }),
  object('deployments.update', 200, { look: 'deployments.get' }),
  object('deployments.delete', 204, { look: 'deployments.get' }),

  create('models.create', 201, byModel),
  list('models.list', async (maker) => `"name":"${(await maker.model()).name}"`),
  list(
    'models.search',
    async (maker) => `"name":"${(await maker.model()).name}"`,
    (own) => ({ body: Buffer.from(own.split('"')[3]) }),
  ),
  object('models.get', 200, { look: 'models.get' }),
  shared('models.get', 200, privateModel({ visibility: 'public' })),
  object('models.update', 200, { look: 'models.get' }),
  object('models.delete', 204, { look: 'models.get' }),
  object('models.readme.get', 200, { look: 'models.get', request: privateModel() }),
  shared('models.readme.get', 200),
  object('models.examples.list', 200, { look: 'models.get', request: privateModel(), shows: emptyPage }),
  shared('models.examples.list', 200),
  object('models.versions.list', 200, { look: 'models.get', request: privateModel(), shows: emptyPage }),
  shared('models.versions.list', 200),
  shared('models.versions.get', 200),
  object('models.versions.list', 200, { look: 'models.get', request: trained(), shows: showsVersion }),
  object('models.versions.get', 200, { look: 'models.versions.get', request: trained(), shows: showsVersion }),
  object('models.versions.delete', 202, { look: 'models.versions.get' }),
  shared('models.versions.delete', 403, kRequests['models.versions.get'], kForbidden),

  open('search', 200),
  open('openapi.get', 200),
  open('streams.get', 200),
  open('files.get', 200, async (maker) => ({
    params: { file_id: new URL((await maker.image()).urls.stream).pathname.split('/').at(-1) },
  })),
  open('delivery.get', 200),
  open('delivery.preflight', 204),
];

test('every operation of the document is in the matrix', () => {
  assert.deepEqual([...new Set(kMatrix.map(({ id }) => id))].sort(), [...document.operations.keys()].sort());
});

for (const { id, run } of kMatrix) test(`${id}: each caller gets what is theirs to get`, run);

test('another account may not change a public model, and may not take its owner’s name', async () => {
  const { params } = await privateModel({ visibility: 'public' })(mine);
  for (const [id, request] of [
    ['models.update', { params, body: { readme: 'mine now' } }],
    ['models.delete', { params }],
  ]) {
    const answer = await ask(id, request, 'other');
    assert.deepEqual([answer.status, answer.text], [403, kForbidden], id);
  }
  assert.equal((await ask('models.readme.get', { params }, 'other')).text, `# ${params.model_name}`);
  const existing = await mine.model();
  const [taken, free] = [existing.name, fresh()].map((name) => ({ body: { ...mine.modelBody(), name } }));
  const refused = await ask('models.create', taken, 'other');
  assert.deepEqual([refused.status, refused.text], [403, kForbidden]);
  assert.deepEqual(visible(await ask('models.create', free, 'other')), visible(refused));
});

test('a name that another account has given is free for this one', async () => {
  const deployment = await mine.deployment();
  const body = { ...(await theirs.deploymentBody()), name: deployment.name };
  assert.equal((await ask('deployments.create', { body }, 'other')).status, 200);
  assert.equal((await theirs.api.get(`/deployments/other/${deployment.name}`)).json().owner, 'other');
  assert.equal((await mine.api.get(`/deployments/default/${deployment.name}`)).text, JSON.stringify(deployment));
});

test('another account’s file as an input is as one that is not there', async () => {
  const file = await mine.file();
  const run = async (id) => {
    const input = { ...smallImage('a fox'), image: `${server.origin}/v1/files/${id}` };
    const made = await theirs.api.post('/predictions', { version: kFluxLoraVersion, input });
    assert.equal(made.status, 201, made.text);
    const ended = await theirs.api.finished(made.json().id);
    return [ended.status, ended.error.replaceAll(id, 'ID'), ended.logs.replaceAll(id, 'ID')];
  };
  const { params } = unknownOf({ params: { file_id: file.id } });
  const foreign = await run(file.id);
  assert.equal(foreign[0], 'failed');
  assert.deepEqual(foreign, await run(params.file_id));
});

test('another account’s version is as one that is not there, wherever it is named', async () => {
  const { owner, name, id: version } = await mine.trainedVersion();
  const model = `${owner}/${name}`;
  const nobody = unknownOf({ params: { file_id: version } }).params.file_id;
  const deployment = { ...(await theirs.deploymentBody()), model };
  const input = smallImage('TOK');
  for (const [id, known, unknown] of [
    ['predictions.create', { version, input }, { version: nobody, input }],
    ['predictions.create', { version: `${model}:${version}`, input }, { version: `${model}:${nobody}`, input }],
    ['predictions.create', { version: model, input }, { version: `${owner}/no-such`, input }],
    ['deployments.create', { ...deployment, version }, { ...deployment, version: nobody }],
  ]) {
    const answer = await ask(id, { body: known }, 'other');
    assert.equal(answer.status, 422, answer.text);
    assert.deepEqual(visible(answer), visible(await ask(id, { body: unknown }, 'other')), JSON.stringify(known));
    const own = await ask(id, { body: known }, 'owner');
    assert.ok([200, 201].includes(own.status), own.text);
  }
});

test('a training is another account’s by the path of predictions, too', async () => {
  const { id } = await mine.training({ trigger_word: '[sandbox:setup=10m]' });
  for (const operation of ['predictions.get', 'predictions.cancel']) {
    const answer = await ask(operation, { params: { prediction_id: id } }, 'other');
    assert.deepEqual([answer.status, answer.text], [404, kNotFound]);
  }
  assert.equal((await mine.api.get(`/trainings/${id}`)).json().status, 'starting');
});

test('an Idempotency-Key of another account means nothing', async () => {
  const headers = { 'idempotency-key': fresh() };
  const create = async (caller) => {
    const id = 'models.predictions.create';
    const answer = await ask(id, { ...kRequests[id](), headers }, caller);
    assert.equal(answer.status, 201);
    return { id: answer.json().id, replayed: answer.headers['idempotent-replayed'] };
  };
  const own = await create('owner');
  const foreign = await create('other');
  assert.notEqual(foreign.id, own.id);
  assert.equal(foreign.replayed, undefined);
  assert.deepEqual(await create('owner'), { id: own.id, replayed: 'true' });
});

test('signed links open what they are for, and nothing else', async () => {
  const file = await mine.file();
  const link = new URL(file.urls.download);
  const at = (change) => {
    const url = new URL(link);
    change(url);
    return send(server.origin, url.pathname + url.search);
  };
  const nobodys = unknownOf({ params: { file_id: file.id } }).params.file_id;
  const unknown = await at((url) => (url.pathname = url.pathname.replace(file.id, nobodys)));
  assert.deepEqual([unknown.status, unknown.text], [404, kFileNotFound]);
  const their = new URL((await theirs.file()).urls.download);
  for (const change of [
    (url) => url.searchParams.set('owner', 'other'),
    (url) => url.searchParams.set('owner', 'nobody'),
    (url) => url.searchParams.set('expiry', String(Number(url.searchParams.get('expiry')) + 1)),
    (url) => url.searchParams.set('signature', their.searchParams.get('signature')),
    (url) => (url.search = their.search),
    (url) => (url.search = ''),
  ]) {
    assert.deepEqual(visible(await at(change)), visible(unknown));
  }

  const text = await mine.prediction();
  const image = await mine.image();
  const stream = new URL(text.urls.stream).pathname;
  const [, , token, name] = new URL(image.output[0]).pathname.split('/');
  const changed = (text) => (text.endsWith('0') ? `${text.slice(0, -1)}1` : `${text.slice(0, -1)}0`);
  const noStream = await send(server.origin, changed(stream));
  assert.deepEqual([noStream.status, noStream.text], [404, kNotFound]);
  assert.deepEqual(visible(await send(server.origin, `/v1/streams/${token}`)), visible(noStream));
  const noFile = await send(server.origin, `/delivery/${changed(token)}/${name}`);
  assert.equal(noFile.status, 403);
  const streamToken = stream.split('/').at(-1);
  for (const path of [`/delivery/${streamToken}/${name}`, `/delivery/${token}/other.png`, `/delivery/${token}/..`]) {
    const answer = await send(server.origin, path);
    assert.ok([403, 404].includes(answer.status), `${path}: ${answer.status}`);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
  }
});

test('a cursor of another account opens nothing of it', async () => {
  const kInvalid = '{"title":"Bad request","detail":"Invalid cursor","status":400}';
  const many = async (make, count) => {
    for (let done = 0; done < count; done += 20) await Promise.all(Array.from({ length: 20 }, make));
  };
  await many(() => mine.api.create(kLlama, { prompt: 'x' }), 120);
  await many(() => mine.file('x'), 120);
  await many(() => mine.deployment(), 120);
  await many(() => mine.training(), 120);
  await theirs.prediction();
  for (const [id, path] of [
    ['predictions.list', '/predictions'],
    ['trainings.list', '/trainings'],
    ['files.list', '/files'],
    ['deployments.list', '/deployments'],
    ['models.list', '/models'],
  ]) {
    const first = (await mine.api.get(path)).json();
    const nameOf = (item) => (id === 'models.list' ? `${item.owner}/${item.name}` : (item.id ?? item.name));
    const names = ({ results }) => results.map(nameOf);
    const following = async ({ next }) => next && (await theirs.api.get(path + new URL(next).search)).json();
    const summary = (answer) => (answer.status === 200 ? names(answer.json()) : visible(answer));
    const query = new URL(first.next).search.slice(1);
    const second = (await ask(id, { query }, 'owner')).json();
    assert.ok(names(second).length > 0);
    const foreign = await ask(id, { query }, 'other');
    if (id === 'predictions.list' || id === 'trainings.list') {
      assert.deepEqual([foreign.status, foreign.text], [400, kInvalid]);
    } else {
      const own = new Set();
      for (let page = (await theirs.api.get(path)).json(); page; page = await following(page)) {
        for (const name of names(page)) own.add(name);
      }
      for (const name of names(foreign.json())) assert.ok(own.has(name), `${id}: ${name} is theirs`);
    }
    // Where the cursor points to is not looked up: one that points to nothing answers the same.
    const cursor = Buffer.from(new URLSearchParams(query).get('cursor'), 'base64url').toString();
    const last = names(first).at(-1);
    assert.ok(cursor.includes(last), cursor);
    const moved = new URLSearchParams(query);
    const nobody = last.slice(0, -1) + (last.endsWith('0') ? '4' : '0');
    moved.set('cursor', Buffer.from(cursor.replace(last, nobody)).toString('base64url'));
    const unknown = await ask(id, { query: moved.toString() }, 'other');
    assert.deepEqual(summary(unknown), summary(foreign), id);
  }
});

test('another account’s model is no destination, as one that is not there', async () => {
  const asked = await kRequests['trainings.create'](mine);
  const answer = await ask('trainings.create', asked, 'other');
  const detail = 'The specified training destination does not exist';
  assert.deepEqual([answer.status, answer.json().detail], [404, detail]);
  const body = { ...asked.body, destination: `default/${fresh()}` };
  assert.deepEqual(visible(await ask('trainings.create', { ...asked, body }, 'other')), visible(answer));
});

test('what a test key makes belongs to its account', async () => {
  const made = await new Api(server, { key: keys.test }).run(kFlux, smallImage('a fox'));
  assert.equal((await mine.api.prediction(made.id)).id, made.id);
  assert.equal((await theirs.api.get(`/predictions/${made.id}`)).status, 404);
});

test('administration is not to be had over the network', async () => {
  const unknown = visible(await send(server.origin, '/no/such/path'));
  assert.deepEqual([unknown.status, unknown.text], [404, kNotFound]);
  const routes = ['keys', 'accounts', 'keys/3k9w2m0x7c/revoke', 'webhooks', 'webhooks/msg_1/resend'];
  routes.push('webhook-secrets/rotate');
  for (const mount of ['', '/v1', '/replicate', '/replicate/v1']) {
    for (const route of routes) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
        for (const caller of ['owner', 'none']) {
          const headers = keys[caller] ? { authorization: `Bearer ${keys[caller]}` } : {};
          const answer = await send(server.origin, `${mount}/admin/v1/${route}`, { method, headers });
          assert.deepEqual(visible(answer), unknown, `${method} ${mount}/admin/v1/${route} by ${caller}`);
        }
      }
    }
  }
});

test('no key shows in the log', () => {
  for (const key of Object.values(keys)) {
    if (key) assert.ok(!server.log.join('\n').includes(key.slice(-38)));
  }
});
