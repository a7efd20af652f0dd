/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/local.h"
#include <errno.h>
#include <string.h>
#include "base/reader.h"

#define LOCAL_VERSION  1u
#define LEVEL_FIRST    1u /* RPC_C_IMP_LEVEL_ANONYMOUS */
#define LEVEL_LAST     4u /* RPC_C_IMP_LEVEL_DELEGATE */
#define HOW_PROCESS    0u
#define HOW_DESCRIPTOR 1u

static const uint8_t MAGIC[4] = {'M', 'N', 'T', 'L'};

void rpc_local_leg_write(Writer *writer, const RpcLocalLeg *leg)
{
    writer_bytes(writer, MAGIC, sizeof(MAGIC));
    writer_u8(writer, LOCAL_VERSION);
    writer_u8(writer, leg->impersonation);
    writer_u8(writer, leg->passes ? HOW_DESCRIPTOR : HOW_PROCESS);
    writer_u8(writer, 0);
}

int rpc_local_leg_read(const uint8_t *token, size_t length, RpcLocalLeg *ret_leg)
{
    Reader reader;
    reader_init(&reader, token, length);
    const uint8_t *magic = reader_bytes(&reader, sizeof(MAGIC));
    const uint8_t version = reader_u8(&reader), level = reader_u8(&reader), how = reader_u8(&reader),
                  zero = reader_u8(&reader);
    if (reader_end(&reader) < 0 || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0) return -EBADMSG;
    if (version != LOCAL_VERSION || level < LEVEL_FIRST || level > LEVEL_LAST) return -EBADMSG;
    if (how > HOW_DESCRIPTOR || zero) return -EBADMSG;
    *ret_leg = (RpcLocalLeg){level, how == HOW_DESCRIPTOR};
    return 0;
}
