// Runs every suite, or those named, and says how each went. A suite without a single test, and a test that was skipped,
// count as failed. `--without-browser` leaves out the one that needs a browser.

import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const SUITES = fileURLToPath(new URL('suites/', import.meta.url));

/** A suite that takes longer hangs. */
const SLOWEST = 300_000;
const BROWSER_SUITE = 'graphiql.test.js';

const options = process.argv.slice(2);
const wanted = options.filter((option) => option !== '--without-browser');
const known = readdirSync(SUITES).filter((file) => file.endsWith('.test.js'));
const named = known.filter((file) => !wanted.length || wanted.includes(basename(file, '.test.js')));
const files = named.filter((file) => options.length === wanted.length || file !== BROWSER_SUITE);
if (named.length < Math.max(wanted.length, 1)) {
  console.error(`the suites are ${known.map((file) => basename(file, '.test.js')).join(', ')}`);
  process.exit(2);
}

const counts = new Map(files.map((file) => [file, { passed: 0, failed: 0, skipped: 0 }]));
const count = (kind) => (data) => {
  // Only what tests something: not the groups, nor the file itself.
  if (data.details.type === 'suite' || basename(data.file) === basename(data.name)) return;
  counts.get(basename(data.file))[data.skip !== undefined || data.todo !== undefined ? 'skipped' : kind] += 1;
};

const started = Date.now();
const stream = run({ files: files.map((file) => join(SUITES, file)), concurrency: 2, timeout: SLOWEST });
stream.on('test:pass', count('passed')).on('test:fail', count('failed'));
// A file that cannot even be read fails as a whole.
let isBroken = false;
stream.on('test:fail', () => (isBroken = true));
stream.compose(spec).pipe(process.stdout);

if (files.length < named.length) console.log('WITHOUT A BROWSER: GraphiQL is left out');
stream.once('end', () => {
  process.stdout.write('\n');
  for (const [file, { passed, failed, skipped }] of counts) {
    const isFine = passed > 0 && failed === 0 && skipped === 0;
    isBroken ||= !isFine;
    const name = basename(file, '.test.js').padEnd(10);
    console.log(`${isFine ? 'ok    ' : 'FAILED'}  ${name} ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
  console.log(`\n${isBroken ? 'FAILED' : 'ok'} after ${Math.round((Date.now() - started) / 1000)} s`);
  process.exitCode = isBroken ? 1 : 0;
});
