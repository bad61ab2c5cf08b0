<?php
// PHP's own password functions and, where it is installed, the hasher of Laravel. Responds to each line of standard input,
// {"call": name, "given": {...}}, with a line {"result": ...} or {"error": "..."}.
$illuminate = '/usr/share/php/Illuminate/Hashing/autoload.php';
if (file_exists($illuminate)) {
    require_once $illuminate;
}

$calls = [
    'version' => fn (array $given) => ['php' => PHP_VERSION, 'hasLaravel' => class_exists('Illuminate\Hashing\BcryptHasher'),
        'hasArgon2id' => defined('PASSWORD_ARGON2ID')],
    'hash' => fn (array $given) => password_hash($given['password'], $given['algorithm'], $given['options']),
    'verify' => fn (array $given) => [
        'fits' => password_verify($given['password'], $given['stored']),
        'needsRehash' => password_needs_rehash($given['stored'], $given['algorithm'], $given['options']),
        'algorithm' => password_get_info($given['stored'])['algoName'],
    ],
    // HASH_VERIFY: sign-in throws where PHP does not know the stored hash for one of this algorithm.
    'verifyAsLaravel' => function (array $given) {
        $hasher = new Illuminate\Hashing\BcryptHasher(['rounds' => $given['rounds'], 'verify' => true]);
        return [
            'fits' => $hasher->check($given['password'], $given['stored']),
            'needsRehash' => $hasher->needsRehash($given['stored']),
        ];
    },
];

while (($line = fgets(STDIN)) !== false) {
    $request = json_decode($line, true);
    try {
        $response = ['result' => $calls[$request['call']]($request['given'] ?? [])];
    } catch (Throwable $error) {
        $response = ['error' => (string) $error];
    }
    echo json_encode($response), "\n";
}
