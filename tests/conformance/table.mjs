// SPDX-License-Identifier: Apache-2.0
// The table of clients and operations, as a Markdown table that can be read as it is.

export const kPass = 'pass';
export const kFail = 'FAIL';
export const kNone = '–';
export const kAbsent = 'not run';

/** Lines of a Markdown table whose columns are aligned. `rows` is a list of lists of text; the first is the head. */
export function markdownTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)];
}

const kDirect = ['<!-- table of the server itself -->', '<!-- end of it -->'];
const kRelayed = ['<!-- table of the relay -->', '<!-- end of the relay -->'];

/** The lines of a table that stands on `page` between two marks; none when the page has no such marks. */
function tableOn(page, [begin, end]) {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  return from < 0 || to < from ? [] : page.slice(from + begin.length, to).trim().split('\n');
}

/** The page docs/compatibility.md with the lines of a new table in it, the relay's or the server's own. */
export function updatedPage(page, table, relay) {
  return relay
    ? compatibilityPage(tableOn(page, kDirect), table)
    : compatibilityPage(table, tableOn(page, kRelayed));
}

function compatibilityPage(table, relayed) {
  const marked = ([begin, end], lines) => `${begin}\n\n${lines.join('\n')}\n\n${end}`;
  return `<!-- Written by ./scripts/conformance --write-docs; a change by hand is lost. -->

# Compatibility with the official clients

\`./scripts/conformance\` installs the official clients from their registries, unmodified, and lets them work with the
real server. Only base URL and key are ours. A *pass* means that the operation did what it should at \`/v1\` and at
\`/replicate/v1\`, over http and over https; what takes over half a minute is done over http only.

${marked(kDirect, table)}

- –: the client has no call for it.
- *CLI* is the command line client, v0.8.0. Where the Go module proxy does not give it, the column says *not run*, unless
  \`REPLICATE_CLI\` names a program, such as one built from its repository.
- *Methods of the client that were called*: of the public methods that the installed client has; the others fail or do
  nothing whatever the server does, and \`tests/conformance/clients.mjs\` says why.
- *OpenAPI document*: requests of every operation, made by the served document and against it; every answer is held to
  what the document says, and none may be a 5xx.
- *Python beta* is the pre-release that the registry serves beside the stable one. *HTTP, Token* sends plain requests
  with the older \`Authorization: Token\`.

## Through a relay

\`./scripts/conformance --relay\` lets the same clients do the same with live keys of a server that runs everything at an
upstream: a second server, whose token it has in \`REPLICATE_API_TOKEN\`. The clients reach it over https, at both mounts.

${marked(kRelayed, relayed)}

## Base URLs

| client | base URL | set by |
| --- | --- | --- |
| JavaScript | \`https://HOST/replicate/v1\` or \`https://HOST/v1\` | \`new Replicate({ auth, baseUrl })\` |
| Python | \`https://HOST/replicate\` or \`https://HOST\`: this client adds \`/v1\` itself | \`REPLICATE_BASE_URL\`, or \`Client(base_url=…)\` |
| Python beta | \`https://HOST/replicate/v1\` or \`https://HOST/v1\` | \`REPLICATE_BASE_URL\`, or \`Replicate(base_url=…)\` |
| AI SDK | \`https://HOST/replicate/v1\` or \`https://HOST/v1\` | \`createReplicate({ apiToken, baseURL })\` |
| CLI | \`https://HOST/replicate/v1\` or \`https://HOST/v1\` | \`REPLICATE_BASE_URL\` |
| Go | \`https://HOST/replicate/v1\` or \`https://HOST/v1\` | \`replicate.WithBaseURL(…)\` |

JavaScript and Python turn output URLs into file objects only when they begin with \`https:\`; over plain http they stay
text. With a certificate of your own, \`NODE_EXTRA_CA_CERTS\` (Node.js) and \`SSL_CERT_FILE\` (Python, Go) name the
authority to trust.
`;
}
