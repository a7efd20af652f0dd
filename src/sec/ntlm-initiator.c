/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-initiator.h"
#include <errno.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <openssl/crypto.h>
#include <rpcdce.h>
#include <stdio.h>
#include <string.h>
#include <winerror.h>
#include "sec/ntlm-gss.h"

#define CLIENT_FLAGS                                                                                         \
    (NTLM_REQUIRED | NTLM_REQUEST_TARGET | NTLM_ALWAYS_SIGN | NTLM_SIGN | NTLM_SEAL | NTLM_VERSION)
#define SERVER_FLAGS         (NTLM_REQUIRED | NTLM_SIGN | NTLM_SEAL | NTLM_TARGET_INFO)
#define SERVER_FLAGS_CONNECT (NTLM_REQUIRED_CONNECT | NTLM_TARGET_INFO)
#define GSS_FLAGS            (GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG)
#define HASH_TEXT            (2 * NTLM_KEY + 1)

struct NtlmInitiator {
    NtlmCredential *credential;
    gss_cred_id_t gss_credential;
    gss_name_t target;
    gss_ctx_id_t context;
    bool identify, protects; /* false: level CONNECT */
    uint8_t *negotiate;      /* as it is sent */
    size_t negotiate_length;
    uint8_t *output; /* NULL: leg 1, `negotiate` */
    size_t output_length;
    uint8_t key[NTLM_KEY];
    uint32_t flags;
};

/* The account by name and hash: nothing is left for the library to find out. */
static int take_credential(NtlmInitiator *initiator, SecFailure *failure)
{
    static const char hex[] = "0123456789abcdef";
    const NtlmCredential *credential = initiator->credential;
    const uint8_t *hash = ntlm_credential_hash(credential);
    char text[HASH_TEXT] = "";
    gss_key_value_element_desc elements[] = {{GSS_NTLMSSP_CS_NTHASH, text},
                                             {GSS_NTLMSSP_CS_DOMAIN, ntlm_credential_domain(credential)}};
    const gss_key_value_set_desc store = {.count = ARRAY_SIZE(elements), .elements = elements};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 ignored;

    for (size_t i = 0; i < NTLM_KEY; i++) {
        text[2 * i] = hex[hash[i] >> 4];
        text[2 * i + 1] = hex[hash[i] & 15];
    }
    /* The library makes a MIC only where it signs; so it is told to, and nobody else is. */
    uint32_t flags = initiator->protects ? CLIENT_FLAGS : (CLIENT_FLAGS & ~NTLM_PROTECTS) | NTLM_SIGN;
    if (initiator->identify) flags |= NTLM_IDENTIFY;
    int r = ntlm_gss_name(ntlm_credential_user(credential), GSS_C_NT_USER_NAME, &name, failure);
    if (r == 0)
        r = ntlm_gss_credential(name, GSS_C_INITIATE, &store, flags, &initiator->gss_credential, failure);
    explicit_bzero(text, sizeof(text));
    (void)gss_release_name(&ignored, &name);
    return r;
}

/* "RPCSS/a.lab.test@LAB.TEST" goes to GSSAPI as RPCSS@a.lab.test and onto the wire as RPCSS/a.lab.test.
 * Without a principal nothing goes onto the wire; GSSAPI has to have a name all the same. */
static int take_target(NtlmInitiator *initiator, const char *target, SecFailure *failure)
{
    _cleanup_(freep) char *text = strdup(target ? target : "");

    if (!text) return -ENOMEM;
    text[strcspn(text, "@")] = '\0';
    char *slash = strchr(text, '/');
    const bool named = slash && slash > text && slash[1];
    if (named) *slash = '@';
    return ntlm_gss_name(named ? text : "@", GSS_C_NT_HOSTBASED_SERVICE, &initiator->target, failure);
}

static int step(NtlmInitiator *initiator, gss_buffer_t input, OM_uint32 expected, uint8_t **ret_token,
                size_t *ret_length, SecFailure *failure)
{
    OM_uint32 minor;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    const OM_uint32 flags =
        (initiator->protects ? GSS_FLAGS : 0) | (initiator->identify ? GSS_C_IDENTIFY_FLAG : 0);
    const OM_uint32 major =
        gss_init_sec_context(&minor, initiator->gss_credential, &initiator->context, initiator->target,
                             (gss_OID)(uintptr_t)&NTLM_GSS_MECHANISM, flags, GSS_C_INDEFINITE,
                             GSS_C_NO_CHANNEL_BINDINGS, input, NULL, &token, NULL, NULL);

    if (major == expected) return ntlm_gss_take(&token, ret_token, ret_length);
    OM_uint32 ignored;
    (void)gss_release_buffer(&ignored, &token);
    return ntlm_gss_fail(failure, (uint32_t)SEC_E_INVALID_TOKEN,
                         input ? "the server's NTLM challenge cannot be answered" : "NTLM cannot be started",
                         major, minor);
}

/* Without SIGN. */
static int clear_negotiate(NtlmInitiator *initiator, SecFailure *failure)
{
    uint32_t flags;

    if (initiator->protects) return 0;
    if (ntlm_negotiate_read(initiator->negotiate, initiator->negotiate_length, &flags) != 0 ||
        (flags & NTLM_PROTECTS) != NTLM_SIGN)
        return ntlm_gss_fail(failure, (uint32_t)SEC_E_INTERNAL_ERROR, "NTLM cannot be started", GSS_S_FAILURE,
                             0);
    ntlm_negotiate_set_flags(initiator->negotiate, flags & ~NTLM_PROTECTS);
    return 0;
}

int ntlm_initiator_new(NtlmCredential *credential, const char *target, uint8_t authn_level,
                       uint8_t impersonation, NtlmInitiator **ret_initiator, SecFailure *failure)
{
    if (impersonation > RPC_C_IMP_LEVEL_IMPERSONATE) {
        /* DEL-11, LVL-6: there is nothing in NTLM that could be handed on. */
        sec_failure_set(failure, RPC_S_SEC_PKG_ERROR,
                        "NTLM cannot delegate; ask for IMPERSONATE, or use Kerberos");
        return SEC_FAILED;
    }
    _cleanup_(ntlm_initiator_freep) NtlmInitiator *initiator = calloc(1, sizeof(*initiator));
    if (!initiator) return -ENOMEM;
    initiator->credential = ntlm_credential_ref(credential);
    /* LVL-7: there is no anonymous level on the wire; ERR-6: it is sent as IDENTIFY. */
    initiator->identify = impersonation <= RPC_C_IMP_LEVEL_IDENTIFY;
    initiator->protects = authn_level > RPC_C_AUTHN_LEVEL_CONNECT;
    int r = take_credential(initiator, failure);
    if (r == 0) r = take_target(initiator, target, failure);
    if (r == 0)
        r = step(initiator, GSS_C_NO_BUFFER, GSS_S_CONTINUE_NEEDED, &initiator->negotiate,
                 &initiator->negotiate_length, failure);
    if (r == 0) r = clear_negotiate(initiator, failure);
    if (r == 0) r = ntlm_gss_want_mic(initiator->context, failure);
    if (r == 0) *ret_initiator = TAKE_PTR(initiator);
    return r;
}

NtlmInitiator *ntlm_initiator_free(NtlmInitiator *initiator)
{
    OM_uint32 ignored;

    if (!initiator) return NULL;
    if (initiator->context) (void)gss_delete_sec_context(&ignored, &initiator->context, GSS_C_NO_BUFFER);
    (void)gss_release_cred(&ignored, &initiator->gss_credential);
    (void)gss_release_name(&ignored, &initiator->target);
    ntlm_credential_unref(initiator->credential);
    free(initiator->negotiate);
    free(initiator->output);
    explicit_bzero(initiator, sizeof(*initiator));
    free(initiator);
    return NULL;
}

static int refuse(const NtlmInitiator *initiator, SecFailure *failure, uint32_t code, const char *why)
{
    char quoted[SEC_QUOTE_SIZE];
    sec_failure_set(failure, code, "%s cannot authenticate by NTLM: %s",
                    sec_quote(ntlm_credential_principal(initiator->credential), quoted), why);
    return SEC_FAILED;
}

static int check_challenge(const NtlmInitiator *initiator, const uint8_t *token, size_t length,
                           uint32_t *ret_flags, SecFailure *failure)
{
    const uint32_t needed = initiator->protects ? SERVER_FLAGS : SERVER_FLAGS_CONNECT;
    NtlmChallenge challenge;

    if (ntlm_challenge_read(token, length, &challenge) != 0)
        return refuse(initiator, failure, (uint32_t)SEC_E_INVALID_TOKEN,
                      "what the server sent is no NTLM challenge");
    if ((challenge.flags & needed) != needed)
        return refuse(initiator, failure, (uint32_t)SEC_E_ALGORITHM_MISMATCH,
                      "the server does not offer NTLMv2 session security with 128 bits and key exchange");
    if (!challenge.timestamp)
        return refuse(
            initiator, failure, (uint32_t)SEC_E_ALGORITHM_MISMATCH,
            "the server's challenge has no timestamp, without which the handshake cannot be protected");
    *ret_flags = challenge.flags;
    return 0;
}

/* The MIC of `output`, over it and the messages as both sides see them. */
static int put_mic(NtlmInitiator *initiator, NtlmBytes challenge, const NtlmAuthenticate *message)
{
    const NtlmBytes negotiate = {initiator->negotiate, initiator->negotiate_length},
                    authenticate = {initiator->output, initiator->output_length};
    uint8_t mic[NTLM_KEY];
    int r = ntlm_message_mic(initiator->key, negotiate, challenge, authenticate, message->mic, mic);

    if (r == 0) memcpy(initiator->output + (message->mic - authenticate.data), mic, NTLM_KEY);
    return r;
}

/* What the library made is sent only if it is what was meant, whatever the environment told it: NTLMv2, and
 * a MIC, over the messages as the library knows them. */
static int check_message(NtlmInitiator *initiator, NtlmBytes challenge, NtlmAuthenticate *ret_message,
                         SecFailure *failure)
{
    static const char weak[] =
        "gss-ntlmssp made a message that is not NTLMv2 with a MIC; unset LM_COMPAT_LEVEL";
    const NtlmBytes negotiate = {initiator->negotiate, initiator->negotiate_length},
                    authenticate = {initiator->output, initiator->output_length};
    const uint32_t needed =
        (initiator->protects ? SERVER_FLAGS : SERVER_FLAGS_CONNECT | NTLM_SIGN) & ~NTLM_TARGET_INFO;
    NtlmAuthenticate message;
    uint8_t mic[NTLM_KEY];

    if (ntlm_authenticate_read(authenticate.data, authenticate.length, &message) != 0 || message.anonymous ||
        !message.mic || (message.flags & needed) != needed ||
        (!initiator->protects && message.flags & (uint32_t)NTLM_KEY_EXCHANGE))
        return refuse(initiator, failure, (uint32_t)SEC_E_ALGORITHM_MISMATCH, weak);
    int r = ntlm_message_mic(initiator->key, negotiate, challenge, authenticate, message.mic, mic);
    if (r < 0) return r;
    if (CRYPTO_memcmp(mic, message.mic, NTLM_KEY) != 0)
        return refuse(initiator, failure, (uint32_t)SEC_E_INTERNAL_ERROR, weak);
    *ret_message = message;
    return 0;
}

/* A server need not repeat IDENTIFY, and then the library drops it; it is put back, as the level asked for is
 * not to be exceeded. */
static int finish_message(NtlmInitiator *initiator, NtlmBytes challenge, SecFailure *failure)
{
    NtlmAuthenticate message;

    int r = check_message(initiator, challenge, &message, failure);
    if (r != 0) return r;
    initiator->flags = message.flags | (initiator->identify ? NTLM_IDENTIFY : 0);
    if (initiator->flags == message.flags) return 0;
    ntlm_authenticate_set_flags(initiator->output, initiator->flags);
    return put_mic(initiator, challenge, &message);
}

static int answer(NtlmInitiator *initiator, NtlmBytes challenge, SecFailure *failure)
{
    gss_buffer_desc input = {.length = challenge.length, .value = (void *)(uintptr_t)challenge.data};
    int r = step(initiator, &input, GSS_S_COMPLETE, &initiator->output, &initiator->output_length, failure);

    return r == 0 ? ntlm_gss_session_key(initiator->context, initiator->key, failure) : r;
}

/* At level CONNECT the library is shown a challenge that agrees to SIGN, and neither the server nor who sees
 * the messages hears of it. `flags` are the challenge's. */
static int answer_connect(NtlmInitiator *initiator, NtlmBytes challenge, uint32_t flags, SecFailure *failure)
{
    _cleanup_(freep) uint8_t *shown = malloc(challenge.length);
    uint32_t negotiated;
    NtlmAuthenticate message;

    if (!shown) return -ENOMEM;
    memcpy(shown, challenge.data, challenge.length);
    ntlm_challenge_set_flags(shown, (flags & ~NTLM_PROTECTS) | NTLM_SIGN);
    int r = answer(initiator, (NtlmBytes){shown, challenge.length}, failure);
    if (r == 0) r = ntlm_negotiate_read(initiator->negotiate, initiator->negotiate_length, &negotiated);
    if (r != 0) return r;
    ntlm_negotiate_set_flags(initiator->negotiate, negotiated | NTLM_SIGN);
    r = check_message(initiator, (NtlmBytes){shown, challenge.length}, &message, failure);
    ntlm_negotiate_set_flags(initiator->negotiate, negotiated);
    if (r != 0) return r;
    initiator->flags = (message.flags & ~NTLM_PROTECTS) | (initiator->identify ? NTLM_IDENTIFY : 0);
    ntlm_authenticate_set_flags(initiator->output, initiator->flags);
    ntlm_authenticate_drop_key(initiator->output);
    return put_mic(initiator, challenge, &message);
}

int ntlm_initiator_finish(NtlmInitiator *initiator, const uint8_t *token, size_t length, SecFailure *failure)
{
    const NtlmBytes challenge = {token, length};
    uint32_t flags;

    if (initiator->output) return -EINVAL;
    int r = check_challenge(initiator, token, length, &flags, failure);
    if (r == 0 && !initiator->protects) return answer_connect(initiator, challenge, flags, failure);
    if (r == 0) r = answer(initiator, challenge, failure);
    if (r == 0) r = finish_message(initiator, challenge, failure);
    return r;
}

const uint8_t *ntlm_initiator_output(const NtlmInitiator *initiator, size_t *ret_length)
{
    *ret_length = initiator->output ? initiator->output_length : initiator->negotiate_length;
    return initiator->output ? initiator->output : initiator->negotiate;
}

const uint8_t *ntlm_initiator_key(const NtlmInitiator *initiator)
{
    return initiator->key;
}

uint32_t ntlm_initiator_flags(const NtlmInitiator *initiator)
{
    return initiator->flags;
}
