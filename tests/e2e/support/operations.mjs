// SPDX-License-Identifier: Apache-2.0
// For each operation of the OpenAPI document a request that succeeds, with the objects that it is about made for it.
import { kFlux, kFluxLoraVersion, kLlama, send, smallImage } from './http.mjs';

let count = 0;
/** A name that nothing has yet. */
export const fresh = () => `thing-${(count += 1)}`;

const kInput = { prompt: 'hello' };
const [kOwner, kName] = kLlama.split('/');
const kModel = { model_owner: kOwner, model_name: kName };
const kTrainer = {
  model_owner: 'ostris',
  model_name: 'flux-dev-lora-trainer',
  version_id: 'e440909d3512c31646ee2e0c7d6f6f4923224863a6a10c494606e79fb5844497',
};

const must = (answer, ...statuses) => {
  if (!statuses.includes(answer.status)) throw new Error(`${answer.status} ${answer.text}`);
  return answer.status === 204 ? undefined : answer.json();
};

/** {body, headers} of an upload form. */
export async function form(text, name = 'note.txt', fields = {}) {
  const data = new FormData();
  if (text !== null) data.set('content', new Blob([text], { type: 'text/plain' }), name);
  for (const [key, value] of Object.entries(fields)) data.set(key, value);
  const encoded = new Response(data);
  const headers = { 'content-type': encoded.headers.get('content-type') };
  return { body: Buffer.from(await encoded.arrayBuffer()), headers };
}

/** What the account of `api` can make; `owner` is the account's name. */
export class Maker {
  constructor(api, owner) {
    this.api = api;
    this.owner = owner;
  }

  /** A prediction that has ended, or with `input` one that may be running. */
  prediction(input) {
    return input ? this.api.create(kLlama, input) : this.api.run(kLlama, kInput);
  }
  image() {
    return this.api.run(kFlux, smallImage('a fox'));
  }
  async file(text = 'some words') {
    const { body, headers } = await form(text);
    return must(await this.api.post('/files', body.toString('latin1'), headers), 201);
  }
  async deploymentBody() {
    const version = must(await this.api.get(`/models/${kLlama}`), 200).latest_version.id;
    return { name: fresh(), model: kLlama, version, hardware: 'cpu', min_instances: 0, max_instances: 1 };
  }
  async deployment() {
    return must(await this.api.post('/deployments', await this.deploymentBody()), 200);
  }
  modelBody(more = {}) {
    return { owner: this.owner, name: fresh(), visibility: 'private', hardware: 'cpu', ...more };
  }
  async model(more) {
    return must(await this.api.post('/models', this.modelBody(more)), 201);
  }
  async trainingBody(input = {}) {
    const { owner, name } = await this.model();
    return { destination: `${owner}/${name}`, input: { input_images: 'data:application/zip;base64,UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==', steps: 3, ...input } };
  }
  async training(input) {
    const { model_owner, model_name, version_id } = kTrainer;
    const path = `/models/${model_owner}/${model_name}/versions/${version_id}/trainings`;
    return must(await this.api.post(path, await this.trainingBody(input)), 201);
  }
  async endedTraining(input) {
    return this.api.finished((await this.training(input)).id);
  }
  /** A version that a training made: its model's owner and name, and its id. */
  async trainedVersion() {
    const { output } = await this.endedTraining();
    const [, owner, name, version] = /^(.+)\/(.+):(.+)$/.exec(output.version);
    return { owner, name, id: version };
  }
}

const ofDeployment = ({ owner, name }) => ({ params: { deployment_owner: owner, deployment_name: name } });
const ofModel = ({ owner, name }) => ({ params: { model_owner: owner, model_name: name } });
const ofPrediction = ({ id }) => ({ params: { prediction_id: id } });
const ofTraining = ({ id }) => ({ params: { training_id: id } });
const ofFile = ({ id }) => ({ params: { file_id: id } });

/** operationId -> async (maker) => {params, query, headers, body}. A body that is an object is sent as JSON. */
export const kRequests = {
  'account.get': () => ({}),
  'collections.list': () => ({}),
  'collections.get': async ({ api }) => ({
    params: { collection_slug: must(await api.get('/collections'), 200).results[0].slug },
  }),
  'deployments.list': () => ({}),
  'deployments.create': async (maker) => ({ body: await maker.deploymentBody() }),
  'deployments.get': async (maker) => ofDeployment(await maker.deployment()),
  'deployments.update': async (maker) => ({ ...ofDeployment(await maker.deployment()), body: { max_instances: 3 } }),
  'deployments.delete': async (maker) => ofDeployment(await maker.deployment()),
  'deployments.predictions.create': async (maker) => ({
    ...ofDeployment(await maker.deployment()),
    body: { input: kInput },
  }),
  'files.list': () => ({}),
  'files.create': () => form('some words', 'note.txt', { metadata: '{"a":1}' }),
  'files.get': async (maker) => ofFile(await maker.file()),
  'files.delete': async (maker) => ofFile(await maker.file()),
  'files.download': async (maker) => {
    const file = await maker.file();
    return { ...ofFile(file), query: new URL(file.urls.download).search.slice(1) };
  },
  'hardware.list': () => ({}),
  'models.list': () => ({}),
  'models.create': (maker) => ({ body: maker.modelBody({ description: 'Counts' }) }),
  'models.search': () => ({ headers: { 'content-type': 'text/plain' }, body: Buffer.from('llama') }),
  'models.get': async (maker) => ofModel(await maker.model()),
  'models.update': async (maker) => ({ ...ofModel(await maker.model()), body: { readme: '# Read me' } }),
  'models.delete': async (maker) => ofModel(await maker.model()),
  'models.readme.get': () => ({ params: kModel }),
  'models.examples.list': () => ({ params: kModel }),
  'models.versions.list': () => ({ params: kModel }),
  'models.versions.get': async ({ api }) => ({
    params: { ...kModel, version_id: must(await api.get(`/models/${kLlama}`), 200).latest_version.id },
  }),
  'models.versions.delete': async (maker) => {
    const { id, ...model } = await maker.trainedVersion();
    return { params: { ...ofModel(model).params, version_id: id } };
  },
  'models.predictions.create': () => ({ params: kModel, body: { input: kInput } }),
  'openapi.get': () => ({}),
  'predictions.list': () => ({}),
  'predictions.create': () => ({ body: { version: kFluxLoraVersion, input: { prompt: 'a fox', megapixels: '0.25' } } }),
  'predictions.get': async (maker) => ofPrediction(await maker.prediction()),
  'predictions.cancel': async (maker) =>
    ofPrediction(await maker.prediction({ prompt: 'hello [sandbox:setup=10m]' })),
  'trainings.create': async (maker) => ({ params: kTrainer, body: await maker.trainingBody() }),
  'trainings.list': () => ({}),
  'trainings.get': async (maker) => ofTraining(await maker.endedTraining()),
  'trainings.cancel': async (maker) => ofTraining(await maker.training({ trigger_word: '[sandbox:setup=10m]' })),
  search: () => ({ query: 'query=llama' }),
  'webhooks.default.secret.get': () => ({}),
  'streams.get': async (maker) => ({
    params: { stream_token: new URL((await maker.prediction()).urls.stream).pathname.split('/').at(-1) },
  }),
  'delivery.get': async (maker) => {
    const [, , delivery_token, file_name] = new URL([(await maker.image()).output].flat()[0]).pathname.split('/');
    return { params: { delivery_token, file_name } };
  },
  'delivery.preflight': () => ({
    params: { delivery_token: 'any', file_name: 'out.png' },
    headers: { origin: 'https://page.example', 'access-control-request-method': 'GET' },
  }),
};

/** Sends `request` (as in kRequests) of an operation of the document. `authorization` undefined: without a key. */
export function perform(server, operation, request, { mount = '/v1', authorization, method = operation.method } = {}) {
  const { params = {}, query = '', headers = {}, body } = request;
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name]));
  const isJson = body !== undefined && !Buffer.isBuffer(body);
  return send(server.origin, (operation.root ? '' : mount) + path + (query ? `?${query}` : ''), {
    method,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(isJson && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: isJson ? (typeof body === 'string' ? body : JSON.stringify(body)) : body,
  });
}
