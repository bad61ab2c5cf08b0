import type { ReactNode } from 'react'

/** Icons decorate text, so assistive technology ignores them. The calls are marked as pure, so that bundles omit unused icons. */
function icon(drawing: ReactNode) {
  return function Icon({ className = 'size-5' }: { className?: string }) {
    return (
      <svg
        viewBox="0 0 24 24"
        className={`shrink-0 ${className}`}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {drawing}
      </svg>
    )
  }
}

export const EnvelopeIcon = /* @__PURE__ */ icon(
  <>
    <rect x="3" y="5" width="18" height="14" rx="3" />
    <path d="m4 7.5 6.7 5a2.2 2.2 0 0 0 2.6 0l6.7-5" />
  </>,
)
export const CheckIcon = /* @__PURE__ */ icon(<path d="m5 12.5 4.6 4.6L19.5 7" />)
export const ClockIcon = /* @__PURE__ */ icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 7.2V12l3.2 2" />
  </>,
)
export const BrokenLinkIcon = /* @__PURE__ */ icon(
  <>
    <path d="M10.2 7.4 12 5.6a4.5 4.5 0 0 1 6.4 6.4l-1.8 1.8M13.8 16.6 12 18.4A4.5 4.5 0 0 1 5.6 12l1.8-1.8" />
    <path d="m4 4 16 16" />
  </>,
)
export const CompassIcon = /* @__PURE__ */ icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="m15.2 8.8-1.9 4.5-4.5 1.9 1.9-4.5z" />
  </>,
)
export const AlertIcon = /* @__PURE__ */ icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 7.8v4.7M12 16h.01" />
  </>,
)
export const CloudIcon = /* @__PURE__ */ icon(
  <path d="M7.2 18.5a4.2 4.2 0 0 1-.5-8.4 5.6 5.6 0 0 1 10.8-.6 4.5 4.5 0 0 1-.6 9z" />,
)
export const GlobeIcon = /* @__PURE__ */ icon(
  <>
    <circle cx="12" cy="12" r="8.6" />
    <path d="M3.4 12h17.2M12 3.4c2.6 2.5 3.9 5.4 3.9 8.6s-1.3 6.1-3.9 8.6c-2.6-2.5-3.9-5.4-3.9-8.6s1.3-6.1 3.9-8.6Z" />
  </>,
)
export const ChevronUpIcon = /* @__PURE__ */ icon(<path d="m6 14.5 6-6 6 6" />)
export const EyeIcon = /* @__PURE__ */ icon(
  <>
    <path d="M2.8 12S6 5.8 12 5.8 21.2 12 21.2 12 18 18.2 12 18.2 2.8 12 2.8 12Z" />
    <circle cx="12" cy="12" r="2.8" />
  </>,
)
export const EyeOffIcon = /* @__PURE__ */ icon(
  <>
    <path d="M9.5 6.1A9 9 0 0 1 12 5.8c6 0 9.2 6.2 9.2 6.2a15 15 0 0 1-2.4 3.2M6 7.6A14.6 14.6 0 0 0 2.8 12S6 18.2 12 18.2a9 9 0 0 0 4.4-1.1M10 10a2.8 2.8 0 0 0 4 4" />
    <path d="m4 4 16 16" />
  </>,
)
export const DotIcon = /* @__PURE__ */ icon(<circle cx="12" cy="12" r="3" />)
export const SpinnerIcon = /* @__PURE__ */ icon(<path d="M12 3.5a8.5 8.5 0 1 1-8.5 8.5" />)

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" className="size-9 shrink-0" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" className="fill-accent" />
      <g
        className="fill-none stroke-on-accent"
        strokeWidth="2.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      >
        <path d="M22.5 11.2A8 8 0 1 0 24 16" />
        <path d="M23.4 6.9v4.9h-4.9" />
      </g>
      <g className="fill-on-accent">
        <circle cx="16" cy="14.6" r="2.2" />
        <path d="M15 15h2l.8 4.6h-3.6z" />
      </g>
    </svg>
  )
}
