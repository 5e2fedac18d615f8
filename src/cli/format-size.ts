/** `1.5 GiB` */
export function formatSize(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let at = 0
  while (Math.abs(value) >= 1024 && at < units.length - 1) {
    value /= 1024
    at++
  }
  return `${Math.abs(value) < 10 && at > 0 ? value.toFixed(1) : Math.round(value)} ${units[at]}`
}
