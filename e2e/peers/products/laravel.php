<?php
// PHP's own password functions and, where it is installed, the hasher of Laravel. Answers each line of standard input,
// {"call": name, "given": {...}}, with a line {"result": ...} or {"error": "..."}.
$illuminate = '/usr/share/php/Illuminate/Hashing/autoload.php';
if (file_exists($illuminate)) {
    require_once $illuminate;
}

$calls = [
    'version' => fn (array $given) => ['php' => PHP_VERSION, 'hasLaravel' => class_exists('Illuminate\Hashing\BcryptHasher'),
        'hasArgon2id' => defined('PASSWORD_ARGON2ID')],
    'hash' => fn (array $given) => password_hash($given['password'], $given['algorithm'], $given['options']),
    'judge' => fn (array $given) => [
        'fits' => password_verify($given['password'], $given['stored']),
        'needsRehash' => password_needs_rehash($given['stored'], $given['algorithm'], $given['options']),
        'algorithm' => password_get_info($given['stored'])['algoName'],
    ],
    // HASH_VERIFY: sign-in throws where PHP does not know the stored hash for one of this algorithm.
    'judgeAsLaravel' => function (array $given) {
        $hasher = new Illuminate\Hashing\BcryptHasher(['rounds' => $given['rounds'], 'verify' => true]);
        return [
            'fits' => $hasher->check($given['password'], $given['stored']),
            'needsRehash' => $hasher->needsRehash($given['stored']),
        ];
    },
];

while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true);
    try {
        $answer = ['result' => $calls[$asked['call']]($asked['given'] ?? [])];
    } catch (Throwable $error) {
        $answer = ['error' => (string) $error];
    }
    echo json_encode($answer), "\n";
}
