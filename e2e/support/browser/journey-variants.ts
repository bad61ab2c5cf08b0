import { isLong } from '@/e2e/support/long-form'

/** A short run has each language in one colour scheme on the phone and in the other on the desktop. */
export const variants = (['en-GB', 'de-AT', 'ja-JP', 'ar-EG'] as const).flatMap((locale, index) =>
  (isLong ? [0, 1] : [0]).map((turn) => ({
    language: locale.slice(0, 2),
    title: `a journey in ${locale.slice(0, 2)}${turn === 0 ? '' : ', in the other scheme'}`,
    use: {
      locale,
      colorScheme: async (
        { isMobile }: { isMobile: boolean },
        provide: (scheme: 'light' | 'dark') => Promise<void>,
      ) => provide((index + turn + Number(isMobile)) % 2 === 0 ? 'light' : 'dark'),
    },
  })),
)
