// The IOVA policy `linux-rbtree`: the kernel's tree without its caches. See docs/models/iova-tree.md.
//
// Models __alloc_and_insert_iova_range and remove_iova of drivers/iommu/iova.c as linux-tree.ts does:
// what a kernel without rcache would do, or one whose requests are all larger than 32 pages.

import type { IovaPolicy, Parameters, Port } from '../policy.ts';
import { linuxTreeParameterList, linuxTreeParameters } from './linux-parameters.ts';
import { LinuxTree } from './linux-tree.ts';
import { TreeIova } from './tree-iova.ts';

/** The kernel's tree alone. */
export const linuxRbtree: IovaPolicy = {
  kind: 'iova',
  name: 'linux-rbtree',
  summary: 'the tree of the kernel without caches: every request searches, every free removes',
  parameters: linuxTreeParameterList,
  create: (typed: Parameters, port: Port) =>
    new TreeIova(new LinuxTree(linuxTreeParameters(typed), port.shift), (tree, pages, limitPfn) =>
      tree.alloc(pages, limitPfn, true),
    ),
};
