// Original file: proto/podhand/v1/executor.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CollectArtifactRequest as _podhand_v1_CollectArtifactRequest, CollectArtifactRequest__Output as _podhand_v1_CollectArtifactRequest__Output } from '../../podhand/v1/CollectArtifactRequest.ts';
import type { CollectArtifactResponse as _podhand_v1_CollectArtifactResponse, CollectArtifactResponse__Output as _podhand_v1_CollectArtifactResponse__Output } from '../../podhand/v1/CollectArtifactResponse.ts';
import type { GetInfoRequest as _podhand_v1_GetInfoRequest, GetInfoRequest__Output as _podhand_v1_GetInfoRequest__Output } from '../../podhand/v1/GetInfoRequest.ts';
import type { GetInfoResponse as _podhand_v1_GetInfoResponse, GetInfoResponse__Output as _podhand_v1_GetInfoResponse__Output } from '../../podhand/v1/GetInfoResponse.ts';
import type { KillRequest as _podhand_v1_KillRequest, KillRequest__Output as _podhand_v1_KillRequest__Output } from '../../podhand/v1/KillRequest.ts';
import type { KillResponse as _podhand_v1_KillResponse, KillResponse__Output as _podhand_v1_KillResponse__Output } from '../../podhand/v1/KillResponse.ts';
import type { ListContainersRequest as _podhand_v1_ListContainersRequest, ListContainersRequest__Output as _podhand_v1_ListContainersRequest__Output } from '../../podhand/v1/ListContainersRequest.ts';
import type { ListContainersResponse as _podhand_v1_ListContainersResponse, ListContainersResponse__Output as _podhand_v1_ListContainersResponse__Output } from '../../podhand/v1/ListContainersResponse.ts';
import type { ReadFileRequest as _podhand_v1_ReadFileRequest, ReadFileRequest__Output as _podhand_v1_ReadFileRequest__Output } from '../../podhand/v1/ReadFileRequest.ts';
import type { ReadFileResponse as _podhand_v1_ReadFileResponse, ReadFileResponse__Output as _podhand_v1_ReadFileResponse__Output } from '../../podhand/v1/ReadFileResponse.ts';
import type { ResolveEntrypointRequest as _podhand_v1_ResolveEntrypointRequest, ResolveEntrypointRequest__Output as _podhand_v1_ResolveEntrypointRequest__Output } from '../../podhand/v1/ResolveEntrypointRequest.ts';
import type { ResolveEntrypointResponse as _podhand_v1_ResolveEntrypointResponse, ResolveEntrypointResponse__Output as _podhand_v1_ResolveEntrypointResponse__Output } from '../../podhand/v1/ResolveEntrypointResponse.ts';
import type { SaveArtifactRequest as _podhand_v1_SaveArtifactRequest, SaveArtifactRequest__Output as _podhand_v1_SaveArtifactRequest__Output } from '../../podhand/v1/SaveArtifactRequest.ts';
import type { SaveArtifactResponse as _podhand_v1_SaveArtifactResponse, SaveArtifactResponse__Output as _podhand_v1_SaveArtifactResponse__Output } from '../../podhand/v1/SaveArtifactResponse.ts';
import type { StreamLogsRequest as _podhand_v1_StreamLogsRequest, StreamLogsRequest__Output as _podhand_v1_StreamLogsRequest__Output } from '../../podhand/v1/StreamLogsRequest.ts';
import type { StreamLogsResponse as _podhand_v1_StreamLogsResponse, StreamLogsResponse__Output as _podhand_v1_StreamLogsResponse__Output } from '../../podhand/v1/StreamLogsResponse.ts';
import type { WaitRequest as _podhand_v1_WaitRequest, WaitRequest__Output as _podhand_v1_WaitRequest__Output } from '../../podhand/v1/WaitRequest.ts';
import type { WaitResponse as _podhand_v1_WaitResponse, WaitResponse__Output as _podhand_v1_WaitResponse__Output } from '../../podhand/v1/WaitResponse.ts';
import type { WatchStatsRequest as _podhand_v1_WatchStatsRequest, WatchStatsRequest__Output as _podhand_v1_WatchStatsRequest__Output } from '../../podhand/v1/WatchStatsRequest.ts';
import type { WatchStatsResponse as _podhand_v1_WatchStatsResponse, WatchStatsResponse__Output as _podhand_v1_WatchStatsResponse__Output } from '../../podhand/v1/WatchStatsResponse.ts';

export interface ExecutorServiceClient extends grpc.Client {
  CollectArtifact(argument: _podhand_v1_CollectArtifactRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_CollectArtifactResponse__Output>;
  CollectArtifact(argument: _podhand_v1_CollectArtifactRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_CollectArtifactResponse__Output>;
  collectArtifact(argument: _podhand_v1_CollectArtifactRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_CollectArtifactResponse__Output>;
  collectArtifact(argument: _podhand_v1_CollectArtifactRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_CollectArtifactResponse__Output>;
  
  GetInfo(argument: _podhand_v1_GetInfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  GetInfo(argument: _podhand_v1_GetInfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podhand_v1_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  GetInfo(argument: _podhand_v1_GetInfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  GetInfo(argument: _podhand_v1_GetInfoRequest, callback: grpc.requestCallback<_podhand_v1_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  getInfo(argument: _podhand_v1_GetInfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  getInfo(argument: _podhand_v1_GetInfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podhand_v1_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  getInfo(argument: _podhand_v1_GetInfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  getInfo(argument: _podhand_v1_GetInfoRequest, callback: grpc.requestCallback<_podhand_v1_GetInfoResponse__Output>): grpc.ClientUnaryCall;
  
  Kill(argument: _podhand_v1_KillRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_KillResponse__Output>): grpc.ClientUnaryCall;
  Kill(argument: _podhand_v1_KillRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podhand_v1_KillResponse__Output>): grpc.ClientUnaryCall;
  Kill(argument: _podhand_v1_KillRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_KillResponse__Output>): grpc.ClientUnaryCall;
  Kill(argument: _podhand_v1_KillRequest, callback: grpc.requestCallback<_podhand_v1_KillResponse__Output>): grpc.ClientUnaryCall;
  kill(argument: _podhand_v1_KillRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_KillResponse__Output>): grpc.ClientUnaryCall;
  kill(argument: _podhand_v1_KillRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podhand_v1_KillResponse__Output>): grpc.ClientUnaryCall;
  kill(argument: _podhand_v1_KillRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_KillResponse__Output>): grpc.ClientUnaryCall;
  kill(argument: _podhand_v1_KillRequest, callback: grpc.requestCallback<_podhand_v1_KillResponse__Output>): grpc.ClientUnaryCall;
  
  ListContainers(argument: _podhand_v1_ListContainersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_ListContainersResponse__Output>): grpc.ClientUnaryCall;
  ListContainers(argument: _podhand_v1_ListContainersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podhand_v1_ListContainersResponse__Output>): grpc.ClientUnaryCall;
  ListContainers(argument: _podhand_v1_ListContainersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_ListContainersResponse__Output>): grpc.ClientUnaryCall;
  ListContainers(argument: _podhand_v1_ListContainersRequest, callback: grpc.requestCallback<_podhand_v1_ListContainersResponse__Output>): grpc.ClientUnaryCall;
  listContainers(argument: _podhand_v1_ListContainersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_ListContainersResponse__Output>): grpc.ClientUnaryCall;
  listContainers(argument: _podhand_v1_ListContainersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podhand_v1_ListContainersResponse__Output>): grpc.ClientUnaryCall;
  listContainers(argument: _podhand_v1_ListContainersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_ListContainersResponse__Output>): grpc.ClientUnaryCall;
  listContainers(argument: _podhand_v1_ListContainersRequest, callback: grpc.requestCallback<_podhand_v1_ListContainersResponse__Output>): grpc.ClientUnaryCall;
  
  ReadFile(argument: _podhand_v1_ReadFileRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_ReadFileResponse__Output>;
  ReadFile(argument: _podhand_v1_ReadFileRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_ReadFileResponse__Output>;
  readFile(argument: _podhand_v1_ReadFileRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_ReadFileResponse__Output>;
  readFile(argument: _podhand_v1_ReadFileRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_ReadFileResponse__Output>;
  
  ResolveEntrypoint(argument: _podhand_v1_ResolveEntrypointRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_ResolveEntrypointResponse__Output>): grpc.ClientUnaryCall;
  ResolveEntrypoint(argument: _podhand_v1_ResolveEntrypointRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podhand_v1_ResolveEntrypointResponse__Output>): grpc.ClientUnaryCall;
  ResolveEntrypoint(argument: _podhand_v1_ResolveEntrypointRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_ResolveEntrypointResponse__Output>): grpc.ClientUnaryCall;
  ResolveEntrypoint(argument: _podhand_v1_ResolveEntrypointRequest, callback: grpc.requestCallback<_podhand_v1_ResolveEntrypointResponse__Output>): grpc.ClientUnaryCall;
  resolveEntrypoint(argument: _podhand_v1_ResolveEntrypointRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_ResolveEntrypointResponse__Output>): grpc.ClientUnaryCall;
  resolveEntrypoint(argument: _podhand_v1_ResolveEntrypointRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podhand_v1_ResolveEntrypointResponse__Output>): grpc.ClientUnaryCall;
  resolveEntrypoint(argument: _podhand_v1_ResolveEntrypointRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podhand_v1_ResolveEntrypointResponse__Output>): grpc.ClientUnaryCall;
  resolveEntrypoint(argument: _podhand_v1_ResolveEntrypointRequest, callback: grpc.requestCallback<_podhand_v1_ResolveEntrypointResponse__Output>): grpc.ClientUnaryCall;
  
  SaveArtifact(argument: _podhand_v1_SaveArtifactRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_SaveArtifactResponse__Output>;
  SaveArtifact(argument: _podhand_v1_SaveArtifactRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_SaveArtifactResponse__Output>;
  saveArtifact(argument: _podhand_v1_SaveArtifactRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_SaveArtifactResponse__Output>;
  saveArtifact(argument: _podhand_v1_SaveArtifactRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_SaveArtifactResponse__Output>;
  
  StreamLogs(argument: _podhand_v1_StreamLogsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_StreamLogsResponse__Output>;
  StreamLogs(argument: _podhand_v1_StreamLogsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_StreamLogsResponse__Output>;
  streamLogs(argument: _podhand_v1_StreamLogsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_StreamLogsResponse__Output>;
  streamLogs(argument: _podhand_v1_StreamLogsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_StreamLogsResponse__Output>;
  
  Wait(argument: _podhand_v1_WaitRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_WaitResponse__Output>;
  Wait(argument: _podhand_v1_WaitRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_WaitResponse__Output>;
  wait(argument: _podhand_v1_WaitRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_WaitResponse__Output>;
  wait(argument: _podhand_v1_WaitRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_WaitResponse__Output>;
  
  WatchStats(argument: _podhand_v1_WatchStatsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_WatchStatsResponse__Output>;
  WatchStats(argument: _podhand_v1_WatchStatsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_WatchStatsResponse__Output>;
  watchStats(argument: _podhand_v1_WatchStatsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_WatchStatsResponse__Output>;
  watchStats(argument: _podhand_v1_WatchStatsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podhand_v1_WatchStatsResponse__Output>;
  
}

export interface ExecutorServiceHandlers extends grpc.UntypedServiceImplementation {
  CollectArtifact: grpc.handleServerStreamingCall<_podhand_v1_CollectArtifactRequest__Output, _podhand_v1_CollectArtifactResponse>;
  
  GetInfo: grpc.handleUnaryCall<_podhand_v1_GetInfoRequest__Output, _podhand_v1_GetInfoResponse>;
  
  Kill: grpc.handleUnaryCall<_podhand_v1_KillRequest__Output, _podhand_v1_KillResponse>;
  
  ListContainers: grpc.handleUnaryCall<_podhand_v1_ListContainersRequest__Output, _podhand_v1_ListContainersResponse>;
  
  ReadFile: grpc.handleServerStreamingCall<_podhand_v1_ReadFileRequest__Output, _podhand_v1_ReadFileResponse>;
  
  ResolveEntrypoint: grpc.handleUnaryCall<_podhand_v1_ResolveEntrypointRequest__Output, _podhand_v1_ResolveEntrypointResponse>;
  
  SaveArtifact: grpc.handleServerStreamingCall<_podhand_v1_SaveArtifactRequest__Output, _podhand_v1_SaveArtifactResponse>;
  
  StreamLogs: grpc.handleServerStreamingCall<_podhand_v1_StreamLogsRequest__Output, _podhand_v1_StreamLogsResponse>;
  
  Wait: grpc.handleServerStreamingCall<_podhand_v1_WaitRequest__Output, _podhand_v1_WaitResponse>;
  
  WatchStats: grpc.handleServerStreamingCall<_podhand_v1_WatchStatsRequest__Output, _podhand_v1_WatchStatsResponse>;
  
}

export interface ExecutorServiceDefinition extends grpc.ServiceDefinition {
  CollectArtifact: MethodDefinition<_podhand_v1_CollectArtifactRequest, _podhand_v1_CollectArtifactResponse, _podhand_v1_CollectArtifactRequest__Output, _podhand_v1_CollectArtifactResponse__Output>
  GetInfo: MethodDefinition<_podhand_v1_GetInfoRequest, _podhand_v1_GetInfoResponse, _podhand_v1_GetInfoRequest__Output, _podhand_v1_GetInfoResponse__Output>
  Kill: MethodDefinition<_podhand_v1_KillRequest, _podhand_v1_KillResponse, _podhand_v1_KillRequest__Output, _podhand_v1_KillResponse__Output>
  ListContainers: MethodDefinition<_podhand_v1_ListContainersRequest, _podhand_v1_ListContainersResponse, _podhand_v1_ListContainersRequest__Output, _podhand_v1_ListContainersResponse__Output>
  ReadFile: MethodDefinition<_podhand_v1_ReadFileRequest, _podhand_v1_ReadFileResponse, _podhand_v1_ReadFileRequest__Output, _podhand_v1_ReadFileResponse__Output>
  ResolveEntrypoint: MethodDefinition<_podhand_v1_ResolveEntrypointRequest, _podhand_v1_ResolveEntrypointResponse, _podhand_v1_ResolveEntrypointRequest__Output, _podhand_v1_ResolveEntrypointResponse__Output>
  SaveArtifact: MethodDefinition<_podhand_v1_SaveArtifactRequest, _podhand_v1_SaveArtifactResponse, _podhand_v1_SaveArtifactRequest__Output, _podhand_v1_SaveArtifactResponse__Output>
  StreamLogs: MethodDefinition<_podhand_v1_StreamLogsRequest, _podhand_v1_StreamLogsResponse, _podhand_v1_StreamLogsRequest__Output, _podhand_v1_StreamLogsResponse__Output>
  Wait: MethodDefinition<_podhand_v1_WaitRequest, _podhand_v1_WaitResponse, _podhand_v1_WaitRequest__Output, _podhand_v1_WaitResponse__Output>
  WatchStats: MethodDefinition<_podhand_v1_WatchStatsRequest, _podhand_v1_WatchStatsResponse, _podhand_v1_WatchStatsRequest__Output, _podhand_v1_WatchStatsResponse__Output>
}
