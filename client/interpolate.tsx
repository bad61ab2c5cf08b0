import { Fragment, type ReactNode } from 'react'

/** Replaces the placeholder `{name}` of a message by a React node. */
export function interpolate(sentence: string, name: string, value: ReactNode): ReactNode {
  const parts = sentence.split(`{${name}}`)
  return parts.map((part, index) => (
    <Fragment key={index}>
      {index > 0 && value}
      {part}
    </Fragment>
  ))
}
