/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/token.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "base/hash.h"
#include "sec/authority-client.h"

typedef struct Key {
    uint64_t device, inode, cookie;
} Key;

typedef struct Entry {
    IoHandle handle; /* our end */
    TokenTable *table;
    Account *account;
    Key key;
    TokenView view;
    bool listed; /* guarded by the table's lock */
} Entry;

struct TokenTable {
    IoLoop *loop;
    pthread_mutex_t lock;
    HashMap *by_key;
};

/* AuthdIdentity */

int authd_identity_new(Authority *authority, const AuthorityAnswer *answer, AuthdIdentity **ret_identity)
{
    _cleanup_(authd_identity_unrefp) AuthdIdentity *identity = calloc(1, sizeof(*identity));
    if (!identity) {
        if (answer->credential)
            authority_tell(authority, &(AuthorityRequest){.operation = AUTHORITY_RELEASE,
                                                          .credential = answer->credential});
        return -ENOMEM;
    }
    refcount_init(&identity->refs);
    identity->authority = authority_ref(authority);
    identity->credential = answer->credential;
    identity->shows = answer->shows;
    identity->service = answer->service;
    identity->origin = answer->origin;
    identity->user = answer->user;
    identity->account_flags = answer->account_flags;
    identity->expires = answer->expires;
    identity->owner = AUTHD_NOBODY;
    identity->principal = strdup(answer->principal);
    identity->groups = calloc(answer->group_count ? answer->group_count : 1, sizeof(Sid));
    if (!identity->principal || !identity->groups) return -ENOMEM;
    if (answer->group_count) memcpy(identity->groups, answer->groups, answer->group_count * sizeof(Sid));
    identity->group_count = answer->group_count;
    *ret_identity = TAKE_PTR(identity);
    return 0;
}

AuthdIdentity *authd_identity_ref(AuthdIdentity *identity)
{
    refcount_ref(&identity->refs);
    return identity;
}

AuthdIdentity *authd_identity_unref(AuthdIdentity *identity)
{
    if (!identity || !refcount_unref(&identity->refs)) return NULL;
    if (identity->credential)
        authority_tell(identity->authority, &(AuthorityRequest){.operation = AUTHORITY_RELEASE,
                                                                .credential = identity->credential});
    authority_unref(identity->authority);
    free(identity->principal);
    free(identity->groups);
    free(identity);
    return NULL;
}

/* Table */

int token_table_new(IoLoop *loop, TokenTable **ret_table)
{
    TokenTable *table = calloc(1, sizeof(*table));
    if (!table) return -ENOMEM;
    table->loop = loop;
    pthread_mutex_init(&table->lock, NULL);
    int result = hashmap_new(&table->by_key);
    if (result != 0)
        token_table_free(table);
    else
        *ret_table = table;
    return result;
}

/* Takes it out, once; then the table's reference is given up. */
static void entry_forget(Entry *entry)
{
    pthread_mutex_lock(&entry->table->lock);
    bool listed = entry->listed;
    if (listed) (void)hashmap_remove(entry->table->by_key, &entry->key, sizeof(entry->key)); /* itself */
    entry->listed = false;
    pthread_mutex_unlock(&entry->table->lock);
    if (!listed) return;
    io_handle_remove(&entry->handle);
    io_handle_unref(&entry->handle);
}

TokenTable *token_table_free(TokenTable *table)
{
    if (!table) return NULL;
    void *entry;
    for (HashIterator iterator = {0}; table->by_key && (entry = hashmap_next(table->by_key, &iterator));)
        entry_forget(entry);
    hashmap_free(table->by_key);
    pthread_mutex_destroy(&table->lock);
    free(table);
    return NULL;
}

static void entry_destroy(IoHandle *handle)
{
    Entry *entry = container_of(handle, Entry, handle);
    close(handle->fd);
    quota_release(&entry->account->tokens, 1);
    account_unref(entry->account);
    authd_identity_unref(entry->view.identity);
    free(entry);
}

/* Nothing can be sent to our end: what happens is that the last copy of the other one was closed. */
static void entry_ready(IoHandle *handle, uint32_t events)
{
    entry_forget(container_of(handle, Entry, handle));
}

/* -EBADF: no socket, or one that this kernel cannot tell from others. */
static int key_of(int fd, Key *ret_key)
{
    struct stat status;
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    if (fstat(fd, &status) < 0 || !S_ISSOCK(status.st_mode) ||
        getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0 || length != sizeof(cookie))
        return -EBADF;
    *ret_key = (Key){status.st_dev, status.st_ino, cookie};
    return 0;
}

/* Takes `fd` over, also on failure. */
static int entry_new(TokenTable *table, Account *account, const TokenView *view, int fd, const Key *key,
                     Entry **ret_entry)
{
    Entry *entry = NULL;
    int result = quota_charge(&account->tokens, 1) ? 0 : TOKEN_LIMIT;
    if (result == 0 && !(entry = calloc(1, sizeof(*entry)))) {
        quota_release(&account->tokens, 1);
        result = -ENOMEM;
    }
    if (result != 0) {
        close(fd);
        return result;
    }
    io_handle_init(&entry->handle, fd, entry_ready, entry_destroy);
    entry->table = table;
    entry->account = account_ref(account);
    entry->key = *key;
    entry->view = *view;
    authd_identity_ref(view->identity);
    *ret_entry = entry;
    return 0;
}

static int entry_list(Entry *entry)
{
    TokenTable *table = entry->table;
    pthread_mutex_lock(&table->lock);
    int result = hashmap_count(table->by_key) >= AUTHD_TOKENS_MAX
                     ? TOKEN_LIMIT
                     : hashmap_put(table->by_key, &entry->key, sizeof(entry->key), entry);
    entry->listed = result == 0;
    if (result == 0) io_handle_ref(&entry->handle); /* the table's */
    pthread_mutex_unlock(&table->lock);
    if (result != 0) return result;
    result = io_handle_add(table->loop, &entry->handle, 0);
    if (result == 0)
        result = io_handle_arm(&entry->handle, 0); /* hang-ups are told without being asked for */
    if (result != 0) entry_forget(entry);
    return result;
}

int token_table_add(TokenTable *table, Account *account, const TokenView *view, int *ret_fd)
{
    int ends[2];
    Key key;
    Entry *entry;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return errno == EMFILE || errno == ENFILE ? TOKEN_LIMIT : -errno;
    _cleanup_(closep) int theirs = ends[1];
    /* Its holder can put nothing in, no descriptor either: one of its own in here would never be closed. */
    int result = shutdown(theirs, SHUT_WR) < 0 ? -errno : key_of(theirs, &key);
    if (result != 0) {
        close(ends[0]);
        return result;
    }
    result = entry_new(table, account, view, ends[0], &key, &entry);
    if (result != 0) return result;
    result = entry_list(entry);
    io_handle_unref(&entry->handle);
    if (result == 0) *ret_fd = TAKE_FD(theirs);
    return result;
}

int token_table_find(TokenTable *table, int fd, TokenView *ret_view)
{
    Key key;
    if (key_of(fd, &key) != 0) return TOKEN_UNKNOWN;
    pthread_mutex_lock(&table->lock);
    const Entry *entry = hashmap_get(table->by_key, &key, sizeof(key));
    if (entry) {
        *ret_view = entry->view;
        authd_identity_ref(entry->view.identity);
    }
    pthread_mutex_unlock(&table->lock);
    return entry ? 0 : TOKEN_UNKNOWN;
}

bool token_table_proved(TokenTable *table, uid_t owner, const char *principal, uint8_t service)
{
    const Entry *entry;
    bool found = false;
    pthread_mutex_lock(&table->lock);
    for (HashIterator iterator = {0}; !found && (entry = hashmap_next(table->by_key, &iterator));) {
        const AuthdIdentity *identity = entry->view.identity;
        found = identity->owner == owner && identity->proved && identity->service == service &&
                !entry->view.handed && strcmp(identity->principal, principal) == 0;
    }
    pthread_mutex_unlock(&table->lock);
    return found;
}

size_t token_table_count(TokenTable *table)
{
    pthread_mutex_lock(&table->lock);
    size_t count = hashmap_count(table->by_key);
    pthread_mutex_unlock(&table->lock);
    return count;
}
