/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-user-file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <winerror.h>

#define FIELDS_PASSWORD 3 /* DOMAIN:user:password */
#define FIELDS_HASHED   4 /* and more: name:uid:LM:NT */
#define HASH_DIGITS     (2 * NTLM_KEY)

/* A piece of the file. */
typedef struct Piece {
    const char *start;
    size_t length;
} Piece;

typedef struct Line {
    Piece domain, user;
    Piece password; /* start NULL: the hash counts */
    Piece hash;
    bool disabled;
} Line;

void ntlm_user_deinit(NtlmUser *user)
{
    free(user->domain);
    free(user->user);
    explicit_bzero(user, sizeof(*user));
}

static bool name_is_fit(Piece name)
{
    if (name.length > NTLM_USER_NAME_MAX) return false;
    for (size_t i = 0; i < name.length; i++) {
        const unsigned char c = (unsigned char)name.start[i];
        if (c < 0x20 || c == 0x7f || strchr("\\/:@\"", c)) return false;
    }
    return true;
}

bool ntlm_user_name_is_fit(const char *name)
{
    return *name && name_is_fit((Piece){name, strlen(name)});
}

/* The next field of `rest`, which shrinks to what follows its colon, or to nothing. */
static Piece take_field(Piece *rest)
{
    const char *colon = memchr(rest->start, ':', rest->length);
    const Piece field = {rest->start, colon ? (size_t)(colon - rest->start) : rest->length};
    const size_t used = field.length + (colon != NULL);

    *rest = (Piece){rest->start + used, rest->length - used};
    return field;
}

static bool take_domain(Piece *name, Piece *ret_domain)
{
    const char *slash = memchr(name->start, '\\', name->length);

    if (!slash) return true;
    *ret_domain = (Piece){name->start, (size_t)(slash - name->start)};
    *name = (Piece){slash + 1, name->length - ret_domain->length - 1};
    return ret_domain->length > 0;
}

/* "[UD         ]": D is a disabled account, N one that needs no password. */
static bool flags_disable(Piece flags)
{
    if (flags.length == 0 || flags.start[0] != '[') return false;
    return memchr(flags.start, 'D', flags.length) || memchr(flags.start, 'N', flags.length);
}

static bool line_read(Piece text, Line *ret_line)
{
    Line line = {{NULL, 0}};
    unsigned colons = 0;

    for (size_t i = 0; i < text.length; i++)
        colons += text.start[i] == ':';
    if (colons + 1 == FIELDS_PASSWORD) {
        line.domain = take_field(&text);
        line.user = take_field(&text);
        line.password = text;
    } else if (colons + 1 >= FIELDS_HASHED) {
        line.user = take_field(&text);
        (void)take_field(&text); /* the account's number */
        (void)take_field(&text); /* LM hash */
        line.hash = take_field(&text);
        line.disabled = flags_disable(text);
        if (line.hash.length != HASH_DIGITS || !take_domain(&line.user, &line.domain)) return false;
    } else {
        return false;
    }
    if (line.user.length == 0 || !name_is_fit(line.user) || !name_is_fit(line.domain)) return false;
    *ret_line = line;
    return true;
}

static bool same(Piece piece, const char *text)
{
    return piece.length == strlen(text) && strncasecmp(piece.start, text, piece.length) == 0;
}

static bool line_fits(const Line *line, const NtlmUserQuery *query)
{
    const bool own = !*query->domain || strcmp(query->domain, ".") == 0 ||
                     strcasecmp(query->domain, query->own_domain) == 0;
    const bool line_own = line->domain.length == 0 || same(line->domain, query->own_domain);

    if (!same(line->user, query->user)) return false;
    return own ? line_own : same(line->domain, query->domain);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* False: "NO PASSWORD", or crossed out. */
static bool hash_read(Piece text, uint8_t ret_hash[NTLM_KEY])
{
    for (size_t i = 0; i < NTLM_KEY; i++) {
        const int high = digit(text.start[2 * i]), low = digit(text.start[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        ret_hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool ntlm_hash_parse(const char *digits, uint8_t ret_hash[NTLM_KEY])
{
    uint8_t hash[NTLM_KEY];

    if (strlen(digits) != HASH_DIGITS || !hash_read((Piece){digits, HASH_DIGITS}, hash)) return false;
    memcpy(ret_hash, hash, sizeof(hash));
    return true;
}

static int password_read(Piece text, uint8_t ret_hash[NTLM_KEY])
{
    char *password = strndup(text.start, text.length);

    if (!password) return -ENOMEM;
    int r = text.length ? ntlm_hash_password(password, ret_hash) : NTLM_USER_DISABLED;
    explicit_bzero(password, text.length);
    free(password);
    return r == -EILSEQ ? NTLM_USER_DISABLED : r; /* nobody can type it */
}

static int user_make(const Line *line, const NtlmUserQuery *query, NtlmUser *ret_user)
{
    _cleanup_(ntlm_user_deinitp) NtlmUser user = {NULL};

    if (line->disabled) return NTLM_USER_DISABLED;
    if (line->password.start) {
        int r = password_read(line->password, user.hash);
        if (r != 0) return r;
    } else if (!hash_read(line->hash, user.hash)) {
        return NTLM_USER_DISABLED;
    }
    user.domain =
        line->domain.length ? strndup(line->domain.start, line->domain.length) : strdup(query->own_domain);
    user.user = strndup(line->user.start, line->user.length);
    if (!user.domain || !user.user) return -ENOMEM;
    *ret_user = user;
    user = (NtlmUser){NULL};
    return 0;
}

int ntlm_user_text_find(const char *text, size_t length, const NtlmUserQuery *query, NtlmUser *ret_user,
                        unsigned *ret_line)
{
    Line found = {{NULL, 0}};
    unsigned number = 0;

    if (memchr(text, 0, length)) return *ret_line = 0, NTLM_USER_MALFORMED;
    for (const char *at = text, *end = text + length; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        Piece piece = {at, (size_t)((newline ? newline : end) - at)};
        Line line;
        number++;
        at = newline ? newline + 1 : end;
        if (piece.length > 0 && piece.start[piece.length - 1] == '\r') piece.length--;
        if (piece.length == 0 || piece.start[0] == '#') continue;
        if (!line_read(piece, &line)) return *ret_line = number, NTLM_USER_MALFORMED;
        if (!line_fits(&line, query)) continue;
        if (found.user.start) return NTLM_USER_AMBIGUOUS;
        found = line;
    }
    return found.user.start ? user_make(&found, query, ret_user) : NTLM_USER_UNKNOWN;
}

/* The whole file, wiped by the caller; -errno, -EPERM: others may read or write it, -EFBIG. */
static int file_read(const char *path, char **ret_text, size_t *ret_length)
{
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;
    size_t length = 0;

    if (fd < 0 || fstat(fd, &status) < 0) return -errno;
    if (!S_ISREG(status.st_mode)) return -EINVAL;
    if (status.st_mode & S_IRWXO || status.st_mode & S_IWGRP) return -EPERM;
    if (status.st_size > NTLM_USER_FILE_MAX) return -EFBIG;
    char *text = malloc((size_t)status.st_size + 1);
    if (!text) return -ENOMEM;
    while (length < (size_t)status.st_size) {
        const ssize_t got = read(fd, text + length, (size_t)status.st_size - length);
        if (got == 0) break;
        if (got < 0 && errno != EINTR) {
            const int error = errno;
            explicit_bzero(text, length);
            free(text);
            return -error;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    *ret_text = text;
    *ret_length = length;
    return 0;
}

static int fail(SecFailure *failure, const char *path, const char *why)
{
    char quoted[SEC_QUOTE_SIZE];
    sec_failure_set(failure, (uint32_t)SEC_E_NO_CREDENTIALS, "the NTLM user file %s cannot be used: %s",
                    sec_quote(path, quoted), why);
    return SEC_FAILED;
}

int ntlm_user_file_find(const char *path, const NtlmUserQuery *query, NtlmUser *ret_user, SecFailure *failure)
{
    char *text = NULL, quoted[SEC_QUOTE_SIZE];
    size_t length = 0;
    unsigned line = 0;
    int r = file_read(path, &text, &length);

    if (r == -ENOMEM) return r;
    if (r == -EPERM) return fail(failure, path, "others may read or write it; make it 0600");
    if (r == -EFBIG) return fail(failure, path, "it is too large");
    if (r < 0) return fail(failure, path, strerror(-r));
    r = ntlm_user_text_find(text, length, query, ret_user, &line);
    explicit_bzero(text, length);
    free(text);
    switch (r) {
    case NTLM_USER_AMBIGUOUS:
        return fail(failure, path, "it has two lines for the account that is asked for");
    case NTLM_USER_MALFORMED:
        sec_failure_set(
            failure, (uint32_t)SEC_E_NO_CREDENTIALS,
            "the NTLM user file %s cannot be used: line %u is neither DOMAIN:user:password nor as in "
            "smbpasswd(5)",
            sec_quote(path, quoted), line);
        return SEC_FAILED;
    case -EOPNOTSUPP:
        return fail(failure, path, "OpenSSL's legacy provider, which has MD4, cannot be loaded");
    default:
        return r;
    }
}
