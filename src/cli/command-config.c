/* SPDX-License-Identifier: Apache-2.0 */
/* mantle config check [FILE]: what is in force, where it comes from, and whether it can work. */
#include <combaseapi.h>
#include <mantle_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "cli/cli.h"

#define EXIT_WRONG 1
#define EXIT_USAGE 2

static void print_usage(FILE *file)
{
    fputs("usage: mantle config check [FILE]\n"
          "       mantle config --help\n",
          file);
}

/* A copy that is safe to print, for as long as the program runs. */
static const char *printable(const char *text)
{
    char *copy = strdup(text);
    if (!copy) return "";
    cli_make_printable(copy);
    return copy;
}

static HRESULT print_settings(void)
{
    MantleSetting *settings;
    ULONG count;
    HRESULT hr = MantleGetConfiguration(&count, &settings);
    if (FAILED(hr)) return hr;
    for (ULONG i = 0; i < count; i++) {
        if (i == 0 || strcmp(settings[i].Section, settings[i - 1].Section) != 0)
            printf("%s[%s]\n", i ? "\n" : "", settings[i].Section);
        const char *value = settings[i].Value[0] ? printable(settings[i].Value) : "(not set)";
        printf("%-24s %-32s %s\n", settings[i].Key, value, printable(settings[i].Origin));
    }
    CoTaskMemFree(settings);
    return S_OK;
}

/* How many of them are failures. */
static HRESULT print_findings(ULONG *ret_failures)
{
    MantleFinding *findings;
    ULONG count, failures = 0;
    HRESULT hr = MantleCheckConfiguration(&count, &findings);
    if (FAILED(hr)) return hr;
    printf("\n");
    for (ULONG i = 0; i < count; i++) {
        const char *state = findings[i].Result == S_OK   ? "works"
                            : FAILED(findings[i].Result) ? "WRONG"
                                                         : "note";
        cli_make_printable(findings[i].Text);
        printf("%-6s %s\n", state, findings[i].Text);
        if (FAILED(findings[i].Result)) failures++;
    }
    CoTaskMemFree(findings);
    *ret_failures = failures;
    return S_OK;
}

int command_config(int argc, char **argv)
{
    ULONG failures = 0;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return 0;
    }
    if (argc < 2 || argc > 3 || strcmp(argv[1], "check") != 0) {
        fputs("mantle config: the word after it is check, and then a file or nothing\n", stderr);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (argc == 3 && setenv("MANTLE_CONFIG", argv[2], 1) < 0) return EXIT_WRONG;
    HRESULT hr = print_settings();
    if (SUCCEEDED(hr)) hr = print_findings(&failures);
    if (FAILED(hr)) {
        cli_print_error("config", hr);
        return EXIT_WRONG;
    }
    return fflush(stdout) == 0 && failures == 0 ? 0 : EXIT_WRONG;
}
