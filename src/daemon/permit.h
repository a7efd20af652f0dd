/* SPDX-License-Identifier: Apache-2.0 */
/* The launch permissions: who may activate and launch which class (facts CIS-16, [MS-DCOM] 3.1.2.5.2.3.1). */
#pragma once
#include "conf/classes.h"
#include "conf/conf.h"
#include "sec/permission.h"

typedef struct Permit Permit;
/* Reads default_launch, both limits of the machine, and what classes.d says of classes and AppIDs. Says in
 * the log what is wrong. 0, -EINVAL, -ENOMEM. */
int permit_new(const Conf *conf, const ConfClasses *classes, Permit **ret_permit) must_use;
Permit *permit_free(Permit *permit);
DEFINE_CLEANUP(Permit, permit_free)
/* Whether a caller (NULL: he did not authenticate) may activate a class, and have a process started for it. A
 * class without a permission has the default one. */
bool permit_admits(const Permit *permit, const Token *caller, bool local, const Guid *clsid);
bool permit_admits_start(const Permit *permit, const Token *caller, bool local, const Guid *clsid);
/* Whether the machine's limit lets him call objects here. */
bool permit_admits_call(const Permit *permit, const Token *caller, bool local);
