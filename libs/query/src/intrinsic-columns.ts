import type { StringColumn } from '@vivace/trace';
import type { IntrinsicName } from '@vivace/traceql';
import type { Batch } from './batch.ts';

/** The dense string column behind an intrinsic, if it is one. */
export function stringColumn(name: IntrinsicName, batch: Batch): StringColumn | undefined {
  const { columns } = batch;
  switch (name) {
    case 'name':
      return columns.name();
    case 'statusMessage':
      return columns.statusMessage();
    case 'rootName':
      return columns.rootName();
    case 'rootServiceName':
      return columns.rootService();
    case 'event:name':
      return columns.eventName();
    case 'instrumentation:name':
      return columns.scopeName();
    case 'instrumentation:version':
      return columns.scopeVersion();
    default:
      return undefined;
  }
}

/** The raw ids behind an intrinsic that reads as hex text, if it is one. */
export function idColumn(name: IntrinsicName, batch: Batch): { readonly bytes: Uint8Array; readonly width: 8 | 16 } | undefined {
  const { columns } = batch;
  switch (name) {
    case 'trace:id':
      return { bytes: columns.traceIds(), width: 16 };
    case 'span:id':
      return { bytes: columns.spanIds(), width: 8 };
    case 'span:parentID':
      return { bytes: columns.parentIds(), width: 8 };
    case 'link:traceID':
      return { bytes: columns.linkTraceIds(), width: 16 };
    case 'link:spanID':
      return { bytes: columns.linkSpanIds(), width: 8 };
    default:
      return undefined;
  }
}
