/**
 * Makes output that cannot be written, for example because the disk is full, be dropped. By default Node ends the process:
 * a service whose standard output is a file on that disk would not even start. The log drops its own lines itself.
 */
export function surviveFullDisk(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}
