/* SPDX-License-Identifier: Apache-2.0 */
/* The security provider of every server but those of unit tests: sec/acceptor.h. */
#include "rpc/server-private.h"

const ServerProvider server_provider = {
    sec_acceptor_new,          sec_acceptor_free,       sec_acceptor_input,
    sec_acceptor_step,         sec_acceptor_output,     sec_acceptor_is_done,
    sec_acceptor_take_context, sec_acceptor_take_token, sec_acceptor_failure,
};
