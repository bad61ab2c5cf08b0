// Users of an app that signs in through the Credentials provider, with `authorize` as tutorials write it, on Prisma's table.
import bcrypt from 'bcrypt'
import bcryptjs from 'bcryptjs'
import pg from 'pg'

/** @param {{ url: string, schema: string, library: 'bcrypt' | 'bcryptjs' }} options */
export function createUsers({ url, schema, library }) {
  const { compare, hash } = library === 'bcrypt' ? bcrypt : bcryptjs
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}`, max: 1 })
  return {
    async signUp({ id, email, password }) {
      await pool.query(
        'INSERT INTO "User" ("id", "name", "email", "password", "updatedAt") VALUES ($1, $1, $2, $3, now())',
        [id, email, password === null ? null : await hash(password, 10)],
      )
      return id
    },
    async authorize({ email, password }) {
      const { rows } = await pool.query('SELECT "id", "email", "password" FROM "User" WHERE "email" = $1', [
        email,
      ])
      const [user] = rows
      if (!user?.password || !(await compare(password, user.password))) return null
      return { id: user.id, email: user.email }
    },
  }
}
