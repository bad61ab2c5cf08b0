import { Fragment, type ReactNode } from 'react'

/** Puts a value into the place that a finished sentence keeps for it, such as `{login}`. */
export function interpolate(sentence: string, name: string, value: ReactNode): ReactNode {
  const parts = sentence.split(`{${name}}`)
  return parts.map((part, index) => (
    <Fragment key={index}>
      {index > 0 && value}
      {part}
    </Fragment>
  ))
}
