// The families of golden scenarios that can be checked, one line each.

import type { Family } from './family.ts';
import { fq } from './fq.ts';
import { iova } from './iova.ts';
import { swiotlb } from './swiotlb.ts';

export const families: readonly Family[] = [iova, fq, swiotlb];
