// Finds the calls of the IOVA allocator in the events of a capture, as intervals per domain.
//
// Events: the allocator probes (kernel functions alloc_iova_fast, free_iova_fast, ...). An allocation spans alloc_iova_fast to
// its return in the same CPU, thread and context; a free spans free_iova_fast to the next line of
// the same CPU, thread and context, whatever it is. What one call does inside of it (alloc_iova,
// free_iova, remove_iova, cache flushes of a last try) is a consequence and no call of its own.
//
// Interrupts nest, so returns pair with the latest entry. A thread may move to another CPU inside of
// a call; then its return is found by the thread alone. On kernels where a probe is a breakpoint
// (6.1) its context reads 'Z' and the real one is open: see {@link OpenFrees}.

import { type EventBatch, EventKind } from '@dmalab/trace';
import { contextKey } from './context-key.ts';
import { OpenFrees } from './open-frees.ts';
import { OperationKind, UNKNOWN_PFN } from './operation-log.ts';
import { createdDomain, type RecordedDomain, unseenDomain } from './recorded-domain.ts';

/** An allocation that has not returned. */
interface OpenAlloc {
  readonly domain: RecordedDomain;
  readonly operation: number;
  readonly tid: number;
}

export class RecordedCalls {
  /** Every domain seen, in the order of appearance. */
  readonly domains: RecordedDomain[] = [];
  /** Events so far: the number of the next. */
  events = 0;
  /** Allocation probes seen at all. */
  probes = 0;
  /** Domains by pointer, those that live now. */
  readonly #live = new Map<number, RecordedDomain>();
  /** Allocations that have not returned, latest last, by CPU, thread and context. */
  readonly #open = new Map<number, OpenAlloc[]>();
  /** The same for direct callers of alloc_iova. */
  readonly #openTree = new Map<number, OpenAlloc[]>();
  readonly #openFrees = new OpenFrees();
  /** CPUs that went down and were not seen since. */
  readonly #offline = new Set<number>();

  /** Takes in the events of a batch. `tokens` is the reader's table of pointers. */
  add(batch: EventBatch, tokens: readonly string[]): void {
    for (let row = 0; row < batch.length; row++) this.#event(batch, row, tokens);
  }

  #event(batch: EventBatch, row: number, tokens: readonly string[]): void {
    const number = this.events++;
    const cpu = batch.cpu[row]!;
    this.#openFrees.line(batch, row, number);
    if (this.#offline.size > 0 && this.#offline.has(cpu)) this.#cpuUp(batch, row, number);
    switch (batch.kind[row]!) {
      case EventKind.iovaAlloc:
        this.#alloc(batch, row, number, tokens);
        break;
      case EventKind.iovaAllocRet:
        this.#allocReturn(batch, row, number);
        break;
      case EventKind.iovaFree:
        this.#free(batch, row, number, tokens);
        break;
      case EventKind.treeAlloc:
        this.#treeAlloc(batch, row, number, tokens);
        break;
      case EventKind.treeAllocRet:
        this.#treeAllocReturn(batch, row, number);
        break;
      case EventKind.treeFree:
        this.#treeFree(batch, row, number, tokens);
        break;
      case EventKind.magazineFree:
        this.#openFrees.countInner(batch, row);
        break;
      case EventKind.depotWork:
        this.#depotWork(batch, row, number, tokens);
        break;
      case EventKind.cpuCacheFlush:
        this.#cpuFlush(batch, row, number, tokens);
        break;
      case EventKind.domainInit:
        this.#domainInit(batch, row, number, tokens);
        break;
      case EventKind.domainPut:
        this.#domainPut(batch, row);
        break;
      case EventKind.reserve:
        this.#reserve(batch, row, number, tokens);
        break;
      default:
    }
  }

  #domain(batch: EventBatch, row: number, tokens: readonly string[]): RecordedDomain {
    const token = batch.token[row]!;
    let domain = this.#live.get(token);
    if (domain === undefined) {
      domain = unseenDomain(tokens[token] ?? '');
      this.#live.set(token, domain);
      this.domains.push(domain);
    }
    return domain;
  }

  #domainInit(batch: EventBatch, row: number, number: number, tokens: readonly string[]): void {
    const token = batch.token[row]!;
    const old = this.#live.get(token);
    if (old !== undefined) old.closed = true;
    const line = batch.line[row]!;
    const granule = batch.size[row]!;
    const domain = createdDomain(tokens[token] ?? '', number, line, granule, batch.aux[row]!, [
      ...this.#offline,
    ]);
    this.#live.set(token, domain);
    this.domains.push(domain);
  }

  #domainPut(batch: EventBatch, row: number): void {
    const token = batch.token[row]!;
    const domain = this.#live.get(token);
    if (domain === undefined) return;
    domain.closed = true;
    this.#live.delete(token);
  }

  #reserve(batch: EventBatch, row: number, number: number, tokens: readonly string[]): void {
    const { log } = this.#domain(batch, row, tokens);
    const operation = log.push(OperationKind.reserve, number, batch, row);
    const i = log.at(operation);
    log.pfn[i] = batch.aux[row]!;
    log.last[i] = batch.aux2[row]!;
    log.end[i] = number;
  }

  #alloc(batch: EventBatch, row: number, number: number, tokens: readonly string[]): void {
    this.probes++;
    const domain = this.#domain(batch, row, tokens);
    domain.allocations++;
    const { log } = domain;
    const operation = log.push(OperationKind.alloc, number, batch, row);
    const i = log.at(operation);
    log.limit[i] = batch.aux[row]!;
    log.lastTry[i] = batch.aux2[row] === 0 ? 0 : 1;
    log.pfn[i] = UNKNOWN_PFN;
    pushOpen(this.#open, contextKey(batch, row), { domain, operation, tid: batch.tid[row]! });
  }

  #allocReturn(batch: EventBatch, row: number, number: number): void {
    const open = this.#takeOpen(batch, row);
    if (open === undefined) return;
    const { log } = open.domain;
    log.result(open.operation, number, batch.aux[row]!, batch.line[row]!);
  }

  #takeOpen(batch: EventBatch, row: number): OpenAlloc | undefined {
    const open = popOpen(this.#open, contextKey(batch, row));
    return open ?? this.#takeMigrated(batch.tid[row]!);
  }

  // The thread was moved to another CPU inside of the call. The idle threads, all 0, never are.
  #takeMigrated(tid: number): OpenAlloc | undefined {
    if (tid <= 0) return undefined;
    for (const [key, stack] of this.#open) {
      if (stack[0]!.tid === tid) return popOpen(this.#open, key);
    }
    return undefined;
  }

  #treeAlloc(batch: EventBatch, row: number, number: number, tokens: readonly string[]): void {
    const key = contextKey(batch, row);
    const outer = this.#open.get(key)?.at(-1) ?? this.#migratedOuter(batch.tid[row]!);
    if (outer !== undefined) {
      outer.domain.log.countInner(outer.operation);
      return;
    }
    const domain = this.#domain(batch, row, tokens);
    domain.allocations++;
    const { log } = domain;
    const operation = log.push(OperationKind.treeAlloc, number, batch, row);
    const i = log.at(operation);
    log.limit[i] = batch.aux[row]!;
    log.lastTry[i] = batch.aux2[row] === 0 ? 0 : 1;
    log.pfn[i] = UNKNOWN_PFN;
    pushOpen(this.#openTree, key, { domain, operation, tid: batch.tid[row]! });
  }

  #migratedOuter(tid: number): OpenAlloc | undefined {
    if (tid <= 0) return undefined;
    for (const stack of this.#open.values()) {
      if (stack[0]!.tid === tid) return stack.at(-1);
    }
    return undefined;
  }

  #treeAllocReturn(batch: EventBatch, row: number, number: number): void {
    const key = contextKey(batch, row);
    if (this.#open.has(key)) return;
    const open = popOpen(this.#openTree, key);
    if (open === undefined) return;
    open.domain.log.result(open.operation, number, batch.aux[row]!, batch.line[row]!);
  }

  #free(batch: EventBatch, row: number, number: number, tokens: readonly string[]): void {
    const domain = this.#domain(batch, row, tokens);
    domain.frees++;
    const operation = domain.log.push(OperationKind.free, number, batch, row);
    domain.log.pfn[domain.log.at(operation)] = batch.aux[row]!;
    this.#openFrees.open(batch, row, domain.log, operation);
  }

  #treeFree(batch: EventBatch, row: number, number: number, tokens: readonly string[]): void {
    if (this.#openFrees.isInside(batch, row) || this.#open.has(contextKey(batch, row))) return;
    const domain = this.#domain(batch, row, tokens);
    domain.frees++;
    const operation = domain.log.push(OperationKind.treeFree, number, batch, row);
    domain.log.pfn[domain.log.at(operation)] = batch.aux[row]!;
    this.#openFrees.open(batch, row, domain.log, operation);
  }

  // The work item does not say whose it is: every domain gets the event, and the models find out.
  #depotWork(batch: EventBatch, row: number, number: number, tokens: readonly string[]): void {
    const token = batch.token[row]!;
    if (tokens[token] === undefined) return;
    for (const domain of this.#live.values()) {
      const operation = domain.log.push(OperationKind.depotWork, number, batch, row);
      domain.log.pfn[domain.log.at(operation)] = token;
      this.#openFrees.open(batch, row, domain.log, operation);
    }
  }

  #cpuFlush(batch: EventBatch, row: number, number: number, tokens: readonly string[]): void {
    if (this.#open.has(contextKey(batch, row))) return;
    const { log } = this.#domain(batch, row, tokens);
    const cpu = batch.aux[row]!;
    this.#offline.add(cpu);
    const operation = log.push(OperationKind.cpuFlush, number, batch, row);
    log.pfn[log.at(operation)] = cpu;
    this.#openFrees.open(batch, row, log, operation);
  }

  #cpuUp(batch: EventBatch, row: number, number: number): void {
    const cpu = batch.cpu[row]!;
    this.#offline.delete(cpu);
    for (const { log } of this.#live.values()) {
      const operation = log.push(OperationKind.cpuUp, number, batch, row);
      log.pfn[log.at(operation)] = cpu;
      log.end[log.at(operation)] = number;
    }
  }
}

function pushOpen(map: Map<number, OpenAlloc[]>, key: number, open: OpenAlloc): void {
  const stack = map.get(key);
  if (stack === undefined) map.set(key, [open]);
  else stack.push(open);
}

function popOpen(map: Map<number, OpenAlloc[]>, key: number): OpenAlloc | undefined {
  const stack = map.get(key);
  if (stack === undefined) return undefined;
  const open = stack.pop();
  if (stack.length === 0) map.delete(key);
  return open;
}
