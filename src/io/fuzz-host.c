/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as host and port, as it comes from bindings of strangers: what is accepted is formatted and read
 * again as the same, and is a literal or a plain name.
 * Decoder: src/io/address.c io_host_.*|io_address_(parse|format).*
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "io/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    IoHost host, again;
    IoAddress address;
    char text[IO_ADDRESS_STRING_SIZE + IO_HOST_SIZE], formatted[IO_ADDRESS_STRING_SIZE];
    _cleanup_(freep) char *input = malloc(size + 1);
    if (!input) return 0;
    memcpy(input, data, size);
    input[size] = 0;
    if (io_host_parse(input, &host) < 0) return 0;
    io_host_format(&host, text);
    if (io_host_parse(text, &again) < 0) abort();
    assert(strcmp(host.name, again.name) == 0 && host.port == again.port);
    if (io_address_parse(host.name, host.port, &address) < 0) {
        assert(host.name[strspn(host.name,
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == 0);
        return 0;
    }
    if (host.port)
        io_address_format(&address, formatted);
    else
        io_address_format_host(&address, formatted); /* port 0 has no text that could be read again */
    if (io_host_parse(formatted, &again) < 0) abort();
    assert(again.port == host.port);
    return 0;
}
