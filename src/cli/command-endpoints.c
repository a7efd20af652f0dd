/* SPDX-License-Identifier: Apache-2.0 */
/* mantle endpoints HOST: what a machine's endpoint mapper lists. */
#define COBJMACROS
#include <mantle_endpoints.h>
#include <objbase.h>
#include <stdio.h>
#include <string.h>
#include <winerror.h>
#include "cli/cli.h"

#define EXIT_REFUSED 1
#define EXIT_USAGE   2
#define HOST_MAX     512

/* Interfaces that an administrator of COM meets. */
static const struct {
    GUID iid;
    const char *name;
} known[] = {
    {{0xe1af8308, 0x5d1f, 0x11c9, {0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa}}, "endpoint mapper"},
    {{0x99fcfec4, 0x5260, 0x101b, {0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a}}, "IObjectExporter"},
    {{0x000001a0, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}}, "IRemoteSCMActivator"},
    {{0x4d9f4ab8, 0x7d1c, 0x11cf, {0x86, 0x1e, 0x00, 0x20, 0xaf, 0x6e, 0x7c, 0x57}}, "IActivation"},
    {{0x00000131, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}}, "IRemUnknown"},
    {{0x00000143, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}}, "IRemUnknown2"},
};

static void print_usage(FILE *file)
{
    fputs("usage: mantle endpoints //host\n"
          "       mantle endpoints --help\n",
          file);
}

static const char *name_of(const GUID *iid)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (IsEqualGUID(&known[i].iid, iid)) return known[i].name;
    return "-";
}

static void print_endpoint(MantleEndpoint *endpoint)
{
    const GUID *iid = &endpoint->Interface;
    cli_make_printable(endpoint->Annotation);
    printf("%5u  %08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x  %3u.%-3u  %-19s  %s\n", endpoint->Port,
           (unsigned)iid->Data1, iid->Data2, iid->Data3, iid->Data4[0], iid->Data4[1], iid->Data4[2],
           iid->Data4[3], iid->Data4[4], iid->Data4[5], iid->Data4[6], iid->Data4[7], endpoint->MajorVersion,
           endpoint->MinorVersion, name_of(iid), endpoint->Annotation);
}

int command_endpoints(int argc, char **argv)
{
    OLECHAR host[HOST_MAX] = {0};
    MantleEndpoint *endpoints;
    ULONG count;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return 0;
    }
    if (argc != 2 || strncmp(argv[1], "//", 2) != 0 || strlen(argv[1]) >= HOST_MAX) {
        fputs(argc == 2 ? "mantle endpoints: a host is written //HOST\n" : "mantle endpoints: one host\n",
              stderr);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; argv[1][i]; i++)
        host[i] = (unsigned char)argv[1][i];
    HRESULT hr = MantleQueryEndpoints(host, NULL, 0, 0, &count, &endpoints);
    if (FAILED(hr)) {
        cli_print_error("endpoints", hr);
        return hr == CO_E_BAD_SERVER_NAME ? EXIT_USAGE : EXIT_REFUSED;
    }
    printf("%5s  %-36s  %7s  %-19s  %s\n", "port", "interface", "version", "name", "annotation");
    for (ULONG i = 0; i < count; i++)
        print_endpoint(&endpoints[i]);
    CoTaskMemFree(endpoints);
    return fflush(stdout) == 0 ? 0 : EXIT_REFUSED;
}
