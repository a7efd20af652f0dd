/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/launch.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "sec/authority-client.h"
#include "sec/authority-remote.h"
#include "sec/credential.h"

struct Launch {
    Authority *authority;
    AuthorityCall *call;
    AuthorityOperation operation;
    bool done;
    uid_t account;
    pid_t process;
    int pidfd;
    SecFailure failure;
};

int launch_new(Authority *authority, const LaunchSpec *spec, Launch **ret_launch)
{
    const SecCredential *held = spec->caller ? token_held(spec->caller) : NULL;
    if (!authority_is_remote(authority)) return -EOPNOTSUPP;
    if (spec->caller && (!held || sec_credential_authority(held) != authority)) return -EOPNOTSUPP;
    _cleanup_(launch_freep) Launch *launch = calloc(1, sizeof(*launch));
    if (!launch) return -ENOMEM;
    launch->authority = authority_ref(authority);
    launch->operation = held ? AUTHORITY_LAUNCH_AS : AUTHORITY_LAUNCH;
    launch->pidfd = -1;
    AuthorityRequest request = {.operation = launch->operation,
                                .credential = held ? sec_credential_handle(held) : 0,
                                .start = spec->start,
                                .token = {(const uint8_t *)&spec->clsid, sizeof(spec->clsid)}};
    int result = authority_ask(authority, &request, spec->deadline, &launch->call);
    if (result == 0) *ret_launch = TAKE_PTR(launch);
    return result;
}

int launch_step(Launch *launch, IoWait *ret_wait)
{
    AuthorityAnswer answer;
    if (launch->done) return 0;
    int result = authority_ask_step(launch->call, launch->operation, ret_wait, &answer, &launch->failure);
    if (result != 0) return result;
    launch->account = answer.account;
    launch->process = (pid_t)answer.process;
    if (answer.credential) {
        launch->pidfd = authority_remote_release_fd(launch->authority, answer.credential);
        if (launch->pidfd < 0) result = -ENOMEM;
    }
    authority_answer_deinit(&answer);
    launch->done = result == 0;
    return result;
}

uid_t launch_account(const Launch *launch)
{
    return launch->account;
}

pid_t launch_process(const Launch *launch)
{
    return launch->process;
}

int launch_take_pidfd(Launch *launch)
{
    return TAKE_FD(launch->pidfd);
}

const SecFailure *launch_failure(const Launch *launch)
{
    return &launch->failure;
}

Launch *launch_free(Launch *launch)
{
    if (!launch) return NULL;
    authority_call_free(launch->call);
    if (launch->pidfd >= 0) close(launch->pidfd);
    authority_unref(launch->authority);
    free(launch);
    return NULL;
}
