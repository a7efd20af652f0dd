/* SPDX-License-Identifier: Apache-2.0 */
/* Names of people and groups, as configuration and tools take them. */
#pragma once
#include "sec/failure.h"
#include "sec/sid.h"

/*
 * The SID that a name means: a SID ("S-1-..."), a principal ("user@REALM", or "DOMAIN\user" of NTLM), a local
 * group
 * ("%group", "%100") or a local account ("user"). A principal needs not exist; its SID is the one derived
 * from it, which every caller of that name has beside those of its token (sec/access.h). 0; SEC_FAILED:
 * *ret_failure says why there is none; -ENOMEM, -EIO.
 */
int name_resolve(const char *name, Sid *ret_sid, SecFailure *ret_failure) must_use;
/* All of a list that ends with NULL; free(). As above. */
int name_resolve_list(const char *const *names, Sid **ret_sids, size_t *ret_count,
                      SecFailure *ret_failure) must_use;
