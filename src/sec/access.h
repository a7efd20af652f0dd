/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what: AccessCheck, [MS-DTYP] 2.5.3.2, over a token.
 *
 * A caller is all its SIDs at once: the user and groups that its token says, the SID derived from its
 * principal (so that a principal can be named whether or not a PAC came with it), and the groups that follow
 * from how it came. There are no privileges and no integrity levels here.
 */
#pragma once
#include "sec/descriptor.h"

typedef struct Token Token;

/* Everybody whose token has one of these is a member of BUILTIN\Administrators; nobody else is, whatever the
 * token says: that group is this machine's. */
typedef struct AccessAdministrators {
    const Sid *sids;
    size_t count;
} AccessAdministrators;

typedef struct AccessSubject AccessSubject;
/* `token` NULL: nobody authenticated, as the anonymous token. `local`: the caller came over a transport of
 * this machine, which is Interactive and Local; else it is Network. Everyone and Authenticated Users are all
 * but the anonymous. `administrators` may be NULL. 0, -ENOMEM, -EIO. */
int access_subject_new(const Token *token, bool local, const AccessAdministrators *administrators,
                       AccessSubject **ret_subject) must_use;
AccessSubject *access_subject_free(AccessSubject *subject);
DEFINE_CLEANUP(AccessSubject, access_subject_free)
bool access_subject_has(const AccessSubject *subject, const Sid *sid);

/* What the generic rights mean for a kind of object. */
typedef struct AccessMapping {
    uint32_t read, write, execute, all;
} AccessMapping;

#define RIGHT_READ_CONTROL    0x00020000u
#define RIGHT_WRITE_DAC       0x00040000u
#define RIGHT_SYSTEM_SECURITY 0x01000000u
#define RIGHT_MAXIMUM_ALLOWED 0x02000000u
#define RIGHT_GENERIC_ALL     0x10000000u
#define RIGHT_GENERIC_EXECUTE 0x20000000u
#define RIGHT_GENERIC_WRITE   0x40000000u
#define RIGHT_GENERIC_READ    0x80000000u
#define RIGHT_GENERIC         0xF0000000u

uint32_t access_map_generic(uint32_t mask, const AccessMapping *mapping);
/* Whether all of `desired` is granted; with RIGHT_MAXIMUM_ALLOWED also everything else that is, at least
 * something. Desiring nothing is refused. *ret_granted (may be NULL): what was granted, 0 when refused. */
bool access_check(const SecurityDescriptor *descriptor, const AccessSubject *subject, uint32_t desired,
                  const AccessMapping *mapping, uint32_t *ret_granted);
