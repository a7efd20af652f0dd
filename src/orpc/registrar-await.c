/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a process that was started to register its class. */
#include <errno.h>
#include <fcntl.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "orpc/registrar-private.h"

/* A process that was started and has not registered yet. */
typedef struct Birth {
    IoHandle handle; /* of a pidfd */
    Registrar *registrar;
    bool ended; /* guarded by the registrar's lock */
} Birth;

static void birth_ready(IoHandle *handle, uint32_t events)
{
    Birth *birth = container_of(handle, Birth, handle);
    (void)events;
    pthread_mutex_lock(&birth->registrar->lock);
    birth->ended = true;
    pthread_cond_broadcast(&birth->registrar->changed);
    pthread_mutex_unlock(&birth->registrar->lock);
}

static void birth_destroy(IoHandle *handle)
{
    closep(&handle->fd);
    free(container_of(handle, Birth, handle));
}

static int birth_new(Registrar *registrar, int pidfd, Birth **ret_birth)
{
    Birth *birth = calloc(1, sizeof(*birth));
    if (!birth) return -ENOMEM;
    birth->registrar = registrar;
    int fd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        free(birth);
        return -errno;
    }
    io_handle_init(&birth->handle, fd, birth_ready, birth_destroy);
    int r = io_handle_add(registrar->options.loop, &birth->handle, EPOLLIN);
    if (r < 0)
        io_handle_unref(&birth->handle);
    else
        *ret_birth = birth;
    return r;
}

static HRESULT wait_served(Registrar *registrar, const Guid *clsid, const RegistrarServer *server,
                           const Birth *birth, uint64_t deadline)
{
    struct timespec until = {(time_t)(deadline / NS_PER_SECOND), (long)(deadline % NS_PER_SECOND)};
    HRESULT hr = S_OK;
    bool busy = false;
    int r = 0;
    pthread_mutex_lock(&registrar->lock);
    while (hr == S_OK && !registrar_find_served(registrar, clsid, server, &busy) && !busy) {
        if (registrar->stopped)
            hr = CO_E_SERVER_STOPPING;
        else if (birth && birth->ended)
            hr = CO_E_SERVER_EXEC_FAILURE;
        else if (r != 0)
            hr = CO_E_SERVER_START_TIMEOUT;
        else
            r = pthread_cond_timedwait(&registrar->changed, &registrar->lock, &until);
    }
    pthread_mutex_unlock(&registrar->lock);
    return hr;
}

HRESULT registrar_await(Registrar *registrar, const Guid *clsid, const RegistrarServer *server, int pidfd,
                        uint64_t deadline)
{
    Birth *birth = NULL;
    if (io_pool_block_begin(false) != 0) return HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY);
    int r = pidfd >= 0 ? birth_new(registrar, pidfd, &birth) : 0;
    HRESULT hr = r < 0 ? E_OUTOFMEMORY : wait_served(registrar, clsid, server, birth, deadline);
    if (birth) {
        io_handle_remove(&birth->handle);
        io_handle_unref(&birth->handle);
    }
    io_pool_block_end();
    return hr;
}

bool registrar_serves(Registrar *registrar, const Guid *clsid, const RegistrarServer *server)
{
    bool busy = false;
    pthread_mutex_lock(&registrar->lock);
    bool found = registrar_find_served(registrar, clsid, server, &busy) != NULL;
    pthread_mutex_unlock(&registrar->lock);
    return found || busy;
}
