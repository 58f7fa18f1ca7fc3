// How wide a text is in DejaVu Sans, for layout where there is no canvas to ask.
//
// Advance widths of U+0020 to U+007E in thousandths of the font size, read from the metrics of the
// font files (version 2.37). Other characters count as wide as a digit. No kerning.

const FIRST = 0x20;
const OTHER = 636;
const REGULAR: readonly number[] = [
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
  636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
  575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
  611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
  278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];
/** The bold face is about this much wider. */
const BOLD = 1.12;

/** Width of `text` in pixels. */
export function textWidth(text: string, fontSize: number, isBold: boolean): number {
  let width = 0;
  for (const character of text) width += REGULAR[character.codePointAt(0)! - FIRST] ?? OTHER;
  return (width / 1000) * fontSize * (isBold ? BOLD : 1);
}
