// Original file: proto/podhand/v1/executor.proto


export interface ListContainersRequest {
}

export interface ListContainersRequest__Output {
}
