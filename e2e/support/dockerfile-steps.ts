import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

type Step = { instruction: string; text: string }

export function readDockerfile(file: string): Step[] {
  return readFileSync(file, 'utf8')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const [, instruction, text] = /^([A-Z]+) (.+)$/.exec(line.trim()) ?? []
      return instruction && text ? [{ instruction, text }] : []
    })
}

/**
 * Executes COPY and RUN in folders of this machine instead of images.
 *
 * @param directory empty; each stage gets a folder in it
 * @returns the folder of the last stage, and its variables and command
 */
export function runDockerfile(steps: Step[], directory: string, env: NodeJS.ProcessEnv) {
  const stages = new Map<string, string>()
  let current = ''
  let variables: Record<string, string> = {}
  let command: string[] = []
  const inCurrent = (file: string) =>
    path.join(current, path.relative('/rekey', path.resolve('/rekey', file)))
  for (const { instruction, text } of steps) {
    if (instruction === 'FROM') {
      const name = / AS (\w+)$/.exec(text)?.[1] ?? 'last'
      current = path.join(directory, name)
      stages.set(name, current)
      mkdirSync(current)
      variables = {}
    } else if (instruction === 'COPY') {
      const [, stage, files] = /^(?:--from=(\w+) )?(.+)$/.exec(text)!
      const named = files!.split(' ')
      const target = named.pop()!
      for (const file of named) {
        if (stage === undefined) copyFromContext(file, current)
        else {
          const source = path.join(stages.get(stage)!, path.relative('/rekey', file))
          const isFolder = target.endsWith('/')
          cpSync(source, isFolder ? path.join(inCurrent(target), path.basename(file)) : inCurrent(target), {
            recursive: true,
            verbatimSymlinks: true,
          })
        }
      }
    } else if (instruction === 'RUN') {
      execFileSync('/bin/sh', ['-ec', text], { cwd: current, env: { ...env, ...variables }, stdio: 'pipe' })
    } else if (instruction === 'ENV') {
      variables = { ...variables, ...Object.fromEntries(text.split(' ').map((pair) => pair.split('='))) }
    } else if (instruction === 'CMD') command = JSON.parse(text) as string[]
  }
  return { folder: current, variables, command }
}

/** Copies a file of the repository or, for `.`, all files that git lists and .dockerignore does not name. */
function copyFromContext(file: string, target: string): void {
  const ignored = readFileSync('.dockerignore', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', file], {
    encoding: 'utf8',
  })
  for (const name of listed.split('\n').filter(Boolean)) {
    if (
      !existsSync(name) ||
      ignored.some((pattern) => path.matchesGlob(name, pattern) || name.startsWith(`${pattern}/`))
    )
      continue
    cpSync(name, path.join(target, name))
  }
}
