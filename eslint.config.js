import nextCoreWebVitals from 'eslint-config-next/core-web-vitals'
import nextTypescript from 'eslint-config-next/typescript'

/** A wall: files in `files` must not import what matches, and why. */
const wall = (files, patterns, extra = {}) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
  ...extra,
})

const next = {
  group: ['next', 'next/*', 'next-intl', 'next-intl/*', 'react', 'react-*', 'react/*'],
  message: 'lib/ says what the product does; it must run in a worker that has no pages.',
}
const rooms = {
  group: [
    '@/app/*',
    '@/server/*',
    '@/components/*',
    '@/emails/*',
    '**/app/**',
    '**/server/**',
    '**/emails/**',
  ],
  message: 'lib/ is used by the other rooms and uses none of them.',
}

const parametrised = 'SQL is parametrised (ASVS 1.2.4): '
const rawSql = [
  {
    selector: 'MemberExpression[property.name=/^\\$(query|execute)RawUnsafe$/]',
    message: `${parametrised}use the tagged templates $queryRaw and $executeRaw.`,
  },
  {
    selector: 'MemberExpression[object.name="Prisma"][property.name="raw"]',
    message: `${parametrised}use Prisma.sql, which leaves values out of the text.`,
  },
]
const composedSql = {
  selector:
    'CallExpression[callee.property.name="query"] > :matches(TemplateLiteral[expressions.length>0], BinaryExpression)',
  message: `${parametrised}write $1 and hand the value over beside the text.`,
}

/** The path of PUBLIC_URL stands before every path of this app, and only the helper knows it. */
const throughHelper =
  ':not(CallExpression[callee.name=/^(pathInApp|urlInApp|keepLanguage|routeInLanguage)$/] > *)'
const ownPaths = (/** @type {string} */ start) =>
  [`Literal[value=/${start}/]`, `TemplateLiteral[quasis.0.value.raw=/${start}/]`].map((path) => ({
    selector: `${path}${throughHelper}`,
    message: 'Rekey may be under a path (V8): make links, redirects and requests with pathInApp or urlInApp.',
  }))

const config = [
  { ignores: ['.next/**', 'dist/**', 'prisma/client/**', 'node_modules/**', 'next-env.d.ts', '.data/**'] },
  ...nextCoreWebVitals,
  ...nextTypescript,
  {
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only lib/config/settings.ts reads the environment, so that every setting is checked at start.',
        },
      ],
      'no-restricted-syntax': ['error', ...rawSql, composedSql],
      'no-console': 'error',
      // Plain links: next/link would fetch pages ahead, and the address of the reset page is a secret.
      '@next/next/no-html-link-for-pages': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
    },
  },
  {
    files: ['lib/config/settings.ts', 'scripts/**', 'e2e/**', '**/*.test.ts', '*.config.*', 'server/**', 'bench/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['lib/**/*.ts', 'rekey.config.ts'],
    rules: { 'no-restricted-syntax': ['error', ...rawSql, composedSql, ...ownPaths('^\\u002F[a-z.?]')] },
  },
  {
    files: ['{app,components,emails,lib/http}/**/*.{ts,tsx}'],
    rules: { 'no-restricted-syntax': ['error', ...rawSql, composedSql, ...ownPaths('^\\u002F([a-z.?]|$)')] },
  },
  { files: ['**/*.test.ts', 'e2e/**'], rules: { 'no-restricted-syntax': ['error', ...rawSql] } },
  { files: ['scripts/**', 'e2e/**', 'bench/**'], rules: { 'no-console': 'off' } },
  // Playwright's fixtures call what they are given `use`; it is no hook of React's.
  { files: ['e2e/**'], rules: { 'react-hooks/rules-of-hooks': 'off', 'no-empty-pattern': 'off' } },
  wall(['lib/**/*.ts'], [next, rooms], { ignores: ['**/*.test.ts'] }),
  wall(
    ['app/**/*.{ts,tsx}'],
    [
      {
        group: ['@/server/*', '**/server/**', '@/scripts/*'],
        message: 'A page or handler does not know which process it runs in.',
      },
      {
        group: [
          '@/lib/accounts',
          '@/lib/db',
          '@/lib/queue',
          '@/lib/queue-worker',
          '@/lib/mailer',
          '@/lib/password-hash',
          '@/prisma/*',
        ],
        message: 'Handlers and pages reach the world only through lib/services.',
      },
    ],
  ),
  wall(
    ['app/**/*-form.tsx'],
    [
      {
        regex: '^@/lib/(?!(inputs|password-policy/rules)$)',
        message: 'A form runs in the browser: from lib/ it imports shapes and the password rules only.',
      },
    ],
  ),
]

export default config
