// Explanations in words: a paragraph for each distinct failure.

import { formatCount } from '../quantity.ts';
import { causeKind } from './causes.ts';
import type { ExplainResult, Explanation, Proof } from './explanation.ts';
import { left } from './proofs.ts';

const WIDTH = 96;
const INDENT = '  ';

/** The text of `dmalab explain`. */
export function explainText({ source, input, explanations, notes }: ExplainResult): string {
  const lines = [source];
  if (explanations.length === 0) lines.push(`${INDENT}no map fails`);
  explanations.forEach((explanation, i) => {
    lines.push('', ...paragraph(explanation, i + 1, input));
  });
  if (notes.length > 0) lines.push('', ...notes.flatMap((note) => wrapped('note: ', note)));
  return `${lines.join('\n')}\n`;
}

function paragraph(
  explanation: Explanation,
  number: number,
  input: ExplainResult['input'],
): string[] {
  const { cause, confidence, device, count, why, open, openBecause } = explanation;
  const { title, meaning } = causeKind(cause);
  const who = device === '' ? '' : `: ${device}`;
  const unit = input === 'log' ? 'message' : cause === 'leak' ? 'mapping' : 'failed map';
  const times = count === 0 ? '' : `, ${formatCount(count)} ${unit}${count === 1 ? '' : 's'}`;
  return [
    `${number}. ${title}${who} (${cause}, ${confidence}${times})`,
    ...wrapped('Why: ', `${why}.`),
    ...wrapped('Meaning: ', `${meaning}.`),
    ...(open.length === 0 ? [] : wrapped('Not ruled out: ', `${open.join(', ')}: ${openBecause}.`)),
    ...explanation.helps.flatMap(({ text, parameter }) => [
      ...wrapped('Helps: ', text),
      ...(parameter === null ? [] : [`${INDENT}       ${parameter}`]),
    ]),
    ...explanation.doesNotHelp.flatMap((text) => wrapped('Does not help: ', text)),
    ...explanation.proof.flatMap((proof) => wrapped('Replayed: ', proofText(proof))),
    ...explanation.evidence.map(({ where, text }) => `${INDENT}${where}  ${text}`),
  ];
}

function proofText(proof: Proof): string {
  const { change, parameter, before, after, afterAll } = proof;
  const option = parameter === null ? '' : ` (${parameter})`;
  const such =
    afterAll === 0 || before === proof.beforeAll
      ? ''
      : `${formatCount(after)} of this cause instead of ${formatCount(before)}; `;
  return `with ${change}${option} ${such}${left(proof)}`;
}

/** `text` behind `label`, broken between words, later lines below the first word. */
function wrapped(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = `${INDENT}${label}`;
  const hanging = ' '.repeat(line.length);
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line.trim() !== '' && line !== hanging) {
      lines.push(line.trimEnd());
      line = hanging;
    }
    line += `${word} `;
  }
  lines.push(line.trimEnd());
  return lines;
}
