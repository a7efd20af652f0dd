/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from Windows 10: what its stubs wrote is read, and written again byte for byte, requests and replies.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#define COBJMACROS
#include "ndr/testing.h"
#include "wbemlogin.h"

#define ORPCTHIS_SIZE 32u /* before a request's body, without extensions */
#define ORPCTHAT_SIZE 8u

/* What the object below was called with, and what it answers. */
static struct {
    WCHAR text[2][128];
    DWORD number;
    FILETIME started;
    IUnknown *services;
} seen;

static void text_keep(WCHAR *kept, LPCWSTR text)
{
    size_t i = 0;
    for (; text && text[i] && i < 127; i++)
        kept[i] = text[i];
    kept[i] = 0;
}

static HRESULT query(void *This, REFIID iid, void **ret_object)
{
    return E_NOINTERFACE;
}
static ULONG count(void *This)
{
    return 1;
}
#define UNKNOWN (void *)query, (void *)count, (void *)count

static HRESULT establish(IWbemLevel1Login *This, LPWSTR reserved1, DWORD reserved2, DWORD *version)
{
    assert_null(reserved1);
    assert_int_equal(reserved2, 0);
    *version = 1;
    return S_OK;
}
static HRESULT challenge(IWbemLevel1Login *This, LPWSTR a, LPWSTR b, unsigned char *nonce)
{
    memset(nonce, 7, 16);
    return S_OK;
}
static HRESULT wbem_login(IWbemLevel1Login *This, LPWSTR a, unsigned char *token, LONG flags,
                          IWbemContext *context, IWbemServices **ret)
{
    return token ? token[15] : 3;
}
static HRESULT ntlm_login(IWbemLevel1Login *This, LPWSTR resource, LPWSTR locale, LONG flags,
                          IWbemContext *context, IWbemServices **ret)
{
    text_keep(seen.text[0], resource);
    text_keep(seen.text[1], locale);
    assert_int_equal(flags, 0);
    assert_null(context);
    *ret = (IWbemServices *)seen.services;
    if (seen.services) seen.services->lpVtbl->AddRef(seen.services);
    return S_OK;
}
static HRESULT set_client(IWbemLoginClientID *This, LPWSTR machine, LONG process, LONG reserved)
{
    text_keep(seen.text[0], machine);
    seen.number = (DWORD)process;
    assert_int_equal(reserved, 0);
    return S_OK;
}
static HRESULT set_client_ex(IWbemLoginClientIDEx *This, LPWSTR machine, LPWSTR full, LONG process,
                             FILETIME started, LONG reserved)
{
    text_keep(seen.text[0], machine);
    text_keep(seen.text[1], full);
    seen.number = (DWORD)process;
    seen.started = started;
    assert_int_equal(reserved, 0);
    return S_OK;
}
static IWbemLevel1LoginVtbl login_vtable = {UNKNOWN, establish, challenge, wbem_login, ntlm_login};
static IWbemLevel1Login login_object = {&login_vtable};
static IWbemLoginClientIDVtbl client_vtable = {UNKNOWN, set_client};
static IWbemLoginClientID client_object = {&client_vtable};
static IWbemLoginClientIDExVtbl client_ex_vtable = {UNKNOWN, set_client_ex};
static IWbemLoginClientIDEx client_ex_object = {&client_ex_vtable};

/* A stub of a capture, without the ORPC header in front. */
typedef struct Stub {
    uint8_t data[4096];
    size_t length;
} Stub;

static void stub_read(Stub *stub, const char *capture, const char *call, size_t header)
{
    char path[512];
    uint8_t head[ORPCTHIS_SIZE];
    snprintf(path, sizeof(path), VECTORS "/rpc/stubs/%s__%s_1.bin", capture, call);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is missing", path);
    assert_int_equal(fread(head, 1, header, file), header);
    stub->length = fread(stub->data, 1, sizeof(stub->data), file);
    fclose(file);
}

/* The captured request reaches the object and gets exactly the captured reply. */
static void served(TestProxy *test, unsigned method, const Stub *request, const Stub *reply)
{
    writer_reset(&test->reply);
    assert_int_equal(test_serve(test->proxy.iface, test->object, method, request->data, request->length,
                                &test->arena, &test->reply),
                     0);
    if (!reply) return;
    assert_int_equal(test->reply.length, reply->length);
    assert_memory_equal(test->reply.data, reply->data, reply->length);
}

/* The proxy's next call gets the captured reply. */
static void answer(TestProxy *test, const Stub *reply)
{
    test_proxy_start(test, TEST_REPLAY);
    TestMessage *message = &test->message[0];
    free(message->reply);
    message->reply = malloc(reply->length);
    assert_non_null(message->reply);
    memcpy(message->reply, reply->data, message->reply_length = reply->length);
    test->messages = 1;
}

/* What the proxy's last call sent is the captured request. */
static void sent(TestProxy *test, const Stub *request)
{
    assert_int_equal(test->request.length, request->length);
    assert_memory_equal(test->request.data, request->data, request->length);
}

static void establish_position(const char *capture)
{
    TestProxy test;
    Stub request, reply;
    DWORD version = 0;
    test_proxy_init(&test, &IID_IWbemLevel1Login, &login_object);
    stub_read(&request, capture, "IWbemLevel1Login_op3_in", ORPCTHIS_SIZE);
    stub_read(&reply, capture, "IWbemLevel1Login_op3_out", ORPCTHAT_SIZE);
    served(&test, 3, &request, &reply);
    answer(&test, &reply);
    assert_int_equal(IWbemLevel1Login_EstablishPosition((IWbemLevel1Login *)&test, NULL, 0, &version), S_OK);
    assert_int_equal(version, 1);
    sent(&test, &request);
    test_proxy_deinit(&test);
}

static void login(const char *capture)
{
    TestProxy test;
    Stub request, reply;
    IWbemServices *services = NULL;
    test_proxy_init(&test, &IID_IWbemLevel1Login, &login_object);
    stub_read(&request, capture, "IWbemLevel1Login_op6_in", ORPCTHIS_SIZE);
    stub_read(&reply, capture, "IWbemLevel1Login_op6_out", ORPCTHAT_SIZE);
    served(&test, 6, &request, NULL);
    answer(&test, &reply);
    assert_int_equal(
        IWbemLevel1Login_NTLMLogin((IWbemLevel1Login *)&test, seen.text[0], seen.text[1], 0, NULL, &services),
        S_OK);
    assert_non_null(services);
    assert_memory_equal(test_object_iid(services), &IID_IWbemServices, sizeof(IID));
    sent(&test, &request);
    seen.services = (IUnknown *)services;
    served(&test, 6, &request, &reply);
    seen.services->lpVtbl->Release(seen.services);
    seen.services = NULL;
    assert_int_equal(test_objects, 0);
    test_proxy_deinit(&test);
}

static void client_info(const char *capture)
{
    TestProxy test;
    Stub request, reply;
    test_proxy_init(&test, &IID_IWbemLoginClientID, &client_object);
    stub_read(&request, capture, "IWbemLoginClientID_op3_in", ORPCTHIS_SIZE);
    stub_read(&reply, capture, "IWbemLoginClientID_op3_out", ORPCTHAT_SIZE);
    served(&test, 3, &request, &reply);
    assert_memory_equal(seen.text[0], u"WORKSTATION5", 26);
    answer(&test, &reply);
    assert_int_equal(
        IWbemLoginClientID_SetClientInfo((IWbemLoginClientID *)&test, seen.text[0], (LONG)seen.number, 0),
        S_OK);
    sent(&test, &request);
    test_proxy_deinit(&test);
}

static void client_info_ex(const char *capture)
{
    TestProxy test;
    Stub request, reply;
    test_proxy_init(&test, &IID_IWbemLoginClientIDEx, &client_ex_object);
    stub_read(&request, capture, "IWbemLoginClientIDEx_op3_in", ORPCTHIS_SIZE);
    stub_read(&reply, capture, "IWbemLoginClientIDEx_op3_out", ORPCTHAT_SIZE);
    served(&test, 3, &request, &reply);
    answer(&test, &reply);
    assert_int_equal(IWbemLoginClientIDEx_SetClientInfoEx((IWbemLoginClientIDEx *)&test, seen.text[0],
                                                          seen.text[1], (LONG)seen.number, seen.started, 0),
                     S_OK);
    sent(&test, &request);
    test_proxy_deinit(&test);
}

static const char *const captures[] = {"win10-create", "win10-execmethod"};

static void each_capture(void (*check)(const char *capture))
{
    for (size_t i = 0; i < ARRAY_SIZE(captures); i++)
        check(captures[i]);
}
static void test_establish_position(void **state)
{
    each_capture(establish_position);
}
static void test_login(void **state)
{
    each_capture(login);
}
static void test_client_info(void **state)
{
    each_capture(client_info);
}
static void test_client_info_ex(void **state)
{
    each_capture(client_info_ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_establish_position),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_client_info),
        cmocka_unit_test(test_client_info_ex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
