import {
  completeParameters,
  createPolicy,
  dryPort,
  flushPolicy,
  type Parameters,
  PolicyError,
} from '@dmalab/replay';
import { expect, test } from 'vitest';

const percpu = flushPolicy('percpu');
const made = (given: Parameters) => () =>
  createPolicy(percpu, completeParameters('percpu', percpu.parameters, given), dryPort(2));

test('a policy that cannot be created is named with the parameters that were chosen', () => {
  expect(made({ timerCpu: 1 })().queuedEntries()).toBe(0);
  expect(made({ timerCpu: 9 })).toThrow(PolicyError);
  expect(made({ timerCpu: 9 })).toThrow(
    'flush policy "percpu" cannot be created with timerCpu=9: timerCpu: got 9, expected a CPU below 2',
  );
});

test('what was thrown is the cause', () => {
  const broken = {
    ...percpu,
    create: () => {
      throw new TypeError('no clock');
    },
  };
  const thrown = (() => {
    try {
      return createPolicy(broken, completeParameters('percpu', percpu.parameters, {}), dryPort());
    } catch (error) {
      return error;
    }
  })();
  expect(thrown).toMatchObject({
    message: 'flush policy "percpu" cannot be created with its defaults: no clock',
    cause: expect.any(TypeError) as unknown,
  });
});
