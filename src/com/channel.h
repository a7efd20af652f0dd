/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel: what a call of a proxy goes through. It asks for the identity (com/cloak.h decides, nothing
 * else), finds the security that shows it, and sends. What cannot be shown fails here with a sentence, before
 * anything is sent.
 */
#pragma once
#include <pthread.h>
#include "com/blanket.h"
#include "ndr/proxy.h"
#include "orpc/remote.h"
#include "rpc/client.h"

/* The settings of one interface proxy. Changing them is atomic; calls in progress keep what they began with
 * (PB-8). */
typedef struct ChannelSettings {
    pthread_mutex_t lock;
    Blanket *blanket; /* NULL until the first use: then the negotiated default, or what SetBlanket said */
    Token *captured;  /* process-wide static cloaking: of the first call */
    RpcSecurity *security; /* of the last call, by `blanket` */
    uint64_t security_id;  /* and for the token with this modified id */
} ChannelSettings;

void channel_settings_init(ChannelSettings *settings);
void channel_settings_deinit(ChannelSettings *settings);
/* `settings` are new ones. */
void channel_settings_copy(ChannelSettings *settings, ChannelSettings *from);
/* Takes a new reference to `blanket`. */
void channel_settings_set(ChannelSettings *settings, Blanket *blanket);
/* What is in force: SetBlanket's, else the default that is negotiated with this exporter. A new reference. */
HRESULT channel_settings_blanket(ChannelSettings *settings, const RemoteExporter *exporter,
                                 Blanket **ret_blanket) must_use;

/* Of the last call by what is in force: a new reference; NULL: none was begun, or it is without security. */
RpcSecurity *channel_settings_security(ChannelSettings *settings);

/* The security of a call that starts now on this thread. S_OK, or the documented code with a sentence set.
 * *ret_security is a new reference, NULL for an unauthenticated call. */
HRESULT channel_security(ChannelSettings *settings, const RemoteExporter *exporter,
                         RpcSecurity **ret_security) must_use;
/* The same for IRemUnknown, with the settings of IUnknown: by what SetBlanket on IUnknown said, else as the
 * process, whoever the thread acts as (REF-3). */
HRESULT channel_unknown_security(ChannelSettings *settings, const RemoteExporter *exporter,
                                 RpcSecurity **ret_security) must_use;
extern const NdrChannelOps channel_ops;
