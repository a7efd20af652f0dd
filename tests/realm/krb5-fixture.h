/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of Kerberos share: authorities for the lab's hosts, logons for its users, and conversations.
 */
#pragma once
#include <rpcdce.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "sec/acceptor.h"
#include "sec/authority.h"
#include "sec/credential.h"
#include "sec/initiator.h"

#define LAB_DOMAIN_SID "S-1-5-21-1296126536-1279345236-1414091604"
#define HOST_A         "host/a.lab.test"
#define HOST_B         "host/b.lab.test" /* not trusted for delegation */
#define HOST_C         "host/c.lab.test"

#define ANONYMOUS   RPC_C_IMP_LEVEL_ANONYMOUS
#define IDENTIFY    RPC_C_IMP_LEVEL_IDENTIFY
#define IMPERSONATE RPC_C_IMP_LEVEL_IMPERSONATE
#define DELEGATE    RPC_C_IMP_LEVEL_DELEGATE

typedef struct Realm {
    const char *folder;
    Authority *user;                   /* of client programs: no keytab */
    Authority *a, *b, *c;              /* of the hosts */
    Token *alice, *bob, *sam, *host_a; /* sam is sensitive; host_a logs on with a's keytab */
} Realm;
extern Realm realm;

int realm_setup(void **state);
int realm_teardown(void **state);
/* A path in the lab's folder; freed by the caller. */
char *realm_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Runs kadmin.local against the lab's KDC. */
void realm_admin(const char *command);
Authority *realm_authority(const char *krb5_config, const char *keytab, uint64_t kdc_timeout);
/* Lines of the KDC's log that have `word` in them. */
int realm_kdc_lines(const char *word);
/* The result of a logon: 0 and the token, or SEC_FAILED and why. */
int realm_log_on(Authority *authority, const LogonSpec *spec, Token **ret_token, SecFailure *ret_failure);
/* The token, or NULL with the reason printed. */
Token *realm_logon(Authority *authority, LogonSource source, const char *path, const char *principal,
                   const char *password);

/* Two ends of one conversation, and what came of it. */
typedef struct Conversation {
    SecInitiator *initiator;
    SecAcceptor *acceptor;
    SecContext *client, *server;
    Token *token; /* of the caller, at the acceptor */
    uint8_t *leg1, *leg2, *leg3;
    size_t leg1_length, leg2_length, leg3_length;
    unsigned tokens;    /* of negotiate(): that went over the wire */
    SecFailure failure; /* of whichever end refused */
} Conversation;

void conversation_deinit(Conversation *talk);
static inline void conversation_deinitp(Conversation *talk)
{
    conversation_deinit(talk);
}
/* All legs at packet privacy. 0, or the result of the end that failed. */
int converse(Conversation *talk, Token *token, const char *target, uint8_t impersonation,
             Authority *acceptor);
/* Up to leg 1, in talk->leg1. */
int converse_leg1(Conversation *talk, Token *token, const char *target, uint8_t impersonation);
int converse_leg1_by(Conversation *talk, Token *token, const char *target, uint8_t service,
                     uint8_t impersonation);
/* What somebody on the way does to the token of this number, 1 for the first; it may be freed and replaced.
 */
typedef void ConversationTamper(unsigned number, uint8_t **token, size_t *length);
/* As converse, inside Negotiate. */
int negotiate(Conversation *talk, Token *token, const char *target, uint8_t impersonation,
              Authority *acceptor, ConversationTamper *tamper);
/* Gives one leg to an acceptor: its result; the output, if any, is copied. */
int acceptor_feed(SecAcceptor *acceptor, const uint8_t *leg, size_t length, uint8_t **ret_output,
                  size_t *ret_length);
int initiator_feed(SecInitiator *initiator, const uint8_t *leg, size_t length, uint8_t **ret_output,
                   size_t *ret_length);
bool sealed_both_ways(Conversation *talk);
int drive_initiator(SecInitiator *initiator);
int drive_acceptor(SecAcceptor *acceptor);
