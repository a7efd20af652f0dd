/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of the mechanism a call was authenticated by, so that its caller can be told afterwards.
 */
#include <errno.h>
#include <string.h>
#include "rpc/client-private.h"

/* Of all RpcSecurity: their choice changes about as often as a context is made. */
static pthread_mutex_t choices_lock = PTHREAD_MUTEX_INITIALIZER;

const char *client_choice_of(const RpcClientCall *call)
{
    const InitiatorOps *ops = client_initiator(call);
    return ops->choice && call->initiator ? ops->choice(call->initiator) : "the service asked for";
}

/* Contexts to one server share it while it stays the same, so that calls by several of them do not write to
 * their RpcSecurity again and again. */
int client_choice_new(Association *association, const char *text, ClientChoice **ret_choice)
{
    const size_t size = strnlen(text, RPC_CHOICE_SIZE - 1) + 1;
    ClientChoice *before = NULL;
    int r = 0;

    pthread_mutex_lock(&association->lock);
    if (!association->choice || strncmp(association->choice->text, text, size - 1) != 0 ||
        association->choice->text[size - 1] != '\0') {
        ClientChoice *made = calloc(1, sizeof(*made) + size);
        if (made) {
            refcount_init(&made->refs);
            memcpy(made->text, text, size - 1);
            before = association->choice;
            association->choice = made;
        } else {
            r = -ENOMEM;
        }
    }
    if (r == 0) {
        refcount_ref(&association->choice->refs);
        *ret_choice = association->choice;
    }
    pthread_mutex_unlock(&association->lock);
    (void)client_choice_unref(before);
    return r;
}

ClientChoice *client_choice_unref(ClientChoice *choice)
{
    if (choice && refcount_unref(&choice->refs)) free(choice);
    return NULL;
}

void client_choice_remember(RpcSecurity *security, ClientChoice *choice)
{
    refcount_ref(&choice->refs);
    pthread_mutex_lock(&choices_lock);
    ClientChoice *before = atomic_exchange(&security->choice, choice);
    pthread_mutex_unlock(&choices_lock);
    (void)client_choice_unref(before);
}

bool rpc_security_choice(const RpcSecurity *security, char ret_choice[RPC_CHOICE_SIZE])
{
    pthread_mutex_lock(&choices_lock);
    const ClientChoice *choice = atomic_load(&security->choice);
    if (choice) strcpy(ret_choice, choice->text);
    pthread_mutex_unlock(&choices_lock);
    return choice != NULL;
}
