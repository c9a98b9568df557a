// Numbers as people read them.

export function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share < 1 && share > 0.999) return "> 99.9 %";
  return `${(100 * share).toFixed(share > 0 && share < 1 ? 1 : 0)} %`;
}
