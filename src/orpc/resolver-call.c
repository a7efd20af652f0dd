/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/resolver-call.h"
#include <stdio.h>
#include "orpc/localbinding.h"
#include "orpc/plain.h"
#include "rpc/local.h"

#define LEVEL_INTEGRITY   5 /* RPC_C_AUTHN_LEVEL_PKT_INTEGRITY */
#define LEVEL_IDENTIFY    2 /* RPC_C_IMP_LEVEL_IDENTIFY */
#define SERVICE_NEGOTIATE 9 /* RPC_C_AUTHN_GSS_NEGOTIATE: what activations use */

RpcStatus resolver_call_new(const ResolverCallSpec *spec, RpcClientCall **ret_call)
{
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding = NULL;
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = NULL;
    char target[sizeof("RPCSS/") + BINDING_HOST_SIZE];
    snprintf(target, sizeof(target), "RPCSS/%s", spec->host);
    RpcEndpoint endpoint = {.host = spec->host, .port = spec->port};
    RpcSecuritySpec who = {.token = spec->process,
                           .authn_service = SERVICE_NEGOTIATE,
                           .authn_level = LEVEL_INTEGRITY,
                           .impersonation = LEVEL_IDENTIFY,
                           .capabilities = spec->mutual ? RPC_MUTUAL_AUTH : 0,
                           .target = target};
    IoAddress local;
    if (spec->runtime) {
        if (local_resolver_address(spec->runtime, &local) < 0) return RPCST_INVALID_NET_ADDR;
        endpoint = (RpcEndpoint){.address = &local};
        who.authn_service = RPC_AUTHN_LOCAL;
        who.target = "";
    }
    RpcStatus status = rpc_binding_new(spec->client, &endpoint, 1, &binding);
    if (status == RPCST_OK && spec->process) status = rpc_security_new(&who, &security);
    if (status != RPCST_OK) return status;
    return rpc_client_call_new(&(RpcClientCallSpec){.binding = binding,
                                                    .security = security,
                                                    .iid = IID_OBJECT_EXPORTER,
                                                    .opnum = spec->opnum,
                                                    .stub = spec->stub->data,
                                                    .stub_length = spec->stub->length,
                                                    .deadline = spec->deadline},
                               ret_call);
}
