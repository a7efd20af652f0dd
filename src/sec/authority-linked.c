/* SPDX-License-Identifier: Apache-2.0 */
/* The authority linked into this process: what it does with keys and tickets. */
#include "sec/authority.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include <rpcdce.h>
#include "base/time.h"
#include "sec/authority-message.h"
#include "sec/authority-private.h"
#include "sec/authority-store.h"
#include "sec/credential.h"
#include "sec/krb5-transition.h"
#include "sec/mechanism.h"
#include "sec/ntlm-user-file.h"
#include "sec/ntlm-credential.h"

/* Everything in an answer but tokens, groups and texts; SIDs in binary. */
#define ANSWER_FIXED_SIZE (1024u + AUTHORITY_TEXT_MAX + SEC_SENTENCE_MAX)
#define SID_SIZE_MAX      68u

typedef struct Linked {
    Authority authority;
    KerberosConfig *config;
    char *keytab_path, *ntlm_users;
    bool ntlm_winbind;
    bool ntlm, transition;
    uint64_t kdc_timeout;
    AuthorityStore *store;
    pthread_mutex_t lock; /* guards `keytab` */
    KerberosKeytab *keytab;
} Linked;

typedef struct LinkedCall {
    AuthorityCall call;
    Linked *authority; /* the same as the call's */
    uint8_t *bytes;
    size_t length;
    AuthorityRequest request; /* points into `bytes` */
    uint64_t deadline;
    AuthorityCredential credential;
    const SecMechanism *mechanism;
    void *pending;            /* INITIATE: the mechanism's */
    KerberosAcquire *acquire; /* LOGON */
    KerberosTransition *transition;
    uint8_t *answer;
    size_t answer_length, answer_capacity;
    SecFailure failure;
} LinkedCall;

static const AuthorityKind linked_kind;

/* Authority */

static Authority *linked_free(Authority *base)
{
    Linked *authority = container_of(base, Linked, authority);
    authority_store_free(authority->store);
    kerberos_keytab_unref(authority->keytab);
    kerberos_config_unref(authority->config);
    pthread_mutex_destroy(&authority->lock);
    free(authority->keytab_path);
    free(authority->ntlm_users);
    free(authority);
    return NULL;
}

static Linked *linked_unref(Linked *authority)
{
    authority_unref(&authority->authority);
    return NULL;
}
DEFINE_CLEANUP(Linked, linked_unref)

int authority_new_linked(const AuthorityOptions *options, Authority **ret_authority, SecFailure *failure)
{
    _cleanup_(linked_unrefp) Linked *authority = calloc(1, sizeof(*authority));
    if (!authority) return -ENOMEM;
    refcount_init(&authority->authority.refs);
    authority->authority.kind = &linked_kind;
    pthread_mutex_init(&authority->lock, NULL);
    authority->kdc_timeout = options->kdc_timeout ? options->kdc_timeout : AUTHORITY_KDC_TIMEOUT;
    int result = kerberos_config_new(options->krb5_config, options->allow_rc4, &authority->config, failure);
    if (result == 0) result = authority_store_new(&authority->store);
    authority->ntlm = options->ntlm;
    authority->ntlm_winbind = options->ntlm_winbind;
    authority->transition = options->protocol_transition;
    if (result == 0 && options->ntlm_users && !(authority->ntlm_users = strdup(options->ntlm_users)))
        result = -ENOMEM;
    if (result == 0 && options->acceptor_keytab) {
        authority->keytab_path = strdup(options->acceptor_keytab);
        result = authority->keytab_path ? kerberos_keytab_new(authority->config, options->acceptor_keytab,
                                                              &authority->keytab, failure)
                                        : -ENOMEM;
    }
    if (result == 0) *ret_authority = &TAKE_PTR(authority)->authority;
    return result;
}

static bool linked_negotiates_ntlm(const Authority *base)
{
    const Linked *authority = container_of(base, const Linked, authority);
    return authority->ntlm && sec_mechanism(RPC_C_AUTHN_WINNT);
}

static bool linked_accepts(const Authority *base, uint8_t service)
{
    const Linked *authority = container_of(base, const Linked, authority);
    switch (service) {
    case RPC_C_AUTHN_GSS_KERBEROS:
        return authority->keytab_path != NULL;
    case RPC_C_AUTHN_WINNT:
        return linked_negotiates_ntlm(base);
    default:
        return false;
    }
}

/* The keys as the file has them now; a file that cannot be read any more leaves the old ones. NULL: accepts
 * nothing. */
static KerberosKeytab *authority_keytab(Linked *authority)
{
    SecFailure ignored;
    KerberosKeytab *newer, *keytab = NULL;
    pthread_mutex_lock(&authority->lock);
    if (authority->keytab && kerberos_keytab_changed(authority->keytab) &&
        kerberos_keytab_new(authority->config, authority->keytab_path, &newer, &ignored) == 0) {
        kerberos_keytab_unref(authority->keytab);
        authority->keytab = newer;
    }
    if (authority->keytab) keytab = kerberos_keytab_ref(authority->keytab);
    pthread_mutex_unlock(&authority->lock);
    return keytab;
}

/* Answers */

/* Encodes into memory of a fixed size, so that no copy of a session key is left behind by growing. */
static int call_answer(LinkedCall *call, const AuthorityAnswer *answer)
{
    Writer writer;
    call->answer_capacity =
        ANSWER_FIXED_SIZE + answer->token.length + (answer->group_count + 1) * SID_SIZE_MAX;
    call->answer = malloc(call->answer_capacity);
    if (!call->answer) return -ENOMEM;
    writer_init_fixed(&writer, call->answer, call->answer_capacity);
    authority_answer_write(&writer, answer);
    int result = writer_status(&writer);
    if (result == 0) call->answer_length = writer.length;
    return result;
}

/* An answer that gives a handle away; what nobody will hear of is released. */
static int call_answer_credential(LinkedCall *call, const AuthorityAnswer *answer)
{
    int result = call_answer(call, answer);
    if (result != 0 && answer->credential != 0 &&
        authority_store_drop_credential(call->authority->store, answer->credential) != 0)
        return -ESTALE; /* cannot be: nobody else knows the handle */
    return result;
}

static int call_refuse(LinkedCall *call, const SecFailure *failure, AuthorityBytes token)
{
    AuthorityAnswer answer;
    authority_answer_refuse(&answer, call->request.operation, failure);
    answer.token = token;
    return call_answer(call, &answer);
}

static int call_refuse_plain(LinkedCall *call, uint32_t code, const char *sentence)
{
    SecFailure failure;
    sec_failure_set(&failure, code, "%s", sentence);
    return call_refuse(call, &failure, (AuthorityBytes){0});
}

/* The mechanism of the request; without one the call is refused. */
static int call_mechanism(LinkedCall *call, bool allowed)
{
    call->mechanism = sec_mechanism(call->request.service);
    if (call->mechanism && allowed) return 0;
    sec_failure_set(&call->failure, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
                    "authentication service %u is not offered here", call->request.service);
    return SEC_FAILED;
}

/* Operations: each is stepped until it has made an answer. 0, SEC_WAIT, -ENOMEM. */

/* A Kerberos identity. 0, SEC_WAIT, SEC_FAILED with call->failure, -EINVAL, -ENOMEM. */
static int logon_kerberos(LinkedCall *call, IoWait *ret_wait)
{
    const AuthorityRequest *request = &call->request;
    KerberosCredential **credential = &call->credential.kerberos;
    int result = 0;
    if (!*credential) {
        KerberosCredentialSpec spec = {.source = (CredentialSource)request->source,
                                       .path = request->path,
                                       .principal = request->principal,
                                       .password = request->password,
                                       .forwardable = request->forwardable};
        result = kerberos_credential_new(call->authority->config, &spec, credential, &call->failure);
        if (result != 0) return result;
    }
    /* A password is checked now; caches and keytabs ask the KDC at their first use. */
    if (request->source != CREDENTIAL_PASSWORD) return 0;
    if (!call->acquire)
        result = kerberos_acquire_new(*credential, NULL, false, call->deadline, &call->acquire);
    if (result == 0) result = kerberos_acquire_step(call->acquire, ret_wait);
    if (result == SEC_FAILED) call->failure = *kerberos_acquire_failure(call->acquire);
    return result;
}

static int logon_ntlm(LinkedCall *call)
{
    const AuthorityRequest *request = &call->request;
    uint8_t hash[NTLM_KEY];
    const bool hashed = request->source == LOGON_NT_HASH;
    if ((!hashed && request->source != LOGON_PASSWORD) || !request->principal || !request->password ||
        (hashed && !ntlm_hash_parse(request->password, hash)))
        return -EINVAL;
    int result = ntlm_credential_new(request->principal, hashed ? NULL : request->password,
                                     hashed ? hash : NULL, &call->credential.ntlm, &call->failure);
    explicit_bzero(hash, sizeof(hash));
    return result;
}

/* Asked for by its number NTLM is off, too, where it is off. */
static int refuse_ntlm(LinkedCall *call)
{
    char user[SEC_QUOTE_SIZE];
    sec_failure_set(
        &call->failure, (uint32_t)SEC_E_NO_CREDENTIALS,
        "NTLM is off here, so %s is not shown by it; use Kerberos, or allow NTLM by ntlm = yes in "
        "section [security] of mantle.conf",
        sec_quote(call->request.principal ? call->request.principal : "nobody", user));
    return SEC_FAILED;
}

/* What Negotiate may show: Kerberos, and where the configuration lets it NTLM as well. NTLM alone only where
 * no KDC could be asked who this is; a password that a KDC does not take is not tried elsewhere. */
static int logon_negotiate(LinkedCall *call, IoWait *ret_wait)
{
    const bool ntlm =
        linked_negotiates_ntlm(call->call.authority) && call->request.source == CREDENTIAL_PASSWORD;
    int result = logon_kerberos(call, ret_wait);
    if (!ntlm || (result != 0 && result != SEC_FAILED)) return result;
    if (result == SEC_FAILED) {
        if (!sec_failure_is_no_kdc(&call->failure)) return result;
        call->credential.kerberos = kerberos_credential_unref(call->credential.kerberos);
        return logon_ntlm(call);
    }
    result = logon_ntlm(call);
    return result == SEC_FAILED ? 0 : result; /* a name that NTLM cannot have: Kerberos alone */
}

static int logon(LinkedCall *call, IoWait *ret_wait)
{
    switch (call->request.service) {
    case 0:
    case RPC_C_AUTHN_GSS_KERBEROS:
        return logon_kerberos(call, ret_wait);
    case RPC_C_AUTHN_GSS_NEGOTIATE:
        return logon_negotiate(call, ret_wait);
    case RPC_C_AUTHN_WINNT:
        return linked_negotiates_ntlm(call->call.authority) ? logon_ntlm(call) : refuse_ntlm(call);
    default:
        sec_failure_set(&call->failure, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
                        "authentication service %u is not offered here", call->request.service);
        return SEC_FAILED;
    }
}

static int operation_logon(LinkedCall *call, IoWait *ret_wait)
{
    const AuthorityCredential *credential = &call->credential;
    int result = logon(call, ret_wait);
    if (result == SEC_FAILED) return call_refuse(call, &call->failure, (AuthorityBytes){0});
    if (result == -EINVAL)
        return call_refuse_plain(call, ERROR_INVALID_PARAMETER, "the logon request is incomplete");
    if (result != 0) return result;
    AuthorityAnswer answer = {.operation = AUTHORITY_LOGON, .expires = INT64_MAX};
    if (credential->ntlm) {
        answer.shows |= AUTHORITY_SHOWS_NTLM;
        answer.principal = ntlm_credential_principal(credential->ntlm);
    }
    if (call->request.service == RPC_C_AUTHN_GSS_NEGOTIATE && !credential->kerberos)
        answer.sentence = call->failure.sentence;
    if (credential->kerberos) { /* it is who this is, whatever else it can show */
        answer.shows |= AUTHORITY_SHOWS_KERBEROS;
        answer.principal = kerberos_credential_principal(credential->kerberos);
        answer.expires = kerberos_credential_expires(credential->kerberos);
    }
    result = authority_store_put_credential(call->authority->store, credential, &answer.credential);
    if (result == STORE_FULL)
        return call_refuse_plain(call, (uint32_t)SEC_E_INSUFFICIENT_MEMORY, "too many identities are in use");
    return result ? result : call_answer_credential(call, &answer);
}

static int operation_release(LinkedCall *call, IoWait *ret_wait)
{
    if (authority_store_drop_credential(call->authority->store, call->request.credential) != 0)
        return call_refuse_plain(call, (uint32_t)SEC_E_INVALID_HANDLE, "there is no such credential");
    AuthorityAnswer answer = {.operation = AUTHORITY_RELEASE};
    return call_answer(call, &answer);
}

/* Keeps a conversation until the peer's next leg and answers with ours. */
static int call_answer_leg(LinkedCall *call, AuthorityConversation conversation, uint64_t id,
                           AuthorityStatus status)
{
    AuthorityAnswer answer = {.operation = call->request.operation, .status = status};
    const uint8_t *leg =
        conversation.initiator
            ? conversation.mechanism->initiator_output(conversation.initiator, &answer.token.length)
            : conversation.mechanism->acceptor_output(conversation.acceptor, &answer.token.length);
    /* Once it is kept another thread may evict it: the answer needs a copy of its own. */
    _cleanup_(freep) uint8_t *copy = malloc(answer.token.length);
    if (!copy) {
        authority_conversation_deinit(&conversation);
        return -ENOMEM;
    }
    answer.token.data = memcpy(copy, leg, answer.token.length);
    int result =
        authority_store_put_conversation(call->authority->store, conversation, id, &answer.conversation);
    return result ? result : call_answer(call, &answer);
}

static int operation_initiate(LinkedCall *call, IoWait *ret_wait)
{
    const AuthorityRequest *request = &call->request;
    if (!call->mechanism) {
        if (call_mechanism(call, true) != 0) return call_refuse(call, &call->failure, (AuthorityBytes){0});
        if (authority_store_get_credential(call->authority->store, request->credential, &call->credential) !=
            0)
            return call_refuse_plain(call, (uint32_t)SEC_E_NO_CREDENTIALS,
                                     "the credential was released; log on again");
        if (!authority_credential_has(&call->credential, request->service)) {
            sec_failure_set(&call->failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                            "this identity has nothing to show by %s", call->mechanism->name);
            return call_refuse(call, &call->failure, (AuthorityBytes){0});
        }
    }
    const MechanismInitiate what = {.credential = &call->credential,
                                    .target = request->target,
                                    .authn_level = request->authn_level,
                                    .impersonation = request->impersonation,
                                    .deadline = call->deadline};
    AuthorityConversation conversation = {.mechanism = call->mechanism};
    int result =
        call->mechanism->initiate(&what, &call->pending, ret_wait, &conversation.initiator, &call->failure);
    if (result == SEC_FAILED) return call_refuse(call, &call->failure, (AuthorityBytes){0});
    return result ? result : call_answer_leg(call, conversation, 0, AUTHORITY_DONE);
}

/* The conversation of the request, of the side it must be. */
static int call_conversation(LinkedCall *call, bool initiator, AuthorityConversation *ret_conversation)
{
    if (authority_store_take_conversation(call->authority->store, call->request.conversation,
                                          ret_conversation) != 0)
        return STORE_UNKNOWN;
    if (initiator == (ret_conversation->initiator != NULL)) return 0;
    authority_conversation_deinit(ret_conversation);
    return STORE_UNKNOWN;
}

static const char lost_conversation[] =
    "the authentication took too long and was given up in favour of newer ones; try again";

static int operation_initiate_finish(LinkedCall *call, IoWait *ret_wait)
{
    _cleanup_(authority_conversation_deinitp) AuthorityConversation conversation = {0};
    const AuthorityBytes *leg = &call->request.token;
    AuthorityAnswer answer = {.operation = AUTHORITY_INITIATE_FINISH};
    if (call_conversation(call, true, &conversation) != 0)
        return call_refuse_plain(call, (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED, lost_conversation);
    int result = conversation.mechanism->initiate_finish(conversation.initiator, leg->data, leg->length,
                                                         &answer, &call->failure);
    if (result == SEC_FAILED) return call_refuse(call, &call->failure, (AuthorityBytes){0});
    if (result == SEC_RESTART) {
        AuthorityConversation again = conversation;
        conversation.initiator = NULL;
        return call_answer_leg(call, again, call->request.conversation, AUTHORITY_RESTART);
    }
    return result ? result : call_answer(call, &answer);
}

static int operation_accept(LinkedCall *call, IoWait *ret_wait)
{
    const AuthorityBytes *leg = &call->request.token;
    bool allowed = call->request.service != RPC_C_AUTHN_WINNT || call->authority->ntlm;
    if (call_mechanism(call, allowed) != 0) return call_refuse(call, &call->failure, (AuthorityBytes){0});
    _cleanup_(kerberos_keytab_unrefp) KerberosKeytab *keytab = authority_keytab(call->authority);
    const MechanismAccept what = {.keytab = keytab,
                                  .ntlm_users = call->authority->ntlm_users,
                                  .ntlm_winbind = call->authority->ntlm_winbind,
                                  .authn_level = call->request.authn_level};
    AuthorityConversation conversation = {.mechanism = call->mechanism};
    _cleanup_(writer_deinitp) Writer error_token;
    writer_init(&error_token, AUTHORITY_TOKEN_MAX);
    int result = call->mechanism->accept(&what, leg->data, leg->length, &conversation.acceptor, &error_token,
                                         &call->failure);
    if (result == SEC_FAILED) {
        AuthorityBytes token = {error_token.data, writer_status(&error_token) == 0 ? error_token.length : 0};
        return call_refuse(call, &call->failure, token);
    }
    return result ? result : call_answer_leg(call, conversation, 0, AUTHORITY_DONE);
}

static int operation_accept_finish(LinkedCall *call, IoWait *ret_wait)
{
    _cleanup_(authority_conversation_deinitp) AuthorityConversation conversation = {0};
    _cleanup_(authority_credential_deinitp) AuthorityCredential delegated = {0};
    const AuthorityBytes *leg = &call->request.token;
    AuthorityAnswer answer = {.operation = AUTHORITY_ACCEPT_FINISH};
    if (call_conversation(call, false, &conversation) != 0)
        return call_refuse_plain(call, (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED, lost_conversation);
    int result = conversation.mechanism->accept_finish(conversation.acceptor, leg->data, leg->length, &answer,
                                                       &delegated, &call->failure);
    if (result == SEC_FAILED) return call_refuse(call, &call->failure, (AuthorityBytes){0});
    if (result != 0) return result;
    if (delegated.kerberos) answer.shows = AUTHORITY_SHOWS_KERBEROS;
    if (delegated.kerberos)
        result = authority_store_put_credential(call->authority->store, &delegated, &answer.credential);
    if (result == STORE_FULL)
        return call_refuse_plain(call, (uint32_t)SEC_E_INSUFFICIENT_MEMORY,
                                 "too many delegated identities are in use");
    return result ? result : call_answer_credential(call, &answer);
}

/* Begins with what is configured: nobody is vouched for by default. 0, SEC_FAILED, -ENOMEM. */
static int transition_begin(LinkedCall *call)
{
    char user[SEC_QUOTE_SIZE];
    const AuthorityRequest *request = &call->request;
    sec_quote(request->principal, user);
    if (!call->authority->transition) {
        sec_failure_set(&call->failure, ERROR_PRIVILEGE_NOT_HELD,
                        "%s did not come with Kerberos, and this process does not vouch for users: set "
                        "protocol_transition = yes in [security] of mantle.conf, or let the user log on",
                        user);
        return SEC_FAILED;
    }
    _cleanup_(kerberos_keytab_unrefp) KerberosKeytab *keytab = authority_keytab(call->authority);
    if (keytab)
        return kerberos_transition_new(keytab, request->target, request->principal, call->deadline,
                                       &call->transition, &call->failure);
    sec_failure_set(&call->failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                    "this process has no keytab to vouch for %s with; configure one", user);
    return SEC_FAILED;
}

static int operation_transition(LinkedCall *call, IoWait *ret_wait)
{
    KerberosCaller caller;
    int result = call->transition ? 0 : transition_begin(call);
    if (result == 0) result = kerberos_transition_step(call->transition, ret_wait, &caller, &call->failure);
    if (result == SEC_FAILED) return call_refuse(call, &call->failure, (AuthorityBytes){0});
    if (result != 0) return result;
    call->credential.kerberos = caller.credential;
    AuthorityAnswer answer = {.operation = AUTHORITY_TRANSITION,
                              .shows = caller.credential ? AUTHORITY_SHOWS_KERBEROS : 0,
                              .principal = caller.principal,
                              .expires = caller.expires,
                              .level = (uint8_t)caller.level,
                              .account_flags = caller.account_flags,
                              .user = caller.user,
                              .groups = caller.groups,
                              .group_count = caller.group_count};
    if (caller.credential)
        result =
            authority_store_put_credential(call->authority->store, &call->credential, &answer.credential);
    if (result == STORE_FULL)
        return call_refuse_plain(call, (uint32_t)SEC_E_INSUFFICIENT_MEMORY, "too many identities are in use");
    return result ? result : call_answer_credential(call, &answer);
}

static int operation_abandon(LinkedCall *call, IoWait *ret_wait)
{
    AuthorityConversation conversation;
    if (authority_store_take_conversation(call->authority->store, call->request.conversation,
                                          &conversation) == 0)
        authority_conversation_deinit(&conversation);
    AuthorityAnswer answer = {.operation = AUTHORITY_ABANDON};
    return call_answer(call, &answer);
}

/* Between processes only: here who asks is who answers, and nobody has a descriptor. */
static int operation_foreign(LinkedCall *call, IoWait *ret_wait)
{
    return call_refuse_plain(call, ERROR_NOT_SUPPORTED,
                             "this authority is linked into the process and hands out no descriptors");
}

static int (*const operations[AUTHORITY_OPERATION_END])(LinkedCall *, IoWait *) = {
    [AUTHORITY_LOGON] = operation_logon,       [AUTHORITY_RELEASE] = operation_release,
    [AUTHORITY_INITIATE] = operation_initiate, [AUTHORITY_INITIATE_FINISH] = operation_initiate_finish,
    [AUTHORITY_ACCEPT] = operation_accept,     [AUTHORITY_ACCEPT_FINISH] = operation_accept_finish,
    [AUTHORITY_ABANDON] = operation_abandon,   [AUTHORITY_TRANSITION] = operation_transition,
    [AUTHORITY_HELLO] = operation_foreign,     [AUTHORITY_OPEN_TOKEN] = operation_foreign,
    [AUTHORITY_ACCOUNT] = operation_foreign,   [AUTHORITY_LAUNCH] = operation_foreign,
    [AUTHORITY_LAUNCH_AS] = operation_foreign,
};

/* Call */

static AuthorityCall *linked_call_free(AuthorityCall *base)
{
    LinkedCall *call = container_of(base, LinkedCall, call);
    if (call->bytes) explicit_bzero(call->bytes, call->length); /* a password */
    free(call->bytes);
    if (call->answer) explicit_bzero(call->answer, call->answer_capacity); /* a session key */
    free(call->answer);
    kerberos_acquire_free(call->acquire);
    kerberos_transition_free(call->transition);
    if (call->pending) call->mechanism->pending_free(call->pending);
    authority_credential_deinit(&call->credential);
    free(call);
    return NULL;
}

static int linked_call_new(Authority *base, const uint8_t *request, size_t length, uint64_t deadline,
                           AuthorityCall **ret_call)
{
    Linked *authority = container_of(base, Linked, authority);
    if (length > AUTHORITY_MESSAGE_MAX) return -EBADMSG;
    LinkedCall *call = calloc(1, sizeof(*call));
    if (!call) return -ENOMEM;
    call->call.authority = authority_ref(base);
    call->authority = authority;
    call->bytes = malloc(length ? length : 1);
    int result = call->bytes ? 0 : -ENOMEM;
    if (result == 0) {
        memcpy(call->bytes, request, length);
        call->length = length;
        result = authority_request_read(call->bytes, length, &call->request);
    }
    if (result != 0) {
        authority_call_free(&call->call);
        return result;
    }
    uint64_t limit = time_after(authority->kdc_timeout);
    call->deadline = deadline < limit ? deadline : limit;
    *ret_call = &call->call;
    return 0;
}

static int linked_call_step(AuthorityCall *base, IoWait *ret_wait)
{
    LinkedCall *call = container_of(base, LinkedCall, call);
    return call->answer ? 0 : operations[call->request.operation](call, ret_wait);
}

static const uint8_t *linked_call_answer(const AuthorityCall *base, size_t *ret_length)
{
    const LinkedCall *call = container_of(base, const LinkedCall, call);
    *ret_length = call->answer_length;
    return call->answer;
}

static const AuthorityKind linked_kind = {linked_free,     linked_accepts,   linked_negotiates_ntlm,
                                          linked_call_new, linked_call_step, linked_call_answer,
                                          linked_call_free};
