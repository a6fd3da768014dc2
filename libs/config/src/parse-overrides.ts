import { parseTenantId } from '@vivace/base';
import type { TenantOverrides } from './limits.ts';
import { toLimits } from './limits.ts';
import type { LoadInput } from './load-config.ts';
import { failOn, parseSource } from './load-config.ts';
import type { Warning } from './problem.ts';
import { sortByPlace } from './problem.ts';
import type { Findings } from './read-values.ts';
import { readValues } from './read-values.ts';
import { overridesFile } from './schema/overrides.ts';

export interface OverridesInput {
  /** Name of the file, for messages. */
  readonly file: string;
  readonly text: string;
  /** Given when `-config.expand-env` is on, which holds for this file too. */
  readonly env?: LoadInput['env'];
}

export interface ParsedOverrides {
  readonly overrides: TenantOverrides;
  readonly warnings: readonly Warning[];
}

/**
 * Reads the file that `overrides.per_tenant_override_config` names, in the new format or the flat one of before Tempo 2.3. On a reload the caller
 * keeps the old limits when this throws.
 * @throws AppError `invalid_argument` that lists all problems.
 */
export function parseOverrides({ file, text, env }: OverridesInput): ParsedOverrides {
  const findings: Findings = { problems: [], warnings: [] };
  const { overrides } = readValues(overridesFile, parseSource(file, text, env, findings), new Map(), findings);
  const limits = new Map(Object.entries(overrides).map(([tenant, entry]) => [tenant, toLimits(entry)]));
  for (const [tenant, { ingestionRateBytes, ingestionBurstBytes }] of limits) {
    const path = `overrides["${tenant}"]`;
    if (tenant !== '*' && parseTenantId(tenant) === undefined) findings.problems.push({ where: file, path, message: 'is not a legal tenant id' });
    if (ingestionRateBytes > 0 && ingestionBurstBytes > 0) continue;
    findings.warnings.push({
      where: file,
      path,
      message: 'has no ingestion.rate_limit_bytes or no ingestion.burst_size_bytes, so it may not write',
      explain: 'an entry replaces overrides.defaults as a whole: what it does not write is 0',
    });
  }
  failOn(findings.problems);
  sortByPlace(findings.warnings);
  return { overrides: limits, warnings: findings.warnings };
}
