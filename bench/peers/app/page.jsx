// Rendered for each request, as pages in the reader's language are.
export const dynamic = 'force-dynamic'

export default function Page() {
  return <p>Empty</p>
}
