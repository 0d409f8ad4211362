// SPDX-License-Identifier: Apache-2.0
// Answers to reads that concern no prediction; null when the path is none of theirs.
import { findModel, kCollections, kHardware, kModels, showModel } from './catalog.mjs';
import { jsonAnswer } from './wire.mjs';

const page = (results) => ({ next: null, previous: null, results });

/** `parts`: the path below /v1. `call`: {method, query, text, account (its entry), origin}. */
export function documentFor(parts, call) {
  const { method, account } = call;
  const ok = (value) => jsonAnswer(200, value);
  const [first, second, third, fourth, fifth] = parts;
  if (first === 'models' && parts.length === 1) {
    const word = method === 'QUERY' ? call.text.replace(/^"|"$/g, '') : '';
    return ok(page(kModels.filter(({ name }) => name.includes(word)).map(showModel)));
  }
  if (method !== 'GET') return null;
  if (first === 'hardware') return ok(kHardware);
  if (first === 'account') return ok({ type: 'user', username: account.username, name: account.username });
  if (first === 'webhooks') return ok({ key: account.webhookSecret });
  if (first === 'collections' && !second) return ok(page(kCollections));
  if (first === 'collections') {
    const found = kCollections.find(({ slug }) => slug === second);
    return found ? ok({ ...found, full_description: null, models: kModels.map(showModel) }) : null;
  }
  if (first === 'search') {
    const query = call.query.get('query');
    if (!query) return jsonAnswer(400, { detail: 'Query parameter "query" is required' });
    const models = kModels
      .filter(({ name }) => name.includes(query))
      .map((m) => ({ model: showModel(m), metadata: {} }));
    return ok({ query, models, collections: [], pages: [] });
  }
  if (first === 'deployments') return second ? deployment(second, third, account) : ok(page([]));
  const model = first === 'models' && third ? findModel(`${second}/${third}`) : undefined;
  if (!model) return null;
  if (!fourth) return ok(showModel(model));
  if (fourth === 'readme') {
    const body = Buffer.from(`# ${model.short}\n\nSee https://replicate.com/${model.name}.\n`);
    return { status: 200, headers: { 'content-type': 'text/plain' }, body };
  }
  if (fourth === 'examples') return ok(page([]));
  if (fourth !== 'versions') return null;
  if (!fifth) return ok(page([model.version]));
  return model.version.id === fifth ? ok(model.version) : null;
}

/** Any deployment of the first model. */
function deployment(owner, name, account) {
  const [model] = kModels;
  return jsonAnswer(200, {
    owner,
    name,
    current_release: {
      number: 1,
      model: model.name,
      version: model.version.id,
      created_at: '2026-03-02T08:15:00.000000Z',
      created_by: { type: 'user', username: account.username, name: account.username },
      configuration: { hardware: 'cpu', min_instances: 0, max_instances: 1 },
    },
  });
}
