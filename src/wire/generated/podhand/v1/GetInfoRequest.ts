// Original file: proto/podhand/v1/executor.proto


export interface GetInfoRequest {
}

export interface GetInfoRequest__Output {
}
