// The last line of CI, `N passed, N failed`, from vitest's report; exits with 1 when anything failed, tests or not.
// Arguments: the report, and 1 when a step failed.
import { readFileSync } from 'node:fs';

const [path, steps] = process.argv.slice(2);
let report;
try {
  report = JSON.parse(readFileSync(path, 'utf8'));
} catch {
  console.log('The tests did not run: an earlier step failed.');
}
const passed = report?.numPassedTests ?? 0;
// A file that fails to load, and a step besides the tests, have no test to their name.
const broken = (report?.testResults ?? []).filter(
  (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
);
for (const file of broken) console.log(`${file.name} did not run: ${file.message}`);
const tests = (report?.numFailedTests ?? 0) + broken.length;
const failed = tests === 0 && (steps === '1' || report?.success !== true) ? 1 : tests;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
