export {
  PartialStatus,
  SearchResponseSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  TraceByIDResponseSchema,
} from './gen/tempopb/tempo_pb.ts';
