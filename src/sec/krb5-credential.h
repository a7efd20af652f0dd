/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A credential as the authority holds it: where a principal's tickets come from, and the tickets themselves.
 * Shared by all conversations of its principal; everything in it is behind one lock that is never held while
 * waiting.
 *
 * It is always of one principal. A ticket cache that changes its principal makes the credential unusable,
 * never another one's.
 */
#pragma once
#include "base/cleanup.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "io/wait.h"
#include "sec/failure.h"
#include "sec/krb5-config.h"

/* Service tickets kept per credential. */
#define CREDENTIAL_TICKETS_MAX 2048u

typedef enum CredentialSource {
    CREDENTIAL_CCACHE = 0,
    CREDENTIAL_KEYTAB = 1,
    CREDENTIAL_PASSWORD = 2,
    CREDENTIAL_DELEGATED = 3, /* a forwarded TGT received from a client: until it ends, never refreshed */
    CREDENTIAL_EVIDENCE = 4,  /* the ticket a client came with: tickets in its name where the KDC lets this
                                 machine's account act for it */
} CredentialSource;

typedef struct KerberosCredential KerberosCredential;

typedef struct KerberosCredentialSpec {
    CredentialSource source;
    const char *path;      /* ccache name or keytab path; NULL with a password */
    const char *principal; /* NULL: the cache's, or the first of the keytab */
    const char *password;
    bool forwardable;
} KerberosCredentialSpec;

/* Reads the cache or the keytab, asks no KDC. 0, -ENOMEM, -EINVAL, SEC_FAILED. Reference counted. */
int kerberos_credential_new(KerberosConfig *config, const KerberosCredentialSpec *spec,
                            KerberosCredential **ret_credential, SecFailure *failure) must_use;
KerberosCredential *kerberos_credential_ref(KerberosCredential *credential);
KerberosCredential *kerberos_credential_unref(KerberosCredential *credential);
DEFINE_CLEANUP(KerberosCredential, kerberos_credential_unref)
const char *kerberos_credential_principal(const KerberosCredential *credential);
/* When it ends for good, seconds since 1970: of a delegated one its TGT's end, of
 * evidence its own, else INT64_MAX (it is
 * renewed). */
int64_t kerberos_credential_expires(const KerberosCredential *credential);

/* Getting what a conversation needs: the ticket for a service and, to delegate, a forwarded TGT. */
typedef struct KerberosAcquire KerberosAcquire;

/* `target` NULL: only the credential's own initial ticket (a logon). The deadline is for everything that
 * waits. 0, -ENOMEM. */
int kerberos_acquire_new(KerberosCredential *credential, const char *target, bool delegate, uint64_t deadline,
                         KerberosAcquire **ret_acquire) must_use;
KerberosAcquire *kerberos_acquire_free(KerberosAcquire *acquire);
DEFINE_CLEANUP(KerberosAcquire, kerberos_acquire_free)
/* 0, SEC_WAIT, SEC_FAILED, -ENOMEM. */
int kerberos_acquire_step(KerberosAcquire *acquire, IoWait *ret_wait) must_use;
const SecFailure *kerberos_acquire_failure(const KerberosAcquire *acquire);
