import { hex } from '@vivace/base';
import { BytesValues, Codec } from '@vivace/parquet';
import type { TraceSummary } from '@vivace/trace';
import type { ColumnWriter } from './column-writer.ts';
import { PACKED } from './column-writer.ts';
import type { RowGroupShape } from './row-group-shape.ts';

const STATUS_ERROR = 2;
const ID_BYTES = 16;

/** Leaves 0–9: one row per trace, and the map of spans and errors per service. */
export function writeTraceColumns(out: ColumnWriter, shape: RowGroupShape, summary: TraceSummary): void {
  const { table, order, traceLevels } = shape;
  const n = order.traceCount;
  const ids = new Uint8Array(n * ID_BYTES);
  const idEnds = new Uint32Array(n);
  const text = new Uint8Array(n * ID_BYTES * 2);
  const textEnds = new Uint32Array(n);
  let textSize = 0;
  for (let t = 0; t < n; t++) {
    const from = order.traces[t] * ID_BYTES;
    for (let i = 0; i < ID_BYTES; i++) ids[t * ID_BYTES + i] = table.traceId[from + i];
    idEnds[t] = (t + 1) * ID_BYTES;
    // Leading zeros are left out, as Tempo does; a zero id would be empty.
    const digits = hex(table.traceId, from, from + ID_BYTES).replace(/^0+/, '');
    for (let i = 0; i < digits.length; i++) text[textSize++] = digits.charCodeAt(i);
    textEnds[t] = textSize;
  }
  out.put(traceLevels, new BytesValues(ids, idEnds), Codec.UNCOMPRESSED);
  out.put(traceLevels, new BytesValues(text, textEnds), PACKED);

  const ends = new Uint32Array(n * 2);
  const durations = new Uint32Array(n * 2);
  for (let t = 0; t < n; t++) {
    const duration = summary.duration[t];
    durations[t * 2] = duration;
    durations[t * 2 + 1] = Math.floor(duration / 4294967296);
    const low = summary.start[t * 2] + durations[t * 2];
    ends[t * 2] = low;
    ends[t * 2 + 1] = summary.start[t * 2 + 1] + durations[t * 2 + 1] + (low > 0xffffffff ? 1 : 0);
  }
  out.times(traceLevels, summary.start, n);
  out.times(traceLevels, ends, n);
  out.int64(traceLevels, durations, n, true);
  out.text(traceLevels, summary.rootService.slice(), n);
  out.text(traceLevels, summary.rootName.slice(), n);
  writeServiceStats(out, shape);
}

function writeServiceStats(out: ColumnWriter, { table, order, resources, traceLevels }: RowGroupShape): void {
  const n = order.traceCount;
  const ends = new Uint32Array(n);
  const services = new Uint32Array(resources.length);
  const spans = new Int32Array(resources.length);
  const errors = new Int32Array(resources.length);
  /** Entry + 1 of a service id in the current trace, valid where it is past the trace's first entry. */
  const entryOf = new Uint32Array(table.strings.size);
  let count = 0;
  for (let t = 0; t < n; t++) {
    const first = count;
    for (let i = order.traceSpans[t]; i < order.traceSpans[t + 1]; i++) {
      const row = order.spans[i];
      const service = table.resourceService[table.spanResource[row]];
      let entry = entryOf[service];
      if (entry <= first) {
        entry = ++count;
        entryOf[service] = entry;
        services[entry - 1] = service;
      }
      spans[entry - 1]++;
      if (table.spanStatus[row] === STATUS_ERROR) errors[entry - 1]++;
    }
    ends[t] = count;
  }
  const levels = traceLevels.list(ends, count);
  out.text(levels, services, count);
  out.int32(levels, spans.subarray(0, count));
  out.int32(levels, errors.subarray(0, count));
}
