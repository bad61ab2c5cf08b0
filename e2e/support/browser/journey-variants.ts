import { isLong } from '@/e2e/support/long-form'

/**
 * The languages and schemes that whole journeys are walked in. By itself a run sees each language in one scheme on the
 * phone and in the other on the desktop; REKEY_LONG=1 adds the other two.
 */
export const looks = (['en-GB', 'de-AT', 'ja-JP', 'ar-EG'] as const).flatMap((locale, index) =>
  (isLong ? [0, 1] : [0]).map((turn) => ({
    language: locale.slice(0, 2),
    title: `in ${locale.slice(0, 2)}${turn === 0 ? '' : ', in the other scheme'}`,
    use: {
      locale,
      colorScheme: async (
        { isMobile }: { isMobile: boolean },
        provide: (scheme: 'light' | 'dark') => Promise<void>,
      ) => provide((index + turn + Number(isMobile)) % 2 === 0 ? 'light' : 'dark'),
    },
  })),
)
