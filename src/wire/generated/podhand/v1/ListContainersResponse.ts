// Original file: proto/podhand/v1/executor.proto

import type { Container as _podhand_v1_Container, Container__Output as _podhand_v1_Container__Output } from '../../podhand/v1/Container.ts';

export interface ListContainersResponse {
  'containers'?: (_podhand_v1_Container)[];
}

export interface ListContainersResponse__Output {
  'containers': (_podhand_v1_Container__Output)[];
}
