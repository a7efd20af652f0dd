/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any texts as an explicit identity. The first byte: 1 SEC_WINNT_AUTH_IDENTITY_EXW, 2 ANSI, 4 both or neither
 * character type, 8 no package list, 16 NUL-terminated texts. Then user, domain, password, packages: a length
 * and that many bytes each; then, of structures, the service.
 * Decoder: src/com/identity.c contains_nul|text_copy|names_package|packages_.*|principal_make|identity_(fill|make|new.*)|texts_read
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/reader.h"
#include "com/errorinfo.h"
#include "com/identity.h"
#include "objbase.h"
#include "rpcdce.h"
#include "winerror.h"

#define TEXTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EXTENDED = 1, ANSI = 2, BAD_FLAGS = 4, NO_PACKAGES = 8, TERMINATED = 16 };

/* In blocks of their own size, so that a sanitizer sees a read past an end. */
typedef struct Texts {
    unsigned short *text[TEXTS];
    ULONG length[TEXTS];
} Texts;

static void texts_init(Texts *texts, Reader *reader, bool ansi, bool terminated)
{
    for (unsigned i = 0; i < TEXTS; i++) {
        size_t bytes = reader_u8(reader) * (ansi ? 1u : 2u);
        if (bytes > reader_left(reader)) bytes = reader_left(reader) & ~(size_t)1;
        texts->length[i] = (ULONG)(ansi ? bytes : bytes / 2);
        texts->text[i] = calloc(1, bytes + (terminated ? 2 : bytes == 0));
        if (!texts->text[i]) abort();
        reader_copy(reader, texts->text[i], bytes);
    }
}

static void check(HRESULT hr, uint32_t service, Identity *identity)
{
    IErrorInfo *error = NULL;
    if (FAILED(hr)) {
        assert(!identity && hr == E_INVALIDARG && GetErrorInfo(0, &error) == S_OK);
        error->lpVtbl->Release(error);
        return;
    }
    const char *principal = identity_principal(identity), *at = strchr(principal, '@');
    const char *slash = strchr(principal, '\\');
    /* Of a realm; or for NTLM alone, with a domain in front or none. */
    bool realm = at && at != principal && at[1] && !strchr(at + 1, '@');
    assert(realm || (service != RPC_C_AUTHN_GSS_KERBEROS && !at && *principal));
    assert(!slash || (service != RPC_C_AUTHN_GSS_KERBEROS && !at && slash != principal && slash[1] &&
                      !strchr(slash + 1, '\\')));
    (void)identity_unref(identity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Reader reader;
    Texts texts;
    Identity *identity = NULL;
    reader_init(&reader, data, size);
    static const uint32_t services[] = {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_GSS_NEGOTIATE,
                                        RPC_C_AUTHN_WINNT};
    uint8_t how = reader_u8(&reader);
    texts_init(&texts, &reader, (how & (ANSI | TERMINATED)) == ANSI, how & TERMINATED);
    uint32_t service =
        how & TERMINATED ? RPC_C_AUTHN_GSS_KERBEROS : services[reader_u8(&reader) % ARRAY_SIZE(services)];
    ULONG flags = how & ANSI ? SEC_WINNT_AUTH_IDENTITY_ANSI : SEC_WINNT_AUTH_IDENTITY_UNICODE;
    if (how & BAD_FLAGS) flags = how & ANSI ? 0 : 3;
    HRESULT hr;
    if (how & TERMINATED) {
        const WCHAR *domain = how & EXTENDED ? (WCHAR *)texts.text[1] : NULL;
        hr = identity_new_from_text((WCHAR *)texts.text[0], domain, (WCHAR *)texts.text[2], &identity);
    } else if (how & EXTENDED) {
        SEC_WINNT_AUTH_IDENTITY_EXW ex = {SEC_WINNT_AUTH_IDENTITY_VERSION,
                                          sizeof(ex) - (how >> 5 == 7),
                                          texts.text[0],
                                          texts.length[0],
                                          texts.text[1],
                                          texts.length[1],
                                          texts.text[2],
                                          texts.length[2],
                                          flags,
                                          texts.text[3],
                                          texts.length[3]};
        if (how & NO_PACKAGES) ex.PackageList = NULL;
        hr = identity_new(&ex, service, &identity);
    } else {
        SEC_WINNT_AUTH_IDENTITY_W plain = {texts.text[0], texts.length[0], texts.text[1], texts.length[1],
                                           texts.text[2], texts.length[2], flags};
        hr = identity_new(&plain, service, &identity);
    }
    check(hr, service, identity);
    for (unsigned i = 0; i < TEXTS; i++)
        free(texts.text[i]);
    return 0;
}
