import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Suites in the order of how long one of their files takes. */
const SUITES = ['e2e', 'integration', 'conformance', 'unit'];
/** Files that take a minute or more, longest first: one that started last would run on alone when all others have ended. */
const LONGEST = [
  'e2e/kill.test.ts',
  'e2e/outage.test.ts',
  'e2e/disk-full.test.ts',
  'e2e/lifecycle.test.ts',
  'e2e/in-the-box.test.ts',
  'integration/training/kinds-of-bases.test.ts',
];

/** Starts long files first, whatever this machine remembers of an earlier run. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const at = LONGEST.findIndex((path) => moduleId.endsWith(`/test/${path}`));
      return at >= 0 ? at : LONGEST.length + SUITES.indexOf(project.name);
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
