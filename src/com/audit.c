/* SPDX-License-Identifier: Apache-2.0 */
#include "com/audit.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "io/audit.h"

#define PAIR_SIZE 512u

struct AuditNote {
    pthread_mutex_t lock;
    bool impersonated;
    size_t count;     /* of `pairs` */
    unsigned further; /* those that had no room */
    char pairs[AUDIT_CLOAKED_MAX][PAIR_SIZE];
};

/* Made by the first that notes something. NULL short of memory: the call matters more. */
static AuditNote *note_of(AuditNotes *notes)
{
    AuditNote *note = notes->first, *made;
    if (note || !audit_is_on()) return note;
    made = calloc(1, sizeof(*made));
    if (!made) return NULL;
    pthread_mutex_init(&made->lock, NULL);
    if (atomic_compare_exchange_strong(&notes->first, &note, made)) return made;
    pthread_mutex_destroy(&made->lock);
    free(made);
    return note;
}

void audit_impersonated(AuditNotes *notes)
{
    AuditNote *note = note_of(notes);
    if (!note) return;
    pthread_mutex_lock(&note->lock);
    note->impersonated = true;
    pthread_mutex_unlock(&note->lock);
}

void audit_cloaked(AuditNotes *notes, const char *who, const char *to)
{
    char pair[PAIR_SIZE];
    size_t i = 0;
    AuditNote *note = note_of(notes);
    if (!note) return;
    (void)snprintf(pair, sizeof(pair), "%s to %s", who, to); /* cut is good enough */
    pthread_mutex_lock(&note->lock);
    while (i < note->count && strcmp(note->pairs[i], pair) != 0)
        i++;
    if (i == AUDIT_CLOAKED_MAX)
        note->further++;
    else if (i == note->count)
        strcpy(note->pairs[note->count++], pair);
    pthread_mutex_unlock(&note->lock);
}

static const char *name_of(const char *const *names, size_t count, size_t value)
{
    return value < count ? names[value] : "?";
}

static void write_record(const AuditNote *note, const Guid *causality, Token *caller, uint32_t authn_level,
                         const RpcCall *rpc, HRESULT result)
{
    static const char *const authn[] = {"default", "none",      "connect", "call",
                                        "packet",  "integrity", "privacy"};
    static const char *const levels[] = {"anonymous", "identify", "impersonate", "delegate"};
    char message[2 * PAIR_SIZE], chain[GUID_STRING_SIZE],
        iid[GUID_STRING_SIZE] = "", method[8] = "", code[12], further[12], from[IO_ADDRESS_STRING_SIZE] = "";
    const char *who = caller ? token_principal(caller) : "nobody";
    AuditField fields[AUDIT_FIELDS_MAX] = {
        {"MANTLE_EVENT", "call"}, {"MANTLE_CAUSALITY", chain}, {"MANTLE_CALLER", who}};
    size_t count = 3;
    guid_format(causality, chain);
    (void)snprintf(code, sizeof(code), "0x%08X", (unsigned)result);
    (void)snprintf(further, sizeof(further), "%u", note->further);
    if (rpc) {
        guid_format(&rpc->iid, iid);
        (void)snprintf(method, sizeof(method), "%u", rpc->opnum);
        if (rpc->remote) io_address_format(rpc->remote, from);
    }
    fields[count++] = (AuditField){"MANTLE_FROM", *from ? from : NULL};
    fields[count++] = (AuditField){"MANTLE_AUTHN_LEVEL", name_of(authn, ARRAY_SIZE(authn), authn_level)};
    if (caller) {
        fields[count++] = (AuditField){"MANTLE_IMPERSONATION_LEVEL",
                                       name_of(levels, ARRAY_SIZE(levels), token_level(caller))};
        fields[count++] = (AuditField){"MANTLE_DELEGATED", token_is_delegated(caller) ? "yes" : "no"};
    }
    fields[count++] = (AuditField){"MANTLE_IMPERSONATED", note->impersonated ? "yes" : "no"};
    for (size_t i = 0; i < note->count; i++)
        fields[count++] = (AuditField){"MANTLE_CLOAKED", note->pairs[i]};
    fields[count++] = (AuditField){"MANTLE_CLOAKED_FURTHER", note->further ? further : NULL};
    fields[count++] = (AuditField){"MANTLE_INTERFACE", *iid ? iid : NULL};
    fields[count++] = (AuditField){"MANTLE_METHOD", *method ? method : NULL};
    fields[count++] = (AuditField){"MANTLE_RESULT", code};
    (void)snprintf(message, sizeof(message), "call of %s: %s%s%s: %s", who,
                   note->impersonated ? "impersonated" : "not impersonated",
                   note->count ? ", cloaked as " : "", note->count ? note->pairs[0] : "", code);
    audit_write(LOG_INFO, message, fields, count);
}

void audit_end(AuditNotes *notes, const Guid *causality, Token *caller, uint32_t authn_level,
               const RpcCall *rpc, HRESULT result)
{
    AuditNote *note = notes->first;
    if (!note) return;
    pthread_mutex_lock(&note->lock); /* another thread may still have the context */
    write_record(note, causality, caller, authn_level, rpc, result);
    pthread_mutex_unlock(&note->lock);
}

void audit_drop(AuditNotes *notes)
{
    AuditNote *note = notes->first;
    if (!note) return;
    pthread_mutex_destroy(&note->lock);
    free(note);
}
