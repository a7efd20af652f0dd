/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A credential: what can authenticate over the network, as a handle of the authority (reference counted; the
 * last reference releases it there). Logons make tokens that have one. Where a credential comes from is
 * always said explicitly; library defaults are never consulted (design decision 12).
 */
#pragma once
#include "base/cleanup.h"
#include "io/wait.h"
#include "sec/authority.h"
#include "sec/token.h"

typedef enum LogonSource {
    LOGON_CCACHE,   /* the principal of a ticket cache; renewed by whoever owns the file: read again when it
                       changes */
    LOGON_KEYTAB,   /* principal and keytab; the authority gets tickets, and again at 2/3 of their life */
    LOGON_PASSWORD, /* principal and password */
    LOGON_NT_HASH = 4, /* for NTLM only: `password` is its NT hash, as 32 hexadecimal digits */
    LOGON_UNPROVED =
        5, /* a principal alone: this machine vouches for the user (protocol transition), where the
          authority may. An impersonation token that goes where constrained delegation lets it;
          `path` is the principal of the service that asks, NULL: the acceptor keytab's first */
    LOGON_ACCOUNT = 6, /* this process's own local account, as the kernel tells it: nothing to show to
                          another machine, but a name among processes of this one. Of a remote authority */
} LogonSource;

typedef struct LogonSpec {
    LogonSource source;
    uint8_t service;       /* RPC_C_AUTHN_* that it is for; 0: RPC_C_AUTHN_GSS_KERBEROS */
    const char *path;      /* ccache name or keytab path; LOGON_KEYTAB of a remote authority: NULL, its own */
    const char *principal; /* NULL with LOGON_CCACHE: the cache's; with LOGON_KEYTAB: the keytab's first */
    const char *password;  /* UTF-8; copied into a secret and wiped */
    bool forwardable;      /* ask the KDC for it (default of every Windows logon) */
    uint64_t deadline;
} LogonSpec;

typedef struct Logon Logon;
/* A logon as a state machine. LOGON_CCACHE and LOGON_KEYTAB succeed without the KDC: the first use fetches
 * the ticket, so that a daemon starts while its KDC is down. */
int logon_new(Authority *authority, const LogonSpec *spec, Logon **ret_logon) must_use;
/* 0, SEC_WAIT, SEC_FAILED. */
int logon_step(Logon *logon, IoWait *ret_wait) must_use;
/* After 0: a primary token (LOGON_UNPROVED: an impersonation token), a new reference. */
Token *logon_take_token(Logon *logon);
const SecFailure *logon_failure(const Logon *logon);
Logon *logon_free(Logon *logon);
DEFINE_CLEANUP(Logon, logon_free)

SecCredential *sec_credential_ref(SecCredential *credential);
SecCredential *sec_credential_unref(SecCredential *credential);
DEFINE_CLEANUP(SecCredential, sec_credential_unref)
Authority *sec_credential_authority(const SecCredential *credential);
/* Whether it has something to show by this mechanism, RPC_C_AUTHN_*. */
bool sec_credential_shows(const SecCredential *credential, uint8_t service);
/* Why a logon for Negotiate left it with NTLM only: a sentence, borrowed. NULL: it has more, or was for NTLM.
 */
const char *sec_credential_why_ntlm(const SecCredential *credential);
/* The authority's name for it, as it stands in requests. */
uint64_t sec_credential_handle(const SecCredential *credential);
/* Of a remote authority: its descriptor, borrowed as long as the reference to the credential; whoever gets it
 * passed is given what it stands for (sec/handover.h). -1: it is a linked authority's. */
int sec_credential_fd(const SecCredential *credential);
