export type {
  Aggregate,
  AggregateOp,
  ArithmeticOp,
  Attribute,
  AttributeScope,
  Binary,
  BinaryOp,
  Coalesce,
  Compare,
  ComparisonOp,
  Exists,
  FieldExpr,
  FieldRef,
  GroupBy,
  Hint,
  Intrinsic,
  IntrinsicName,
  KindName,
  Literal,
  Loc,
  LogicalOp,
  MetricsAggregate,
  MetricsFilter,
  MetricsOp,
  Query,
  ScalarExpr,
  ScalarFilter,
  ScalarOperation,
  ScalarPipeline,
  SecondStage,
  Select,
  SpansetExpr,
  SpansetFilter,
  SpansetOp,
  SpansetOperation,
  SpansetPipeline,
  Stage,
  Static,
  StatusName,
  StructuralOp,
  Unary,
} from './ast.ts';
export { findHint } from './hints.ts';
export { parseField, parseQuery } from './parse-query.ts';
export type { ParseOptions } from './parse-query.ts';
export { fieldLabel, printExpr, printQuery, printScalar } from './print.ts';
export { compileRegex } from './regex.ts';
export type { TextPredicate } from './regex.ts';
export { arithmetic, compareStatics, compareUtf8, floatArithmetic, intArithmetic, negate } from './statics.ts';
export { isNumeric, typeOf } from './types.ts';
export type { StaticType } from './types.ts';
export { validateQuery } from './validate.ts';
