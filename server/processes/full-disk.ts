/** Ignores errors of standard output and standard error, which would end the process if they are files on a full disk. */
export function surviveFullDisk(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}
