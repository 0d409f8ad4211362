// SPDX-License-Identifier: Apache-2.0
// Fills a database with copies of a prediction that a server made, so that every row is one that the schema knows.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function sqlite(file, sql) {
  const { stdout } = await run('sqlite3', ['-batch', '-bail', file, sql], { maxBuffer: 1 << 24 });
  return stdout.trim();
}

/// SQL for an id as hekto makes them: 26 digits of base32 holding 48 bits of milliseconds and 80 random ones. `millis`
/// is an integer expression.
function idExpression(millis) {
  const digit = (value) => `substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + (${value}), 1)`;
  const digits = [];
  for (let shift = 43; shift >= 3; shift -= 5) digits.push(digit(`(${millis} >> ${shift}) & 31`));
  digits.push(digit(`((${millis} & 7) << 2) | (random() & 3)`));
  for (let i = 0; i < 15; ++i) digits.push(digit('random() & 31'));
  digits.push(digit('(random() & 7) << 2'));  // 26 digits hold 130 bits: the last two are zero
  return digits.join(' || ');
}

/// Copies the newest prediction of `file` until there are `count`, created evenly over the last 30 days. As with a
/// server that ran for so long, those that ended more than an hour ago have their data removed. Nobody has the file
/// open. Returns the id of one copy.
export async function multiplyRows(file, count) {
  const names = await sqlite(file, "SELECT name FROM pragma_table_info('predictions') WHERE name <> 'seq'");
  const columns = names.split('\n');
  const created = '(t.newest - (n.total - n.i) * n.step)';
  const old = `${created} < t.newest - 3500000000`;
  const replaced = {
    id: idExpression(`(${created} / 1000)`),
    created_at: created,
    started_at: `${created} + (t.started_at - t.created_at)`,
    completed_at: `${created} + (t.completed_at - t.created_at)`,
    data_removed: old,
    files: `iif(${old}, NULL, t.files)`,
    output: `iif(${old}, NULL, t.output)`,
    logs: `iif(${old}, '', t.logs)`,
    input: `iif(${old}, '{}', t.input)`,
  };
  const total = count - 1;
  const step = Math.floor((30 * 86_400 * 1e6) / count);
  // Older than the template, which is newest, yet with higher seq: order in the table decides nothing at the start.
  await sqlite(file, `
    PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA temp_store = MEMORY;
    CREATE TEMP TABLE template AS SELECT *, created_at - 1000000 AS newest FROM predictions ORDER BY seq DESC LIMIT 1;
    INSERT INTO predictions(${columns.join(', ')})
    WITH RECURSIVE counted(i, total, step) AS (
      SELECT 1, ${total}, ${step} UNION ALL SELECT i + 1, total, step FROM counted WHERE i < total)
    SELECT ${columns.map((name) => replaced[name] ?? `t.${name}`).join(', ')} FROM counted AS n, temp.template AS t;
    PRAGMA wal_checkpoint(TRUNCATE);`);
  const there = Number(await sqlite(file, 'SELECT count(*) FROM predictions'));
  if (there !== count) throw new Error(`${file} has ${there} rows instead of ${count}`);
  return sqlite(file, 'SELECT id FROM predictions ORDER BY seq DESC LIMIT 1 OFFSET 5');
}
