/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Having the server of a class started by mantle-authd: what is run and as whom is decided there, from
 * classes.d, the account map and the identity of who activates. Only accounts of [security] machine_identity
 * may ask.
 */
#pragma once
#include <sys/types.h>
#include "base/guid.h"
#include "io/wait.h"
#include "sec/authority.h"
#include "sec/token.h"

typedef struct Launch Launch;

typedef struct LaunchSpec {
    Guid clsid;
    Token *caller; /* who activates, for classes that run as that; NULL for those that run as an account */
    bool start;    /* false: only whose process it would be */
    uint64_t deadline;
} LaunchSpec;

/* 0; -EOPNOTSUPP: the authority is linked in, or holds nothing of `caller`, who is at IDENTIFY or below;
 * -ENOMEM. */
int launch_new(Authority *authority, const LaunchSpec *spec, Launch **ret_launch) must_use;
/* 0, SEC_WAIT, SEC_FAILED, -errno. */
int launch_step(Launch *launch, IoWait *ret_wait) must_use;
/* After 0. */
uid_t launch_account(const Launch *launch);
/* 0 and -1 where nothing was started. The descriptor becomes readable when the process ends; the caller's. */
pid_t launch_process(const Launch *launch);
int launch_take_pidfd(Launch *launch);
const SecFailure *launch_failure(const Launch *launch);
Launch *launch_free(Launch *launch);
DEFINE_CLEANUP(Launch, launch_free)
