// SPDX-License-Identifier: Apache-2.0
// The models that the stub offers, in the service's forms.
import { createHash } from 'node:crypto';

const property = (type, title, order, more = {}) => ({ type, title, 'x-order': order, ...more });

function model(name, kind, properties, { required = [], training = null } = {}) {
  const [owner, short] = name.split('/');
  const id = createHash('sha256').update(name).digest('hex');
  const outputs = {
    texts: { type: 'array', title: 'Output', items: { type: 'string' } },
    files: { type: 'array', title: 'Output', items: { type: 'string', format: 'uri' } },
    file: { type: 'string', title: 'Output', format: 'uri' },
    value: { type: 'object', title: 'Output' },
  };
  if (kind === 'texts')
    Object.assign(outputs.texts, { 'x-cog-array-type': 'iterator', 'x-cog-array-display': 'concatenate' });
  const schemas = { Input: { type: 'object', title: 'Input', required, properties }, Output: outputs[kind] };
  if (training) schemas.TrainingInput = { type: 'object', title: 'TrainingInput', properties: training };
  const version = {
    id,
    created_at: '2026-03-02T08:15:00.000000Z',
    cog_version: '0.16.8',
    openapi_schema: {
      openapi: '3.0.2',
      info: { title: 'Cog', version: '0.1.0' },
      paths: {},
      components: { schemas },
    },
  };
  return { name, owner, short, kind, required, version };
}

export const kModels = [
  model(
    'meta/meta-llama-3-8b-instruct',
    'texts',
    { prompt: property('string', 'Prompt', 0), max_tokens: property('integer', 'Max Tokens', 1, { default: 512 }) },
    { required: ['prompt'] },
  ),
  model(
    'black-forest-labs/flux-schnell',
    'files',
    {
      prompt: property('string', 'Prompt', 0),
      num_outputs: property('integer', 'Num Outputs', 1, { default: 1, minimum: 1, maximum: 4 }),
    },
    { required: ['prompt'] },
  ),
  model(
    'acme/upscaler',
    'file',
    { image: property('string', 'Image', 0, { format: 'uri' }), prompt: property('string', 'Prompt', 1) },
    { training: { input_images: property('string', 'Input Images', 0, { format: 'uri' }) } },
  ),
  model('acme/echo', 'value', { prompt: property('string', 'Prompt', 0) }),
];

export const findModel = (name) => kModels.find((entry) => entry.name === name);
export const findVersion = (id) => kModels.find((entry) => entry.version.id === id);

export const showModel = (entry) => ({
  url: `https://replicate.com/${entry.name}`,
  owner: entry.owner,
  name: entry.short,
  description: `The stub's ${entry.short}`,
  visibility: 'public',
  is_official: false,
  github_url: null,
  paper_url: null,
  license_url: null,
  run_count: 12345,
  cover_image_url: null,
  default_example: null,
  latest_version: entry.version,
});

export const kCollections = [
  { name: 'Language models', slug: 'language-models', description: 'Models that write' },
  { name: 'Image models', slug: 'image-models', description: 'Models that draw' },
];

export const kHardware = [
  { sku: 'cpu', name: 'CPU' },
  { sku: 'gpu-l40s', name: 'Nvidia L40S GPU' },
];
