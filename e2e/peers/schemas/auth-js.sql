-- Auth.js with Prisma on PostgreSQL: the adapter's User, with the column of a team that signs in by the Credentials provider.
CREATE TABLE "User" (
  "id" text NOT NULL PRIMARY KEY,
  "name" text,
  "email" text NOT NULL UNIQUE,
  "emailVerified" timestamp(3),
  "image" text,
  "password" text,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL
);
