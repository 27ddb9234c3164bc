/** y = start + slope · log10(x), by least squares. */
export interface LogarithmFit {
  readonly start: number;
  readonly slope: number;
  /** The share of the spread of y that the line accounts for. */
  readonly rSquared: number;
}

export function fitLogarithm(points: readonly (readonly [x: number, y: number])[]): LogarithmFit {
  const logs = points.map(([x, y]) => [Math.log10(x), y] as const);
  const meanX = mean(logs.map(([x]) => x));
  const meanY = mean(logs.map(([, y]) => y));
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const [x, y] of logs) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  const slope = xy / xx;
  return { slope, start: meanY - slope * meanX, rSquared: yy === 0 ? 1 : xy ** 2 / (xx * yy) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
