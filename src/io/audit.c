/* SPDX-License-Identifier: Apache-2.0 */
/* Texts are escaped by ourselves, as the journal takes anything. */
#define SD_JOURNAL_SUPPRESS_LOCATION /* where it is called says nothing */
#include "io/audit.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include "io/log.h"

#define FIELD_SIZE 1024u
#define OWN_FIELDS 3u
#define MESSAGE_ID "8c2f0c6b6d3f4a5f9d0b7d1c3e5a2b64" /* of all records of Mantle's */

static atomic_bool off;

void audit_switch(bool on)
{
    off = !on;
}

bool audit_is_on(void)
{
    return !off;
}

static void put(struct iovec *piece, char text[FIELD_SIZE], const char *name, const char *value)
{
    int length = snprintf(text, FIELD_SIZE, "%s=", name);
    piece->iov_base = text;
    piece->iov_len = (size_t)length + log_escape(value, text + length, FIELD_SIZE - (size_t)length);
}

void audit_write(int priority, const char *message, const AuditField *fields, size_t count)
{
    char texts[AUDIT_FIELDS_MAX + OWN_FIELDS][FIELD_SIZE], number[12];
    struct iovec pieces[AUDIT_FIELDS_MAX + OWN_FIELDS];
    int used = 0;
    if (off) return;
    (void)snprintf(number, sizeof(number), "%d", priority);
    put(&pieces[0], texts[0], "MESSAGE", message);
    put(&pieces[1], texts[1], "MESSAGE_ID", MESSAGE_ID);
    put(&pieces[2], texts[2], "PRIORITY", number);
    used = OWN_FIELDS;
    for (size_t i = 0; i < count && i < AUDIT_FIELDS_MAX; i++) {
        if (!fields[i].value) continue;
        put(&pieces[used], texts[used], fields[i].name, fields[i].value);
        used++;
    }
    (void)sd_journal_sendv(pieces, used); /* there is nobody to tell that it cannot be told */
}
