import { examineImage } from './examine-image.js';
import { serveExaminations } from './examine-serve.js';

/** Decodes pictures that strangers made: what crashes libvips ends this process and no other. */
serveExaminations(examineImage);
