/** Shares and rates in few characters. */

export const percent = (share: number): string => {
  const value = share * 100;
  return `${value > 0 && value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value)} %`;
};

export const rateText = (perMinute: number): string =>
  perMinute >= 10 || perMinute === 0 ? Math.round(perMinute).toLocaleString("en-US") : perMinute.toFixed(1);
