// Puts content of one letter, of ever other sizes, under one key until it is killed.
import { filesystemBlobStore } from '../../dist/src/storage/filesystem.js';

const [root, key, letter] = process.argv.slice(2);
const store = await filesystemBlobStore(root);
async function* bytes(size) {
  yield Buffer.alloc(size, letter);
}
for (let n = 1; ; n++) {
  await store.put(key, bytes(n * 10));
  if (n === 1) process.send('writing');
}
