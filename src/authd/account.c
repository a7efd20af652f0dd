/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/account.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "authd/request.h"
#include "base/hash.h"
#include "base/time.h"

struct Accounts {
    pthread_mutex_t lock;
    HashMap *by_uid;
};

int accounts_new(Accounts **ret_accounts)
{
    Accounts *accounts = calloc(1, sizeof(*accounts));
    if (!accounts) return -ENOMEM;
    pthread_mutex_init(&accounts->lock, NULL);
    int result = hashmap_new(&accounts->by_uid);
    if (result != 0)
        accounts_free(accounts);
    else
        *ret_accounts = accounts;
    return result;
}

Accounts *accounts_free(Accounts *accounts)
{
    if (!accounts) return NULL;
    void *account;
    for (HashIterator iterator = {0};
         accounts->by_uid && (account = hashmap_next(accounts->by_uid, &iterator));)
        free(account);
    hashmap_free(accounts->by_uid);
    pthread_mutex_destroy(&accounts->lock);
    free(accounts);
    return NULL;
}

/* With the lock held. */
static int account_add(Accounts *accounts, uid_t uid, Account **ret_account)
{
    if (hashmap_count(accounts->by_uid) >= AUTHD_ACCOUNTS_MAX) return -E2BIG;
    Account *account = calloc(1, sizeof(*account));
    if (!account) return -ENOMEM;
    account->accounts = accounts;
    account->uid = uid;
    quota_init(&account->connections, AUTHD_CONNECTIONS_PER_ACCOUNT);
    quota_init(&account->tokens, AUTHD_TOKENS_PER_ACCOUNT);
    for (unsigned i = 0; i < AUTHORITY_OPERATION_END; i++)
        quota_init(&account->at_once[i], request_at_once((AuthorityOperation)i));
    int result = hashmap_put(accounts->by_uid, &uid, sizeof(uid), account);
    if (result != 0)
        free(account);
    else
        *ret_account = account;
    return result;
}

int accounts_get(Accounts *accounts, uid_t uid, Account **ret_account)
{
    int result = 0;
    pthread_mutex_lock(&accounts->lock);
    Account *account = hashmap_get(accounts->by_uid, &uid, sizeof(uid));
    if (!account) result = account_add(accounts, uid, &account);
    if (result == 0) {
        account->refs++;
        *ret_account = account;
    }
    pthread_mutex_unlock(&accounts->lock);
    return result;
}

Account *account_ref(Account *account)
{
    pthread_mutex_lock(&account->accounts->lock);
    account->refs++;
    pthread_mutex_unlock(&account->accounts->lock);
    return account;
}

Account *account_unref(Account *account)
{
    if (!account) return NULL;
    Accounts *accounts = account->accounts;
    pthread_mutex_lock(&accounts->lock);
    bool last = --account->refs == 0 && hashmap_count(accounts->by_uid) > AUTHD_ACCOUNTS_KEPT;
    if (last) (void)hashmap_remove(accounts->by_uid, &account->uid, sizeof(account->uid)); /* itself */
    pthread_mutex_unlock(&accounts->lock);
    if (last) free(account);
    return NULL;
}

bool account_may_log(Account *account, bool *ret_last)
{
    uint64_t now = time_monotonic();
    pthread_mutex_lock(&account->accounts->lock);
    if (account->since == 0 || now - account->since >= AUTHD_LOG_PERIOD) {
        account->since = now;
        account->lines = 0;
    }
    bool may = account->lines < AUTHD_LOG_LINES_PER_ACCOUNT;
    if (may) account->lines++;
    *ret_last = account->lines == AUTHD_LOG_LINES_PER_ACCOUNT;
    pthread_mutex_unlock(&account->accounts->lock);
    return may;
}
