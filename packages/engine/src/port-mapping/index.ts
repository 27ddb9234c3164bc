export type {
  MapFailure,
  MappingKind,
  PortMapperInput,
  PortMapperOutput,
  PortMapping,
  Route,
} from "./messages.ts";
export { PortMapper, type PortMapperOptions } from "./port-mapper.ts";
