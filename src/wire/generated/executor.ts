import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.ts';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.ts';
import type { ArtifactHeader as _podhand_v1_ArtifactHeader, ArtifactHeader__Output as _podhand_v1_ArtifactHeader__Output } from './podhand/v1/ArtifactHeader.ts';
import type { ArtifactTrailer as _podhand_v1_ArtifactTrailer, ArtifactTrailer__Output as _podhand_v1_ArtifactTrailer__Output } from './podhand/v1/ArtifactTrailer.ts';
import type { Capability as _podhand_v1_Capability, Capability__Output as _podhand_v1_Capability__Output } from './podhand/v1/Capability.ts';
import type { CollectArtifactRequest as _podhand_v1_CollectArtifactRequest, CollectArtifactRequest__Output as _podhand_v1_CollectArtifactRequest__Output } from './podhand/v1/CollectArtifactRequest.ts';
import type { CollectArtifactResponse as _podhand_v1_CollectArtifactResponse, CollectArtifactResponse__Output as _podhand_v1_CollectArtifactResponse__Output } from './podhand/v1/CollectArtifactResponse.ts';
import type { Container as _podhand_v1_Container, Container__Output as _podhand_v1_Container__Output } from './podhand/v1/Container.ts';
import type { ContainerStats as _podhand_v1_ContainerStats, ContainerStats__Output as _podhand_v1_ContainerStats__Output } from './podhand/v1/ContainerStats.ts';
import type { ExecutorServiceClient as _podhand_v1_ExecutorServiceClient, ExecutorServiceDefinition as _podhand_v1_ExecutorServiceDefinition } from './podhand/v1/ExecutorService.ts';
import type { FileInfo as _podhand_v1_FileInfo, FileInfo__Output as _podhand_v1_FileInfo__Output } from './podhand/v1/FileInfo.ts';
import type { FinalRecord as _podhand_v1_FinalRecord, FinalRecord__Output as _podhand_v1_FinalRecord__Output } from './podhand/v1/FinalRecord.ts';
import type { GetInfoRequest as _podhand_v1_GetInfoRequest, GetInfoRequest__Output as _podhand_v1_GetInfoRequest__Output } from './podhand/v1/GetInfoRequest.ts';
import type { GetInfoResponse as _podhand_v1_GetInfoResponse, GetInfoResponse__Output as _podhand_v1_GetInfoResponse__Output } from './podhand/v1/GetInfoResponse.ts';
import type { KillOutcome as _podhand_v1_KillOutcome, KillOutcome__Output as _podhand_v1_KillOutcome__Output } from './podhand/v1/KillOutcome.ts';
import type { KillRequest as _podhand_v1_KillRequest, KillRequest__Output as _podhand_v1_KillRequest__Output } from './podhand/v1/KillRequest.ts';
import type { KillResponse as _podhand_v1_KillResponse, KillResponse__Output as _podhand_v1_KillResponse__Output } from './podhand/v1/KillResponse.ts';
import type { Limits as _podhand_v1_Limits, Limits__Output as _podhand_v1_Limits__Output } from './podhand/v1/Limits.ts';
import type { ListContainersRequest as _podhand_v1_ListContainersRequest, ListContainersRequest__Output as _podhand_v1_ListContainersRequest__Output } from './podhand/v1/ListContainersRequest.ts';
import type { ListContainersResponse as _podhand_v1_ListContainersResponse, ListContainersResponse__Output as _podhand_v1_ListContainersResponse__Output } from './podhand/v1/ListContainersResponse.ts';
import type { LogChunk as _podhand_v1_LogChunk, LogChunk__Output as _podhand_v1_LogChunk__Output } from './podhand/v1/LogChunk.ts';
import type { LogEnd as _podhand_v1_LogEnd, LogEnd__Output as _podhand_v1_LogEnd__Output } from './podhand/v1/LogEnd.ts';
import type { Pod as _podhand_v1_Pod, Pod__Output as _podhand_v1_Pod__Output } from './podhand/v1/Pod.ts';
import type { ProcessStats as _podhand_v1_ProcessStats, ProcessStats__Output as _podhand_v1_ProcessStats__Output } from './podhand/v1/ProcessStats.ts';
import type { ReadFileRequest as _podhand_v1_ReadFileRequest, ReadFileRequest__Output as _podhand_v1_ReadFileRequest__Output } from './podhand/v1/ReadFileRequest.ts';
import type { ReadFileResponse as _podhand_v1_ReadFileResponse, ReadFileResponse__Output as _podhand_v1_ReadFileResponse__Output } from './podhand/v1/ReadFileResponse.ts';
import type { ResolveEntrypointRequest as _podhand_v1_ResolveEntrypointRequest, ResolveEntrypointRequest__Output as _podhand_v1_ResolveEntrypointRequest__Output } from './podhand/v1/ResolveEntrypointRequest.ts';
import type { ResolveEntrypointResponse as _podhand_v1_ResolveEntrypointResponse, ResolveEntrypointResponse__Output as _podhand_v1_ResolveEntrypointResponse__Output } from './podhand/v1/ResolveEntrypointResponse.ts';
import type { SaveArtifactRequest as _podhand_v1_SaveArtifactRequest, SaveArtifactRequest__Output as _podhand_v1_SaveArtifactRequest__Output } from './podhand/v1/SaveArtifactRequest.ts';
import type { SaveArtifactResponse as _podhand_v1_SaveArtifactResponse, SaveArtifactResponse__Output as _podhand_v1_SaveArtifactResponse__Output } from './podhand/v1/SaveArtifactResponse.ts';
import type { SaveProgress as _podhand_v1_SaveProgress, SaveProgress__Output as _podhand_v1_SaveProgress__Output } from './podhand/v1/SaveProgress.ts';
import type { Skipped as _podhand_v1_Skipped, Skipped__Output as _podhand_v1_Skipped__Output } from './podhand/v1/Skipped.ts';
import type { StreamLogsRequest as _podhand_v1_StreamLogsRequest, StreamLogsRequest__Output as _podhand_v1_StreamLogsRequest__Output } from './podhand/v1/StreamLogsRequest.ts';
import type { StreamLogsResponse as _podhand_v1_StreamLogsResponse, StreamLogsResponse__Output as _podhand_v1_StreamLogsResponse__Output } from './podhand/v1/StreamLogsResponse.ts';
import type { Usage as _podhand_v1_Usage, Usage__Output as _podhand_v1_Usage__Output } from './podhand/v1/Usage.ts';
import type { WaitRequest as _podhand_v1_WaitRequest, WaitRequest__Output as _podhand_v1_WaitRequest__Output } from './podhand/v1/WaitRequest.ts';
import type { WaitResponse as _podhand_v1_WaitResponse, WaitResponse__Output as _podhand_v1_WaitResponse__Output } from './podhand/v1/WaitResponse.ts';
import type { WaitResult as _podhand_v1_WaitResult, WaitResult__Output as _podhand_v1_WaitResult__Output } from './podhand/v1/WaitResult.ts';
import type { WatchStatsRequest as _podhand_v1_WatchStatsRequest, WatchStatsRequest__Output as _podhand_v1_WatchStatsRequest__Output } from './podhand/v1/WatchStatsRequest.ts';
import type { WatchStatsResponse as _podhand_v1_WatchStatsResponse, WatchStatsResponse__Output as _podhand_v1_WatchStatsResponse__Output } from './podhand/v1/WatchStatsResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Duration: MessageTypeDefinition<_google_protobuf_Duration, _google_protobuf_Duration__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  podhand: {
    v1: {
      ArchiveFormat: EnumTypeDefinition
      ArtifactHeader: MessageTypeDefinition<_podhand_v1_ArtifactHeader, _podhand_v1_ArtifactHeader__Output>
      ArtifactTrailer: MessageTypeDefinition<_podhand_v1_ArtifactTrailer, _podhand_v1_ArtifactTrailer__Output>
      Capability: MessageTypeDefinition<_podhand_v1_Capability, _podhand_v1_Capability__Output>
      CollectArtifactRequest: MessageTypeDefinition<_podhand_v1_CollectArtifactRequest, _podhand_v1_CollectArtifactRequest__Output>
      CollectArtifactResponse: MessageTypeDefinition<_podhand_v1_CollectArtifactResponse, _podhand_v1_CollectArtifactResponse__Output>
      Container: MessageTypeDefinition<_podhand_v1_Container, _podhand_v1_Container__Output>
      ContainerKind: EnumTypeDefinition
      ContainerState: EnumTypeDefinition
      ContainerStats: MessageTypeDefinition<_podhand_v1_ContainerStats, _podhand_v1_ContainerStats__Output>
      ExecutorService: SubtypeConstructor<typeof grpc.Client, _podhand_v1_ExecutorServiceClient> & { service: _podhand_v1_ExecutorServiceDefinition }
      FileInfo: MessageTypeDefinition<_podhand_v1_FileInfo, _podhand_v1_FileInfo__Output>
      FileType: EnumTypeDefinition
      FinalRecord: MessageTypeDefinition<_podhand_v1_FinalRecord, _podhand_v1_FinalRecord__Output>
      GetInfoRequest: MessageTypeDefinition<_podhand_v1_GetInfoRequest, _podhand_v1_GetInfoRequest__Output>
      GetInfoResponse: MessageTypeDefinition<_podhand_v1_GetInfoResponse, _podhand_v1_GetInfoResponse__Output>
      KillOutcome: MessageTypeDefinition<_podhand_v1_KillOutcome, _podhand_v1_KillOutcome__Output>
      KillRequest: MessageTypeDefinition<_podhand_v1_KillRequest, _podhand_v1_KillRequest__Output>
      KillResponse: MessageTypeDefinition<_podhand_v1_KillResponse, _podhand_v1_KillResponse__Output>
      KillResult: EnumTypeDefinition
      Limits: MessageTypeDefinition<_podhand_v1_Limits, _podhand_v1_Limits__Output>
      ListContainersRequest: MessageTypeDefinition<_podhand_v1_ListContainersRequest, _podhand_v1_ListContainersRequest__Output>
      ListContainersResponse: MessageTypeDefinition<_podhand_v1_ListContainersResponse, _podhand_v1_ListContainersResponse__Output>
      LogChunk: MessageTypeDefinition<_podhand_v1_LogChunk, _podhand_v1_LogChunk__Output>
      LogEnd: MessageTypeDefinition<_podhand_v1_LogEnd, _podhand_v1_LogEnd__Output>
      LogStream: EnumTypeDefinition
      Pod: MessageTypeDefinition<_podhand_v1_Pod, _podhand_v1_Pod__Output>
      ProcessStats: MessageTypeDefinition<_podhand_v1_ProcessStats, _podhand_v1_ProcessStats__Output>
      ReadFileRequest: MessageTypeDefinition<_podhand_v1_ReadFileRequest, _podhand_v1_ReadFileRequest__Output>
      ReadFileResponse: MessageTypeDefinition<_podhand_v1_ReadFileResponse, _podhand_v1_ReadFileResponse__Output>
      ResolveEntrypointRequest: MessageTypeDefinition<_podhand_v1_ResolveEntrypointRequest, _podhand_v1_ResolveEntrypointRequest__Output>
      ResolveEntrypointResponse: MessageTypeDefinition<_podhand_v1_ResolveEntrypointResponse, _podhand_v1_ResolveEntrypointResponse__Output>
      SaveArtifactRequest: MessageTypeDefinition<_podhand_v1_SaveArtifactRequest, _podhand_v1_SaveArtifactRequest__Output>
      SaveArtifactResponse: MessageTypeDefinition<_podhand_v1_SaveArtifactResponse, _podhand_v1_SaveArtifactResponse__Output>
      SaveProgress: MessageTypeDefinition<_podhand_v1_SaveProgress, _podhand_v1_SaveProgress__Output>
      Skipped: MessageTypeDefinition<_podhand_v1_Skipped, _podhand_v1_Skipped__Output>
      StreamLogsRequest: MessageTypeDefinition<_podhand_v1_StreamLogsRequest, _podhand_v1_StreamLogsRequest__Output>
      StreamLogsResponse: MessageTypeDefinition<_podhand_v1_StreamLogsResponse, _podhand_v1_StreamLogsResponse__Output>
      Usage: MessageTypeDefinition<_podhand_v1_Usage, _podhand_v1_Usage__Output>
      WaitRequest: MessageTypeDefinition<_podhand_v1_WaitRequest, _podhand_v1_WaitRequest__Output>
      WaitResponse: MessageTypeDefinition<_podhand_v1_WaitResponse, _podhand_v1_WaitResponse__Output>
      WaitResult: MessageTypeDefinition<_podhand_v1_WaitResult, _podhand_v1_WaitResult__Output>
      WatchStatsRequest: MessageTypeDefinition<_podhand_v1_WatchStatsRequest, _podhand_v1_WatchStatsRequest__Output>
      WatchStatsResponse: MessageTypeDefinition<_podhand_v1_WatchStatsResponse, _podhand_v1_WatchStatsResponse__Output>
    }
  }
}

