/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/access.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sec/token.h"

#define SIDS_EXTRA    8 /* user, principal, well-known groups */
#define NT_AUTHORITY  5
#define NT_DOMAINS    21 /* S-1-5-21-...: SIDs that a KDC hands out */
#define OWNERS_RIGHTS (RIGHT_READ_CONTROL | RIGHT_WRITE_DAC)

struct AccessSubject {
    size_t count;
    Sid sids[];
};

/* A token's group means something beyond the machine it comes from: groups of domains, of Unix (which only
 * this machine gives), and of authorities that no rule here is about. Everyone, Network, SYSTEM,
 * BUILTIN\Administrators and their like say what this machine knows by itself. */
static bool is_foreign(const Sid *sid)
{
    switch (sid->authority) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 16: /* integrity levels */
        return false;
    case NT_AUTHORITY:
        return sid->count > 1 && sid->subauthorities[0] == NT_DOMAINS;
    default:
        return true;
    }
}

static bool is_anonymous(const Token *token)
{
    return !token || token_level(token) == TOKEN_LEVEL_ANONYMOUS ||
           sid_equal(token_user(token), &SID_ANONYMOUS);
}

/* A process of root's on this machine is what SYSTEM is on Windows. */
static bool is_root(const Token *token)
{
    const Sid root = sid_from_uid(0);

    return !token_is_from_network(token) && sid_equal(token_user(token), &root);
}

/* A local account is known by its SID alone: MACHINE\user is somebody of NTLM's. */
static bool has_principal(const Token *token)
{
    return *token_principal(token) && token_service(token) &&
           token_user(token)->authority != SID_AUTHORITY_UNIX;
}

static void add(AccessSubject *subject, const Sid *sid)
{
    subject->sids[subject->count++] = *sid;
}

static void add_token(AccessSubject *subject, const Token *token)
{
    size_t count;
    const Sid *groups = token_groups(token, &count);

    if (is_foreign(token_user(token))) add(subject, token_user(token));
    for (size_t i = 0; i < count; i++)
        if (is_foreign(&groups[i])) add(subject, &groups[i]);
}

static bool is_administrator(const AccessSubject *subject, const AccessAdministrators *administrators)
{
    for (size_t i = 0; administrators && i < administrators->count; i++)
        if (access_subject_has(subject, &administrators->sids[i])) return true;
    return false;
}

int access_subject_new(const Token *token, bool local, const AccessAdministrators *administrators,
                       AccessSubject **ret_subject)
{
    _cleanup_(access_subject_freep) AccessSubject *subject = NULL;
    bool anonymous = is_anonymous(token);
    size_t groups = 0;
    Sid derived;

    if (!anonymous) (void)token_groups(token, &groups);
    subject = calloc(1, sizeof(*subject) + (groups + SIDS_EXTRA) * sizeof(subject->sids[0]));
    if (!subject) return -ENOMEM;
    if (local) {
        add(subject, &SID_LOCAL);
        add(subject, &SID_INTERACTIVE);
    } else {
        add(subject, &SID_NETWORK);
    }
    if (anonymous) {
        add(subject, &SID_ANONYMOUS);
    } else {
        add_token(subject, token);
        if (has_principal(token)) {
            if (sid_from_principal(token_principal(token), &derived) < 0) return -EIO;
            add(subject, &derived);
        }
        add(subject, &SID_EVERYONE);
        add(subject, &SID_AUTHENTICATED);
        if (is_administrator(subject, administrators)) add(subject, &SID_ADMINISTRATORS);
        if (local && is_root(token)) add(subject, &SID_SYSTEM);
    }
    *ret_subject = TAKE_PTR(subject);
    return 0;
}

AccessSubject *access_subject_free(AccessSubject *subject)
{
    free(subject);
    return NULL;
}

bool access_subject_has(const AccessSubject *subject, const Sid *sid)
{
    for (size_t i = 0; i < subject->count; i++)
        if (sid_equal(&subject->sids[i], sid)) return true;
    return false;
}

uint32_t access_map_generic(uint32_t mask, const AccessMapping *mapping)
{
    uint32_t mapped = mask & ~RIGHT_GENERIC;

    if (mask & RIGHT_GENERIC_READ) mapped |= mapping->read;
    if (mask & RIGHT_GENERIC_WRITE) mapped |= mapping->write;
    if (mask & RIGHT_GENERIC_EXECUTE) mapped |= mapping->execute;
    if (mask & RIGHT_GENERIC_ALL) mapped |= mapping->all;
    return mapped;
}

static bool has_owner_rights_ace(const Acl *dacl)
{
    for (size_t i = 0; i < dacl->count; i++)
        if (!(dacl->aces[i].flags & ACE_INHERIT_ONLY) && sid_equal(&dacl->aces[i].sid, &SID_OWNER_RIGHTS))
            return true;
    return false;
}

/* The rights that the list grants: of each right the first entry that names it decides. */
static uint32_t evaluate(const SecurityDescriptor *descriptor, const AccessSubject *subject,
                         const AccessMapping *mapping)
{
    const Acl *dacl = descriptor->dacl;
    bool is_owner = descriptor->has_owner && access_subject_has(subject, &descriptor->owner);
    uint32_t granted = 0, denied = 0;

    /* An owner may always read and change the list, unless the list says itself what owners may. */
    if (is_owner && !has_owner_rights_ace(dacl)) granted = OWNERS_RIGHTS;
    for (size_t i = 0; i < dacl->count; i++) {
        const Ace *ace = &dacl->aces[i];
        uint32_t mask = access_map_generic(ace->mask, mapping);

        if (ace->flags & ACE_INHERIT_ONLY) continue;
        if (!access_subject_has(subject, &ace->sid) && !(is_owner && sid_equal(&ace->sid, &SID_OWNER_RIGHTS)))
            continue;
        if (ace->type == ACE_TYPE_ALLOWED)
            granted |= mask & ~denied;
        else
            denied |= mask & ~granted;
    }
    return granted;
}

bool access_check(const SecurityDescriptor *descriptor, const AccessSubject *subject, uint32_t desired,
                  const AccessMapping *mapping, uint32_t *ret_granted)
{
    bool maximum = desired & RIGHT_MAXIMUM_ALLOWED;
    uint32_t wanted = access_map_generic(desired & ~RIGHT_MAXIMUM_ALLOWED, mapping);
    uint32_t granted;

    if (ret_granted) *ret_granted = 0;
    /* The system's list is for those with a privilege, and nobody has one. */
    if (wanted & RIGHT_SYSTEM_SECURITY) return false;
    if (!wanted && !maximum) return false;
    if (descriptor->dacl)
        granted = evaluate(descriptor, subject, mapping);
    else
        granted = wanted | (maximum ? mapping->all : 0);
    granted &= ~(RIGHT_SYSTEM_SECURITY | RIGHT_MAXIMUM_ALLOWED);
    if ((wanted & ~granted) || !granted) return false;
    if (ret_granted) *ret_granted = maximum ? granted : wanted;
    return true;
}
