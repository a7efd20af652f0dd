/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit records: one structured entry of the journal for each thing that happened to an identity. `journalctl
 * MANTLE_EVENT=call` lists them, and every field is one to select by: docs/man/mantle-audit.7.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define AUDIT_FIELDS_MAX 32u

/* "MANTLE_CALLER=alice@LAB.TEST" is one. What is not valid UTF-8 or controls a terminal is escaped as \xNN:
 * values come from strangers. */
typedef struct AuditField {
    const char *name;  /* capital letters, digits, underscores */
    const char *value; /* NULL: the field is left out */
} AuditField;

/* On until it is switched off. Of the process. */
void audit_switch(bool on);
bool audit_is_on(void);
/* Writes one record; `message` is its sentence. Where there is no journal it is dropped; of more than
 * AUDIT_FIELDS_MAX fields the first. Any thread; may block while the journal is behind. */
void audit_write(int priority, const char *message, const AuditField *fields, size_t count);
