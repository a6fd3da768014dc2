export { BlockMetaSchema, TenantIndexSchema } from './gen/tempopb/backend_pb.ts';
export {
  PartialStatus,
  SearchResponseSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  TraceByIDResponseSchema,
} from './gen/tempopb/tempo_pb.ts';
