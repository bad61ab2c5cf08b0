import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { RunningApp } from './running-app'

/** Whether the system has the files in /proc; Linux does. */
export const hasProcFiles = existsSync('/proc/self/stat')

/** Milliseconds of processor time that all threads of a process have used, in steps of ten. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** The most resident memory of a process since `resetPeak`, in bytes. */
export function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** The resident memory of a process now, in bytes. */
export function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}

export function processesOf(app: RunningApp): { web: number; worker: number } {
  const { webs, worker } = childrenOf(app)
  const [web] = webs
  if (web === undefined) throw new Error('The supervisor has no web process.')
  return { web, worker }
}

export function childrenOf({ output }: RunningApp): { webs: number[]; worker: number } {
  const lines = output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { event?: string; pid: number })
  const pidOf = (event: string) => lines.find((line) => line.event === event)!.pid
  const [supervisor, worker] = [pidOf('sys_startup'), pidOf('worker_started')]
  const webs = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === supervisor && pid !== worker)
  return { webs, worker }
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    )
  } catch {
    return undefined // It ended in the meantime.
  }
}

/** The proportional memory of a process now, in bytes: of shared pages, each process counts a part. */
export function proportionalMemoryOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) * 1024
}

export function handlesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
