// Writes docs/config.md from the schema: `node --conditions=@vivace/source tools/gen-config-docs.mjs`.
import { writeFileSync } from 'node:fs';
import { configDocs } from '@vivace/config';

writeFileSync(new URL('../docs/config.md', import.meta.url), configDocs());
