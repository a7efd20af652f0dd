/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/endpoint-tower.h"
#include <errno.h>

/* Protocol identifiers. [C706] appendix I */
#define FLOOR_UUID 0x0du
#define FLOOR_RPC  0x0bu /* connection-oriented */
#define FLOOR_TCP  0x07u
#define FLOOR_IP   0x09u
#define TCP_FLOORS 5u

/* A floor: what is spoken (left) and what that needs to know (right). */
typedef struct Floor {
    Reader left, right;
    uint8_t protocol;
} Floor;

static void syntax_write(Writer *writer, const PduSyntax *syntax)
{
    writer_u16(writer, 1 + sizeof(Guid) + 2);
    writer_u8(writer, FLOOR_UUID);
    writer_guid(writer, &syntax->uuid);
    writer_u16(writer, syntax->major);
    writer_u16(writer, 2);
    writer_u16(writer, syntax->minor);
}

static void protocol_write(Writer *writer, uint8_t protocol, const void *right, uint16_t length)
{
    writer_u16(writer, 1);
    writer_u8(writer, protocol);
    writer_u16(writer, length);
    writer_bytes(writer, right, length);
}

void endpoint_tower_write(Writer *writer, const EndpointTower *tower)
{
    const uint8_t version[2] = {0, 0};
    const uint8_t port[2] = {(uint8_t)(tower->port >> 8), (uint8_t)tower->port};
    writer_u16(writer, TCP_FLOORS);
    syntax_write(writer, &tower->iface);
    syntax_write(writer, &tower->transfer);
    protocol_write(writer, FLOOR_RPC, version, sizeof(version));
    protocol_write(writer, FLOOR_TCP, port, sizeof(port));
    protocol_write(writer, FLOOR_IP, tower->address, sizeof(tower->address));
}

static Floor floor_read(Reader *reader)
{
    Floor floor;
    floor.left = reader_sub(reader, reader_u16(reader));
    floor.right = reader_sub(reader, reader_u16(reader));
    floor.protocol = reader_u8(&floor.left);
    if (reader_status(&floor.left) < 0) reader_fail(reader);
    return floor;
}

static void syntax_read(Reader *reader, PduSyntax *ret_syntax)
{
    Floor floor = floor_read(reader);
    ret_syntax->uuid = reader_guid(&floor.left);
    ret_syntax->major = reader_u16(&floor.left);
    ret_syntax->minor = reader_u16(&floor.right);
    if (floor.protocol != FLOOR_UUID || reader_end(&floor.left) < 0 || reader_end(&floor.right) < 0)
        reader_fail(reader);
}

/* The floors of the transport; false: another one than TCP. */
static bool tcp_read(Floor floors[], unsigned count, EndpointTower *tower)
{
    if (count != 3 || floors[0].protocol != FLOOR_RPC || floors[1].protocol != FLOOR_TCP ||
        floors[2].protocol != FLOOR_IP)
        return false;
    tower->port = reader_u16be(&floors[1].right);
    reader_copy(&floors[2].right, tower->address, sizeof(tower->address));
    return reader_end(&floors[1].right) == 0 && reader_end(&floors[2].right) == 0;
}

int endpoint_tower_read(const uint8_t *data, size_t length, EndpointTower *ret_tower)
{
    Reader reader;
    Floor floors[ENDPOINT_FLOORS];
    EndpointTower tower = {0};
    reader_init(&reader, data, length);
    unsigned count = reader_u16(&reader);
    if (count < 3 || count > ENDPOINT_FLOORS || length > ENDPOINT_TOWER_MAX) return -EBADMSG;
    syntax_read(&reader, &tower.iface);
    syntax_read(&reader, &tower.transfer);
    count -= 2;
    for (unsigned i = 0; i < count; i++)
        floors[i] = floor_read(&reader);
    int r = reader_end(&reader);
    if (r < 0) return r;
    tower.tcp = tcp_read(floors, count, &tower);
    if (!tower.tcp) {
        tower.port = 0;
        memset(tower.address, 0, sizeof(tower.address));
    }
    *ret_tower = tower;
    return 0;
}
