/** The limits of one tenant that a metrics-generator applies, resolved. */
export interface GeneratorLimits {
  /** Names of processors; those that nobody registered are passed over. */
  readonly processors: readonly string[];
  /** Spans that ended longer ago are left out. */
  readonly slackMs: number;
  /** Longer attribute keys and string values are cut; 0 is no limit. */
  readonly maxAttributeBytes: number;
}
