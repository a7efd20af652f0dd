/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority's requests and answers as bytes. Both directions are hostile to the reader: the authority
 * reads what any local process sent, and a client reads what a socket gave it.
 *
 * A message is u32 operation, then (answers) u32 status, then fields in the order of the structures below:
 * integers little-endian, byte strings as u32 length and bytes, texts as byte strings with their NUL counted
 * in (length 0: NULL). Nothing may follow.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"
#include "sec/failure.h"
#include "sec/sid.h"

#define AUTHORITY_MESSAGE_MAX (1u << 20)
#define AUTHORITY_TEXT_MAX    4096u  /* paths, principals, targets, passwords; with the NUL */
#define AUTHORITY_TOKEN_MAX   65535u /* legs: auth_length is 16 bits wide */
#define AUTHORITY_KEY_MAX     64u

typedef enum AuthorityOperation {
    AUTHORITY_LOGON = 1,
    AUTHORITY_RELEASE = 2,
    AUTHORITY_INITIATE = 3,
    AUTHORITY_INITIATE_FINISH = 4,
    AUTHORITY_ACCEPT = 5,
    AUTHORITY_ACCEPT_FINISH = 6,
    AUTHORITY_ABANDON = 7,     /* forgets a half-open conversation */
    AUTHORITY_TRANSITION = 8,  /* an identity for a user who proved nothing */
    AUTHORITY_HELLO = 9,       /* first on every connection to an authority in another process */
    AUTHORITY_OPEN_TOKEN = 10, /* what a token's descriptor is worth to who asks, and one of his own */
    AUTHORITY_ACCOUNT = 11,    /* a token of the local account that asks, as the kernel tells it */
    AUTHORITY_LAUNCH = 12,     /* the server of a class that runs as an account of its own */
    AUTHORITY_LAUNCH_AS = 13,  /* the same where it may run as who activates it: his token goes with it */
    AUTHORITY_OPERATION_END,
} AuthorityOperation;

/* By which mechanisms a credential has something to show: a set. */
enum { AUTHORITY_SHOWS_KERBEROS = 1, AUTHORITY_SHOWS_NTLM = 2 };

/* What an authority in another process says to HELLO: a set. */
enum {
    AUTHORITY_ACCEPTS_KERBEROS = 1,
    AUTHORITY_ACCEPTS_NTLM = 2,
    AUTHORITY_NEGOTIATES_NTLM = 4,
    AUTHORITY_IS_MACHINE = 8, /* who asks may act as this machine */
};

/* Where the identity of a token came from: a set. */
enum {
    AUTHORITY_FROM_NETWORK = 1,
    AUTHORITY_DELEGATED = 2,
};

#define AUTHORITY_SESSION_SIZE 16u
#define AUTHORITY_CLSID_SIZE   16u
#define AUTHORITY_ANYBODY      UINT32_MAX

typedef enum AuthorityStatus {
    AUTHORITY_DONE = 0,
    AUTHORITY_REFUSED = 1, /* `failure`; for ACCEPT also an error token */
    AUTHORITY_RESTART = 2, /* INITIATE_FINISH: `token` is a new leg 1 */
    AUTHORITY_STATUS_END,
} AuthorityStatus;

typedef struct AuthorityBytes {
    const uint8_t *data;
    size_t length;
} AuthorityBytes;

/* One structure for all requests; which fields an operation has stands beside them. */
typedef struct AuthorityRequest {
    AuthorityOperation operation;
    uint8_t service;  /* INITIATE ACCEPT: RPC_C_AUTHN_* of a mechanism. LOGON: or Negotiate; 0: Kerberos */
    uint8_t source;   /* LOGON: LogonSource */
    bool forwardable; /* LOGON */
    const char *path; /* LOGON, may be NULL */
    const char *principal; /* LOGON, may be NULL. TRANSITION: the user */
    const char *password;  /* LOGON, may be NULL */
    uint64_t
        credential;     /* RELEASE INITIATE OPEN_TOKEN LAUNCH_AS: handle; 0 where a descriptor goes with it */
    uint8_t level;      /* OPEN_TOKEN: the answer's at most, TokenLevel */
    bool hands;         /* OPEN_TOKEN: it is for somebody else, not for who asks */
    uint32_t recipient; /* OPEN_TOKEN: the account that somebody else is; AUTHORITY_ANYBODY */
    const char *target; /* INITIATE. TRANSITION: this service's principal, may be NULL */
    uint8_t authn_level;   /* INITIATE ACCEPT */
    uint8_t impersonation; /* INITIATE */
    uint64_t conversation; /* INITIATE_FINISH ACCEPT_FINISH ABANDON: id */
    bool start;            /* LAUNCH: else only whose process it would be */
    AuthorityBytes token;  /* INITIATE_FINISH: leg 2. ACCEPT: leg 1. ACCEPT_FINISH: leg 3. HELLO: the
                              session, AUTHORITY_SESSION_SIZE random bytes. LAUNCH: the CLSID */
} AuthorityRequest;

typedef struct AuthorityAnswer {
    AuthorityOperation operation;
    AuthorityStatus status;
    uint32_t code;        /* REFUSED */
    const char *sentence; /* REFUSED. LOGON: why Negotiate has NTLM only; NULL: it has more, or was not asked
                             for */
    uint64_t credential; /* LOGON; ACCEPT_FINISH: of the delegated ticket, or of the one the caller came with;
                            TRANSITION: of the one got for the user; 0 without. From another process a
                            descriptor goes with it, and this is 1. LAUNCH: that of the process, where one
                            was started */
    uint32_t account, process; /* LAUNCH: uid; pid, 0 where none was started */
    uint8_t shows;             /* LOGON CALLER: AUTHORITY_SHOWS_* */
    uint32_t grants;           /* HELLO: AUTHORITY_ACCEPTS_* and so on */
    uint8_t service;           /* OPEN_TOKEN ACCOUNT: RPC_C_AUTHN_* of what proved it; 0: nothing did */
    uint8_t origin;            /* OPEN_TOKEN ACCOUNT: AUTHORITY_FROM_NETWORK and so on */
    const char *principal;     /* LOGON CALLER, being ACCEPT_FINISH TRANSITION OPEN_TOKEN ACCOUNT */
    const char *server;        /* ACCEPT_FINISH: ours, as the caller named it; NULL: it names none */
    int64_t expires;           /* LOGON CALLER: of the identity. INITIATE_FINISH: as session_expires */
    uint64_t conversation;     /* INITIATE ACCEPT */
    AuthorityBytes token;      /* INITIATE: leg 1. INITIATE_FINISH: leg 3. ACCEPT: leg 2, or an error token */
    int32_t enctype;           /* INITIATE_FINISH ACCEPT_FINISH: Kerberos */
    uint32_t context_flags;    /*  SecContextSpec.flags: NTLM */
    AuthorityBytes key;        /*   session key */
    uint64_t send_sequence, receive_sequence;
    int64_t session_expires;
    uint8_t level;          /* CALLER: TokenLevel */
    uint32_t account_flags; /* CALLER */
    Sid user;               /* CALLER */
    const Sid *groups;      /* CALLER; when read, in memory of the answer: authority_answer_deinit */
    size_t group_count;
    Sid *group_memory; /* owned */
} AuthorityAnswer;

void authority_request_write(Writer *writer, const AuthorityRequest *request);
/* Texts and bytes point into `data`. 0, -EBADMSG. */
int authority_request_read(const uint8_t *data, size_t length, AuthorityRequest *ret_request) must_use;
void authority_answer_write(Writer *writer, const AuthorityAnswer *answer);
/* 0, -EBADMSG, -ENOMEM. */
int authority_answer_read(const uint8_t *data, size_t length, AuthorityAnswer *ret_answer) must_use;
void authority_answer_deinit(AuthorityAnswer *answer);
/* An answer of this status that carries a failure, and a token for the peer where the operation has one. */
void authority_answer_refuse(AuthorityAnswer *answer, AuthorityOperation operation,
                             const SecFailure *failure);
