import nextCoreWebVitals from 'eslint-config-next/core-web-vitals'
import nextTypescript from 'eslint-config-next/typescript'

/**
 * Creates the import rule of a folder: which of Rekey's own files its files may import.
 * @param {string} files a pattern @param {string[]} allowed folders and files
 * @param {string} why the message @param {string[]} [packages] patterns of packages that they must not import
 */
const mayImport = (files, allowed, why, packages = []) => ({
  files: [files],
  ignores: ['**/*.test.{ts,tsx}'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { regex: `^@/(?!(?:${allowed.join('|')})(?:/|$))`, message: why },
          { regex: '^\\.\\./', message: 'Write `@/…` for a file of another folder.' },
          ...(packages.length > 0 ? [{ group: packages, message: why }] : []),
        ],
      },
    ],
  },
})

/** Packages that lib/ must not import, because it also runs outside Next. */
const pages = ['next', 'next/*', 'next-intl', 'next-intl/*', 'react', 'react-*', 'react/*']
/**
 * Creates the import rule of a folder of lib/, whose files may also import their own folder and `messages/`.
 * @param {string} name @param {string[]} allowed folders of lib/ @param {string} why
 */
const lib = (name, allowed, why) =>
  mayImport(
    `lib/${name}/**/*.ts`,
    [name, ...allowed].map((folder) => `lib/${folder}`).concat('messages'),
    why,
    pages,
  )

const leaf = 'It knows nothing of the rest of Rekey.'
const store = 'It reads and writes its own tables; what that is for is decided in lib/password-reset.'

const importRules = [
  lib('text', [], leaf),
  lib('addresses', ['text'], leaf),
  lib('i18n', [], leaf),
  lib('theme', [], leaf),
  mayImport(
    'lib/metrics/{catalogue,count}.ts',
    ['lib/metrics'],
    'Every part counts, so counting depends on none of them.',
    pages,
  ),
  mayImport(
    'lib/metrics/{store,reporter,exposition}.ts',
    ['lib/metrics', 'lib/database', 'lib/logging', 'prisma/client'],
    'It stores and writes numbers, and does not know what they count.',
    pages,
  ),
  lib('logging', ['addresses', 'metrics'], 'It knows what is logged and counted, and nothing else of Rekey.'),
  lib('config', ['addresses', 'i18n'], 'Settings are read before anything else runs.'),
  lib('passwords', ['logging', 'text'], 'A password is checked and hashed without knowing whose it is.'),
  lib('mail', ['addresses', 'config', 'i18n', 'logging'], 'It sends what it is given, and knows no account.'),
  mayImport(
    'lib/database/**/*.ts',
    ['lib/database', 'lib/config', 'lib/logging', 'prisma/client'],
    store,
    pages,
  ),
  mayImport(
    'lib/{accounts,audit,rate-limits,recovery}/**/*.ts',
    [
      'lib/accounts',
      'lib/audit',
      'lib/recovery',
      'lib/rate-limits',
      'lib/addresses',
      'lib/batches',
      'lib/text',
      'lib/config',
      'lib/database',
      'lib/logging',
      'lib/passwords/hashers',
      'prisma/client',
    ],
    store,
    pages,
  ),
  lib(
    'queue',
    ['audit', 'config', 'database', 'logging', 'metrics'],
    'It carries jobs, and does not know what they are for.',
  ),
  lib(
    'batches',
    ['config', 'database', 'queue'],
    'It counts and stores what it is given, and does not know why it is counted.',
  ),
  lib(
    'password-reset',
    [
      'accounts',
      'addresses',
      'audit',
      'config',
      'database',
      'i18n',
      'logging',
      'mail',
      'metrics',
      'passwords',
      'queue',
      'rate-limits',
      'recovery',
      'text',
    ],
    'A use case gets its parts as arguments and knows nothing of HTTP.',
  ),
  mayImport(
    'lib/mail-health/**/*.ts',
    [
      'lib/mail-health',
      'lib/config',
      'lib/database',
      'lib/logging',
      'lib/mail',
      'lib/password-reset',
      'lib/queue',
      'prisma/client',
    ],
    'It watches emails and jobs; nothing that it watches depends on it.',
    pages,
  ),
  mayImport(
    'lib/support/**/*.ts',
    [
      'lib/support',
      'lib/accounts',
      'lib/addresses',
      'lib/audit',
      'lib/config',
      'lib/database',
      'lib/password-reset',
      'lib/queue',
      'lib/rate-limits',
      'lib/recovery',
      'prisma/client',
    ],
    'The commands of the support use the flow and its stores; nothing depends on them.',
    pages,
  ),
  mayImport(
    'lib/setup/**/*.ts',
    [
      'lib/setup',
      'lib/accounts',
      'lib/addresses',
      'lib/config',
      'lib/database',
      'lib/logging',
      'lib/queue',
      'prisma/client',
    ],
    'It prepares and checks a database before anything runs on it.',
    pages,
  ),
  lib(
    'http',
    [
      'addresses',
      'config',
      'database',
      'i18n',
      'logging',
      'metrics',
      'password-reset',
      'passwords',
      'rate-limits',
      'text',
    ],
    'It turns requests into calls of use cases, and outcomes into responses.',
  ),
  mayImport(
    'client/**/*.{ts,tsx}',
    ['client', 'lib/http', 'lib/theme'],
    'It runs in the browser, where nothing of the server can.',
  ),
  mayImport(
    'components/**/*.{ts,tsx}',
    ['components', 'client', 'lib/addresses', 'lib/config', 'lib/http', 'lib/i18n', 'lib/theme', 'services'],
    'Pages share these pieces, so they know no page.',
  ),
  mayImport(
    'emails/**/*.{ts,tsx}',
    ['emails', 'lib/addresses', 'lib/i18n', 'lib/mail', 'lib/theme'],
    'A template gets all that it shows.',
  ),
  mayImport(
    'app/**/*.{ts,tsx}',
    [
      'app',
      'client',
      'components',
      'messages',
      'services',
      'lib/config',
      'lib/http',
      'lib/i18n',
      'lib/mail',
      'lib/password-reset',
      'lib/passwords',
      'lib/theme',
    ],
    'Pages and handlers reach databases, queues and mail servers through the services only.',
    ['pg', 'pg-boss', 'nodemailer', '@prisma/*'],
  ),
  mayImport(
    'server/http/**/*.ts',
    [
      'server/http',
      'scripts/base-path.js',
      'lib/addresses',
      'lib/config',
      'lib/database',
      'lib/http',
      'lib/i18n',
      'lib/logging',
      'lib/mail-health',
      'lib/metrics',
    ],
    'The server in front of Next decides nothing about resets.',
  ),
  mayImport(
    'server/processes/**/*.ts',
    ['server', 'app/api', 'emails', 'lib', 'rekey.config', 'services'],
    'A process runs endpoints, without pages and scripts.',
  ),
  mayImport(
    'bench/**/*.ts',
    [
      'bench',
      'lib/config',
      'lib/mail',
      'lib/password-reset/reset-link',
      'lib/passwords',
      'lib/queue/job-data',
      'lib/queue/queue',
      'lib/setup',
      'scripts/embedded-database',
      'scripts/stop-signals.js',
    ],
    'It measures from outside, over HTTP and SMTP, and imports only what sets that up.',
  ),
]

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
  message: `${parametrised}write $1 and pass the value beside the text.`,
}

/** Not an argument of a function that adds the path of PUBLIC_URL. */
const throughFunction =
  ':not(CallExpression[callee.name=/^(pathInApp|urlInApp|pathInLanguage|pathForRedirect)$/] > *)'
/** Rejects literal paths outside of such a call. @param start a pattern of their beginning */
const ownPaths = (/** @type {string} */ start) =>
  [`Literal[value=/${start}/]`, `TemplateLiteral[quasis.0.value.raw=/${start}/]`].map((path) => ({
    selector: `${path}${throughFunction}`,
    message: 'Rekey may be under a path (V8): make links, redirects and requests with pathInApp or urlInApp.',
  }))

const config = [
  {
    ignores: [
      '**/.next/**',
      'dist/**',
      'prisma/client/**',
      'node_modules/**',
      'next-env.d.ts',
      '.data/**',
      '.stryker-tmp/**',
      'reports/**',
    ],
  },
  ...nextCoreWebVitals,
  ...nextTypescript,
  {
    // Packages are not searched for import cycles.
    settings: { 'import/ignore': ['node_modules'] },
    rules: {
      'import/no-cycle': ['error', { ignoreExternal: true }],
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message:
            'Only lib/config/settings.ts reads the environment, so that every setting is checked at start.',
        },
      ],
      'no-restricted-syntax': ['error', ...rawSql, composedSql],
      'no-console': 'error',
      // Pages use plain links: next/link would prefetch pages, and the URL of the reset page contains a secret.
      '@next/next/no-html-link-for-pages': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
    },
  },
  {
    files: ['lib/config/settings.ts', '{bench,scripts,e2e,server}/**', '**/*.test.ts', '*.config.*'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['lib/**/*.ts', 'rekey.config.ts'],
    rules: { 'no-restricted-syntax': ['error', ...rawSql, composedSql, ...ownPaths('^\\u002F[a-z.?]')] },
  },
  {
    files: ['{app,client,components,emails,lib/http}/**/*.{ts,tsx}'],
    rules: { 'no-restricted-syntax': ['error', ...rawSql, composedSql, ...ownPaths('^\\u002F([a-z.?]|$)')] },
  },
  { files: ['**/*.test.ts', '{bench,e2e}/**'], rules: { 'no-restricted-syntax': ['error', ...rawSql] } },
  { files: ['{bench,scripts,e2e}/**'], rules: { 'no-console': 'off' } },
  // The parameter `use` of Playwright's fixtures is no hook of React.
  { files: ['e2e/**'], rules: { 'react-hooks/rules-of-hooks': 'off', 'no-empty-pattern': 'off' } },
  ...importRules,
]

export default config
