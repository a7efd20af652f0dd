/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of com/errorinfo, com/malloc and com/text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#define COBJMACROS
#include "base/utf16.h"
#include "com/errorinfo.h"
#include "objbase.h"

static void expect_sentence(const char *expected)
{
    IErrorInfo *error;
    char *narrow;
    BSTR text;

    assert_int_equal(GetErrorInfo(0, &error), S_OK);
    assert_int_equal(IErrorInfo_GetDescription(error, &text), S_OK);
    assert_int_equal(utf8_from_utf16(text, SysStringLen(text), &narrow), 0);
    assert_string_equal(narrow, expected);
    free(narrow);
    SysFreeString(text);
    assert_int_equal(IErrorInfo_Release(error), 0);
}

static void expect_no_error(void)
{
    IErrorInfo *error = (void *)1;

    assert_int_equal(GetErrorInfo(0, &error), S_FALSE);
    assert_null(error);
}

static void taking_it_clears_it(void **state)
{
    expect_no_error();
    assert_int_equal(com_error(E_ACCESSDENIED, "no %s for %d", "bread", 2), E_ACCESSDENIED);
    expect_sentence("no bread for 2");
    expect_no_error();
}

static void a_later_error_replaces_an_earlier_one(void **state)
{
    (void)com_error(E_FAIL, "first");
    (void)com_error(E_FAIL, "second");
    expect_sentence("second");
    (void)com_error(E_FAIL, "third");
    assert_int_equal(SetErrorInfo(0, NULL), S_OK);
    expect_no_error();
}

static void failures_of_sec_become_hresults(void **state)
{
    SecFailure failure = {.code = RPC_S_SEC_PKG_ERROR, .sentence = "not delegated"};

    assert_int_equal(com_error_from_failure(&failure), (HRESULT)0x80070721u);
    expect_sentence("not delegated");
    failure.code = 0x8009030E;
    assert_int_equal(com_error_from_failure(&failure), SEC_E_NO_CREDENTIALS);
    failure.code = 0;
    assert_int_equal(com_error_from_failure(&failure), E_FAIL);
    assert_int_equal(SetErrorInfo(0, NULL), S_OK);
}

static void long_sentences_are_cut_between_characters(void **state)
{
    char text[2 * SEC_SENTENCE_MAX + 2];

    /* An odd byte first, so that the limit falls into the middle of a two-byte character. */
    text[0] = 'x';
    for (size_t i = 1; i < sizeof(text) - 1; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[sizeof(text) - 1] = 0;
    for (int shift = 0; shift < 2; shift++) {
        IErrorInfo *error;
        BSTR description;

        (void)com_error(E_FAIL, "%s", text + shift);
        assert_int_equal(GetErrorInfo(0, &error), S_OK);
        assert_int_equal(IErrorInfo_GetDescription(error, &description), S_OK);
        assert_in_range(SysStringLen(description), SEC_SENTENCE_MAX / 2 - 2, SEC_SENTENCE_MAX / 2);
        SysFreeString(description);
        IErrorInfo_Release(error);
    }
}

static void *no_error_here(void *data)
{
    expect_no_error();
    (void)com_error(E_FAIL, "of a thread that ends");
    return NULL;
}

static void the_error_is_the_threads(void **state)
{
    pthread_t thread;

    (void)com_error(E_FAIL, "mine");
    assert_int_equal(pthread_create(&thread, NULL, no_error_here, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect_sentence("mine");
}

static void writing_and_reading_all_fields(void **state)
{
    ICreateErrorInfo *create;
    IErrorInfo *info, *same;
    DWORD context;
    BSTR text;
    GUID guid;

    assert_int_equal(CreateErrorInfo(&create), S_OK);
    assert_int_equal(ICreateErrorInfo_SetGUID(create, &IID_IStream), S_OK);
    assert_int_equal(ICreateErrorInfo_SetSource(create, (LPOLESTR)OLESTR("source")), S_OK);
    assert_int_equal(ICreateErrorInfo_SetHelpFile(create, (LPOLESTR)OLESTR("help")), S_OK);
    assert_int_equal(ICreateErrorInfo_SetHelpContext(create, 7), S_OK);
    assert_int_equal(ICreateErrorInfo_QueryInterface(create, &IID_IErrorInfo, (void **)&info), S_OK);
    assert_int_equal(SetErrorInfo(0, info), S_OK);
    assert_int_equal(GetErrorInfo(0, &same), S_OK);
    assert_ptr_equal(same, info);
    assert_int_equal(IErrorInfo_GetGUID(info, &guid), S_OK);
    assert_true(IsEqualGUID(&guid, &IID_IStream));
    assert_int_equal(IErrorInfo_GetSource(info, &text), S_OK);
    assert_memory_equal(text, OLESTR("source"), sizeof(OLESTR("source")));
    SysFreeString(text);
    assert_int_equal(IErrorInfo_GetHelpFile(info, &text), S_OK);
    assert_memory_equal(text, OLESTR("help"), sizeof(OLESTR("help")));
    SysFreeString(text);
    assert_int_equal(IErrorInfo_GetDescription(info, &text), S_OK);
    assert_null(text); /* never set */
    assert_int_equal(IErrorInfo_GetHelpContext(info, &context), S_OK);
    assert_int_equal(context, 7);
    assert_int_equal(IErrorInfo_GetSource(info, NULL), E_POINTER);
    assert_int_equal(IErrorInfo_QueryInterface(info, &IID_IStream, (void **)&text), E_NOINTERFACE);
    IErrorInfo_Release(same);
    IErrorInfo_Release(info);
    assert_int_equal(ICreateErrorInfo_Release(create), 0);
}

static void reserved_parameters_of_error_info(void **state)
{
    IErrorInfo *error;

    assert_int_equal(SetErrorInfo(1, NULL), E_INVALIDARG);
    assert_int_equal(GetErrorInfo(1, &error), E_INVALIDARG);
    assert_int_equal(GetErrorInfo(0, NULL), E_INVALIDARG);
    assert_int_equal(CreateErrorInfo(NULL), E_INVALIDARG);
}

static void guids_and_their_text(void **state)
{
    static const OLECHAR text[] = OLESTR("{0C733A30-2A1C-11CE-ADE5-00AA0044773D}");
    LPOLESTR made;
    OLECHAR room[39];
    GUID guid;

    assert_int_equal(IIDFromString(text, &guid), S_OK);
    assert_true(IsEqualGUID(&guid, &IID_ISequentialStream));
    assert_int_equal(CLSIDFromString(OLESTR("{0c733a30-2a1c-11ce-ade5-00aa0044773d}"), &guid), S_OK);
    assert_true(IsEqualGUID(&guid, &IID_ISequentialStream));
    assert_int_equal(StringFromGUID2(&guid, room, 38), 0);
    assert_int_equal(StringFromGUID2(&guid, room, 39), 39);
    assert_memory_equal(room, text, sizeof(text));
    assert_int_equal(StringFromCLSID(&guid, &made), S_OK);
    assert_memory_equal(made, text, sizeof(text));
    CoTaskMemFree(made);
    assert_int_equal(StringFromIID(&guid, &made), S_OK);
    assert_memory_equal(made, text, sizeof(text));
    CoTaskMemFree(made);
    assert_int_equal(CLSIDFromString(NULL, &guid), S_OK);
    assert_true(IsEqualGUID(&guid, &GUID_NULL));
    assert_int_equal(StringFromCLSID(&guid, NULL), E_INVALIDARG);
}

static void text_that_is_no_guid(void **state)
{
    static const OLECHAR *const bad[] = {
        OLESTR(""),
        OLESTR("{0C733A30-2A1C-11CE-ADE5-00AA0044773D"),
        OLESTR("0C733A30-2A1C-11CE-ADE5-00AA0044773D"),
        OLESTR("{0C733A30-2A1C-11CE-ADE5-00AA0044773D}x"),
        OLESTR("{0C733A30-2A1C-11CE-ADE5-00AA0044773G}"),
        OLESTR("{0C733A30-2A1C-11CE-ADE5-00AA0044773\u0141}"),
        OLESTR("(0C733A30-2A1C-11CE-ADE5-00AA0044773D)"),
        OLESTR("WbemScripting.SWbemLocator"),
    };
    GUID guid;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(CLSIDFromString(bad[i], &guid), CO_E_CLASSSTRING);
        assert_int_equal(IIDFromString(bad[i], &guid), CO_E_IIDSTRING);
    }
    assert_int_equal(CLSIDFromString(bad[0], NULL), E_INVALIDARG);
}

static void new_guids_differ(void **state)
{
    GUID first, second;

    assert_int_equal(CoCreateGuid(&first), S_OK);
    assert_int_equal(CoCreateGuid(&second), S_OK);
    assert_false(IsEqualGUID(&first, &second));
    assert_int_equal(first.Data3 >> 12, 4);
    assert_int_equal(CoCreateGuid(NULL), E_INVALIDARG);
}

static void the_task_allocator_as_an_object(void **state)
{
    IMalloc *task, *same;
    void *block;

    assert_int_equal(CoGetMalloc(0, &task), E_INVALIDARG);
    assert_null(task);
    assert_int_equal(CoGetMalloc(1, &task), S_OK);
    assert_int_equal(IMalloc_QueryInterface(task, &IID_IMalloc, (void **)&same), S_OK);
    assert_ptr_equal(task, same);
    block = IMalloc_Alloc(task, 10);
    assert_non_null(block);
    assert_true(IMalloc_GetSize(task, block) >= 10);
    block = IMalloc_Realloc(task, block, 1000);
    assert_true(IMalloc_GetSize(task, block) >= 1000);
    assert_int_equal(IMalloc_DidAlloc(task, block), -1);
    CoTaskMemFree(block); /* one allocator */
    IMalloc_Free(task, NULL);
    IMalloc_HeapMinimize(task);
    assert_int_equal(IMalloc_GetSize(task, NULL), (SIZE_T)-1);
    IMalloc_Release(task);
    IMalloc_Release(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taking_it_clears_it),
        cmocka_unit_test(a_later_error_replaces_an_earlier_one),
        cmocka_unit_test(failures_of_sec_become_hresults),
        cmocka_unit_test(long_sentences_are_cut_between_characters),
        cmocka_unit_test(the_error_is_the_threads),
        cmocka_unit_test(writing_and_reading_all_fields),
        cmocka_unit_test(reserved_parameters_of_error_info),
        cmocka_unit_test(guids_and_their_text),
        cmocka_unit_test(text_that_is_no_guid),
        cmocka_unit_test(new_guids_differ),
        cmocka_unit_test(the_task_allocator_as_an_object),
    };

    return cmocka_run_group_tests_name("errorinfo", tests, NULL, NULL);
}
