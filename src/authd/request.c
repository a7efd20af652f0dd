/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/request.h"
#include <errno.h>
#include <pwd.h>
#include <rpcdce.h>
#include <stdio.h>
#include <string.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "sec/authority-client.h"
#include "sec/authority-frame.h"
#include "sec/credential.h"

/* Everything in an answer but tokens, groups and texts; SIDs in binary. */
#define ANSWER_FIXED_SIZE (1024u + 2 * AUTHORITY_TEXT_MAX + SEC_SENTENCE_MAX)
#define SID_SIZE_MAX      68u
#define PASSWD_SIZE       16384u

typedef enum From {
    FROM_ANYBODY, /* any local account */
    FROM_MACHINE, /* accounts of [security] machine_identity */
} From;

typedef enum When {
    WHEN_FIRST,   /* before everything else, once */
    WHEN_GREETED, /* after hello */
} When;

typedef struct Run Run;

typedef struct Row {
    const char *name;
    From from;
    When when;
    bool descriptor;  /* a token's goes with it */
    unsigned at_once; /* of one account */
    int (*answer)(Run *run);
    const char *what; /* with FROM_MACHINE: what others may not do */
} Row;

/* One request. */
struct Run {
    const RequestHouse *house;
    Asker *asker;
    const Row *row;
    AuthorityRequest request;
    TokenView view; /* of the descriptor */
    uint64_t deadline;
    AuthorityCall *call;
    RequestReply *reply;
};

/* Replies */

static int reply_with(Run *run, const AuthorityAnswer *answer)
{
    RequestReply *reply = run->reply;
    Writer writer;
    size_t capacity = ANSWER_FIXED_SIZE + answer->token.length + (answer->group_count + 1) * SID_SIZE_MAX;
    uint8_t *data = malloc(capacity);
    if (!data) return -ENOMEM;
    writer_init_fixed(&writer, data, capacity); /* never moves: no copy of a session key stays behind */
    authority_answer_write(&writer, answer);
    reply->data = data;
    reply->capacity = capacity;
    reply->length = writer.length;
    return writer_status(&writer);
}

static int refuse(Run *run, uint32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int reply_refusal(Run *run, AuthorityBytes token)
{
    AuthorityAnswer answer;
    authority_answer_refuse(&answer, run->request.operation, &run->reply->refusal);
    answer.token = token;
    return reply_with(run, &answer);
}

static int refuse(Run *run, uint32_t code, const char *format, ...)
{
    char sentence[SEC_SENTENCE_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    sec_failure_set(&run->reply->refusal, code, "%s", sentence);
    return reply_refusal(run, (AuthorityBytes){0});
}

/* Not a mistake that a program of Mantle's makes: the connection ends. */
static int refuse_last(Run *run, const char *sentence)
{
    run->reply->last = true;
    return refuse(run, ERROR_INVALID_FUNCTION, "%s", sentence);
}

/* Asks the authority; waits on this thread, if it can be spared. The answer points into the call. 0,
 * SEC_RESTART, SEC_FAILED with *failure, -errno. */
static int ask_with(Run *run, const AuthorityRequest *request, AuthorityCall **ret_call,
                    AuthorityAnswer *ret_answer, SecFailure *failure)
{
    IoWait wait;
    *ret_answer = (AuthorityAnswer){0};
    int result = authority_ask(run->house->authority, request, run->deadline, ret_call);
    if (result != 0) return result;
    result = authority_ask_step(*ret_call, request->operation, &wait, ret_answer, failure);
    if (result != SEC_WAIT) return result;
    if (io_pool_block_begin(false) != 0) {
        sec_failure_set(failure, (uint32_t)SEC_E_INSUFFICIENT_MEMORY,
                        "the authority has too many requests that wait for a KDC; try again");
        return SEC_FAILED;
    }
    while (result == SEC_WAIT) {
        result = io_wait(&wait);
        if (result == 0 || result == -ETIMEDOUT) /* the step says what that means */
            result = authority_ask_step(*ret_call, request->operation, &wait, ret_answer, failure);
    }
    io_pool_block_end();
    return result;
}

/* What was asked for. 0, SEC_RESTART, SEC_FAILED: a refusal is the reply; -errno. */
static int ask(Run *run, const AuthorityRequest *request, AuthorityAnswer *ret_answer)
{
    int result = ask_with(run, request, &run->call, ret_answer, &run->reply->refusal);
    if (result != SEC_FAILED) return result;
    result = reply_refusal(run, ret_answer->token);
    authority_answer_deinit(ret_answer);
    return result ? result : SEC_FAILED;
}

/* A refusal that is the reply already counts as answered. */
static int settled(int result)
{
    return result == SEC_FAILED ? 0 : result;
}

/* Tokens */

static bool is_same_account(const Run *run, const AuthdIdentity *identity)
{
    return identity->owner == run->asker->peer.uid ||
           (identity->owner == AUTHD_NOBODY && token_table_proved(run->house->tokens, run->asker->peer.uid,
                                                                  identity->principal, identity->service));
}

/* SRV-11: who is not listed learns who somebody is, and is not given what he can do; but for his own
 * identity. */
static TokenLevel worth(const Run *run, const AuthdIdentity *identity, TokenLevel level)
{
    if (level <= TOKEN_LEVEL_IDENTIFICATION || run->asker->impersonates || is_same_account(run, identity))
        return level;
    return TOKEN_LEVEL_IDENTIFICATION;
}

/* The same of a descriptor that came back. */
static TokenLevel worth_of_view(const Run *run)
{
    return run->view.acts ? run->view.level : worth(run, run->view.identity, run->view.level);
}

/* Answers with a descriptor for a new token. */
static int reply_token(Run *run, AuthorityAnswer *answer, const TokenView *view)
{
    int result = token_table_add(run->house->tokens, run->asker->account, view, &run->reply->fd);
    if (result == TOKEN_LIMIT)
        return refuse(run, (uint32_t)SEC_E_INSUFFICIENT_MEMORY,
                      "account %u holds %zu tokens, which is the most it may, or the authority has no room "
                      "for more",
                      (unsigned)run->asker->peer.uid, (size_t)run->asker->account->tokens.used);
    if (result != 0) return result;
    answer->credential = 1; /* the descriptor says which */
    return reply_with(run, answer);
}

/* A caller: what it is worth to who asks. `identity` has everything but the level. */
static int reply_caller(Run *run, AuthorityAnswer *answer, AuthdIdentity *identity)
{
    identity->proved = true;
    TokenLevel level = worth(run, identity, (TokenLevel)answer->level);
    TokenView view = {.identity = identity, .level = level, .holder = run->asker->peer.uid};
    answer->level = (uint8_t)level;
    answer->credential = 0;
    if (level < TOKEN_LEVEL_IMPERSONATION) {
        answer->shows = 0;
        return reply_with(run, answer);
    }
    return reply_token(run, answer, &view);
}

/* Operations: each leaves a reply. 0, -ENOMEM, -errno. */

static int answer_hello(Run *run)
{
    Authority *authority = run->house->authority;
    AuthorityAnswer answer = {.operation = AUTHORITY_HELLO};
    int result = session_join(run->house->sessions, run->asker->account, run->request.token.data,
                              &run->asker->session);
    if (result != 0) return result;
    if (authority_accepts(authority, RPC_C_AUTHN_GSS_KERBEROS)) answer.grants |= AUTHORITY_ACCEPTS_KERBEROS;
    if (authority_accepts(authority, RPC_C_AUTHN_WINNT)) answer.grants |= AUTHORITY_ACCEPTS_NTLM;
    if (authority_negotiates_ntlm(authority)) answer.grants |= AUTHORITY_NEGOTIATES_NTLM;
    if (run->asker->machine && run->house->keytab) answer.grants |= AUTHORITY_IS_MACHINE;
    return reply_with(run, &answer);
}

/* What an account that is not listed is told, in the language of the key. */
static int refuse_machine(Run *run, const char *what)
{
    return refuse(run, ERROR_PRIVILEGE_NOT_HELD,
                  "account %u may not %s; list it in [security] machine_identity of the authority's "
                  "mantle.conf",
                  (unsigned)run->asker->peer.uid, what);
}

/* The logons that are done for others: with the machine's own keytab, never one that somebody names, and with
 * what a user types. 0: `request` is complete; SEC_FAILED: refused; -errno. */
static int logon_prepare(Run *run, AuthorityRequest *request)
{
    int result;
    switch (request->source) {
    case LOGON_KEYTAB:
        if (!run->asker->machine)
            result = refuse_machine(run, "act as this machine");
        else if (request->path)
            result = refuse(run, ERROR_ACCESS_DENIED,
                            "the authority reads no keytab that it is told; log on with none named, or in "
                            "the process itself");
        else if (!run->house->keytab)
            result = refuse(run, (uint32_t)SEC_E_NO_CREDENTIALS,
                            "the authority has no keytab; set keytab in [security] of its mantle.conf");
        else {
            request->path = run->house->keytab;
            if (!request->principal) request->principal = run->house->principal;
            return 0;
        }
        break;
    case LOGON_PASSWORD:
    case LOGON_NT_HASH:
        if (!request->path) return 0;
        result = refuse(run, ERROR_INVALID_PARAMETER, "a logon with a password names no file");
        break;
    default:
        result = refuse(run, ERROR_ACCESS_DENIED,
                        "the authority does not log on from what a process names (source %u): a ticket cache "
                        "is used in the process that may read it",
                        request->source);
    }
    return result ? result : SEC_FAILED;
}

/* A conversation with oneself: who is shown, and who is seen. */
typedef struct Mirror {
    AuthorityCall *calls[4];
    AuthorityAnswer answers[4];
} Mirror;

static void mirror_deinit(Run *run, Mirror *mirror)
{
    for (size_t i = 0; i < ARRAY_SIZE(mirror->calls); i++) {
        /* What did not come to its end. An id that was used up is nobody's. */
        if (mirror->answers[i].conversation)
            authority_tell(run->house->authority,
                           &(AuthorityRequest){.operation = AUTHORITY_ABANDON,
                                               .conversation = mirror->answers[i].conversation});
        authority_answer_deinit(&mirror->answers[i]);
        authority_call_free(mirror->calls[i]);
    }
}

static int mirror_ask(Run *run, Mirror *mirror, size_t i, const AuthorityRequest *request)
{
    SecFailure ignored;
    return ask_with(run, request, &mirror->calls[i], &mirror->answers[i], &ignored);
}

/* NTLM asks nobody whether a password is right until it is shown to a server, so that anybody could log on
 * as anyone: it is shown to this authority, which knows accounts or asks who does. 0, SEC_FAILED: it does
 * not take it for this principal's; -errno. */
static int prove_ntlm(Run *run, const AuthdIdentity *identity)
{
    const uint8_t service = RPC_C_AUTHN_WINNT, level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY;
    Mirror mirror = {0};
    const AuthorityAnswer *answers = mirror.answers;
    if (!authority_accepts(run->house->authority, service)) return SEC_FAILED;
    int result = mirror_ask(run, &mirror, 0,
                            &(AuthorityRequest){.operation = AUTHORITY_INITIATE,
                                                .service = service,
                                                .credential = identity->credential,
                                                .target = "host/localhost",
                                                .authn_level = level,
                                                .impersonation = RPC_C_IMP_LEVEL_IDENTIFY});
    if (result == 0)
        result = mirror_ask(run, &mirror, 1,
                            &(AuthorityRequest){.operation = AUTHORITY_ACCEPT,
                                                .service = service,
                                                .authn_level = level,
                                                .token = answers[0].token});
    if (result == 0)
        result = mirror_ask(run, &mirror, 2,
                            &(AuthorityRequest){.operation = AUTHORITY_INITIATE_FINISH,
                                                .conversation = answers[0].conversation,
                                                .token = answers[1].token});
    if (result == 0)
        result = mirror_ask(run, &mirror, 3,
                            &(AuthorityRequest){.operation = AUTHORITY_ACCEPT_FINISH,
                                                .conversation = answers[1].conversation,
                                                .token = answers[2].token});
    if (result == 0 && (!answers[3].principal || strcmp(answers[3].principal, identity->principal) != 0))
        result = SEC_FAILED;
    mirror_deinit(run, &mirror);
    return result == SEC_RESTART ? SEC_FAILED : result;
}

/* A KDC was asked for what shows Kerberos, or the machine's own keytab has its key. 0, -errno. */
static int prove(Run *run, AuthdIdentity *identity)
{
    int result = identity->shows & AUTHORITY_SHOWS_KERBEROS ? 0 : prove_ntlm(run, identity);
    identity->proved = result == 0;
    return settled(result);
}

static int answer_logon(Run *run)
{
    AuthorityAnswer answer;
    AuthorityRequest request = run->request;
    int result = logon_prepare(run, &request);
    if (result == 0) result = ask(run, &request, &answer);
    if (result != 0) return settled(result);
    _cleanup_(authd_identity_unrefp) AuthdIdentity *identity = NULL;
    answer.service = answer.shows & AUTHORITY_SHOWS_KERBEROS ? RPC_C_AUTHN_GSS_KERBEROS : RPC_C_AUTHN_WINNT;
    result = authd_identity_new(run->house->authority, &answer, &identity);
    if (result == 0) result = sid_from_principal(identity->principal, &identity->user);
    if (result == 0) result = prove(run, identity);
    if (result != 0) return result;
    identity->owner = run->asker->peer.uid;
    TokenView view = {.identity = identity, .level = TOKEN_LEVEL_DELEGATION, .holder = identity->owner};
    return reply_token(run, &answer, &view);
}

static int answer_transition(Run *run)
{
    AuthorityAnswer answer;
    int result = ask(run, &run->request, &answer);
    if (result != 0) return settled(result);
    _cleanup_(authd_identity_unrefp) AuthdIdentity *identity = NULL;
    answer.origin = AUTHORITY_FROM_NETWORK;
    result = authd_identity_new(run->house->authority, &answer, &identity);
    if (result == 0) result = reply_caller(run, &answer, identity);
    authority_answer_deinit(&answer);
    return result;
}

/* Whether the token can be shown to another machine, as it is asked for. 0, SEC_FAILED: refused; -errno. */
static int initiate_check(Run *run)
{
    const TokenView *view = &run->view;
    char who[SEC_QUOTE_SIZE];
    TokenLevel level = worth_of_view(run);
    bool network = view->identity->origin & AUTHORITY_FROM_NETWORK;
    int result;
    sec_quote(view->identity->principal, who);
    if (level < TOKEN_LEVEL_IMPERSONATION)
        result = refuse(run, ERROR_BAD_IMPERSONATION_LEVEL,
                        "%s's token is worth IDENTIFY to account %u: it may not be shown to another machine",
                        who, (unsigned)run->asker->peer.uid);
    else if (!view->identity->shows ||
             (view->identity->origin & AUTHORITY_DELEGATED && level < TOKEN_LEVEL_DELEGATION))
        result = refuse(run, (uint32_t)SEC_E_NO_CREDENTIALS,
                        "%s's token has nothing to show to another machine", who);
    else if (view->handed && !network && level < TOKEN_LEVEL_DELEGATION &&
             run->request.impersonation >= RPC_C_IMP_LEVEL_DELEGATE) /* LVL-5 */
        result = refuse(run, RPC_S_SEC_PKG_ERROR,
                        "%s let this process act as it at IMPERSONATE: it may go to one other machine, but "
                        "not be delegated there; ask it to call at DELEGATE",
                        who);
    else
        return 0;
    return result ? result : SEC_FAILED;
}

/* The conversation is this session's from now on. */
static int keep_conversation(Run *run, uint64_t id, uint8_t service, const AuthorityAnswer *answer)
{
    int result = session_put_conversation(run->asker->session, id, service);
    return result ? result : reply_with(run, answer);
}

static int answer_initiate(Run *run)
{
    AuthorityAnswer answer;
    AuthorityRequest request = run->request;
    int result = initiate_check(run);
    request.credential = run->view.identity->credential;
    if (result == 0) result = ask(run, &request, &answer);
    return result ? settled(result) : keep_conversation(run, answer.conversation, request.service, &answer);
}

static int answer_accept(Run *run)
{
    AuthorityAnswer answer;
    int result = ask(run, &run->request, &answer);
    return result ? settled(result)
                  : keep_conversation(run, answer.conversation, run->request.service, &answer);
}

static int refuse_conversation(Run *run)
{
    return refuse(run, (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED,
                  "there is no such half-open authentication of this process: it took too long and was given "
                  "up in favour of newer ones, or never began");
}

static int answer_initiate_finish(Run *run)
{
    AuthorityAnswer answer;
    uint8_t service;
    uint64_t id = run->request.conversation;
    if (!session_take_conversation(run->asker->session, id, &service)) return refuse_conversation(run);
    int result = ask(run, &run->request, &answer);
    if (result == SEC_RESTART) return keep_conversation(run, id, service, &answer);
    return result ? settled(result) : reply_with(run, &answer);
}

static int answer_accept_finish(Run *run)
{
    AuthorityAnswer answer;
    uint8_t service;
    if (!session_take_conversation(run->asker->session, run->request.conversation, &service))
        return refuse_conversation(run);
    int result = ask(run, &run->request, &answer);
    if (result != 0) return settled(result);
    _cleanup_(authd_identity_unrefp) AuthdIdentity *identity = NULL;
    answer.service = service;
    answer.origin = AUTHORITY_FROM_NETWORK;
    if (answer.shows && answer.level == TOKEN_LEVEL_DELEGATION) answer.origin |= AUTHORITY_DELEGATED;
    result = authd_identity_new(run->house->authority, &answer, &identity);
    if (result == 0) result = reply_caller(run, &answer, identity);
    authority_answer_deinit(&answer);
    return result;
}

static int answer_abandon(Run *run)
{
    uint8_t service;
    AuthorityAnswer answer;
    if (!session_take_conversation(run->asker->session, run->request.conversation, &service))
        return refuse_conversation(run);
    int result = ask(run, &run->request, &answer);
    return result ? settled(result) : reply_with(run, &answer);
}

/* What is known of an identity, as an answer. */
static AuthorityAnswer describe(AuthorityOperation operation, const AuthdIdentity *identity, TokenLevel level)
{
    return (AuthorityAnswer){.operation = operation,
                             .shows = identity->shows,
                             .service = identity->service,
                             .origin = identity->origin,
                             .principal = identity->principal,
                             .expires = identity->expires,
                             .level = (uint8_t)level,
                             .account_flags = identity->account_flags,
                             .user = identity->user,
                             .groups = identity->groups,
                             .group_count = identity->group_count};
}

/* Whoever gets it would take it for who it says. 0, SEC_FAILED: refused; -errno. */
static int refuse_unproved(Run *run)
{
    const AuthdIdentity *identity = run->view.identity;
    char who[SEC_QUOTE_SIZE];
    if (identity->proved) return 0;
    int result = refuse(run, (uint32_t)SEC_E_LOGON_DENIED,
                        "nothing proved that this is %s: NTLM does not check a password before it is shown, "
                        "and the authority's own accounts (ntlm_users, ntlm_winbind) do not take it; use "
                        "Kerberos",
                        sec_quote(identity->principal, who));
    return result ? result : SEC_FAILED;
}

static int answer_open_token(Run *run)
{
    int result = refuse_unproved(run);
    if (result != 0) return settled(result);
    const AuthorityRequest *request = &run->request;
    TokenView view = run->view;
    TokenLevel level = worth_of_view(run);
    bool hands = request->hands;
    if (request->level < level) level = (TokenLevel)request->level;
    if (level == TOKEN_LEVEL_ANONYMOUS)
        return refuse(run, ERROR_INVALID_PARAMETER, "nobody is no token that is handed on");
    if (hands && level < request->level)
        return refuse(run, ERROR_BAD_IMPERSONATION_LEVEL,
                      "the token is not worth to account %u what it wants to hand on",
                      (unsigned)run->asker->peer.uid);
    AuthorityAnswer answer = describe(AUTHORITY_OPEN_TOKEN, view.identity, level);
    /* A forwarded ticket is worth DELEGATE, whoever has the token (sec/token.h). */
    if (level < TOKEN_LEVEL_IMPERSONATION ||
        (answer.origin & AUTHORITY_DELEGATED && level < TOKEN_LEVEL_DELEGATION))
        answer.shows = 0;
    view.level = level;
    view.handed |= hands;
    view.acts &= !hands;
    view.holder = !hands                                    ? run->asker->peer.uid
                  : request->recipient == AUTHORITY_ANYBODY ? AUTHD_NOBODY
                                                            : request->recipient;
    return hands || level >= TOKEN_LEVEL_IMPERSONATION ? reply_token(run, &answer, &view)
                                                       : reply_with(run, &answer);
}

/* Names of local accounts have neither '@' nor '\': principals of Kerberos and NTLM never meet them. */
static void account_name(uid_t uid, char name[AUTHORITY_TEXT_MAX])
{
    char buffer[PASSWD_SIZE];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found && *found->pw_name &&
        !strpbrk(found->pw_name, "@\\") && strlen(found->pw_name) < AUTHORITY_TEXT_MAX)
        (void)snprintf(name, AUTHORITY_TEXT_MAX, "%s", found->pw_name);
    else
        (void)snprintf(name, AUTHORITY_TEXT_MAX, "uid %u", (unsigned)uid);
}

static int answer_account(Run *run)
{
    char name[AUTHORITY_TEXT_MAX];
    const PolicyPeer *peer = &run->asker->peer;
    const size_t further = peer->group_count;
    if (further >= TOKEN_GROUPS_MAX) /* of one that is left out a denial would not hold */
        return refuse(run, ERROR_ACCESS_DENIED,
                      "account %u is in %zu groups; the authority makes identities with up to %u",
                      (unsigned)peer->uid, further + 1, (unsigned)TOKEN_GROUPS_MAX);
    _cleanup_(freep) Sid *groups = calloc(1 + further, sizeof(Sid));
    _cleanup_(authd_identity_unrefp) AuthdIdentity *identity = NULL;
    if (!groups) return -ENOMEM;
    groups[0] = sid_from_gid(peer->gid);
    for (size_t i = 0; i < further; i++)
        groups[1 + i] = sid_from_gid(peer->groups[i]);
    account_name(peer->uid, name);
    AuthorityAnswer answer = {.operation = AUTHORITY_ACCOUNT,
                              .principal = name,
                              .expires = INT64_MAX,
                              .level = TOKEN_LEVEL_DELEGATION,
                              .user = sid_from_uid(peer->uid),
                              .groups = groups,
                              .group_count = 1 + further};
    int result = authd_identity_new(run->house->authority, &answer, &identity);
    if (result != 0) return result;
    identity->owner = peer->uid;
    identity->proved = true; /* by the kernel */
    TokenView view = {.identity = identity, .level = TOKEN_LEVEL_DELEGATION, .holder = peer->uid};
    return reply_token(run, &answer, &view);
}

/* Who activates, as the rules of launches see him: who he is and what he is worth, with nothing to show. */
static int caller_token(const TokenView *view, Token **ret_token)
{
    const AuthdIdentity *identity = view->identity;
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = view->level,
                      .principal = identity->principal,
                      .user = identity->user,
                      .groups = identity->groups,
                      .group_count = identity->group_count,
                      .from_network = identity->origin & AUTHORITY_FROM_NETWORK,
                      .account_flags = identity->account_flags,
                      .service = identity->service,
                      .expires = identity->expires};
    return token_new(&spec, ret_token);
}

/* A descriptor for a process that is to act as who activates: of that account's, and worth what it is here.
 * 0, SEC_FAILED: refused; -errno. */
static int caller_descriptor(Run *run, uid_t account, int *ret_fd)
{
    TokenView view = run->view;
    view.handed = view.acts = true;
    view.holder = account;
    int result = token_table_add(run->house->tokens, run->asker->account, &view, ret_fd);
    if (result != TOKEN_LIMIT) return result;
    result = refuse(run, (uint32_t)SEC_E_INSUFFICIENT_MEMORY, "the authority has no room for one more token");
    return result ? result : SEC_FAILED;
}

/* Waits on this thread: PAM and whoever knows accounts are asked. */
static int launch_blocking(Run *run, LaunchOrder *order, Launched *launched)
{
    SecFailure *failure = &run->reply->refusal;
    int result, fd = -1;
    if (io_pool_block_begin(false) != 0) {
        sec_failure_set(failure, (uint32_t)SEC_E_INSUFFICIENT_MEMORY,
                        "the authority has too much to do; try again");
        return LAUNCH_FAILED;
    }
    bool start = order->start;
    order->start = false;
    result = launch(run->house->launches, order, launched, failure);
    if (result == 0 && start && order->caller) result = caller_descriptor(run, launched->uid, &fd);
    order->start = start;
    order->identity = fd;
    if (result == 0 && start) result = launch(run->house->launches, order, launched, failure);
    if (fd >= 0) close(fd);
    io_pool_block_end();
    return result;
}

static int answer_launch(Run *run)
{
    _cleanup_(token_unrefp) Token *caller = NULL;
    Launched launched = {.pidfd = -1};
    LaunchOrder order = {.identity = -1, .start = run->request.start};
    AuthorityAnswer answer = {.operation = run->request.operation};
    if (!run->house->launches)
        return refuse(run, (uint32_t)REGDB_E_CLASSNOTREG, "this authority starts no programs");
    memcpy(&order.clsid, run->request.token.data, sizeof(order.clsid));
    int result = run->view.identity ? refuse_unproved(run) : 0;
    if (result == 0 && run->view.identity) result = caller_token(&run->view, &caller);
    order.caller = caller;
    if (result == 0) result = launch_blocking(run, &order, &launched);
    if (result == LAUNCH_FAILED) return run->reply->data ? 0 : reply_refusal(run, (AuthorityBytes){0});
    if (result != 0) return settled(result);
    answer.account = launched.uid;
    answer.process = (uint32_t)launched.pid;
    answer.credential = launched.pidfd >= 0;
    run->reply->fd = launched.pidfd;
    return reply_with(run, &answer);
}

/* The table. RELEASE is not in it: a token is given up by closing its descriptor. */
static const Row rows[AUTHORITY_OPERATION_END] = {
    [AUTHORITY_HELLO] = {"hello", FROM_ANYBODY, WHEN_FIRST, false, 64, answer_hello},
    [AUTHORITY_LOGON] = {"logon", FROM_ANYBODY, WHEN_GREETED, false, 16, answer_logon},
    [AUTHORITY_ACCOUNT] = {"account", FROM_ANYBODY, WHEN_GREETED, false, 64, answer_account},
    [AUTHORITY_TRANSITION] = {"transition", FROM_MACHINE, WHEN_GREETED, false, 16, answer_transition,
                              "make identities for users who proved nothing"},
    [AUTHORITY_INITIATE] = {"initiate", FROM_ANYBODY, WHEN_GREETED, true, 64, answer_initiate},
    [AUTHORITY_INITIATE_FINISH] = {"initiate finish", FROM_ANYBODY, WHEN_GREETED, false, 64,
                                   answer_initiate_finish},
    [AUTHORITY_ACCEPT] = {"accept", FROM_ANYBODY, WHEN_GREETED, false, 64, answer_accept},
    [AUTHORITY_ACCEPT_FINISH] = {"accept finish", FROM_ANYBODY, WHEN_GREETED, false, 64,
                                 answer_accept_finish},
    [AUTHORITY_ABANDON] = {"abandon", FROM_ANYBODY, WHEN_GREETED, false, 64, answer_abandon},
    [AUTHORITY_OPEN_TOKEN] = {"open token", FROM_ANYBODY, WHEN_GREETED, true, 64, answer_open_token},
    [AUTHORITY_LAUNCH] = {"launch", FROM_MACHINE, WHEN_GREETED, false, 16, answer_launch, "start servers"},
    [AUTHORITY_LAUNCH_AS] = {"launch as", FROM_MACHINE, WHEN_GREETED, true, 16, answer_launch,
                             "start servers"},
};

unsigned request_at_once(AuthorityOperation operation)
{
    return rows[operation].at_once;
}

/* The descriptor that came with it. 0, SEC_FAILED: refused; -errno. */
static int check_descriptor(Run *run, int fd)
{
    int result;
    if (run->row->descriptor != (fd >= 0)) {
        result = refuse_last(run, fd >= 0 ? "a descriptor was passed with a request that takes none"
                                          : "the request names a token by its descriptor, and has none");
    } else if (fd < 0) {
        return 0;
    } else if (token_table_find(run->house->tokens, fd, &run->view) != 0) {
        result = refuse(run, (uint32_t)SEC_E_INVALID_TOKEN,
                        "forged or stale descriptor: it is no token of this authority, or of one that ended "
                        "since; log on or have it passed again");
    } else if (run->view.holder != AUTHD_NOBODY && run->view.holder != run->asker->peer.uid) {
        result = refuse(run, (uint32_t)SEC_E_INVALID_TOKEN,
                        "the token was given to account %u, and is nothing in the hands of account %u",
                        (unsigned)run->view.holder, (unsigned)run->asker->peer.uid);
    } else {
        return 0;
    }
    return result ? result : SEC_FAILED;
}

/* What the row demands. As above. */
static int check_row(Run *run, int fd)
{
    const Row *row = run->row;
    int result;
    if (run->request.credential != 0)
        result = refuse_last(run, "credentials have no numbers here");
    else if (row->when == WHEN_FIRST && run->asker->session)
        result = refuse_last(run, "hello was said already");
    else if (row->when == WHEN_GREETED && !run->asker->session)
        result = refuse_last(run, "hello comes first on a connection");
    else if (row->from == FROM_MACHINE && !run->asker->machine)
        result = refuse_machine(run, row->what);
    else
        return check_descriptor(run, fd);
    return result ? result : SEC_FAILED;
}

static int run_row(Run *run, int fd)
{
    Quota *at_once = &run->asker->account->at_once[run->request.operation];
    int result = check_row(run, fd);
    if (result != 0) return settled(result);
    if (!quota_charge(at_once, 1))
        return refuse(run, (uint32_t)SEC_E_INSUFFICIENT_MEMORY,
                      "account %u has %u requests of this kind (%s) at once, which is the most it may",
                      (unsigned)run->asker->peer.uid, run->row->at_once, run->row->name);
    result = run->row->answer(run);
    quota_release(at_once, 1);
    return result;
}

int request_answer(const RequestHouse *house, Asker *asker, const uint8_t *bytes, size_t length,
                   uint32_t patience, int fd, RequestReply *ret_reply)
{
    RequestReply reply = {.fd = -1, .operation = "?"};
    Run run = {.house = house, .asker = asker, .reply = &reply};
    int result = 0;
    run.deadline = patience == UINT32_MAX ? TIME_NEVER : time_after(patience * NS_PER_MS);
    if (authority_request_read(bytes, length, &run.request) != 0) {
        run.request.operation = AUTHORITY_HELLO; /* an answer has to name one */
        result = refuse_last(&run, "it is no request of the authority's");
    } else {
        run.row = &rows[run.request.operation];
        if (run.row->name) reply.operation = run.row->name;
        result = run.row->answer ? run_row(&run, fd)
                                 : refuse_last(&run, "there is no such request between processes");
    }
    authority_call_free(run.call);
    authd_identity_unref(run.view.identity);
    if (result == 0)
        *ret_reply = reply;
    else
        request_reply_deinit(&reply);
    return result;
}

void request_reply_deinit(RequestReply *reply)
{
    if (reply->data) explicit_bzero(reply->data, reply->capacity);
    free(reply->data);
    if (reply->fd >= 0) close(reply->fd);
    *reply = (RequestReply){.fd = -1};
}
