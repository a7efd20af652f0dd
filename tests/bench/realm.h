/* SPDX-License-Identifier: Apache-2.0 */
/* The lab that the bench runs in: its credentials, and what its KDC was asked. */
#pragma once
#include <stddef.h>
#include "sec/authority.h"
#include "sec/token.h"

#define REALM_PATH_MAX 512u
#define REALM_TARGET   "host/a.lab.test" /* the server of every conversation */

/* "<the lab's folder>/<name>". */
const char *realm_path(char path[REALM_PATH_MAX], const char *name);
/* keytab: below the folder; NULL: accepts nobody. */
Authority *realm_authority(const char *keytab);
/* Alice, by her ticket cache. */
/* mantle-authd of a host of the lab, by its socket there. */
Authority *realm_remote_authority(const char *socket);
Token *realm_alice(Authority *authority);
/* A token of its own for the same person: what Mantle takes for another identity. */
Token *realm_another(const Token *token);
/* How many requests the KDC has written into its log so far. */
size_t realm_kdc_requests(void);
