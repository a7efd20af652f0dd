/* SPDX-License-Identifier: Apache-2.0 */
/* The words of SDDL, for reading and writing. */
#pragma once
#include "sec/acl.h"

#define SDDL_RIGHTS_TEXT 64 /* any mask, and a NUL */

/* The two letters of a SID, or NULL. */
const char *sddl_sid_letters(const Sid *sid);
typedef enum SddlLetters { SDDL_UNKNOWN, SDDL_KNOWN, SDDL_OF_DOMAIN } SddlLetters;
/* Whether two letters stand for a SID, and which. */
SddlLetters sddl_letters_sid(const char *letters, bool any_case, Sid *ret_sid);
/* Letters where they say it all, else one hexadecimal number. */
void sddl_rights_format(uint32_t mask, char text[SDDL_RIGHTS_TEXT]);
/* Letters, or a number as of C. `length` characters. */
bool sddl_rights_parse(const char *text, size_t length, uint32_t *ret_mask);
void sddl_flags_format(uint8_t flags, char text[SDDL_RIGHTS_TEXT]);
bool sddl_flags_parse(const char *text, size_t length, uint8_t *ret_flags);
/* "A"; NULL: none of those in sec/acl.h. */
const char *sddl_type_letters(uint8_t type);
typedef enum SddlType { SDDL_TYPE_UNKNOWN, SDDL_TYPE_KNOWN, SDDL_TYPE_REFUSED } SddlType;
SddlType sddl_type_parse(const char *text, size_t length, uint8_t *ret_type);
