import type { GatewayUsers } from './config.ts';
import { failOn, parseSource } from './load-config.ts';
import type { OverridesInput } from './parse-overrides.ts';
import type { Findings } from './read-values.ts';
import { readValues } from './read-values.ts';
import { gatewayUsersFile } from './schema/gateway.ts';
import { toGatewayUsers } from './to-gateway.ts';

export interface GatewayUsersInput extends OverridesInput {
  /** Users without a password have one in the htpasswd file. */
  readonly hasHtpasswd: boolean;
}

/**
 * Reads the file of `gateway.auth.users_file`.
 * @throws AppError `invalid_argument` that lists all problems.
 */
export function parseGatewayUsers({ file, text, env, hasHtpasswd }: GatewayUsersInput): GatewayUsers {
  const findings: Findings = { problems: [], warnings: [] };
  const values = readValues(gatewayUsersFile, parseSource(file, text, env, findings), new Map(), findings);
  const users = toGatewayUsers(values, { where: file, path: '', hasHtpasswd }, findings.problems);
  failOn(findings.problems);
  return users;
}
