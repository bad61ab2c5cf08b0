import graphs from '@zxcvbn-ts/language-common/dist/adjacencyGraphs.json.mjs'

/** Orders of characters that differ from the order of code points, which needs no list. */
const orders = [
  'абвгдеёжзийклмнопрстуфхцчшщъыьэюя',
  'абвгґдеєжзиіїйклмнопрстуфхцчшщьюя',
  'αβγδεζηθικλμνξοπρστυφχψω',
  'אבגדהוזחטיכלמנסעפצקרשת',
  'ابتثجحخدذرزسشصضطظعغفقكلمنهوي',
  'ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی',
  'abcçdefgğhıijklmnoöprsştuüvyz',
  'aąbcćdeęfghijklłmnńoóprsśtuwyzźż',
  'あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん',
  'アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン',
  'いろはにほへとちりぬるをわかよたれそつねならむうゐのおくやまけふこえてあさきゆめみしゑひもせす',
  '가나다라마바사아자차카타파하',
  'ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ',
  '〇一二三四五六七八九十',
  '甲乙丙丁戊己庚辛壬癸',
  '90',
]

const latinKeys = "qwertyuiop[]asdfghjkl;'zxcvbnm,./"

/** The characters on the Latin keys in other keyboard layouts, in the order of `latinKeys`. */
const scripts = [
  'йцукенгшщзхъфывапролджэячсмитьбю.',
  'йцукенгшщзхїфівапролджєячсмитьбю.',
  ";ςερτυθιοπ[]ασδφγηξκλ΄'ζχψωβνμ,./".replace('ς', 'σ'),
  "/'קראטוןםפ][שדגכעיחלךף,זסבהנמצתץ.",
  'ضصثقفغعهخحجدشسيبلاتنمكطئءؤرلىةوزظ',
  'ضصثقفغعهخحجچشسیبلاتنمکگظطزرذدپو./',
]

/** For each pair of characters, the names of the ways from the first to the second, such as `order 3 up` or `qwerty 2`. */
const ways = new Map<string, Set<string>>()

function addWay(from: string, to: string, way: string): void {
  const pair = `${from}${to}`
  const known = ways.get(pair)
  if (known) known.add(way)
  else ways.set(pair, new Set([way]))
}

for (const [index, order] of orders.entries()) {
  const characters = Array.from(order)
  for (const [at, character] of characters.entries()) {
    const next = characters[at + 1]
    if (next === undefined) continue
    // After nine, counting continues with zero.
    addWay(character, next, order === '90' ? 'up' : `order ${index} up`)
    addWay(next, character, order === '90' ? 'down' : `order ${index} down`)
  }
}

for (const [layout, graph] of Object.entries(graphs)) {
  for (const [key, neighbours] of Object.entries(graph as Record<string, (string | null)[]>)) {
    for (const [direction, neighbour] of neighbours.entries())
      for (const character of neighbour ?? '')
        addWay(key.toLowerCase(), character.toLowerCase(), `${layout} ${direction}`)
  }
}

for (const [index, script] of scripts.entries()) {
  for (const [at, key] of Array.from(latinKeys).entries()) {
    for (const [direction, neighbour] of (graphs.qwerty[key as 'q'] as (string | null)[]).entries()) {
      const other = neighbour === null ? -1 : latinKeys.indexOf(neighbour.charAt(0))
      if (other !== -1) addWay(script.charAt(at), script.charAt(other), `script ${index} ${direction}`)
    }
  }
}

const none: ReadonlySet<string> = new Set()

/** Returns the `ways` between two characters, `same`, and for letters and digits the steps of one or two code points. */
export function stepsBetween(from: string, to: string): ReadonlySet<string> {
  const known = ways.get(`${from}${to}`)
  if (from === to) return new Set([...(known ?? none), 'same'])
  const distance = to.codePointAt(0)! - from.codePointAt(0)!
  if (Math.abs(distance) > 2 || !/^[\p{L}\p{N}]{2}$/u.test(`${from}${to}`)) return known ?? none
  return new Set([...(known ?? none), distances[String(distance)]!])
}

const distances: Record<string, string> = { '1': 'up', '-1': 'down', '2': 'up by two', '-2': 'down by two' }
