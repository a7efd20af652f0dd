/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's accounts: NSS, shadow, and whoever knows SIDs. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <shadow.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sec/account.h"

#define BUFFER_FIRST    4096u
#define BUFFER_MAX      (1u << 20)
#define SECONDS_PER_DAY 86400

/* Whoever knows SIDs. Both libraries are optional; their functions are declared here as they are documented.
 */

#define SSS_ID_TYPE_UID           1 /* enum sss_id_type of libsss_nss_idmap */
#define SSS_ID_TYPE_BOTH          3
#define WBC_SUCCESS               0 /* wbcErr of libwbclient */
#define WBC_WINBIND_NOT_AVAILABLE 6
#define WBC_DOMAIN_NOT_FOUND      7
#define WBC_UNKNOWN_USER          11

typedef struct WbcSid {
    uint8_t revision, count, authority[6];
    uint32_t subauthorities[SID_SUBAUTHORITIES_MAX];
} WbcSid;

static struct {
    pthread_once_t once;
    int (*sss_id_by_sid)(const char *sid, uint32_t *id, int *type);
    int (*wbc_sid_to_uid)(const WbcSid *sid, uid_t *uid);
} directory = {.once = PTHREAD_ONCE_INIT};

static void *find_function(const char *library, const char *name)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    return handle ? dlsym(handle, name) : NULL; /* stays loaded */
}

static void find_directory(void)
{
    *(void **)&directory.sss_id_by_sid = find_function("libsss_nss_idmap.so.0", "sss_nss_getidbysid");
    *(void **)&directory.wbc_sid_to_uid = find_function("libwbclient.so.0", "wbcSidToUid");
}

static int ask_sssd(const Sid *sid, uid_t *ret_uid)
{
    char text[SID_STRING_SIZE];
    uint32_t id;
    int type;
    if (!directory.sss_id_by_sid) return -EOPNOTSUPP;
    sid_format(sid, text);
    int error = directory.sss_id_by_sid(text, &id, &type);
    if (error == ENOENT) return -ENOENT;
    if (error == ENOMEM) return -ENOMEM;
    /* Its daemon does not run: the same as not being installed. */
    if (error == ECONNREFUSED || error == ENOTCONN || error == EPIPE || error == EHOSTUNREACH)
        return -EOPNOTSUPP;
    if (error != 0) return -EIO;
    if (type != SSS_ID_TYPE_UID && type != SSS_ID_TYPE_BOTH) return -ENOENT;
    *ret_uid = id;
    return 0;
}

static int ask_winbind(const Sid *sid, uid_t *ret_uid)
{
    if (!directory.wbc_sid_to_uid) return -EOPNOTSUPP;
    WbcSid wbc = {.revision = 1, .count = sid->count};
    for (int i = 0; i < 6; i++)
        wbc.authority[i] = (uint8_t)(sid->authority >> (40 - 8 * i));
    memcpy(wbc.subauthorities, sid->subauthorities, sizeof(wbc.subauthorities));
    switch (directory.wbc_sid_to_uid(&wbc, ret_uid)) {
    case WBC_SUCCESS:
        return 0;
    case WBC_WINBIND_NOT_AVAILABLE:
        return -EOPNOTSUPP;
    case WBC_DOMAIN_NOT_FOUND:
    case WBC_UNKNOWN_USER:
        return -ENOENT;
    default:
        return -EIO;
    }
}

static int system_uid_of_sid(const Sid *sid, uid_t *ret_uid)
{
    (void)pthread_once(&directory.once, find_directory);
    int sssd = ask_sssd(sid, ret_uid);
    if (sssd == 0 || (sssd != -ENOENT && sssd != -EOPNOTSUPP)) return sssd;
    int winbind = ask_winbind(sid, ret_uid);
    /* One that was asked and does not know is an answer. */
    return winbind == -EOPNOTSUPP ? sssd : winbind;
}

/* Accounts */

/* "!" before the password, as passwd -l and usermod -L put it; "*" and "x" are accounts without a password
 * here, which directories have. An expiry in the past is the day itself. */
static void judge_shadow(const struct spwd *entry, LocalAccount *account)
{
    account->locked = entry->sp_pwdp && entry->sp_pwdp[0] == '!';
    account->expired = entry->sp_expire >= 0 && time(NULL) / SECONDS_PER_DAY >= entry->sp_expire;
}

static int read_shadow(LocalAccount *account)
{
    struct spwd entry, *found = NULL;
    for (size_t size = BUFFER_FIRST; size <= BUFFER_MAX; size *= 2) {
        _cleanup_(freep) char *buffer = malloc(size);
        if (!buffer) return -ENOMEM;
        int error = getspnam_r(account->name, &entry, buffer, size, &found);
        if (error == ERANGE) continue;
        if (found) judge_shadow(&entry, account);
        explicit_bzero(buffer, size); /* a password's hash */
        if (found) return 0;
        if (error == EACCES || error == EPERM) return -EACCES;
        /* Accounts of a directory have none; PAM knows about those when something is started as one of them.
         */
        return error == 0 || error == ENOENT ? 0 : error == ENOMEM ? -ENOMEM : -EIO;
    }
    return -EIO;
}

static int take_entry(const struct passwd *entry, bool judged, LocalAccount *ret_account)
{
    LocalAccount account = {.uid = entry->pw_uid, .gid = entry->pw_gid};
    if (strlen(entry->pw_name) >= sizeof(account.name) || strlen(entry->pw_dir) >= sizeof(account.home))
        return -EIO;
    strcpy(account.name, entry->pw_name);
    strcpy(account.home, entry->pw_dir);
    int r = judged ? read_shadow(&account) : 0;
    if (r == 0) *ret_account = account;
    return r;
}

/* By name, or by uid when that is NULL. */
static int find_account(const char *name, uid_t uid, bool judged, LocalAccount *ret_account)
{
    struct passwd entry, *found = NULL;
    for (size_t size = BUFFER_FIRST; size <= BUFFER_MAX; size *= 2) {
        _cleanup_(freep) char *buffer = malloc(size);
        if (!buffer) return -ENOMEM;
        int error = name ? getpwnam_r(name, &entry, buffer, size, &found)
                         : getpwuid_r(uid, &entry, buffer, size, &found);
        if (error == ERANGE) continue;
        if (found) return take_entry(found, judged, ret_account);
        /* getpwnam(3) names several errors that mean "not found". */
        return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM ? -ENOENT
               : error == ENOMEM                                                                   ? -ENOMEM
                                                                                                   : -EIO;
    }
    return -EIO;
}

static int system_by_name(const char *name, LocalAccount *ret_account)
{
    return find_account(name, 0, true, ret_account);
}

static int system_by_uid(uid_t uid, LocalAccount *ret_account)
{
    return find_account(NULL, uid, true, ret_account);
}

const AccountSource ACCOUNT_SOURCE_SYSTEM = {
    .uid_of_sid = system_uid_of_sid, .by_name = system_by_name, .by_uid = system_by_uid};

static int unjudged_by_name(const char *name, LocalAccount *ret_account)
{
    return find_account(name, 0, false, ret_account);
}

static int unjudged_by_uid(uid_t uid, LocalAccount *ret_account)
{
    return find_account(NULL, uid, false, ret_account);
}

const AccountSource ACCOUNT_SOURCE_UNJUDGED = {
    .uid_of_sid = system_uid_of_sid, .by_name = unjudged_by_name, .by_uid = unjudged_by_uid};
