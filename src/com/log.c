/* SPDX-License-Identifier: Apache-2.0 */
#include "com/log.h"
#include <mantle_log.h>
#include <pthread.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static MantleLogger program_logger;
static void *program_context;

MANTLE_API void MantleSetLogger(MantleLogger pfnLogger, void *pContext)
{
    pthread_rwlock_wrlock(&lock); /* nobody is in the old one any more */
    program_logger = pfnLogger;
    program_context = pContext;
    pthread_rwlock_unlock(&lock);
}

void com_log(void *context, int priority, const char *sentence)
{
    (void)context;
    pthread_rwlock_rdlock(&lock);
    if (program_logger) program_logger(program_context, priority, sentence);
    pthread_rwlock_unlock(&lock);
}
