/**
 * Drops output to standard output and standard error that cannot be written, for example because the disk is full. By default
 * Node would end the process: a service whose standard output is a file on that disk could not even start.
 */
export function surviveFullDisk(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}
