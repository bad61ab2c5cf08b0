# Django, run for real: contrib.auth makes its tables, creates users, signs in and reads sessions and tokens. Answers each line
# of standard input, {"call": name, "given": {...}}, with a line {"result": ...} or {"error": "..."}.
import importlib.util
import json
import sys
import traceback

import argon2
import django
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher

options = json.loads(sys.argv[1])


class OwnIterations(PBKDF2PasswordHasher):
    """As Django's documentation tells a project to set another work factor."""

    iterations = options['iterations']


has_rest_framework = importlib.util.find_spec('rest_framework') is not None
rest_framework = ['rest_framework', 'rest_framework.authtoken'] if has_rest_framework else []
own_hasher = '__main__.OwnIterations'
argon2_hasher = 'django.contrib.auth.hashers.Argon2PasswordHasher'
database = options.get('database')
settings.configure(
    SECRET_KEY='a secret of this test and of nothing else',
    INSTALLED_APPS=[
        'django.contrib.contenttypes',
        'django.contrib.auth',
        'django.contrib.sessions',
        *rest_framework,
    ],
    DATABASES={'default': {'ENGINE': 'django.db.backends.postgresql', **database}} if database else {},
    PASSWORD_HASHERS=[argon2_hasher, own_hasher] if options['hasher'] == 'argon2' else [own_hasher, argon2_hasher],
    DEFAULT_AUTO_FIELD='django.db.models.BigAutoField',
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import authenticate, get_user, login  # noqa: E402
from django.contrib.auth.hashers import (  # noqa: E402
    check_password,
    identify_hasher,
    is_password_usable,
    make_password,
)
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpRequest  # noqa: E402

if has_rest_framework:
    from rest_framework.authentication import TokenAuthentication
    from rest_framework.authtoken.models import Token
    from rest_framework.exceptions import AuthenticationFailed


def request_with(session):
    request = HttpRequest()
    request.session = session
    return request


def version():
    return django.get_version()


def default_iterations():
    return PBKDF2PasswordHasher.iterations


def migrate():
    call_command('migrate', verbosity=0)


def create_user(username, email, password=None, **more):
    return User.objects.create_user(username, email, password, **more).pk


def sign_in(username, password):
    """Signs in as a view would; None where Django refuses."""
    user = authenticate(username=username, password=password)
    if user is None:
        return None
    request = request_with(SessionStore())
    login(request, user)
    request.session.save()
    return request.session.session_key


def is_signed_in(session):
    return get_user(request_with(SessionStore(session))).is_authenticated


def create_token(id):
    return Token.objects.create(user_id=id).key if has_rest_framework else None


def is_token_valid(token):
    try:
        TokenAuthentication().authenticate_credentials(token)
        return True
    except AuthenticationFailed:
        return False


def stored(id):
    return User.objects.get(pk=id).password


def hash(password, salt=None):
    return make_password(password, salt)


def argon2_hash_length():
    return argon2.DEFAULT_HASH_LENGTH


def verify(password, stored, iterations=None):
    """What Django makes of a stored hash: whether the password fits, and whether sign-in would hash it again."""
    OwnIterations.iterations = iterations or options['iterations']
    rehashed = []
    fits = check_password(password, stored, setter=rehashed.append)
    return {
        'fits': fits,
        'isUsable': is_password_usable(stored),
        'mustUpdate': identify_hasher(stored).must_update(stored),
        'isRehashed': len(rehashed) > 0,
    }


calls = [
    *(version, default_iterations, migrate, create_user, sign_in, is_signed_in, create_token, is_token_valid),
    *(stored, hash, argon2_hash_length, verify),
]
by_name = {call.__name__: call for call in calls}
for line in sys.stdin:
    request = json.loads(line)
    try:
        response = {'result': by_name[request['call']](**request['given'])}
    except Exception:
        response = {'error': traceback.format_exc()}
    print(json.dumps(response), flush=True)
