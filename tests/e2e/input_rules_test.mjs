// SPDX-License-Identifier: Apache-2.0
// The 422 of every rule that an input can break, byte for byte, on a model whose schema holds them all.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Api, kFlux } from './support/http.mjs';
import { startServer, tempFolder } from './support/server.mjs';

const kModel = 'acme/strict';
const kKinds = { type: 'string', title: 'kind', description: 'An enumeration.', enum: ['webp', 'jpg', 'a<b'] };
const kProperties = {
  text: { type: 'string' },
  whole: { type: 'integer' },
  number: { type: 'number' },
  flag: { type: 'boolean' },
  list: { type: 'array', items: { type: 'integer' } },
  object: { type: 'object' },
  text_or_whole: { type: ['string', 'integer'] },
  nothing: { type: ['null', 'boolean'] },
  kind: { allOf: [{ $ref: '#/components/schemas/kind' }], default: 'webp' },
  choice: { enum: [1, 2.5, true, null, 'x'] },
  at_least: { type: 'integer', minimum: 1 },
  at_most: { type: 'integer', maximum: 4 },
  quarter: { type: 'number', maximum: 0.25 },
  seed: { type: 'integer', maximum: 2147483647 },
  million: { type: 'number', minimum: 1000000 },
  tiny: { type: 'number', minimum: 0.00001 },
  negative: { type: 'number', maximum: -1.5 },
  above: { type: 'number', exclusiveMinimum: 0 },
  below: { type: 'number', maximum: 1, exclusiveMaximum: true },
  long: { type: 'string', minLength: 2 },
  short: { type: 'string', maxLength: 2 },
  word: { type: 'string', pattern: '^[a-z]+$' },
  image: { type: 'string', format: 'uri' },
  day: { type: 'string', format: 'date' },
  moment: { type: 'string', format: 'date-time' },
  id: { type: 'string', format: 'uuid' },
  mail: { type: 'string', format: 'email' },
  secret: { type: 'string', format: 'password', writeOnly: true, 'x-cog-secret': true },
  pair: { type: 'array', minItems: 2, maxItems: 2 },
  set: { type: 'array', uniqueItems: true },
  width: { type: 'integer', multipleOf: 8 },
  tenth: { type: 'number', multipleOf: 0.1 },
  fixed: { const: { b: 1, a: 'z' } },
  any: { anyOf: [{ type: 'string' }, { type: 'integer', maximum: 3 }] },
  one: { oneOf: [{ type: 'string' }, { minLength: 2 }] },
  both: { allOf: [{ minimum: 5 }, { multipleOf: 2 }] },
  other: { not: { type: 'string' } },
  images: { type: 'array', items: { type: 'string', format: 'uri' } },
  points: {
    type: 'array',
    items: {
      type: 'object',
      required: ['x'],
      additionalProperties: false,
      properties: { x: { type: 'number', minimum: 0 }, kind: { $ref: '#/components/schemas/kind' } },
    },
  },
  sizes: { type: 'object', minProperties: 1, maxProperties: 2, additionalProperties: { type: 'integer' } },
  maybe: { type: 'string', nullable: true },
};
const folder = tempFolder({ after });
writeFileSync(
  join(folder, 'strict.yaml'),
  JSON.stringify({
    owner: 'acme',
    name: 'strict',
    created_at: '2026-01-01T00:00:00Z',
    version: {
      created_at: '2026-01-01T00:00:00Z',
      openapi_schema: {
        openapi: '3.0.2',
        info: { title: 'Cog', version: '0.1.0' },
        paths: {},
        components: {
          schemas: {
            Input: {
              type: 'object',
              title: 'Input',
              required: ['prompt', 'must'],
              properties: {
                prompt: { type: 'string' },
                must: { type: 'string', nullable: true },
                ...kProperties,
              },
            },
            Output: { type: 'string', title: 'Output' },
            kind: kKinds,
          },
        },
      },
    },
  }),
);
const server = await startServer(
  { after },
  { args: ['--sandbox-speed', '0', '--rate-limits-creates', '0', '--models', join(folder, 'strict.yaml')] },
);
const api = new Api(server);
const kPath = `/models/${kModel}/predictions`;

/** The whole body for `problems`, each [type, field, description]. */
const refusal = (problems) =>
  `${JSON.stringify({
    detail: problems.map(([, field, text]) => `- ${field ? `${field}: ` : ''}${text}\n`).join(''),
    status: 422,
    title: 'Input validation failed',
    invalid_fields: problems.map(([type, field, description]) => ({ type, field, description })),
  })}\n`;

async function refused(body, ...problems) {
  const answer = await api.post(kPath, body);
  assert.equal(answer.text, refusal(problems), JSON.stringify(body));
  assert.equal(answer.status, 422);
  assert.match(answer.headers['content-type'], /^application\/problem\+json\b/);
}

/** `text` is the JSON text of one property's value, so that numbers stand as they are written. */
const withValue = (name, text) => `{"input":{"prompt":"p","must":"m","${name}":${text}}}`;

async function accepted(name, text) {
  const answer = await api.post(kPath, withValue(name, text));
  assert.equal(answer.status, 201, `${name} ${text}: ${answer.text}`);
}

test('the body of a 422 is these bytes', async () => {
  const answer = await api.post(`/models/${kFlux}/predictions`, { input: { num_inference_steps: 5 } });
  assert.equal(
    answer.text,
    '{"detail":"- input: prompt is required\\n' +
      '- input.num_inference_steps: Must be less than or equal to 4\\n","status":422,' +
      '"title":"Input validation failed","invalid_fields":[' +
      '{"type":"required","field":"input","description":"prompt is required"},' +
      '{"type":"number_lte","field":"input.num_inference_steps",' +
      '"description":"Must be less than or equal to 4"}]}\n',
  );
});

/** rule: [what breaks it, what does not, the description, and the field where it is not the property itself]. */
const expected = (wanted, given) => `Invalid type. Expected: ${wanted}, given: ${given}`;
const format = (name) => `Does not match format '${name}'`;
const rules = [
  ['invalid_type', 'text', ['4.0'], ['""'], expected('string', 'integer')],
  ['invalid_type', 'text', ['0.5'], ['"a"'], expected('string', 'number')],
  ['invalid_type', 'text', ['true'], [], expected('string', 'boolean')],
  ['invalid_type', 'text', ['[]'], [], expected('string', 'array')],
  ['invalid_type', 'text', ['{}'], [], expected('string', 'object')],
  ['invalid_type', 'whole', ['"4"', '""'], ['4', '4.0', '4e2', '-1', '9007199254740993'], expected('integer', 'string')],
  ['invalid_type', 'whole', ['4.5', '1e-3'], [], expected('integer', 'number')],
  ['invalid_type', 'number', ['"4"'], ['4', '4.5', '-0.0'], expected('number', 'string')],
  ['invalid_type', 'flag', ['1', '0'], ['true', 'false'], expected('boolean', 'integer')],
  ['invalid_type', 'flag', ['"true"'], [], expected('boolean', 'string')],
  ['invalid_type', 'list', ['{}'], ['[]', '[1,2.0]'], expected('array', 'object')],
  ['invalid_type', 'list', ['[1,null]'], [], expected('integer', 'null'), 'input.list.1'],
  ['invalid_type', 'object', ['[]'], ['{}', '{"a":{"b":null}}'], expected('object', 'array')],
  ['invalid_type', 'text_or_whole', ['0.5'], ['"a"', '1'], expected('[string,integer]', 'number')],
  ['invalid_type', 'nothing', ['0'], ['null', 'true'], expected('[null,boolean]', 'integer')],
  ['enum', 'kind', ['"gif"'], ['"jpg"'], 'kind must be one of the following: "webp", "jpg", "a\\u003cb"'],
  ['enum', 'choice', ['3', '"1"', 'false'], ['1.0', '2.5', 'true', '"x"'], 'choice must be one of the following: 1, 2.5, true, null, "x"'],
  ['number_gte', 'at_least', ['0', '-1'], ['1', '1.0'], 'Must be greater than or equal to 1'],
  ['number_lte', 'at_most', ['5', '1e9'], ['4', '4.0'], 'Must be less than or equal to 4'],
  ['number_lte', 'quarter', ['0.26', '1'], ['0.25'], 'Must be less than or equal to 0.25'],
  ['number_lte', 'seed', ['2147483648', '9007199254740993'], ['2147483647'], 'Must be less than or equal to 2.147483647e+09'],
  ['number_gte', 'million', ['999999.5'], ['1e6'], 'Must be greater than or equal to 1e+06'],
  ['number_gte', 'tiny', ['0'], ['0.00001'], 'Must be greater than or equal to 1e-05'],
  ['number_lte', 'negative', ['0'], ['-1.5'], 'Must be less than or equal to -1.5'],
  ['number_gt', 'above', ['0', '-0.0'], ['1e-9'], 'Must be greater than 0'],
  ['number_lt', 'below', ['1', '1.0', '2'], ['0.999'], 'Must be less than 1'],
  ['string_gte', 'long', ['""', '"a"', '"\\ud83d\\ude00"'], ['"ab"', '"\u00e9\u00e9"'], 'String length must be greater than or equal to 2'],
  ['string_lte', 'short', ['"abc"', '"\u00e9\u00e9\u00e9"'], ['"ab"', '"\u{1f600}\u{1f600}"'], 'String length must be less than or equal to 2'],
  ['pattern', 'word', ['"a1"', '""'], ['"abc"'], "Does not match pattern '^[a-z]+$'"],
  ['format', 'image', ['""', '"a.png"', '"/a"', '"http://a b/"'], ['"data:,x"', '"s3://b/k"'], format('uri')],
  ['format', 'day', ['"2026-02-30"', '"today"'], ['"2026-02-28"'], format('date')],
  ['format', 'moment', ['"2026-02-30T00:00:00Z"'], ['"2026-02-28T12:00:00.5+07:00"'], format('date-time')],
  ['format', 'id', ['"7"'], ['"123e4567-e89b-12d3-a456-426614174000"'], format('uuid')],
  ['format', 'mail', ['"a@"'], ['"a@b.example"'], format('email')],
  ['array_min_items', 'pair', ['[]', '[1]'], ['[1,2]'], 'Array must have at least 2 items'],
  ['array_max_items', 'pair', ['[1,2,3]'], [], 'Array must have at most 2 items'],
  ['unique', 'set', ['[1,"a",1.0]', '[{"a":1,"b":2},0,{"b":2,"a":1}]'], ['[1,"1"]'], 'array items[0,2] must be unique'],
  ['multiple_of', 'width', ['12', '4.0'], ['64', '0', '-8'], 'Must be a multiple of 8'],
  ['multiple_of', 'tenth', ['0.35'], ['0.3', '7'], 'Must be a multiple of 0.1'],
  ['const', 'fixed', ['{"a":"z"}', '1'], ['{"a":"z","b":1.0}'], 'fixed does not match: {"a":"z","b":1}'],
  ['number_one_of', 'one', ['"ab"'], ['"a"'], 'Must validate one and only one schema (oneOf)'],
  ['number_not', 'other', ['"a"'], ['1'], 'Must not validate the schema (not)'],
  ['array_min_properties', 'sizes', ['{}'], ['{"a":1}'], 'Must have at least 1 properties'],
  ['array_max_properties', 'sizes', ['{"a":1,"b":2,"c":3}'], [], 'Must have at most 2 properties'],
  ['invalid_type', 'sizes', ['{"a":"1"}'], [], expected('integer', 'string'), 'input.sizes.a'],
  ['invalid_type', 'images', ['["data:,x",7]'], [], expected('string', 'integer'), 'input.images.1'],
  ['format', 'images', ['["nope"]'], ['["data:,x"]'], format('uri'), 'input.images.0'],
  ['required', 'points', ['[{"x":1},{}]'], ['[{"x":1}]'], 'x is required', 'input.points.1'],
  ['additional_property_not_allowed', 'points', ['[{"x":1,"z":2}]'], [], 'Additional property z is not allowed', 'input.points.0'],
  ['number_gte', 'points', ['[{"x":-1}]'], ['[{"x":0}]'], 'Must be greater than or equal to 0', 'input.points.0.x'],
  ['enum', 'points', ['[{"x":1,"kind":"gif"}]'], [], 'points.0.kind must be one of the following: "webp", "jpg", "a\\u003cb"', 'input.points.0.kind'],
];
for (const [type, property, bad, good, description, field = `input.${property}`] of rules) {
  test(`${type} of ${property}: ${description}`, async () => {
    for (const text of bad) await refused(withValue(property, text), [type, field, description]);
    for (const text of good) await accepted(property, text);
  });
}

test('an aggregate is told together with the alternative that fits best', async () => {
  await accepted('any', '2');
  await refused(
    withValue('any', '5'),
    ['number_any_of', 'input.any', 'Must validate at least one schema (anyOf)'],
    ['number_lte', 'input.any', 'Must be less than or equal to 3'],
  );
  await refused(
    withValue('both', '3'),
    ['number_gte', 'input.both', 'Must be greater than or equal to 5'],
    ['multiple_of', 'input.both', 'Must be a multiple of 2'],
    ['number_all_of', 'input.both', 'Must validate all the schemas (allOf)'],
  );
});

test('everything that is wrong is told at once: what is missing first, then each property in the order of the schema', async () => {
  const body = { input: { pair: [1, 2, 3], whole: 'x', text: 1, unknown: true, points: [{ y: 1, x: -1 }] } };
  await refused(
    body,
    ['required', 'input', 'prompt is required'],
    ['required', 'input', 'must is required'],
    ['invalid_type', 'input.text', expected('string', 'integer')],
    ['invalid_type', 'input.whole', expected('integer', 'string')],
    ['array_max_items', 'input.pair', 'Array must have at most 2 items'],
    ['additional_property_not_allowed', 'input.points.0', 'Additional property y is not allowed'],
    ['number_gte', 'input.points.0.x', 'Must be greater than or equal to 0'],
  );
});

test('null counts as absent where nothing is required, and as null where something is', async () => {
  for (const name of Object.keys(kProperties)) await accepted(name, 'null');
  await refused('{"input":{"prompt":null,"must":null}}', ['invalid_type', 'input.prompt', expected('string', 'null')]);
  const answer = await api.post(kPath, '{"input":{"prompt":"p","must":null}}');
  assert.equal(answer.status, 201, answer.text);
});

test('a password says nothing about its text, and unknown members of the input are let through', async () => {
  await accepted('secret', '""');
  await accepted('guidance_scale', '{"any":[1]}');
});

test('the body around the input is closed, and its problems come before those of the input', async () => {
  await refused({}, ['required', '', 'input is required']);
  await refused('[]', ['invalid_type', '', expected('object', 'array')]);
  await refused('7', ['invalid_type', '', expected('object', 'integer')]);
  await refused({ input: [] }, ['invalid_type', 'input', expected('object', 'array')]);
  await refused(
    { model: kModel, input: { must: 'm' }, stream: 'yes', webhook: 'nowhere', webhook_events_filter: ['start', 'end'] },
    ['additional_property_not_allowed', '', 'Additional property model is not allowed'],
    ['invalid_type', 'stream', expected('boolean', 'string')],
    ['format', 'webhook', format('uri')],
    [
      'enum',
      'webhook_events_filter.1',
      'webhook_events_filter.1 must be one of the following: "start", "output", "logs", "completed"',
    ],
    ['required', 'input', 'prompt is required'],
  );
  const missing = await api.post('/predictions', { model: kModel, input: {} });
  assert.equal(
    missing.text,
    refusal([
      ['required', '', 'version is required'],
      ['additional_property_not_allowed', '', 'Additional property model is not allowed'],
    ]),
  );
});

test('nothing that was refused has become a prediction', async () => {
  await server.makeAccount('refused');
  const fresh = new Api(server, { key: await server.makeKey('refused', '--account', 'refused') });
  assert.equal((await fresh.post(kPath, { input: {} })).status, 422);
  assert.deepEqual((await fresh.get('/predictions')).json().results, []);
});
