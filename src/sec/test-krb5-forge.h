/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realm without a KDC for tests of the three legs: keys everybody knows, tickets made here, and a client
 * that says what it likes.
 */
#pragma once
#include "base/writer.h"
#include "sec/krb5-credential-private.h"
#include "sec/krb5-keytab.h"

#define FORGE_CLIENT  "alice@LAB.TEST"
#define FORGE_SERVICE "host/a.lab.test@LAB.TEST"
#define FORGE_TGS     "krbtgt/LAB.TEST@LAB.TEST"

typedef struct Forge {
    int profile; /* libkrb5 looks at the file again for every context */
    KerberosConfig *config;
    krb5_context context;
    KerberosKeytab *keytab;    /* of FORGE_SERVICE */
    krb5_keyblock service_key; /* long-term, AES256 */
    krb5_keyblock session_key; /* of every ticket */
    krb5_timestamp authtime;   /* likewise */
} Forge;

/* Aborts when it cannot: a test has nothing to do then. */
void forge_init(Forge *forge);
void forge_deinit(Forge *forge);

/* A ticket of FORGE_CLIENT for `server` with this authorization data in AD-IF-RELEVANT (NULL: none); freed by
 * krb5_free_creds. */
krb5_creds *forge_ticket(const Forge *forge, const char *server, const uint8_t *pac, size_t length);
/* A PAC with this LOGON_INFO, signed with the service's key; free() the bytes. */
uint8_t *forge_pac(const Forge *forge, const uint8_t *logon, size_t logon_length, size_t *ret_length);
/* A credential that holds a ticket for FORGE_SERVICE and a forwarded TGT, and needs no KDC. */
KerberosCredential *forge_credential(const Forge *forge);
KerberosAcquire *forge_acquire(KerberosCredential *credential);

/* The client's side by libkrb5 alone. */
typedef struct ForgeClient {
    const Forge *forge;
    krb5_creds *creds;
    krb5_auth_context auth;
    krb5_data leg1;
} ForgeClient;
/* Leg 1 with these AP options and this checksum of type 0x8003 in its authenticator. Takes over `creds`. */
void forge_client_init(ForgeClient *client, const Forge *forge, krb5_creds *creds, krb5_flags options,
                       const uint8_t *checksum, size_t length);
void forge_client_deinit(ForgeClient *client);
/* Leg 3 for leg 2; krb5_free_data_contents. */
krb5_data forge_client_answer(ForgeClient *client, const uint8_t *leg2, size_t length);

/* EncryptedData of `plain`. */
void forge_encrypt(const Forge *forge, const krb5_keyblock *key, krb5_keyusage usage, const uint8_t *plain,
                   size_t length, Writer *writer);
