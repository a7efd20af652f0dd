/* SPDX-License-Identifier: Apache-2.0 */
/* Security descriptors as text, [MS-DTYP] 2.5.1: "O:SYG:SYD:(A;;CCLC;;;AU)". */
#pragma once
#include "sec/descriptor.h"
#include "sec/failure.h"

#define SDDL_LENGTH_MAX (256u * 1024)

/* Where SDDL has a SID or its abbreviation, `SDDL_NAMES` also takes what sec/name.h takes; abbreviations are
 * then upper case only, so that nothing is both an abbreviation and a local account that somebody means. */
typedef enum SddlFlags { SDDL_STRICT = 0, SDDL_NAMES = 1 } SddlFlags;

/* 0; SEC_FAILED: the sentence says what is wrong, where; -ENOMEM, -EIO. Abbreviations relative to a domain
 * (DA, DU,
 * ...) are refused: there is no domain that they could be of. So are entries that sec/acl.h does not know. */
int sddl_parse(const char *text, SddlFlags flags, SecurityDescriptor **ret_descriptor,
               SecFailure *ret_failure) must_use;
typedef struct SddlParts {
    bool owner, group, dacl, sacl;
} SddlParts;
/* free(). What sddl_parse() reads as an equal descriptor. 0, -ENOMEM, -E2BIG. */
int sddl_format(const SecurityDescriptor *descriptor, SddlParts parts, char **ret_text) must_use;
/* One SID or abbreviation, the whole text. 0, -EINVAL. */
int sddl_sid_parse(const char *text, Sid *ret_sid) must_use;
