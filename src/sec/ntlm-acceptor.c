/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-acceptor.h"
#include <errno.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <limits.h>
#include <locale.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <rpcdce.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "sec/ntlm-gss.h"
#include "sec/ntlm-user-file.h"

#define SERVER_FLAGS                                                                                         \
    (NTLM_REQUIRED | NTLM_REQUEST_TARGET | NTLM_ALWAYS_SIGN | NTLM_SIGN | NTLM_SEAL | NTLM_VERSION |         \
     NTLM_IDENTIFY)
#define NETBIOS_NAME_MAX 15
#define NEGOTIATE_FULL   40  /* with Version */
#define ACCOUNT_MAX      512 /* bytes of the one line; gss-ntlmssp reads up to 1023 */

struct NtlmAcceptor {
    char *users;
    NtlmVerify *winbind;
    uint32_t required;  /* flags that every message must have */
    uint32_t offered;   /* of NTLM_PROTECTS: what CHALLENGE agreed to */
    bool identify;      /* NEGOTIATE asked for it */
    bool domain_member; /* gss-ntlmssp found winbindd */
    char host[HOST_NAME_MAX + 1], own_domain[NETBIOS_NAME_MAX + 1];
    gss_ctx_id_t context;
    uint8_t *negotiate, *output; /* as they came and went */
    size_t negotiate_length, output_length;
    bool finished;
    NtlmAccount account;
    char *server;
    uint8_t key[NTLM_KEY];
};

static int fail(SecFailure *failure, uint32_t code, const char *why)
{
    sec_failure_set(failure, code, "a caller cannot be verified by NTLM: %s", why);
    return SEC_FAILED;
}

/* This machine's name, and what it is called as the domain of its own accounts: NetBIOS cuts and capitalises.
 */
static int take_names(NtlmAcceptor *acceptor)
{
    if (gethostname(acceptor->host, sizeof(acceptor->host) - 1) < 0) return -errno;
    size_t length = strcspn(acceptor->host, ".");
    if (length > NETBIOS_NAME_MAX) length = NETBIOS_NAME_MAX;
    for (size_t i = 0; i < length; i++) {
        const char c = acceptor->host[i];
        acceptor->own_domain[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return 0;
}

/* `keyfile`: NULL for leg 1, which needs no account. */
static int make_credential(const NtlmAcceptor *acceptor, const char *keyfile, gss_cred_id_t *ret_credential,
                           SecFailure *failure)
{
    gss_key_value_element_desc element = {GSS_NTLMSSP_CS_KEYFILE, keyfile ? keyfile : "/dev/null"};
    const gss_key_value_set_desc store = {.count = 1, .elements = &element};
    char text[sizeof("@") + HOST_NAME_MAX];
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 ignored;

    /* Without a service: that would go into the challenge as the target's name, which has to be the client's
     * to choose, and the library's own clients refuse any other. */
    snprintf(text, sizeof(text), "@%s", acceptor->host);
    int r = ntlm_gss_name(text, GSS_C_NT_HOSTBASED_SERVICE, &name, failure);
    const uint32_t flags = (SERVER_FLAGS & ~NTLM_PROTECTS) | acceptor->offered;
    if (r == 0) r = ntlm_gss_credential(name, GSS_C_ACCEPT, &store, flags, ret_credential, failure);
    (void)gss_release_name(&ignored, &name);
    return r;
}

/* gss-ntlmssp compares names in the thread's character set, and what is not ASCII is equal to nothing in "C".
 */
static locale_t utf8;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void utf8_load(void)
{
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* One leg; the token that goes back, if there is one, is the output. GSS_S_* of the library in `ret_major`.
 */
static int step(NtlmAcceptor *acceptor, const char *keyfile, const uint8_t *token, size_t length,
                OM_uint32 *ret_major, OM_uint32 *ret_minor, SecFailure *failure)
{
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_buffer_desc input = {.length = length, .value = (void *)(uintptr_t)token},
                    output = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored;

    int r = make_credential(acceptor, keyfile, &credential, failure);
    if (r != 0) return r;
    pthread_once(&utf8_once, utf8_load);
    const locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    *ret_major = gss_accept_sec_context(ret_minor, &acceptor->context, credential, &input,
                                        GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &output, NULL, NULL, NULL);
    if (before) (void)uselocale(before);
    (void)gss_release_cred(&ignored, &credential);
    if (output.length > 0) return ntlm_gss_take(&output, &acceptor->output, &acceptor->output_length);
    (void)gss_release_buffer(&ignored, &output);
    return 0;
}

static uint32_t required_flags(uint8_t authn_level)
{
    uint32_t required = NTLM_REQUIRED_CONNECT;

    if (authn_level > RPC_C_AUTHN_LEVEL_CONNECT) required |= NTLM_SIGN | (uint32_t)NTLM_KEY_EXCHANGE;
    if (authn_level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY) required |= NTLM_SEAL;
    return required;
}

static int accept_negotiate(NtlmAcceptor *acceptor, const uint8_t *token, size_t length, SecFailure *failure)
{
    static const char weak_offer[] =
        "it does not offer NTLMv2 session security with 128 bits, key exchange and what the authentication "
        "level needs";
    OM_uint32 major, minor;
    NtlmChallenge challenge;
    uint32_t flags;

    if (ntlm_negotiate_read(token, length, &flags) != 0)
        return fail(failure, (uint32_t)SEC_E_INVALID_TOKEN, "the first message is no NTLM NEGOTIATE");
    if ((flags & acceptor->required) != acceptor->required || flags & NTLM_DATAGRAM)
        return fail(failure, (uint32_t)SEC_E_ALGORITHM_MISMATCH, weak_offer);
    acceptor->identify = flags & NTLM_IDENTIFY;
    /* Who signs has a key of its own. Who does not is not offered one: whether it is sent then is understood
     * in two ways ([MS-NLMP] 3.1.5.1.2 and 3.2.5.1.2). */
    acceptor->offered = flags & NTLM_PROTECTS;
    if (flags & (NTLM_SIGN | NTLM_SEAL))
        acceptor->required |= (uint32_t)NTLM_KEY_EXCHANGE;
    else
        acceptor->offered = 0;
    if ((flags & acceptor->required) != acceptor->required)
        return fail(failure, (uint32_t)SEC_E_ALGORITHM_MISMATCH, weak_offer);
    if (!(acceptor->negotiate = malloc(length))) return -ENOMEM;
    memcpy(acceptor->negotiate, token, length);
    acceptor->negotiate_length = length;
    /* Version may be left out ([MS-NLMP] 2.2.1.1, note 6), and gss-ntlmssp 1.2.0 does not know that. A MIC
     * over such a message will not fit; who sends one sends Version, too. */
    uint8_t padded[NEGOTIATE_FULL] = {0};
    if (length < sizeof(padded)) {
        token = memcpy(padded, token, length);
        length = sizeof(padded);
    }
    /* The library asks a winbindd of this machine for the machine's names. */
    if (io_pool_block_begin(false) != 0)
        return fail(failure, (uint32_t)SEC_E_INSUFFICIENT_MEMORY, "too many others are being verified");
    int r = step(acceptor, NULL, token, length, &major, &minor, failure);
    io_pool_block_end();
    if (r != 0) return r;
    if (major != GSS_S_CONTINUE_NEEDED)
        return ntlm_gss_fail(failure, (uint32_t)SEC_E_INVALID_TOKEN, "a caller cannot be verified by NTLM",
                             major, minor);
    if (!acceptor->output ||
        ntlm_challenge_read(acceptor->output, acceptor->output_length, &challenge) != 0 ||
        (challenge.flags & acceptor->required) != acceptor->required ||
        (challenge.flags & NTLM_PROTECTS) != acceptor->offered)
        return fail(failure, (uint32_t)SEC_E_INTERNAL_ERROR, "gss-ntlmssp made a challenge that is too weak");
    acceptor->domain_member = challenge.flags & NTLM_TARGET_DOMAIN;
    return 0;
}

int ntlm_acceptor_new(const NtlmVerifiers *verifiers, uint8_t authn_level, const uint8_t *token,
                      size_t length, NtlmAcceptor **ret_acceptor, SecFailure *failure)
{
    const char *users = verifiers->users;

    if (!users && !verifiers->winbind)
        return fail(failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                    "this process has no user file; set ntlm_users= in section [security] of mantle.conf, or "
                    "ntlm_accounts=winbind");
    if (!ntlm_crypto_available())
        return fail(failure, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
                    "OpenSSL's legacy provider, which has MD4 and RC4, cannot be loaded");
    _cleanup_(ntlm_acceptor_freep) NtlmAcceptor *acceptor = calloc(1, sizeof(*acceptor));
    if (!acceptor || (users && !(acceptor->users = strdup(users)))) return -ENOMEM;
    acceptor->winbind = verifiers->winbind;
    acceptor->required = required_flags(authn_level);
    int r = take_names(acceptor);
    if (r == 0) r = accept_negotiate(acceptor, token, length, failure);
    if (r == 0) *ret_acceptor = TAKE_PTR(acceptor);
    return r;
}

NtlmAcceptor *ntlm_acceptor_free(NtlmAcceptor *acceptor)
{
    OM_uint32 ignored;

    if (!acceptor) return NULL;
    if (acceptor->context) (void)gss_delete_sec_context(&ignored, &acceptor->context, GSS_C_NO_BUFFER);
    free(acceptor->users);
    free(acceptor->negotiate);
    free(acceptor->output);
    ntlm_account_deinit(&acceptor->account);
    free(acceptor->server);
    explicit_bzero(acceptor, sizeof(*acceptor));
    free(acceptor);
    return NULL;
}

const uint8_t *ntlm_acceptor_output(const NtlmAcceptor *acceptor, size_t *ret_length)
{
    *ret_length = acceptor->output_length;
    return acceptor->output;
}

/* Leg 3 */

/* Whom the message claims to be from, for the look-up only. */
typedef struct Claim {
    char *domain, *user;
} Claim;

static void claim_deinit(Claim *claim)
{
    free(claim->domain);
    free(claim->user);
}

static int check_message(const NtlmAcceptor *acceptor, int result, const NtlmAuthenticate *message,
                         SecFailure *failure)
{
    if (result == NTLM_OLD_RESPONSE)
        return fail(failure, (uint32_t)SEC_E_LOGON_DENIED,
                    "it answered with LM or NTLMv1, which are not accepted");
    if (result != 0)
        return fail(failure, (uint32_t)SEC_E_INVALID_TOKEN, "the last message is no NTLM AUTHENTICATE");
    if (message->anonymous) return fail(failure, (uint32_t)SEC_E_LOGON_DENIED, "it is anonymous");
    if ((message->flags & acceptor->required) != acceptor->required || message->flags & NTLM_DATAGRAM)
        return fail(failure, (uint32_t)SEC_E_ALGORITHM_MISMATCH, "it turned off what it had agreed to");
    if (message->flags & NTLM_PROTECTS & ~acceptor->offered)
        return fail(failure, (uint32_t)SEC_E_ALGORITHM_MISMATCH, "it turned on what was not agreed to");
    return 0;
}

/* The file that gss-ntlmssp is given: the one account that can be meant, under the names that the message
 * calls it by, as they are part of the response. */
static int write_account(const Claim *claim, const uint8_t hash[NTLM_KEY], int *ret_fd)
{
    char line[ACCOUNT_MAX];
    int used = snprintf(line, sizeof(line), "%s%s%s:0:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:", claim->domain,
                        *claim->domain ? "\\" : "", claim->user);

    if (used < 0 || (size_t)used + 2 * NTLM_KEY + 3 > sizeof(line)) return -EINVAL;
    for (size_t i = 0; i < NTLM_KEY; i++)
        used += snprintf(line + used, sizeof(line) - (size_t)used, "%02X", hash[i]);
    used += snprintf(line + used, sizeof(line) - (size_t)used, ":\n");
    _cleanup_(closep) int fd = memfd_create("ntlm", MFD_CLOEXEC);
    const ssize_t written = fd < 0 ? -1 : write(fd, line, (size_t)used);
    const int error = errno;
    explicit_bzero(line, sizeof(line));
    if (written != used) return written < 0 ? -error : -EIO;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* Whether the response is right for the hash: *ret_right. */
static int verify(NtlmAcceptor *acceptor, const Claim *claim, const uint8_t hash[NTLM_KEY],
                  const uint8_t *token, size_t length, bool *ret_right, SecFailure *failure)
{
    _cleanup_(closep) int fd = -1;
    char path[32];
    OM_uint32 major, minor;

    int r = write_account(claim, hash, &fd);
    if (r < 0) return r;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    r = step(acceptor, path, token, length, &major, &minor, failure);
    if (r == 0) *ret_right = major == GSS_S_COMPLETE;
    return r;
}

static int deny(const Claim *claim, SecFailure *failure)
{
    char name[2 * SEC_QUOTE_SIZE], quoted[SEC_QUOTE_SIZE];
    snprintf(name, sizeof(name), "%s\\%s", claim->domain, claim->user);
    sec_failure_set(failure, (uint32_t)SEC_E_LOGON_DENIED,
                    "NTLM: %s is not known here, or the password is wrong, or the message was tampered with",
                    sec_quote(name, quoted));
    return SEC_FAILED;
}

/* The account of the file, or, for one that nobody logs on as, a hash that nothing is right for: whether a
 * name exists shows neither in the answer nor in how long it takes. */
typedef struct Found {
    NtlmUser user;
    bool listed; /* the file has it: whoever else there is has no say */
    bool usable;
} Found;

static void found_deinit(Found *found)
{
    ntlm_user_deinit(&found->user);
}

static int find_account(const NtlmAcceptor *acceptor, const Claim *claim, Found *ret_found,
                        SecFailure *failure)
{
    const NtlmUserQuery query = {
        .own_domain = acceptor->own_domain, .domain = claim->domain, .user = claim->user};
    int r = acceptor->users ? ntlm_user_file_find(acceptor->users, &query, &ret_found->user, failure)
                            : NTLM_USER_UNKNOWN;

    ret_found->usable = r == 0;
    ret_found->listed = r != NTLM_USER_UNKNOWN;
    if (r != NTLM_USER_UNKNOWN && r != NTLM_USER_DISABLED) return r;
    return RAND_bytes(ret_found->user.hash, sizeof(ret_found->user.hash)) == 1 ? 0 : -EIO;
}

static int verify_by_file(NtlmAcceptor *acceptor, const Claim *claim, const Found *found,
                          const NtlmAuthenticate *message, NtlmBytes authenticate, SecFailure *failure)
{
    static const uint8_t zero[NTLM_RESPONSE_LM];
    NtlmAccount *account = &acceptor->account;
    bool right;

    /* As a member of a domain gss-ntlmssp takes a right LM response for a wrong NTLMv2 response, and
     * then nothing vouches for what that one says. */
    if (acceptor->domain_member && message->lm_response.length != 0 &&
        memcmp(message->lm_response.data, zero, sizeof(zero)) != 0)
        return fail(failure, (uint32_t)SEC_E_LOGON_DENIED, "it sent an LM response, too");
    int r =
        verify(acceptor, claim, found->user.hash, authenticate.data, authenticate.length, &right, failure);
    if (r == 0 && !(found->usable && right)) return deny(claim, failure);
    if (r == 0) r = ntlm_gss_session_key(acceptor->context, acceptor->key, failure);
    if (r != 0) return r;
    if (asprintf(&account->principal, "%s\\%s", found->user.domain, found->user.user) < 0) {
        account->principal = NULL;
        return -ENOMEM;
    }
    return sid_from_principal(account->principal, &account->user);
}

/* The session's key, [MS-NLMP] 3.2.5.1.2: the response's own, or the one that the client chose and encrypted
 * with it. */
static int take_key(NtlmAcceptor *acceptor, const NtlmAuthenticate *message)
{
    const uint8_t *base_key = acceptor->account.base_key;
    EVP_CIPHER_CTX *rc4;

    if (!message->session_key) {
        memcpy(acceptor->key, base_key, NTLM_KEY);
        return 0;
    }
    memcpy(acceptor->key, message->session_key, NTLM_KEY);
    int r = ntlm_rc4_new(&rc4);
    if (r < 0) return r;
    if (!ntlm_rc4_start(rc4, base_key) || !ntlm_rc4_run(rc4, acceptor->key, NTLM_KEY)) r = -EIO;
    EVP_CIPHER_CTX_free(rc4);
    return r;
}

/* Who knows the password judges the response; the messages around it are judged here, by their MIC. */
static int verify_by_winbind(NtlmAcceptor *acceptor, const Claim *claim, const NtlmAuthenticate *message,
                             NtlmBytes authenticate, SecFailure *failure)
{
    const NtlmBytes negotiate = {acceptor->negotiate, acceptor->negotiate_length},
                    challenge = {acceptor->output, acceptor->output_length};
    NtlmChallenge sent;
    uint8_t mic[NTLM_KEY];

    if (ntlm_challenge_read(challenge.data, challenge.length, &sent) != 0) return -EINVAL;
    const NtlmQuery query = {.domain = claim->domain,
                             .user = claim->user,
                             .challenge = sent.challenge,
                             .response = message->nt_response};
    int r = acceptor->winbind(&query, &acceptor->account, failure);
    if (r == 0) r = take_key(acceptor, message);
    if (r == 0 && message->mic)
        r = ntlm_message_mic(acceptor->key, negotiate, challenge, authenticate, message->mic, mic);
    if (r == 0 && message->mic && CRYPTO_memcmp(mic, message->mic, NTLM_KEY) != 0)
        return deny(claim, failure);
    return r;
}

/* Who it is is what verified it says, not the message. */
static int take_caller(NtlmAcceptor *acceptor, const NtlmAuthenticate *message, NtlmCaller *ret_caller)
{
    const NtlmAccount *account = &acceptor->account;
    NtlmCaller caller = {.principal = account->principal,
                         .user = account->user,
                         .groups = account->groups,
                         .group_count = account->group_count,
                         .flags = message->flags,
                         .key = acceptor->key};

    int r = message->target.length > 0 ? ntlm_name_text(message->target, &acceptor->server) : 0;
    if (r != 0) return r;
    caller.server = acceptor->server;
    /* LVL-7. A message without a MIC may have lost the flag on its way, so it counts in the first one, too.
     */
    caller.level = acceptor->identify || message->flags & NTLM_IDENTIFY ? TOKEN_LEVEL_IDENTIFICATION
                                                                        : TOKEN_LEVEL_IMPERSONATION;
    caller.expires = time_wall() + NTLM_SESSION_SECONDS;
    *ret_caller = caller;
    return 0;
}

int ntlm_acceptor_finish(NtlmAcceptor *acceptor, const uint8_t *token, size_t length, NtlmCaller *ret_caller,
                         SecFailure *failure)
{
    _cleanup_(claim_deinit) Claim claim = {NULL, NULL};
    _cleanup_(found_deinit) Found found = {{NULL}};
    NtlmAuthenticate message = {0};

    if (acceptor->finished) return -EINVAL;
    acceptor->finished = true;
    int r = check_message(acceptor, ntlm_authenticate_read(token, length, &message), &message, failure);
    if (r == 0) r = ntlm_name_text(message.domain, &claim.domain);
    if (r == 0) r = ntlm_name_text(message.user, &claim.user);
    /* Names that nobody here can have do not get as far as gss-ntlmssp. */
    if (r == 0 &&
        (!ntlm_user_name_is_fit(claim.user) || (*claim.domain && !ntlm_user_name_is_fit(claim.domain))))
        return deny(&claim, failure);
    if (r == 0) r = find_account(acceptor, &claim, &found, failure);
    const NtlmBytes authenticate = {token, length};
    if (r == 0)
        r = acceptor->winbind && !found.listed
                ? verify_by_winbind(acceptor, &claim, &message, authenticate, failure)
                : verify_by_file(acceptor, &claim, &found, &message, authenticate, failure);
    return r == 0 ? take_caller(acceptor, &message, ret_caller) : r;
}
