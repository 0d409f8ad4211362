// SPDX-License-Identifier: Apache-2.0
// The served OpenAPI document as a judge of answers.
import assert from 'node:assert/strict';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { send } from './http.mjs';

const kMethods = {
  get: 'GET',
  post: 'POST',
  put: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  options: 'OPTIONS',
  'x-query': 'QUERY',
};

/** Calls `visit` for every object in `value`. */
function visit(value, each) {
  if (value === null || typeof value !== 'object') return;
  each(value);
  for (const member of Object.values(value)) visit(member, each);
}

export class Document {
  /** operationId -> {id, method, path, open (needs no key), root (beside the mounts), value}. */
  operations = new Map();

  static async load(server) {
    const answer = await send(server.origin, '/v1/openapi.json');
    assert.equal(answer.status, 200);
    return new Document(answer.json());
  }

  constructor(document) {
    this.paths = document.paths;
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [key, value] of Object.entries(item)) {
        if (!(key in kMethods)) continue;
        const id = value.operationId;
        const open = value.security?.length === 0;
        this.operations.set(id, { id, method: kMethods[key], path, open, root: Boolean(item.servers), value });
      }
    }
    // Readers of the document must bear new members. A server of this version sends none that it does not tell.
    const strict = structuredClone(document);
    visit(strict, (schema) => {
      if (schema.type === 'object' && schema.properties && schema.additionalProperties === undefined) {
        schema.additionalProperties = false;
      }
    });
    this.strict = strict;
    this.ajv = new Ajv({ strict: false, allErrors: true });
    addFormats(this.ajv);
    this.ajv.addFormat('binary', true);
    this.ajv.addSchema({ $id: 'https://document.example/', components: strict.components });
    this.compiled = new Map();
  }

  follow(value) {
    if (!value?.$ref) return value;
    return value.$ref.slice(2).split('/').reduce((at, name) => at[name], this.strict);
  }

  validator(schema) {
    const text = JSON.stringify(schema).replaceAll('"#/', '"https://document.example/#/');
    if (!this.compiled.has(text)) this.compiled.set(text, this.ajv.compile(JSON.parse(text)));
    return this.compiled.get(text);
  }

  /** Fails unless `value` fits `schema`, which may refer to components. */
  checkValue(schema, value, what) {
    const validate = this.validator(schema);
    if (validate(value)) return;
    const told = validate.errors.map((e) => `${e.instancePath || '/'} ${e.message} ${JSON.stringify(e.params)}`);
    assert.fail(`${what}: ${told.slice(0, 5).join('; ')}\n${JSON.stringify(value).slice(0, 800)}`);
  }

  /** Fails unless `answer`, as send() gives it, is one that the document has for the operation. */
  check(id, answer, { head = false } = {}) {
    const operation = this.operations.get(id);
    assert.ok(operation, `${id} is an operation`);
    const what = `${id}: ${answer.status}`;
    const response = this.follow(operation.value.responses[answer.status]);
    assert.ok(response, `${what} is not in the document: ${answer.text.slice(0, 300)}`);
    for (const [name, entry] of Object.entries(response.headers ?? {})) {
      const header = this.follow(entry);
      const value = answer.headers[name];
      if (value === undefined) {
        assert.ok(!header.required, `${what}: the header ${name} is missing`);
      } else {
        const number = header.schema.type === 'integer';
        this.checkValue(header.schema, number ? Number(value) : value, `${what}: ${name}`);
      }
    }
    const type = answer.headers['content-type']?.split(';')[0];
    if (!response.content) {
      assert.deepEqual([type, answer.text], [undefined, ''], what);
      return;
    }
    const media = response.content[type] ?? response.content['*/*'];
    assert.ok(media, `${what}: the content type ${type} is not in the document`);
    if (answer.status >= 400) assert.equal(type, 'application/problem+json', what);
    if (head || media.schema.format === 'binary') return;
    const value = /json$/.test(type) ? JSON.parse(answer.text) : answer.text;
    this.checkValue(media.schema, value, what);
  }
}
